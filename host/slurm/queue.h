/* What Slurm has of a sweep already, and how long an array may be. */
#ifndef SPT_HOST_SLURM_QUEUE_H
#define SPT_HOST_SLURM_QUEUE_H

#include <stddef.h>

#include "spectrain/slurm.h"

/** MaxArraySize of the cluster: indexes go from 0 to one below. Errors: SPT_EIO Slurm does not answer, or has no
 * arrays; SPT_ENOMEM. */
spt_status spt_slurm_array_limit(size_t *limit, spt_error *err);

enum { SPT_SLURM_ARRAY_LIMIT = 1001 }; /* where no cluster says another */

/** Mark in submission->shards those that a task waits for or runs, and fill in `after` and `replaced`. job: the name of
 *  the sweep's arrays; limit: MaxArraySize. Errors: SPT_EIO Slurm does not answer; SPT_ENOMEM. */
spt_status spt_slurm_find_queued(const char *job, size_t limit, spt_submission *submission, spt_error *err);

#endif
