/* Times of what every backend does, told by the clock of the host. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/floor.h"
#include "core/memory.h"
#include "core/rounds.h"

/* A group in its measurement, and the room that its results take. */
typedef struct bench_group {
    const spt_backend *backend;
    const spt_group_spec *spec;
    spt_group *group;
    double seconds;
    spt_measurement_fn tell;
    void *user;
    uint64_t step; /* that all runs are at */
    spt_evaluation *evaluation;
    uint8_t *correct; /* (n_runs, examples of the larger split) */
    size_t layers;    /* of the deepest run */
    double *norms;
    double *energy; /* of the largest probe */
    void *state;    /* the largest arena */
    size_t probe;   /* the one that is timed */
} bench_group;

static spt_status allocate(bench_group *b, spt_error *err) {
    const spt_group_spec *spec = b->spec;
    size_t examples = spec->dataset->train.n > spec->dataset->test.n ? spec->dataset->train.n : spec->dataset->test.n;
    size_t state_bytes = 0, energies = 0;
    for (size_t r = 0; r < spec->n_runs; r++) {
        spt_arena arena;
        spt_status status = spt_arena_layout(&spec->runs[r].model, &spec->runs[r].train.optimizer, &arena, err);
        if (status != SPT_OK)
            return status;
        state_bytes = arena.bytes > state_bytes ? arena.bytes : state_bytes;
        b->layers = arena.layers > b->layers ? arena.layers : b->layers;
    }
    for (size_t p = 0; p < spec->n_probes; p++)
        energies = spec->probes[p]->energy_size > energies ? spec->probes[p]->energy_size : energies;
    b->evaluation = calloc(spec->n_runs, sizeof *b->evaluation);
    b->correct = spt_memory_alloc(spec->n_runs, examples);
    b->norms = spt_memory_alloc(spec->n_runs * b->layers, sizeof *b->norms);
    b->energy = spt_memory_alloc(spec->n_runs * energies, sizeof *b->energy);
    b->state = spt_memory_alloc(1, state_bytes);
    if (!b->evaluation || !b->correct || !b->norms || !b->energy || !b->state)
        return spt_fail(err, SPT_ENOMEM, "bench of %zu runs: out of memory", spec->n_runs);
    for (size_t r = 0; r < spec->n_runs; r++)
        b->evaluation[r].correct = b->correct + r * examples;
    return SPT_OK;
}

static spt_status set_initial_states(bench_group *b, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t r = 0; r < b->spec->n_runs && status == SPT_OK; r++) {
        const spt_run_spec *run = &b->spec->runs[r];
        spt_arena_init(&run->model, &run->train.optimizer, run->train.seed, b->state);
        status = b->backend->state_set(b->group, r, b->state, err);
    }
    return status;
}

/* ---- the operations, `count` times each */

static spt_status train(void *context, uint64_t count, spt_error *err) {
    bench_group *b = context;
    return b->backend->train(b->group, b->step += count, err);
}
static spt_status evaluate_split(bench_group *b, spt_split_name split, uint64_t count, spt_error *err) {
    spt_status status = SPT_OK;
    for (uint64_t i = 0; i < count && status == SPT_OK; i++)
        status = b->backend->evaluate(b->group, split, b->evaluation, err);
    return status;
}
static spt_status evaluate_train(void *context, uint64_t count, spt_error *err) {
    return evaluate_split(context, SPT_SPLIT_TRAIN, count, err);
}
static spt_status evaluate_test(void *context, uint64_t count, spt_error *err) {
    return evaluate_split(context, SPT_SPLIT_TEST, count, err);
}
static spt_status norms(void *context, uint64_t count, spt_error *err) {
    bench_group *b = context;
    spt_status status = SPT_OK;
    for (uint64_t i = 0; i < count && status == SPT_OK; i++)
        status = b->backend->spectral_norms(b->group, b->layers, b->norms, err);
    return status;
}
static spt_status probe(void *context, uint64_t count, spt_error *err) {
    bench_group *b = context;
    spt_status status = SPT_OK;
    for (uint64_t i = 0; i < count && status == SPT_OK; i++)
        status = b->backend->probe(b->group, b->probe, b->energy, err);
    return status;
}
static spt_status states_out(void *context, uint64_t count, spt_error *err) {
    bench_group *b = context;
    spt_status status = SPT_OK;
    for (uint64_t i = 0; i < count * b->spec->n_runs && status == SPT_OK; i++)
        status = b->backend->state_get(b->group, i % b->spec->n_runs, b->state, err);
    return status;
}
/* What is copied says nothing: the states have to be set again. */
static spt_status states_in(void *context, uint64_t count, spt_error *err) {
    bench_group *b = context;
    spt_status status = SPT_OK;
    for (uint64_t i = 0; i < count * b->spec->n_runs && status == SPT_OK; i++)
        status = b->backend->state_set(b->group, i % b->spec->n_runs, b->state, err);
    return status;
}

/* ---- their times */

static spt_status measure(bench_group *b, const char *name, spt_repeat_fn repeat, spt_work_floor floor,
                          spt_error *err) {
    spt_measurement m = {.flops = floor.flops, .bytes = floor.bytes};
    snprintf(m.operation, sizeof m.operation, "%s", name);
    spt_status status = spt_rounds_time(repeat, b, b->seconds, &m.seconds, err);
    if (status == SPT_OK)
        b->tell(&m, b->user);
    return status;
}

/* A run that has diverged stands still, and its part of every step would be missing from the time. */
static spt_status check_counters(bench_group *b, spt_error *err) {
    spt_run_counters *counters = calloc(b->spec->n_runs, sizeof *counters);
    if (counters == NULL)
        return spt_fail(err, SPT_ENOMEM, "bench of %zu runs: out of memory", b->spec->n_runs);
    spt_status status = b->backend->counters(b->group, counters, err);
    for (size_t r = 0; r < b->spec->n_runs && status == SPT_OK; r++)
        if (counters[r].diverged_step != SPT_STEP_NONE)
            status =
                spt_fail(err, SPT_EINVAL,
                         "bench: run %zu of the group diverged at step %llu, and a run that stands still cannot be "
                         "timed; a smaller train.optimizer.lr would help",
                         r, (unsigned long long)counters[r].diverged_step);
    free(counters);
    return status;
}

static spt_status measure_all(bench_group *b, spt_error *err) {
    const spt_group_spec *spec = b->spec;
    const spt_dataset *data = spec->dataset;
    const double state_bytes = spt_floor_state_bytes(spec);
    const spt_work_floor of_states = {.flops = 0, .bytes = state_bytes};
    const spt_work_floor of_norms = {.flops = NAN, .bytes = state_bytes}; /* as many iterations as it takes */
    spt_status status = measure(b, "train step", train, spt_floor_step(spec), err);
    if (status == SPT_OK)
        status = check_counters(b, err);
    if (status == SPT_OK)
        status = measure(b, "evaluation, train", evaluate_train, spt_floor_evaluation(spec, data->train.n), err);
    if (status == SPT_OK && data->test.n > 0)
        status = measure(b, "evaluation, test", evaluate_test, spt_floor_evaluation(spec, data->test.n), err);
    if (status == SPT_OK)
        status = measure(b, "spectral norms", norms, of_norms, err);
    for (b->probe = 0; b->probe < spec->n_probes && status == SPT_OK; b->probe++) {
        char name[sizeof((spt_measurement *)0)->operation];
        snprintf(name, sizeof name, "probe %s", spec->probes[b->probe]->name);
        status = measure(b, name, probe, spt_floor_probe(spec, spec->probes[b->probe]), err);
    }
    if (status == SPT_OK)
        status = measure(b, "states out", states_out, of_states, err);
    if (status == SPT_OK)
        status = measure(b, "states in", states_in, of_states, err);
    if (status == SPT_OK)
        status = set_initial_states(b, err);
    return status;
}

spt_status spt_bench_group(const spt_backend *backend, spt_device *device, const spt_group_spec *spec,
                           const spt_bench_options *options, spt_measurement_fn tell, void *user, spt_error *err) {
    bench_group b = {.backend = backend, .spec = spec, .seconds = options->seconds, .tell = tell, .user = user};
    spt_status status = allocate(&b, err);
    if (status == SPT_OK)
        status = backend->group_create(device, spec, &b.group, err);
    if (status == SPT_OK)
        status = set_initial_states(&b, err);
    if (status == SPT_OK)
        status = measure_all(&b, err);
    if (status == SPT_OK && options->kernels && backend->bench->kernels != NULL)
        status = backend->bench->kernels(b.group, options->seconds, tell, user, err);
    if (b.group != NULL)
        backend->group_destroy(b.group);
    free(b.evaluation);
    spt_memory_free(b.correct);
    spt_memory_free(b.norms);
    spt_memory_free(b.energy);
    spt_memory_free(b.state);
    return status;
}
