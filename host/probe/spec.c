/* One item of `probes:`: its name, its kind, and the settings that the kind reads. */
#include "probe/spec.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char NAME_CHARACTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

enum { MAX_KINDS = 16, MAX_SAMPLES = 1 << 20 };

/* Names become HDF5 groups and Python variables' stems, so they stay plain. */
static spt_status read_name(const spt_node *item, char **name, spt_error *err) {
    const spt_node *node;
    spt_status status = spt_node_require(item, "name", &node, err);
    if (status == SPT_OK)
        status = spt_node_string(item, "name", name, err);
    if (status != SPT_OK)
        return status;
    size_t length = strlen(*name), longest = sizeof((spt_probe *)0)->name - 1;
    if (length == 0 || strchr(LETTERS, (*name)[0]) == NULL || strspn(*name, NAME_CHARACTERS) != length)
        return spt_node_fail(node, err, "is '%s'; allowed: letters, digits, _ and -, a letter first", *name);
    if (length > longest)
        return spt_node_fail(node, err, "has %zu characters; allowed: at most %zu", length, longest);
    return SPT_OK;
}

static spt_status read_kind(const spt_node *item, const spt_probe_kind **kind, spt_error *err) {
    const char *names[MAX_KINDS];
    size_t n = 0, choice = 0;
    while (n < MAX_KINDS && spt_probe_kinds[n] != NULL) {
        names[n] = spt_probe_kinds[n]->name;
        n++;
    }
    const spt_node *node;
    spt_status status = spt_node_require(item, "kind", &node, err);
    if (status == SPT_OK)
        status = spt_node_choice(item, "kind", names, n, &choice, err);
    if (status == SPT_OK)
        *kind = spt_probe_kinds[choice];
    return status;
}

static spt_status allow_keys(const spt_node *item, const spt_probe_kind *kind, spt_error *err) {
    const char *keys[4 + SPT_PROBE_MAX_KEYS] = {"name", "kind"};
    size_t n = 2;
    for (size_t i = 0; kind->keys[i] != NULL && i < SPT_PROBE_MAX_KEYS; i++)
        keys[n++] = kind->keys[i];
    keys[n++] = "at";
    keys[n++] = "perturb";
    return spt_node_only(item, keys, n, err);
}

spt_status spt_probe_read_samples(const spt_node *item, size_t *samples, spt_error *err) {
    const spt_node *node;
    spt_status status = spt_node_require(item, "samples", &node, err);
    if (status == SPT_OK)
        status = spt_node_size(item, "samples", 2, MAX_SAMPLES, samples, err);
    if (status == SPT_OK && *samples % 2 != 0)
        status = spt_node_fail(node, err, "is %zu; allowed: an even number, 2 to %d", *samples, (int)MAX_SAMPLES);
    return status;
}

static const char *const DETREND[] = {[SPT_DETREND_NONE] = "none", [SPT_DETREND_ENDS] = "ends"};

spt_status spt_probe_read_detrend(const spt_node *item, spt_detrend *detrend, spt_error *err) {
    size_t choice = SPT_DETREND_NONE;
    spt_status status = spt_node_choice(item, "detrend", DETREND, sizeof DETREND / sizeof *DETREND, &choice, err);
    *detrend = (spt_detrend)choice;
    return status;
}

const char *spt_detrend_name(spt_detrend detrend) {
    return DETREND[detrend];
}

spt_status spt_probe_spec_read(const spt_node *item, spt_probe_spec **out, spt_error *err) {
    *out = NULL;
    if (spt_node_get_kind(item) != SPT_NODE_MAP)
        return spt_node_fail(item, err, "is not a map; a probe is {name: ..., kind: ..., its settings}");
    spt_probe_spec *spec = calloc(1, sizeof *spec);
    if (spec == NULL)
        return spt_fail(err, SPT_ENOMEM, "probe: out of memory");
    const spt_probe_kind *kind = NULL;
    spt_status status = read_kind(item, &kind, err);
    if (status == SPT_OK)
        status = allow_keys(item, kind, err);
    if (status == SPT_OK)
        status = read_name(item, &spec->name, err);
    if (status == SPT_OK) {
        spec->kind = kind;
        spec->settings = spt_memory_alloc(1, kind->settings_size);
        status = spec->settings == NULL ? spt_fail(err, SPT_ENOMEM, "probe %s: out of memory", spec->name)
                                        : kind->read(item, spec->settings, err);
    }
    if (status == SPT_OK)
        status = spt_probe_read_common(item, spec, err);
    if (status == SPT_OK)
        *out = spec;
    else
        spt_probe_spec_free(spec);
    return status;
}

void spt_probe_spec_free(spt_probe_spec *spec) {
    if (spec == NULL)
        return;
    if (spec->settings != NULL && spec->kind->release != NULL)
        spec->kind->release(spec->settings);
    spt_memory_free(spec->settings);
    free(spec->perturb.norm);
    free(spec->name);
    free(spec);
}

const char *spt_probe_spec_name(const spt_probe_spec *spec) {
    return spec->name;
}

spt_status spt_probe_spec_fail(const spt_probe_spec *spec, const spt_error *cause, spt_error *err) {
    return spt_fail(err, cause->status, "probe %s: %s", spec->name, cause->message);
}

spt_status spt_probe_spec_shape(const spt_probe_spec *spec, const spt_data_shape *data, spt_probe_shape *shape,
                                spt_error *err) {
    spt_error cause = {0};
    memset(shape, 0, sizeof *shape);
    if (spec->kind->shape(spec->settings, data, shape, &cause) != SPT_OK ||
        spt_probe_shape_common(spec, shape, &cause) != SPT_OK)
        return spt_probe_spec_fail(spec, &cause, err);
    return SPT_OK;
}
