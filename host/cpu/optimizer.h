/* Optimizers as PyTorch defines them, in the order of operations of its single-tensor CPU code:
 *
 *   sgd    g += wd w;  v <- mu v + g;  w <- w - lr v           (v = g without momentum)
 *   adam   g += wd w;  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
 *          w <- w - lr / (1 - b1^t)  m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 *   adamw  w <- (1 - lr wd) w first, then as adam without wd
 *
 * Bias corrections in float64 from t, the rest element by element in spt_real: cutting changes nothing. */
#ifndef SPT_HOST_CPU_OPTIMIZER_H
#define SPT_HOST_CPU_OPTIMIZER_H

#include <stdint.h>

#include "cpu/real.h"
#include "cpu/team.h"
#include "spectrain/model.h"

/** Update a block of `count` parameters from `gradient`; `step` counts the updates before this one. moment: (moments,
 *  count) as arena.moments says. Gaps stay zero when the gradient's are. The calling member's part only, no barrier. */
void spt_optimizer_update(const spt_member *member, const spt_optimizer *optimizer, uint64_t step, size_t count,
                          const spt_real *gradient, spt_real *parameters, spt_real *moment);

#endif
