// Series less the straight line from their first sample to their last. Twin of take_samples in host/cpu/spectra.c.
//
// Map:    a warp a series, a lane every 32nd sample.
// Shared: none.
// Bound:  memory: 8 bytes a sample, 4 FLOP.
//
// In float64, rounded once: the first sample becomes 0, and what is left of a straight line is as small as its
// rounding.
#include "ends.cuh"

#include <stdint.h>

#include "launch.cuh"

enum { THREADS = 128, WARPS = THREADS / 32 };

static __global__ void __launch_bounds__(THREADS)
    ends_take_off(float *output, uint64_t network_floats, uint64_t n, uint32_t n_series, uint32_t samples) {
    const uint64_t i = (uint64_t)blockIdx.x * WARPS + threadIdx.x / 32;
    if (i >= n)
        return;
    float *const f = output + i / n_series * network_floats + i % n_series * samples;
    const uint32_t length = samples - 1;
    const double first = f[0], slope = ((double)f[length] - first) / length;
    __syncwarp(); // all have read the first sample
    for (uint32_t s = threadIdx.x % 32; s < length; s += 32)
        f[s] = (float)(f[s] - (first + slope * s));
}

cudaError_t spt_ends_take_off(float *output, size_t network_floats, size_t n, size_t n_series, size_t samples,
                              cudaStream_t stream) {
    return spt_launch(ends_take_off, spt_blocks(n * n_series, WARPS), THREADS, 0, stream, output,
                      (uint64_t)network_floats, (uint64_t)(n * n_series), (uint32_t)n_series, (uint32_t)samples);
}
