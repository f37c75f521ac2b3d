/* Records: metrics, spectra, snapshots and states of a group, handed to the store. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "sweep/group_run.h"

/* Shares of examples by what happened to their label; NaN for a share of none. */
static void noise_metrics(const spt_split *split, const uint8_t *correct, double *metrics) {
    double changed = 0, fit = 0, clean = 0, untouched = 0, right = 0;
    for (size_t i = 0; split->label != NULL && i < split->n; i++) {
        if (split->label[i] != split->label_true[i]) {
            changed += 1;
            fit += correct[i] & 1;
            clean += (correct[i] >> 1) & 1;
        } else {
            untouched += 1;
            right += correct[i] & 1;
        }
    }
    metrics[SPT_METRIC_NOISY_FIT] = changed > 0 ? fit / changed : NAN;
    metrics[SPT_METRIC_NOISY_CLEAN] = changed > 0 ? clean / changed : NAN;
    metrics[SPT_METRIC_CLEAN_FIT] = untouched > 0 ? right / untouched : NAN;
}

static void run_metrics(const spt_sweep_session *session, const spt_group_run *run, size_t i, double *metrics) {
    metrics[SPT_METRIC_TRAIN_LOSS] = run->train[i].loss;
    metrics[SPT_METRIC_TRAIN_ERROR] = run->train[i].error;
    metrics[SPT_METRIC_TEST_LOSS] = run->test[i].loss;
    metrics[SPT_METRIC_TEST_ERROR] = run->test[i].error;
    noise_metrics(&session->dataset->train, run->train[i].correct, metrics);
    double bound = 1.0;
    for (size_t l = 0; l <= run->specs[i].model.hidden_layers; l++)
        bound *= run->norms[i * run->layers + l];
    metrics[SPT_METRIC_LIPSCHITZ_BOUND] = bound;
}

static bool has_diverged(const spt_group_run *run, size_t i) {
    return run->counters[i].diverged_step != SPT_STEP_NONE;
}

/* A run is due when it stands at this step and what belongs here is not kept yet. */
static bool is_due(const spt_group_run *run, size_t i, uint64_t step) {
    return !has_diverged(run, i) && run->counters[i].step == step &&
           (run->recorded_step[i] == SPT_STEP_NONE || run->recorded_step[i] < step);
}

/* Begin to measure. Energies of probes that are not taken are NaN. */
static spt_status measure(spt_sweep_session *session, spt_group_run *run, bool final, spt_error *err) {
    for (size_t p = 0; p < session->sweep->settings.n_probes; p++) {
        const spt_probe_shape *shape = &session->sweep->probe_shapes[p];
        bool taken = shape->at == SPT_PROBE_AT_ALL || final;
        run->energy_wanted[p] = taken ? run->energy[p] : NULL;
        for (size_t i = 0; !taken && i < run->plan->n_runs * shape->energy_size; i++)
            run->energy[p][i] = NAN;
    }
    const spt_record record = {.train = run->train,
                               .test = run->test,
                               .stride = run->layers,
                               .norms = run->norms,
                               .energy = run->energy_wanted};
    return session->backend->record_begin(run->group, &record, err);
}

static spt_status keep_record(spt_sweep_session *session, spt_group_run *run, size_t i, size_t record,
                              const double *metrics, spt_error *err) {
    size_t n_probes = session->sweep->settings.n_probes;
    const double **energy = calloc(n_probes + 1, sizeof *energy);
    if (energy == NULL)
        return spt_fail(err, SPT_ENOMEM, "record %zu: out of memory", record);
    for (size_t p = 0; p < n_probes; p++)
        energy[p] = run->energy[p] + i * session->sweep->probe_shapes[p].energy_size;
    spt_status status = spt_store_put_record(session->store, run->plan->runs[i], record, metrics,
                                             run->norms + i * run->layers, energy, err);
    free(energy);
    return status;
}

static void fill_results(spt_sweep_session *session, const spt_group_run *run) {
    for (size_t i = 0; i < run->plan->n_runs; i++) {
        spt_run_result *result = &session->result->runs[run->plan->runs[i]];
        result->diverged_step = run->counters[i].diverged_step;
        result->status = has_diverged(run, i) ? SPT_RUN_DIVERGED : SPT_RUN_DONE;
        for (int m = 0; m < SPT_METRIC_COUNT; m++)
            result->metrics[m] = NAN;
        if (!has_diverged(run, i))
            run_metrics(session, run, i, result->metrics);
    }
}

static void mean_test_error(spt_sweep_session *session, const spt_group_run *run) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < run->plan->n_runs; i++) {
        if (has_diverged(run, i) || isnan(run->test[i].error))
            continue;
        sum += run->test[i].error;
        n += 1;
    }
    session->test_error = n > 0 ? sum / n : NAN;
}

/* State first into our buffer, then the snapshot and the state out of it: one copy off the device. */
static spt_status keep_state(spt_sweep_session *session, spt_group_run *run, size_t i, size_t snapshot,
                             spt_error *err) {
    spt_status status = SPT_OK;
    if (snapshot != SIZE_MAX)
        status = spt_store_put_snapshot(session->store, run->plan->runs[i], snapshot, run->state, err);
    if (status == SPT_OK)
        status = spt_store_put_state(session->store, run->plan->runs[i], run->state, err);
    return status;
}

spt_status spt_group_run_record(spt_sweep_session *session, spt_group_run *run, uint64_t step, size_t record,
                                size_t snapshot, bool final, spt_error *err) {
    spt_status status = session->backend->counters(run->group, run->counters, err);
    bool any = final;
    for (size_t i = 0; i < run->plan->n_runs; i++)
        any = any || is_due(run, i, step);
    if (status != SPT_OK || !any)
        return status;
    const double start = spt_clock();
    const spt_record states_alone = {0};
    if (record != SIZE_MAX || final)
        status = measure(session, run, final, err);
    else
        status = session->backend->record_begin(run->group, &states_alone, err);
    if (status == SPT_OK)
        run->due = (spt_record_due){true, step, record, snapshot, final};
    session->result->record_seconds += spt_clock() - start;
    return status;
}

/* Hand to the store what belongs to run i. */
static spt_status keep_run(spt_sweep_session *session, spt_group_run *run, size_t i, spt_error *err) {
    const spt_record_due *due = &run->due;
    const bool is_new = is_due(run, i, due->step);
    spt_status status = SPT_OK;
    if (is_new && due->record != SIZE_MAX) {
        double metrics[SPT_METRIC_COUNT];
        run_metrics(session, run, i, metrics);
        status = keep_record(session, run, i, due->record, metrics, err);
    }
    if (status == SPT_OK)
        status = session->backend->record_state(run->group, i, run->state, err);
    if (status == SPT_OK)
        status = keep_state(session, run, i, is_new ? due->snapshot : SIZE_MAX, err);
    return status;
}

spt_status spt_group_run_collect(spt_sweep_session *session, spt_group_run *run, spt_error *err) {
    const spt_record_due *due = &run->due;
    const double start = spt_clock();
    spt_status status = session->backend->record_wait(run->group, err);
    const double measured = spt_clock();
    run->due.begun = false;
    run->waited = measured - start;
    if (status == SPT_OK && (due->record != SIZE_MAX || due->final))
        mean_test_error(session, run);
    for (size_t i = 0; i < run->plan->n_runs && status == SPT_OK && session->store != NULL; i++)
        status = keep_run(session, run, i, err);
    for (size_t i = 0; i < run->plan->n_runs && status == SPT_OK; i++)
        if (is_due(run, i, due->step))
            run->recorded_step[i] = due->step;
    if (status == SPT_OK && due->final)
        fill_results(session, run);
    session->result->record_seconds += run->waited;
    session->result->store_seconds += spt_clock() - measured;
    return status;
}

spt_status spt_group_run_save(spt_sweep_session *session, spt_group_run *run, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t i = 0; i < run->plan->n_runs && status == SPT_OK && session->store != NULL; i++) {
        status = session->backend->state_get(run->group, i, run->state, err);
        if (status == SPT_OK)
            status = keep_state(session, run, i, SIZE_MAX, err);
    }
    return status;
}
