/* spectrain bench operations: what a sweep's networks take, shape by shape and together. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/text.h"

/* The first group of a sweep with what it is made of. */
typedef struct bench_sweep {
    spt_sweep *sweep;
    spt_settings settings;
    spt_dataset *dataset;
    spt_probe **probes;
    size_t n_runs;
    spt_run_spec *runs; /* (n_runs) of the group, those of one shape together */
} bench_sweep;

static spt_status make_probes(bench_sweep *b, spt_error *err) {
    const size_t n = b->settings.n_probes;
    b->probes = calloc(n + 1, sizeof *b->probes);
    if (b->probes == NULL)
        return spt_fail(err, SPT_ENOMEM, "bench: out of memory");
    spt_status status = SPT_OK;
    for (size_t p = 0; p < n && status == SPT_OK; p++)
        status =
            spt_probe_make(b->settings.probes[p], b->dataset, spt_data_spec_seed(b->settings.data), &b->probes[p], err);
    return status;
}

static bool same_shape(const spt_model_spec *a, const spt_model_spec *b) {
    return a->width == b->width && a->hidden_layers == b->hidden_layers;
}

/* Runs of the first group, in the order of the sweep but that those of a shape follow the first of them. */
static spt_status take_runs(bench_sweep *b, spt_error *err) {
    spt_sweep_summary summary;
    spt_sweep_summarize(b->sweep, &summary);
    b->runs = calloc(summary.n_runs, sizeof *b->runs);
    bool *taken = calloc(summary.n_runs, sizeof *taken);
    if (b->runs == NULL || taken == NULL) {
        free(taken);
        return spt_fail(err, SPT_ENOMEM, "bench of %zu runs: out of memory", summary.n_runs);
    }
    for (size_t first = 0; first < summary.n_runs; first++)
        for (size_t r = first; r < summary.n_runs; r++) {
            const spt_planned_run *run = spt_sweep_run_at(b->sweep, r);
            if (run->group != 0 || taken[r] ||
                !same_shape(&run->spec.model, &spt_sweep_run_at(b->sweep, first)->spec.model))
                continue;
            taken[r] = true;
            b->runs[b->n_runs++] = run->spec;
        }
    free(taken);
    if (summary.n_groups > 1)
        printf("group 1 of %zu: %zu of %zu runs\n", summary.n_groups, b->n_runs, summary.n_runs);
    return SPT_OK;
}

static spt_status make_sweep(bench_sweep *b, const spt_config *config, spt_error *err) {
    spt_status status = spt_sweep_plan(config, &b->sweep, err);
    if (status == SPT_OK)
        status = spt_config_settings(config, spt_sweep_axes(b->sweep), 0, &b->settings, err);
    if (status == SPT_OK)
        status = spt_dataset_make(b->settings.data, &b->dataset, err);
    if (status == SPT_OK)
        status = make_probes(b, err);
    if (status == SPT_OK)
        status = take_runs(b, err);
    return status;
}

static void free_sweep(bench_sweep *b) {
    for (size_t p = 0; b->probes != NULL && p < b->settings.n_probes; p++)
        spt_probe_free(b->probes[p]);
    free(b->probes);
    free(b->runs);
    spt_dataset_free(b->dataset);
    spt_settings_free(&b->settings);
    spt_sweep_free(b->sweep);
}

/* ---- measuring and telling */

/* Where measurements go: to the JSON, and into the row of a shape or the rows of all runs. */
typedef struct bench_sink {
    const spt_bench_job *job;
    const spt_peaks *peaks;
    spt_table *table;
    bool in_full; /* a line for each measurement; else a cell */
} bench_sink;

static void add_in_full(spt_table *table, const spt_measurement *m, const spt_peaks *peaks) {
    const double floor = spt_measurement_floor(m, peaks);
    spt_table_add(table, "%s", m->operation);
    spt_table_add(table, "%s", m->by);
    spt_table_add(table, "%s", spt_text_duration(m->seconds).s);
    spt_table_add(table, "%s", m->flops > 0 ? spt_text_flops(m->flops / m->seconds).s : "-");
    spt_table_add(table, "%s", m->bytes > 0 ? spt_text_bytes((uint64_t)(m->bytes / m->seconds)).s : "-");
    if (floor > 0)
        spt_table_add(table, "%.1f %%", 100.0 * floor / m->seconds);
    else
        spt_table_add(table, "-");
}

static void take(const spt_measurement *m, void *user) {
    const bench_sink *sink = user;
    spt_bench_json(sink->job->json, m, sink->peaks);
    if (sink->in_full)
        add_in_full(sink->table, m, sink->peaks);
    else
        spt_table_add(sink->table, "%s", spt_text_duration(m->seconds).s);
}

/* Some runs of the group as one of their own, and an object of the JSON. */
static spt_status measure(const bench_sink *sink, const spt_backend *backend, spt_device *device, const bench_sweep *b,
                          size_t first, size_t n, spt_error *err) {
    spt_group_spec spec = {.dataset = b->dataset,
                           .n_runs = n,
                           .runs = b->runs + first,
                           .n_probes = b->settings.n_probes,
                           .probes = (const spt_probe *const *)b->probes};
    spt_bench_options options = {.seconds = sink->job->seconds, .kernels = sink->in_full};
    spt_json *json = sink->job->json;
    spt_json_object(json, NULL);
    spt_json_text(json, "networks", sink->in_full ? "all" : "shape");
    spt_json_number(json, "runs", (double)n);
    if (!sink->in_full) {
        spt_json_number(json, "hidden_layers", (double)spec.runs[0].model.hidden_layers);
        spt_json_number(json, "width", (double)spec.runs[0].model.width);
    }
    spt_json_array(json, "measurements");
    spt_status status = spt_bench_group(backend, device, &spec, &options, take, (void *)sink, err);
    spt_json_end(json);
    spt_json_end(json);
    return status;
}

static size_t end_of_shape(const bench_sweep *b, size_t first) {
    size_t end = first + 1;
    while (end < b->n_runs && same_shape(&b->runs[end].model, &b->runs[first].model))
        end++;
    return end;
}

static spt_table *table_of_shapes(const bench_sweep *b) {
    static const char *const BEFORE[] = {"hidden layers", "width", "runs", "train step", "evaluation, train"};
    char alignment[64] = "";
    const size_t columns = 3 + 5 + b->settings.n_probes + (b->dataset->test.n > 0 ? 1 : 0);
    for (size_t i = 0; i < columns && i + 1 < sizeof alignment; i++)
        alignment[i] = 'r';
    spt_table *table = columns < sizeof alignment ? spt_table_new(alignment) : NULL;
    if (table == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof BEFORE / sizeof BEFORE[0]; i++)
        spt_table_add(table, "%s", BEFORE[i]);
    if (b->dataset->test.n > 0)
        spt_table_add(table, "evaluation, test");
    spt_table_add(table, "spectral norms");
    for (size_t p = 0; p < b->settings.n_probes; p++)
        spt_table_add(table, "probe %s", b->probes[p]->name);
    spt_table_add(table, "states out");
    spt_table_add(table, "states in");
    return table;
}

static spt_status measure_shapes(bench_sink *sink, const spt_backend *backend, spt_device *device, const bench_sweep *b,
                                 spt_error *err) {
    if (end_of_shape(b, 0) == b->n_runs)
        return SPT_OK; /* one shape: all runs together say it */
    sink->in_full = false;
    sink->table = table_of_shapes(b);
    if (sink->table == NULL)
        return spt_fail(err, SPT_ENOMEM, "bench: no room for a table of %zu probes", b->settings.n_probes);
    spt_status status = SPT_OK;
    for (size_t first = 0, end; first < b->n_runs && status == SPT_OK; first = end) {
        end = end_of_shape(b, first);
        spt_table_add(sink->table, "%zu", b->runs[first].model.hidden_layers);
        spt_table_add(sink->table, "%zu", b->runs[first].model.width);
        spt_table_add(sink->table, "%zu", end - first);
        status = measure(sink, backend, device, b, first, end - first, err);
    }
    if (status == SPT_OK) {
        printf("\nThe runs of one shape, trained together\n");
        status = spt_table_print(sink->table, "  ", stdout, err);
    }
    spt_table_free(sink->table);
    return status;
}

static spt_status measure_all(bench_sink *sink, const spt_backend *backend, spt_device *device, const bench_sweep *b,
                              spt_error *err) {
    static const char *const HEAD[] = {"operation", "by", "time", "FLOP a second", "bytes a second", "of the floor"};
    sink->in_full = true;
    sink->table = spt_table_new("llrrrr");
    if (sink->table == NULL)
        return spt_fail(err, SPT_ENOMEM, "bench: no room for a table");
    for (size_t i = 0; i < sizeof HEAD / sizeof HEAD[0]; i++)
        spt_table_add(sink->table, "%s", HEAD[i]);
    spt_status status = measure(sink, backend, device, b, 0, b->n_runs, err);
    if (status == SPT_OK) {
        printf("\nAll %zu runs together\n", b->n_runs);
        status = spt_table_print(sink->table, "  ", stdout, err);
    }
    spt_table_free(sink->table);
    return status;
}

spt_status spt_bench_operations(const spt_bench_job *job, const spt_config *config, spt_error *err) {
    bench_sweep b = {0};
    const spt_backend *backend = NULL;
    spt_device *device = NULL;
    spt_peaks peaks;
    bench_sink sink = {.job = job, .peaks = &peaks};
    spt_status status = make_sweep(&b, config, err);
    if (status == SPT_OK)
        status = spt_bench_open(job, job->options->backend, &backend, &device, err);
    if (status == SPT_OK) {
        spt_json_text(job->json, "config", b.settings.name);
        status = spt_bench_device(job, backend, device, &peaks, err);
    }
    spt_json_array(job->json, "groups");
    if (status == SPT_OK)
        status = measure_shapes(&sink, backend, device, &b, err);
    if (status == SPT_OK)
        status = measure_all(&sink, backend, device, &b, err);
    spt_json_end(job->json);
    if (device != NULL)
        backend->close(device);
    free_sweep(&b);
    return status;
}
