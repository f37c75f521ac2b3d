/* /weights/<run>/<layer> in FILE.h5, from the snapshots of all runs. Each run and layer has scales of its own: one for
 * all would need a list of all that use it. Memory: a slab of some snapshots. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/assemble.h"
#include "store/pack.h"

enum { SLAB_BYTES = 16 << 20 };

/* A run in the making. */
typedef struct run_output {
    spt_h5_group group;
    spt_weight_arrays arrays;
    spt_h5_group layer[SPT_LAYERS_MAX];
} run_output;

static void open_layer(spt_h5 *h, run_output *output, size_t l) {
    char name[32], weight_text[64], bias_text[64];
    snprintf(name, sizeof name, "%zu", l);
    snprintf(weight_text, sizeof weight_text, "weight of layer %zu", l);
    snprintf(bias_text, sizeof bias_text, "bias of layer %zu", l);
    spt_h5_group *group = &output->layer[l];
    spt_h5_group_open(h, group, &output->group, name);
    spt_h5_scale_count(h, group, "out", output->arrays.shape[l].fan_out, "unit that the layer feeds");
    spt_h5_scale_count(h, group, "in", output->arrays.shape[l].fan_in, "unit that feeds the layer");
    spt_h5_array weight = {.name = "weight",
                           .type = H5T_IEEE_F32LE,
                           .rank = 3,
                           .dims = {"snapshot", "out", "in"},
                           .lead = 1,
                           .long_name = weight_text,
                           .units = "1"};
    spt_h5_array bias = {.name = "bias",
                         .type = H5T_IEEE_F32LE,
                         .rank = 2,
                         .dims = {"snapshot", "out"},
                         .lead = 1,
                         .long_name = bias_text,
                         .units = "1"};
    output->arrays.weight[l] = spt_h5_array_create(h, group, &weight);
    output->arrays.bias[l] = spt_h5_array_create(h, group, &bias);
}

static void close_run(spt_h5 *h, run_output *output) {
    for (size_t l = 0; l < output->arrays.n_layers; l++) {
        spt_h5_array_close(h, output->arrays.weight[l]);
        spt_h5_array_close(h, output->arrays.bias[l]);
        spt_h5_group_close(h, &output->layer[l]);
    }
    spt_h5_group_close(h, &output->group);
}

/* Where the snapshots are. */
typedef struct snapshot_source {
    const spt_journal *journal;
    const spt_catalog *catalog;
} snapshot_source;

/* Snapshots first .. first + count - 1 into slab (count, parameters); false when none of them is there. */
static bool read_slab(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                      size_t run, size_t first, size_t count, void *entry, float *slab) {
    size_t parameters = spec->arenas[run].parameters, bytes = 0;
    bool any = false;
    for (size_t i = 0; i < count && h->status == SPT_OK; i++) {
        uint64_t offset = spt_catalog_snapshot(catalog, run, first + i);
        float *row = slab + i * parameters;
        bool there = offset != 0 && spt_snapshot_step(spec, run, first + i) <= catalog->diverged_step[run];
        for (size_t k = 0; k < parameters && !there; k++)
            row[k] = NAN;
        if (!there)
            continue;
        spt_status status = spt_journal_read(journal, offset, SPT_ENTRY_SNAPSHOT, run, first + i, entry,
                                             spt_snapshot_bytes(spec, run), &bytes, h->err);
        if (status != SPT_OK)
            h->status = status;
        else
            memcpy(row, (char *)entry + spt_entry_bytes(0), parameters * sizeof *row);
        any = true;
    }
    return any;
}

/* One tensor of size floats out of each snapshot of a slab, from `place` on. packed: room for (count, size). */
static void write_tensor(spt_h5 *h, hid_t array, size_t rank, size_t first, size_t count, const hsize_t *dims,
                         size_t size, const float *slab, size_t parameters, size_t place, bool is_all, float *packed) {
    for (size_t i = 0; i < count; i++)
        memcpy(packed + i * size, slab + i * parameters + place, size * sizeof *packed);
    hsize_t start[3] = {first, 0, 0}, block[3] = {count, dims[0], rank > 2 ? dims[1] : 0};
    /* A whole array is written without a selection, which takes as long as the values of a small one. */
    spt_h5_array_write(h, array, H5T_NATIVE_FLOAT, rank, is_all ? NULL : start, block, packed);
}

static void write_snapshots(spt_h5 *h, const spt_store_spec *spec, size_t run, const spt_weight_arrays *arrays,
                            void *user) {
    const snapshot_source *source = user;
    size_t n = spec->snapshots.n, parameters = spec->arenas[run].parameters, bytes = parameters * sizeof(float);
    size_t at_once = bytes < SLAB_BYTES ? SLAB_BYTES / bytes : 1;
    at_once = at_once < n ? at_once : n;
    float *slab = malloc(at_once * bytes), *packed = malloc(at_once * bytes);
    void *entry = malloc(spt_entry_bytes(spt_snapshot_bytes(spec, run)));
    if (slab == NULL || packed == NULL || entry == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the weights of a run");
    for (size_t first = 0; first < n && h->status == SPT_OK; first += at_once) {
        size_t count = n - first < at_once ? n - first : at_once, place = 0;
        if (!read_slab(h, spec, source->journal, source->catalog, run, first, count, entry, slab))
            continue;
        for (size_t l = 0; l < arrays->n_layers; l++) {
            const spt_layer *s = &arrays->shape[l];
            const hsize_t dims[] = {s->fan_out, s->fan_in};
            write_tensor(h, arrays->weight[l], 3, first, count, dims, s->fan_out * s->fan_in, slab, parameters, place,
                         count == n, packed);
            place += s->fan_out * s->fan_in;
            write_tensor(h, arrays->bias[l], 2, first, count, dims, s->fan_out, slab, parameters, place, count == n,
                         packed);
            place += s->fan_out;
        }
    }
    free(entry);
    free(packed);
    free(slab);
}

void spt_assemble_run_weights(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *weights, size_t run,
                              spt_weights_fill fill, void *user) {
    char name[32];
    snprintf(name, sizeof name, "%zu", spt_run_number(spec, run));
    run_output *output = malloc(sizeof *output);
    if (output == NULL || spec->arenas[run].layers > SPT_LAYERS_MAX) {
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the layers of a run");
        free(output);
        return;
    }
    output->arrays.n_layers = spec->arenas[run].layers;
    spt_h5_group_open(h, &output->group, weights, name);
    spt_assemble_snapshot_scale(h, &output->group, spec);
    for (size_t l = 0; l < output->arrays.n_layers; l++) {
        output->arrays.shape[l] = spt_model_layer(&spec->models[run], l);
        open_layer(h, output, l);
    }
    if (fill != NULL && h->status == SPT_OK)
        fill(h, spec, run, &output->arrays, user);
    close_run(h, output);
    free(output);
}

void spt_assemble_weights(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal,
                          const spt_catalog *catalog) {
    snapshot_source source = {journal, catalog};
    spt_h5_group weights;
    spt_h5_group_open(h, &weights, NULL, "weights");
    for (size_t r = 0; r < spec->n_runs && h->status == SPT_OK; r++)
        spt_assemble_run_weights(h, spec, &weights, r, write_snapshots, &source);
    spt_h5_group_close(h, &weights);
}
