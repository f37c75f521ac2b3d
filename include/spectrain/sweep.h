/* A sweep: all the runs of one config, planned, trained in groups, recorded, kept. What `spectrain run` is written on.
 */
#ifndef SPECTRAIN_SWEEP_H
#define SPECTRAIN_SWEEP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "config.h"
#include "error.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spt_sweep spt_sweep;

/** Expand and check a config: every run's settings, data shapes, probes, groups. Trains nothing, and opens data files
 * only for their headers. config is borrowed. *out: spt_sweep_free. Errors: SPT_ECONFIG, SPT_EDATA, SPT_EIO,
 * SPT_ENOMEM. */
spt_status spt_sweep_plan(const spt_config *config, spt_sweep **out, spt_error *err);
void spt_sweep_free(spt_sweep *sweep);

/** One run as planned. */
typedef struct spt_planned_run {
    spt_run_spec spec;
    size_t number; /* of the run in the sweep: its index, unless this is a shard (shard.h) */
    size_t parameters;
    uint64_t steps;      /* to the end */
    double train_flops;  /* all steps: 2 (forward) + 4 (backward; the first layer 2) per weight and example */
    double record_flops; /* all records: both splits and the probes */
    double cost;    /* predicted: those, and what steps and examples take besides; the cut into shards goes by it */
    size_t dataset; /* index of its data set */
    size_t group;
} spt_planned_run;

typedef struct spt_sweep_summary {
    const char *name;
    size_t shard, shards, sweep_runs; /* of a shard: which of how many, and runs of the whole sweep; shards 0: none */
    size_t n_runs, n_groups, n_datasets, n_records, n_snapshots, n_probes;
    uint64_t parameters; /* sum over runs */
    double train_flops, record_flops;
    uint64_t memory_bytes;  /* of the host: the largest group with its data set and probes */
    uint64_t device_bytes;  /* of a device with memory of its own: the largest group; 0 before spt_sweep_fit */
    uint64_t file_bytes;    /* FILE.h5 when complete, within 5 % */
    uint64_t working_bytes; /* FILE.h5.part while it runs, at most */
} spt_sweep_summary;

void spt_sweep_summarize(const spt_sweep *sweep, spt_sweep_summary *summary);

/** One group: runs that are trained together. */
typedef struct spt_group_summary {
    size_t n_runs, first_run; /* first_run: its number in the sweep */
    size_t dataset;
    uint64_t parameters;                 /* sum over its runs */
    uint64_t memory_bytes, device_bytes; /* as of spt_sweep_summary */
    double flops;                        /* training and records */
} spt_group_summary;

/** Group g of summary.n_groups. */
void spt_sweep_group_at(const spt_sweep *sweep, size_t g, spt_group_summary *summary);

/** Divide the sweep into groups that fit a device of this machine with what it has free now, as spt_sweep_run will:
 * what does not fit at once is trained in further groups, to the same bits. backend: "auto", ...; NULL is auto. *info,
 * which may be NULL, is about the device. Errors: SPT_EINVAL no such backend; SPT_EDEVICE; SPT_ENOMEM a run that alone
 * does not fit (the groups are made all the same, and *info is filled). */
spt_status spt_sweep_fit(spt_sweep *sweep, const char *backend, const spt_device_options *options,
                         spt_device_info *info, spt_error *err);
const spt_planned_run *spt_sweep_run_at(const spt_sweep *sweep, size_t run);
const spt_axes *spt_sweep_axes(const spt_sweep *sweep);

/** Seconds that training and recording will take on `threads` threads of this machine: a few of the sweep's networks
 * take some steps on random data, the rest follows from the FLOPs. NaN when it cannot be told. */
double spt_sweep_estimate_seconds(const spt_sweep *sweep, size_t threads);

/** Where a sweep is. Borrowed during the callback. */
typedef struct spt_progress {
    size_t group, n_groups;
    size_t n_runs, n_diverged; /* of this group */
    uint64_t epoch, epochs;
    double fraction;           /* of the whole sweep, weighted by FLOPs */
    double elapsed, remaining; /* seconds; remaining is NaN until it can be told */
    double steps_per_second;   /* all runs of the group together, over the last seconds */
    double test_error;         /* mean over the group's runs at the last record; NaN before */
    bool recorded;             /* this call follows a record */
} spt_progress;

typedef void (*spt_progress_fn)(const spt_progress *progress, void *user);

typedef struct spt_sweep_options {
    const char *output;  /* FILE.h5; NULL: nothing is kept */
    const char *backend; /* "auto", "cpu", "cuda"; NULL is auto */
    int device;
    size_t threads; /* 0: all */
    spt_store_mode mode;
    spt_progress_fn progress; /* may be NULL; called from the calling thread, several times a second */
    void *user;
    const volatile sig_atomic_t *stop; /* may be NULL; when it becomes non-zero the sweep saves every run and returns
                                        * SPT_EINTERRUPTED. May be set from a signal handler. */
} spt_sweep_options;

/** The end of one run. */
typedef struct spt_run_result {
    size_t number; /* of the run in the sweep */
    spt_run_status status;
    uint64_t diverged_step;           /* SPT_STEP_NONE */
    double metrics[SPT_METRIC_COUNT]; /* at the last record */
} spt_run_result;

typedef struct spt_sweep_result {
    size_t n_runs, n_diverged;
    spt_run_result *runs;  /* (n_runs) */
    bool already_complete; /* resumed a file that is complete: nothing was done, runs is NULL */
    /* In all, and what the calling thread spent on waiting for training, on waiting for records, and on handing these
     * to the store: what a device trains beside a record is not counted. */
    double seconds, train_seconds, record_seconds, store_seconds;
    spt_device_info device;
} spt_sweep_result;

/** Train the sweep. *result is filled also when it is interrupted (release: spt_sweep_result_free).
 *  Errors: SPT_EINTERRUPTED stopped, resume to go on; SPT_EEXIST, SPT_EMISMATCH, SPT_EIO, SPT_EDATA, SPT_ENOMEM,
 *  SPT_EDEVICE. After an error in mid-run, what was recorded is safe in FILE.h5.part. */
spt_status spt_sweep_run(spt_sweep *sweep, const spt_sweep_options *options, spt_sweep_result *result, spt_error *err);
void spt_sweep_result_free(spt_sweep_result *result);

/* ---- a further probe for a finished file */

typedef struct spt_add_probe_options {
    const char *backend; /* "auto", "cpu", "cuda"; NULL is auto */
    int device;
    size_t threads; /* 0: all */
    size_t n_sets;  /* assignments to the file's config, for data that have moved: "data.path=..." */
    const char *const *sets;
    const volatile sig_atomic_t *stop; /* may be NULL; non-zero ends it with SPT_EINTERRUPTED */
} spt_add_probe_options;

typedef struct spt_add_probe_result {
    char name[64]; /* of the probe */
    size_t n_runs, n_snapshots;
    double seconds;
} spt_add_probe_result;

/** Compute a probe from the weights that FILE.h5 keeps, at each snapshot of each run, and put it into the file: nothing
 *  is trained. probe is a document that is one item of `probes:`. The data are made again from the file's config; their
 *  SHA-256 must be the file's. Snapshots that a diverged run has not reached read as NaN. The energies have the bits of
 *  those that the sweep would have recorded on the same device, but for the NTK parameterisation, whose scales are
 *  rounded into the weights.
 *  Errors: SPT_ECONFIG, SPT_EINVAL what the probe says, or whom it does not fit; those of spt_addition_open (store.h);
 *  SPT_EMISMATCH other data; SPT_EINTERRUPTED; SPT_EDEVICE, SPT_EIO, SPT_ENOMEM. FILE.h5 is as it was then. */
spt_status spt_sweep_add_probe(const char *path, const spt_config *probe, const spt_add_probe_options *options,
                               spt_add_probe_result *result, spt_error *err);

#ifdef __cplusplus
}
#endif
#endif
