/* A series over epochs as a smooth curve over their logarithm, with what its noise leaves uncertain: what rules and the
 * truth look at. */
#ifndef SPT_HOST_MONITOR_CURVE_H
#define SPT_HOST_MONITOR_CURVE_H

#include <stdbool.h>
#include <stddef.h>

#include "spectrain/error.h"

/* In units of ln(epoch). BIN: records that lie closer are averaged, so that the cost does not grow with their number.
 * BANDWIDTH: standard deviation of the Gaussian weights; at epoch 40 a curve with a record each epoch is the mean of
 * some 14 of them, at epoch 12 of 4. */
#define SPT_CURVE_BIN       0.025
#define SPT_CURVE_BANDWIDTH 0.1

typedef struct spt_curve {
    size_t n;       /* points, ascending in x */
    double *x;      /* (n) ln(epoch): mean over the point's records */
    double *smooth; /* (n) local linear fit at x to the records */
    double *error;  /* (n) its standard error, from how the records scatter about the fit; 0 where that is not known */
    double *memory; /* what all lies in */
} spt_curve;

/** Smooth n values at epochs (ascending). Records at epoch 0 and values that are not finite are left out; value NULL is
 *  n of those. *curve: spt_curve_free; n is 0 where nothing is left. Errors: SPT_ENOMEM. */
spt_status spt_curve_make(const double *epoch, const double *value, size_t n, spt_curve *curve, spt_error *err);
void spt_curve_free(spt_curve *curve);

/** Epoch of point i. */
double spt_curve_epoch(const spt_curve *curve, size_t i);

/** Of points first .. end - 1 (first < end) the first with the largest or smallest smooth value. */
size_t spt_curve_highest(const spt_curve *curve, size_t first, size_t end);
size_t spt_curve_lowest(const spt_curve *curve, size_t first, size_t end);

/** Whether point `high` lies above point `low` by at least `least`, and by more than noise explains. */
bool spt_curve_above(const spt_curve *curve, size_t high, size_t low, double least);

#endif
