/* One dense layer of a given shape by either way of computing it: what a table of choices is made from. */
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "sweep/random_data.h"

#include "spectrain/bench.h"

/* Where the measurements of a group's kernels go: those of the layer in the middle. */
typedef struct layer_sink {
    spt_bench_layer *layer;
    int by;
    unsigned found;
} layer_sink;

static void take(const spt_measurement *m, void *user) {
    static const char *const NAMES[] = {"forward, layer 1", "input gradient, 1 from the output", "weight gradients"};
    layer_sink *sink = user;
    spt_bench_layer *layer = sink->layer;
    spt_measurement *const places[] = {&layer->forward[sink->by], &layer->input_gradient[sink->by],
                                       &layer->weight_gradient[sink->by]};
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(m->operation, NAMES[i]) == 0) {
            *places[i] = *m;
            sink->found |= 1u << i;
        }
}

static spt_status time_kernels(const spt_backend *backend, spt_device *device, const spt_group_spec *spec,
                               double seconds, layer_sink *sink, spt_error *err) {
    spt_group *group = NULL;
    const spt_run_spec *run = &spec->runs[0];
    spt_arena arena;
    spt_status status = spt_arena_layout(&run->model, &run->train.optimizer, &arena, err);
    void *state = status == SPT_OK ? spt_memory_alloc(1, arena.bytes) : NULL;
    if (status == SPT_OK && state == NULL)
        status = spt_fail(err, SPT_ENOMEM, "bench of a layer of width %zu: out of memory", run->model.width);
    if (status == SPT_OK)
        status = backend->group_create(device, spec, &group, err);
    if (status == SPT_OK) {
        spt_arena_init(&run->model, &run->train.optimizer, run->train.seed, state);
        status = backend->state_set(group, 0, state, err);
    }
    if (status == SPT_OK)
        status = backend->bench->kernels(group, seconds, take, sink, err);
    if (status == SPT_OK && sink->found != 7)
        status = spt_fail(err, SPT_EINVAL, "%s: its kernels do not tell the products of a layer apart", backend->name);
    if (group != NULL)
        backend->group_destroy(group);
    spt_memory_free(state);
    return status;
}

spt_status spt_bench_layer_time(const spt_backend *backend, spt_device *device, size_t width, size_t rows,
                                double seconds, spt_bench_layer *layer, spt_error *err) {
    const spt_backend_bench *bench = backend->bench;
    if (bench->prefer == NULL || bench->kernels == NULL)
        return spt_fail(err, SPT_EINVAL, "%s: has one way of computing a layer, and none to choose", backend->name);
    if (width < 2 || rows < 2)
        return spt_fail(err, SPT_EINVAL, "bench of a layer: width %zu and %zu rows; allowed: from 2", width, rows);
    spt_dataset data;
    spt_run_spec run = {.model = {.inputs = 1, .width = width, .hidden_layers = 2, .outputs = 1},
                        .train = {.loss = SPT_LOSS_MSE, .optimizer = {.lr = 0.01, .momentum = 0.9}, .epochs = 1}};
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_data_shape shape = {.train = rows, .inputs = 1, .outputs = 1};
    *layer = (spt_bench_layer){.width = width, .rows = rows};
    spt_status status = spt_random_dataset(&shape, rows, &data, err);
    for (int by = 0; by < 2 && status == SPT_OK; by++) {
        layer_sink sink = {.layer = layer, .by = by};
        bench->prefer(device, by == 0 ? SPT_DENSE_BY_TILES : SPT_DENSE_BY_LIBRARY);
        status = time_kernels(backend, device, &spec, seconds, &sink, err);
    }
    bench->prefer(device, SPT_DENSE_BY_CHOICE);
    spt_random_dataset_free(&data);
    return status;
}
