/* What the journal holds, and where: (run, record), (run, snapshot) and data sets to places of entries.
 *
 * Eight bytes for each record and snapshot of a sweep: 10,000 runs of 40 records are 3.2 MB. */
#ifndef SPT_HOST_STORE_CATALOG_H
#define SPT_HOST_STORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spectrain/store.h"
#include "store/journal.h"

/** A data set, kept as a stream cut into pieces (dataset_stream.h). */
typedef struct spt_catalog_dataset {
    size_t n_pieces, capacity;
    struct spt_catalog_piece {
        uint64_t offset, bytes;
        uint32_t crc;
    } * pieces; /* (n_pieces) */
    bool whole;
} spt_catalog_dataset;

typedef struct spt_catalog {
    const spt_store_spec *spec;    /* borrowed */
    uint64_t *record;              /* (n_runs, n_records) offset of the entry; 0: none */
    uint64_t *snapshot;            /* (n_runs, n_snapshots) */
    uint64_t *diverged_step;       /* (n_runs) SPT_STEP_NONE where a run did not diverge */
    spt_catalog_dataset *datasets; /* (n_datasets) */
} spt_catalog;

/** Errors: SPT_ENOMEM. */
spt_status spt_catalog_create(spt_catalog *catalog, const spt_store_spec *spec, spt_error *err);
void spt_catalog_free(spt_catalog *catalog);

/** Enter a piece of a data set; *fits false: it is none of those that can come next. Errors: SPT_ENOMEM. */
spt_status spt_catalog_dataset_add(spt_catalog_dataset *dataset, const spt_entry *entry, bool *fits, spt_error *err);

/** Enter an entry of the journal; of two with the same key the last one wins.
 *  Errors: SPT_ECORRUPT an entry that this sweep cannot have, SPT_ENOMEM. */
spt_status spt_catalog_add(spt_catalog *catalog, const spt_entry *entry, spt_error *err);

/** Offset of a record's or a snapshot's entry; 0: none. */
uint64_t spt_catalog_record(const spt_catalog *catalog, size_t run, size_t record);
uint64_t spt_catalog_snapshot(const spt_catalog *catalog, size_t run, size_t snapshot);

/** Whether every record and snapshot that is due up to and at `step` is there. On false, *what ("record", "snapshot")
 *  and *index tell the first that is not; both may be NULL. */
bool spt_catalog_reaches(const spt_catalog *catalog, size_t run, uint64_t step, const char **what, size_t *index);

/** Status of a run as far as the journal tells: all that is due is there (up to its divergence, if it diverged). */
spt_run_status spt_catalog_status(const spt_catalog *catalog, size_t run);

#endif
