/* Which threads train which runs. Nothing here changes a number, only when and where it is computed.
 *
 * A run that is more than its share of the work gets a team of threads; all others wait in a queue, from which each
 * free thread takes the one with the most work left, trains a slice of it, and puts it back. So many small runs, few
 * large ones and mixtures all end at about the same time on every thread. */
#ifndef SPT_HOST_CPU_SCHEDULE_H
#define SPT_HOST_CPU_SCHEDULE_H

#include <stddef.h>

/** What is left to do for a run. */
typedef struct spt_work {
    size_t run;
    double flops;
    size_t members; /* threads that it can keep busy; at least 1 */
} spt_work;

/** Most work first; of equals, the lower run. The result is also a queue for the two functions below. */
void spt_work_sort(spt_work *work, size_t n);

/** Teams for the first runs of sorted `work`: sizes, each at least 2, into size (at least `threads` long). Returns how
 *  many; they use at most all threads, and leave one when there are other runs. */
size_t spt_work_allot(const spt_work *work, size_t n, size_t threads, size_t *size);

/** The queue, a binary heap with the most work on top. Take from a queue of *n > 0; put into one with room. */
spt_work spt_work_take(spt_work *queue, size_t *n);
void spt_work_put(spt_work *queue, size_t *n, spt_work work);

#endif
