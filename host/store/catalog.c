#include "store/catalog.h"

#include <stdlib.h>

#include "store/pack.h"

spt_status spt_catalog_create(spt_catalog *catalog, const spt_store_spec *spec, spt_error *err) {
    *catalog = (spt_catalog){.spec = spec};
    size_t n = spec->n_runs;
    if (n <= SIZE_MAX / sizeof(uint64_t) / (spec->records.n + spec->snapshots.n + 1)) {
        catalog->record = calloc(n * spec->records.n + 1, sizeof *catalog->record);
        catalog->snapshot = calloc(n * spec->snapshots.n + 1, sizeof *catalog->snapshot);
        catalog->diverged_step = malloc((n + 1) * sizeof *catalog->diverged_step);
        catalog->datasets = calloc(spec->n_datasets + 1, sizeof *catalog->datasets);
    }
    if (catalog->record == NULL || catalog->snapshot == NULL || catalog->diverged_step == NULL ||
        catalog->datasets == NULL) {
        spt_catalog_free(catalog);
        return spt_fail(err, SPT_ENOMEM, "store: no memory to keep track of %zu runs with %zu records each", n,
                        spec->records.n);
    }
    for (size_t r = 0; r < n; r++)
        catalog->diverged_step[r] = SPT_STEP_NONE;
    return SPT_OK;
}

void spt_catalog_free(spt_catalog *catalog) {
    for (size_t d = 0; catalog->datasets != NULL && d < catalog->spec->n_datasets; d++)
        free(catalog->datasets[d].pieces);
    free(catalog->datasets);
    free(catalog->record);
    free(catalog->snapshot);
    free(catalog->diverged_step);
    *catalog = (spt_catalog){0};
}

spt_status spt_catalog_dataset_add(spt_catalog_dataset *dataset, const spt_entry *entry, bool *fits, spt_error *err) {
    if (entry->header.index == 0 && !dataset->whole)
        dataset->n_pieces = 0; /* begun again after an interruption */
    *fits = !dataset->whole && entry->header.index == dataset->n_pieces;
    if (!*fits)
        return SPT_OK;
    if (dataset->n_pieces == dataset->capacity) {
        size_t capacity = dataset->capacity == 0 ? 4 : 2 * dataset->capacity;
        struct spt_catalog_piece *pieces = realloc(dataset->pieces, capacity * sizeof *pieces);
        if (pieces == NULL)
            return spt_fail(err, SPT_ENOMEM, "store: no memory to keep track of a data set in %zu pieces", capacity);
        dataset->pieces = pieces;
        dataset->capacity = capacity;
    }
    dataset->pieces[dataset->n_pieces++] = (struct spt_catalog_piece){
        .offset = entry->offset, .bytes = entry->header.payload_bytes, .crc = entry->header.payload_crc};
    dataset->whole = entry->header.kind == SPT_ENTRY_DATASET_END;
    return SPT_OK;
}

spt_status spt_catalog_add(spt_catalog *catalog, const spt_entry *entry, spt_error *err) {
    const spt_store_spec *spec = catalog->spec;
    const spt_entry_header *h = &entry->header;
    spt_status status = SPT_OK;
    bool fits = false;
    switch (h->kind) {
    case SPT_ENTRY_DATASET:
    case SPT_ENTRY_DATASET_END:
        if (h->run < spec->n_datasets)
            status = spt_catalog_dataset_add(&catalog->datasets[h->run], entry, &fits, err);
        break;
    case SPT_ENTRY_RECORD:
        fits =
            h->run < spec->n_runs && h->index < spec->records.n && h->payload_bytes == spt_record_bytes(spec, h->run);
        if (fits)
            catalog->record[h->run * spec->records.n + h->index] = entry->offset;
        break;
    case SPT_ENTRY_SNAPSHOT:
        fits = h->run < spec->n_runs && h->index < spec->snapshots.n &&
               h->payload_bytes == spt_snapshot_bytes(spec, h->run);
        if (fits)
            catalog->snapshot[h->run * spec->snapshots.n + h->index] = entry->offset;
        break;
    case SPT_ENTRY_DIVERGED:
        fits = h->run < spec->n_runs && h->payload_bytes == 0;
        if (fits)
            catalog->diverged_step[h->run] = h->index;
        break;
    }
    if (status == SPT_OK && !fits)
        status = spt_fail(err, SPT_ECORRUPT,
                          "journal: the entry at byte %llu (kind %u, run %llu, index %llu, %llu bytes) does not belong "
                          "to this sweep; --force starts anew",
                          (unsigned long long)entry->offset, h->kind, (unsigned long long)h->run,
                          (unsigned long long)h->index, (unsigned long long)h->payload_bytes);
    return status;
}

uint64_t spt_catalog_record(const spt_catalog *catalog, size_t run, size_t record) {
    return catalog->record[run * catalog->spec->records.n + record];
}

uint64_t spt_catalog_snapshot(const spt_catalog *catalog, size_t run, size_t snapshot) {
    return catalog->snapshot[run * catalog->spec->snapshots.n + snapshot];
}

bool spt_catalog_reaches(const spt_catalog *catalog, size_t run, uint64_t step, const char **what, size_t *index) {
    const spt_store_spec *spec = catalog->spec;
    size_t i;
    const char *missing = NULL;
    for (i = 0; i < spec->records.n && spt_record_step(spec, run, i) <= step; i++)
        if (spt_catalog_record(catalog, run, i) == 0) {
            missing = "record";
            goto done;
        }
    for (i = 0; i < spec->snapshots.n && spt_snapshot_step(spec, run, i) <= step; i++)
        if (spt_catalog_snapshot(catalog, run, i) == 0) {
            missing = "snapshot";
            goto done;
        }
done:
    if (missing != NULL && what != NULL)
        *what = missing;
    if (missing != NULL && index != NULL)
        *index = i;
    return missing == NULL;
}

spt_run_status spt_catalog_status(const spt_catalog *catalog, size_t run) {
    uint64_t diverged = catalog->diverged_step[run];
    if (!spt_catalog_reaches(catalog, run, diverged, NULL, NULL)) /* SPT_STEP_NONE is past every step */
        return SPT_RUN_MISSING;
    return diverged == SPT_STEP_NONE ? SPT_RUN_DONE : SPT_RUN_DIVERGED;
}
