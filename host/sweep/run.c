/* Running a sweep: group after group, from record to record, in slices short enough to show progress and to stop. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/group_run.h"

static const double SLICE_SECONDS = 0.15; /* between two looks at the stop flag; how training is cut changes no bits */
static const double KEEP_SECONDS = 5.0;   /* between two notes of how far it is, for those who look from outside */

static bool stop_requested(const spt_sweep_session *session) {
    return session->options->stop != NULL && *session->options->stop != 0;
}

/* ---- progress */

typedef struct training_pace {
    uint64_t steps;    /* of the next slice */
    double per_second; /* run-steps a second, smoothed over some seconds; 0 until known */
} training_pace;

/* What a group has done when it stands at `step` with that many records taken. */
static double flops_at(const spt_sweep *sweep, const spt_group_run *run, uint64_t step, size_t records) {
    double steps = (double)sweep->runs[run->plan->runs[0]].steps;
    return run->plan->train_flops * (double)step / steps +
           run->plan->record_flops * (double)records / (double)sweep->settings.records.n;
}

/* Seconds to go by the work that is left; NAN until there is enough to tell by. */
static double remaining_seconds(const spt_sweep_session *session, double done) {
    const spt_sweep_result *so_far = session->result;
    double worked = so_far->train_seconds + so_far->record_seconds + so_far->store_seconds;
    double since_start = done - session->flops_at_start, left = session->flops_total - done;
    if (left <= 0.0)
        return 0.0;
    if (worked < 1.0 || since_start <= 0.0)
        return NAN;
    return worked * left / since_start;
}

static void report(spt_sweep_session *session, const spt_group_run *run, uint64_t step, const training_pace *pace,
                   bool recorded) {
    const spt_sweep *sweep = session->sweep;
    double done = session->flops_done + flops_at(sweep, run, step, run->records_passed);
    size_t diverged = 0;
    for (size_t i = 0; i < run->plan->n_runs; i++)
        diverged += run->counters[i].diverged_step != SPT_STEP_NONE;
    spt_progress progress = {.group = (size_t)(run->plan - sweep->groups),
                             .n_groups = sweep->n_groups,
                             .n_runs = run->plan->n_runs,
                             .n_diverged = diverged,
                             .epoch = step / run->steps_per_epoch,
                             .epochs = sweep->runs[run->plan->runs[0]].spec.train.epochs,
                             .fraction = done / session->flops_total,
                             .elapsed = spt_clock() - session->started,
                             .remaining = remaining_seconds(session, done),
                             .steps_per_second = pace->per_second,
                             .test_error = session->test_error,
                             .recorded = recorded};
    if (session->store != NULL && (session->kept_at == 0.0 || progress.elapsed - session->kept_at >= KEEP_SECONDS)) {
        spt_store_put_progress(session->store, progress.fraction, progress.remaining);
        session->kept_at = progress.elapsed;
    }
    if (session->options->progress != NULL)
        session->options->progress(&progress, session->options->user);
}

/* The next slice, SLICE_SECONDS long; beside a record it is as long as the last one was waited for, so that the device
 * has something to train all the while. */
static uint64_t next_slice(const training_pace *pace, const spt_group_run *run, uint64_t left) {
    const double share = run->due.begun ? fmax(1.0, run->waited / SLICE_SECONDS) : 1.0;
    const double steps = share * (double)pace->steps;
    return steps < (double)left ? (uint64_t)steps : left;
}

static void adjust_pace(training_pace *pace, double run_steps, uint64_t slice_steps, double seconds, bool alone) {
    seconds = fmax(seconds, 1e-9);
    double rate = run_steps / seconds, weight = fmin(1.0, seconds / 3.0);
    pace->per_second = pace->per_second > 0 ? (1 - weight) * pace->per_second + weight * rate : rate;
    if (!alone) /* what the steps took beside a record cannot be told */
        return;
    double wanted = (double)slice_steps * SLICE_SECONDS / seconds;
    uint64_t grown = slice_steps > UINT64_MAX / 8 ? UINT64_MAX : 8 * slice_steps;
    pace->steps = wanted >= (double)grown ? grown : wanted < 1.0 ? 1 : (uint64_t)wanted;
}

/* ---- training from event to event */

static double active_runs_at(const spt_group_run *run, uint64_t step) {
    double active = 0;
    for (size_t i = 0; i < run->plan->n_runs; i++)
        active += run->counters[i].diverged_step == SPT_STEP_NONE && run->counters[i].step <= step;
    return active;
}

/* Collect the record under way, if there is one. */
static spt_status collect(spt_sweep_session *session, spt_group_run *run, const training_pace *pace, spt_error *err) {
    if (!run->due.begun)
        return SPT_OK;
    spt_status status = spt_group_run_collect(session, run, err);
    if (status != SPT_OK)
        return status;
    run->records_passed += run->due.record != SIZE_MAX;
    report(session, run, run->due.step, pace, true);
    return SPT_OK;
}

/* Train from step `at` to step `end`. While the device does, the record under way is collected; also when training has
 * failed, for the record may still be good. */
static spt_status train_slice(spt_sweep_session *session, spt_group_run *run, uint64_t at, uint64_t end,
                              training_pace *pace, spt_error *err) {
    const spt_backend *backend = session->backend;
    const bool alone = !run->due.begun;
    const double active = active_runs_at(run, at), start = spt_clock();
    spt_status status = backend->train_begin(run->group, end, err);
    const double begun = spt_clock();
    spt_status collected = collect(session, run, pace, status == SPT_OK ? err : NULL);
    status = status == SPT_OK ? collected : status;
    const double waiting = spt_clock();
    if (status == SPT_OK)
        status = backend->train(run->group, end, err);
    if (status == SPT_OK)
        status = backend->counters(run->group, run->counters, err);
    session->result->train_seconds += begun - start + spt_clock() - waiting;
    if (active > 0)
        adjust_pace(pace, active * (double)(end - at), end - at, spt_clock() - start, alone);
    return status;
}

static spt_status interrupted(const spt_sweep_session *session, const spt_group_run *run, uint64_t at, spt_error *err) {
    const uint64_t steps = session->sweep->runs[run->plan->runs[0]].steps;
    return spt_fail(err, SPT_EINTERRUPTED, "interrupted at epoch %llu of %llu",
                    (unsigned long long)(at / run->steps_per_epoch),
                    (unsigned long long)(steps / run->steps_per_epoch));
}

/* Train the group from step *at to step `until`. */
static spt_status train_until(spt_sweep_session *session, spt_group_run *run, uint64_t *at, uint64_t until,
                              training_pace *pace, spt_error *err) {
    spt_status status = SPT_OK;
    while (*at < until && status == SPT_OK) {
        if (stop_requested(session)) {
            status = collect(session, run, pace, err);
            return status == SPT_OK ? interrupted(session, run, *at, err) : status;
        }
        const uint64_t slice = next_slice(pace, run, until - *at);
        status = train_slice(session, run, *at, *at + slice, pace, err);
        *at += slice;
        report(session, run, *at, pace, false);
    }
    return status;
}

/* The step that all runs of the group have reached: where a resumed group goes on. */
static uint64_t common_step(const spt_group_run *run) {
    uint64_t step = SPT_STEP_NONE;
    for (size_t i = 0; i < run->plan->n_runs; i++)
        if (run->counters[i].diverged_step == SPT_STEP_NONE && run->counters[i].step < step)
            step = run->counters[i].step;
    return step;
}

static spt_status walk_schedule(spt_sweep_session *session, spt_group_run *run, spt_error *err) {
    const spt_schedule *records = &session->sweep->settings.records, *snapshots = &session->sweep->settings.snapshots;
    spt_status status = session->backend->counters(run->group, run->counters, err);
    uint64_t last_step = session->sweep->runs[run->plan->runs[0]].steps;
    uint64_t at = status == SPT_OK ? common_step(run) : 0;
    at = at < last_step ? at : last_step;
    size_t kept = 0; /* records that a resumed group has already */
    while (kept < records->n && at > 0 && records->epoch[kept] * run->steps_per_epoch <= at)
        kept++;
    session->flops_at_start += flops_at(session->sweep, run, at, kept);
    training_pace pace = {.steps = 1};
    size_t r = 0, s = 0;
    while (status == SPT_OK && (r < records->n || s < snapshots->n)) {
        uint64_t record_epoch = r < records->n ? records->epoch[r] : UINT64_MAX;
        uint64_t snapshot_epoch = s < snapshots->n ? snapshots->epoch[s] : UINT64_MAX;
        uint64_t epoch = record_epoch < snapshot_epoch ? record_epoch : snapshot_epoch;
        uint64_t step = epoch * run->steps_per_epoch;
        bool final = step == last_step;
        status = train_until(session, run, &at, step, &pace, err);
        if (status == SPT_OK && (step >= at || final))
            status = spt_group_run_record(session, run, step, record_epoch == epoch ? r : SIZE_MAX,
                                          snapshot_epoch == epoch ? s : SIZE_MAX, final, err);
        r += record_epoch == epoch;
        s += snapshot_epoch == epoch;
        if (!run->due.begun) /* kept before, by a sweep that was interrupted */
            run->records_passed = r;
    }
    return status == SPT_OK ? collect(session, run, &pace, err) : status;
}

/* ---- groups */

static void drop_dataset(spt_sweep_session *session) {
    for (size_t p = 0; session->probes != NULL && p < session->sweep->settings.n_probes; p++)
        spt_probe_free(session->probes[p]);
    free(session->probes);
    session->probes = NULL;
    spt_dataset_free(session->dataset);
    session->dataset = NULL;
    session->dataset_index = SIZE_MAX;
}

/* Binary cross-entropy is for targets in [0, 1]. */
static spt_status check_targets(const spt_sweep_session *session, const spt_planned_group *plan, spt_error *err) {
    const spt_split *train = &session->dataset->train;
    if (session->sweep->runs[plan->runs[0]].spec.train.loss != SPT_LOSS_BCE || train->target == NULL)
        return SPT_OK;
    for (size_t i = 0; i < train->n * session->dataset->outputs; i++)
        if (!(train->target[i] >= 0.0f && train->target[i] <= 1.0f))
            return spt_fail(err, SPT_EDATA,
                            "train split, example %zu: target %g; train.loss bce needs targets from 0 to 1",
                            i / session->dataset->outputs, (double)train->target[i]);
    return SPT_OK;
}

static spt_status take_dataset(spt_sweep_session *session, const spt_planned_group *plan, spt_error *err) {
    const spt_settings *settings = &session->sweep->settings;
    if (session->dataset_index == plan->dataset)
        return check_targets(session, plan, err);
    drop_dataset(session);
    const spt_data_spec *spec = session->sweep->data_specs[plan->dataset];
    spt_status status = spt_dataset_make(spec, &session->dataset, err);
    if (status == SPT_OK)
        status = check_targets(session, plan, err);
    if (status != SPT_OK)
        return status;
    session->dataset_index = plan->dataset;
    session->probes = calloc(settings->n_probes + 1, sizeof *session->probes);
    if (session->probes == NULL)
        return spt_fail(err, SPT_ENOMEM, "probes: out of memory");
    for (size_t p = 0; p < settings->n_probes && status == SPT_OK; p++)
        status =
            spt_probe_make(settings->probes[p], session->dataset, spt_data_spec_seed(spec), &session->probes[p], err);
    return status;
}

static spt_status run_group(spt_sweep_session *session, const spt_planned_group *plan, spt_error *err) {
    spt_status status = take_dataset(session, plan, err);
    if (status == SPT_OK && session->store != NULL)
        status = spt_store_put_dataset(session->store, plan->dataset, session->dataset,
                                       (const spt_probe *const *)session->probes, err);
    if (status != SPT_OK)
        return status;
    spt_group_run run;
    status = spt_group_run_open(session, plan, &run, err);
    if (status == SPT_OK)
        status = walk_schedule(session, &run, err);
    if (status == SPT_EINTERRUPTED) {
        spt_error save_error = {0};
        spt_status saved = spt_group_run_save(session, &run, &save_error);
        if (saved != SPT_OK)
            status = spt_fail(err, saved, "%s", save_error.message);
    }
    for (size_t i = 0; status == SPT_OK && i < plan->n_runs; i++)
        session->result->n_diverged += session->result->runs[plan->runs[i]].status == SPT_RUN_DIVERGED;
    spt_group_run_close(session, &run);
    session->flops_done += plan->train_flops + plan->record_flops;
    return status;
}

/* ---- the whole */

static spt_status open_device(spt_sweep_session *session, spt_error *err) {
    const spt_sweep_options *options = session->options;
    const spt_device_options device = {.device = options->device, .threads = options->threads};
    spt_status status = spt_group_place_open(options->backend, &device, &session->place, err);
    if (status != SPT_OK)
        return status;
    session->backend = session->place.backend;
    session->device = session->place.device;
    session->result->device = session->place.info;
    status = spt_sweep_make_groups(session->sweep, &session->place, err);
    return status == SPT_OK ? spt_sweep_check_groups(session->sweep, &session->place, err) : status;
}

static spt_status run_groups(spt_sweep_session *session, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t g = 0; g < session->sweep->n_groups; g++)
        session->flops_total += session->sweep->groups[g].train_flops + session->sweep->groups[g].record_flops;
    for (size_t g = 0; g < session->sweep->n_groups && status == SPT_OK; g++)
        status = run_group(session, &session->sweep->groups[g], err);
    return status;
}

/* Close the file: complete, or whole with what there is when the sweep was interrupted. */
static spt_status finish(spt_sweep_session *session, spt_status status, spt_error *err) {
    if (session->store == NULL || (status != SPT_OK && status != SPT_EINTERRUPTED))
        return status;
    double start = spt_clock();
    spt_error finish_error = {0};
    spt_status finished = spt_store_finish(session->store, status == SPT_OK, &finish_error);
    session->result->store_seconds += spt_clock() - start;
    return finished == SPT_OK ? status : spt_fail(err, finished, "%s", finish_error.message);
}

spt_status spt_sweep_run(spt_sweep *sweep, const spt_sweep_options *options, spt_sweep_result *result, spt_error *err) {
    *result = (spt_sweep_result){.n_runs = sweep->n_runs, .runs = calloc(sweep->n_runs, sizeof *result->runs)};
    spt_sweep_session session = {.sweep = sweep,
                                 .options = options,
                                 .result = result,
                                 .dataset_index = SIZE_MAX,
                                 .started = spt_clock(),
                                 .test_error = NAN};
    char *config_text = NULL;
    spt_status status = SPT_OK;
    if (result->runs == NULL)
        status = spt_fail(err, SPT_ENOMEM, "sweep of %zu runs: out of memory", sweep->n_runs);
    for (size_t r = 0; r < sweep->n_runs && status == SPT_OK; r++) {
        result->runs[r].number = sweep->runs[r].number;
        result->runs[r].diverged_step = SPT_STEP_NONE;
    }
    if (status == SPT_OK)
        status = spt_config_text(sweep->config, &config_text, err);
    if (status == SPT_OK)
        status = open_device(&session, err);
    /* The first data set is made before the store is opened, so that bad data leaves nothing behind. */
    if (status == SPT_OK)
        status = take_dataset(&session, &sweep->groups[0], err);
    spt_store_spec spec;
    if (status == SPT_OK && options->output != NULL) {
        spec = spt_sweep_store_spec(sweep, config_text, session.backend->name, &result->device);
        status = spt_store_open(options->output, &spec, options->mode, &session.store, &result->already_complete, err);
    }
    if (status == SPT_OK && !result->already_complete)
        status = finish(&session, run_groups(&session, err), err);
    spt_store_close(session.store);
    drop_dataset(&session);
    spt_group_place_close(&session.place);
    free(config_text);
    if (result->already_complete) {
        free(result->runs);
        result->runs = NULL;
    }
    result->seconds = spt_clock() - session.started;
    return status;
}

void spt_sweep_result_free(spt_sweep_result *result) {
    if (result != NULL) {
        free(result->runs);
        *result = (spt_sweep_result){0};
    }
}
