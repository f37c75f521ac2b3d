/* Slurm: the shards of a sweep as job arrays, and a job that merges them. What `spectrain submit` is written on.
 *
 * All of it lives in the folder FILE.h5.shards: config.yaml (the config as submitted, and into how many shards it is
 * cut), I.h5 and I.log of shard I, the scripts, merge.log. Each task trains one shard; before its time limit, and when
 * it is preempted, the shard is saved and the task queued again. The merge waits for all tasks, and fails where one
 * has not come to its end: submitting the same sweep again takes up what is missing, and nothing else. */
#ifndef SPECTRAIN_SLURM_H
#define SPECTRAIN_SLURM_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spt_slurm_options {
    const char *program; /* absolute path of the spectrain that the jobs run: the same on all nodes */
    const char *output;  /* FILE.h5 */
    size_t shards;
    size_t cpus;    /* of a task, on nodes without a GPU; 0: one GPU a task */
    size_t n_words; /* further options of sbatch, as its command line has them: they win over ours */
    const char *const *words;
    bool dry_run; /* make the scripts; write and submit nothing */
} spt_slurm_options;

typedef enum spt_slurm_state {
    SPT_SLURM_NEW,    /* to be trained, or gone on with: submitted now */
    SPT_SLURM_QUEUED, /* a task of an earlier submission waits or runs */
    SPT_SLURM_TAKEN,  /* a process that is not Slurm's is training it */
    SPT_SLURM_DONE    /* its file is complete */
} spt_slurm_state;

typedef struct spt_slurm_job {
    char *path, *script; /* FILE.h5.shards/array.sbatch, ...; its text */
    size_t n_tasks;      /* of an array; 0: the merge */
    char id[24];         /* Slurm's number; "" until it is submitted */
} spt_slurm_job;

typedef struct spt_submission {
    char *output, *folder; /* FILE.h5 and FILE.h5.shards, absolute */
    size_t n_shards;
    spt_slurm_state *shards; /* (n_shards) */
    size_t n_new, n_queued, n_taken, n_done;
    bool complete;       /* FILE.h5 is there and has every run: nothing is to be done, and there are no jobs */
    char *unasked;       /* of a dry run: why Slurm was not asked for its queue and limits; NULL: it was */
    size_t n_jobs;       /* arrays of at most MaxArraySize tasks, and the merge, which is the last */
    spt_slurm_job *jobs; /* (n_jobs) */
    char *after;         /* numbers of earlier jobs that the merge waits for too, ":41:43"; "" */
    char *replaced;      /* of earlier merges that wait, "42 45"; they are cancelled for this one; "" */
} spt_submission;

/** Submit a whole sweep: those of its shards that are not done, running or queued, and the merge. Nothing may be queued
 *  twice: one submission of an output at a time holds the folder's lock, and jobs are known by a name that is made of
 *  the sweep's and the folder's. The config's relative paths are taken from the current folder. Calls sbatch, squeue,
 *  scontrol, scancel, which are found on PATH.
 *  *submission: spt_submission_free, also after an error: jobs that have an id then have been submitted.
 *  Errors: SPT_EINVAL as spt_sweep_split, a name that cannot be, a word that is no option or an option that is
 *  the program's; SPT_EDEVICE GPUs are asked for and this build has no backend for them; SPT_EEXIST the output is
 *  something else, or others submit it now; SPT_EMISMATCH the folder is of another config, cut or version;
 *  SPT_EIO no Slurm, or what it said; those of spt_shards_look; SPT_ENOMEM. */
spt_status spt_slurm_submit(const spt_sweep *sweep, const spt_slurm_options *options, spt_submission *submission,
                            spt_error *err);
void spt_submission_free(spt_submission *submission);

#ifdef __cplusplus
}
#endif
#endif
