#include "data/select.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { MAX_SELECTED = 1000, MAX_CLASS = 65535 };

static const char *const FORMS[] = {"classes", "binary", "signs"};

/* ---- reading */

static spt_status read_class(const spt_node *list, size_t i, spt_selection *out, spt_error *err) {
    const spt_node *item = spt_node_item(list, i);
    size_t class = 0;
    spt_status status = spt_node_as_size(item, 0, MAX_CLASS, &class, err);
    for (size_t before = 0; before < i && status == SPT_OK; before++)
        if (out->class[before] == (int32_t) class)
            status = spt_node_fail(item, err, "is %zu, as is item %zu; allowed: each class once", class, before);
    out->class[i] = (int32_t) class;
    return status;
}

static spt_status read_select(const spt_node *section, const spt_source *source, spt_selection *out, spt_error *err) {
    const spt_node *list = spt_node_find(section, "select"), *value;
    if (list == NULL)
        return SPT_OK;
    if (source->generated)
        return spt_node_fail(list, err, "is not for source %s, which is made and not loaded; remove it", source->name);
    size_t n = spt_node_count(list);
    if (spt_node_get_kind(list) != SPT_NODE_LIST || n < 2 || n > MAX_SELECTED)
        return spt_node_fail(list, err, "expected a list of 2 to %d classes, like [3, 8]", MAX_SELECTED);
    spt_status status = spt_node_require(section, "train", &value, err);
    if (status == SPT_OK)
        status = spt_node_require(section, "test", &value, err);
    if (status != SPT_OK)
        return status;
    out->class = calloc(n, sizeof *out->class);
    if (out->class == NULL)
        return spt_fail(err, SPT_ENOMEM, "data.select: out of memory");
    for (size_t i = 0; i < n && status == SPT_OK; i++)
        status = read_class(list, i, out, err);
    out->n = n;
    return status;
}

spt_status spt_selection_read(const spt_node *section, const spt_source *source, spt_selection *out, spt_error *err) {
    size_t form = SPT_TARGETS_CLASSES;
    spt_status status = read_select(section, source, out, err);
    if (status == SPT_OK)
        status = spt_node_choice(section, "targets", FORMS, 3, &form, err);
    out->form = (spt_target_form)form;
    return status;
}

void spt_selection_release(spt_selection *selection) {
    free(selection->class);
}

void spt_selection_describe(const spt_selection *selection, FILE *key) {
    for (size_t i = 0; i < selection->n; i++)
        fprintf(key, "%s%d", i == 0 ? " select=" : ",", (int)selection->class[i]);
    if (selection->form != SPT_TARGETS_CLASSES)
        fprintf(key, " targets=%s", FORMS[selection->form]);
}

/* ---- the shape */

spt_status spt_selection_shape(const spt_selection *selection, const char *name, spt_data_shape *shape,
                               spt_error *err) {
    bool signs = selection->form == SPT_TARGETS_SIGNS;
    if (selection->n == 0 && selection->form == SPT_TARGETS_CLASSES)
        return SPT_OK;
    if (shape->classes == 0)
        return spt_fail(err, SPT_EINVAL, "data.%s: is for classes, but %s has real targets",
                        selection->n > 0 ? "select" : "targets", name);
    for (size_t i = 0; i < selection->n; i++)
        if ((size_t)selection->class[i] >= shape->classes)
            return spt_fail(err, SPT_EINVAL, "data.select: class %d, but %s has %zu; allowed: 0 to %zu",
                            (int)selection->class[i], name, shape -> classes, shape -> classes - 1);
    if (selection->n > 0)
        shape->classes = shape->outputs = selection->n;
    if (selection->form == SPT_TARGETS_CLASSES)
        return SPT_OK;
    if (shape->classes != 2)
        return spt_fail(err, SPT_EINVAL,
                        "data.targets: %s is for two classes, but there are %zu of %s; data.select "
                        "takes two of them",
                        FORMS[selection->form], shape->classes, name);
    shape->outputs = 1;
    shape->classes = signs ? 0 : 2;
    return SPT_OK;
}

/* ---- the examples */

/* The label that a class becomes; -1: it is not selected. */
static int32_t label_of(const spt_selection *selection, int32_t class) {
    for (size_t i = 0; i < selection->n; i++)
        if (selection->class[i] == class)
            return (int32_t)i;
    return -1;
}

/* The first `wanted` examples of the selected classes move into memory of their own: what a source loads may be many
 * times as much. */
static spt_status filter(const spt_selection *selection, const char *name, const char *key, size_t wanted,
                         const spt_dataset *dataset, spt_split *split, spt_error *err) {
    const size_t inputs = dataset->inputs;
    spt_split all = *split;
    *split = (spt_split){0};
    size_t there = 0, taken = 0;
    for (size_t i = 0; i < all.n; i++)
        there += label_of(selection, all.label[i]) >= 0;
    spt_status status = SPT_OK;
    if (there < wanted)
        status =
            spt_fail(err, SPT_EDATA, "%s: holds %zu examples of the classes of data.select, but data.%s asks for %zu",
                     name, there, key, wanted);
    if (status == SPT_OK)
        status = spt_split_alloc(dataset, split, wanted, err);
    for (size_t i = 0; i < all.n && taken < wanted && status == SPT_OK; i++) {
        int32_t label = label_of(selection, all.label[i]);
        if (label < 0)
            continue;
        memcpy(split->x + taken * inputs, all.x + i * inputs, inputs * sizeof *split->x);
        split->label[taken++] = label;
    }
    spt_memory_free(all.x);
    spt_memory_free(all.label);
    return status;
}

/* Labels 0 and 1 become targets -1 and +1. */
static spt_status make_signs(spt_split *split, spt_error *err) {
    split->target = spt_memory_alloc(split->n, sizeof *split->target);
    if (split->target == NULL)
        return spt_fail(err, SPT_ENOMEM, "data.targets: out of memory for %zu examples", split->n);
    for (size_t i = 0; i < split->n; i++)
        split->target[i] = split->label[i] == 1 ? 1.0f : -1.0f;
    spt_memory_free(split->label);
    split->label = NULL;
    return SPT_OK;
}

spt_status spt_selection_apply(const spt_selection *selection, const char *name, size_t train, size_t test,
                               spt_dataset *dataset, spt_error *err) {
    spt_data_shape shape = {.outputs = dataset->outputs, .classes = dataset->classes};
    spt_status status = spt_selection_shape(selection, name, &shape, err);
    if (status == SPT_OK && selection->n > 0)
        status = filter(selection, name, "train", train, dataset, &dataset->train, err);
    if (status == SPT_OK && selection->n > 0)
        status = filter(selection, name, "test", test, dataset, &dataset->test, err);
    if (status == SPT_OK && selection->form == SPT_TARGETS_SIGNS)
        status = make_signs(&dataset->train, err);
    if (status == SPT_OK && selection->form == SPT_TARGETS_SIGNS)
        status = make_signs(&dataset->test, err);
    if (status == SPT_OK) {
        dataset->outputs = shape.outputs;
        dataset->classes = shape.classes;
    }
    return status;
}
