// Losses of all runs of a group, fused with their gradients, and the verdict on each example. Twin of host/cpu/loss.h
// and of count_wrong in host/cpu/evaluate.c.
#ifndef SPT_KERNELS_LOSS_CUH
#define SPT_KERNELS_LOSS_CUH

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include "optimizer.cuh"
#include "spectrain/model.h"

enum { SPT_LOSS_BLOCK_ROWS = 32 }; // rows of a block: the grain of the loss's summation order

// Logits of one run and what they are compared with, row by row. Either label or target is set.
typedef struct spt_loss_problem {
    float *output;        // (rows, stride)
    const int32_t *label; // (rows)
    const float *target;  // (rows, outputs)
    uint32_t run;         // in the group's steps, and in what an evaluation leaves
} spt_loss_problem;

typedef struct spt_loss_batch {
    spt_loss loss;
    uint32_t outputs, stride;
    uint32_t rows; // of this batch or part of a split
    double factor; // that turns the sum into the mean
} spt_loss_batch;

/** The number that turns the sum over a batch into its mean. */
static inline double spt_loss_mean_factor(spt_loss loss, size_t outputs, size_t rows) {
    return 1.0 / ((double)rows * (loss == SPT_LOSS_CROSS_ENTROPY ? 1.0 : (double)outputs));
}

/** d(mean loss)/d(logits) in place of the logits, for all runs that take part in the step. A run with a row whose loss
 * is not finite is marked as diverged. */
cudaError_t spt_loss_gradient(const spt_loss_problem *problems, size_t n_problems, const spt_loss_batch *batch,
                              spt_run_step *step, cudaStream_t stream);

// How an example's class is told from its outputs, where there is one.
typedef enum spt_verdict {
    SPT_VERDICT_ARGMAX,    // labels: the largest logit, first of equals
    SPT_VERDICT_SIGN,      // one output, two classes: class 1 when above 0
    SPT_VERDICT_THRESHOLD, // one output, bce: target > 1/2
    SPT_VERDICT_SIGNS,     // one output, mse: targets -1 and +1
    SPT_VERDICT_NONE
} spt_verdict;

typedef struct spt_score {
    double loss;  // sum, not yet a mean
    double wrong; // examples
} spt_score;

// Where an evaluation of part of a split leaves what it finds; "runs" are the problems, in their order.
typedef struct spt_score_batch {
    spt_verdict verdict;
    uint32_t first_row;        // of the part: problems tell labels and targets of the whole split
    const int32_t *label_true; // of the whole split, or NULL: as label
    const float *target_true;
    uint8_t *correct; // (runs, examples), or NULL: not wanted
    size_t examples;  // of the split
    spt_score *part;  // (runs, parts)
    size_t parts;     // blocks of SPT_LOSS_BLOCK_ROWS in the split
} spt_score_batch;

/** Losses, errors and flags of a part of a split. */
cudaError_t spt_loss_score(const spt_loss_problem *problems, size_t n_problems, const spt_loss_batch *batch,
                           const spt_score_batch *score, cudaStream_t stream);

/** Sum of the parts of every run, in a fixed order: part (runs, parts) into sum (runs). */
cudaError_t spt_loss_sum(const spt_score *part, size_t parts, size_t n_runs, spt_score *sum, cudaStream_t stream);

// Logits of some runs, to become slopes.
typedef struct spt_loss_slopes {
    spt_loss loss;
    uint32_t outputs, rows;
    float *output;       // (rows, outputs) of the first run
    uint64_t run_floats; // from run to run
} spt_loss_slopes;

/** Each row's logits into the gradient of its loss as if the class that the network predicts were its label (with one
 *  output: class 1 above 0), scaled to components of order 1; zeros where there is none. Twin of spt_loss_at_prediction
 *  in host/cpu/loss.h, which says more. */
cudaError_t spt_loss_at_prediction(const spt_loss_slopes *slopes, size_t n_runs, cudaStream_t stream);

#endif
