/* The seal: SHA-256 over all bytes of FILE.h5, and over the first MiB alone, after the end of what HDF5 knows of.
 * Before it lie the block sums: crc32 of every 64 KiB of HDF5's part, then of these sums, so that a reader can be sure
 * of what it reads without reading all (h5_checked.h).
 *
 * HDF5 sums its metadata and, as we ask, the chunks; but not attributes of variable length, nor what lies between. With
 * the seal no byte of a file can change unseen. HDF5 reads such a file as any other. When a program opens
 * it for writing, HDF5 cuts the seal off: then the file is no longer as it was made, and says nothing. */
#ifndef SPT_HOST_STORE_SEAL_H
#define SPT_HOST_STORE_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "spectrain/error.h"

enum { SPT_SEAL_BYTES = 88, SPT_SEAL_HEAD_BYTES = 1 << 20, SPT_SEAL_BLOCK_BYTES = 1 << 16 };

typedef enum spt_seal_state {
    SPT_SEAL_GOOD,
    SPT_SEAL_ABSENT, /* the file ends where HDF5 says that it does */
    SPT_SEAL_BROKEN  /* the sum is another, or there is something else at the end */
} spt_seal_state;

/** Bytes that follow the `bytes` bytes that HDF5 knows of: block sums and seal. */
uint64_t spt_seal_size(uint64_t bytes);

/** Append block sums and seal to a file of `bytes` bytes, open for reading and writing. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_seal_append(int fd, const char *path, uint64_t bytes, spt_error *err);

/** Whether what follows the `bytes` bytes that HDF5 knows of is a seal, with its block sums, or nothing. Reads no more
 *  than that: GOOD says nothing of the bytes before. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_seal_check_end(const char *path, uint64_t bytes, spt_seal_state *state, spt_error *err);

/** Compare the first MiB with the seal. It holds the root's attributes: HDF5 1.10 trusts texts of variable length so
 *  far that a damaged one may crash it. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_seal_check_head(const char *path, spt_seal_state *state, spt_error *err);

/** The sum that a file's seal gives, as 64 hexadecimal digits; "" when it has no seal. Reads the seal alone.
 *  Errors: SPT_EIO. */
spt_status spt_seal_read(const char *path, char sum[65], spt_error *err);

typedef struct spt_seal_blocks {
    size_t n;       /* 0: the file has none that can be trusted */
    uint64_t bytes; /* of HDF5's part */
    uint32_t *sum;  /* (n) */
} spt_seal_blocks;

/** The block sums of an open file; spt_seal_blocks_free. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_seal_blocks_read(int fd, const char *path, spt_seal_blocks *blocks, spt_error *err);
void spt_seal_blocks_free(spt_seal_blocks *blocks);

/** Read all of a file whose HDF5 part has `bytes` bytes, and compare. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_seal_check(const char *path, uint64_t bytes, spt_seal_state *state, spt_error *err);

#endif
