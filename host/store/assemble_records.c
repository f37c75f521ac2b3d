/* /metrics and the energies in FILE.h5, from the records of all runs. Memory: one run's metrics, and a slab of some
 * records for each probe. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/assemble.h"
#include "store/pack.h"

enum { SLAB_BYTES = 4 << 20 };

void spt_metrics_output_open(spt_h5 *h, const spt_store_spec *spec, spt_metrics_output *output) {
    spt_h5_group_open(h, &output->group, NULL, "metrics");
    spt_assemble_run_scale(h, &output->group, spec);
    spt_assemble_record_scale(h, &output->group, spec);
    spt_h5_scale_count(h, &output->group, "layer", spt_assemble_max_layers(spec), "layer, from the input");
    for (int m = 0; m < SPT_METRIC_COUNT; m++) {
        spt_h5_array array = {.name = spt_metric_name((spt_metric)m),
                              .type = H5T_IEEE_F32LE,
                              .rank = 2,
                              .dims = {"run", "record"},
                              .long_name = spt_metric_long_name((spt_metric)m),
                              .units = spt_metric_units((spt_metric)m)};
        output->metrics[m] = spt_h5_array_create(h, &output->group, &array);
    }
    spt_h5_array norm = {.name = "spectral_norm",
                         .type = H5T_IEEE_F32LE,
                         .rank = 3,
                         .dims = {"run", "record", "layer"},
                         .long_name = "largest singular value of a layer's weight",
                         .units = "1"};
    output->spectral_norm = spt_h5_array_create(h, &output->group, &norm);
}

void spt_metrics_output_close(spt_h5 *h, spt_metrics_output *output) {
    for (int m = 0; m < SPT_METRIC_COUNT; m++)
        spt_h5_array_close(h, output->metrics[m]);
    spt_h5_array_close(h, output->spectral_norm);
    spt_h5_group_close(h, &output->group);
}

/* What one run's records are gathered in. */
typedef struct gathering {
    size_t n_records, layers;
    void *entry;    /* one record as it lies in the journal */
    float *metrics; /* (SPT_METRIC_COUNT, n_records) */
    float *norms;   /* (n_records, layers) */
    float **energy; /* (n_probes): (slab records, energy_size) */
    size_t *slab;   /* (n_probes) records in a slab */
    size_t n_probes;
} gathering;

static void free_gathering(gathering *g) {
    for (size_t p = 0; g->energy != NULL && p < g->n_probes; p++)
        free(g->energy[p]);
    free(g->energy);
    free(g->slab);
    free(g->norms);
    free(g->metrics);
    free(g->entry);
}

static bool allocate(const spt_store_spec *spec, gathering *g) {
    size_t most = 0;
    for (size_t r = 0; r < spec->n_runs; r++)
        most = spt_record_bytes(spec, r) > most ? spt_record_bytes(spec, r) : most;
    *g = (gathering){.n_records = spec->records.n, .layers = spt_assemble_max_layers(spec), .n_probes = spec->n_probes};
    g->entry = malloc(spt_entry_bytes(most));
    g->metrics = malloc(SPT_METRIC_COUNT * g->n_records * sizeof *g->metrics);
    g->norms = malloc(g->n_records * g->layers * sizeof *g->norms);
    g->energy = calloc(g->n_probes + 1, sizeof *g->energy);
    g->slab = calloc(g->n_probes + 1, sizeof *g->slab);
    bool all = g->entry != NULL && g->metrics != NULL && g->norms != NULL && g->energy != NULL && g->slab != NULL;
    for (size_t p = 0; p < g->n_probes && all; p++) {
        size_t bytes = spec->probe_shapes[p].energy_size * sizeof(float);
        size_t fit = bytes < SLAB_BYTES ? SLAB_BYTES / bytes : 1;
        g->slab[p] = fit < g->n_records ? fit : g->n_records;
        g->energy[p] = malloc(g->slab[p] * bytes);
        all = g->energy[p] != NULL;
    }
    return all;
}

static void fill_missing(float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = NAN;
}

/* The record's floats, NULL when it is missing or comes after the run diverged. */
static const float *read_record(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal,
                                const spt_catalog *catalog, size_t run, size_t record, gathering *g) {
    uint64_t offset = spt_catalog_record(catalog, run, record);
    uint64_t diverged = catalog->diverged_step[run]; /* SPT_STEP_NONE is past every step */
    if (h->status != SPT_OK || offset == 0 || spt_record_step(spec, run, record) > diverged)
        return NULL;
    size_t bytes = 0;
    spt_status status = spt_journal_read(journal, offset, SPT_ENTRY_RECORD, run, record, g->entry,
                                         spt_record_bytes(spec, run), &bytes, h->err);
    if (status != SPT_OK) {
        h->status = status;
        return NULL;
    }
    return (const float *)(const void *)((const char *)g->entry + spt_entry_bytes(0));
}

/* Records first .. first + count - 1 of a run into the energies of probe p. */
static void write_energies(spt_h5 *h, const spt_store_spec *spec, hid_t array, size_t p, size_t run, size_t first,
                           size_t n, const float *values) {
    const spt_probe_shape *shape = &spec->probe_shapes[p];
    hsize_t start[SPT_H5_RANK] = {run, first}, count[SPT_H5_RANK] = {1, n};
    for (size_t i = 0; i < shape->n_dims; i++)
        count[2 + i] = shape->dim_size[i];
    spt_h5_array_write(h, array, H5T_NATIVE_FLOAT, 2 + shape->n_dims, start, count, values);
}

static void gather_run(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                       spt_probes_output *probes, size_t run, gathering *g) {
    size_t layers = spec->arenas[run].layers;
    for (size_t i = 0; i < g->n_records; i++) {
        const float *record = read_record(h, spec, journal, catalog, run, i, g);
        for (size_t m = 0; m < SPT_METRIC_COUNT; m++)
            g->metrics[m * g->n_records + i] = record != NULL ? record[m] : NAN;
        fill_missing(g->norms + i * g->layers, g->layers);
        if (record != NULL)
            memcpy(g->norms + i * g->layers, record + SPT_METRIC_COUNT, layers * sizeof *g->norms);
        size_t at = SPT_METRIC_COUNT + layers;
        for (size_t p = 0; p < probes->n_probes; p++) {
            size_t size = spec->probe_shapes[p].energy_size, place = i % g->slab[p];
            float *row = g->energy[p] + place * size;
            if (record != NULL)
                memcpy(row, record + at, size * sizeof *row);
            else
                fill_missing(row, size);
            at += size;
            if (place + 1 == g->slab[p] || i + 1 == g->n_records)
                write_energies(h, spec, probes->probes[p].energy, p, run, i - place, place + 1, g->energy[p]);
        }
    }
}

static bool has_records(const spt_catalog *catalog, size_t run) {
    for (size_t i = 0; i < catalog->spec->records.n; i++)
        if (spt_catalog_record(catalog, run, i) != 0)
            return true;
    return false;
}

void spt_assemble_records(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                          spt_metrics_output *metrics, spt_probes_output *probes) {
    gathering g;
    if (!allocate(spec, &g))
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the records of a run");
    for (size_t r = 0; r < spec->n_runs && h->status == SPT_OK; r++) {
        if (!has_records(catalog, r))
            continue;
        gather_run(h, spec, journal, catalog, probes, r, &g);
        const hsize_t start[] = {r, 0, 0}, count[] = {1, g.n_records, g.layers};
        for (size_t m = 0; m < SPT_METRIC_COUNT; m++)
            spt_h5_array_write(h, metrics->metrics[m], H5T_NATIVE_FLOAT, 2, start, count, g.metrics + m * g.n_records);
        spt_h5_array_write(h, metrics->spectral_norm, H5T_NATIVE_FLOAT, 3, start, count, g.norms);
    }
    free_gathering(&g);
}
