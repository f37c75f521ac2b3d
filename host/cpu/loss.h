/* Losses, fused with their gradients: logits are turned into the gradient in place, and the loss summed in float64.
 *
 *   cross_entropy  -log softmax(z)[label]               mean over examples
 *   mse            (z - target)^2                       mean over examples and outputs
 *   bce            log(1 + exp(z)) - z target           mean over examples and outputs
 *
 * Class labels become one-hot targets for mse and bce; with one output and two classes the target is the label for bce,
 * and -1 or +1 for mse. */
#ifndef SPT_HOST_CPU_LOSS_H
#define SPT_HOST_CPU_LOSS_H

#include <stdint.h>

#include "cpu/real.h"
#include "spectrain/model.h"

/** What a batch is compared with: one of the two, row by row as the logits. Borrowed. */
typedef struct spt_targets {
    const int32_t *label; /* (rows) */
    const float *target;  /* (rows, outputs) */
} spt_targets;

enum { SPT_LOSS_ROWS = 128 }; /* rows of one call: the grain of the loss's summation order */

/** output (rows, outputs), rows <= SPT_LOSS_ROWS: logits in, d(mean loss)/d(logits) out, for a mean over a batch of
 * `batch` examples. Returns the sum of the rows' losses (bce and mse: over outputs too), in row order, not yet a mean.
 */
double spt_loss_rows(spt_loss loss, size_t outputs, spt_targets targets, size_t rows, size_t batch, spt_real *output);

/** One row's logits (outputs) into the gradient of its loss as if the class that the network predicts were its label
 *  (with one output: class 1 above 0), scaled to components of order 1. The gradient of a network that is sure of its
 *  class is tiny, but has a direction: nothing is rounded to 0 on the way. Zeros where there is none: a target that is
 *  reached, one class alone, logits that are not finite. */
void spt_loss_at_prediction(spt_loss loss, size_t outputs, spt_real *z);

/** The number that turns the sum over a batch into its mean. */
double spt_loss_mean_factor(spt_loss loss, size_t outputs, size_t batch);

/** The targets from row `first` on. */
spt_targets spt_targets_from(spt_targets targets, size_t outputs, size_t first);

/** Labels or targets as this loss wants them for one number: the target of output j of a row. */
static inline double spt_target_at(spt_loss loss, size_t outputs, spt_targets targets, size_t row, size_t j) {
    if (targets.label == NULL)
        return (double)targets.target[row * outputs + j];
    if (outputs > 1)
        return targets.label[row] == (int32_t)j ? 1.0 : 0.0;
    return loss == SPT_LOSS_MSE ? 2.0 * targets.label[row] - 1.0 : (double)targets.label[row];
}

#endif
