// Random words on the device: cuRAND's Philox 4x32-10, the same words as spt_random (spectrain/rng.h) gives.
#ifndef SPT_KERNELS_RANDOM_CUH
#define SPT_KERNELS_RANDOM_CUH

#include <curand_kernel.h>
#include <stdint.h>

#include "spectrain/rng.h"

static __device__ __forceinline__ uint4 spt_device_random(uint32_t seed, spt_stream stream, uint64_t substream,
                                                          uint64_t index) {
    curandStatePhilox4_32_10_t state;
    curand_init((unsigned long long)stream << 32 | seed, substream, 4 * index, &state);
    return curand4(&state);
}

#endif
