/* Whole reads and writes of files, with the system's reason when they fail. */
#ifndef SPT_HOST_STORE_IO_H
#define SPT_HOST_STORE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spectrain/error.h"

/* Files of the store are little-endian, and are read into these structs as they are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the journal's structs are little-endian");

/** Write all of bytes at offset, over interruptions and partial writes. path is for the message.
 *  Errors: SPT_EIO "PATH: writing failed: ..."; part of the bytes may be there then. */
spt_status spt_io_write(int fd, const char *path, const void *bytes, size_t count, uint64_t offset, spt_error *err);

/** Read up to count bytes at offset; *got is less only at the end of the file. Errors: SPT_EIO. */
spt_status spt_io_read(int fd, const char *path, void *bytes, size_t count, uint64_t offset, size_t *got,
                       spt_error *err);

/** fdatasync. Errors: SPT_EIO. */
spt_status spt_io_sync(int fd, const char *path, spt_error *err);

/** Make names created, renamed or removed in a folder survive a loss of power. Errors: SPT_EIO. */
spt_status spt_io_sync_folder(const char *folder, spt_error *err);

/** Whether path still leads to what fd has open: it may have been removed, renamed or replaced. */
bool spt_io_is_at(int fd, const char *path);

/** open with O_CLOEXEC, over interruptions; -1 and errno on failure. */
int spt_io_open(const char *path, int flags, mode_t mode);

/** "folder/name" (malloc'd); NULL when memory is short. */
char *spt_io_path(const char *folder, const char *name);

/** The folder that path is in, "." for a bare name (malloc'd); NULL when memory is short. */
char *spt_io_parent(const char *path);

/** crc32 (zlib's) of count bytes, going on from crc; 0 to begin. Any count. */
uint32_t spt_io_crc(uint32_t crc, const void *bytes, size_t count);

#endif
