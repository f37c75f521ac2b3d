// How a group lies in the device's memory, and the tables of its phases. The same code that gives out places, run with
// nowhere to give out, counts bytes.
#ifndef SPT_KERNELS_LAYOUT_CUH
#define SPT_KERNELS_LAYOUT_CUH

#include "group.cuh"

static const size_t SPT_EVALUATION_BYTES = (size_t)256 << 20;
static const size_t SPT_BLAS_BYTES = (size_t)32 << 20;
enum { SPT_EVALUATION_ROWS = 1024, SPT_WAVE_RUNS_MOST = 4096 };

/** Everything about a group but its memory: shapes of runs, seeds, waves, tables of phases. group->bytes is then known,
 *  places are not. Release with spt_layout_free. Errors: SPT_EINVAL a model without an arena; SPT_ENOMEM. */
spt_status spt_layout_make(const spt_device *device, const spt_group_spec *spec, spt_group *group, spt_error *err);

/** Give places, from group->memory_d (group->bytes, aligned to 256) on, to all that spt_layout_make has counted. */
void spt_layout_place(spt_group *group);

void spt_layout_free(spt_group *group);

// ---- between layout.cu, which knows where things are, and phases.cu, which knows what is computed there

const spt_split *spt_layout_split(const spt_group *group, int split);
/** Floats of the workspace that a run takes while a part of a split is evaluated: two hidden layers in turns, outputs.
 */
size_t spt_layout_evaluation_floats(const spt_group *group, size_t r);
/** Entries of group->loss_d: all runs in training, and in evaluation of each split. */
size_t spt_layout_n_loss_problems(const spt_group *group);

/** Make group->plan and all phases, with the places that are known so far. */
void spt_phases_plan(spt_group *group);
/** What group->loss_d is to hold: n_runs of training, then those of the waves, split by split. */
void spt_phases_loss_problems(const spt_group *group, spt_loss_problem *table);

#endif
