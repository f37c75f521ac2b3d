#include "store/replacement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/io.h"
#include "store/seal.h"

enum { BLOCK_BYTES = 1 << 20 };

/* FILE.h5.part, the folder of a sweep that goes on: at its end it makes FILE.h5 anew. */
static spt_status check_no_sweep(const spt_replacement *r, spt_error *err) {
    struct stat facts;
    size_t room = strlen(r->path) + sizeof ".part";
    char *folder = malloc(room);
    if (folder == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", r->path);
    snprintf(folder, room, "%s.part", r->path);
    spt_status status = SPT_OK;
    if (lstat(folder, &facts) == 0)
        status = spt_fail(err, SPT_EEXIST,
                          "%s: is there, so a sweep will make %s anew; go on with it first (--resume), or remove it",
                          folder, r->path);
    free(folder);
    return status;
}

static spt_status name_places(spt_replacement *r, const char *path, spt_error *err) {
    r->path = realpath(path, NULL);
    if (r->path == NULL)
        return spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    size_t room = strlen(r->path) + sizeof ".probe";
    r->parent = spt_io_parent(r->path);
    r->folder = malloc(room);
    if (r->folder != NULL)
        snprintf(r->folder, room, "%s.probe", r->path);
    r->copy = r->folder != NULL ? spt_io_path(r->folder, "copy") : NULL;
    if (r->parent == NULL || r->copy == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", path);
    return SPT_OK;
}

spt_status spt_replacement_open(spt_replacement *r, const char *path, spt_error *err) {
    *r = (spt_replacement){.lock = {.fd = -1}, .fd = -1};
    spt_status status = name_places(r, path, err);
    if (status == SPT_OK)
        status = check_no_sweep(r, err);
    if (status != SPT_OK)
        return status;
    if (mkdir(r->folder, 0777) != 0 && errno != EEXIST)
        return spt_fail(err, SPT_EIO, "%s: cannot be made: %s", r->folder, strerror(errno));
    status = spt_lock_take(&r->lock, r->folder, err);
    if (status == SPT_OK && stat(r->path, &r->original) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    return status;
}

static spt_status copy_bytes(const spt_replacement *r, int from, uint64_t bytes, spt_error *err) {
    void *block = malloc(BLOCK_BYTES);
    if (block == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory to copy it", r->path);
    spt_status status = SPT_OK;
    for (uint64_t at = 0; at < bytes && status == SPT_OK;) {
        size_t part = bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES, got = 0;
        status = spt_io_read(from, r->path, block, part, at, &got, err);
        if (status == SPT_OK && got < part)
            status = spt_fail(err, SPT_EIO, "%s: ends at byte %llu, before %llu", r->path,
                              (unsigned long long)(at + got), (unsigned long long)bytes);
        if (status == SPT_OK)
            status = spt_io_write(r->fd, r->copy, block, got, at, err);
        at += got;
    }
    free(block);
    return status;
}

spt_status spt_replacement_copy(spt_replacement *r, uint64_t bytes, spt_error *err) {
    int from = spt_io_open(r->path, O_RDONLY, 0);
    if (from < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", r->path, strerror(errno));
    spt_status status = SPT_OK;
    r->fd = spt_io_open(r->copy, O_RDWR | O_CREAT | O_TRUNC, r->original.st_mode & 0777);
    if (r->fd < 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be created: %s", r->copy, strerror(errno));
    else
        status = copy_bytes(r, from, bytes, err);
    close(from);
    return status;
}

static bool is_original(const spt_replacement *r) {
    struct stat now;
    return stat(r->path, &now) == 0 && now.st_dev == r->original.st_dev && now.st_ino == r->original.st_ino &&
           now.st_size == r->original.st_size && now.st_mtim.tv_sec == r->original.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == r->original.st_mtim.tv_nsec;
}

spt_status spt_replacement_publish(spt_replacement *r, uint64_t bytes, spt_error *err) {
    spt_status status = spt_seal_append(r->fd, r->copy, bytes, err);
    if (status == SPT_OK && fsync(r->fd) != 0)
        status = spt_fail(err, SPT_EIO, "%s: syncing to disk failed: %s", r->copy, strerror(errno));
    if (close(r->fd) != 0 && status == SPT_OK)
        status = spt_fail(err, SPT_EIO, "%s: closing failed: %s", r->copy, strerror(errno));
    r->fd = -1;
    if (status == SPT_OK)
        status = check_no_sweep(r, err);
    if (status == SPT_OK && !is_original(r))
        status = spt_fail(err, SPT_EEXIST, "%s: another file has taken its place since; start again", r->path);
    if (status == SPT_OK && rename(r->copy, r->path) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be renamed to %s: %s", r->copy, r->path, strerror(errno));
    return status == SPT_OK ? spt_io_sync_folder(r->parent, err) : status;
}

void spt_replacement_close(spt_replacement *r) {
    if (r->fd >= 0)
        close(r->fd);
    if (spt_lock_is_held(&r->lock)) {
        unlink(r->copy);
        spt_lock_remove(&r->lock, r->folder);
        rmdir(r->folder);
    }
    free(r->copy);
    free(r->folder);
    free(r->parent);
    free(r->path);
    *r = (spt_replacement){.lock = {.fd = -1}, .fd = -1};
}
