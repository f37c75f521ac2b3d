/* When something is recorded: `record.epochs` and `record.weights`. */
#ifndef SPT_HOST_CONFIG_SCHEDULE_H
#define SPT_HOST_CONFIG_SCHEDULE_H

#include "config/node.h"

/** The epochs that key of map (which may be NULL) asks for: a list of epochs, {every: n} or {logspace: n}; when it is
 *  missing, `log_points` log-spaced ones. 0 and the last epoch are always among them. schedule->epoch is malloc'd.
 *  Errors: SPT_ECONFIG, also for more than a million epochs; SPT_ENOMEM. */
spt_status spt_schedule_read(const spt_node *map, const char *key, size_t log_points, size_t last,
                             spt_schedule *schedule, spt_error *err);

#endif
