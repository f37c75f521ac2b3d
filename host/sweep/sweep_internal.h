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
    uint64_t host_bytes, device_bytes; /* device: where that has memory of its own */
} spt_planned_group;

/** Where groups are to fit. All zero: nowhere yet, and nothing but their records bounds them. */
typedef struct spt_group_place {
    const spt_backend *backend;
    spt_device *device;
    spt_device_info info; /* of the device */
} spt_group_place;

struct spt_sweep {
    const spt_config *config; /* borrowed */
    spt_axes axes;
    spt_settings settings; /* of run 0: name, schedules, probes; its data spec is data_specs[0] */

    const spt_data_shape *known_shapes; /* (n_known), borrowed while it is planned; NULL: the data tell */
    size_t n_known;
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

/** Open a device, and describe it. backend: NULL is auto. Close with spt_group_place_close, also after an error.
 *  Errors: SPT_EINVAL no such backend; SPT_EDEVICE. */
spt_status spt_group_place_open(const char *backend, const spt_device_options *options, spt_group_place *place,
                                spt_error *err);
void spt_group_place_close(spt_group_place *place);

/** spt_sweep_plan for data whose shapes are known: no data file is looked at. shapes: (n), of all data sets, else
 *  SPT_EMISMATCH. */
spt_status spt_sweep_plan_known(const spt_config *config, const spt_data_shape *shapes, size_t n, spt_sweep **out,
                                spt_error *err);

/** (Re)divide the runs into groups that fit into a place (NULL: anywhere). A run that does not fit is a group of its
 *  own. Errors: SPT_ENOMEM; there are no groups then. */
spt_status spt_sweep_make_groups(spt_sweep *sweep, const spt_group_place *place, spt_error *err);
/** Errors: SPT_ENOMEM a run that alone does not fit, with its name and what is free. */
spt_status spt_sweep_check_groups(const spt_sweep *sweep, const spt_group_place *place, spt_error *err);
void spt_sweep_free_groups(spt_sweep *sweep);

/** Whether x of both splits belongs into the file. */
bool spt_sweep_keeps_data(const spt_sweep *sweep);

/** What the store is told; borrows from the sweep and from text and info. */
spt_store_spec spt_sweep_store_spec(const spt_sweep *sweep, const char *config_text, const char *backend,
                                    const spt_device_info *info);

#endif
