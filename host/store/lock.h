/* One writer per file: a lock on the folder FILE.h5.part, in two ways.
 *
 * flock on FILE.h5.part/lock, which the system gives back when its holder dies. Where a file system has no flock, a
 * file lock.pid that exists while the lock is held, and that names its holder, so that one of a dead process can be
 * told. */
#ifndef SPT_HOST_STORE_LOCK_H
#define SPT_HOST_STORE_LOCK_H

#include <stdbool.h>

#include "spectrain/error.h"

typedef struct spt_lock {
    int fd;    /* -1: not held by flock */
    char *pid; /* path of lock.pid, when it is held that way; else NULL */
} spt_lock;

/** Take the lock of folder, at once or not at all. Errors: SPT_EEXIST "FOLDER: in use by process 123 on host ...",
 *  SPT_EIO, SPT_ENOMEM. */
spt_status spt_lock_take(spt_lock *lock, const char *folder, spt_error *err);

/** The second way alone. Errors: as above. */
spt_status spt_lock_take_by_name(spt_lock *lock, const char *folder, spt_error *err);

/** Whether some process holds the lock of folder. Looking keeps nobody from taking it, for longer than a moment. */
bool spt_lock_is_taken(const char *folder);

bool spt_lock_is_held(const spt_lock *lock);

/** Whether a living process may hold the lock of folder, by what it has written there; nothing is locked or changed.
 *  Of a process on another host it cannot be told whether it lives: then true. */
bool spt_lock_may_be_held(const char *folder);

/** Give it back. FOLDER/lock stays, lock.pid goes. Takes one that is not held. */
void spt_lock_release(spt_lock *lock);

/** Give it back and remove its file, so that the folder can be removed. Whoever opened the file before finds out that
 * it locks nothing any more. Takes one that is not held: then nothing is removed. */
void spt_lock_remove(spt_lock *lock, const char *folder);

#endif
