/* Small data sets and groups on the CPU backend, for the tests of it. */
#ifndef SPT_TESTS_CPU_GROUP_H
#define SPT_TESTS_CPU_GROUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "spectrain/backend.h"
#include "spectrain/rng.h"

static inline const spt_backend *cpu(void) {
    const spt_backend *backend = spt_backend_find("cpu");
    assert_non_null(backend);
    return backend;
}

/* Normal inputs, shifted along one axis by the class, so that there is something to learn. Test examples: half. */
static inline void fill_split(const spt_dataset *data, spt_split *split, size_t n, uint64_t which) {
    split->n = n;
    split->x = spt_memory_alloc(n * data->inputs, sizeof *split->x);
    assert_non_null(split->x);
    for (size_t i = 0; i < n * data->inputs; i++) {
        double z;
        spt_random_normal(5, SPT_STREAM_DATA, which, i, 1, &z);
        split->x[i] = (float)z;
    }
    if (data->classes > 0) {
        split->label = spt_memory_alloc(n, sizeof *split->label);
        assert_non_null(split->label);
        for (size_t i = 0; i < n; i++) {
            split->label[i] = (int32_t)(i * 7 % data->classes);
            split->x[i * data->inputs + (size_t)split->label[i] % data->inputs] += 1.0f;
        }
        return;
    }
    split->target = spt_memory_alloc(n * data->outputs, sizeof *split->target);
    assert_non_null(split->target);
    for (size_t i = 0; i < n * data->outputs; i++) {
        double u;
        spt_random_uniform(6, SPT_STREAM_DATA, which, i, 1, &u);
        split->target[i] = (float)u;
    }
}

/* classes 0: targets in [0, 1), `outputs` of them. */
static inline spt_dataset make_data(size_t inputs, size_t outputs, size_t classes, size_t n) {
    spt_dataset data = {.inputs = inputs, .outputs = outputs, .classes = classes};
    fill_split(&data, &data.train, n, 0);
    fill_split(&data, &data.test, n / 2, 1);
    return data;
}

static inline void free_data(spt_dataset *data) {
    for (int s = 0; s < 2; s++) {
        spt_split *split = s == 0 ? &data->train : &data->test;
        spt_memory_free(split->x);
        spt_memory_free(split->label);
        spt_memory_free(split->target);
    }
}

/* A run of this data set: SGD with momentum, cross-entropy or, without classes, mse. */
static inline spt_run_spec run_of(const spt_dataset *data, size_t width, size_t hidden_layers, size_t batch,
                                  uint32_t seed) {
    return (spt_run_spec){
        .model = {data->inputs, width, hidden_layers, data->outputs, SPT_INIT_PYTORCH},
        .train = {.loss = data->classes > 0 ? SPT_LOSS_CROSS_ENTROPY : SPT_LOSS_MSE,
                  .optimizer = {.kind = SPT_OPTIMIZER_SGD, .lr = 0.05, .momentum = 0.9},
                  .batch = batch,
                  .epochs = 10,
                  .seed = seed},
    };
}

static inline spt_arena arena_of(const spt_run_spec *run) {
    spt_arena arena;
    assert_int_equal(spt_arena_layout(&run->model, &run->train.optimizer, &arena, NULL), SPT_OK);
    return arena;
}

/* The initial state of a run; freed by spt_memory_free. */
static inline void *initial_state(const spt_run_spec *run) {
    spt_arena arena = arena_of(run);
    void *state = spt_memory_alloc(arena.bytes, 1);
    assert_non_null(state);
    spt_arena_init(&run->model, &run->train.optimizer, run->train.seed, state);
    return state;
}

typedef struct spt_test_group {
    spt_device *device;
    spt_group *group;
} spt_test_group;

/* A device with this many threads, and a group with every run in its initial state. */
static inline spt_test_group open_group(const spt_group_spec *spec, size_t threads) {
    spt_test_group t = {0};
    spt_error err = {0};
    spt_device_options options = {.threads = threads};
    if (cpu()->open(&options, &t.device, &err) != SPT_OK ||
        cpu()->group_create(t.device, spec, &t.group, &err) != SPT_OK)
        fail_msg("%s", err.message);
    for (size_t r = 0; r < spec->n_runs; r++) {
        void *state = initial_state(&spec->runs[r]);
        assert_int_equal(cpu()->state_set(t.group, r, state, &err), SPT_OK);
        spt_memory_free(state);
    }
    return t;
}

static inline void close_group(spt_test_group *t) {
    cpu()->group_destroy(t->group);
    cpu()->close(t->device);
}

static inline void train_to(const spt_test_group *t, uint64_t step) {
    spt_error err = {0};
    if (cpu()->train(t->group, step, &err) != SPT_OK)
        fail_msg("%s", err.message);
}

/* The state of a run as it is now; freed by spt_memory_free. */
static inline void *state_of(const spt_test_group *t, const spt_run_spec *run, size_t index) {
    spt_error err = {0};
    void *state = spt_memory_alloc(arena_of(run).bytes, 1);
    assert_non_null(state);
    assert_int_equal(cpu()->state_get(t->group, index, state, &err), SPT_OK);
    return state;
}

#endif
