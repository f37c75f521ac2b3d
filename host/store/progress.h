/* FILE.h5.part/progress: how far a sweep is, for whoever looks at it from outside. A few lines of text, replaced as a
 * whole; nothing depends on it, and no write of it fails a sweep. */
#ifndef SPT_HOST_STORE_PROGRESS_H
#define SPT_HOST_STORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "spectrain/store.h"

typedef struct spt_kept_progress {
    size_t shard, shards; /* shards 0: a whole sweep */
    size_t n_runs, sweep_runs;
    uint64_t config_sum; /* of the config's text: equal for the shards of one sweep */
    double fraction;     /* done */
    double remaining;    /* seconds; NaN until it can be told */
    int64_t updated;     /* seconds since 1970, by the clock of the machine that wrote it */
    long pid;
    char host[256];
} spt_kept_progress;

/** A number that the same text has again. */
uint64_t spt_progress_sum(const char *config);

/** Replace folder/progress. false: it could not be. */
bool spt_progress_write(const char *folder, const spt_kept_progress *progress);

/** Read it. false: it is not there, or not as we write it. */
bool spt_progress_read(const char *folder, spt_kept_progress *progress);

#endif
