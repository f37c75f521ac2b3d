// What the kernels' tests (tests/emulated) say to the device, where that is a real one. Order of threads and first
// contents of memory are what they are: work is repeated, on memory that was filled with something else before. Faults
// cannot be planted: a test that wants one is skipped there, and says so.
//
// A program that includes this and finds no device ends with 77 before its first test.
#ifndef SPT_EMULATED_CONTROL_H
#define SPT_EMULATED_CONTROL_H

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

namespace spt_emulated {

/** With SPECTRAIN_GPU_REQUIRED=1 a missing device is a failure. */
inline bool find_device() {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaSuccess && count > 0)
        return true;
    printf("SKIPPED: no CUDA device (%s)\n", error != cudaSuccess ? cudaGetErrorString(error) : "none found");
    const char *required = getenv("SPECTRAIN_GPU_REQUIRED");
    exit(required != nullptr && strcmp(required, "1") == 0 ? 1 : 77);
}
inline const bool device_is_there = find_device();

enum call { ANY_CALL, ALLOCATION, COPY, LAUNCH, SYNCHRONIZATION, CREATION, LIBRARY, CALLS };
inline void let_fail(call, unsigned, cudaError_t, bool = false) {
    skip();
}
inline void heal() {}
/** Not counted here. */
inline size_t live_objects() {
    return 0;
}

/** Fill memory that the next allocations are likely to get. */
inline void spoil_memory(unsigned pattern) {
    const size_t BYTES = (size_t)64 << 20;
    void *memory[4] = {};
    for (void *&m : memory)
        if (cudaMalloc(&m, BYTES) == cudaSuccess)
            (void)cudaMemset(m, pattern % 3 == 0 ? 0xff : pattern % 3 == 1 ? 0x3f : 0x00, BYTES);
    (void)cudaDeviceSynchronize();
    for (void *m : memory)
        (void)cudaFree(m);
    (void)cudaGetLastError();
}

/** Whether body(out), which leaves `bytes` of results in out, leaves the same bits each of seeds * patterns times. */
template <typename F>
bool bits_agree(unsigned seeds, unsigned patterns, size_t bytes, F body) {
    std::vector<unsigned char> first(bytes), other(bytes);
    for (unsigned i = 0; i < seeds * patterns; i++) {
        std::vector<unsigned char> &out = i == 0 ? first : other;
        spoil_memory(i);
        memset(out.data(), 0, bytes);
        body((void *)out.data());
        size_t at = 0;
        while (i > 0 && at < bytes && first[at] == other[at])
            at++;
        if (i > 0 && at < bytes) {
            fprintf(stderr, "results differ from byte %zu on, the %uth time\n", at, i + 1);
            return false;
        }
    }
    return true;
}

/** Streams work in an order of their own here: the same, `times` times. */
template <typename F>
bool bits_agree_under_delays(unsigned times, size_t bytes, F body) {
    return bits_agree(1, times, bytes, body);
}

} // namespace spt_emulated
#endif
