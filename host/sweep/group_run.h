/* One group on its way through training: what run.c drives and record.c records.
 *
 * Training does not wait for records: one begins between two slices of training, and is collected while the device
 * trains the next. Nothing else is computed by it, so that no bits depend on it. */
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

/** A record under way: measured as the runs were at `step`, not with the store yet. */
typedef struct spt_record_due {
    bool begun;
    uint64_t step;
    size_t record, snapshot; /* SIZE_MAX: none */
    bool final;
} spt_record_due;

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
    double **energy_wanted;  /* (n_probes) the same, or NULL where the record under way has none */
    uint64_t *recorded_step; /* records and snapshots up to this step are kept; SPT_STEP_NONE: none yet */
    void *state;             /* one arena, the largest */
    uint64_t steps_per_epoch;
    size_t records_passed; /* of the schedule */
    spt_record_due due;
    double waited; /* seconds, for the last record when it was collected */
} spt_group_run;

/** Allocate the buffers of a group and create it on the device; states come from the store or from the seed.
 *  On error release what is there with spt_group_run_close. */
spt_status spt_group_run_open(spt_sweep_session *session, const spt_planned_group *plan, spt_group_run *run,
                              spt_error *err);
void spt_group_run_close(spt_sweep_session *session, spt_group_run *run);

/** Begin the record and the snapshot (SIZE_MAX: none) that are due at `step`, where the runs stand, for those that do
 * not have them yet; run->due.begun says whether there are any. final: the results, too. None may be under way. */
spt_status spt_group_run_record(spt_sweep_session *session, spt_group_run *run, uint64_t step, size_t record,
                                size_t snapshot, bool final, spt_error *err);

/** Wait for the record under way, and keep it and every run's state as of then. Between train_begin and train, or when
 *  nothing is trained. run->counters are still as of the record. On error it is lost. */
spt_status spt_group_run_collect(spt_sweep_session *session, spt_group_run *run, spt_error *err);

/** Keep every run's state as it is. No record may be under way. */
spt_status spt_group_run_save(spt_sweep_session *session, spt_group_run *run, spt_error *err);

#endif
