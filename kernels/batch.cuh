// What a step starts from: the order of its epoch, the rows of its batch, and which runs take part. Twin of
// host/cpu/batch.h, for all seeds of a group at once.
#ifndef SPT_KERNELS_BATCH_CUH
#define SPT_KERNELS_BATCH_CUH

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include "optimizer.cuh"

enum {
    SPT_SORT_TILE = 4096, // keys that a block sorts in shared memory
    SPT_SORT_SEEDS = 32   // seeds whose keys are in memory at a time
};

/** Keys (uint64_t) that sorting n examples of n_seeds seeds needs: two buffers, none when one block sorts a seed. */
size_t spt_permutation_keys(size_t n, size_t n_seeds);

/** Permutations of 0 .. n - 1 for an epoch, equal to spt_random_permutation(seed, BATCH_ORDER, epoch): permutation
 *  (n_seeds, n), seeds and keys in device memory. */
cudaError_t spt_permutation_make(const uint32_t *seeds, size_t n_seeds, uint64_t epoch, size_t n, uint64_t *keys,
                                 uint32_t *permutation, cudaStream_t stream);

// A split's examples and a batch's, all device memory. Labels or targets are there, the other is NULL.
typedef struct spt_examples {
    float *x; // (n, stride)
    int32_t *label;
    float *target; // (n, outputs)
} spt_examples;

typedef struct spt_gather {
    spt_examples from, to;       // to: (seeds, size) examples
    const uint32_t *permutation; // (seeds, n)
    const uint64_t *step;        // device; the step that is being taken
    size_t n, size;              // examples of the split, of a full batch
    uint32_t stride, outputs;    // of x, a multiple of 4; of target
} spt_gather;

/** The batch of the current step, `rows` of them, for every seed. Of a short batch the rows past its last stay as they
 *  are: who times steps takes full ones wherever the epoch stands. */
cudaError_t spt_batch_gather(const spt_gather *gather, size_t n_seeds, size_t rows, cudaStream_t stream);

/** Before the first of some steps: which runs take part, those whose counter is at `first` and that have not diverged,
 *  and the constants of their step. */
cudaError_t spt_step_begin(const spt_device_optimizer *optimizers, size_t n_runs, uint64_t first, uint64_t *step,
                           spt_run_step *run_step, cudaStream_t stream);
/** After a step: counters go on, or tell the divergence; constants of the next step. */
cudaError_t spt_step_end(const spt_device_optimizer *optimizers, size_t n_runs, uint64_t *step, spt_run_step *run_step,
                         cudaStream_t stream);
/** Counters of all runs side by side. */
cudaError_t spt_counters_collect(const spt_device_optimizer *optimizers, size_t n_runs, spt_run_counters *counters,
                                 cudaStream_t stream);

#endif
