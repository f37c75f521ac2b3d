// Times of the kernels that training and evaluation of a group are made of. Each is launched by the function that
// training launches it by, on the group's own tables; probes are in bench_probe.cu.
//
// Updates must not lead anywhere, however often they are timed: the optimizers are given rates of zero, which costs the
// same work and leaves the weights where they are.
#include "bench.cuh"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

// ---- timers

cudaError_t spt_timer_make(spt_timer *timer, cudaStream_t stream, double seconds) {
    *timer = {stream, NULL, NULL, seconds};
    cudaError_t error = cudaEventCreate(&timer->start);
    if (error == cudaSuccess)
        error = cudaEventCreate(&timer->end);
    return error;
}

void spt_timer_free(spt_timer *timer) {
    if (timer->start != NULL)
        (void)cudaEventDestroy(timer->start);
    if (timer->end != NULL)
        (void)cudaEventDestroy(timer->end);
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double spt_timer_median(double *times, int n) {
    qsort(times, (size_t)n, sizeof *times, compare);
    return times[(n - 1) / 2];
}

cudaError_t spt_timer_end_capture(const spt_timer *timer, cudaError_t captured, cudaGraphExec_t *graph) {
    cudaGraph_t made = NULL;
    const cudaError_t ended = cudaStreamEndCapture(timer->stream, &made); // also after an error
    cudaError_t error = captured != cudaSuccess ? captured : ended;
    if (error == cudaSuccess)
        error = cudaGraphInstantiate(graph, made, 0);
    if (made != NULL)
        (void)cudaGraphDestroy(made);
    return error;
}

spt_measurement spt_measurement_of(double flops, double bytes, const char *by, const char *format, ...) {
    spt_measurement m = {};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m.operation, sizeof m.operation, format, arguments);
    va_end(arguments);
    snprintf(m.by, sizeof m.by, "%s", by);
    m.flops = flops;
    m.bytes = bytes;
    return m;
}

// ---- floors of the phases: 2 rows in out FLOP a product, bytes as dense.cu counts them

typedef struct floor_of {
    double flops, bytes;
} floor_of;

static void add_layer(floor_of *f, spt_phase_kind kind, const spt_group *group, size_t r, size_t l, double rows) {
    const spt_layer layer = spt_model_layer(&group->spec.runs[r].model, l);
    const double in = (double)layer.fan_in, out = (double)layer.fan_out;
    const double moments = (double)group->run[r].arena.moments;
    f->flops += 2.0 * rows * in * out;
    if (kind == SPT_PHASE_FORWARD)
        f->bytes += 4.0 * (rows * in + rows * out + in * out);
    else if (kind == SPT_PHASE_INPUT_GRADIENT)
        f->bytes += 4.0 * (2.0 * rows * in + rows * out + in * out);
    else
        f->bytes += 4.0 * (rows * in + rows * out + (2.0 + 2.0 * moments) * in * out);
}

/** The floor of runs first .. first + n - 1: of layer l forward, or l layers before the last backward. */
static floor_of phase_floor(spt_phase_kind kind, const spt_group *group, size_t first, size_t n, size_t l,
                            double rows) {
    floor_of f = {};
    for (size_t r = first; r < first + n; r++) {
        const size_t layers = group->run[r].arena.layers;
        if (kind == SPT_PHASE_FORWARD && l < layers)
            add_layer(&f, kind, group, r, l, rows);
        if (kind == SPT_PHASE_INPUT_GRADIENT && l + 1 < layers)
            add_layer(&f, kind, group, r, layers - 1 - l, rows);
        if (kind == SPT_PHASE_WEIGHT_GRADIENT)
            for (size_t k = 0; k < layers; k++)
                add_layer(&f, kind, group, r, k, rows);
    }
    return f;
}

static const char *phase_by(const spt_dense_phase *phase) {
    if (phase->n_cublas == 0)
        return "tiles";
    return phase->n_compact + phase->n_large == 0 ? "cublas" : "tiles, cublas";
}

// ---- training

static cudaError_t time_phase(const spt_kernel_bench *bench, spt_phase_kind kind, const spt_dense_phase *phase,
                              const spt_dense_batch *batch, spt_measurement m) {
    snprintf(m.by, sizeof m.by, "%s", phase_by(phase));
    return spt_kernel_bench_time(
        bench, m, [&]() { return spt_cuda_phase(bench->group, kind, phase, batch, bench->timer.stream); });
}

static cudaError_t time_batches(const spt_kernel_bench *bench) {
    spt_group *group = bench->group;
    const spt_dataset *data = group->spec.dataset;
    const double seeds = (double)group->seeds, n = (double)data->train.n;
    const double row = 4.0 * ((double)data->inputs + (data->train.label != NULL ? 1.0 : (double)data->outputs));
    if (group->full)
        return cudaSuccess;
    cudaError_t error =
        spt_kernel_bench_time(bench, spt_measurement_of(NAN, 4.0 * seeds * n, "", "order of an epoch"), [&]() {
            return spt_permutation_make(group->seed_d, group->seeds, 1, data->train.n, group->key_d,
                                        group->permutation_d, bench->timer.stream);
        });
    const spt_gather gather = {
        group->split_d[SPT_SPLIT_TRAIN], group->batch_d, group->permutation_d,      group->step_d,
        group->spec.dataset->train.n,    group->batch,   (uint32_t)group->x_stride, (uint32_t)data->outputs};
    const double bytes = seeds * (double)group->batch * (2.0 * row + 4.0);
    if (error == cudaSuccess)
        error = spt_kernel_bench_time(bench, spt_measurement_of(0.0, bytes, "", "rows of a batch"), [&]() {
            return spt_batch_gather(&gather, group->seeds, group->batch, bench->timer.stream);
        });
    return error;
}

/** Forward, loss, backward, update: with activations and gradients as a step leaves them. */
static cudaError_t time_step(const spt_kernel_bench *bench) {
    spt_group *group = bench->group;
    const size_t n_runs = group->spec.n_runs, outputs = group->spec.dataset->outputs;
    const double rows = (double)group->batch;
    const spt_dense_batch batch = {(uint32_t)group->batch, 0, group->run_step_d, group->optimizer_d};
    const spt_loss_batch loss = {group->loss, (uint32_t)outputs, (uint32_t)group->output_stride, (uint32_t)group->batch,
                                 spt_loss_mean_factor(group->loss, outputs, group->batch)};
    cudaError_t error = cudaSuccess;
    for (size_t l = 0; l < group->n_layers && error == cudaSuccess; l++) {
        const floor_of f = phase_floor(SPT_PHASE_FORWARD, group, 0, n_runs, l, rows);
        error = time_phase(bench, SPT_PHASE_FORWARD, &group->forward[l], &batch,
                           spt_measurement_of(f.flops, f.bytes, "", "forward, layer %zu", l));
    }
    const double numbers = rows * (double)(outputs * n_runs);
    if (error == cudaSuccess)
        error = spt_kernel_bench_time(
            bench, spt_measurement_of(10.0 * numbers, 8.0 * numbers, "", "loss and its gradient"),
            [&]() { return spt_loss_gradient(group->loss_d, n_runs, &loss, group->run_step_d, bench->timer.stream); });
    for (size_t back = 0; back + 1 < group->n_layers && error == cudaSuccess; back++) {
        const floor_of f = phase_floor(SPT_PHASE_INPUT_GRADIENT, group, 0, n_runs, back, rows);
        error = time_phase(bench, SPT_PHASE_INPUT_GRADIENT, &group->input_gradient[back], &batch,
                           spt_measurement_of(f.flops, f.bytes, "", "input gradient, %zu from the output", back));
    }
    if (error == cudaSuccess) {
        const floor_of f = phase_floor(SPT_PHASE_WEIGHT_GRADIENT, group, 0, n_runs, 0, rows);
        error = time_phase(bench, SPT_PHASE_WEIGHT_GRADIENT, &group->weight_gradient, &batch,
                           spt_measurement_of(f.flops, f.bytes, "", "weight gradients"));
    }
    if (error == cudaSuccess)
        error =
            spt_kernel_bench_time(bench, spt_measurement_of(NAN, 100.0 * (double)n_runs, "", "end of a step"), [&]() {
                return spt_step_end(group->optimizer_d, n_runs, group->step_d, group->run_step_d, bench->timer.stream);
            });
    return error;
}

/** All launches of a step, as a graph. */
static cudaError_t time_whole_step(const spt_kernel_bench *bench) {
    spt_group *group = bench->group;
    const size_t n_runs = group->spec.n_runs;
    const double rows = (double)group->batch;
    floor_of sum = phase_floor(SPT_PHASE_WEIGHT_GRADIENT, group, 0, n_runs, 0, rows);
    sum.bytes = 0.0;
    for (size_t r = 0; r < n_runs; r++)
        sum.bytes += 8.0 * (double)group->run[r].arena.parameters * (double)(1 + group->run[r].arena.moments);
    for (size_t l = 0; l < group->n_layers; l++) {
        sum.flops += phase_floor(SPT_PHASE_FORWARD, group, 0, n_runs, l, rows).flops;
        sum.flops += phase_floor(SPT_PHASE_INPUT_GRADIENT, group, 0, n_runs, l, rows).flops;
    }
    return spt_kernel_bench_time(bench, spt_measurement_of(sum.flops, sum.bytes, "", "all kernels of a step"),
                                 [&]() { return spt_cuda_step(group, group->batch); });
}

// ---- evaluation: one part of the training split, for the runs of the first wave

static cudaError_t time_scores(const spt_kernel_bench *bench, const spt_wave *wave, size_t rows) {
    spt_group *group = bench->group;
    const spt_dataset *data = group->spec.dataset;
    const spt_loss_batch loss = {group->loss, (uint32_t)data->outputs, (uint32_t)group->output_stride, (uint32_t)rows,
                                 0.0};
    spt_score_batch score = {};
    score.verdict = data->train.label != NULL && data->outputs > 1 ? SPT_VERDICT_ARGMAX : SPT_VERDICT_NONE;
    score.label_true = group->label_true_d[SPT_SPLIT_TRAIN];
    score.target_true = group->target_true_d[SPT_SPLIT_TRAIN];
    score.correct = group->correct_d;
    score.examples = data->train.n;
    score.part = group->part_d;
    score.parts = (data->train.n + SPT_LOSS_BLOCK_ROWS - 1) / SPT_LOSS_BLOCK_ROWS;
    const double numbers = (double)rows * (double)(data->outputs * wave->n_runs);
    return spt_kernel_bench_time(
        bench, spt_measurement_of(10.0 * numbers, 4.0 * numbers, "", "evaluation, scores of %zu examples", rows),
        [&]() {
            return spt_loss_score(wave->score_d[SPT_SPLIT_TRAIN], wave->n_runs, &loss, &score, bench->timer.stream);
        });
}

static cudaError_t time_evaluation(const spt_kernel_bench *bench) {
    spt_group *group = bench->group;
    const spt_wave *wave = &group->wave[0];
    const size_t n = group->spec.dataset->train.n, rows = n < group->eval_rows ? n : group->eval_rows;
    const spt_dense_batch batch = {(uint32_t)rows, 0, NULL, NULL};
    cudaError_t error = cudaSuccess;
    for (size_t l = 0; l < wave->n_layers && error == cudaSuccess; l++) {
        const floor_of f = phase_floor(SPT_PHASE_FORWARD, group, wave->first_run, wave->n_runs, l, (double)rows);
        error = time_phase(
            bench, SPT_PHASE_FORWARD, &wave->forward[SPT_SPLIT_TRAIN][l], &batch,
            spt_measurement_of(f.flops, f.bytes, "", "evaluation, forward of %zu examples, layer %zu", rows, l));
    }
    return error == cudaSuccess ? time_scores(bench, wave, rows) : error;
}

// ---- a group

/** The optimizers with rates of zero, in memory of their own. */
static cudaError_t make_still(const spt_group *group, spt_device_optimizer **out_d) {
    const size_t n_runs = group->spec.n_runs, bytes = n_runs * sizeof(spt_device_optimizer);
    spt_device_optimizer *table = (spt_device_optimizer *)malloc(bytes);
    if (table == NULL)
        return cudaErrorMemoryAllocation;
    cudaError_t error = cudaMemcpy(table, group->optimizer_d, bytes, cudaMemcpyDeviceToHost);
    for (size_t r = 0; r < n_runs; r++) {
        table[r].rate = 0.0;
        table[r].lr = 0.0f;
        table[r].shrink = 1.0f;
    }
    if (error == cudaSuccess)
        error = cudaMalloc((void **)out_d, bytes);
    if (error == cudaSuccess)
        error = cudaMemcpy(*out_d, table, bytes, cudaMemcpyHostToDevice);
    free(table);
    return error;
}

static spt_status check_steps(const spt_group *group, spt_error *err) {
    for (size_t r = 0; r < group->spec.n_runs; r++)
        if (group->counters[r].diverged_step != SPT_STEP_NONE || group->counters[r].step != group->counters[0].step)
            return spt_fail(err, SPT_EINVAL,
                            "cuda: timing of kernels: run %zu %s; all must be at one step, with finite losses", r,
                            group->counters[r].diverged_step != SPT_STEP_NONE ? "diverged" : "is at another step");
    return SPT_OK;
}

static cudaError_t time_all(const spt_kernel_bench *bench) {
    spt_group *group = bench->group;
    cudaError_t error = spt_step_begin(group->optimizer_d, group->spec.n_runs, group->counters[0].step, group->step_d,
                                       group->run_step_d, bench->timer.stream);
    if (error == cudaSuccess)
        error = time_batches(bench);
    if (error == cudaSuccess)
        error = time_step(bench);
    if (error == cudaSuccess)
        error = time_whole_step(bench);
    if (error == cudaSuccess)
        error = time_evaluation(bench);
    return error;
}

static spt_status time_kernels(spt_group *group, double seconds, spt_measurement_fn tell, void *user, spt_error *err) {
    spt_kernel_bench bench = {group, {}, tell, user};
    spt_device_optimizer *const optimizers = group->optimizer_d, *still_d = NULL;
    spt_status status = check_steps(group, err);
    if (status != SPT_OK)
        return status;
    cudaError_t error = cudaSetDevice(group->device->index);
    if (error == cudaSuccess)
        error = spt_recording_copy(group); // what evaluation and probes see
    if (error == cudaSuccess)
        error = make_still(group, &still_d);
    if (error == cudaSuccess) // the stream does not wait for the default one, where tables may still be on their way
        error = cudaDeviceSynchronize();
    if (error == cudaSuccess)
        error = spt_timer_make(&bench.timer, group->device->stream, seconds);
    if (error == cudaSuccess) {
        group->optimizer_d = still_d;
        group->ordered = false;
        error = time_all(&bench);
        group->optimizer_d = optimizers;
    }
    status = spt_cuda_check(error, "timing kernels", err);
    for (size_t p = 0; p < group->spec.n_probes && status == SPT_OK; p++)
        status = spt_cuda_bench_probe(&bench, p, err);
    spt_timer_free(&bench.timer);
    (void)cudaFree(still_d);
    return status;
}

static void prefer(spt_device *device, spt_dense_by by) {
    device->choice = spt_dense_choice_default;
    if (by == SPT_DENSE_BY_CHOICE)
        return;
    for (int kind = 0; kind < SPT_PHASE_KINDS; kind++)
        device->choice.cublas_least[kind] = by == SPT_DENSE_BY_LIBRARY ? 2 : UINT32_MAX;
}

const spt_backend_bench spt_cuda_bench = {spt_cuda_peaks, time_kernels, prefer};
