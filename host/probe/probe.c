/* Making, freeing and walking a probe: what all kinds have in common. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "probe/spec.h"

spt_status spt_probe_make(const spt_probe_spec *spec, const spt_dataset *dataset, uint32_t seed, spt_probe **out,
                          spt_error *err) {
    *out = NULL;
    spt_probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL)
        return spt_fail(err, SPT_ENOMEM, "probe %s: out of memory", spec->name);
    snprintf(probe->name, sizeof probe->name, "%s", spec->name);
    probe->kind = spec->kind->name;
    probe->inputs = dataset->inputs;
    probe->outputs = dataset->outputs;
    spt_error cause = {0};
    if (spec->kind->make(spec->settings, dataset, seed, probe, &cause) != SPT_OK ||
        spt_probe_make_common(spec, seed, probe, &cause) != SPT_OK) {
        spt_probe_free(probe);
        return spt_probe_spec_fail(spec, &cause, err);
    }
    *out = probe;
    return SPT_OK;
}

static float unreadable; /* where the arrays of an outline are */
static size_t unreadable_first;
static uint32_t unreadable_index;
static double unreadable_weight, unreadable_norm;

void spt_probe_outline(const spt_probe_shape *shape, const spt_data_shape *data, const char *name, spt_probe *outline) {
    *outline = (spt_probe){.inputs = data->inputs,
                           .outputs = data->outputs,
                           .geometry = shape->geometry,
                           .series = shape->series,
                           .samples = shape->samples,
                           .transform = shape->transform,
                           .detrend = shape->detrend,
                           .towards = shape->towards,
                           .coefficients = shape->coefficients,
                           .fold = {&unreadable_first, &unreadable_index, &unreadable_weight, shape->fold_terms},
                           .origin = &unreadable,
                           .direction = &unreadable,
                           .points = &unreadable,
                           .basis = &unreadable,
                           .at = shape->at,
                           .perturb = {.n_norms = shape->norms,
                                       .directions = shape->directions,
                                       .norm = shape->norms > 0 ? &unreadable_norm : NULL},
                           .energy_size = shape->energy_size};
    snprintf(outline->name, sizeof outline->name, "%s", name);
}

void spt_probe_free(spt_probe *probe) {
    if (probe == NULL)
        return;
    for (size_t i = 0; i < SPT_PROBE_MAX_DIMS; i++)
        free(probe->dims[i].coordinate);
    spt_memory_free(probe->origin);
    spt_memory_free(probe->direction);
    spt_memory_free(probe->own_points);
    spt_memory_free(probe->basis);
    spt_memory_free(probe->own_extras);
    free(probe->perturb.norm);
    free(probe->fold.first);
    free(probe->fold.index);
    free(probe->fold.weight);
    free(probe->example);
    free(probe);
}

spt_status spt_probe_add_dim(spt_probe *probe, const char *name, const char *long_name, const char *units, size_t size,
                             spt_error *err) {
    spt_probe_dim *dim = &probe->dims[probe->n_dims];
    *dim = (spt_probe_dim){.name = name, .long_name = long_name, .units = units, .size = size};
    dim->coordinate = calloc(size, sizeof *dim->coordinate);
    if (dim->coordinate == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for %zu values of %s", size, name);
    probe->energy_size = probe->n_dims++ == 0 ? size : probe->energy_size * size;
    return SPT_OK;
}

spt_status spt_probe_frequency_dim(spt_probe *probe, size_t size, const char *units, spt_error *err) {
    spt_status status = spt_probe_add_dim(probe, "frequency", "frequency", units, size, err);
    for (size_t k = 0; k < size && status == SPT_OK; k++)
        probe->dims[0].coordinate[k] = (double)k;
    return status;
}

spt_status spt_probe_make_fold(spt_probe *probe, size_t terms, spt_error *err) {
    spt_fold *fold = &probe->fold;
    fold->terms = terms;
    fold->first = calloc(probe->energy_size + 1, sizeof *fold->first);
    fold->index = calloc(terms + 1, sizeof *fold->index);
    fold->weight = calloc(terms + 1, sizeof *fold->weight);
    if (fold->first == NULL || fold->index == NULL || fold->weight == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory to fold %zu coefficients", terms);
    return SPT_OK;
}

void spt_probe_shape_extra(spt_probe_shape *shape, size_t first, size_t second) {
    size_t *size = shape->extra_size[shape->n_extras++];
    size[0] = first;
    size[1] = second;
    shape->extra_bytes += first * (second > 0 ? second : 1) * sizeof(float);
}

/* The place for one more attribute; a kind with too many overwrites its last, and the tests see it missing. */
static char *attribute(spt_probe *probe, const char *key) {
    if (probe->n_attributes < SPT_PROBE_MAX_ATTRIBUTES)
        probe->n_attributes++;
    spt_probe_attribute *last = &probe->attributes[probe->n_attributes - 1];
    last->key = key;
    return last->text;
}

enum { TEXT_SIZE = sizeof((spt_probe_attribute *)0)->text };

void spt_probe_note_text(spt_probe *probe, const char *key, const char *text) {
    snprintf(attribute(probe, key), TEXT_SIZE, "%s", text);
}

void spt_probe_note_size(spt_probe *probe, const char *key, size_t value) {
    snprintf(attribute(probe, key), TEXT_SIZE, "%zu", value);
}

void spt_probe_note_real(spt_probe *probe, const char *key, double value) {
    snprintf(attribute(probe, key), TEXT_SIZE, "%.17g", value);
}

/* fmaf and not a * b + c: one rounding, on every compiler and on the device alike, so that the points are equal bit for
 * bit. It is one instruction where the processor has it. For the same reason t's product and sum are two roundings, in
 * float64: the build and the device contract nothing. */
static void line_rows(const spt_probe *probe, size_t first, size_t count, float *restrict x) {
    const size_t inputs = probe->inputs;
    for (size_t i = 0; i < count; i++) {
        size_t series = (first + i) / probe->samples, sample = (first + i) % probe->samples;
        const float *restrict origin = probe->origin + series * inputs;
        const float *restrict direction = probe->direction + series * inputs;
        float *restrict row = x + i * inputs;
        float t = (float)(probe->t0 + (double)sample * probe->dt);
        for (size_t j = 0; j < inputs; j++)
            row[j] = fmaf(t, direction[j], origin[j]);
    }
}

void spt_probe_rows(const spt_probe *probe, size_t first, size_t count, float *x) {
    switch (probe->geometry) {
    case SPT_GEOMETRY_LINES:
        line_rows(probe, first, count, x);
        break;
    case SPT_GEOMETRY_POINTS:
        memcpy(x, probe->points + first * probe->inputs, count * probe->inputs * sizeof *x);
        break;
    }
}
