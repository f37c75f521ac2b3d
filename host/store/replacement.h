/* A file that is to take the place of FILE.h5: begun as its copy, in the folder FILE.h5.probe, which is locked. */
#ifndef SPT_HOST_STORE_REPLACEMENT_H
#define SPT_HOST_STORE_REPLACEMENT_H

#include <stdint.h>
#include <sys/stat.h>

#include "spectrain/error.h"
#include "store/lock.h"

typedef struct spt_replacement {
    char *path;   /* FILE.h5, links followed */
    char *parent; /* the folder that it is in */
    char *folder; /* FILE.h5.probe */
    char *copy;   /* FILE.h5.probe/copy */
    spt_lock lock;
    struct stat original; /* FILE.h5 when it was opened */
    int fd;               /* of the copy; -1: none */
} spt_replacement;

/** Take the lock, and remember what FILE.h5 is now. *r: spt_replacement_close, also after an error. Errors: SPT_EIO no
 *  such file, or not writable; SPT_EEXIST locked, or FILE.h5.part is there: a sweep that will make FILE.h5 anew;
 *  SPT_ENOMEM. */
spt_status spt_replacement_open(spt_replacement *r, const char *path, spt_error *err);

/** Copy the first `bytes` bytes of FILE.h5; r->fd is then open for reading and writing. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_replacement_copy(spt_replacement *r, uint64_t bytes, spt_error *err);

/** Seal the copy, of `bytes` bytes now, sync it, and rename it to FILE.h5. Errors: SPT_EEXIST FILE.h5 has been replaced
 *  since; SPT_EIO; SPT_ENOMEM. */
spt_status spt_replacement_publish(spt_replacement *r, uint64_t bytes, spt_error *err);

/** Remove what is left, give back the lock. FILE.h5 is what it was, unless it was published. */
void spt_replacement_close(spt_replacement *r);

#endif
