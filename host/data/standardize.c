/* Standardisation of inputs by the statistics of the training split: two passes in float64, row by row. */
#include <math.h>
#include <stdlib.h>

#include "data/spec.h"

/* Of one feature, or of all numbers together. */
typedef struct moments {
    double mean, deviation;
    float low, high;
} moments;

/* stride 1: each of the inputs has its own moments; 0: all share the first. */
static void measure(const spt_split *split, size_t inputs, size_t stride, moments *m, size_t n_moments) {
    double count = (double)split->n * (double)(inputs / n_moments);
    for (size_t k = 0; k < n_moments; k++)
        m[k] = (moments){.low = INFINITY, .high = -INFINITY};
    for (size_t i = 0; i < split->n; i++)
        for (size_t j = 0; j < inputs; j++) {
            moments *own = &m[j * stride];
            float x = split->x[i * inputs + j];
            own->mean += (double)x;
            own->low = x < own->low ? x : own->low;
            own->high = x > own->high ? x : own->high;
        }
    for (size_t k = 0; k < n_moments; k++)
        m[k].mean /= count;
    for (size_t i = 0; i < split->n; i++)
        for (size_t j = 0; j < inputs; j++) {
            double off = (double)split->x[i * inputs + j] - m[j * stride].mean;
            m[j * stride].deviation += off * off;
        }
    for (size_t k = 0; k < n_moments; k++) {
        /* A constant's mean may be off by a rounding: then its deviation is not 0, but rounding is all it is. */
        if (m[k].low == m[k].high)
            m[k] = (moments){.mean = (double)m[k].low, .deviation = 1};
        else
            m[k].deviation = sqrt(m[k].deviation / count);
    }
}

static void apply(spt_split *split, size_t inputs, size_t stride, const moments *m) {
    for (size_t i = 0; i < split->n; i++)
        for (size_t j = 0; j < inputs; j++) {
            float *x = &split->x[i * inputs + j];
            *x = (float)(((double)*x - m[j * stride].mean) / m[j * stride].deviation);
        }
}

spt_status spt_standardize_splits(spt_standardize mode, size_t inputs, spt_split *train, spt_split *test,
                                  spt_error *err) {
    if (mode == SPT_STANDARDIZE_NONE)
        return SPT_OK;
    size_t stride = mode == SPT_STANDARDIZE_FEATURE ? 1 : 0, n_moments = stride == 1 ? inputs : 1;
    moments *m = malloc(n_moments * sizeof *m);
    if (m == NULL)
        return spt_fail(err, SPT_ENOMEM, "data.standardize: out of memory for %zu features", inputs);
    measure(train, inputs, stride, m, n_moments);
    apply(train, inputs, stride, m);
    apply(test, inputs, stride, m);
    free(m);
    return SPT_OK;
}
