/* How large FILE.h5 will be: the file is made in memory by the code that will make it on disk, without its arrays'
 * values, and what those take is added up. Of many runs' weights some are made, and taken as the measure of the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/assemble.h"
#include "store/seal.h"

enum { SAMPLE_RUNS = 24, GRAIN_BYTES = 64, SLACK_BYTES = 1024 };
/* SLACK_BYTES: small chunks lie in blocks of 2,048 bytes, of which the last is half empty on average. */

/* ---- probes as they may turn out: of their names and settings nothing is known yet */

static const char *const DIM_NAMES[SPT_PROBE_MAX_DIMS] = {"frequency", "frequency_2"};
static const char *const LINE_SETTINGS[][2] = {
    {"split", "train"},        {"points", "100"},
    {"samples", "128"},        {"radius", "3.5"},
    {"radius_units", "input"}, {"cycles_per_input_unit", "0.5"},
    {"detrend", "none"},       {"normalization", "|rfft|^2"},
    {"direction", "random"},
};
static const char *const EXTRA_NAMES[SPT_PROBE_MAX_EXTRAS] = {"example", "direction", "x", "y"};
static const char *const GRID_SETTINGS[][2] = {{"samples", "200"}, {"normalization", "|rfft / samples|^2"}};

/* Extras of one size lie along one dimension; that of the energies, if it has that size. */
static const char *name_of_size(const spt_probe_shape *shape, size_t size) {
    static const char *const names[] = {"point", "input", "third", "fourth", "fifth", "sixth", "seventh", "eighth"};
    size_t place = 0;
    for (size_t i = 0; i < shape->n_dims; i++)
        if (shape->dim_size[i] == size)
            return DIM_NAMES[i];
    while (shape->extra_size[place / 2][place % 2] != size)
        place++;
    return names[place];
}

static bool fabricate_probe(const spt_store_spec *spec, size_t p, spt_probe *probe) {
    const spt_probe_shape *shape = &spec->probe_shapes[p];
    static const float real = 0;
    *probe = (spt_probe){.kind = "line",
                         .long_name = "energy of the outputs along lines through training examples",
                         .units = "output^2",
                         .n_dims = shape->n_dims,
                         .n_extras = shape->n_extras < SPT_PROBE_MAX_EXTRAS ? shape->n_extras : SPT_PROBE_MAX_EXTRAS,
                         .n_attributes = shape->n_extras > 0 ? sizeof LINE_SETTINGS / sizeof *LINE_SETTINGS : 2};
    for (size_t i = 0; i < probe->n_attributes; i++) {
        const char *const *setting = shape->n_extras > 0 ? LINE_SETTINGS[i] : GRID_SETTINGS[i];
        probe->attributes[i].key = setting[0];
        snprintf(probe->attributes[i].text, sizeof probe->attributes[i].text, "%s", setting[1]);
    }
    for (size_t i = 0; i < shape->n_dims; i++) {
        probe->dims[i] = (spt_probe_dim){.name = DIM_NAMES[i],
                                         .long_name = "frequency of the energy",
                                         .units = "cycles per window",
                                         .size = shape->dim_size[i]};
        probe->dims[i].coordinate = calloc(shape->dim_size[i] + 1, sizeof *probe->dims[i].coordinate);
        if (probe->dims[i].coordinate == NULL)
            return false;
    }
    for (size_t i = 0; i < probe->n_extras; i++) {
        size_t second = shape->extra_size[i][1];
        probe->extras[i] = (spt_probe_extra){.name = EXTRA_NAMES[i],
                                             .long_name = "direction of the line, drawn uniformly from the unit sphere",
                                             .units = "1",
                                             .n_dims = second == 0 ? 1 : 2,
                                             .dim_size = {shape->extra_size[i][0], second},
                                             .real = &real};
        for (size_t d = 0; d < probe->extras[i].n_dims; d++)
            probe->extras[i].dim_name[d] = name_of_size(shape, shape->extra_size[i][d]);
    }
    return true;
}

static void free_probes(const spt_store_spec *spec, spt_probe *probes) {
    for (size_t p = 0; probes != NULL && p < spec->n_probes; p++)
        for (size_t i = 0; i < SPT_PROBE_MAX_DIMS; i++)
            free(probes[p].dims[i].coordinate);
    free(probes);
}

static spt_probe *fabricate_probes(const spt_store_spec *spec) {
    spt_probe *probes = calloc(spec->n_probes + 1, sizeof *probes);
    bool all = probes != NULL;
    for (size_t p = 0; p < spec->n_probes && all; p++)
        all = fabricate_probe(spec, p, &probes[p]);
    if (!all) {
        free_probes(spec, probes);
        return NULL;
    }
    return probes;
}

/* ---- the parts */

static uint64_t file_bytes(spt_h5 *h) {
    hsize_t bytes = 0;
    hssize_t unused = 0; /* the rest of the block that HDF5 takes from the file for its next objects */
    if (h->status == SPT_OK && (H5Fflush(h->file, H5F_SCOPE_LOCAL) < 0 || H5Fget_filesize(h->file, &bytes) < 0 ||
                                (unused = H5Fget_freespace(h->file)) < 0))
        spt_h5_fail(h);
    return bytes - (hsize_t)unused;
}

static void make_all_but_weights(spt_h5 *h, const spt_store_spec *spec, const spt_probe *probes,
                                 const spt_run_status *status, const uint64_t *diverged_step) {
    static const char sum[] = "0000000000000000000000000000000000000000000000000000000000000000";
    spt_assemble_root(h, spec, sum, "2000-01-01T00:00:00Z", true);
    spt_assemble_runs(h, spec, status, diverged_step);
    spt_assemble_schedules(h, spec);
    spt_metrics_output metrics;
    spt_metrics_output_open(h, spec, &metrics);
    spt_metrics_output_close(h, &metrics);
    spt_probes_output output;
    spt_probes_output_open(h, spec, probes, &output);
    spt_probes_output_close(h, &output);
    spt_data_output data;
    spt_data_output_open(h, spec, &data);
    for (hsize_t d = 0; d < spec->n_datasets; d++) {
        const char *text = sum;
        const hsize_t one = 1;
        spt_h5_array_write(h, data.sha256, h->text, 1, &d, &one, &text);
    }
    spt_data_output_close(h, &data);
}

/* Chunks of all arrays of a run's weights. */
static uint64_t weight_storage(const spt_store_spec *spec, size_t run) {
    hsize_t n = spec->snapshots.n;
    uint64_t bytes = spt_h5_storage(1, &n, 8, 0);
    for (size_t l = 0; l < spec->arenas[run].layers; l++) {
        spt_layer layer = spt_model_layer(&spec->models[run], l);
        const hsize_t dims[] = {n, layer.fan_out, layer.fan_in};
        bytes += spt_h5_storage(3, dims, 4, 1) + spt_h5_storage(2, dims, 4, 1) + spt_h5_storage(1, dims + 1, 8, 0) +
                 spt_h5_storage(1, dims + 2, 8, 0);
    }
    return bytes;
}

/* What the weights take: chunks of all runs, and what lies around them as in a sample, by the number of layers. */
static uint64_t weights_bytes(spt_h5 *h, const spt_store_spec *spec) {
    uint64_t before = file_bytes(h), storage = 0;
    size_t n = spec->n_runs, sample = n < SAMPLE_RUNS ? n : SAMPLE_RUNS, all_layers = 0, sample_layers = 0;
    spt_h5_group weights;
    spt_h5_group_open(h, &weights, NULL, "weights");
    for (size_t i = 0; i < sample; i++) {
        size_t run = i * n / sample;
        spt_assemble_run_weights(h, spec, &weights, run, NULL, NULL);
        sample_layers += 1 + spec->arenas[run].layers;
    }
    spt_h5_group_close(h, &weights);
    uint64_t around = file_bytes(h) - before;
    for (size_t r = 0; r < n; r++) {
        storage += weight_storage(spec, r);
        all_layers += 1 + spec->arenas[r].layers;
    }
    return storage + (uint64_t)((double)around * (double)all_layers / (double)sample_layers);
}

uint64_t spt_store_predict_bytes(const spt_store_spec *spec) {
    uint64_t bytes = SLACK_BYTES;
    spt_probe *probes = fabricate_probes(spec);
    spt_run_status *status = calloc(spec->n_runs + 1, sizeof *status);
    uint64_t *diverged_step = calloc(spec->n_runs + 1, sizeof *diverged_step);
    if (probes != NULL && status != NULL && diverged_step != NULL) {
        spt_h5 h;
        spt_h5_begin(&h, "predicted file", NULL);
        h.dry = true;
        hid_t access = H5Pcreate(H5P_FILE_ACCESS);
        if (access < 0 || H5Pset_fapl_core(access, GRAIN_BYTES, false) < 0)
            spt_h5_fail(&h);
        spt_assemble_create(&h, access, "predicted", spec->n_runs);
        make_all_but_weights(&h, spec, probes, status, diverged_step);
        bytes += file_bytes(&h) + h.unwritten;
        bytes += weights_bytes(&h, spec);
        if (access >= 0)
            H5Pclose(access);
        spt_h5_end(&h);
    }
    free(diverged_step);
    free(status);
    free_probes(spec, probes);
    return bytes + spt_seal_size(bytes);
}
