/* A further probe for a finished file: data sets made again, weights from the file, energies into it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/tree.h"
#include "core/clock.h"
#include "core/memory.h"
#include "sweep/sweep_internal.h"

typedef struct adding {
    const spt_add_probe_options *options;
    spt_config *config;
    spt_sweep *sweep;
    spt_probe_spec *probe_spec;
    const spt_backend *backend;
    spt_device *device;
    spt_addition *addition;
    spt_dataset *dataset;
    size_t dataset_index; /* SIZE_MAX: none yet */
    spt_probe *probe;     /* made for dataset */
} adding;

/* ---- what is asked for, and of what */

static spt_status read_file(adding *a, const char *path, spt_error *err) {
    spt_file_info info;
    spt_status status = spt_file_info_read(path, &info, err);
    if (status != SPT_OK)
        return status;
    status = spt_config_parse(path, info.config, strlen(info.config), &a->config, err);
    for (size_t i = 0; i < a->options->n_sets && status == SPT_OK; i++)
        status = spt_config_set(a->config, a->options->sets[i], err);
    if (status == SPT_OK)
        status = spt_sweep_plan(a->config, &a->sweep, err);
    spt_file_info_free(&info);
    return status;
}

static spt_status read_probe(adding *a, const spt_config *probe, spt_error *err) {
    spt_probe_shape shape;
    spt_status status = spt_probe_spec_read(probe->root, &a->probe_spec, err);
    for (size_t d = 0; d < a->sweep->n_datasets && status == SPT_OK; d++)
        status = spt_probe_spec_shape(a->probe_spec, &a->sweep->data_shapes[d], &shape, err);
    return status;
}

static spt_status open_device(adding *a, spt_device_info *info, spt_error *err) {
    const char *name = a->options->backend != NULL ? a->options->backend : "auto";
    a->backend = spt_backend_find(name);
    if (a->backend == NULL)
        return spt_fail(err, SPT_EINVAL, "backend %s: not in this build", name);
    spt_device_options device = {.device = a->options->device, .threads = a->options->threads};
    spt_status status = a->backend->open(&device, &a->device, err);
    if (status != SPT_OK)
        return status;
    a->backend->describe(a->device, info);
    const spt_group_place place = {a->backend, a->device, *info};
    return spt_sweep_make_groups(a->sweep, &place, err);
}

/* ---- energies */

static void drop_dataset(adding *a) {
    spt_probe_free(a->probe);
    spt_dataset_free(a->dataset);
    a->probe = NULL;
    a->dataset = NULL;
    a->dataset_index = SIZE_MAX;
}

/* What the file cannot tell: the parameters of networks whose weights it holds with their scales. */
static spt_status check_probe(const adding *a, spt_error *err) {
    for (size_t r = 0; r < a->sweep->n_runs && a->probe->perturb.n_norms > 0; r++)
        if (a->sweep->models[r].init == SPT_INIT_NTK)
            return spt_fail(err, SPT_EINVAL,
                            "probe %s: perturb: run %zu has init ntk, whose parameters are not its stored weights; "
                            "perturb those while training",
                            a->probe->name, r);
    return SPT_OK;
}

static spt_status take_dataset(adding *a, size_t index, spt_error *err) {
    if (a->dataset_index == index)
        return SPT_OK;
    drop_dataset(a);
    const spt_data_spec *spec = a->sweep->data_specs[index];
    spt_status status = spt_dataset_make(spec, &a->dataset, err);
    if (status == SPT_OK)
        status = spt_probe_make(a->probe_spec, a->dataset, spt_data_spec_seed(spec), &a->probe, err);
    if (status == SPT_OK)
        status = check_probe(a, err);
    if (status == SPT_OK)
        status = spt_addition_put_dataset(a->addition, index, a->dataset, a->probe, err);
    if (status == SPT_OK)
        a->dataset_index = index;
    return status;
}

/* A group on the device, and what its runs pass through on their way there. */
typedef struct probed_group {
    const spt_planned_group *plan;
    spt_run_spec *specs; /* (n_runs) */
    const spt_probe *probe;
    spt_group *group; /* borrows the two above */
    void *state;      /* of the largest arena */
    bool *there;      /* (n_runs) whether a run has weights at this snapshot */
    double *energy;   /* (n_runs, energy_size) */
} probed_group;

static void close_group(const adding *a, probed_group *g) {
    if (g->group != NULL)
        a->backend->group_destroy(g->group);
    free(g->specs);
    free(g->there);
    spt_memory_free(g->state);
    spt_memory_free(g->energy);
}

/* The networks as they are, with the least that training would need besides: one example a step, no moments. */
static spt_run_spec without_training(const spt_run_spec *run) {
    spt_run_spec spec = *run;
    spec.model.init = SPT_INIT_PYTORCH; /* the file's weights have the scales of others in them */
    spec.train.optimizer = (spt_optimizer){.kind = SPT_OPTIMIZER_SGD, .lr = 1.0};
    spec.train.batch = 1;
    return spec;
}

static spt_status open_group(const adding *a, const spt_planned_group *plan, probed_group *g, spt_error *err) {
    size_t bytes = 0;
    *g = (probed_group){.plan = plan, .probe = a->probe};
    g->specs = calloc(plan->n_runs, sizeof *g->specs);
    g->there = calloc(plan->n_runs, sizeof *g->there);
    g->energy = spt_memory_alloc(plan->n_runs * a->probe->energy_size, sizeof *g->energy);
    spt_status status = SPT_OK;
    for (size_t i = 0; i < plan->n_runs && g->specs != NULL && status == SPT_OK; i++) {
        spt_arena arena;
        g->specs[i] = without_training(&a->sweep->runs[plan->runs[i]].spec);
        status = spt_arena_layout(&g->specs[i].model, &g->specs[i].train.optimizer, &arena, err);
        bytes = status == SPT_OK && arena.bytes > bytes ? arena.bytes : bytes;
    }
    g->state = spt_memory_alloc(1, bytes);
    if (status == SPT_OK && (!g->specs || !g->there || !g->energy || !g->state))
        status = spt_fail(err, SPT_ENOMEM, "group of %zu runs: out of memory", plan->n_runs);
    if (status != SPT_OK)
        return status;
    spt_group_spec spec = {
        .dataset = a->dataset, .n_runs = plan->n_runs, .runs = g->specs, .n_probes = 1, .probes = &g->probe};
    return a->backend->group_create(a->device, &spec, &g->group, err);
}

static spt_status probe_snapshot(const adding *a, probed_group *g, size_t snapshot, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t i = 0; i < g->plan->n_runs && status == SPT_OK; i++) {
        const spt_run_spec *spec = &g->specs[i];
        spt_arena_init(&spec->model, &spec->train.optimizer, 0, g->state);
        status = spt_addition_get_weights(a->addition, g->plan->runs[i], snapshot, &spec->model, g->state, &g->there[i],
                                          err);
        if (!g->there[i])
            spt_arena_init(&spec->model, &spec->train.optimizer, 0, g->state); /* something finite */
        if (status == SPT_OK)
            status = a->backend->state_set(g->group, i, g->state, err);
    }
    if (status == SPT_OK)
        status = a->backend->probe(g->group, 0, g->energy, err);
    for (size_t i = 0; i < g->plan->n_runs && status == SPT_OK; i++)
        if (g->there[i])
            status = spt_addition_put_energy(a->addition, g->plan->runs[i], snapshot,
                                             g->energy + i * a->probe->energy_size, err);
    return status;
}

static spt_status probe_group(adding *a, const spt_planned_group *plan, spt_error *err) {
    spt_status status = take_dataset(a, plan->dataset, err);
    if (status != SPT_OK)
        return status;
    probed_group g;
    status = open_group(a, plan, &g, err);
    const size_t n = a->sweep->settings.snapshots.n, first = a->probe->at == SPT_PROBE_AT_LAST ? n - 1 : 0;
    for (size_t s = first; s < n && status == SPT_OK; s++) {
        if (a->options->stop != NULL && *a->options->stop != 0)
            status = spt_fail(err, SPT_EINTERRUPTED, "interrupted; the file is as it was");
        else
            status = probe_snapshot(a, &g, s, err);
    }
    close_group(a, &g);
    return status;
}

/* ---- the whole */

static spt_status add_probe(adding *a, const char *path, const spt_config *probe, spt_error *err) {
    spt_device_info info;
    spt_status status = read_file(a, path, err);
    if (status == SPT_OK)
        status = read_probe(a, probe, err);
    if (status == SPT_OK)
        status = open_device(a, &info, err);
    if (status != SPT_OK)
        return status;
    spt_store_spec spec = spt_sweep_store_spec(a->sweep, "", a->backend->name, &info);
    status = spt_addition_open(path, &spec, spt_probe_spec_name(a->probe_spec), &a->addition, err);
    for (size_t g = 0; g < a->sweep->n_groups && status == SPT_OK; g++)
        status = probe_group(a, &a->sweep->groups[g], err);
    return status == SPT_OK ? spt_addition_finish(a->addition, err) : status;
}

spt_status spt_sweep_add_probe(const char *path, const spt_config *probe, const spt_add_probe_options *options,
                               spt_add_probe_result *result, spt_error *err) {
    const spt_add_probe_options defaults = {0};
    double started = spt_clock();
    adding a = {.options = options != NULL ? options : &defaults, .dataset_index = SIZE_MAX};
    *result = (spt_add_probe_result){0};
    spt_status status = add_probe(&a, path, probe, err);
    if (status == SPT_OK) {
        snprintf(result->name, sizeof result->name, "%s", spt_probe_spec_name(a.probe_spec));
        result->n_runs = a.sweep->n_runs;
        result->n_snapshots = a.sweep->settings.snapshots.n;
    }
    drop_dataset(&a);
    spt_addition_close(a.addition);
    if (a.device != NULL)
        a.backend->close(a.device);
    spt_probe_spec_free(a.probe_spec);
    spt_sweep_free(a.sweep);
    spt_config_free(a.config);
    result->seconds = spt_clock() - started;
    return status;
}
