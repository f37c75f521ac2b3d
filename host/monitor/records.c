#include "monitor/records.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "spectrain/shard.h"

spt_metric spt_series_metric(spt_series series) {
    static const spt_metric METRIC[SPT_SERIES_COUNT] = {
        [SPT_SERIES_SHARE] = SPT_METRIC_COUNT, /* none */
        [SPT_SERIES_TRAIN_LOSS] = SPT_METRIC_TRAIN_LOSS, [SPT_SERIES_TRAIN_ERROR] = SPT_METRIC_TRAIN_ERROR,
        [SPT_SERIES_NOISY_FIT] = SPT_METRIC_NOISY_FIT,   [SPT_SERIES_TEST_LOSS] = SPT_METRIC_TEST_LOSS,
        [SPT_SERIES_TEST_ERROR] = SPT_METRIC_TEST_ERROR,
    };
    return METRIC[series];
}

double *spt_records_of(const spt_records *records, spt_series series, size_t run) {
    return records->values + ((size_t)series * records->n_runs + run) * records->n_records;
}

void spt_records_free(spt_records *records) {
    for (size_t p = 0; records->probe_names != NULL && p < records->n_probes; p++)
        free(records->probe_names[p]);
    free(records->probe_names);
    spt_axes_free(&records->axes);
    free(records->config);
    free(records->number);
    free(records->epoch);
    free(records->recorded);
    free(records->diverged);
    free(records->values);
    *records = (spt_records){0};
}

/* Numbers of a shard's runs: the cut is computed again. */
static spt_status number_shard(const spt_config *config, spt_records *records, spt_error *err) {
    spt_sweep *sweep = NULL;
    spt_status status = spt_sweep_plan(config, &sweep, err);
    if (status == SPT_OK)
        status = spt_sweep_take_shard(sweep, records->shard, records->shards, err);
    if (status == SPT_OK) {
        spt_sweep_summary summary;
        spt_sweep_summarize(sweep, &summary);
        records->n_runs = summary.n_runs;
        records->number = calloc(records->n_runs + 1, sizeof *records->number);
        if (records->number == NULL)
            status = spt_fail(err, SPT_ENOMEM, "monitor: no memory for %zu runs", records->n_runs);
    }
    for (size_t r = 0; status == SPT_OK && r < records->n_runs; r++)
        records->number[r] = spt_sweep_run_at(sweep, r)->number;
    spt_sweep_free(sweep);
    return status;
}

static spt_status number_all(spt_records *records, spt_error *err) {
    records->n_runs = records->axes.n_runs;
    records->number = calloc(records->n_runs + 1, sizeof *records->number);
    if (records->number == NULL)
        return spt_fail(err, SPT_ENOMEM, "monitor: no memory for %zu runs", records->n_runs);
    for (size_t r = 0; r < records->n_runs; r++)
        records->number[r] = r;
    return SPT_OK;
}

static spt_status allocate(const spt_schedule *schedule, spt_records *records, spt_error *err) {
    size_t n = schedule->n, runs = records->n_runs;
    records->n_records = n;
    records->epoch = calloc(n + 1, sizeof *records->epoch);
    records->recorded = calloc(runs + 1, sizeof *records->recorded);
    records->diverged = calloc(runs + 1, sizeof *records->diverged);
    if (runs <= SIZE_MAX / sizeof(double) / SPT_SERIES_COUNT / (n + 1))
        records->values = malloc((SPT_SERIES_COUNT * runs * n + 1) * sizeof *records->values);
    if (records->epoch == NULL || records->recorded == NULL || records->diverged == NULL || records->values == NULL)
        return spt_fail(err, SPT_ENOMEM, "monitor: no memory for %zu runs with %zu records each", runs, n);
    for (size_t i = 0; i < n; i++)
        records->epoch[i] = (double)schedule->epoch[i];
    for (size_t i = 0; i < SPT_SERIES_COUNT * runs * n; i++)
        records->values[i] = NAN;
    return SPT_OK;
}

static spt_status name_probes(const spt_settings *settings, spt_records *records, spt_error *err) {
    records->n_probes = settings->n_probes;
    records->probe_names = calloc(settings->n_probes + 1, sizeof *records->probe_names);
    for (size_t p = 0; records->probe_names != NULL && p < settings->n_probes; p++) {
        records->probe_names[p] = spt_text_copy(spt_probe_spec_name(settings->probes[p]));
        if (records->probe_names[p] == NULL)
            return spt_fail(err, SPT_ENOMEM, "monitor: no memory for names");
    }
    return records->probe_names != NULL ? SPT_OK : spt_fail(err, SPT_ENOMEM, "monitor: no memory for names");
}

spt_status spt_records_make(const char *name, const char *text, size_t shard, size_t shards, spt_records *records,
                            spt_error *err) {
    *records = (spt_records){.shard = shard, .shards = shards, .config = spt_text_copy(text)};
    if (records->config == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for its config", name);
    spt_config *config = NULL;
    spt_settings settings = {0};
    spt_status status = spt_config_parse(name, text, strlen(text), &config, err);
    if (status == SPT_OK)
        status = spt_config_axes(config, &records->axes, err);
    if (status == SPT_OK)
        status = shards > 0 ? number_shard(config, records, err) : number_all(records, err);
    if (status == SPT_OK)
        status = spt_config_settings(config, &records->axes, 0, &settings, err);
    if (status == SPT_OK) {
        status = allocate(&settings.records, records, err);
        if (status == SPT_OK)
            status = name_probes(&settings, records, err);
        spt_settings_free(&settings);
    }
    spt_config_free(config);
    return status;
}

bool spt_records_takes(const char *kind, const char *split) {
    return (strcmp(kind, "line") == 0 || strcmp(kind, "exact") == 0) && split != NULL && strcmp(split, "train") == 0;
}

void spt_records_offer(spt_records *records, const char *wanted, const char *name, bool will_do, bool *taken) {
    *taken = will_do && records->probe[0] == '\0' && (wanted == NULL || strcmp(wanted, name) == 0);
    if (*taken) {
        snprintf(records->probe, sizeof records->probe, "%s", name);
        return;
    }
    size_t end = strlen(records->others);
    snprintf(records->others + end, sizeof records->others - end, "%s%s", end > 0 ? ", " : "", name);
}
