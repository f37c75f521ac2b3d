/* spectrain bench sweep: the same sweep on each backend. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/text.h"

enum { BACKENDS_MOST = 8 };

typedef struct sweep_times {
    const spt_backend *backend[BACKENDS_MOST];
    spt_sweep_result result[BACKENDS_MOST];
    size_t n;
} sweep_times;

static uint64_t steps_of(const spt_sweep *sweep, size_t n_runs) {
    uint64_t steps = 0;
    for (size_t r = 0; r < n_runs; r++)
        steps += spt_sweep_run_at(sweep, r)->steps;
    return steps;
}

/* Mean of the runs' test errors, those that diverged left out. */
static double mean_test_error(const spt_sweep_result *result) {
    double sum = 0, n = 0;
    for (size_t r = 0; r < result->n_runs; r++)
        if (!isnan(result->runs[r].metrics[SPT_METRIC_TEST_ERROR])) {
            sum += result->runs[r].metrics[SPT_METRIC_TEST_ERROR];
            n += 1;
        }
    return n > 0 ? sum / n : NAN;
}

static spt_status run_on(const spt_bench_job *job, const spt_config *config, const spt_backend *backend,
                         sweep_times *times, spt_error *err) {
    spt_sweep *sweep = NULL;
    spt_sweep_options options = {.backend = backend->name,
                                 .device = job->options->device > 0 ? job->options->device : 0,
                                 .threads = job->options->threads};
    spt_status status = spt_sweep_plan(config, &sweep, err); /* anew: groups are cut to a backend's memory */
    if (status == SPT_OK)
        status = spt_sweep_run(sweep, &options, &times->result[times->n], err);
    spt_sweep_free(sweep);
    if (status == SPT_OK)
        times->backend[times->n++] = backend;
    return status;
}

static void json_of(const spt_bench_job *job, const sweep_times *times, const spt_sweep *sweep, double flops) {
    spt_json_array(job->json, "backends");
    for (size_t i = 0; i < times->n; i++) {
        const spt_sweep_result *r = &times->result[i];
        spt_json_object(job->json, NULL);
        spt_json_text(job->json, "backend", times->backend[i]->name);
        spt_json_text(job->json, "device", r->device.name);
        spt_json_number(job->json, "seconds", r->seconds);
        spt_json_number(job->json, "train_seconds", r->train_seconds);
        spt_json_number(job->json, "record_seconds", r->record_seconds);
        spt_json_number(job->json, "steps_per_second", (double)steps_of(sweep, r->n_runs) / r->train_seconds);
        spt_json_number(job->json, "train_flops_per_second", flops / r->train_seconds);
        spt_json_number(job->json, "diverged", (double)r->n_diverged);
        spt_json_number(job->json, "mean_test_error", mean_test_error(r));
        spt_json_end(job->json);
    }
    spt_json_end(job->json);
}

static spt_status print(const sweep_times *times, const spt_sweep *sweep, double flops, spt_error *err) {
    static const char *const HEAD[] = {"backend",       "device",          "time",
                                       "training",      "recording",       "steps a second",
                                       "FLOP a second", "mean test error", "times as fast"};
    spt_table *table = spt_table_new("llrrrrrrr");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "bench: no room for a table");
    for (size_t i = 0; i < sizeof HEAD / sizeof HEAD[0]; i++)
        spt_table_add(table, "%s", HEAD[i]);
    const double slowest = times->result[times->n - 1].seconds;
    for (size_t i = 0; i < times->n; i++) {
        const spt_sweep_result *r = &times->result[i];
        spt_table_add(table, "%s", times->backend[i]->name);
        spt_table_add(table, "%s", r->device.name);
        spt_table_add(table, "%s", spt_text_duration(r->seconds).s);
        spt_table_add(table, "%s", spt_text_duration(r->train_seconds).s);
        spt_table_add(table, "%s", spt_text_duration(r->record_seconds).s);
        spt_table_add(table, "%s", spt_text_number((double)steps_of(sweep, r->n_runs) / r->train_seconds).s);
        spt_table_add(table, "%s", spt_text_flops(flops / r->train_seconds).s);
        spt_table_add(table, "%.4f", mean_test_error(r));
        spt_table_add(table, "%.2f", slowest / r->seconds);
    }
    spt_status status = spt_table_print(table, "  ", stdout, err);
    spt_table_free(table);
    return status;
}

spt_status spt_bench_sweep(const spt_bench_job *job, const spt_config *config, spt_error *err) {
    sweep_times times = {.n = 0};
    spt_sweep *sweep = NULL;
    const char *only = job->options->backend != NULL ? job->options->backend : "";
    const spt_backend *chosen = only[0] != '\0' ? spt_backend_find(only) : NULL;
    if (only[0] != '\0' && chosen == NULL)
        return spt_fail(err, SPT_EDEVICE, "--backend %s: this build has no such backend; see: spectrain devices", only);
    spt_status status = spt_sweep_plan(config, &sweep, err);
    if (status != SPT_OK)
        return status;
    spt_sweep_summary summary;
    spt_sweep_summarize(sweep, &summary);
    printf("%s: %s runs, %s steps, %s of training\n", summary.name, spt_text_count(summary.n_runs).s,
           spt_text_count(steps_of(sweep, summary.n_runs)).s, spt_text_flops(summary.train_flops).s);
    const spt_backend *const *backends = spt_backends();
    for (size_t b = 0; backends[b] != NULL && times.n < BACKENDS_MOST && status == SPT_OK; b++) {
        if (chosen != NULL ? backends[b] != chosen : backends[b]->count() == 0) {
            if (chosen == NULL)
                printf("%s: no device\n", backends[b]->name);
            continue;
        }
        fflush(stdout);
        status = run_on(job, config, backends[b], &times, err);
    }
    if (status == SPT_OK) {
        spt_json_text(job->json, "config", summary.name);
        spt_json_number(job->json, "runs", (double)summary.n_runs);
        spt_json_number(job->json, "train_flops", summary.train_flops);
        spt_json_number(job->json, "steps", (double)steps_of(sweep, summary.n_runs));
        json_of(job, &times, sweep, summary.train_flops);
        status = print(&times, sweep, summary.train_flops, err);
    }
    for (size_t i = 0; i < BACKENDS_MOST; i++)
        spt_sweep_result_free(&times.result[i]);
    spt_sweep_free(sweep);
    return status;
}
