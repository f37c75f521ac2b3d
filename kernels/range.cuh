// Named stretches of the backend's work, as a profiler shows them: NVTX ranges (Nsight Systems, ncu --nvtx). NVTX is a
// header; without it, and on the emulated device, a range is nothing.
//
//   spt_range range("training");        until the end of the scope
//
// A range covers what the host does: launches, waits. Without a profiler it costs a call of a function that returns.
#ifndef SPT_KERNELS_RANGE_CUH
#define SPT_KERNELS_RANGE_CUH

#if !defined(SPT_EMULATED) && __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>

struct spt_range {
    explicit spt_range(const char *name) { nvtxRangePushA(name); }
    spt_range(const spt_range &) = delete;
    ~spt_range() { nvtxRangePop(); }
};

#else

struct spt_range {
    explicit spt_range(const char *) {}
    spt_range(const spt_range &) = delete;
    ~spt_range() {}
};

#endif
#endif
