// Loss, error and per-example correctness of every run on a split: forward in parts of up to 1,024 rows, for as many
// runs at a time as the workspace holds. Twin of host/cpu/evaluate.c. The size of the parts changes no sum: losses are
// summed in blocks of 32 rows, and the blocks when all are there.
#include <math.h>
#include <string.h>

#include "group.cuh"
#include "layout.cuh"
#include "range.cuh"

static spt_verdict verdict_of(const spt_group *group, spt_split_name name) {
    const spt_dataset *data = group->spec.dataset;
    const spt_split *split = spt_layout_split(group, name);
    if (split->label != NULL)
        return data->outputs > 1 ? SPT_VERDICT_ARGMAX : SPT_VERDICT_SIGN;
    if (data->outputs != 1)
        return SPT_VERDICT_NONE;
    if (group->loss == SPT_LOSS_BCE)
        return SPT_VERDICT_THRESHOLD;
    return group->signs[name] ? SPT_VERDICT_SIGNS : SPT_VERDICT_NONE;
}

/** All parts of the split, for the runs of a wave; sums into group->sum_d. */
static cudaError_t score_wave(spt_group *group, const spt_wave *wave, spt_split_name split, size_t n, bool with_flags) {
    cudaStream_t stream = group->device->record_stream;
    const size_t outputs = group->spec.dataset->outputs;
    spt_score_batch score = {};
    score.verdict = verdict_of(group, split);
    score.label_true = group->label_true_d[split];
    score.target_true = group->target_true_d[split];
    score.correct = with_flags ? group->correct_d : NULL;
    score.examples = n;
    score.part = group->part_d;
    score.parts = (n + SPT_LOSS_BLOCK_ROWS - 1) / SPT_LOSS_BLOCK_ROWS;
    cudaError_t error = cudaSuccess;
    for (size_t first = 0; first < n && error == cudaSuccess; first += group->eval_rows) {
        const size_t rows = n - first < group->eval_rows ? n - first : group->eval_rows;
        const spt_dense_batch batch = {(uint32_t)rows, (uint32_t)first, NULL, NULL};
        const spt_loss_batch loss = {group->loss, (uint32_t)outputs, (uint32_t)group->output_stride, (uint32_t)rows,
                                     0.0};
        score.first_row = (uint32_t)first;
        for (size_t l = 0; l < wave->n_layers && error == cudaSuccess; l++)
            error = spt_cuda_phase(group, SPT_PHASE_FORWARD, &wave->forward[split][l], &batch, stream);
        if (error == cudaSuccess)
            error = spt_loss_score(wave->score_d[split], wave->n_runs, &loss, &score, stream);
    }
    if (error == cudaSuccess)
        error = spt_loss_sum(group->part_d, score.parts, wave->n_runs, group->sum_d, stream);
    return error;
}

cudaError_t spt_evaluation_start(spt_group *group, spt_split_name split, bool with_flags) {
    spt_range range(split == SPT_SPLIT_TRAIN ? "evaluation, train" : "evaluation, test");
    const spt_recording *to = &group->recording;
    const size_t n = spt_layout_split(group, split)->n;
    cudaStream_t stream = group->device->record_stream;
    cudaError_t error = cudaSuccess;
    for (size_t w = 0; w < group->n_waves && n > 0 && error == cudaSuccess; w++) {
        const spt_wave *wave = &group->wave[w];
        error = score_wave(group, wave, split, n, with_flags);
        if (error == cudaSuccess)
            error = cudaMemcpyAsync(to->sum[split] + wave->first_run, group->sum_d, wave->n_runs * sizeof *group->sum_d,
                                    cudaMemcpyDeviceToHost, stream);
        if (error == cudaSuccess && with_flags)
            error = cudaMemcpyAsync(to->correct[split] + wave->first_run * n, group->correct_d, wave->n_runs * n,
                                    cudaMemcpyDeviceToHost, stream);
    }
    return error;
}

void spt_evaluation_read(const spt_group *group, spt_split_name split, spt_evaluation *out) {
    const spt_recording *from = &group->recording;
    const size_t n = spt_layout_split(group, split)->n;
    const bool has_error = verdict_of(group, split) != SPT_VERDICT_NONE;
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        out[r].loss = out[r].error = (double)NAN;
        if (n == 0)
            continue;
        const spt_score *sum = &from->sum[split][r];
        out[r].loss = sum->loss * spt_loss_mean_factor(group->loss, group->spec.dataset->outputs, n);
        if (has_error)
            out[r].error = sum->wrong / (double)n;
        if (out[r].correct != NULL)
            memcpy(out[r].correct, from->correct[split] + r * n, n);
    }
}
