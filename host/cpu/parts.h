/* Evaluation in parts: rows are cut by shape alone, any thread takes any part of any run, and a run's parts are joined
 * in order when all are there. So neither threads nor groups change a sum. */
#ifndef SPT_HOST_CPU_PARTS_H
#define SPT_HOST_CPU_PARTS_H

#include "cpu/group.h"

typedef struct spt_parts {
    size_t most;    /* parts of the run that has the most */
    size_t numbers; /* doubles that a part leaves */
    void *task;     /* handed to the functions below */
    size_t (*count)(const void *task, const spt_group *group, size_t run);
    void (*compute)(void *task, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *numbers);
    /** numbers (count, parts.numbers): the results of the run's parts */
    void (*join)(void *task, spt_group *group, size_t run, size_t count, spt_eval_space *space, const double *numbers);
} spt_parts;

/** Compute all parts of all runs. */
void spt_parts_run(spt_group *group, const spt_parts *parts);

/** Doubles that spt_parts_run needs in group->part. */
size_t spt_parts_space(size_t threads, size_t n_runs, size_t most, size_t numbers);

#endif
