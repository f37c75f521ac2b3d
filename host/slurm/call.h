/* Slurm's own commands, as child processes. */
#ifndef SPT_HOST_SLURM_CALL_H
#define SPT_HOST_SLURM_CALL_H

#include <stdbool.h>

#include "spectrain/error.h"

/** Run a command that is found on PATH (argv ends with NULL), and wait for it. *output: what it wrote to stdout
 *  (malloc'd). Variables by which the user's environment would change what is asked are kept from it. Errors: SPT_EIO
 *  not found, or it failed: with what it said; SPT_ENOMEM. */
spt_status spt_slurm_call(const char *const *argv, char **output, spt_error *err);

/** Whether PATH has such a command. */
bool spt_slurm_has(const char *command);

#endif
