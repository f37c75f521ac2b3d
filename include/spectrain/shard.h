/* Shards: the parts into which a sweep is cut so that many jobs can take it, each with a file of its own.
 *
 * The cut is a function of the config and the data's sizes alone: whoever computes it, where, and when, gets the same.
 * A run has the same bits in a shard as in the whole sweep. */
#ifndef SPECTRAIN_SHARD_H
#define SPECTRAIN_SHARD_H

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

#ifdef __cplusplus
}
#endif
#endif
