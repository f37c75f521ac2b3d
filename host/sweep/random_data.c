#include "sweep/random_data.h"

#include "core/memory.h"
#include "spectrain/rng.h"

spt_status spt_random_dataset(const spt_data_shape *shape, size_t n, spt_dataset *dataset, spt_error *err) {
    *dataset = (spt_dataset){.inputs = shape->inputs, .outputs = shape->outputs, .classes = shape->classes};
    spt_split *train = &dataset->train;
    train->n = n;
    train->x = spt_memory_alloc(n * shape->inputs, sizeof *train->x);
    train->label = spt_memory_alloc(n, sizeof *train->label);
    train->label_true = spt_memory_alloc(n, sizeof *train->label_true);
    train->target = spt_memory_alloc(n * shape->outputs, sizeof *train->target);
    if (!train->x || !train->label || !train->label_true || !train->target)
        return spt_fail(err, SPT_ENOMEM, "%zu random examples: out of memory", n);
    for (size_t i = 0; i < n * shape->inputs; i++)
        train->x[i] = (float)(spt_random_unit(spt_random(0, SPT_STREAM_DATA, 0, i), 0) - 0.5);
    for (size_t i = 0; i < n && shape->classes > 0; i++)
        train->label[i] = train->label_true[i] = (int32_t)(i % shape->classes);
    if (shape->classes > 0) {
        spt_memory_free(train->target);
        train->target = NULL;
    } else {
        spt_memory_free(train->label);
        spt_memory_free(train->label_true);
        train->label = train->label_true = NULL;
    }
    return SPT_OK;
}

void spt_random_dataset_free(spt_dataset *dataset) {
    spt_memory_free(dataset->train.x);
    spt_memory_free(dataset->train.label);
    spt_memory_free(dataset->train.label_true);
    spt_memory_free(dataset->train.target);
    *dataset = (spt_dataset){0};
}
