#include "cpu/loss.h"

#include <math.h>
#include <stdbool.h>

#include "cpu/exponential.h"

double spt_loss_mean_factor(spt_loss loss, size_t outputs, size_t batch) {
    return 1.0 / ((double)batch * (loss == SPT_LOSS_CROSS_ENTROPY ? 1.0 : (double)outputs));
}

spt_targets spt_targets_from(spt_targets t, size_t outputs, size_t first) {
    return (spt_targets){.label = t.label == NULL ? NULL : t.label + first,
                         .target = t.target == NULL ? NULL : t.target + first * outputs};
}

enum { LOGS = 8 }; /* logarithms taken at a time, of a product: a fifth of the loss's time otherwise */

/* Loss of a row: log(sum_j exp(z_j - m)) - (z_label - m) with m the largest logit, so that nothing overflows. A NaN
 * among the logits ends up in the sum, +inf as inf - inf. */
static double cross_entropy(size_t outputs, const int32_t *restrict label, size_t rows, double factor,
                            spt_real *restrict z) {
    spt_real at_label[SPT_LOSS_ROWS];
    for (size_t r = 0; r < rows; r++) {
        spt_real *row = z + r * outputs, largest = row[0];
        for (size_t j = 1; j < outputs; j++)
            largest = row[j] > largest ? row[j] : largest;
        for (size_t j = 0; j < outputs; j++)
            row[j] -= largest;
        at_label[r] = row[label[r]];
    }
    for (size_t i = 0; i < rows * outputs; i++)
        z[i] = spt_exp_nonpositive(z[i]);
    double loss = 0.0, product = 1.0;
    for (size_t r = 0; r < rows; r++) {
        spt_real *row = z + r * outputs, sum = 0;
        for (size_t j = 0; j < outputs; j++)
            sum += row[j];
        loss -= (double)at_label[r];
        product *= (double)sum; /* 1 <= sum <= outputs <= 2^24 */
        if (r % LOGS == LOGS - 1 || r == rows - 1) {
            loss += log(product);
            product = 1.0;
        }
        spt_real scale = (spt_real)(factor / (double)sum);
        for (size_t j = 0; j < outputs; j++)
            row[j] *= scale;
        row[label[r]] -= (spt_real)factor;
    }
    return loss;
}

static double mean_squared_error(size_t outputs, spt_targets targets, size_t rows, double factor,
                                 spt_real *restrict z) {
    double loss = 0.0;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < outputs; j++) {
            spt_real *at = z + r * outputs + j;
            spt_real difference = *at - (spt_real)spt_target_at(SPT_LOSS_MSE, outputs, targets, r, j);
            loss += (double)difference * (double)difference;
            *at = (spt_real)(2.0 * factor) * difference;
        }
    return loss;
}

/* max(z, 0) - z t + log(1 + exp(-|z|)), and sigmoid(z) - t. */
static double binary_cross_entropy(size_t outputs, spt_targets targets, size_t rows, double factor,
                                   spt_real *restrict z) {
    double loss = 0.0;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < outputs; j++) {
            spt_real *at = z + r * outputs + j;
            spt_real logit = *at, t = (spt_real)spt_target_at(SPT_LOSS_BCE, outputs, targets, r, j);
            spt_real e = spt_exp_nonpositive(logit > 0 ? -logit : logit);
            double above = logit < 0 ? 0.0 : (double)logit;
            loss += above - (double)logit * (double)t + log1p((double)e);
            spt_real sigmoid = (logit < 0 ? e : 1) / (1 + e);
            *at = (spt_real)factor * (sigmoid - t);
        }
    return loss;
}

double spt_loss_rows(spt_loss loss, size_t outputs, spt_targets targets, size_t rows, size_t batch, spt_real *output) {
    double factor = spt_loss_mean_factor(loss, outputs, batch);
    switch (loss) {
    case SPT_LOSS_CROSS_ENTROPY:
        return cross_entropy(outputs, targets.label, rows, factor, output);
    case SPT_LOSS_MSE:
        return mean_squared_error(outputs, targets, rows, factor, output);
    case SPT_LOSS_BCE:
        return binary_cross_entropy(outputs, targets, rows, factor, output);
    }
    return NAN;
}

static size_t predicted_class(size_t outputs, const spt_real *z) {
    size_t best = 0;
    for (size_t j = 1; j < outputs; j++)
        if (z[j] > z[best])
            best = j;
    return best;
}

/* log(1 + exp(z)) */
static double softplus(double z) {
    return (z > 0.0 ? z : 0.0) + log1p(exp(-fabs(z)));
}

/* Logarithm of the size of d loss / d z_j for one of the classes, up to a term that is the same for all: of exp(z_j),
 * and of 1 / (1 + exp(z_j)) for the predicted class, else 1 / (1 + exp(-z_j)). */
static double log_slope(spt_loss loss, bool predicted, double z) {
    return loss == SPT_LOSS_CROSS_ENTROPY ? z : -softplus(predicted ? z : -z);
}

void spt_loss_at_prediction(spt_loss loss, size_t outputs, spt_real *z) {
    const size_t best = outputs > 1 ? predicted_class(outputs, z) : z[0] > 0 ? 0 : 1;
    const double other = loss == SPT_LOSS_MSE && outputs == 1 ? -1.0 : 0.0; /* target of the other classes */
    double largest = loss == SPT_LOSS_MSE ? 0.0 : -INFINITY, sum = 0.0;
    for (size_t j = 0; j < outputs; j++) {
        if (loss == SPT_LOSS_MSE)
            largest = fmax(largest, fabs((double)z[j] - (j == best ? 1.0 : other)));
        else if (loss == SPT_LOSS_BCE || j != best)
            largest = fmax(largest, log_slope(loss, j == best, (double)z[j]));
    }
    const bool there = isfinite(largest) && (loss != SPT_LOSS_MSE || largest > 0.0);
    for (size_t j = 0; j < outputs; j++) {
        double slope = 0.0;
        if (there && loss == SPT_LOSS_MSE)
            slope = ((double)z[j] - (j == best ? 1.0 : other)) / largest;
        else if (there && (loss == SPT_LOSS_BCE || j != best))
            slope = exp(log_slope(loss, j == best, (double)z[j]) - largest) * (j == best ? -1.0 : 1.0);
        sum += slope;
        z[j] = (spt_real)slope;
    }
    if (loss == SPT_LOSS_CROSS_ENTROPY && best < outputs) /* softmax: the slopes of all classes add up to 0 */
        z[best] = (spt_real)-sum;
}
