/* run --devices: the sweep on several devices of this machine, a process each. */
#ifndef SPT_HOST_CLI_RUN_DEVICES_H
#define SPT_HOST_CLI_RUN_DEVICES_H

#include "cli/options.h"
#include "spectrain/sweep.h"

/** Train `sweep`, a whole one, into path, on the devices that options names; tells how it goes and what came out.
 *  Errors: SPT_EINVAL a list that is none, numbers twice, or the cpu backend; SPT_EDEVICE no such device; those of
 *  spt_node_run. */
spt_status spt_run_on_devices(const spt_options *options, const spt_sweep *sweep, const char *path, spt_error *err);

#endif
