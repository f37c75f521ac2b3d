/* Reading torch_reference.bin; make_torch_reference.py writes it and describes it. */
#ifndef SPT_TESTS_TORCH_REFERENCE_H
#define SPT_TESTS_TORCH_REFERENCE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "spectrain/model.h"

typedef struct spt_reference_case {
    uint32_t loss, optimizer, init, labels, full, reserved;
    double lr, momentum, weight_decay, beta1, beta2, eps;
    double *parameters; /* (n_snapshots, parameters) */
} spt_reference_case;

typedef struct spt_reference {
    uint32_t inputs, width, hidden_layers, outputs, n, batch, seed, n_snapshots, n_cases, parameters;
    uint64_t step[8];
    float *x, *target, *initial;
    int32_t *label;
    spt_reference_case cases[32];
} spt_reference;

static inline void take(FILE *file, void *to, size_t bytes) {
    assert_int_equal(fread(to, 1, bytes, file), bytes);
}

static inline void *take_array(FILE *file, size_t bytes) {
    void *array = spt_memory_alloc(bytes, 1);
    assert_non_null(array);
    take(file, array, bytes);
    return array;
}

static inline spt_reference *read_reference(void) {
    FILE *file = fopen(SPT_TEST_REFERENCE, "rb");
    spt_reference *r = calloc(1, sizeof *r);
    char magic[8];
    assert_non_null(file);
    assert_non_null(r);
    take(file, magic, sizeof magic);
    assert_memory_equal(magic, "sptref01", 8);
    take(file, &r->inputs, 10 * sizeof(uint32_t));
    assert_true(r->n_snapshots <= 8 && r->n_cases <= 32);
    take(file, r->step, r->n_snapshots * sizeof *r->step);
    r->x = take_array(file, (size_t)r->n * r->inputs * sizeof *r->x);
    r->label = take_array(file, r->n * sizeof *r->label);
    r->target = take_array(file, (size_t)r->n * r->outputs * sizeof *r->target);
    r->initial = take_array(file, r->parameters * sizeof *r->initial);
    for (size_t c = 0; c < r->n_cases; c++) {
        take(file, &r->cases[c].loss, 6 * sizeof(uint32_t));
        take(file, &r->cases[c].lr, 6 * sizeof(double));
        r->cases[c].parameters = take_array(file, (size_t)r->n_snapshots * r->parameters * sizeof(double));
    }
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    return r;
}

static inline void free_reference(spt_reference *r) {
    spt_memory_free(r->x);
    spt_memory_free(r->label);
    spt_memory_free(r->target);
    spt_memory_free(r->initial);
    for (size_t c = 0; c < r->n_cases; c++)
        spt_memory_free(r->cases[c].parameters);
    free(r);
}

static inline spt_model_spec reference_model(const spt_reference *r, const spt_reference_case *c) {
    return (spt_model_spec){r->inputs, r->width, r->hidden_layers, r->outputs, (spt_init)c->init};
}

static inline spt_train_spec reference_training(const spt_reference *r, const spt_reference_case *c) {
    return (spt_train_spec){.loss = (spt_loss)c->loss,
                            .optimizer = {(spt_optimizer_kind)c->optimizer, c->lr, c->momentum, c->weight_decay,
                                          c->beta1, c->beta2, c->eps},
                            .batch = c->full ? 0 : r->batch,
                            .epochs = 1,
                            .seed = r->seed};
}

/* Where tensor t (layer t / 2, weight or bias) lies in a block, and in PyTorch's packed order. */
typedef struct spt_tensor {
    size_t block_offset, packed_offset, count;
} spt_tensor;

static inline spt_tensor tensor_at(const spt_model_spec *model, size_t t) {
    spt_tensor tensor = {0, 0, 0};
    for (size_t i = 0; i <= t; i++) {
        spt_layer layer = spt_model_layer(model, i / 2);
        tensor.packed_offset += tensor.count;
        tensor.block_offset = i % 2 ? layer.bias_offset : layer.weight_offset;
        tensor.count = i % 2 ? layer.fan_out : layer.fan_out * layer.fan_in;
    }
    return tensor;
}

static inline double relative(double difference2, double size2) {
    return size2 > 0.0 ? sqrt(difference2 / size2) : sqrt(difference2);
}

#endif
