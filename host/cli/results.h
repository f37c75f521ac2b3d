/* The table at the end of a sweep: one row per setting, over its seeds. */
#ifndef SPT_HOST_CLI_RESULTS_H
#define SPT_HOST_CLI_RESULTS_H

#include <stddef.h>
#include <stdio.h>

#include "spectrain/sweep.h"

/** Mean and standard deviation of what was added (finite values only). Zero-initialise it. */
typedef struct spt_spread {
    size_t n;
    double mean, squares; /* Welford's sum of squared deviations */
} spt_spread;
void spt_spread_add(spt_spread *spread, double value);
/** Of the sample (n - 1); NaN for fewer than two values. */
double spt_spread_deviation(const spt_spread *spread);

/** Write the table: a row for all runs that differ in their seeds alone, at most 60 of them; columns for the axes, the
 *  parameters, the errors and noisy_fit (the losses where no run has an error: regression) as mean and, with several
 *  seeds, standard deviation, the runs, and how many diverged. Diverged runs are not in the means. parameters:
 * (n_runs), of each run. Of a shard, its runs alone are shown. Errors: SPT_ENOMEM. */
spt_status spt_results_print(const spt_axes *axes, const size_t *parameters, const spt_sweep_result *result,
                             FILE *stream, spt_error *err);

#endif
