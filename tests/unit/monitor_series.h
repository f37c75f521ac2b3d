/* Series for the tests of the monitor: curves of ln(epoch) made of ramps, with noise of a known deviation. */
#ifndef SPT_TESTS_MONITOR_SERIES_H
#define SPT_TESTS_MONITOR_SERIES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spectrain/monitor.h"
#include "spectrain/rng.h"

enum { SERIES_MOST = 1024 };

/* A point that a curve goes through, straight over ln(epoch) to the next. */
typedef struct knot {
    double epoch, value;
} knot;

typedef struct series {
    size_t n;
    double epoch[SERIES_MOST], value[SERIES_MOST];
} series;

/* Records at epochs 0, 1, 2 ... last. */
static inline series every_epoch(size_t last) {
    series s = {.n = last + 1};
    for (size_t i = 0; i < s.n; i++)
        s.epoch[i] = (double)i;
    return s;
}

/* 0, and up to n epochs to last at equal steps of ln(epoch), as record.epochs: {logspace: n} has them. */
static inline series logspaced(size_t n, double last) {
    series s = {.n = 1};
    for (size_t i = 0; i < n; i++) {
        double epoch = floor(exp(log(last) * (double)i / (double)(n - 1)) + 0.5);
        if (epoch > s.epoch[s.n - 1])
            s.epoch[s.n++] = epoch;
    }
    return s;
}

static inline double between(const knot *knots, size_t n, double epoch) {
    if (epoch <= knots[0].epoch)
        return knots[0].value;
    for (size_t i = 1; i < n; i++)
        if (epoch <= knots[i].epoch) {
            double part = log(epoch / knots[i - 1].epoch) / log(knots[i].epoch / knots[i - 1].epoch);
            return knots[i - 1].value + part * (knots[i].value - knots[i - 1].value);
        }
    return knots[n - 1].value;
}

/* The series that goes through the knots, plus noise N(0, deviation^2), another for each seed. */
static inline series through(series s, const knot *knots, size_t n_knots, double deviation, uint32_t seed) {
    double noise[SERIES_MOST];
    spt_random_normal(seed, SPT_STREAM_DATA, 0, 0, s.n, noise);
    for (size_t i = 0; i < s.n; i++)
        s.value[i] = between(knots, n_knots, s.epoch[i]) + deviation * noise[i];
    return s;
}

#define THROUGH(records, deviation, seed, ...)                                                                         \
    through(records, (const knot[]){__VA_ARGS__}, sizeof((const knot[]){__VA_ARGS__}) / sizeof(knot), deviation, seed)

/* The epochs in science.md: test error falls to .424 at 14, rises to .466 at 34, falls to .444. */
#define DOUBLE_DESCENT                                                                                                 \
    {1, 0.75}, {14, 0.424}, {34, 0.466}, {120, 0.444}, {                                                               \
        150, 0.444                                                                                                     \
    }

/* Within a factor of it. */
static inline void assert_epoch(double epoch, double expected, double factor) {
    if (!(fabs(log(epoch / expected)) <= log(factor)))
        fail_msg("epoch %g, expected %g within a factor of %g", epoch, expected, factor);
}

#endif
