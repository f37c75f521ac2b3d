/* The backend table: what a device can do, at the grain of whole tasks, so that each backend is free to fuse.
 *
 * Order of use: open, group_create, state_set for every run, then train / evaluate / spectral_norms / probe / state_get
 * in any order, or records while training goes on, group_destroy, close. One thread calls a device at a time.
 *
 * The promise: a run's bits depend on its own spec, seed and data alone; not on the group it is in, the order of calls,
 * the number of threads, or how training is cut into calls of train. */
#ifndef SPECTRAIN_BACKEND_H
#define SPECTRAIN_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataset.h"
#include "error.h"
#include "model.h"
#include "probe.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spt_device spt_device;
typedef struct spt_group spt_group;
typedef struct spt_backend_bench spt_backend_bench; /* bench.h */

typedef struct spt_device_options {
    int device;     /* which, 0 the first */
    size_t threads; /* cpu: worker threads; 0: as many as processors this process may run on */
} spt_device_options;

typedef struct spt_device_info {
    char name[128];      /* "AMD EPYC, 2 threads, OpenBLAS 0.3.21 Cooperlake" */
    char precision[32];  /* "float32" */
    char denormals[16];  /* "flushed" or "kept" */
    size_t threads;      /* cpu */
    size_t memory;       /* bytes that there are */
    bool memory_is_host; /* a group lies in the host's memory, beside data sets and records */
    size_t memory_free;  /* bytes a group may take: what is free, less what the driver needs beside */
    int capability; /* cuda: compute capability, ten times the major number and the minor one: 90 for 9.0; else 0 */
} spt_device_info;

/** One run of a group. model.inputs and outputs equal the dataset's. */
typedef struct spt_run_spec {
    spt_model_spec model;
    spt_train_spec train;
} spt_run_spec;

/** Runs that share data, batch size and loss; widths, depths, rates, optimizers and seeds may differ. All borrowed, and
 *  must live as long as the group. */
typedef struct spt_group_spec {
    const spt_dataset *dataset;
    size_t n_runs;
    const spt_run_spec *runs;
    size_t n_probes;
    const spt_probe *const *probes; /* made for this dataset */
} spt_group_spec;

/** One split as one run sees it. Sums in float64. */
typedef struct spt_evaluation {
    double loss;  /* mean over examples (and outputs, for mse and bce) */
    double error; /* share of examples whose class is wrong: argmax of the logits, first of equals; with one output the
                   * sign (bce: target > 1/2; mse: target > 0, targets -1/+1). NaN for other regression targets */
    uint8_t *correct; /* (n), caller's, may be NULL. bit 0: predicted as `label`; bit 1: predicted as `label_true` */
} spt_evaluation;

/** What a record is to hold. Places are the caller's; NULL: not wanted. */
typedef struct spt_record {
    spt_evaluation *train, *test; /* (n_runs), as of evaluate */
    size_t stride;
    double *norms;         /* (n_runs, stride), as of spectral_norms */
    double *const *energy; /* (n_probes) of (n_runs, energy_size), as of probe */
} spt_record;

typedef struct spt_backend {
    const char *name; /* "cpu", "cuda" */

    /** How many devices there are that this build has code for; 0 when none (not an error; open tells why). */
    size_t (*count)(void);
    /** Errors: SPT_EDEVICE no such device among these; SPT_ENOMEM. */
    spt_status (*open)(const spt_device_options *options, spt_device **out, spt_error *err);
    void (*close)(spt_device *device);
    void (*describe)(const spt_device *device, spt_device_info *info);

    /** The most bytes of the device's memory that the group will take, in all that it does; 0 for one that
     * group_create refuses. Of the data set and the probes sizes count alone, and which arrays are there: no array is
     * read. */
    size_t (*group_bytes)(const spt_device *device, const spt_group_spec *spec);
    /** States are undefined until state_set. Errors: SPT_EINVAL runs that do not fit together; SPT_ENOMEM. */
    spt_status (*group_create)(spt_device *device, const spt_group_spec *spec, spt_group **out, spt_error *err);
    void (*group_destroy)(spt_group *group);

    /** Train every run until its step counter is `step`; runs that are there already, and diverged ones, stay. A run
     * whose loss is not finite is frozen before that step's update, its diverged_step set. */
    spt_status (*train)(spt_group *group, uint64_t step, spt_error *err);
    /** Loss and error of every run on a split, into out (n_runs). A split without examples gives NaN. */
    spt_status (*evaluate)(spt_group *group, spt_split_name split, spt_evaluation *out, spt_error *err);
    /** Largest singular value of every layer of every run (of weight_scale W), into norms (n_runs, stride): layer l of
     * run r at r * stride + l, float64; entries past a run's layers are NaN. */
    spt_status (*spectral_norms)(spt_group *group, size_t stride, double *norms, spt_error *err);
    /** Energies of probe p of every run into energy (n_runs, probes[p]->energy_size), float64. */
    spt_status (*probe)(spt_group *group, size_t p, double *energy, spt_error *err);

    /** Copy a run's arena (model.h) out of or into the group. */
    spt_status (*state_get)(spt_group *group, size_t run, void *state, spt_error *err);
    spt_status (*state_set)(spt_group *group, size_t run, const void *state, spt_error *err);
    /** Step counter and divergence of every run into counters (n_runs). */
    spt_status (*counters)(spt_group *group, spt_run_counters *counters, spt_error *err);

    /* Measuring while training goes on: record_begin, train_begin, record_wait, record_state of every run, train. A
     * backend that computes in the calling thread measures in record_begin and trains in train. */

    /** Start what train(group, step) does and return. Until that call of train finishes it, record_wait and
     * record_state alone may be called. */
    spt_status (*train_begin)(spt_group *group, uint64_t step, spt_error *err);
    /** Start a record of all runs as they are now; what `record` points to is the backend's until record_wait, and
     * train_begin may be called meanwhile. One record at a time, else SPT_EINVAL; and no evaluate, spectral_norms or
     * probe before it has been waited for. */
    spt_status (*record_begin)(spt_group *group, const spt_record *record, spt_error *err);
    /** Wait until all that is wanted is in its places. Errors: SPT_EINVAL no record is under way. */
    spt_status (*record_wait)(spt_group *group, spt_error *err);
    /** A run's arena as it was at the last record_begin. Until the next train, record, evaluate, spectral_norms or
     * probe. */
    spt_status (*record_state)(spt_group *group, size_t run, void *state, spt_error *err);

    const spt_backend_bench *bench; /* bench.h: its peaks, and its kernels one by one */
} spt_backend;

/** The backends of this build, best first, NULL-terminated. */
const spt_backend *const *spt_backends(void);
/** By name; "auto" is the first that has a device. NULL when there is none of that name. */
const spt_backend *spt_backend_find(const char *name);

#ifdef __cplusplus
}
#endif
#endif
