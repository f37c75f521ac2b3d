#include "store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

spt_status spt_io_write(int fd, const char *path, const void *bytes, size_t count, uint64_t offset, spt_error *err) {
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = pwrite(fd, next, count, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return spt_fail(err, SPT_EIO, "%s: writing failed: %s", path,
                            written < 0 ? strerror(errno) : "nothing could be written");
        next += written;
        offset += (uint64_t)written;
        count -= (size_t)written;
    }
    return SPT_OK;
}

spt_status spt_io_read(int fd, const char *path, void *bytes, size_t count, uint64_t offset, size_t *got,
                       spt_error *err) {
    char *next = bytes;
    *got = 0;
    while (*got < count) {
        ssize_t n = pread(fd, next + *got, count - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return spt_fail(err, SPT_EIO, "%s: reading failed: %s", path, strerror(errno));
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return SPT_OK;
}

spt_status spt_io_sync(int fd, const char *path, spt_error *err) {
    while (fdatasync(fd) != 0)
        if (errno != EINTR)
            return spt_fail(err, SPT_EIO, "%s: syncing to disk failed: %s", path, strerror(errno));
    return SPT_OK;
}

spt_status spt_io_sync_folder(const char *folder, spt_error *err) {
    int fd = spt_io_open(folder, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", folder, strerror(errno));
    int failed = fsync(fd);
    int reason = errno;
    close(fd);
    /* Some file systems cannot sync a folder, and say so; names are as safe there as they get. */
    if (failed != 0 && reason != EINVAL && reason != ENOTSUP && reason != EBADF)
        return spt_fail(err, SPT_EIO, "%s: syncing to disk failed: %s", folder, strerror(reason));
    return SPT_OK;
}

bool spt_io_is_at(int fd, const char *path) {
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

int spt_io_open(const char *path, int flags, mode_t mode) {
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

char *spt_io_path(const char *folder, const char *name) {
    size_t bytes = strlen(folder) + strlen(name) + 2;
    char *path = malloc(bytes);
    if (path != NULL)
        snprintf(path, bytes, "%s/%s", folder, name);
    return path;
}

char *spt_io_parent(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    if (slash == path)
        return strdup("/");
    return strndup(path, (size_t)(slash - path));
}

uint32_t spt_io_crc(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    while (count > 0) {
        uInt part = count > (1u << 30) ? 1u << 30 : (uInt)count;
        crc = (uint32_t)crc32(crc, next, part);
        next += part;
        count -= part;
    }
    return crc;
}
