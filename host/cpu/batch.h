/* Batches: which examples a step sees, and their rows side by side. */
#ifndef SPT_HOST_CPU_BATCH_H
#define SPT_HOST_CPU_BATCH_H

#include <stdbool.h>

#include "cpu/network.h"
#include "spectrain/dataset.h"

/** The order of one epoch and the gathered rows of one batch. The arrays are the caller's, shared by a team; each
 *  member has its own copy of the struct, so that all know which epoch the permutation is for. */
typedef struct spt_batcher {
    const spt_split *split;
    size_t inputs, outputs;
    size_t size;           /* examples a step; the whole split when 0 or more than there are */
    spt_real *x;           /* (size, inputs) */
    int32_t *label;        /* (size) */
    float *target;         /* (size, outputs) */
    uint32_t *permutation; /* (n) */
    uint64_t *scratch;     /* (2 n) for sorting */
    bool ordered;          /* permutation is that of (seed, epoch) */
    uint32_t seed;
    uint64_t epoch;
} spt_batcher;

/** Whether every step sees all examples, in natural order, where they lie. */
static inline bool spt_batcher_full(const spt_batcher *b) {
    return b->size == 0 || b->size >= b->split->n;
}

/** The batch of step `step` of a run with this seed: epoch = step / steps per epoch, its permutation from stream
 *  BATCH_ORDER. The last of an epoch may be short. All members call it and get the same; ends with a barrier. */
spt_batch spt_batcher_take(spt_member *member, spt_batcher *batcher, uint32_t seed, uint64_t step);

#endif
