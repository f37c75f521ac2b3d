/* Shards: the parts into which a sweep is cut so that many jobs can take it, each with a file of its own.
 *
 * The cut is a function of the config and the data's sizes alone: whoever computes it, where, and when, gets the same.
 * A run has the same bits in a shard as in the whole sweep. */
#ifndef SPECTRAIN_SHARD_H
#define SPECTRAIN_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Which shard each run of a whole sweep belongs to: shard (n_runs) of 0 .. count-1, the caller's.
 *
 *  Runs go by predicted cost, longest first, each to the shard that has the least so far; among shards that have almost
 *  that little (by 2 % of a shard's mean), to one that knows the run's data set already. No shard has more than the
 *  mean, those 2 %, and its shortest run. Every shard has a run. Cost: n_runs log n_runs.
 *  Errors: SPT_EINVAL count is 0, or more than there are runs, or the sweep is a shard itself; SPT_ENOMEM. */
spt_status spt_sweep_split(const spt_sweep *sweep, size_t count, uint32_t *shard, spt_error *err);

/** Keep of a whole sweep the runs of one shard, in their order: spt_sweep_run, _summarize and _run_at are about these
 *  from here on, and files name their place. Errors: as spt_sweep_split; SPT_EINVAL index is not below count. After an
 *  error other than SPT_EINVAL the sweep can only be freed. */
spt_status spt_sweep_take_shard(spt_sweep *sweep, size_t index, size_t count, spt_error *err);

/* ---- a folder of shards that are being trained */

typedef enum spt_shard_state {
    SPT_SHARD_MISSING, /* nothing of it is there */
    SPT_SHARD_DONE,    /* its file is complete */
    SPT_SHARD_RUNNING, /* a process has its lock */
    SPT_SHARD_LOST     /* begun, not complete, and no process has its lock: to be gone on with */
} spt_shard_state;

typedef struct spt_shard_status {
    spt_shard_state state;
    char *path; /* of its file, FILE.h5; NULL when it is missing */
    size_t n_runs, n_done, n_diverged;
    double fraction;  /* of it, done */
    double remaining; /* of a running one: seconds from `updated`; NaN: not known */
    int64_t updated;  /* of a running or a lost one: when it was heard of last, seconds since 1970; 0: never */
    long pid;         /* of who was heard of */
    char host[256];
} spt_shard_status;

typedef struct spt_shards_status {
    size_t n_shards, sweep_runs;
    spt_shard_status *shards; /* (n_shards) */
    size_t n_missing, n_done, n_running, n_lost;
    double fraction;  /* of the sweep: shards take about as long as each other */
    double end;       /* when the running ones will be done, seconds since 1970; NaN: not known */
    size_t n_damaged; /* files that cannot be read; whose they are cannot be told: those shards count as missing */
    spt_error damage; /* of the first of them */
} spt_shards_status;

/** Look at the shards of one sweep in a folder, also while they are written; writes nothing there. Errors: SPT_EIO the
 *  folder cannot be read; SPT_EDATA it holds no shard; SPT_EMISMATCH those of several sweeps, or cuts; SPT_ECORRUPT
 *  damaged files alone; SPT_ENOMEM. *status: spt_shards_status_free. */
spt_status spt_shards_look(const char *folder, spt_shards_status *status, spt_error *err);
void spt_shards_status_free(spt_shards_status *status);

/* ---- merging */

typedef struct spt_merge_options {
    bool is_virtual; /* views of the shards' arrays instead of copies: instant, but the shards must stay where they are
                      */
    bool force;      /* replace whatever the output's name has */
} spt_merge_options;

typedef struct spt_merge_report {
    size_t n_files, n_runs; /* merged; of the whole sweep */
    size_t n_done, n_diverged, n_missing;
    size_t *missing;  /* (n_missing) numbers of runs that no shard has to their end, ascending */
    size_t n_devices; /* models of device that the shards were trained on: above 1 bits are not those of one device */
    bool complete;    /* none is missing */
    uint64_t bytes;
} spt_merge_report;

/** Put shards of one sweep together: a file as the whole sweep would have left it, to the last bit, runs that are in no
 *  shard or not trained to their end marked as missing. paths: (n_paths), files of run --shard, whole or interrupted,
 * of one cut or of several, as long as no run is in two. The same shards make the same file. It is made beside, and
 * takes the output's name when it is whole; a file of the same sweep that is there is replaced when no run is lost by
 * it.
 *
 *  Each shard's bytes are compared with its seal, and each chunk with its checksum when it is copied; of a virtual
 * merge the beginning alone, spt_file_verify does the rest. Memory: below 256 MB whatever the size, but for some 300
 * bytes a run. Errors, each with the file that it is about: SPT_EINVAL a name that cannot be, no shards; SPT_EDATA not
 * a shard; SPT_EMISMATCH another config, version, backend, precision or data, or a run twice; SPT_ECORRUPT damaged;
 * SPT_EEXIST the output is something else, has runs that would be lost, or is being written; SPT_EIO; SPT_ENOMEM.
 * Nothing is changed then. *report: spt_merge_report_free. */
spt_status spt_shards_merge(const char *const *paths, size_t n_paths, const char *output,
                            const spt_merge_options *options, spt_merge_report *report, spt_error *err);
void spt_merge_report_free(spt_merge_report *report);

/* ---- the devices of one machine, a process each
 *
 * The sweep is cut into as many shards as there are devices, not finer: runs of one device are trained together, and
 * two small groups after each other take nearly as long as two large ones. They lie in the folder FILE.h5.devices until
 * FILE.h5 is whole. What an interruption has left is gone on with in the cut in which it was begun, whatever the number
 * of devices is then: each takes the next shard that is not done. */

typedef struct spt_worker {
    size_t shard, shards;
    int device;
    const char *config; /* file of what is run */
    const char *output; /* FILE.h5 of the shard */
} spt_worker;

typedef struct spt_node_progress {
    size_t n_shards, n_done, n_running;
    double fraction;           /* of the sweep: shards take about as long as each other */
    double elapsed, remaining; /* seconds; remaining is NaN until it can be told */
} spt_node_progress;

typedef struct spt_node_options {
    const char *output; /* FILE.h5 */
    size_t n_devices;
    const int *devices; /* (n_devices) numbers, each once */
    spt_store_mode mode;
    /** Start a process that trains a shard as spt_sweep_run does with SPT_STORE_RESUME, that SIGTERM lets save and
     * leave with interrupted_code, and that leaves with 0 when the shard is done. *pid: a child of this process, not
     * waited for by others. Should we die, it must end too. */
    spt_status (*start)(const spt_worker *worker, long *pid, void *user, spt_error *err);
    /** May be NULL: a worker has left; wait_status as of waitpid; interrupted: it has saved what it had. */
    void (*ended)(const spt_worker *worker, int wait_status, bool interrupted, void *user);
    void (*progress)(const spt_node_progress *progress, void *user); /* may be NULL; several times a second */
    void *user;
    int interrupted_code;
    const volatile sig_atomic_t *stop; /* may be NULL; non-zero: all workers are asked to save and leave */
} spt_node_options;

typedef struct spt_node_result {
    size_t n_shards, n_done, n_failed;
    bool already_complete; /* resumed a file that is complete: nothing was done */
    spt_merge_report report;
} spt_node_result;

/** Train a whole sweep on several devices of this machine, and merge: FILE.h5 has the bits of spt_sweep_run. A device
 *  whose worker fails gets no further shard; the others go on. What is done is safe in the folder, which is removed
 * when FILE.h5 is whole. *result: spt_node_result_free, also on error. Errors: SPT_EINTERRUPTED stopped, resume to go
 * on; SPT_EDEVICE a worker has failed; SPT_EEXIST FILE.h5 or the folder is there (NEW), FILE.h5.part is, or another
 * process is at it; SPT_EMISMATCH resumed with another config; those of spt_sweep_split, of start, and of
 * spt_shards_merge. */
spt_status spt_node_run(const spt_sweep *sweep, const spt_node_options *options, spt_node_result *result,
                        spt_error *err);
void spt_node_result_free(spt_node_result *result);

/** Whether FILE.h5.devices is there: a sweep on several devices that is under way or was interrupted. */
bool spt_node_is_begun(const char *output);

#ifdef __cplusplus
}
#endif
#endif
