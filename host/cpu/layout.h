/* Sizes of a group: what its runs need, and one block of memory cut for all of it. */
#ifndef SPT_HOST_CPU_LAYOUT_H
#define SPT_HOST_CPU_LAYOUT_H

#include "cpu/group.h"
#include "cpu/slab.h"

/** Examples a step of this group. */
size_t spt_layout_batch(const spt_group_spec *spec);

/** Arena, cost and part sizes of every run: (n_runs), the caller's, spt_memory_free; state is NULL. NULL with *status
 *  when a model has no layout (SPT_EINVAL) or memory is short. */
spt_run *spt_layout_measure(const spt_group_spec *spec, spt_status *status, spt_error *err);

/** Point all of the group's arrays, spaces and states into the slab; the runs are copies of `measured`. With a slab
 * that only counts, nothing of the group is to be used after. */
void spt_layout_cut(spt_slab *slab, const spt_group_spec *spec, const spt_run *measured, size_t threads,
                    spt_group *group);

#endif
