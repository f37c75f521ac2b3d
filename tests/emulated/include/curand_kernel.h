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
inline uint4 curand4(curandStatePhilox4_32_10_t *state) {
    unsigned word[4];
    for (unsigned long long i = 0; i < 4; i++, state->position++)
        word[i] =
            spt_random((uint32_t)state->seed, (spt_stream)(state->seed >> 32), state->subsequence, state->position / 4)
                .word[state->position % 4];
    return {word[0], word[1], word[2], word[3]};
}

#endif
