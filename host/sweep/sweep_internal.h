/* What a planned sweep holds, shared by the files of host/sweep/. */
#ifndef SPT_HOST_SWEEP_INTERNAL_H
#define SPT_HOST_SWEEP_INTERNAL_H

#include "core/clock.h"
#include "spectrain/sweep.h"

/** Runs trained together: one data set, one batch size, one loss. */
typedef struct spt_planned_group {
    size_t dataset;
    size_t n_runs;
    size_t *runs; /* (n_runs) indices into the sweep, ascending */
    double train_flops, record_flops;
} spt_planned_group;

struct spt_sweep {
    const spt_config *config; /* borrowed */
    spt_axes axes;
    spt_settings settings; /* of run 0: name, schedules, probes; its data spec is data_specs[0] */

    size_t n_datasets;
    spt_data_spec **data_specs;
    spt_data_shape *data_shapes;

    spt_shard_place shard; /* count 0: the whole sweep; numbers owned */
    size_t n_runs;         /* of the shard */
    spt_planned_run *runs;
    spt_model_spec *models; /* (n_runs), as the store wants them */
    spt_arena *arenas;
    uint64_t *steps_per_epoch;
    uint32_t *run_dataset;

    const char **probe_names;
    spt_probe_shape *probe_shapes;

    size_t n_groups;
    spt_planned_group *groups;
};

/** (Re)divide the runs into groups that take at most memory_bytes each (one run always fits). */
spt_status spt_sweep_make_groups(spt_sweep *sweep, uint64_t memory_bytes, spt_error *err);
void spt_sweep_free_groups(spt_sweep *sweep);

/** Bytes that run r adds to a group, host buffers for its records included. */
uint64_t spt_sweep_run_bytes(const spt_sweep *sweep, size_t run);
/** Bytes that a group takes for its data set and probes, whatever its runs. */
uint64_t spt_sweep_dataset_bytes(const spt_sweep *sweep, size_t dataset);

/** Whether x of both splits belongs into the file. */
bool spt_sweep_keeps_data(const spt_sweep *sweep);

/** What the store is told; borrows from the sweep and from text and info. */
spt_store_spec spt_sweep_store_spec(const spt_sweep *sweep, const char *config_text, const char *backend,
                                    const spt_device_info *info);

#endif
