/* Sums of sines, the targets of spectral-bias experiments: y(t) = sum_i A_i sin(2 pi k_i t + 2 pi phi_i). The keys
 * frequencies, amplitudes and phases of a data source. */
#ifndef SPT_HOST_DATA_WAVES_H
#define SPT_HOST_DATA_WAVES_H

#include <stdio.h>

#include "config/node.h"

#define SPT_WAVES_KEYS "frequencies", "amplitudes", "phases"

typedef struct spt_waves {
    size_t n; /* components */
    double *frequency, *amplitude;
    double *phase; /* in turns; NULL: random, from the data seed */
} spt_waves;

/** Read the three keys of a `data:` section into zeroed waves. On error too: spt_waves_release. */
spt_status spt_waves_read(const spt_node *section, spt_waves *waves, spt_error *err);
void spt_waves_release(spt_waves *waves);

/** For the spec's key. */
void spt_waves_describe(const spt_waves *waves, FILE *key);

/** The phases in turns into phase (n, the caller's): those given, or numbers 0 .. n-1 of SPT_STREAM_DATA of seed,
 *  substream SPT_DATA_PHASES. */
void spt_waves_phases(const spt_waves *waves, uint32_t seed, double *phase);

/** y(t) with these phases (n). */
double spt_waves_at(const spt_waves *waves, const double *phase, double t);

#endif
