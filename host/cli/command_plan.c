/* spectrain plan: what a sweep will take, without training it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/axes.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"
#include "spectrain/shard.h"

enum { SHARDS_SHOWN = 100, GROUPS_SHOWN = 20 };

/* Threads that a sweep will use: as asked for, else what the CPU backend takes by itself; 0 when it cannot be told. */
static size_t threads_used(size_t asked, const spt_device_info *device) {
    const spt_backend *cpu = spt_backend_find("cpu");
    const spt_device_options options = {.threads = asked};
    spt_device *opened = NULL;
    if (asked > 0 || device->threads > 0 || cpu == NULL || cpu->open(&options, &opened, NULL) != SPT_OK)
        return asked > 0 ? asked : device->threads;
    spt_device_info info;
    cpu->describe(opened, &info);
    cpu->close(opened);
    return info.threads;
}

static void add(spt_table *table, const char *what, const char *value, const char *remark) {
    spt_table_add(table, "%s", what);
    spt_table_add(table, "%s", value);
    spt_table_add(table, "%s", remark);
}

static void add_counts(spt_table *table, const spt_sweep_summary *summary) {
    add(table, "runs", spt_text_count(summary->n_runs).s, "");
    add(table, "groups", spt_text_count(summary->n_groups).s, "trained together, one after the other");
    add(table, "data sets", spt_text_count(summary->n_datasets).s, "");
    add(table, "parameters", spt_text_count(summary->parameters).s, "of all runs");
    add(table, "records", spt_text_count(summary->n_records).s, "of each run");
    add(table, "snapshots", spt_text_count(summary->n_snapshots).s, "of each run's weights");
    add(table, "probes", spt_text_count(summary->n_probes).s, "at each record");
}

static void add_memory(spt_table *table, const spt_sweep_summary *summary, const spt_device_info *device) {
    char remark[256];
    add(table, "memory", spt_text_bytes(summary->memory_bytes).s, "for the largest group");
    if (device->memory_is_host || summary->device_bytes == 0)
        return;
    snprintf(remark, sizeof remark, "for the largest group; %s free on %s", spt_text_bytes(device->memory_free).s,
             device->name);
    add(table, "device memory", spt_text_bytes(summary->device_bytes).s, remark);
}

static void add_costs(spt_table *table, const spt_sweep_summary *summary, const spt_device_info *device, double seconds,
                      size_t threads) {
    char remark[48];
    snprintf(remark, sizeof remark, "estimated, on %zu %s", threads, threads == 1 ? "thread" : "threads");
    add(table, "training", spt_text_flops(summary->train_flops).s, "");
    add(table, "recording", spt_text_flops(summary->record_flops).s, "");
    add_memory(table, summary, device);
    add(table, "file", spt_text_bytes(summary->file_bytes).s, "when complete");
    add(table, "working files", spt_text_bytes(summary->working_bytes).s, "at most, while it runs");
    add(table, "time", spt_text_seconds(seconds).s, threads > 0 ? remark : "estimated");
}

/* ---- the groups */

static spt_status print_groups(const spt_sweep *sweep, size_t n, const spt_device_info *device, spt_error *err) {
    spt_table *table = spt_table_new("rrrrrr");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the groups: out of memory");
    static const char *const HEADS[] = {"group", "runs", "from run", "parameters", "arithmetic"};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
        spt_table_add(table, "%s", HEADS[i]);
    spt_table_add(table, "%s", device->memory_is_host ? "memory" : "device memory");
    for (size_t g = 0; g < n && g < GROUPS_SHOWN; g++) {
        spt_group_summary group;
        spt_sweep_group_at(sweep, g, &group);
        spt_table_add(table, "%zu", g + 1);
        spt_table_add(table, "%s", spt_text_count(group.n_runs).s);
        spt_table_add(table, "%zu", group.first_run);
        spt_table_add(table, "%s", spt_text_count(group.parameters).s);
        spt_table_add(table, "%s", spt_text_flops(group.flops).s);
        spt_table_add(table, "%s", spt_text_bytes(device->memory_is_host ? group.memory_bytes : group.device_bytes).s);
    }
    printf("groups\n");
    spt_status status = spt_table_print(table, "  ", stdout, err);
    if (n > GROUPS_SHOWN)
        printf("  ... and %zu more\n", n - GROUPS_SHOWN);
    spt_table_free(table);
    return status;
}

/* ---- the cut into shards */

typedef struct shard_row {
    size_t n_runs;
    uint64_t parameters;
    double flops, cost;
} shard_row;

static spt_status print_rows(const shard_row *rows, size_t n, double seconds, spt_error *err) {
    spt_table *table = spt_table_new("rrrrrr");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the shards: out of memory");
    double total = 0.0, most = 0.0;
    for (size_t s = 0; s < n; s++) {
        total += rows[s].cost;
        most = fmax(most, rows[s].cost);
    }
    static const char *const HEADS[] = {"shard", "runs", "parameters", "arithmetic", "share", "time"};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
        spt_table_add(table, "%s", HEADS[i]);
    for (size_t s = 0; s < n && s < SHARDS_SHOWN; s++) {
        double share = rows[s].cost / total;
        spt_table_add(table, "%zu/%zu", s, n);
        spt_table_add(table, "%s", spt_text_count(rows[s].n_runs).s);
        spt_table_add(table, "%s", spt_text_count(rows[s].parameters).s);
        spt_table_add(table, "%s", spt_text_flops(rows[s].flops).s);
        spt_table_add(table, "%.2f %%", 100.0 * share);
        spt_table_add(table, "%s", spt_text_seconds(seconds * share).s);
    }
    printf("shards\n");
    spt_status status = spt_table_print(table, "  ", stdout, err);
    if (n > SHARDS_SHOWN)
        printf("  ... and %zu more\n", n - SHARDS_SHOWN);
    printf("  the largest has %.1f %% more than the mean\n", 100.0 * (most * (double)n / total - 1.0));
    spt_table_free(table);
    return status;
}

static spt_status print_shards(const spt_sweep *sweep, size_t n, double seconds, spt_error *err) {
    size_t n_runs = spt_sweep_axes(sweep)->n_runs;
    uint32_t *shard = calloc(n_runs, sizeof *shard);
    shard_row *rows = calloc(n, sizeof *rows);
    spt_status status = shard != NULL && rows != NULL ? spt_sweep_split(sweep, n, shard, err)
                                                      : spt_fail(err, SPT_ENOMEM, "%zu shards: out of memory", n);
    for (size_t r = 0; r < n_runs && status == SPT_OK; r++) {
        const spt_planned_run *run = spt_sweep_run_at(sweep, r);
        shard_row *row = &rows[shard[r]];
        row->n_runs++;
        row->parameters += run->parameters;
        row->flops += run->train_flops + run->record_flops;
        row->cost += run->cost;
    }
    if (status == SPT_OK)
        status = print_rows(rows, n, seconds, err);
    free(rows);
    free(shard);
    return status;
}

/* ---- */

/* Groups as they would be cut here and now. A sweep that this machine has no room for is planned all the same. */
static void fit(spt_sweep *sweep, const spt_options *options, spt_device_info *device) {
    const spt_device_options asked = {.device = options->device > 0 ? options->device : 0, .threads = options->threads};
    spt_error err = {0};
    if (spt_sweep_fit(sweep, options->backend, &asked, device, &err) != SPT_OK)
        fprintf(stderr, "spectrain: warning: %s\n", err.message);
}

static spt_status print_plan(spt_sweep *sweep, const spt_options *options, spt_error *err) {
    spt_device_info device = {.memory_is_host = true};
    spt_sweep_summary summary;
    fit(sweep, options, &device);
    spt_sweep_summarize(sweep, &summary);
    spt_table *table = spt_table_new("lrl");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the plan: out of memory");
    add_counts(table, &summary);
    size_t threads = threads_used(options->threads, &device);
    double seconds = spt_sweep_estimate_seconds(sweep, threads);
    add_costs(table, &summary, &device, seconds, threads);

    const spt_axes *axes = spt_sweep_axes(sweep);
    printf("%s\n", summary.name);
    spt_status status = spt_table_print(table, "  ", stdout, err);
    spt_table_free(table);
    if (status == SPT_OK && axes->n_axes > 0) {
        printf("axes\n");
        status = spt_axes_print(axes, "  ", stdout, err);
    }
    if (status == SPT_OK && summary.n_groups > 1)
        status = print_groups(sweep, summary.n_groups, &device, err);
    if (status == SPT_OK && options->shards > 0)
        status = print_shards(sweep, options->shards, seconds, err);
    return status;
}

static spt_status plan(const spt_options *options, spt_error *err) {
    spt_config *config = NULL;
    spt_sweep *sweep = NULL;
    spt_status status = spt_options_config(options, &config, err);
    if (status == SPT_OK)
        status = spt_sweep_plan(config, &sweep, err);
    if (status == SPT_OK)
        status = print_plan(sweep, options, err);
    spt_sweep_free(sweep);
    spt_config_free(config);
    return status;
}

const spt_command spt_command_plan = {
    .name = "plan",
    .operand = "CONFIG",
    .synopsis = "CONFIG [--shards N] [--backend auto|cpu|cuda] [--device N] [--threads N] [--set KEY=VALUE]...",
    .purpose = "tell what a sweep will take, and train nothing",
    .manual = "CONFIG is a YAML file, or - for standard input. Of data files the headers alone are read.\n\n"
              "  --shards N       show the cut into N shards: what each job of run --shard I/N takes\n"
              "  --backend NAME   cut groups for auto (the best that has a device), cpu or cuda\n"
              "  --device N       which of the backend's devices, from 0\n"
              "  --threads N      estimate the time for N threads; otherwise for all that there are\n"
              "  --set KEY=VALUE  put VALUE (YAML) in the place of a key, e.g. --set train.epochs=10\n",
    .options = SPT_TAKES_SHARDS | SPT_TAKES_BACKEND | SPT_TAKES_DEVICE | SPT_TAKES_THREADS | SPT_TAKES_SET,
    .run = plan,
};
