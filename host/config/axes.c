/* `sweep:` as axes, and the product that they span. */
#include "config/axes.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* A value that was set by hand would be silently overruled by the axis: say so instead. */
static spt_status refuse_contradiction(const spt_config *config, const spt_node *axis, spt_error *err) {
    const char *rest;
    const spt_node *node = spt_tree_follow(config->root, axis->key, &rest);
    if (*rest != '\0' || node->origin->key == NULL)
        return SPT_OK;
    char place[SPT_PLACE_CAPACITY];
    spt_tree_place(axis, place);
    return spt_node_fail(node, err,
                         "is an axis of the sweep (%s), which decides over it; to replace the axis: --set "
                         "'sweep.%s=[%.40s]'",
                         place, axis->key, node->kind == SPT_NODE_SCALAR ? node->text : "...");
}

/* An axis inside of another cannot have both values. */
static spt_status refuse_nesting(const spt_node *sweep, const spt_node *axis, spt_error *err) {
    size_t length = strlen(axis->key);
    for (size_t i = 0; i < sweep->count; i++) {
        const spt_node *other = sweep->entries[i].value;
        if (strncmp(other->key, axis->key, length) == 0 && other->key[length] == '.')
            return spt_node_fail(other, err, "lies inside of another axis, %s", axis->key);
    }
    return SPT_OK;
}

static spt_status read_axis(const spt_config *config, const spt_node *sweep, size_t i, spt_axes *axes, spt_error *err) {
    const spt_node *node = sweep->entries[i].value;
    spt_axis_type type;
    spt_axis *axis = &axes->axes[axes->n_axes++];
    axis->key = spt_text_copy(node->key);
    if (axis->key == NULL)
        return spt_fail(err, SPT_ENOMEM, "sweep.%s: out of memory", node->key);
    spt_status status = spt_axis_key_type(node, &type, err);
    if (status == SPT_OK)
        status = refuse_nesting(sweep, node, err);
    if (status == SPT_OK)
        status = refuse_contradiction(config, node, err);
    if (status == SPT_OK)
        status = spt_axis_expand(node, type, axis, err);
    if (status != SPT_OK)
        return status;
    if (axis->n_values > SPT_AXES_MAX_RUNS / axes->n_runs)
        return spt_node_fail(sweep, err, "spans more than %d runs; allowed: at most %d", SPT_AXES_MAX_RUNS,
                             SPT_AXES_MAX_RUNS);
    axes->n_runs *= axis->n_values;
    return SPT_OK;
}

spt_status spt_config_axes(const spt_config *config, spt_axes *out, spt_error *err) {
    const spt_node *sweep = spt_node_find(config->root, "sweep");
    spt_axes axes = {.n_runs = 1};
    *out = axes;
    if (sweep == NULL || spt_tree_is_null(sweep) || (sweep->kind == SPT_NODE_MAP && sweep->count == 0))
        return SPT_OK;
    if (sweep->kind != SPT_NODE_MAP) {
        return spt_tree_fail_found(sweep, err, "a map from keys to lists or generators");
    }
    axes.axes = calloc(sweep->count, sizeof *axes.axes);
    if (axes.axes == NULL)
        return spt_fail(err, SPT_ENOMEM, "sweep: out of memory");
    spt_status status = SPT_OK;
    for (size_t i = 0; i < sweep->count && status == SPT_OK; i++)
        status = read_axis(config, sweep, i, &axes, err);
    if (status == SPT_OK)
        *out = axes;
    else
        spt_axes_free(&axes);
    return status;
}

void spt_axes_free(spt_axes *axes) {
    if (axes == NULL)
        return;
    for (size_t i = 0; i < axes->n_axes; i++) {
        free(axes->axes[i].key);
        free(axes->axes[i].values);
    }
    free(axes->axes);
    *axes = (spt_axes){0};
}

const spt_value *spt_axes_value(const spt_axes *axes, size_t a, size_t run) {
    size_t stride = 1;
    for (size_t i = a + 1; i < axes->n_axes; i++)
        stride *= axes->axes[i].n_values;
    const spt_axis *axis = &axes->axes[a];
    return &axis->values[run / stride % axis->n_values];
}
