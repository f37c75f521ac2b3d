// The straight line through the ends of a series, taken off before its DFT (SPT_DETREND_ENDS of spectrain/probe.h).
#ifndef SPT_KERNELS_ENDS_CUH
#define SPT_KERNELS_ENDS_CUH

#include <cuda_runtime.h>
#include <stddef.h>

/** Of the series of n networks, each less its last sample, the line from the first sample to the last. output: device;
 *  network i's n_series series of `samples` >= 2 samples at i * network_floats. The last samples stay as they are. */
cudaError_t spt_ends_take_off(float *output, size_t network_floats, size_t n, size_t n_series, size_t samples,
                              cudaStream_t stream);

#endif
