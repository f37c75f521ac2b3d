#include "monitor/curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double REACH = 3.0;      /* bandwidths: farther records weigh nothing */
static const double CERTAIN = 4.0;    /* standard errors of a difference; the largest of many is looked for */
static const double OWN_WEIGHT = 0.8; /* a fit that hangs on its own point more than that says nothing of noise */
enum { LEAST_RESIDUALS = 5 };

/* What the fit needs of each point, besides x and the result. */
typedef struct fitting {
    double *y, *weight; /* mean and number of the point's records */
    double *residual;   /* of y about the fit, in units of the noise of one record */
    size_t n_residuals;
} fitting;

void spt_curve_free(spt_curve *curve) {
    free(curve->memory);
    *curve = (spt_curve){0};
}

/* Records of one bin into one point. */
static void gather(const double *epoch, const double *value, size_t n, spt_curve *curve, fitting *f) {
    double last_bin = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(epoch[i] > 0) || !isfinite(value[i]))
            continue;
        double x = log(epoch[i]), bin = floor(x / SPT_CURVE_BIN);
        if (curve->n == 0 || bin != last_bin)
            curve->n++;
        size_t at = curve->n - 1;
        f->weight[at] += 1;
        curve->x[at] += (x - curve->x[at]) / f->weight[at];
        f->y[at] += (value[i] - f->y[at]) / f->weight[at];
        last_bin = bin;
    }
}

static double weight_at(const spt_curve *curve, const fitting *f, size_t i, size_t j) {
    double u = (curve->x[j] - curve->x[i]) / SPT_CURVE_BANDWIDTH;
    return f->weight[j] * exp(-0.5 * u * u);
}

/* The line through points first .. end - 1 by weighted least squares, at x[i]. It is a weighted mean of them; noise of
 * variance 1 in each record gives it the variance gain^2, which is left in error[i]. */
static void fit_at(spt_curve *curve, fitting *f, size_t i, size_t first, size_t end) {
    double s0 = 0, s1 = 0, s2 = 0, sum = 0, gain = 0, own = 0;
    for (size_t j = first; j < end; j++) {
        double d = curve->x[j] - curve->x[i], w = weight_at(curve, f, i, j);
        s0 += w;
        s1 += w * d;
        s2 += w * d * d;
    }
    double determinant = s0 * s2 - s1 * s1;
    bool single = determinant <= 1e-12 * s0 * s0;
    for (size_t j = first; j < end; j++) {
        double d = curve->x[j] - curve->x[i], w = weight_at(curve, f, i, j);
        double share = single ? w / s0 : w * (s2 - d * s1) / determinant;
        sum += share * f->y[j];
        gain += share * share / f->weight[j];
        own = j == i ? share : own;
    }
    curve->smooth[i] = sum;
    curve->error[i] = sqrt(gain);
    double variance = (1 - 2 * own) / f->weight[i] + gain;
    if (own < OWN_WEIGHT && variance > 0)
        f->residual[f->n_residuals++] = fabs(f->y[i] - sum) / sqrt(variance);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Standard deviation of one record's noise, from the median of the residuals (of a normal distribution it is 0.6745
 * deviations from 0): the few that lie where the curve bends more than the fit can do not count. */
static double noise_of(fitting *f) {
    if (f->n_residuals < LEAST_RESIDUALS)
        return 0;
    qsort(f->residual, f->n_residuals, sizeof *f->residual, by_size);
    size_t n = f->n_residuals;
    return 0.5 * (f->residual[(n - 1) / 2] + f->residual[n / 2]) / 0.6745;
}

spt_status spt_curve_make(const double *epoch, const double *value, size_t n, spt_curve *curve, spt_error *err) {
    *curve = (spt_curve){0};
    if (value == NULL || n == 0)
        return SPT_OK;
    curve->memory = calloc(n, 6 * sizeof *curve->memory);
    if (curve->memory == NULL)
        return spt_fail(err, SPT_ENOMEM, "monitor: no memory to smooth %zu records", n);
    curve->x = curve->memory;
    curve->smooth = curve->x + n;
    curve->error = curve->smooth + n;
    fitting f = {.y = curve->error + n, .weight = curve->error + 2 * n, .residual = curve->error + 3 * n};
    gather(epoch, value, n, curve, &f);
    for (size_t i = 0, first = 0, end = 0; i < curve->n; i++) {
        while (curve->x[first] < curve->x[i] - REACH * SPT_CURVE_BANDWIDTH)
            first++;
        while (end < curve->n && curve->x[end] <= curve->x[i] + REACH * SPT_CURVE_BANDWIDTH)
            end++;
        fit_at(curve, &f, i, first, end);
    }
    double noise = noise_of(&f);
    for (size_t i = 0; i < curve->n; i++)
        curve->error[i] *= noise;
    return SPT_OK;
}

double spt_curve_epoch(const spt_curve *curve, size_t i) {
    return exp(curve->x[i]);
}

size_t spt_curve_highest(const spt_curve *curve, size_t first, size_t end) {
    size_t found = first;
    for (size_t i = first + 1; i < end; i++)
        if (curve->smooth[i] > curve->smooth[found])
            found = i;
    return found;
}

size_t spt_curve_lowest(const spt_curve *curve, size_t first, size_t end) {
    size_t found = first;
    for (size_t i = first + 1; i < end; i++)
        if (curve->smooth[i] < curve->smooth[found])
            found = i;
    return found;
}

bool spt_curve_above(const spt_curve *curve, size_t high, size_t low, double least) {
    double difference = curve->smooth[high] - curve->smooth[low];
    return difference >= least && difference > CERTAIN * hypot(curve->error[high], curve->error[low]);
}
