/* Planning: from a config to every run's settings, data sets and costs. Trains nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/node.h"
#include "core/memory.h"
#include "sweep/sweep_internal.h"

/* Weights of a model: all, and those of the first layer, which needs no gradient with respect to its input. */
static void count_weights(const spt_model_spec *model, double *all, double *first) {
    *all = 0.0;
    *first = 0.0;
    for (size_t l = 0; l <= model->hidden_layers; l++) {
        spt_layer layer = spt_model_layer(model, l);
        double weights = (double)layer.fan_in * (double)layer.fan_out;
        *all += weights;
        if (l == 0)
            *first = weights;
    }
}

/* What a step and an example take besides arithmetic, as FLOPs of the networks that keep a processor busy. Measured on
 * the CPU backend: a step of width 2 takes 5 us at batch 10, 25 us at 100, 250 us at 1,000, at some 25 GFLOP/s. The cut
 * into shards must be the same everywhere, so it cannot measure anew. */
static const double STEP_FLOPS = 1e5, EXAMPLE_FLOPS = 6e3;

static void count_flops(const spt_sweep *sweep, spt_planned_run *run) {
    const spt_data_shape *data = &sweep->data_shapes[run->dataset];
    double all, first, rows = (double)data->train + (double)data->test, last_rows = 0.0;
    const double units = (double)run->spec.model.hidden_layers * (double)run->spec.model.width;
    count_weights(&run->spec.model, &all, &first);
    for (size_t p = 0; p < sweep->settings.n_probes; p++) {
        const spt_probe_shape *shape = &sweep->probe_shapes[p];
        *(shape->at == SPT_PROBE_AT_LAST ? &last_rows : &rows) +=
            (double)shape->rows + (double)shape->unit_rows * units;
    }
    run->train_flops = (double)run->spec.train.epochs * (double)data->train * (6.0 * all - 2.0 * first);
    run->record_flops = ((double)sweep->settings.records.n * rows + last_rows) * 2.0 * all;
    run->cost = run->train_flops + run->record_flops + (double)run->steps * STEP_FLOPS +
                (double)run->spec.train.epochs * (double)data->train * EXAMPLE_FLOPS;
}

/* What no key shows alone: whether batch, loss and data fit together. */
static spt_status check_run(const spt_sweep *sweep, const spt_settings *settings, const spt_data_shape *data,
                            spt_error *err) {
    if (settings->train.batch > data->train)
        return spt_config_fail(sweep->config, "train.batch", err,
                               "is %zu; allowed: 1 to %zu (the training examples), or full", settings->train.batch,
                               data->train);
    if (settings->train.loss == SPT_LOSS_CROSS_ENTROPY && data->classes == 0)
        return spt_config_fail(sweep->config, "train.loss", err,
                               "is cross_entropy, and the data has no classes; allowed: mse, bce");
    if (settings->train.loss == SPT_LOSS_CROSS_ENTROPY && data->outputs == 1)
        return spt_config_fail(sweep->config, "train.loss", err,
                               "is cross_entropy, and the data has one output for two classes; allowed: mse, bce");
    return SPT_OK;
}

/* ---- data sets: runs whose data sections say the same share one */

typedef struct keyed_run {
    const char *key;
    size_t run;
} keyed_run;

static int compare_keys(const void *a, const void *b) {
    const keyed_run *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : (x->run > y->run) - (x->run < y->run);
}

/* Number the distinct data specs in the order of their first run; keep one spec of each, free the others. */
static spt_status number_datasets(spt_sweep *sweep, spt_data_spec **specs, spt_error *err) {
    spt_status status = SPT_ENOMEM;
    keyed_run *sorted = calloc(sweep->n_runs, sizeof *sorted);
    size_t *first = calloc(sweep->n_runs, sizeof *first); /* first run with the same data */
    if (sorted == NULL || first == NULL)
        goto done;
    for (size_t r = 0; r < sweep->n_runs; r++)
        sorted[r] = (keyed_run){spt_data_spec_key(specs[r]), r};
    qsort(sorted, sweep->n_runs, sizeof *sorted, compare_keys);
    size_t distinct = 0;
    for (size_t i = 0; i < sweep->n_runs; i++) {
        bool same = i > 0 && strcmp(sorted[i].key, sorted[i - 1].key) == 0;
        first[sorted[i].run] = same ? first[sorted[i - 1].run] : sorted[i].run;
        distinct += !same;
    }
    sweep->data_specs = calloc(distinct, sizeof *sweep->data_specs);
    sweep->data_shapes = calloc(distinct, sizeof *sweep->data_shapes);
    if (sweep->data_specs == NULL || sweep->data_shapes == NULL)
        goto done;
    for (size_t r = 0; r < sweep->n_runs; r++) {
        if (first[r] != r) {
            sweep->run_dataset[r] = sweep->run_dataset[first[r]];
            spt_data_spec_free(specs[r]);
        } else {
            sweep->run_dataset[r] = (uint32_t)sweep->n_datasets;
            sweep->data_specs[sweep->n_datasets++] = specs[r];
        }
        specs[r] = NULL;
    }
    status = SPT_OK;
done:
    free(sorted);
    free(first);
    return status == SPT_OK ? SPT_OK : spt_fail(err, status, "sweep of %zu runs: out of memory", sweep->n_runs);
}

static spt_status shape_datasets(spt_sweep *sweep, spt_error *err) {
    if (sweep->known_shapes != NULL && sweep->n_known != sweep->n_datasets)
        return spt_fail(err, SPT_EMISMATCH, "the config has %zu data sets, known are %zu", sweep->n_datasets,
                        sweep->n_known);
    for (size_t i = 0; i < sweep->n_datasets; i++) {
        spt_data_shape *shape = &sweep->data_shapes[i];
        spt_status status = SPT_OK;
        if (sweep->known_shapes != NULL)
            *shape = sweep->known_shapes[i];
        else
            status = spt_data_spec_shape(sweep->data_specs[i], shape, err);
        if (status != SPT_OK)
            return status;
        const spt_data_shape *zero = &sweep->data_shapes[0];
        if (shape->inputs != zero->inputs || shape->outputs != zero->outputs || shape->classes != zero->classes)
            return spt_config_fail(
                sweep->config, "sweep", err,
                "spans data with %zu inputs and %zu outputs, and with %zu and %zu; they must be equal in a "
                "sweep",
                zero->inputs, zero->outputs, shape->inputs, shape->outputs);
    }
    return SPT_OK;
}

/* ---- one pass over the runs */

static spt_status read_run(spt_sweep *sweep, size_t r, spt_data_spec **data, spt_error *err) {
    spt_settings own = {0};
    spt_settings *settings = r == 0 ? &sweep->settings : &own;
    spt_status status = spt_config_settings(sweep->config, &sweep->axes, r, settings, err);
    if (status == SPT_OK) {
        sweep->runs[r].spec = (spt_run_spec){settings->model, settings->train};
        *data = settings->data;
        settings->data = NULL;
    }
    if (r != 0)
        spt_settings_free(&own);
    return status;
}

static spt_status complete_run(spt_sweep *sweep, size_t r, spt_error *err) {
    spt_planned_run *run = &sweep->runs[r];
    run->number = r;
    run->dataset = sweep->run_dataset[r];
    const spt_data_shape *data = &sweep->data_shapes[run->dataset];
    spt_settings settings = {.model = run->spec.model, .train = run->spec.train};
    spt_status status = check_run(sweep, &settings, data, err);
    if (status != SPT_OK)
        return status;
    run->spec.model.inputs = data->inputs;
    run->spec.model.outputs = data->outputs;
    status = spt_arena_layout(&run->spec.model, &run->spec.train.optimizer, &sweep->arenas[r], err);
    if (status != SPT_OK)
        return status;
    sweep->models[r] = run->spec.model;
    sweep->steps_per_epoch[r] = spt_steps_per_epoch(data->train, run->spec.train.batch);
    run->parameters = sweep->arenas[r].parameters;
    run->steps = sweep->steps_per_epoch[r] * run->spec.train.epochs;
    count_flops(sweep, run);
    return SPT_OK;
}

static bool same_energies(const spt_probe_shape *a, const spt_probe_shape *b) {
    bool same = a->n_dims == b->n_dims && a->energy_size == b->energy_size;
    for (size_t i = 0; i < a->n_dims && same; i++)
        same = a->dim_size[i] == b->dim_size[i];
    return same;
}

/* The probe's shape for every data set; its energies lie in one array, so they must be as many for each. */
static spt_status shape_probe(const spt_sweep *sweep, size_t p, spt_error *err) {
    spt_probe_shape *first = &sweep->probe_shapes[p], shape;
    for (size_t i = 0; i < sweep->n_datasets; i++) {
        spt_status status = spt_probe_spec_shape(sweep->settings.probes[p], &sweep->data_shapes[i], &shape, err);
        if (status != SPT_OK)
            return status;
        if (i == 0)
            *first = shape;
        else if (!same_energies(first, &shape))
            return spt_config_fail(sweep->config, "sweep", err,
                                   "spans data for which probe %s has %zu and %zu energies; they must be as many in a "
                                   "sweep",
                                   sweep->probe_names[p], first->energy_size, shape.energy_size);
    }
    return SPT_OK;
}

static spt_status shape_probes(spt_sweep *sweep, spt_error *err) {
    size_t n = sweep->settings.n_probes;
    sweep->probe_names = calloc(n + 1, sizeof *sweep->probe_names);
    sweep->probe_shapes = calloc(n + 1, sizeof *sweep->probe_shapes);
    if (sweep->probe_names == NULL || sweep->probe_shapes == NULL)
        return spt_fail(err, SPT_ENOMEM, "probes: out of memory");
    for (size_t p = 0; p < n; p++) {
        sweep->probe_names[p] = spt_probe_spec_name(sweep->settings.probes[p]);
        spt_status status = shape_probe(sweep, p, err);
        if (status != SPT_OK)
            return status;
    }
    return SPT_OK;
}

static spt_status allocate_runs(spt_sweep *sweep, spt_error *err) {
    size_t n = sweep->n_runs = sweep->axes.n_runs;
    sweep->runs = calloc(n, sizeof *sweep->runs);
    sweep->models = calloc(n, sizeof *sweep->models);
    sweep->arenas = calloc(n, sizeof *sweep->arenas);
    sweep->steps_per_epoch = calloc(n, sizeof *sweep->steps_per_epoch);
    sweep->run_dataset = calloc(n, sizeof *sweep->run_dataset);
    if (!sweep->runs || !sweep->models || !sweep->arenas || !sweep->steps_per_epoch || !sweep->run_dataset)
        return spt_fail(err, SPT_ENOMEM, "sweep of %zu runs: out of memory", n);
    return SPT_OK;
}

static spt_status plan(spt_sweep *sweep, spt_error *err) {
    spt_status status = spt_config_axes(sweep->config, &sweep->axes, err);
    if (status == SPT_OK)
        status = allocate_runs(sweep, err);
    if (status != SPT_OK)
        return status;
    spt_data_spec **specs = calloc(sweep->n_runs, sizeof *specs);
    if (specs == NULL)
        return spt_fail(err, SPT_ENOMEM, "sweep of %zu runs: out of memory", sweep->n_runs);
    for (size_t r = 0; r < sweep->n_runs && status == SPT_OK; r++)
        status = read_run(sweep, r, &specs[r], err);
    if (status == SPT_OK)
        status = number_datasets(sweep, specs, err);
    for (size_t r = 0; r < sweep->n_runs; r++)
        spt_data_spec_free(specs[r]);
    free(specs);
    if (status == SPT_OK)
        status = shape_datasets(sweep, err);
    if (status == SPT_OK)
        status = shape_probes(sweep, err);
    for (size_t r = 0; r < sweep->n_runs && status == SPT_OK; r++)
        status = complete_run(sweep, r, err);
    if (status == SPT_OK)
        status = spt_sweep_make_groups(sweep, NULL, err);
    return status;
}

spt_status spt_sweep_plan_known(const spt_config *config, const spt_data_shape *shapes, size_t n, spt_sweep **out,
                                spt_error *err) {
    spt_sweep *sweep = calloc(1, sizeof *sweep);
    if (sweep == NULL)
        return spt_fail(err, SPT_ENOMEM, "sweep: out of memory");
    sweep->config = config;
    sweep->known_shapes = shapes;
    sweep->n_known = n;
    spt_status status = plan(sweep, err);
    if (status != SPT_OK) {
        spt_sweep_free(sweep);
        return status;
    }
    sweep->known_shapes = NULL;
    *out = sweep;
    return SPT_OK;
}

spt_status spt_sweep_plan(const spt_config *config, spt_sweep **out, spt_error *err) {
    return spt_sweep_plan_known(config, NULL, 0, out, err);
}

void spt_sweep_free(spt_sweep *sweep) {
    if (sweep == NULL)
        return;
    spt_sweep_free_groups(sweep);
    for (size_t i = 0; i < sweep->n_datasets; i++)
        spt_data_spec_free(sweep->data_specs[i]);
    free(sweep->data_specs);
    free(sweep->data_shapes);
    free(sweep->runs);
    free(sweep->models);
    free(sweep->arenas);
    free(sweep->steps_per_epoch);
    free(sweep->run_dataset);
    free((void *)(uintptr_t)sweep->shard.numbers);
    free(sweep->probe_names);
    free(sweep->probe_shapes);
    spt_settings_free(&sweep->settings);
    spt_axes_free(&sweep->axes);
    free(sweep);
}

const spt_planned_run *spt_sweep_run_at(const spt_sweep *sweep, size_t run) {
    return &sweep->runs[run];
}
const spt_axes *spt_sweep_axes(const spt_sweep *sweep) {
    return &sweep->axes;
}

bool spt_sweep_keeps_data(const spt_sweep *sweep) {
    if (sweep->settings.keep_data != SPT_KEEP_AUTO)
        return sweep->settings.keep_data == SPT_KEEP_YES;
    return sweep->data_shapes[0].generated;
}

spt_store_spec spt_sweep_store_spec(const spt_sweep *sweep, const char *config_text, const char *backend,
                                    const spt_device_info *info) {
    return (spt_store_spec){.config = config_text,
                            .backend = backend,
                            .device = info->name,
                            .precision = info->precision,
                            .denormals = info->denormals,
                            .axes = &sweep->axes,
                            .shard = sweep->shard.count > 0 ? &sweep->shard : NULL,
                            .n_runs = sweep->n_runs,
                            .models = sweep->models,
                            .arenas = sweep->arenas,
                            .steps_per_epoch = sweep->steps_per_epoch,
                            .run_dataset = sweep->run_dataset,
                            .n_datasets = sweep->n_datasets,
                            .data_shapes = sweep->data_shapes,
                            .keep_data = spt_sweep_keeps_data(sweep),
                            .records = sweep->settings.records,
                            .snapshots = sweep->settings.snapshots,
                            .n_probes = sweep->settings.n_probes,
                            .probe_names = sweep->probe_names,
                            .probe_shapes = sweep->probe_shapes};
}
