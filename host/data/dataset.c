/* From a checked section to a data set: source, checks, selection, standardisation, noise, hash. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/spec.h"

static const char *name_of(const spt_data_spec *spec) {
    return spec->path != NULL ? spec->path : spec->source->name;
}

static spt_status check_noise(const spt_data_spec *spec, const spt_data_shape *shape, spt_error *err) {
    char words[SPT_ERROR_CAPACITY];
    if (spt_noise_fits(&spec->noise, name_of(spec), shape, words))
        return SPT_OK;
    return spt_fail(err, SPT_EINVAL, "data.label_noise: %s", words);
}

/* From the source's shape to that of the data. */
static spt_status final_shape(const spt_data_spec *spec, spt_data_shape *shape, spt_error *err) {
    spt_status status = spt_selection_shape(&spec->selection, name_of(spec), shape, err);
    if (status == SPT_OK && spec->selection.n > 0) { /* whether as many are of these classes shows when they are read */
        status = spt_source_take(name_of(spec), "train", spec->train, shape->train, &shape->train, err);
        if (status == SPT_OK)
            status = spt_source_take(name_of(spec), "test", spec->test, shape->test, &shape->test, err);
    }
    if (status == SPT_OK)
        status = check_noise(spec, shape, err);
    if (spec->test_is_train)
        shape->test = shape->train;
    return status;
}

spt_status spt_data_spec_shape(const spt_data_spec *spec, spt_data_shape *shape, spt_error *err) {
    spt_source_request request = spt_data_spec_request(spec);
    spt_data_shape found = {0};
    spt_status status = spec->source->shape(&request, &found, err);
    if (status == SPT_OK)
        status = final_shape(spec, &found, err);
    if (status == SPT_OK)
        *shape = found;
    return status;
}

static spt_status check_split(const spt_data_spec *spec, const spt_dataset *dataset, const spt_split *split,
                              const char *inputs, const char *targets, spt_error *err) {
    spt_status status = spt_source_check_finite(name_of(spec), inputs, split->x, split->n, dataset->inputs, err);
    if (status != SPT_OK || dataset->classes > 0)
        return status;
    return spt_source_check_finite(name_of(spec), targets, split->target, split->n, dataset->outputs, err);
}

static spt_status check_finite(const spt_data_spec *spec, const spt_dataset *dataset, spt_error *err) {
    spt_status status = check_split(spec, dataset, &dataset->train, "train x", "train y", err);
    return status == SPT_OK ? check_split(spec, dataset, &dataset->test, "test x", "test y", err) : status;
}

static spt_status keep_truth(const spt_dataset *dataset, spt_split *split, spt_error *err) {
    bool classes = dataset->classes > 0;
    size_t count = classes ? split->n : split->n * dataset->outputs;
    size_t size = classes ? sizeof *split->label : sizeof *split->target;
    void *copy = spt_memory_alloc(count, size);
    if (copy == NULL)
        return spt_fail(err, SPT_ENOMEM, "data: out of memory for %zu labels or targets", count);
    memcpy(copy, classes ? (const void *)split->label : (const void *)split->target, count * size);
    if (classes)
        split->label_true = copy;
    else
        split->target_true = copy;
    return SPT_OK;
}

/* The test split as training without noise. */
static spt_status test_on_clean_train(spt_dataset *dataset, spt_error *err) {
    const spt_split *train = &dataset->train;
    spt_split *test = &dataset->test;
    spt_memory_free(test->x);
    spt_memory_free(test->label);
    spt_memory_free(test->target);
    *test = (spt_split){0};
    spt_status status = spt_split_alloc(dataset, test, train->n, err);
    if (status != SPT_OK)
        return status;
    memcpy(test->x, train->x, train->n * dataset->inputs * sizeof *test->x);
    if (dataset->classes > 0)
        memcpy(test->label, train->label_true, train->n * sizeof *test->label);
    else
        memcpy(test->target, train->target_true, train->n * dataset->outputs * sizeof *test->target);
    return SPT_OK;
}

static spt_status add_noise(const spt_data_spec *spec, spt_dataset *dataset, spt_error *err) {
    spt_split *train = &dataset->train;
    if (dataset->classes > 0)
        return spt_label_noise(spec->noise.kind, spec->noise.fraction, spec->seed, dataset->classes, train->label,
                               train->n, err);
    return spt_target_noise(&spec->noise, spec->seed, train->x, dataset->inputs, train->target, dataset->outputs,
                            train->n, err);
}

static spt_status fill(const spt_data_spec *spec, spt_dataset *dataset, spt_error *err) {
    spt_source_request request = spt_data_spec_request(spec);
    dataset->generated = spec->source->generated;
    spt_status status = spec->source->make(&request, dataset, err);
    if (status == SPT_OK)
        status = check_finite(spec, dataset, err);
    if (status == SPT_OK)
        status = spt_selection_apply(&spec->selection, name_of(spec), spec->train, spec->test, dataset, err);
    if (status == SPT_OK)
        status = check_noise(spec, &(spt_data_shape){.inputs = dataset->inputs, .classes = dataset->classes}, err);
    if (status == SPT_OK)
        status = keep_truth(dataset, &dataset->train, err);
    if (status == SPT_OK && spec->standardize != SPT_STANDARDIZE_NONE) {
        status = spt_standardize_splits(spec->standardize, dataset->inputs, &dataset->train, &dataset->test, err);
        if (status == SPT_OK) /* a test value far outside training's range may have left float32's */
            status = check_finite(spec, dataset, err);
    }
    if (status == SPT_OK && spec->test_is_train)
        status = test_on_clean_train(dataset, err);
    if (status == SPT_OK)
        status = keep_truth(dataset, &dataset->test, err);
    if (status == SPT_OK)
        status = add_noise(spec, dataset, err);
    if (status == SPT_OK)
        status = spt_dataset_digest(dataset, dataset->sha256, err);
    return status;
}

spt_status spt_dataset_make(const spt_data_spec *spec, spt_dataset **out, spt_error *err) {
    *out = NULL;
    spt_dataset *dataset = calloc(1, sizeof *dataset);
    if (dataset == NULL)
        return spt_fail(err, SPT_ENOMEM, "data: out of memory");
    spt_status status = fill(spec, dataset, err);
    if (status != SPT_OK) {
        spt_dataset_free(dataset);
        return status;
    }
    *out = dataset;
    return SPT_OK;
}

static void free_split(spt_split *split) {
    spt_memory_free(split->x);
    spt_memory_free(split->label);
    spt_memory_free(split->label_true);
    spt_memory_free(split->target);
    spt_memory_free(split->target_true);
}

void spt_dataset_free(spt_dataset *dataset) {
    if (dataset == NULL)
        return;
    free_split(&dataset->train);
    free_split(&dataset->test);
    free(dataset);
}
