/* What groups take: of the host's memory, and of a device's. */
#include "sweep/group_memory.h"

#include <stdlib.h>

#include "core/memory.h"

/* ---- on the host */

uint64_t spt_sweep_record_bytes(const spt_sweep *sweep, size_t run) {
    uint64_t bytes = sweep->data_shapes[sweep->run_dataset[run]].train; /* one flag an example */
    for (size_t p = 0; p < sweep->settings.n_probes; p++)
        bytes += sweep->probe_shapes[p].energy_size * sizeof(double);
    return bytes + sweep->arenas[run].layers * sizeof(double);
}

uint64_t spt_sweep_dataset_bytes(const spt_sweep *sweep, size_t dataset) {
    const spt_data_shape *shape = &sweep->data_shapes[dataset];
    uint64_t columns = shape->inputs + (shape->classes > 0 ? 2 : 2 * shape->outputs);
    uint64_t bytes = ((uint64_t)shape->train + shape->test) * columns * sizeof(float);
    for (size_t p = 0; p < sweep->settings.n_probes; p++)
        bytes += sweep->probe_shapes[p].extra_bytes + sweep->probe_shapes[p].memory_bytes;
    return bytes;
}

/* ---- on a device: a data set and probes without their arrays */

static float no_numbers[1]; /* arrays of which it matters that they are there */
static int32_t no_labels[1];

static spt_split outline_split(const spt_data_shape *shape, size_t n) {
    spt_split split = {.n = n, .x = no_numbers};
    if (shape->classes > 0)
        split.label = split.label_true = no_labels;
    else
        split.target = split.target_true = no_numbers;
    return split;
}

spt_status spt_group_outline_make(const spt_sweep *sweep, size_t dataset, spt_group_outline *outline, spt_error *err) {
    const spt_data_shape *shape = &sweep->data_shapes[dataset];
    const size_t n = sweep->settings.n_probes;
    *outline = (spt_group_outline){.dataset = {.inputs = shape->inputs,
                                               .outputs = shape->outputs,
                                               .classes = shape->classes,
                                               .train = outline_split(shape, shape->train),
                                               .test = outline_split(shape, shape->test)},
                                   .probes = calloc(n + 1, sizeof *outline->probes),
                                   .probe = calloc(n + 1, sizeof *outline->probe)};
    if (outline->probes == NULL || outline->probe == NULL) {
        spt_group_outline_free(outline);
        return spt_fail(err, SPT_ENOMEM, "probes: out of memory");
    }
    for (size_t p = 0; p < n; p++) {
        spt_probe_outline(&sweep->probe_shapes[p], shape, sweep->probe_names[p], &outline->probes[p]);
        outline->probe[p] = &outline->probes[p];
    }
    return SPT_OK;
}

void spt_group_outline_free(spt_group_outline *outline) {
    free(outline->probes);
    free(outline->probe);
    *outline = (spt_group_outline){0};
}

void spt_group_measure(const spt_sweep *sweep, const spt_group_place *place, const spt_group_outline *outline,
                       const spt_run_spec *specs, spt_planned_group *group) {
    group->host_bytes = spt_sweep_dataset_bytes(sweep, group->dataset);
    group->device_bytes = 0;
    for (size_t i = 0; i < group->n_runs; i++) {
        group->host_bytes += spt_sweep_record_bytes(sweep, group->runs[i]);
        if (place->backend == NULL)
            group->host_bytes += sweep->arenas[group->runs[i]].bytes;
    }
    if (place->backend == NULL)
        return;
    spt_group_spec spec = {.dataset = &outline->dataset,
                           .n_runs = group->n_runs,
                           .runs = specs,
                           .n_probes = sweep->settings.n_probes,
                           .probes = (const spt_probe *const *)outline->probe};
    uint64_t bytes = place->backend->group_bytes(place->device, &spec);
    uint64_t *sum = place->info.memory_is_host ? &group->host_bytes : &group->device_bytes;
    *sum = bytes < UINT64_MAX - *sum ? *sum + bytes : UINT64_MAX;
}

bool spt_group_fits(const spt_group_place *place, const spt_planned_group *group) {
    if (place->backend == NULL || place->info.memory_free == 0) /* where the system does not tell */
        return true;
    return (place->info.memory_is_host ? group->host_bytes : group->device_bytes) <= place->info.memory_free;
}
