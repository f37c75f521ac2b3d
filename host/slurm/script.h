/* The scripts of the jobs, as text. */
#ifndef SPT_HOST_SLURM_SCRIPT_H
#define SPT_HOST_SLURM_SCRIPT_H

#include <stddef.h>

#include "spectrain/slurm.h"

/** What both scripts are made of; all borrowed. */
typedef struct spt_slurm_sweep {
    const char *name;   /* of the sweep */
    const char *job;    /* name of its arrays, "NAME.1a2b3c4d" */
    const char *output; /* absolute */
    const char *folder; /* absolute */
    const spt_slurm_options *options;
} spt_slurm_sweep;

/** Of an array over those shards from first to end - 1 that are new in shards (options->shards); task I trains shard
 *  first + I. *script is malloc'd. Errors: SPT_ENOMEM. */
spt_status spt_slurm_array_script(const spt_slurm_sweep *sweep, const spt_slurm_state *shards, size_t first, size_t end,
                                  char **script, spt_error *err);

/** Of the merge. Errors: SPT_ENOMEM. */
spt_status spt_slurm_merge_script(const spt_slurm_sweep *sweep, char **script, spt_error *err);

/** Name of the array whose tasks count from shard `first`, and of the merge, into name[capacity]. */
void spt_slurm_array_name(const char *job, size_t first, char *name, size_t capacity);
void spt_slurm_merge_name(const char *job, char *name, size_t capacity);

#endif
