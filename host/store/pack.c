#include "store/pack.h"

#include <string.h>

size_t spt_record_bytes(const spt_store_spec *spec, size_t run) {
    size_t floats = SPT_METRIC_COUNT + spec->arenas[run].layers;
    for (size_t p = 0; p < spec->n_probes; p++)
        floats += spec->probe_shapes[p].energy_size;
    return floats * sizeof(float);
}

size_t spt_snapshot_bytes(const spt_store_spec *spec, size_t run) {
    return spec->arenas[run].parameters * sizeof(float);
}

static float *narrow(const double *from, size_t count, float *to) {
    for (size_t i = 0; i < count; i++)
        to[i] = (float)from[i];
    return to + count;
}

void spt_record_pack(const spt_store_spec *spec, size_t run, const double *metrics, const double *norms,
                     const double *const *energy, void *payload) {
    float *next = narrow(metrics, SPT_METRIC_COUNT, payload);
    next = narrow(norms, spec->arenas[run].layers, next);
    for (size_t p = 0; p < spec->n_probes; p++)
        next = narrow(energy[p], spec->probe_shapes[p].energy_size, next);
}

static float *scaled(const float *from, size_t count, double scale, float *to) {
    if (scale == 1.0)
        memcpy(to, from, count * sizeof *to);
    else
        for (size_t i = 0; i < count; i++)
            to[i] = (float)(scale * (double)from[i]);
    return to + count;
}

void spt_snapshot_pack(const spt_store_spec *spec, size_t run, const void *state, void *payload) {
    const spt_arena *arena = &spec->arenas[run];
    const float *parameters = state;
    float *next = payload;
    for (size_t l = 0; l < arena->layers; l++) {
        spt_layer layer = spt_model_layer(&spec->models[run], l);
        next = scaled(parameters + layer.weight_offset, layer.fan_out * layer.fan_in, layer.weight_scale, next);
        next = scaled(parameters + layer.bias_offset, layer.fan_out, layer.bias_scale, next);
    }
}

size_t spt_run_number(const spt_store_spec *spec, size_t run) {
    return spec->shard != NULL ? spec->shard->numbers[run] : run;
}

uint64_t spt_record_step(const spt_store_spec *spec, size_t run, size_t record) {
    return spec->records.epoch[record] * spec->steps_per_epoch[run];
}

uint64_t spt_snapshot_step(const spt_store_spec *spec, size_t run, size_t snapshot) {
    return spec->snapshots.epoch[snapshot] * spec->steps_per_epoch[run];
}
