#ifndef SPT_HOST_CORE_CLOCK_H
#define SPT_HOST_CORE_CLOCK_H

/** Monotonic seconds. */
double spt_clock(void);

#endif
