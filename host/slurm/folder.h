/* FILE.h5.shards: the folder in which a sweep is trained, and whether it and FILE.h5 may be used. */
#ifndef SPT_HOST_SLURM_FOLDER_H
#define SPT_HOST_SLURM_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "spectrain/error.h"

/** Absolute names of FILE.h5 and FILE.h5.shards (malloc'd). Errors: SPT_EINVAL the name does not end in .h5, is in no
 *  folder that can be written to, or has characters that Slurm cannot be given in a log's name; SPT_ENOMEM. */
spt_status spt_slurm_names(const char *path, char **output, char **folder, spt_error *err);

/** Look at what has the output's name: *complete, it has every run of this config. Errors: SPT_EEXIST it is something
 *  else, or a sweep is being trained under that name; SPT_ENOMEM. */
spt_status spt_slurm_look_at_output(const char *output, const char *config, bool *complete, spt_error *err);

/** Whether the folder is of this config, cut and version; *begun: it is there. Errors: SPT_EMISMATCH; SPT_EEXIST
 *  it is there and not from here; SPT_EIO. */
spt_status spt_slurm_look_at_folder(const char *folder, const char *config, size_t shards, bool *begun, spt_error *err);

/** Write config.yaml into the folder, unless it is there: *had. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_slurm_write_config(const char *folder, const char *config, size_t shards, bool *had, spt_error *err);
void spt_slurm_remove_config(const char *folder);

/** Replace a file, as a whole. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_slurm_write_file(const char *path, const char *text, spt_error *err);

#endif
