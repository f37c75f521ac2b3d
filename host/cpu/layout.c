/* How much memory a group takes, and where in it everything lies: one block, cut by one function that also counts it.
 */
#include "cpu/layout.h"

#include "core/memory.h"
#include "cpu/parts.h"
#include "cpu/probe.h"

static const size_t EVAL_FLOATS = 131072; /* hidden activations of one layer in a part: half a core's cache */
enum { EVAL_ROWS_LEAST = 128, EVAL_ROWS_MOST = 512, EVAL_ROWS_STEP = 32 };

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t rows_of_part(const spt_model_spec *model) {
    size_t rows = EVAL_FLOATS / (model->hidden_layers > 0 ? model->width : model->outputs);
    rows = rows / EVAL_ROWS_STEP * EVAL_ROWS_STEP;
    return rows < EVAL_ROWS_LEAST ? EVAL_ROWS_LEAST : rows > EVAL_ROWS_MOST ? EVAL_ROWS_MOST : rows;
}

size_t spt_layout_batch(const spt_group_spec *spec) {
    size_t batch = spec->runs[0].train.batch, n = spec->dataset->train.n;
    return batch == 0 || batch > n ? n : batch;
}

/* ---- what runs need, and the largest needs of a group */

typedef struct spt_needs {
    size_t batch;
    size_t hidden, width, block;   /* spt_reals of all hidden layers of a batch; width; spt_reals of a block */
    size_t eval_hidden, eval_rows; /* spt_reals of two slots; rows of a part */
    spt_probe_needs probe;         /* the largest of each */
    size_t norm_side;
    size_t parts; /* doubles in group->part */
} spt_needs;

static spt_status measure_run(const spt_run_spec *spec, size_t batch, spt_run *run, spt_error *err) {
    spt_status status = spt_arena_layout(&spec->model, &spec->train.optimizer, &run->arena, err);
    if (status != SPT_OK)
        return status;
    run->model = &spec->model;
    run->flops = 0.0;
    run->members = 1;
    for (size_t l = 0; l < run->arena.layers; l++) {
        spt_layer layer = spt_model_layer(&spec->model, l);
        run->flops += (l > 0 ? 6.0 : 4.0) * (double)layer.fan_in * (double)layer.fan_out * (double)batch;
        run->members = largest(run->members, spt_dense_members(&layer, batch));
    }
    run->eval_rows = rows_of_part(&spec->model);
    return SPT_OK;
}

/* What a probe needs at most of each, over the runs. */
static spt_probe_needs probe_needs(const spt_group_spec *spec, const spt_run *run, const spt_probe *probe) {
    spt_probe_needs most = {0};
    for (size_t r = 0; r < spec->n_runs; r++) {
        spt_probe_needs needs = spt_probe_method_of(probe)->needs(probe, &run[r]);
        most.parts = largest(most.parts, needs.parts);
        most.numbers = largest(most.numbers, needs.numbers);
        most.rows = largest(most.rows, needs.rows);
        most.samples = largest(most.samples, needs.samples);
        most.spectrum = largest(most.spectrum, needs.spectrum);
        most.parameters = largest(most.parameters, needs.parameters);
        most.scratch = largest(most.scratch, needs.scratch);
        most.gradient = largest(most.gradient, needs.gradient);
        most.directions = largest(most.directions, needs.directions);
    }
    return most;
}

/* Doubles of the parts that one evaluation of anything leaves, over runs, splits and probes. */
static size_t parts_of(const spt_group_spec *spec, const spt_run *run, size_t threads) {
    size_t layers = 0, train = 0, test = 0, space = 0;
    for (size_t r = 0; r < spec->n_runs; r++) {
        layers = largest(layers, run[r].arena.layers);
        train = largest(train, spt_evaluate_parts(&run[r], spec->dataset->train.n));
        test = largest(test, spt_evaluate_parts(&run[r], spec->dataset->test.n));
    }
    space = largest(space, spt_parts_space(threads, spec->n_runs, layers, 1));
    space = largest(space, spt_parts_space(threads, spec->n_runs, train, 2));
    space = largest(space, spt_parts_space(threads, spec->n_runs, test, 2));
    for (size_t p = 0; p < spec->n_probes; p++) {
        spt_probe_needs needs = probe_needs(spec, run, spec->probes[p]);
        space = largest(space, spt_parts_space(threads, spec->n_runs, needs.parts, needs.numbers));
    }
    return space;
}

static spt_needs needs_of(const spt_group_spec *spec, const spt_run *run, size_t threads) {
    spt_needs needs = {.batch = spt_layout_batch(spec), .parts = parts_of(spec, run, threads)};
    for (size_t r = 0; r < spec->n_runs; r++) {
        const spt_model_spec *m = &spec->runs[r].model;
        size_t width = m->hidden_layers > 0 ? m->width : 0;
        needs.width = largest(needs.width, width);
        needs.hidden = largest(needs.hidden, m->hidden_layers * spt_pass_stride(needs.batch, width));
        needs.block = largest(needs.block, run[r].arena.block);
        needs.eval_rows = largest(needs.eval_rows, run[r].eval_rows);
        needs.eval_hidden = largest(needs.eval_hidden, 2 * spt_pass_stride(run[r].eval_rows, width));
        for (size_t l = 0; l <= m->hidden_layers; l++) {
            spt_layer layer = spt_model_layer(m, l);
            needs.norm_side = largest(needs.norm_side, layer.fan_in < layer.fan_out ? layer.fan_in : layer.fan_out);
        }
    }
    for (size_t p = 0; p < spec->n_probes; p++) {
        spt_probe_needs probe = probe_needs(spec, run, spec->probes[p]);
        needs.probe.rows = largest(needs.probe.rows, probe.rows);
        needs.probe.samples = largest(needs.probe.samples, probe.samples);
        needs.probe.spectrum = largest(needs.probe.spectrum, probe.spectrum);
        needs.probe.parameters = largest(needs.probe.parameters, probe.parameters);
        needs.probe.scratch = largest(needs.probe.scratch, probe.scratch);
        needs.probe.gradient = largest(needs.probe.gradient, probe.gradient);
        needs.probe.directions = largest(needs.probe.directions, probe.directions);
    }
    return needs;
}

/* ---- memory */

static void cut_train_space(spt_slab *slab, const spt_group_spec *spec, const spt_needs *needs,
                            spt_train_space *space) {
    const spt_dataset *data = spec->dataset;
    const size_t real = sizeof(spt_real), rows = needs->batch, n = data->train.n;
    const bool gathered = rows < n, labels = data->train.label != NULL;
    spt_batcher *b = &space->batcher;
    *b = (spt_batcher){.split = &data->train, .inputs = data->inputs, .outputs = data->outputs, .size = rows};
    b->x = spt_slab_take(slab, gathered ? rows * data->inputs : 0, real);
    b->label = spt_slab_take(slab, gathered && labels ? rows : 0, sizeof *b->label);
    b->target = spt_slab_take(slab, gathered && !labels ? rows * data->outputs : 0, sizeof *b->target);
    b->permutation = spt_slab_take(slab, gathered ? n : 0, sizeof *b->permutation);
    b->scratch = spt_slab_take(slab, gathered ? 2 * n : 0, sizeof *b->scratch);
    space->pass.hidden = spt_slab_take(slab, needs->hidden, real);
    space->pass.output = spt_slab_take(slab, rows, data->outputs * real);
    space->pass.delta[0] = spt_slab_take(slab, rows, needs->width * real);
    space->pass.delta[1] = spt_slab_take(slab, rows, needs->width * real);
    space->pass.loss_part = spt_slab_take(slab, spt_network_loss_parts(rows), sizeof *space->pass.loss_part);
    space->gradient = spt_slab_take(slab, needs->block, real);
}

static void cut_eval_space(spt_slab *slab, const spt_group_spec *spec, const spt_needs *needs, spt_eval_space *space) {
    const size_t real = sizeof(spt_real), inputs = spec->dataset->inputs, outputs = spec->dataset->outputs;
    const size_t rows = needs->eval_rows, side = needs->norm_side;
    space->pass.slots = 2;
    space->pass.hidden = spt_slab_take(slab, needs->eval_hidden, real);
    space->pass.output = spt_slab_take(slab, rows * outputs, real);
    space->x = spt_slab_take(slab, spec->n_probes > 0 ? rows * inputs : 0, real);
    space->series = spt_slab_take(slab, needs->probe.rows, outputs * sizeof *space->series);
    space->samples = spt_slab_take(slab, needs->probe.samples, sizeof *space->samples);
    space->spectrum = spt_slab_take(slab, needs->probe.spectrum, sizeof *space->spectrum);
    space->parameters = spt_slab_take(slab, needs->probe.parameters, real);
    space->scratch = spt_slab_take(slab, needs->probe.scratch, sizeof *space->scratch);
    space->gradient = spt_slab_take(slab, needs->probe.gradient, real);
    space->direction = spt_slab_take(slab, needs->probe.directions, sizeof *space->direction);
    space->moved = NULL;
    space->norm.panel = spt_slab_take(slab, side, SPT_NORM_PANEL * sizeof(double));
    space->norm.gram = spt_slab_take(slab, side, side * sizeof(double));
    space->norm.eigenvalues = spt_slab_take(slab, side, sizeof(double));
    space->norm.work = spt_slab_take(slab, spt_spectral_norm_work(side), sizeof(double));
    space->norm.integer_work = spt_slab_take(slab, spt_spectral_norm_integer_work(side), sizeof(int));
}

void spt_layout_cut(spt_slab *slab, const spt_group_spec *spec, const spt_run *measured, size_t threads,
                    spt_group *group) {
    const spt_needs needs = needs_of(spec, measured, threads);
    const bool counting = slab->base == NULL;
    const size_t runs = spec->n_runs, spaces = threads < runs ? threads : runs;
    group->n_train_spaces = spaces;
    group->run = spt_slab_take(slab, runs, sizeof *group->run);
    group->by_cost = spt_slab_take(slab, runs, sizeof *group->by_cost);
    group->work = spt_slab_take(slab, runs, sizeof *group->work);
    group->team_size = spt_slab_take(slab, threads, sizeof *group->team_size);
    group->team = spt_slab_take(slab, threads, sizeof *group->team);
    group->train_space = spt_slab_take(slab, spaces, sizeof *group->train_space);
    group->free_space = spt_slab_take(slab, spaces, sizeof *group->free_space);
    group->eval_space = spt_slab_take(slab, threads, sizeof *group->eval_space);
    group->plan = spt_slab_take(slab, spec->n_probes, sizeof *group->plan);
    group->part = spt_slab_take(slab, needs.parts, sizeof *group->part);
    for (size_t r = 0; r < runs; r++) {
        char *state = spt_slab_take(slab, measured[r].arena.bytes, 1);
        if (!counting) {
            group->run[r] = measured[r];
            group->run[r].state = state;
        }
    }
    spt_train_space train;
    for (size_t s = 0; s < spaces; s++)
        cut_train_space(slab, spec, &needs, counting ? &train : &group->train_space[s]);
    spt_eval_space eval;
    for (size_t t = 0; t < threads; t++)
        cut_eval_space(slab, spec, &needs, counting ? &eval : &group->eval_space[t]);
}

spt_run *spt_layout_measure(const spt_group_spec *spec, spt_status *status, spt_error *err) {
    spt_run *run = spt_memory_alloc(spec->n_runs, sizeof *run);
    if (run == NULL) {
        *status = spt_fail(err, SPT_ENOMEM, "group: no memory for %zu runs", spec->n_runs);
        return NULL;
    }
    for (size_t r = 0; r < spec->n_runs; r++) {
        *status = measure_run(&spec->runs[r], spt_layout_batch(spec), &run[r], err);
        if (*status != SPT_OK) {
            spt_memory_free(run);
            return NULL;
        }
    }
    return run;
}
