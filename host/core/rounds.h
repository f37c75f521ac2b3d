/* The time of something that can be repeated. */
#ifndef SPT_HOST_CORE_ROUNDS_H
#define SPT_HOST_CORE_ROUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "spectrain/error.h"

/** Do it `count` times. */
typedef spt_status (*spt_repeat_fn)(void *context, uint64_t count, spt_error *err);

/** Seconds of one repetition: the median of up to five rounds that take about `seconds` together, after one that warms
 *  up. What alone takes longer than that is done once more and no further. Errors: those of repeat. */
spt_status spt_rounds_time(spt_repeat_fn repeat, void *context, double seconds, double *of_one, spt_error *err);

/** The median of n > 0 numbers, which are sorted on the way; of an even number the lower one. */
double spt_rounds_median(double *times, size_t n);

#endif
