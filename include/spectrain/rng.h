/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11).
 *
 * Keyed by (seed, stream), counter = (index, substream). There is no generator state: any number can be had at any
 * time, on any thread, on any backend. The words equal cuRAND's: after curand_init(((uint64_t)stream << 32) | seed,
 * substream, 4 * index, &state) curand4(&state) gives the four words of spt_random(seed, stream, substream, index). */
#ifndef SPECTRAIN_RNG_H
#define SPECTRAIN_RNG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a random number is for. Values are part of the promise that a seed gives the same bits: never renumber. */
typedef enum spt_stream {
    SPT_STREAM_INIT = 1,            /* initial weights;    substream = 2 layer (weight), 2 layer + 1 (bias) */
    SPT_STREAM_BATCH_ORDER = 2,     /* permutations;       substream = epoch */
    SPT_STREAM_LABEL_NOISE = 3,     /* noisy labels;       substream = which step of the noise */
    SPT_STREAM_DATA = 4,            /* generated examples; substream = example or purpose */
    SPT_STREAM_PROBE_DIRECTION = 5, /* probe directions;   substream = purpose */
    SPT_STREAM_PERTURBATION = 6     /* parameter noise;    substream = direction */
} spt_stream;

typedef struct spt_random_words {
    uint32_t word[4];
} spt_random_words;

/** Philox 4x32-10 of key (seed, stream) and counter (index low, index high, substream low, substream high). */
spt_random_words spt_random(uint32_t seed, spt_stream stream, uint64_t substream, uint64_t index);

/** A double in [0, 1): 53 bits out of words 0 and 1 (or 2 and 3 when half is 1). Exact, so equal on every machine. */
double spt_random_unit(spt_random_words words, int half);

/** count doubles uniform in [0, 1), numbers first.. of the substream: two numbers an index. out is the caller's. */
void spt_random_uniform(uint32_t seed, spt_stream stream, uint64_t substream, uint64_t first, size_t count,
                        double *out);

/** count normal doubles N(0, 1), numbers first.. of the substream: Box-Muller in float64, two numbers an index. The
 *  last bits depend on the C library's log, sin and cos. out is the caller's. */
void spt_random_normal(uint32_t seed, spt_stream stream, uint64_t substream, uint64_t first, size_t count, double *out);

/** A permutation of 0..n-1 into permutation (n): i sorted by (word i % 4 of index i / 4, i). Every backend makes the
 * same one, because a sort has one answer. n < 2^32. scratch: 2 n uint64_t, the caller's. */
void spt_random_permutation(uint32_t seed, spt_stream stream, uint64_t substream, size_t n, uint32_t *permutation,
                            uint64_t *scratch);

#ifdef __cplusplus
}
#endif
#endif
