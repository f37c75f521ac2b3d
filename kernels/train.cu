// Training: all runs of a group step by step together. Runs that are behind catch up first, so that those who step
// always have the same counter: one permutation a seed then serves all.
//
// A step is launched as a graph, captured when the group trains for the first time: several steps of a full batch in
// one graph, one step in another, and the short batch that ends an epoch.
#include "error.cuh"
#include "group.cuh"
#include "range.cuh"

enum { SEVERAL = 8 };

/** What `steps` steps of `rows` rows launch, as a graph. */
static cudaError_t capture(spt_group *group, size_t rows, int steps, cudaGraphExec_t *out) {
    cudaStream_t stream = group->device->stream;
    cudaGraph_t graph = NULL;
    cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    if (error != cudaSuccess)
        return error;
    for (int i = 0; i < steps && error == cudaSuccess; i++)
        error = spt_cuda_step(group, rows);
    const cudaError_t ended =
        cudaStreamEndCapture(stream, &graph); // also after an error: the stream must be free again
    if (error == cudaSuccess)
        error = ended;
    if (error == cudaSuccess)
        error = cudaGraphInstantiate(out, graph, 0);
    if (graph != NULL)
        (void)cudaGraphDestroy(graph);
    return error;
}

static size_t rest_of_epoch(const spt_group *group) {
    return group->full ? 0 : group->spec.dataset->train.n % group->batch;
}

static cudaError_t make_graphs(spt_group *group) {
    if (group->graphs_made)
        return cudaSuccess;
    spt_range range("making graphs");
    cudaError_t error = capture(group, group->batch, 1, &group->one);
    if (error == cudaSuccess)
        error = capture(group, group->batch, SEVERAL, &group->several);
    if (error == cudaSuccess && rest_of_epoch(group) > 0)
        error = capture(group, rest_of_epoch(group), 1, &group->short_one);
    group->graphs_made = error == cudaSuccess;
    return error;
}

static cudaError_t order_epoch(spt_group *group, uint64_t epoch) {
    if (group->full || (group->ordered && group->epoch == epoch))
        return cudaSuccess;
    group->ordered = true;
    group->epoch = epoch;
    return spt_permutation_make(group->seed_d, group->seeds, epoch, group->spec.dataset->train.n, group->key_d,
                                group->permutation_d, group->device->stream);
}

/** Steps first .. end - 1 of the runs whose counter is at `first`. */
static cudaError_t take_steps(spt_group *group, uint64_t first, uint64_t end) {
    cudaStream_t stream = group->device->stream;
    const uint64_t epoch_steps = spt_steps_per_epoch(group->spec.dataset->train.n, group->full ? 0 : group->batch);
    const uint64_t full_steps = epoch_steps - (rest_of_epoch(group) > 0);
    cudaError_t error =
        spt_step_begin(group->optimizer_d, group->spec.n_runs, first, group->step_d, group->run_step_d, stream);
    for (uint64_t step = first; step < end && error == cudaSuccess;) {
        const uint64_t epoch = step / epoch_steps, in_epoch = step % epoch_steps;
        error = order_epoch(group, epoch);
        if (error != cudaSuccess)
            break;
        if (in_epoch >= full_steps) {
            error = cudaGraphLaunch(group->short_one, stream);
            step++;
            continue;
        }
        // With the full batch every step is an epoch, and nothing happens between them.
        uint64_t several = group->full ? end - step : full_steps - in_epoch;
        if (several > end - step)
            several = end - step;
        error = cudaGraphLaunch(several >= SEVERAL ? group->several : group->one, stream);
        step += several >= SEVERAL ? SEVERAL : 1;
    }
    return error;
}

static cudaError_t read_counters(spt_group *group) {
    const size_t n_runs = group->spec.n_runs;
    cudaError_t error = spt_counters_collect(group->optimizer_d, n_runs, group->counters_d, group->device->stream);
    if (error == cudaSuccess)
        error = spt_cuda_copy_out(group, group->device->stream, group->counters, group->counters_d,
                                  n_runs * sizeof *group->counters);
    return error;
}

/** The runs that are furthest behind `until`, and where they meet others; false when all are there. */
static bool next_steps(const spt_group *group, uint64_t until, uint64_t *first, uint64_t *end) {
    *first = *end = until;
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        const spt_run_counters *c = &group->counters[r];
        if (c->diverged_step != SPT_STEP_NONE || c->step >= *end)
            continue;
        if (c->step < *first) {
            *end = *first;
            *first = c->step;
        } else if (c->step > *first) {
            *end = c->step;
        }
    }
    return *first < until;
}

spt_status spt_cuda_train_begin(spt_group *group, uint64_t step, spt_error *err) {
    spt_range range("training");
    uint64_t first, end;
    cudaError_t error = cudaSetDevice(group->device->index);
    if (error == cudaSuccess && !group->begun && next_steps(group, step, &first, &end)) {
        error = make_graphs(group);
        if (error == cudaSuccess)
            error = take_steps(group, first, end);
        group->begun = error == cudaSuccess;
    }
    return spt_cuda_check(error, "training", err);
}

spt_status spt_cuda_train(spt_group *group, uint64_t step, spt_error *err) {
    spt_range range("training, to its end");
    spt_status status = spt_cuda_train_begin(group, step, err);
    while (group->begun && status == SPT_OK) {
        group->begun = false;
        status = spt_cuda_check(read_counters(group), "training", err);
        if (status == SPT_OK)
            status = spt_cuda_train_begin(group, step, err);
    }
    return status;
}
