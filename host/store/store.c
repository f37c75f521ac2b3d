/* What is put into a store and taken out again while a sweep runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/dataset_stream.h"
#include "store/io.h"
#include "store/pack.h"
#include "store/progress.h"
#include "store/store_internal.h"

/* Nothing to resume from: a sweep that failed before its first record leaves no folder behind. */
static bool is_empty(const spt_store *store) {
    for (size_t run = 0; run < store->spec.n_runs; run++)
        if (spt_catalog_record(&store->catalog, run, 0) != 0)
            return false;
    return true;
}

void spt_store_close(spt_store *store) {
    if (store == NULL)
        return;
    spt_writer_stop(store->writer);
    if (store->output.made_folder && !store->finished && !store->published && is_empty(store))
        spt_store_remove_folder(store);
    if (store->catalog.spec != NULL)
        spt_catalog_free(&store->catalog);
    spt_slots_close(&store->slots);
    spt_journal_close(&store->journal);
    free(store->dataset_put);
    free(store->diverged_put);
    spt_output_free(&store->output);
    free(store);
}

static spt_status check_run(const spt_store *store, const char *what, size_t run, size_t index, size_t n,
                            spt_error *err) {
    if (store->finished)
        return spt_fail(err, SPT_EINVAL, "%s: is finished; nothing more can be put", store->output.path);
    if (run >= store->spec.n_runs)
        return spt_fail(err, SPT_EINVAL, "run %zu: the sweep has runs 0 to %zu", run, store->spec.n_runs - 1);
    if (index >= n)
        return spt_fail(err, SPT_EINVAL, "run %zu: %s %zu: the sweep has %ss 0 to %zu", run, what, index, what, n - 1);
    return SPT_OK;
}

static spt_status no_memory(const spt_store *store, spt_error *err) {
    return spt_fail(err, SPT_ENOMEM, "%s: no memory to keep what was recorded", store->output.path);
}

/* ---- states */

spt_status spt_store_state_load(spt_store *store, size_t run, void *state, bool *found, spt_error *err) {
    *found = false;
    spt_status status = check_run(store, "state", run, 0, 1, err);
    if (status != SPT_OK)
        return status;
    status = spt_writer_hold(store->writer, false, err);
    if (status == SPT_OK)
        status = spt_slots_settle(&store->slots, &store->catalog, run, err);
    if (status == SPT_OK && store->slots.runs[run].newest >= 0) {
        status = spt_slots_read(&store->slots, run, state, err);
        *found = status == SPT_OK;
    }
    spt_writer_release(store->writer);
    return status;
}

spt_status spt_store_put_state(spt_store *store, size_t run, const void *state, spt_error *err) {
    spt_status status = check_run(store, "state", run, 0, 1, err);
    if (status != SPT_OK)
        return status;
    const spt_arena *arena = &store->spec.arenas[run];
    spt_run_counters counters;
    memcpy(&counters, (const char *)state + arena->counters_offset, sizeof counters);
    void *payload;
    if (counters.diverged_step != SPT_STEP_NONE && !store->diverged_put[run]) {
        spt_item *item = spt_item_entry(SPT_ENTRY_DIVERGED, run, counters.diverged_step, 0, &payload);
        status = item != NULL ? spt_writer_put(store->writer, item, err) : no_memory(store, err);
        if (status != SPT_OK)
            return status;
        store->diverged_put[run] = true;
    }
    spt_item *item = spt_item_state(&store->slots, run, &payload);
    if (item == NULL)
        return no_memory(store, err);
    memcpy(payload, state, arena->bytes);
    return spt_writer_put(store->writer, item, err);
}

/* ---- records and snapshots */

spt_status spt_store_put_record(spt_store *store, size_t run, size_t record, const double *metrics, const double *norms,
                                const double *const *energy, spt_error *err) {
    spt_status status = check_run(store, "record", run, record, store->spec.records.n, err);
    if (status == SPT_OK && !store->dataset_put[store->spec.run_dataset[run]])
        status = spt_fail(err, SPT_EINVAL, "run %zu: its data set %u must be put before its records", run,
                          store->spec.run_dataset[run]);
    if (status != SPT_OK)
        return status;
    void *payload;
    spt_item *item = spt_item_entry(SPT_ENTRY_RECORD, run, record, spt_record_bytes(&store->spec, run), &payload);
    if (item == NULL)
        return no_memory(store, err);
    spt_record_pack(&store->spec, run, metrics, norms, energy, payload);
    return spt_writer_put(store->writer, item, err);
}

spt_status spt_store_put_snapshot(spt_store *store, size_t run, size_t snapshot, const void *state, spt_error *err) {
    spt_status status = check_run(store, "snapshot", run, snapshot, store->spec.snapshots.n, err);
    if (status != SPT_OK)
        return status;
    void *payload;
    spt_item *item = spt_item_entry(SPT_ENTRY_SNAPSHOT, run, snapshot, spt_snapshot_bytes(&store->spec, run), &payload);
    if (item == NULL)
        return no_memory(store, err);
    spt_snapshot_pack(&store->spec, run, state, payload);
    return spt_writer_put(store->writer, item, err);
}

/* ---- data sets */

static spt_status check_probe(const spt_store *store, size_t p, const spt_probe *probe, spt_error *err) {
    const spt_probe_shape *shape = &store->spec.probe_shapes[p];
    bool same = probe->energy_size == shape->energy_size && probe->n_dims == shape->n_dims &&
                strcmp(probe->name, store->spec.probe_names[p]) == 0;
    for (size_t i = 0; i < shape->n_dims && same; i++)
        same = probe->dims[i].size == shape->dim_size[i];
    if (!same)
        return spt_fail(err, SPT_EMISMATCH, "probe %s: has %zu energies in %zu dimensions, planned were %zu in %zu",
                        probe->name, probe->energy_size, probe->n_dims, shape->energy_size, shape->n_dims);
    return SPT_OK;
}

static spt_status check_dataset(const spt_store *store, size_t index, const spt_dataset *d,
                                const spt_probe *const *probes, spt_error *err) {
    if (store->finished)
        return spt_fail(err, SPT_EINVAL, "%s: is finished; nothing more can be put", store->output.path);
    if (index >= store->spec.n_datasets)
        return spt_fail(err, SPT_EINVAL, "data set %zu: the sweep has data sets 0 to %zu", index,
                        store->spec.n_datasets - 1);
    const spt_data_shape *s = &store->spec.data_shapes[index];
    if (d->train.n != s->train || d->test.n != s->test || d->inputs != s->inputs || d->outputs != s->outputs ||
        d->classes != s->classes)
        return spt_fail(err, SPT_EMISMATCH,
                        "data set %zu: has %zu + %zu examples, %zu inputs, %zu outputs, %zu classes; planned were "
                        "%zu + %zu, %zu, %zu, %zu",
                        index, d->train.n, d->test.n, d->inputs, d->outputs, d->classes, s->train, s->test, s->inputs,
                        s->outputs, s->classes);
    spt_status status = SPT_OK;
    for (size_t p = 0; p < store->spec.n_probes && status == SPT_OK; p++)
        status = check_probe(store, p, probes[p], err);
    return status;
}

/* The stream's pieces against those that the journal has, by their checksums. */
typedef struct comparison {
    const spt_catalog_dataset *kept;
    size_t piece;
    bool same;
} comparison;

static spt_status compare_piece(const void *bytes, size_t count, bool last, void *user, spt_error *err) {
    (void)err;
    comparison *c = user;
    size_t i = c->piece++;
    c->same = c->same && i < c->kept->n_pieces && last == (i + 1 == c->kept->n_pieces) &&
              count == c->kept->pieces[i].bytes && spt_io_crc(0, bytes, count) == c->kept->pieces[i].crc;
    return SPT_OK;
}

static spt_status compare_dataset(spt_store *store, size_t index, const spt_dataset *dataset,
                                  const spt_probe *const *probes, spt_error *err) {
    comparison c = {.kept = &store->catalog.datasets[index], .same = true};
    spt_status status =
        spt_dataset_stream_write(dataset, store->spec.keep_data, probes, store->spec.n_probes, compare_piece, &c, err);
    if (status != SPT_OK || c.same)
        return status;
    spt_kept_dataset kept;
    status = spt_kept_open(&store->journal, &store->catalog, index, &kept, err);
    if (status == SPT_OK && strcmp(kept.sha256, dataset->sha256) != 0)
        status =
            spt_fail(err, SPT_EMISMATCH,
                     "data set %zu: its sha256 is %.16s..., in %s it is %.16s...; resume with the same data files, "
                     "or --force starts anew",
                     index, dataset->sha256, store->output.folder, kept.sha256);
    else if (status == SPT_OK)
        status = spt_fail(err, SPT_EMISMATCH,
                          "data set %zu: the same data have other labels or probes in %s; --force starts anew", index,
                          store->output.folder);
    spt_kept_close(&kept);
    return status;
}

typedef struct dataset_target {
    spt_store *store;
    size_t dataset, piece;
} dataset_target;

static spt_status put_piece(const void *bytes, size_t count, bool last, void *user, spt_error *err) {
    dataset_target *target = user;
    void *payload;
    spt_item *item = spt_item_entry(last ? SPT_ENTRY_DATASET_END : SPT_ENTRY_DATASET, target->dataset, target->piece++,
                                    count, &payload);
    if (item == NULL)
        return no_memory(target->store, err);
    memcpy(payload, bytes, count);
    return spt_writer_put(target->store->writer, item, err);
}

spt_status spt_store_put_dataset(spt_store *store, size_t dataset_index, const spt_dataset *dataset,
                                 const spt_probe *const *probes, spt_error *err) {
    spt_status status = check_dataset(store, dataset_index, dataset, probes, err);
    if (status != SPT_OK)
        return status;
    if (store->dataset_put[dataset_index]) {
        status = spt_writer_hold(store->writer, false, err);
        if (status == SPT_OK)
            status = compare_dataset(store, dataset_index, dataset, probes, err);
        spt_writer_release(store->writer);
        return status;
    }
    dataset_target target = {.store = store, .dataset = dataset_index};
    status =
        spt_dataset_stream_write(dataset, store->spec.keep_data, probes, store->spec.n_probes, put_piece, &target, err);
    store->dataset_put[dataset_index] = status == SPT_OK;
    return status;
}

/* ---- */

void spt_store_put_progress(spt_store *store, double fraction, double remaining) {
    const spt_shard_place *shard = store->spec.shard;
    spt_kept_progress progress = {.shard = shard != NULL ? shard->index : 0,
                                  .shards = shard != NULL ? shard->count : 0,
                                  .n_runs = store->spec.n_runs,
                                  .sweep_runs = shard != NULL ? shard->sweep_runs : store->spec.n_runs,
                                  .config_sum = spt_progress_sum(store->spec.config),
                                  .fraction = fraction,
                                  .remaining = remaining,
                                  .updated = (int64_t)time(NULL),
                                  .pid = (long)getpid()};
    if (gethostname(progress.host, sizeof progress.host - 1) != 0 || progress.host[0] == '\0')
        snprintf(progress.host, sizeof progress.host, "localhost");
    if (!store->finished)
        spt_progress_write(store->output.folder, &progress);
}

spt_status spt_store_flush(spt_store *store, spt_error *err) {
    spt_status status = spt_writer_hold(store->writer, true, err);
    spt_writer_release(store->writer);
    return status;
}

double spt_store_seconds(const spt_store *store) {
    return spt_writer_seconds(store->writer);
}
