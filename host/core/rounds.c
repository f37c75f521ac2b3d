#include "core/rounds.h"

#include <stdlib.h>

#include "core/clock.h"

enum { ROUNDS = 5 };

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double spt_rounds_median(double *times, size_t n) {
    qsort(times, n, sizeof *times, compare);
    return times[(n - 1) / 2];
}

spt_status spt_rounds_time(spt_repeat_fn repeat, void *context, double seconds, double *of_one, spt_error *err) {
    double times[ROUNDS];
    size_t n = 0;
    uint64_t count = 1;
    spt_status status = repeat(context, 1, err);
    while (n < ROUNDS && status == SPT_OK) {
        double start = spt_clock();
        status = repeat(context, count, err);
        double elapsed = spt_clock() - start;
        if (n == 0 && elapsed < seconds / ROUNDS / 2.0 && count < UINT64_MAX / 2) {
            count *= 2; /* too short to be a round */
            continue;
        }
        times[n++] = elapsed / (double)count;
        if (elapsed > seconds)
            break;
    }
    if (status == SPT_OK)
        *of_one = spt_rounds_median(times, n);
    return status;
}
