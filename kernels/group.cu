// Groups: one allocation on the device, filled with the data, the tables and, later, the runs' states.
#include "group.cuh"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.cuh"
#include "layout.cuh"
#include "range.cuh"

enum { STAGING_LEAST = 128 * 1024, STAGING_MOST = 8 * 1024 * 1024 };

size_t spt_cuda_group_bytes(const spt_device *device, const spt_group_spec *spec) {
    spt_group group;
    if (spec->n_runs == 0 || cudaSetDevice(device->index) != cudaSuccess)
        return 0;
    const spt_status status = spt_layout_make(device, spec, &group, NULL);
    const size_t bytes = status == SPT_OK ? group.bytes + group.probe_bytes : 0;
    spt_layout_free(&group);
    return bytes;
}

// ---- filling the memory

/** Rows of `columns` floats into rows of `stride` floats; what is between stays zero. */
static cudaError_t put_rows(float *to_d, size_t stride, const float *from, size_t rows, size_t columns) {
    if (rows == 0)
        return cudaSuccess;
    return cudaMemcpy2D(to_d, stride * sizeof *to_d, from, columns * sizeof *from, columns * sizeof *from, rows,
                        cudaMemcpyHostToDevice);
}

static cudaError_t put(void *to_d, const void *from, size_t bytes) {
    if (from == NULL || bytes == 0)
        return cudaSuccess;
    return cudaMemcpy(to_d, from, bytes, cudaMemcpyHostToDevice);
}

static cudaError_t put_split(const spt_group *group, int s) {
    const spt_dataset *data = group->spec.dataset;
    const spt_split *split = s == SPT_SPLIT_TRAIN ? &data->train : &data->test;
    const size_t targets = split->n * data->outputs * sizeof(float), labels = split->n * sizeof(int32_t);
    cudaError_t error = put_rows(group->split_d[s].x, group->x_stride, split->x, split->n, data->inputs);
    if (error == cudaSuccess)
        error = put(group->split_d[s].label, split->label, labels);
    if (error == cudaSuccess && split->label == NULL)
        error = put(group->split_d[s].target, split->target, targets);
    if (error == cudaSuccess)
        error = put(group->label_true_d[s], split->label_true, labels);
    if (error == cudaSuccess)
        error = put(group->target_true_d[s], split->target_true, targets);
    return error;
}

static spt_device_optimizer optimizer_of(const spt_group *group, size_t r) {
    const spt_optimizer *o = &group->spec.runs[r].train.optimizer;
    const spt_run *run = &group->run[r];
    const bool decoupled = o->kind == SPT_OPTIMIZER_ADAMW;
    spt_device_optimizer d = {};
    d.parameters = (float *)run->state_d;
    d.block = run->arena.block;
    d.counters = (spt_run_counters *)(run->state_d + run->arena.counters_offset);
    d.rate = o->lr;
    d.decay1 = o->beta1;
    d.decay2 = o->beta2;
    d.lr = (float)o->lr;
    d.momentum = (float)o->momentum;
    d.beta1 = (float)o->beta1;
    d.beta2 = (float)o->beta2;
    d.rest1 = (float)(1.0 - o->beta1);
    d.rest2 = (float)(1.0 - o->beta2);
    d.eps = (float)o->eps;
    d.decay = (float)(decoupled ? 0.0 : o->weight_decay);
    d.shrink = (float)(decoupled ? 1.0 - o->lr * o->weight_decay : 1.0);
    d.kind = o->kind;
    d.moments = (uint32_t)run->arena.moments;
    return d;
}

/** The tables that kernels find networks, optimizers and losses by. */
static cudaError_t put_tables(spt_group *group, bool *out_of_memory) {
    const size_t n_runs = group->spec.n_runs, n_losses = spt_layout_n_loss_problems(group);
    spt_device_network *network = (spt_device_network *)calloc(n_runs, sizeof *network);
    spt_device_optimizer *optimizer = (spt_device_optimizer *)calloc(n_runs, sizeof *optimizer);
    spt_loss_problem *loss = (spt_loss_problem *)calloc(n_losses, sizeof *loss);
    cudaError_t error = cudaSuccess;
    *out_of_memory = network == NULL || optimizer == NULL || loss == NULL;
    if (!*out_of_memory) {
        for (size_t r = 0; r < n_runs; r++) {
            network[r] = group->network[r];
            network[r].layers = group->layer_d + (group->network[r].layers - group->layer);
            optimizer[r] = optimizer_of(group, r);
        }
        spt_phases_loss_problems(group, loss);
        error = put(group->layer_d, group->layer, group->n_all_layers * sizeof *group->layer);
        if (error == cudaSuccess)
            error = put(group->network_d, network, n_runs * sizeof *network);
        if (error == cudaSuccess)
            error = put(group->optimizer_d, optimizer, n_runs * sizeof *optimizer);
        if (error == cudaSuccess)
            error = put(group->loss_d, loss, n_losses * sizeof *loss);
    }
    free(network);
    free(optimizer);
    free(loss);
    return error;
}

static spt_status fill(spt_group *group, spt_error *err) {
    const spt_plan *plan = &group->plan;
    bool out_of_memory = false;
    cudaError_t error = cudaMemset(group->memory_d, 0, group->bytes);
    for (int s = 0; s < SPT_SPLITS && error == cudaSuccess; s++)
        error = put_split(group, s);
    if (error == cudaSuccess && !group->full)
        error = put(group->seed_d, group->seed, group->seeds * sizeof *group->seed);
    if (error == cudaSuccess)
        error = put_tables(group, &out_of_memory);
    if (out_of_memory)
        return spt_fail(err, SPT_ENOMEM, "group: no memory for the tables of %zu runs", group->spec.n_runs);
    if (error == cudaSuccess)
        error = put(plan->problem_d, plan->problem, plan->n_problems * sizeof *plan->problem);
    if (error == cudaSuccess)
        error = put(plan->tile_d, plan->tile, plan->n_tiles * sizeof *plan->tile);
    return spt_cuda_check(error, "filling a group", err);
}

// ---- creation

static spt_status allocate(spt_group *group, spt_error *err) {
    cudaError_t error = cudaMalloc(&group->memory_d, group->bytes);
    if (error == cudaErrorMemoryAllocation) {
        size_t free_bytes = 0, total = 0;
        (void)cudaGetLastError();
        (void)cudaMemGetInfo(&free_bytes, &total);
        return spt_fail(err, SPT_ENOMEM, "cuda: group of %zu runs: %zu MiB wanted, %zu MiB free", group->spec.n_runs,
                        group->bytes >> 20, free_bytes >> 20);
    }
    size_t bytes = STAGING_LEAST;
    for (size_t r = 0; r < group->spec.n_runs; r++)
        if (group->run[r].arena.bytes > bytes)
            bytes = group->run[r].arena.bytes;
    bytes = bytes < STAGING_MOST ? (bytes + 255) / 256 * 256 : (size_t)STAGING_MOST;
    if (error == cudaSuccess)
        error = cudaMallocHost(&group->staging.memory, bytes);
    group->staging.bytes = bytes;
    for (int i = 0; i < 2 && error == cudaSuccess; i++)
        error = cudaEventCreateWithFlags(&group->staging.done[i], cudaEventDisableTiming);
    if (error == cudaSuccess)
        error = spt_recording_make(group);
    return spt_cuda_check(error, "making a group", err);
}

static spt_status make_probes(spt_group *group, spt_error *err) {
    const size_t n = group->spec.n_probes;
    if (n == 0)
        return SPT_OK;
    const spt_probe_networks networks = {group->network_d, group->network, group->spec.n_runs, group->loss};
    group->probe = (spt_cuda_probe **)calloc(n, sizeof *group->probe);
    group->energy = (double **)calloc(n, sizeof *group->energy);
    if (group->probe == NULL || group->energy == NULL)
        return spt_fail(err, SPT_ENOMEM, "group: no memory for %zu probes", n);
    spt_status status = SPT_OK;
    for (size_t p = 0; p < n && status == SPT_OK; p++)
        status = spt_cuda_probe_create(group->spec.probes[p], &networks, group->record_space_d, &group->probe[p], err);
    return status;
}

static bool all_signs(const spt_split *split, size_t outputs) {
    if (split->target == NULL || outputs != 1)
        return false;
    for (size_t i = 0; i < split->n; i++)
        if (fabsf(split->target[i]) != 1.0f)
            return false;
    return true;
}

spt_status spt_cuda_group_create(spt_device *device, const spt_group_spec *spec, spt_group **out, spt_error *err) {
    spt_range range("making a group");
    spt_status status = spt_cuda_group_check(spec, err);
    if (status == SPT_OK)
        status = spt_cuda_check(cudaSetDevice(device->index), "choosing the device", err);
    if (status != SPT_OK)
        return status;
    spt_group *group = (spt_group *)calloc(1, sizeof *group);
    if (group == NULL)
        return spt_fail(err, SPT_ENOMEM, "group: no memory");
    status = spt_layout_make(device, spec, group, err);
    group->device = device;
    if (status == SPT_OK)
        status = allocate(group, err);
    if (status == SPT_OK) {
        group->signs[SPT_SPLIT_TRAIN] = all_signs(&spec->dataset->train, spec->dataset->outputs);
        group->signs[SPT_SPLIT_TEST] = all_signs(&spec->dataset->test, spec->dataset->outputs);
        spt_layout_place(group);
        status = fill(group, err);
    }
    if (status == SPT_OK)
        status = make_probes(group, err);
    if (status == SPT_OK) // what follows is in streams that do not wait for the default one
        status = spt_cuda_check(cudaDeviceSynchronize(), "filling a group", err);
    if (status == SPT_OK)
        *out = group;
    else
        spt_cuda_group_destroy(group);
    return status;
}

void spt_cuda_group_destroy(spt_group *group) {
    if (group == NULL)
        return;
    (void)cudaSetDevice(group->device->index);
    (void)cudaStreamSynchronize(group->device->stream);
    (void)cudaStreamSynchronize(group->device->record_stream);
    for (size_t p = 0; group->probe != NULL && p < group->spec.n_probes; p++)
        spt_cuda_probe_destroy(group->probe[p]);
    free(group->probe);
    free(group->energy);
    spt_recording_free(group);
    cudaGraphExec_t graphs[] = {group->one, group->several, group->short_one};
    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++)
        if (graphs[i] != NULL)
            (void)cudaGraphExecDestroy(graphs[i]);
    for (int i = 0; i < 2; i++)
        if (group->staging.done[i] != NULL)
            (void)cudaEventDestroy(group->staging.done[i]);
    if (group->staging.memory != NULL)
        (void)cudaFreeHost(group->staging.memory);
    if (group->memory_d != NULL)
        (void)cudaFree(group->memory_d);
    spt_layout_free(group);
    free(group);
}
