// Stand-in for cuRAND's device side: Philox 4x32-10 by the library's own (spectrain/rng.h), whose words are cuRAND's.
#ifndef SPT_EMULATED_CURAND_KERNEL_H
#define SPT_EMULATED_CURAND_KERNEL_H

#include "cuda_runtime.h"
#include "spectrain/rng.h"

struct curandStatePhilox4_32_10_t {
    unsigned long long seed, subsequence, position; // position: numbers drawn, 32 bits each
};

inline void curand_init(unsigned long long seed, unsigned long long subsequence, unsigned long long offset,
                        curandStatePhilox4_32_10_t *state) {
    *state = {seed, subsequence, offset};
}
inline unsigned curand(curandStatePhilox4_32_10_t *state) {
    unsigned long long position = state->position++;
    return spt_random((uint32_t)state->seed, (spt_stream)(state->seed >> 32), state->subsequence, position / 4)
        .word[position % 4];
}
inline uint4 curand4(curandStatePhilox4_32_10_t *state) {
    unsigned x = curand(state), y = curand(state), z = curand(state);
    return {x, y, z, curand(state)};
}
/** In (0, 1]. */
inline float curand_uniform(curandStatePhilox4_32_10_t *state) {
    return (float)curand(state) * 0x1p-32f + 0x1p-33f;
}
inline float4 curand_uniform4(curandStatePhilox4_32_10_t *state) {
    float x = curand_uniform(state), y = curand_uniform(state), z = curand_uniform(state);
    return {x, y, z, curand_uniform(state)};
}

#endif
