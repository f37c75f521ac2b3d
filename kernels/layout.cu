#include "layout.cuh"

#include <stdlib.h>
#include <string.h>

#include "spectral_norm.cuh"

// On the emulated device a gap that no kernel may touch follows every array, so that an access past its end is seen.
#ifdef SPT_EMULATED
#include "emulated/gaps.h"
enum { SLAB_GAP = 2048 };
#else
namespace spt_emulated {
static inline void leave_gap(const void *, size_t) {}
} // namespace spt_emulated
enum { SLAB_GAP = 0 };
#endif

// ---- the slab

typedef struct spt_slab {
    uintptr_t at; // where the next array goes
} spt_slab;

enum { SLAB_ALIGN = 256 };

/** Room for count elements. When only counting the pointer leads nowhere. */
template <typename T>
static T *take(spt_slab *slab, size_t count) {
    T *array = (T *)slab->at;
    const uintptr_t end = slab->at + count * sizeof(T);
    slab->at = (end + SLAB_GAP + SLAB_ALIGN - 1) / SLAB_ALIGN * SLAB_ALIGN;
    spt_emulated::leave_gap((const void *)end, slab->at - end);
    return array;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

const spt_split *spt_layout_split(const spt_group *group, int split) {
    return split == SPT_SPLIT_TRAIN ? &group->spec.dataset->train : &group->spec.dataset->test;
}

static size_t examples_most(const spt_group *group) {
    return larger(spt_layout_split(group, 0)->n, spt_layout_split(group, 1)->n);
}

size_t spt_layout_evaluation_floats(const spt_group *group, size_t r) {
    const size_t hidden = group->spec.runs[r].model.hidden_layers;
    return group->eval_rows * ((hidden < 2 ? hidden : 2) * group->run[r].width_stride + group->output_stride);
}

/** Floats of all activations and their gradients of one batch. */
static size_t training_floats(const spt_group *group, size_t r) {
    return 2 * group->spec.runs[r].model.hidden_layers * group->run[r].slot + group->batch * group->output_stride;
}

static size_t workspace_floats(const spt_group *group) {
    size_t floats = 0;
    for (size_t r = 0; r < group->spec.n_runs; r++)
        floats += training_floats(group, r);
    return floats;
}

/** Floats of the activations of the largest wave. */
static size_t evaluation_floats(const spt_group *group) {
    size_t most = 0;
    for (size_t w = 0; w < group->n_waves; w++) {
        size_t floats = 0;
        for (size_t i = 0; i < group->wave[w].n_runs; i++)
            floats += spt_layout_evaluation_floats(group, group->wave[w].first_run + i);
        most = larger(most, floats);
    }
    return most;
}

static void place_split(spt_slab *slab, spt_group *group, int s) {
    const spt_split *split = spt_layout_split(group, s);
    const size_t outputs = group->spec.dataset->outputs;
    group->split_d[s].x = take<float>(slab, split->n * group->x_stride);
    group->split_d[s].label = split->label != NULL ? take<int32_t>(slab, split->n) : NULL;
    group->split_d[s].target = split->label == NULL ? take<float>(slab, split->n * outputs) : NULL;
    // As on the CPU: labels decide where there are labels.
    group->label_true_d[s] = split->label_true != NULL ? take<int32_t>(slab, split->n) : NULL;
    group->target_true_d[s] = split->target_true != NULL ? take<float>(slab, split->n * outputs) : NULL;
}

static void place_batch(spt_slab *slab, spt_group *group) {
    if (group->full) {
        group->batch_d = group->split_d[SPT_SPLIT_TRAIN];
        return;
    }
    const size_t rows = group->seeds * group->batch, n = group->spec.dataset->train.n;
    const bool labels = group->spec.dataset->train.label != NULL;
    group->batch_d.x = take<float>(slab, rows * group->x_stride);
    group->batch_d.label = labels ? take<int32_t>(slab, rows) : NULL;
    group->batch_d.target = labels ? NULL : take<float>(slab, rows * group->spec.dataset->outputs);
    group->seed_d = take<uint32_t>(slab, group->seeds);
    group->permutation_d = take<uint32_t>(slab, group->seeds * n);
    group->key_d = take<uint64_t>(slab, spt_permutation_keys(n, group->seeds));
}

static void place_runs(spt_slab *slab, spt_group *group) {
    const size_t n_runs = group->spec.n_runs;
    const uintptr_t first_state = slab->at;
    for (size_t r = 0; r < n_runs; r++)
        group->run[r].state_d = take<char>(slab, group->run[r].arena.bytes);
    group->state_bytes = slab->at - first_state;
    group->layer_d = take<spt_device_layer>(slab, group->n_all_layers);
    group->network_d = take<spt_device_network>(slab, n_runs);
    group->optimizer_d = take<spt_device_optimizer>(slab, n_runs);
    group->run_step_d = take<spt_run_step>(slab, n_runs);
    group->counters_d = take<spt_run_counters>(slab, n_runs);
    group->step_d = take<uint64_t>(slab, 1);
    group->workspace_d = take<float>(slab, workspace_floats(group));
    float *at = group->workspace_d;
    for (size_t r = 0; r < n_runs; r++) {
        spt_run *run = &group->run[r];
        const size_t hidden = group->spec.runs[r].model.hidden_layers;
        run->hidden_d = at;
        run->delta_d = run->hidden_d + hidden * run->slot;
        run->output_d = run->delta_d + hidden * run->slot;
        at += training_floats(group, r);
    }
}

static void place_record(spt_slab *slab, spt_group *group) {
    const size_t n = examples_most(group), runs = group->wave_runs, n_runs = group->spec.n_runs;
    group->shadow_d = take<char>(slab, group->state_bytes);
    for (size_t r = 0; r < n_runs; r++)
        group->network[r].parameters = (float *)(group->shadow_d + (group->run[r].state_d - group->run[0].state_d));
    group->record_space_d = take<char>(slab, group->record_bytes);
    group->norms_d = take<double>(slab, n_runs * group->n_layers);
    group->part_d = take<spt_score>(slab, runs * ((n + SPT_LOSS_BLOCK_ROWS - 1) / SPT_LOSS_BLOCK_ROWS));
    group->sum_d = take<spt_score>(slab, runs);
    group->correct_d = take<uint8_t>(slab, runs * n);
    group->loss_d = take<spt_loss_problem>(slab, spt_layout_n_loss_problems(group));
    size_t at = group->spec.n_runs;
    for (size_t w = 0; w < group->n_waves; w++)
        for (int s = 0; s < SPT_SPLITS; s++) {
            group->wave[w].score_d[s] = group->loss_d + at;
            at += group->wave[w].n_runs;
        }
}

/** Tables last: their sizes are known when the plan is made, and the plan needs the other places. */
static void place_plan(spt_slab *slab, spt_group *group) {
    spt_plan *plan = &group->plan;
    for (int use = 0; use < SPT_DENSE_USES; use++) {
        spt_plan_slices *slices = &plan->slices[use];
        slices->partial_d = take<float>(slab, slices->partial_floats);
        slices->arrived_d = take<uint32_t>(slab, slices->n_arrived);
        group->blas_bytes[use] = slices->uses_cublas ? SPT_BLAS_BYTES : 0;
        group->blas_space_d[use] = take<char>(slab, group->blas_bytes[use]);
    }
    plan->gradient_d = take<float>(slab, plan->gradient_floats);
    plan->problem_d = take<spt_dense_problem>(slab, plan->n_problems);
    plan->tile_d = take<spt_tile>(slab, plan->n_tiles);
}

static size_t place_all(spt_group *group, uintptr_t base) {
    spt_slab slab = {base};
    place_split(&slab, group, SPT_SPLIT_TRAIN);
    place_split(&slab, group, SPT_SPLIT_TEST);
    place_batch(&slab, group);
    place_runs(&slab, group);
    place_record(&slab, group);
    place_plan(&slab, group);
    return slab.at - base;
}

// ---- shapes

/** Seeds of the batch order, each once; with the full batch there is no order, and one batch. */
static void find_seeds(spt_group *group) {
    group->seeds = group->full ? 1 : 0;
    for (size_t r = 0; r < group->spec.n_runs && !group->full; r++) {
        const uint32_t seed = group->spec.runs[r].train.seed;
        size_t slot = 0;
        while (slot < group->seeds && group->seed[slot] != seed)
            slot++;
        if (slot == group->seeds)
            group->seed[group->seeds++] = seed;
        group->run[r].seed_slot = slot;
    }
}

static void cut_waves(spt_group *group) {
    size_t floats = 0;
    spt_wave *wave = NULL;
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        const size_t more = spt_layout_evaluation_floats(group, r), layers = group->run[r].arena.layers;
        if (wave == NULL || (floats + more) * sizeof(float) > SPT_EVALUATION_BYTES ||
            wave->n_runs == SPT_WAVE_RUNS_MOST) {
            wave = &group->wave[group->n_waves++];
            wave->first_run = r;
            floats = 0;
        }
        floats += more;
        wave->n_runs++;
        wave->n_layers = larger(wave->n_layers, layers);
        group->wave_runs = larger(group->wave_runs, wave->n_runs);
    }
}

static bool make_phases(spt_group *group) {
    group->forward = (spt_dense_phase *)calloc(group->n_layers, sizeof *group->forward);
    group->input_gradient = (spt_dense_phase *)calloc(group->n_layers, sizeof *group->input_gradient);
    bool made = group->forward != NULL && group->input_gradient != NULL;
    for (size_t w = 0; w < group->n_waves; w++)
        for (int s = 0; s < SPT_SPLITS; s++) {
            spt_wave *wave = &group->wave[w];
            wave->forward[s] = (spt_dense_phase *)calloc(wave->n_layers, sizeof **wave->forward);
            made = made && wave->forward[s] != NULL;
        }
    return made;
}

static spt_status measure_runs(spt_group *group, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t r = 0; r < group->spec.n_runs && status == SPT_OK; r++) {
        const spt_run_spec *spec = &group->spec.runs[r];
        spt_run *run = &group->run[r];
        status = spt_arena_layout(&spec->model, &spec->train.optimizer, &run->arena, err);
        run->width_stride = spt_padded(spec->model.hidden_layers > 0 ? spec->model.width : 0);
        run->slot = group->batch * run->width_stride;
        group->n_layers = larger(group->n_layers, run->arena.layers);
        group->counters[r].diverged_step = SPT_STEP_NONE;
    }
    return status;
}

/** The networks of all runs, for the host: `layers` of its table are host memory; `parameters` wait for their place. */
static bool describe_networks(spt_group *group) {
    for (size_t r = 0; r < group->spec.n_runs; r++)
        group->n_all_layers += group->run[r].arena.layers;
    group->layer = (spt_device_layer *)calloc(group->n_all_layers, sizeof *group->layer);
    if (group->layer == NULL)
        return false;
    spt_device_layer *layer = group->layer;
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        const spt_model_spec *model = &group->spec.runs[r].model;
        spt_device_network *network = &group->network[r];
        network->layers = layer;
        network->n_layers = (uint32_t)group->run[r].arena.layers;
        network->inputs = (uint32_t)model->inputs;
        network->outputs = (uint32_t)model->outputs;
        network->width = (uint32_t)(model->hidden_layers > 0 ? model->width : 0);
        for (size_t l = 0; l < network->n_layers; l++) {
            const spt_layer from = spt_model_layer(model, l);
            *layer++ = {(uint32_t)from.fan_in,    (uint32_t)from.fan_out, from.weight_offset, from.bias_offset,
                        (float)from.weight_scale, (float)from.bias_scale, from.weight_scale,  from.bias_scale};
        }
    }
    return true;
}

/** What the parts of a record take, one after another in the same place, and probes beside it. */
static spt_status measure_record(spt_group *group, spt_error *err) {
    const size_t n_runs = group->spec.n_runs;
    const spt_probe_networks networks = {group->network_d, group->network, n_runs, group->loss};
    size_t most = evaluation_floats(group) * sizeof(float);
    most = larger(most, spt_spectral_norms_space(group->network, n_runs, group->n_layers) * sizeof(double));
    spt_status status = SPT_OK;
    for (size_t p = 0; p < group->spec.n_probes && status == SPT_OK; p++) {
        spt_probe_bytes bytes;
        status = spt_cuda_probe_measure(group->spec.probes[p], &networks, &bytes, err);
        most = larger(most, bytes.space);
        group->probe_bytes += bytes.own;
    }
    group->record_bytes = most;
    return status;
}

size_t spt_layout_n_loss_problems(const spt_group *group) {
    return (1 + SPT_SPLITS) * group->spec.n_runs; // every run is in one wave
}

spt_status spt_layout_make(const spt_device *device, const spt_group_spec *spec, spt_group *group, spt_error *err) {
    const spt_dataset *data = spec->dataset;
    const size_t n = data->train.n, batch = spec->runs[0].train.batch;
    memset(group, 0, sizeof *group);
    group->spec = *spec;
    group->loss = spec->runs[0].train.loss;
    group->full = batch == 0 || batch >= n;
    group->batch = group->full ? n : batch;
    group->x_stride = spt_padded(data->inputs);
    group->output_stride = spt_padded(data->outputs);
    group->eval_rows = (examples_most(group) + SPT_LOSS_BLOCK_ROWS - 1) / SPT_LOSS_BLOCK_ROWS * SPT_LOSS_BLOCK_ROWS;
    if (group->eval_rows > SPT_EVALUATION_ROWS)
        group->eval_rows = SPT_EVALUATION_ROWS;
    group->plan.choice = &device->choice;
    group->run = (spt_run *)calloc(spec->n_runs, sizeof *group->run);
    group->counters = (spt_run_counters *)calloc(spec->n_runs, sizeof *group->counters);
    group->network = (spt_device_network *)calloc(spec->n_runs, sizeof *group->network);
    group->seed = (uint32_t *)calloc(spec->n_runs, sizeof *group->seed);
    group->wave = (spt_wave *)calloc(spec->n_runs, sizeof *group->wave);
    if (group->run == NULL || group->counters == NULL || group->network == NULL || group->seed == NULL ||
        group->wave == NULL)
        return spt_fail(err, SPT_ENOMEM, "group: no memory for %zu runs", spec->n_runs);
    spt_status status = measure_runs(group, err);
    if (status != SPT_OK)
        return status;
    find_seeds(group);
    cut_waves(group);
    if (!make_phases(group))
        return spt_fail(err, SPT_ENOMEM, "group: no memory for %zu layers", group->n_layers);
    if (!describe_networks(group))
        return spt_fail(err, SPT_ENOMEM, "group: no memory for the layers of %zu runs", spec->n_runs);
    status = measure_record(group, err);
    if (status != SPT_OK)
        return status;
    const uintptr_t nowhere = SLAB_ALIGN; // not NULL, which has no offsets
    place_all(group, nowhere);
    spt_phases_plan(group);
    if (group->plan.out_of_memory)
        return spt_fail(err, SPT_ENOMEM, "group: no memory for the tiles of %zu runs", spec->n_runs);
    group->bytes = place_all(group, nowhere);
    return SPT_OK;
}

void spt_layout_place(spt_group *group) {
    place_all(group, (uintptr_t)group->memory_d);
    spt_phases_plan(group);
}

void spt_layout_free(spt_group *group) {
    for (size_t w = 0; group->wave != NULL && w < group->n_waves; w++)
        for (int s = 0; s < SPT_SPLITS; s++)
            free(group->wave[w].forward[s]);
    free(group->forward);
    free(group->input_gradient);
    free(group->wave);
    free(group->seed);
    free(group->network);
    free(group->layer);
    free(group->counters);
    free(group->run);
    spt_plan_free(&group->plan);
}
