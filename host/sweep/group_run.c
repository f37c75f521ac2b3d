/* A group's buffers and its life on the device. */
#include "sweep/group_run.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static spt_status allocate(spt_sweep_session *session, spt_group_run *run, spt_error *err) {
    const spt_sweep *sweep = session->sweep;
    size_t n = run->plan->n_runs, n_train = session->dataset->train.n, state_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const spt_arena *arena = &sweep->arenas[run->plan->runs[i]];
        state_bytes = arena->bytes > state_bytes ? arena->bytes : state_bytes;
        run->layers = arena->layers > run->layers ? arena->layers : run->layers;
    }
    run->specs = calloc(n, sizeof *run->specs);
    run->counters = calloc(n, sizeof *run->counters);
    run->train = calloc(n, sizeof *run->train);
    run->test = calloc(n, sizeof *run->test);
    run->recorded_step = calloc(n, sizeof *run->recorded_step);
    run->correct = spt_memory_alloc(n, n_train);
    run->norms = spt_memory_alloc(n * run->layers, sizeof *run->norms);
    run->state = spt_memory_alloc(1, state_bytes);
    run->energy = calloc(sweep->settings.n_probes + 1, sizeof *run->energy);
    run->energy_wanted = calloc(sweep->settings.n_probes + 1, sizeof *run->energy_wanted);
    bool complete = run->specs && run->counters && run->train && run->test && run->recorded_step && run->correct &&
                    run->norms && run->state && run->energy && run->energy_wanted;
    for (size_t p = 0; p < sweep->settings.n_probes && complete; p++) {
        run->energy[p] = spt_memory_alloc(n * sweep->probe_shapes[p].energy_size, sizeof **run->energy);
        complete = run->energy[p] != NULL;
    }
    if (!complete)
        return spt_fail(err, SPT_ENOMEM, "group of %zu runs: out of memory", n);
    for (size_t i = 0; i < n; i++) {
        run->specs[i] = sweep->runs[run->plan->runs[i]].spec;
        run->train[i].correct = run->correct + i * n_train;
        run->recorded_step[i] = SPT_STEP_NONE;
    }
    return SPT_OK;
}

/* Resume a run from its newest kept state, or start it from its seed. */
static spt_status set_state(spt_sweep_session *session, spt_group_run *run, size_t i, spt_error *err) {
    size_t r = run->plan->runs[i];
    bool found = false;
    if (session->store != NULL) {
        spt_status status = spt_store_state_load(session->store, r, run->state, &found, err);
        if (status != SPT_OK)
            return status;
    }
    if (found)
        run->recorded_step[i] = spt_arena_counters(&session->sweep->arenas[r], run->state)->step;
    else
        spt_arena_init(&run->specs[i].model, &run->specs[i].train.optimizer, run->specs[i].train.seed, run->state);
    return session->backend->state_set(run->group, i, run->state, err);
}

spt_status spt_group_run_open(spt_sweep_session *session, const spt_planned_group *plan, spt_group_run *run,
                              spt_error *err) {
    *run = (spt_group_run){.plan = plan, .steps_per_epoch = session->sweep->steps_per_epoch[plan->runs[0]]};
    spt_status status = allocate(session, run, err);
    if (status != SPT_OK)
        return status;
    spt_group_spec spec = {.dataset = session->dataset,
                           .n_runs = plan->n_runs,
                           .runs = run->specs,
                           .n_probes = session->sweep->settings.n_probes,
                           .probes = (const spt_probe *const *)session->probes};
    status = session->backend->group_create(session->device, &spec, &run->group, err);
    for (size_t i = 0; i < plan->n_runs && status == SPT_OK; i++)
        status = set_state(session, run, i, err);
    return status;
}

void spt_group_run_close(spt_sweep_session *session, spt_group_run *run) {
    if (run->group != NULL)
        session->backend->group_destroy(run->group);
    for (size_t p = 0; run->energy != NULL && p < session->sweep->settings.n_probes; p++)
        spt_memory_free(run->energy[p]);
    free(run->energy);
    free(run->energy_wanted);
    free(run->specs);
    free(run->counters);
    free(run->train);
    free(run->test);
    free(run->recorded_step);
    spt_memory_free(run->correct);
    spt_memory_free(run->norms);
    spt_memory_free(run->state);
    *run = (spt_group_run){0};
}
