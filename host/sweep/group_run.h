/* One group on its way through training: what run.c drives and record.c records. */
#ifndef SPT_HOST_SWEEP_GROUP_RUN_H
#define SPT_HOST_SWEEP_GROUP_RUN_H

#include "sweep/sweep_internal.h"

/** One sweep in progress. */
typedef struct spt_sweep_session {
    spt_sweep *sweep;
    const spt_sweep_options *options;
    spt_sweep_result *result;
    spt_group_place place;
    const spt_backend *backend; /* the place's, as is `device` */
    spt_device *device;
    spt_store *store; /* NULL: nothing is kept */
    spt_dataset *dataset;
    size_t dataset_index;           /* of `dataset`; SIZE_MAX: none yet */
    spt_probe **probes;             /* (n_probes) made for `dataset` */
    double started;                 /* seconds */
    double flops_total, flops_done; /* of the whole sweep; of the groups that are through, and of this one */
    double flops_at_start;          /* what a resumed sweep had done before */
    double kept_at;                 /* elapsed at the last note of the progress; 0: none yet */
    double test_error;              /* mean at the last record */
} spt_sweep_session;

/** One group of it. Arrays have one entry a run of the group. */
typedef struct spt_group_run {
    const spt_planned_group *plan;
    spt_run_spec *specs;
    spt_group *group;
    spt_run_counters *counters;
    spt_evaluation *train, *test;
    uint8_t *correct;        /* (n_runs, train examples) */
    double *norms;           /* (n_runs, layers) */
    size_t layers;           /* of the deepest run */
    double **energy;         /* (n_probes) of (n_runs, energy_size) */
    uint64_t *recorded_step; /* records and snapshots up to this step are kept; SPT_STEP_NONE: none yet */
    void *state;             /* one arena, the largest */
    uint64_t steps_per_epoch;
    size_t records_passed; /* of the schedule */
} spt_group_run;

/** Allocate the buffers of a group and create it on the device; states come from the store or from the seed.
 *  On error release what is there with spt_group_run_close. */
spt_status spt_group_run_open(spt_sweep_session *session, const spt_planned_group *plan, spt_group_run *run,
                              spt_error *err);
void spt_group_run_close(spt_sweep_session *session, spt_group_run *run);

/** Take the record and the snapshot (SIZE_MAX: none) that are due at `step`, for the runs that do not have them yet,
 * and keep every run's state. final: fill the results too. */
spt_status spt_group_run_record(spt_sweep_session *session, spt_group_run *run, uint64_t step, size_t record,
                                size_t snapshot, bool final, spt_error *err);

/** Keep every run's state as it is. */
spt_status spt_group_run_save(spt_sweep_session *session, spt_group_run *run, spt_error *err);

#endif
