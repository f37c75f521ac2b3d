/* The records of a sweep as the monitor looks at them: a few numbers each, of every run; and where they come from. */
#ifndef SPT_HOST_MONITOR_RECORDS_H
#define SPT_HOST_MONITOR_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spectrain/config.h"
#include "spectrain/error.h"
#include "spectrain/store.h"
#include "store/catalog.h"

typedef enum spt_series {
    SPT_SERIES_SHARE,
    SPT_SERIES_TRAIN_LOSS,
    SPT_SERIES_TRAIN_ERROR,
    SPT_SERIES_NOISY_FIT,
    SPT_SERIES_TEST_LOSS,
    SPT_SERIES_TEST_ERROR,
    SPT_SERIES_COUNT
} spt_series;

/** The metric of a series other than SPT_SERIES_SHARE. */
spt_metric spt_series_metric(spt_series series);

typedef struct spt_records {
    char *config; /* YAML, as run */
    spt_axes axes;
    size_t shard, shards; /* shards 0: the whole sweep */
    size_t n_runs, n_records;
    size_t *number;   /* (n_runs) of the run in the sweep */
    double *epoch;    /* (n_records) */
    size_t *recorded; /* (n_runs) records that are there, or lie before one that is */
    bool *diverged;   /* (n_runs) */
    double *values;   /* (SPT_SERIES_COUNT, n_runs, n_records) NaN where missing */
    size_t n_probes;
    char **probe_names; /* (n_probes) in the config's order */
    char probe[64];     /* whose share is taken; "": no probe can be */
    char others[256];   /* names of the probes when none can be */
} spt_records;

/** Of the config `text`, whose errors will name it `name`, room for everything, all missing. shards > 0: of that shard;
 *  then the sweep is planned, which looks at the headers of its data. *records: spt_records_free, also on error.
 *  Errors: those of the config; SPT_ENOMEM. */
spt_status spt_records_make(const char *name, const char *text, size_t shard, size_t shards, spt_records *records,
                            spt_error *err);
void spt_records_free(spt_records *records);

/** The (n_records) values of a series of a run. */
double *spt_records_of(const spt_records *records, spt_series series, size_t run);

/** Whether the share of a probe of that kind, on that split (NULL: none), is one of lines through training examples. */
bool spt_records_takes(const char *kind, const char *split);

/** Look at a probe: with name `wanted`, or with wanted NULL the first that will do, it becomes records->probe, and
 *  *taken is true; else its name goes to others. */
void spt_records_offer(spt_records *records, const char *wanted, const char *name, bool will_do, bool *taken);

/* ---- out of FILE.h5: from_file.c */

/** Everything out of a file. *complete: every run is there to its end. Errors: as spt_file_info_read; those of the
 * config. */
spt_status spt_records_from_file(const char *path, const char *probe, spt_records *records, bool *complete,
                                 spt_error *err);

/* ---- out of FILE.h5.part/journal, beside its writer: from_journal.c */

typedef struct spt_follower {
    uint64_t id, end;            /* of the journal that was read, and up to where */
    bool begun;                  /* records are made */
    spt_catalog_dataset dataset; /* the first data set: its head tells the probes */
    bool probes_known;
    size_t energies;                  /* of all probes of a record */
    size_t energy_first, energy_size; /* of the probe in question, from the first energy on */
} spt_follower;

/** What the journal got since the last call; of another journal than then, all of it from its beginning. *there is
 *  false, and nothing is changed, when there is none. Opens, reads and closes: the folder is not kept from going.
 *  Errors: SPT_EMISMATCH written by another version of the software; SPT_ECORRUPT, SPT_EIO, SPT_ENOMEM. */
spt_status spt_records_from_journal(const char *folder, const char *probe, spt_follower *follower, spt_records *records,
                                    bool *there, spt_error *err);
void spt_follower_free(spt_follower *follower);

#endif
