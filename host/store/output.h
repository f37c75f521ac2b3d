/* A FILE.h5 on its way: its name, the folder FILE.h5.part beside it in which it is made under another name, and the
 * folder's lock. What is under its own name is whole. */
#ifndef SPT_HOST_STORE_OUTPUT_H
#define SPT_HOST_STORE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "spectrain/error.h"
#include "store/lock.h"

typedef struct spt_output {
    char *path;   /* FILE.h5 */
    char *folder; /* FILE.h5.part */
    char *parent; /* the folder that both are in */
    spt_lock lock;
    bool made_folder; /* by us */
} spt_output;

/** What is there under a name. */
typedef enum spt_presence { SPT_NOTHING, SPT_FILE_THERE, SPT_FOLDER_THERE, SPT_OTHER_THERE } spt_presence;
spt_presence spt_look_at(const char *path);

/** Names only; nothing is looked at. Also on error release it with spt_output_free. Errors: SPT_ENOMEM. */
spt_status spt_output_init(spt_output *output, const char *path, spt_error *err);
/** Give back the lock, free. The folder stays. Takes one that is zeroed with lock.fd -1. */
void spt_output_free(spt_output *output);

/** Whether a file may be made under this name. Errors: SPT_EINVAL it does not end in .h5, its folder is not
 *  there, or something else than a file has its name; SPT_EIO its folder cannot be written to. */
spt_status spt_output_check(const spt_output *output, spt_error *err);

/** Make the folder unless it is there, and take its lock. Errors: SPT_EEXIST another process has it; SPT_EIO. */
spt_status spt_output_lock(spt_output *output, spt_error *err);

/** Remove the folder and what a store keeps in it, while the lock is held. What cannot be removed stays. */
void spt_output_remove_folder(spt_output *output);
/** Undo spt_output_lock after an error: a folder that was made here goes, unless another process has moved in. */
void spt_output_abandon(spt_output *output);

/** Writes a file into fd; *bytes is its size. path is for messages. */
typedef spt_status (*spt_output_fill)(int fd, const char *path, uint64_t *bytes, void *user, spt_error *err);

/** Fill a file under another name, seal and sync it, rename it to FILE.h5. Errors: fill's; SPT_EIO; SPT_ENOMEM. */
spt_status spt_output_publish(const spt_output *output, spt_output_fill fill, void *user, spt_error *err);

#endif
