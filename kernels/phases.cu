// Which products the phases of training and evaluation are made of, and where their operands lie.
#include "layout.cuh"

/** Layer l of run r on x, with what is common to all phases. */
static spt_dense_problem problem_of(const spt_group *group, size_t r, size_t l) {
    const spt_layer layer = spt_model_layer(&group->spec.runs[r].model, l);
    spt_dense_problem p = {};
    p.run = (uint32_t)r;
    p.scale = (float)layer.weight_scale;
    p.bias_scale = (float)layer.bias_scale;
    p.weight_at = layer.weight_offset;
    p.bias_at = layer.bias_offset;
    return p;
}

static const float *parameters_of(const spt_group *group, size_t r) {
    return (const float *)group->run[r].state_d;
}

typedef struct spt_array {
    float *at;
    uint32_t stride;
} spt_array;

/** Output of layer l of a run in training, and its gradient. */
static spt_array activation(const spt_group *group, size_t r, size_t l) {
    const spt_run *run = &group->run[r];
    if (l == run->arena.layers - 1)
        return {run->output_d, (uint32_t)group->output_stride};
    return {run->hidden_d + l * run->slot, (uint32_t)run->width_stride};
}
static spt_array delta(const spt_group *group, size_t r, size_t l) {
    const spt_run *run = &group->run[r];
    if (l == run->arena.layers - 1)
        return {run->output_d, (uint32_t)group->output_stride};
    return {run->delta_d + l * run->slot, (uint32_t)run->width_stride};
}
static spt_array input(const spt_group *group, size_t r, size_t l) {
    if (l > 0)
        return activation(group, r, l - 1);
    return {group->batch_d.x + group->run[r].seed_slot * group->batch * group->x_stride, (uint32_t)group->x_stride};
}

/** parameters: the run's own, or a record's copy of them. */
static void add_forward(spt_group *group, size_t r, size_t l, const float *parameters, spt_array x, spt_array y,
                        size_t rows, bool is_data) {
    const spt_layer layer = spt_model_layer(&group->spec.runs[r].model, l);
    spt_dense_problem p = problem_of(group, r, l);
    p.a = x.at;
    p.a_stride = x.stride;
    p.is_data = is_data;
    p.b = parameters + p.weight_at;
    p.b_stride = (uint32_t)layer.fan_in;
    p.bias = parameters + p.bias_at;
    p.c = y.at;
    p.c_stride = y.stride;
    p.n = (uint32_t)layer.fan_out;
    p.k = (uint32_t)layer.fan_in;
    p.relu = l + 1 < group->run[r].arena.layers;
    spt_plan_add(&group->plan, SPT_PHASE_FORWARD, rows, p);
}

static void add_input_gradient(spt_group *group, size_t r, size_t l) {
    const spt_layer layer = spt_model_layer(&group->spec.runs[r].model, l);
    const spt_array dy = delta(group, r, l), dx = delta(group, r, l - 1);
    spt_dense_problem p = problem_of(group, r, l);
    p.a = dy.at;
    p.a_stride = dy.stride;
    p.b = parameters_of(group, r) + p.weight_at;
    p.b_stride = (uint32_t)layer.fan_in;
    p.c = dx.at;
    p.c_stride = dx.stride;
    p.mask = activation(group, r, l - 1).at;
    p.n = (uint32_t)layer.fan_in;
    p.k = (uint32_t)layer.fan_out;
    spt_plan_add(&group->plan, SPT_PHASE_INPUT_GRADIENT, group->batch, p);
}

static void add_weight_gradient(spt_group *group, size_t r, size_t l) {
    const spt_layer layer = spt_model_layer(&group->spec.runs[r].model, l);
    const spt_array dy = delta(group, r, l), x = input(group, r, l);
    spt_dense_problem p = problem_of(group, r, l);
    p.a = dy.at;
    p.a_stride = dy.stride;
    p.b = x.at;
    p.b_stride = x.stride;
    p.c_stride = (uint32_t)layer.fan_in;
    p.m = (uint32_t)layer.fan_out;
    p.n = (uint32_t)layer.fan_in;
    spt_plan_add(&group->plan, SPT_PHASE_WEIGHT_GRADIENT, group->batch, p);
}

static void plan_training(spt_group *group) {
    spt_plan *plan = &group->plan;
    for (size_t l = 0; l < group->n_layers; l++) {
        size_t first = plan->n_problems;
        for (size_t r = 0; r < group->spec.n_runs; r++)
            if (l < group->run[r].arena.layers)
                add_forward(group, r, l, parameters_of(group, r), input(group, r, l), activation(group, r, l),
                            group->batch, false);
        spt_plan_close(plan, first, group->batch, &group->forward[l]);
    }
    // All runs start from their output, however many layers they have.
    for (size_t back = 0; back + 1 < group->n_layers; back++) {
        size_t first = plan->n_problems;
        for (size_t r = 0; r < group->spec.n_runs; r++)
            if (back + 1 < group->run[r].arena.layers)
                add_input_gradient(group, r, group->run[r].arena.layers - 1 - back);
        spt_plan_close(plan, first, group->batch, &group->input_gradient[back]);
    }
    size_t first = plan->n_problems;
    for (size_t r = 0; r < group->spec.n_runs; r++)
        for (size_t l = 0; l < group->run[r].arena.layers; l++)
            add_weight_gradient(group, r, l);
    spt_plan_close(plan, first, group->batch, &group->weight_gradient);
}

/** Output of layer l of a run in evaluation: two hidden layers are kept, in turns. base: the run's in the wave. */
static spt_array evaluation_array(const spt_group *group, size_t r, size_t l, float *base) {
    const spt_run *run = &group->run[r];
    const size_t hidden = run->arena.layers - 1, slot = group->eval_rows * run->width_stride;
    if (l == hidden)
        return {base + (hidden < 2 ? hidden : 2) * slot, (uint32_t)group->output_stride};
    return {base + l % 2 * slot, (uint32_t)run->width_stride};
}

static void plan_wave(spt_group *group, spt_wave *wave, int split) {
    spt_plan *plan = &group->plan;
    const spt_array data = {group->split_d[split].x, (uint32_t)group->x_stride};
    for (size_t l = 0; l < wave->n_layers; l++) {
        size_t first = plan->n_problems;
        float *base = (float *)group->record_space_d;
        for (size_t i = 0; i < wave->n_runs; i++) {
            const size_t r = wave->first_run + i;
            if (l < group->run[r].arena.layers)
                add_forward(group, r, l, group->network[r].parameters,
                            l == 0 ? data : evaluation_array(group, r, l - 1, base),
                            evaluation_array(group, r, l, base), group->eval_rows, l == 0);
            base += spt_layout_evaluation_floats(group, r);
        }
        spt_plan_close(plan, first, group->eval_rows, &wave->forward[split][l]);
    }
}

void spt_phases_plan(spt_group *group) {
    spt_plan_restart(&group->plan);
    plan_training(group);
    group->plan.use = SPT_DENSE_RECORDING;
    for (size_t w = 0; w < group->n_waves; w++)
        for (int s = 0; s < SPT_SPLITS; s++)
            if (spt_layout_split(group, s)->n > 0)
                plan_wave(group, &group->wave[w], s);
}

void spt_phases_loss_problems(const spt_group *group, spt_loss_problem *table) {
    const size_t outputs = group->spec.dataset->outputs;
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        const size_t first = group->run[r].seed_slot * group->batch;
        const spt_examples *b = &group->batch_d;
        *table++ = {group->run[r].output_d, b->label != NULL ? b->label + first : NULL,
                    b->target != NULL ? b->target + first * outputs : NULL, (uint32_t)r};
    }
    for (size_t w = 0; w < group->n_waves; w++)
        for (int s = 0; s < SPT_SPLITS; s++) {
            float *base = (float *)group->record_space_d;
            for (size_t i = 0; i < group->wave[w].n_runs; i++) {
                const size_t r = group->wave[w].first_run + i;
                float *output = evaluation_array(group, r, group->run[r].arena.layers - 1, base).at;
                *table++ = {output, group->split_d[s].label, group->split_d[s].target, (uint32_t)i};
                base += spt_layout_evaluation_floats(group, r);
            }
        }
}
