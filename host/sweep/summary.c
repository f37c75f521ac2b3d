/* What a planned sweep amounts to. */
#include <stdlib.h>

#include "sweep/sweep_internal.h"

static uint64_t largest(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

void spt_sweep_group_at(const spt_sweep *sweep, size_t g, spt_group_summary *summary) {
    const spt_planned_group *group = &sweep->groups[g];
    *summary = (spt_group_summary){.n_runs = group->n_runs,
                                   .first_run = sweep->runs[group->runs[0]].number,
                                   .dataset = group->dataset,
                                   .memory_bytes = group->host_bytes,
                                   .device_bytes = group->device_bytes,
                                   .flops = group->train_flops + group->record_flops};
    for (size_t i = 0; i < group->n_runs; i++)
        summary->parameters += sweep->runs[group->runs[i]].parameters;
}

void spt_sweep_summarize(const spt_sweep *sweep, spt_sweep_summary *summary) {
    *summary = (spt_sweep_summary){.name = sweep->settings.name,
                                   .shard = sweep->shard.index,
                                   .shards = sweep->shard.count,
                                   .sweep_runs = sweep->axes.n_runs,
                                   .n_runs = sweep->n_runs,
                                   .n_groups = sweep->n_groups,
                                   .n_datasets = sweep->n_datasets,
                                   .n_records = sweep->settings.records.n,
                                   .n_snapshots = sweep->settings.snapshots.n,
                                   .n_probes = sweep->settings.n_probes};
    uint64_t states = 0;
    for (size_t r = 0; r < sweep->n_runs; r++) {
        summary->parameters += sweep->runs[r].parameters;
        summary->train_flops += sweep->runs[r].train_flops;
        summary->record_flops += sweep->runs[r].record_flops;
        states += SPT_STORE_STATE_SLOTS * sweep->arenas[r].bytes;
    }
    for (size_t g = 0; g < sweep->n_groups; g++) {
        const spt_planned_group *group = &sweep->groups[g];
        summary->memory_bytes = largest(summary->memory_bytes, group->host_bytes);
        summary->device_bytes = largest(summary->device_bytes, group->device_bytes);
    }
    spt_device_info info = {.name = "cpu", .precision = "float32", .denormals = "flushed"};
    spt_store_spec spec = spt_sweep_store_spec(sweep, "", "cpu", &info);
    char *text = NULL;
    if (spt_config_text(sweep->config, &text, NULL) == SPT_OK)
        spec.config = text;
    summary->file_bytes = spt_store_predict_bytes(&spec);
    summary->working_bytes = 2 * summary->file_bytes + states; /* the journal, and the file as it is assembled */
    free(text);
}
