#include "store/merge.h"

#include <stdlib.h>
#include <string.h>

/* The merged file in the making. */
typedef struct making {
    const spt_merge *merge;
    spt_h5 *h;
    spt_metrics_output metrics;
    spt_probes_output probes;
    spt_data_output data;
    spt_h5_group weights;
    spt_merge_rows rows;
} making;

static const char *newest(const spt_merge *merge) {
    const char *created = "";
    for (size_t i = 0; i < merge->n_sources; i++)
        if (strcmp(merge->sources[i].info.created, created) > 0)
            created = merge->sources[i].info.created;
    return created;
}

/* ---- what describes the sweep */

static void write_description(spt_h5 *h, const spt_merge *merge) {
    size_t n = merge->spec->n_datasets;
    char sum[65] = "";
    char(*sums)[65] = calloc(n + 1, sizeof *sums);
    if (sums == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the sums of the data sets");
    for (size_t d = 0; sums != NULL && d < n; d++) {
        const spt_merge_source *source = spt_merge_dataset_source(merge, d);
        if (source != NULL)
            memcpy(sums[d], source->sums[d], sizeof sums[d]);
    }
    if (h->status == SPT_OK)
        h->status = spt_assemble_sum(n, (const char(*)[65])sums, sum, h->err);
    free(sums);
    /* Its time is that of its newest shard: to merge again makes the same file. */
    spt_assemble_root(h, merge->spec, sum, newest(merge), merge->complete);
    spt_assemble_runs(h, merge->spec, merge->status, merge->diverged_step);
    spt_assemble_schedules(h, merge->spec);
}

/* ---- probes: as the first data set that is there has them, extras as long as in any */

static bool has_dataset(const spt_merge_source *source) {
    for (size_t d = 0; d < source->n_datasets; d++)
        if (source->sums[d][0] != '\0')
            return true;
    return false;
}

static void read_probes(spt_h5 *h, const spt_merge *merge, spt_probe **probes) {
    const spt_merge_source *first = NULL;
    for (size_t d = 0; d < merge->spec->n_datasets && first == NULL; d++)
        first = spt_merge_dataset_source(merge, d);
    if (first == NULL || merge->spec->n_probes == 0 || h->status != SPT_OK)
        return;
    spt_h5 in;
    spt_merge_source_begin(&in, first, h->err);
    spt_merge_probes_read(&in, merge->spec, probes);
    spt_h5_end(&in);
    spt_merge_fail_as(h, &in);
    for (size_t i = 0; i < merge->n_sources && h->status == SPT_OK && merge->spec->n_datasets > 1; i++) {
        if (&merge->sources[i] == first || !has_dataset(&merge->sources[i]))
            continue;
        spt_merge_source_begin(&in, &merge->sources[i], h->err);
        spt_merge_probes_widen(&in, merge->spec, *probes);
        spt_h5_end(&in);
        spt_merge_fail_as(h, &in);
    }
}

static void open_probes(spt_h5 *h, const spt_merge *merge, spt_probes_output *output) {
    spt_probe *probes = NULL;
    read_probes(h, merge, &probes);
    spt_probes_output_open(h, merge->spec, probes, output);
    spt_kept_probes_free(probes, merge->spec->n_probes);
}

/* ---- data sets */

/* The data sets of a source that come from it. */
static void copy_datasets(making *m, spt_h5 *in, const spt_merge_source *source) {
    spt_h5 *h = m->h;
    const spt_store_spec *spec = m->merge->spec;
    for (size_t d = 0; d < spec->n_datasets && h->status == SPT_OK; d++) {
        if (spt_merge_dataset_source(m->merge, d) != source)
            continue;
        const hsize_t start = d, count = 1;
        const char *sum = source->sums[d];
        size_t row = spec->n_datasets > 1 ? d : SIZE_MAX;
        spt_h5_array_write(h, m->data.sha256, h->text, 1, &start, &count, &sum);
        for (size_t i = 0; i < SPT_DATA_ARRAYS && !m->merge->is_virtual; i++)
            if (m->data.arrays[i] >= 0)
                spt_merge_copy_array(h, m->data.arrays[i], in, row, m->merge->slab_bytes);
        for (size_t p = 0; p < m->probes.n_probes; p++)
            for (size_t i = 0; i < SPT_PROBE_MAX_EXTRAS; i++)
                if (m->probes.probes[p].extras[i] >= 0)
                    spt_merge_copy_array(h, m->probes.probes[p].extras[i], in, row, m->merge->slab_bytes);
    }
}

/* ---- runs */

static void list_rows(making *m) {
    for (int i = 0; i < SPT_METRIC_COUNT; i++)
        spt_merge_rows_add(m->h, &m->rows, m->metrics.metrics[i]);
    spt_merge_rows_add(m->h, &m->rows, m->metrics.spectral_norm);
    for (size_t p = 0; p < m->probes.n_probes; p++)
        spt_merge_rows_add(m->h, &m->rows, m->probes.probes[p].energy);
}

static void copy_weights(making *m, spt_h5 *in, const spt_merge_source *source, size_t first, size_t end) {
    spt_merge_weights weights = {.in = in, .slab_limit = m->merge->slab_bytes};
    for (size_t i = 0; i < source->info.n_runs && m->h->status == SPT_OK; i++) {
        size_t run = source->info.run_numbers[i];
        if (run >= first && run < end)
            spt_assemble_run_weights(m->h, m->merge->spec, &m->weights, run, spt_merge_copy_weights, &weights);
    }
}

static void copy_source(making *m, const spt_merge_source *source, size_t first, size_t end) {
    spt_h5 in;
    if (m->h->status != SPT_OK)
        return;
    spt_merge_source_begin(&in, source, m->h->err);
    if (in.status == SPT_OK && first == 0)
        copy_datasets(m, &in, source);
    if (in.status == SPT_OK && !m->merge->is_virtual) {
        spt_merge_rows_copy(m->h, &m->rows, &in, source, first, end);
        copy_weights(m, &in, source, first, end);
    }
    spt_h5_end(&in);
    spt_merge_fail_as(m->h, &in);
}

/* Weights of the runs that no shard has stay empty. */
static void add_missing_weights(making *m) {
    size_t n = m->merge->spec->n_runs;
    bool *there = calloc(n + 1, sizeof *there);
    if (there == NULL) {
        spt_h5_fail_with(m->h, SPT_ENOMEM, "no memory for what describes the runs");
        return;
    }
    for (size_t i = 0; i < m->merge->n_sources; i++)
        for (size_t r = 0; r < m->merge->sources[i].info.n_runs; r++)
            there[m->merge->sources[i].info.run_numbers[r]] = true;
    for (size_t r = 0; r < n && m->h->status == SPT_OK; r++)
        if (!there[r])
            spt_assemble_run_weights(m->h, m->merge->spec, &m->weights, r, NULL, NULL);
    free(there);
}

static void copy_all(making *m) {
    const spt_merge *merge = m->merge;
    size_t n = merge->spec->n_runs, at_once = spt_merge_rows_at_once(&m->rows, n);
    for (size_t first = 0; first < n && m->h->status == SPT_OK; first += merge->is_virtual ? n : at_once) {
        size_t end = n - first < at_once || merge->is_virtual ? n : first + at_once;
        if (!merge->is_virtual)
            spt_merge_rows_begin(m->h, &m->rows, first, end);
        for (size_t i = 0; i < merge->n_sources; i++)
            copy_source(m, &merge->sources[i], first, end);
        if (!merge->is_virtual)
            spt_merge_rows_end(m->h, &m->rows, first, end);
    }
    for (size_t i = 0; i < merge->n_sources && merge->is_virtual; i++)
        spt_merge_link_weights(m->h, merge, &merge->sources[i], m->weights.id);
    add_missing_weights(m);
}

static void write_merged(spt_h5 *h, void *user) {
    const spt_merge *merge = user;
    making m = {
        .merge = merge, .h = h, .rows = {.staging_limit = merge->staging_bytes, .slab_limit = merge->slab_bytes}};
    write_description(h, merge);
    if (merge->is_virtual) {
        spt_merge_write_shards(h, merge);
        h->layout = spt_merge_map;
        h->layout_user = user;
    }
    spt_metrics_output_open(h, merge->spec, &m.metrics);
    open_probes(h, merge, &m.probes);
    spt_data_output_open(h, merge->spec, &m.data);
    h->layout = NULL;
    spt_h5_group_open(h, &m.weights, NULL, "weights");
    if (!merge->is_virtual)
        list_rows(&m);
    copy_all(&m);
    spt_merge_rows_free(&m.rows);
    spt_h5_group_close(h, &m.weights);
    spt_data_output_close(h, &m.data);
    spt_probes_output_close(h, &m.probes);
    spt_metrics_output_close(h, &m.metrics);
}

spt_status spt_merge_write(const spt_merge *merge, int fd, const char *path, uint64_t *bytes, spt_error *err) {
    return spt_assemble_file(fd, path, merge->spec->n_runs, write_merged, (void *)(uintptr_t)merge, bytes, err);
}
