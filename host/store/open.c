/* Opening a store: a new one, one that takes the place of another, or one to go on with. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/identity.h"
#include "store/io.h"
#include "store/store_internal.h"

#define HINT "--resume goes on, --force starts anew"

void spt_store_remove_folder(spt_store *store) {
    /* Closed first: network file systems keep a file that is open under another name, and with it the folder. */
    spt_journal_close(&store->journal);
    spt_slots_close(&store->slots);
    spt_output_remove_folder(&store->output);
}

/* ---- FILE.h5 without a journal beside it */

/* Whether a finished file is of this sweep. The device may be another: nothing is left to compute. */
static spt_status compare_finished(const spt_store *store, const spt_file_info *info, spt_error *err) {
    const spt_store_spec *spec = &store->spec;
    spt_store_spec kept = *spec;
    kept.config = info->config;
    kept.backend = info->backend;
    kept.precision = info->precision;
    kept.denormals = info->denormals;
    spt_shard_place place = {.index = info->shard, .count = info->shards};
    kept.shard = info->shards > 0 ? &place : NULL;
    char *there = spt_identity_text_of(&kept, info->software_version), *here = spt_identity_text(spec);
    spt_status status = SPT_OK;
    if (there == NULL || here == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory for its config", store->output.path);
    else if (strcmp(there, here) != 0 || info->n_runs != spec->n_runs)
        status = spt_identity_differs(store->output.path, there, here, err);
    free(there);
    free(here);
    return status;
}

static spt_status resume_without_journal(const spt_store *store, bool *complete, spt_error *err) {
    spt_file_info info;
    spt_error reason = {0};
    if (spt_file_info_read(store->output.path, &info, &reason) != SPT_OK)
        return spt_fail(err, SPT_EEXIST, "%s; it cannot be gone on with, --force starts anew", reason.message);
    spt_status status;
    if (!info.complete)
        status = spt_fail(err, SPT_EEXIST,
                          "%s: is the file of an interrupted sweep, but %s, which going on needs, is not there; "
                          "--force starts anew",
                          store->output.path, store->output.folder);
    else
        status = compare_finished(store, &info, err);
    *complete = status == SPT_OK;
    spt_file_info_free(&info);
    return status;
}

/* ---- the folder */

static spt_status refuse_folder(const spt_store *store, spt_error *err) {
    char *lock_path = spt_io_path(store->output.folder, "lock");
    bool may_be_locked = lock_path != NULL && spt_look_at(lock_path) != SPT_NOTHING;
    free(lock_path);
    spt_lock lock = {.fd = -1};
    if (may_be_locked && spt_lock_take(&lock, store->output.folder, err) == SPT_EEXIST)
        return SPT_EEXIST;
    spt_lock_release(&lock);
    return spt_fail(err, SPT_EEXIST, "%s: is there already, left by an interrupted sweep; " HINT, store->output.folder);
}

static spt_status refuse_file(const spt_store *store, spt_error *err) {
    return spt_fail(err, SPT_EEXIST, "%s: is there already; " HINT, store->output.path);
}

static void remove_assembled(const spt_store *store) {
    char *path = spt_io_path(store->output.folder, "assembled");
    if (path != NULL)
        unlink(path);
    free(path);
}

static spt_status add_to_catalog(const spt_entry *entry, void *catalog, spt_error *err) {
    return spt_catalog_add(catalog, entry, err);
}

/* Go on with the journal that is there, if it is of this sweep. *usable is false when nothing was ever recorded. */
static spt_status adopt_journal(spt_store *store, const char *identity, const unsigned char *fingerprint, bool *usable,
                                spt_error *err) {
    char *kept = NULL;
    spt_status status = spt_journal_open(&store->journal, store->output.folder, usable, &kept, err);
    if (status == SPT_OK && *usable && memcmp(store->journal.fingerprint, fingerprint, SPT_FINGERPRINT_BYTES) != 0)
        status = spt_identity_differs(store->output.folder, kept, identity, err);
    free(kept);
    if (status == SPT_OK && *usable)
        status = spt_journal_scan(&store->journal, add_to_catalog, &store->catalog, err);
    if (status == SPT_OK && *usable)
        status = spt_journal_sync(&store->journal, err);
    return status;
}

static spt_status start(spt_store *store, spt_store_mode mode, bool *complete, spt_error *err) {
    spt_status status = SPT_OK;
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES];
    bool usable = false;
    char *identity = spt_identity_text(&store->spec);
    if (identity == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory for its config", store->output.path);
    else
        status = spt_identity_fingerprint(&store->spec, identity, fingerprint, err);
    if (status == SPT_OK)
        status = spt_output_lock(&store->output, err);
    if (status == SPT_OK && mode == SPT_STORE_NEW && spt_look_at(store->output.path) != SPT_NOTHING)
        status = refuse_file(store, err); /* finished by another just now */
    if (status == SPT_OK && mode == SPT_STORE_RESUME)
        status = adopt_journal(store, identity, fingerprint, &usable, err);
    if (status != SPT_OK)
        goto done;
    if (mode == SPT_STORE_RESUME && !usable && spt_look_at(store->output.path) == SPT_FILE_THERE) {
        /* Killed while the folder of a finished sweep was being removed, most likely. */
        status = resume_without_journal(store, complete, err);
        if (*complete)
            spt_store_remove_folder(store);
        goto done;
    }
    remove_assembled(store);
    if (!usable)
        status = spt_journal_create(&store->journal, store->output.folder, fingerprint, identity, err);
    if (status == SPT_OK)
        status = spt_slots_open(&store->slots, store->output.folder, store->journal.id, &store->spec, err);
    if (status == SPT_OK)
        status = spt_writer_start(&store->journal, &store->catalog, &store->slots, SPT_STORE_QUEUE_BYTES,
                                  &store->writer, err);
    if (status == SPT_OK && !usable)
        spt_store_put_progress(store, 0.0, NAN);
    for (size_t d = 0; d < store->spec.n_datasets && status == SPT_OK; d++)
        store->dataset_put[d] = store->catalog.datasets[d].whole;
    for (size_t r = 0; r < store->spec.n_runs && status == SPT_OK; r++)
        store->diverged_put[r] = store->catalog.diverged_step[r] != SPT_STEP_NONE;
done:
    free(identity);
    return status;
}

/* ---- the whole */

static spt_store *allocate(const char *path, const spt_store_spec *spec) {
    spt_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->spec = *spec;
    store->journal.fd = store->slots.fd = -1;
    bool named = spt_output_init(&store->output, path, NULL) == SPT_OK;
    store->dataset_put = calloc(spec->n_datasets + 1, sizeof *store->dataset_put);
    store->diverged_put = calloc(spec->n_runs + 1, sizeof *store->diverged_put);
    if (!named || store->dataset_put == NULL || store->diverged_put == NULL) {
        spt_store_close(store);
        return NULL;
    }
    return store;
}

static spt_status open_store(spt_store *store, spt_store_mode mode, bool *complete, spt_error *err) {
    spt_status status = spt_output_check(&store->output, err);
    if (status != SPT_OK)
        return status;
    bool file = spt_look_at(store->output.path) != SPT_NOTHING,
         folder = spt_look_at(store->output.folder) != SPT_NOTHING;
    if (mode == SPT_STORE_NEW && folder)
        return refuse_folder(store, err);
    if (mode == SPT_STORE_NEW && file)
        return refuse_file(store, err);
    if (mode == SPT_STORE_RESUME && file && !folder)
        return resume_without_journal(store, complete, err);
    status = spt_catalog_create(&store->catalog, &store->spec, err);
    return status == SPT_OK ? start(store, mode, complete, err) : status;
}

spt_status spt_store_open(const char *path, const spt_store_spec *spec, spt_store_mode mode, spt_store **out,
                          bool *complete, spt_error *err) {
    *out = NULL;
    *complete = false;
    spt_store *store = allocate(path, spec);
    if (store == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu runs", path, spec->n_runs);
    spt_status status = open_store(store, mode, complete, err);
    if (status == SPT_OK && !*complete) {
        *out = store;
        return SPT_OK;
    }
    spt_journal_close(&store->journal);
    spt_slots_close(&store->slots);
    spt_output_abandon(&store->output);
    spt_store_close(store);
    return status;
}
