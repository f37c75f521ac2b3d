#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/io.h"

#define SEAL_MAGIC "SPTSEAL\n"

enum { SUM_BYTES = 32, BLOCK_BYTES = 1 << 20 };

typedef struct seal {
    char magic[8];
    uint64_t bytes;
    unsigned char sum[SUM_BYTES], head_sum[SUM_BYTES];
    uint32_t blocks, crc; /* how many block sums lie before the seal, within `bytes`; 0: none, nor a sum of them */
} seal;

_Static_assert(sizeof(seal) == SPT_SEAL_BYTES, "the seal has no padding");

/* SHA-256 of the first `bytes` bytes. */
static spt_status sum_file(int fd, const char *path, uint64_t bytes, unsigned char *sum, spt_error *err) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    void *block = malloc(BLOCK_BYTES);
    spt_status status = SPT_OK;
    if (digest == NULL || block == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory to sum it", path);
        goto done;
    }
    for (uint64_t at = 0; at < bytes && status == SPT_OK;) {
        size_t part = bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES, got;
        status = spt_io_read(fd, path, block, part, at, &got, err);
        if (status == SPT_OK && got < part)
            status = spt_fail(err, SPT_EIO, "%s: ends at byte %llu, before %llu", path, (unsigned long long)(at + got),
                              (unsigned long long)bytes);
        if (status == SPT_OK)
            EVP_DigestUpdate(digest, block, got);
        at += got;
    }
    if (status == SPT_OK && EVP_DigestFinal_ex(digest, sum, NULL) != 1)
        status = spt_fail(err, SPT_ENOMEM, "%s: the sum failed", path);
done:
    free(block);
    EVP_MD_CTX_free(digest);
    return status;
}

static uint64_t head_of(uint64_t bytes) {
    return bytes < SPT_SEAL_HEAD_BYTES ? bytes : SPT_SEAL_HEAD_BYTES;
}

/* ---- block sums */

static uint64_t count_blocks(uint64_t bytes) {
    return (bytes + SPT_SEAL_BLOCK_BYTES - 1) / SPT_SEAL_BLOCK_BYTES;
}

static uint64_t sums_bytes(uint64_t n_blocks) {
    return n_blocks > 0 ? (n_blocks + 1) * sizeof(uint32_t) : 0;
}

uint64_t spt_seal_size(uint64_t bytes) {
    return sums_bytes(count_blocks(bytes)) + SPT_SEAL_BYTES;
}

void spt_seal_blocks_free(spt_seal_blocks *blocks) {
    free(blocks->sum);
    *blocks = (spt_seal_blocks){0};
}

/* Sum the blocks of the first `bytes` bytes, and write the sums and their own after them. */
static spt_status append_blocks(int fd, const char *path, uint64_t bytes, spt_error *err) {
    size_t n = (size_t)count_blocks(bytes);
    uint32_t *sum = calloc(n + 1, sizeof *sum);
    void *block = malloc(SPT_SEAL_BLOCK_BYTES);
    spt_status status = SPT_OK;
    if (sum == NULL || block == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory to sum it", path);
    for (size_t b = 0; b < n && status == SPT_OK; b++) {
        uint64_t begin = (uint64_t)b * SPT_SEAL_BLOCK_BYTES, left = bytes - begin;
        size_t got = 0;
        status = spt_io_read(fd, path, block, left < SPT_SEAL_BLOCK_BYTES ? (size_t)left : SPT_SEAL_BLOCK_BYTES, begin,
                             &got, err);
        sum[b] = spt_io_crc(0, block, got);
    }
    if (status == SPT_OK && n > 0) {
        sum[n] = spt_io_crc(0, sum, n * sizeof *sum);
        status = spt_io_write(fd, path, sum, (n + 1) * sizeof *sum, bytes, err);
    }
    free(sum);
    free(block);
    return status;
}

spt_status spt_seal_append(int fd, const char *path, uint64_t bytes, spt_error *err) {
    uint64_t n = count_blocks(bytes), sealed = bytes + sums_bytes(n);
    seal s = {.magic = SEAL_MAGIC, .bytes = sealed, .blocks = (uint32_t)n};
    if (n > UINT32_MAX)
        return spt_fail(err, SPT_EINVAL, "%s: too large to be sealed", path); /* 256 TiB */
    spt_status status = append_blocks(fd, path, bytes, err);
    if (status == SPT_OK)
        status = sum_file(fd, path, sealed, s.sum, err);
    if (status == SPT_OK)
        status = sum_file(fd, path, head_of(sealed), s.head_sum, err);
    s.crc = spt_io_crc(0, &s, offsetof(seal, crc));
    return status == SPT_OK ? spt_io_write(fd, path, &s, sizeof s, sealed, err) : status;
}

/* ---- reading it */

/* The seal of an open file; *sealed is false when it ends in something else. */
static spt_status read_seal(int fd, const char *path, uint64_t *size, seal *s, bool *sealed, spt_error *err) {
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    *size = (uint64_t)facts.st_size;
    size_t got = 0;
    spt_status status = SPT_OK;
    if (*size > sizeof *s)
        status = spt_io_read(fd, path, s, sizeof *s, *size - sizeof *s, &got, err);
    *sealed = status == SPT_OK && got == sizeof *s && memcmp(s->magic, SEAL_MAGIC, sizeof s->magic) == 0 &&
              s->bytes == *size - sizeof *s && s->crc == spt_io_crc(0, s, offsetof(seal, crc)) &&
              sums_bytes(s->blocks) <= s->bytes;
    return status;
}

static spt_status open_sealed(const char *path, int *fd, uint64_t *size, seal *s, bool *sealed, spt_error *err) {
    *fd = spt_io_open(path, O_RDONLY, 0);
    if (*fd < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    return read_seal(*fd, path, size, s, sealed, err);
}

spt_status spt_seal_blocks_read(int fd, const char *path, spt_seal_blocks *blocks, spt_error *err) {
    uint64_t size = 0;
    seal s;
    bool sealed = false;
    *blocks = (spt_seal_blocks){0};
    spt_status status = read_seal(fd, path, &size, &s, &sealed, err);
    if (!sealed || s.blocks == 0)
        return status;
    size_t n = s.blocks, got = 0, room = (size_t)sums_bytes(n);
    uint64_t bytes = s.bytes - room;
    uint32_t *sum = count_blocks(bytes) == n ? malloc(room) : NULL;
    if (sum == NULL && count_blocks(bytes) == n)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for its sums", path);
    if (sum != NULL)
        status = spt_io_read(fd, path, sum, room, bytes, &got, err);
    if (status == SPT_OK && sum != NULL && got == room && sum[n] == spt_io_crc(0, sum, n * sizeof *sum))
        *blocks = (spt_seal_blocks){.n = n, .bytes = bytes, .sum = sum};
    else
        free(sum);
    return status;
}

static spt_status compare(int fd, const char *path, uint64_t bytes, const unsigned char *sum, spt_seal_state *state,
                          spt_error *err) {
    unsigned char found[SUM_BYTES];
    spt_status status = sum_file(fd, path, bytes, found, err);
    *state = status == SPT_OK && memcmp(found, sum, sizeof found) == 0 ? SPT_SEAL_GOOD : SPT_SEAL_BROKEN;
    return status;
}

spt_status spt_seal_check(const char *path, uint64_t bytes, spt_seal_state *state, spt_error *err) {
    int fd;
    uint64_t size = 0;
    seal s;
    bool sealed = false;
    spt_status status = open_sealed(path, &fd, &size, &s, &sealed, err);
    *state = bytes == size ? SPT_SEAL_ABSENT : SPT_SEAL_BROKEN;
    if (sealed)
        status = compare(fd, path, s.bytes, s.sum, state, err);
    if (fd >= 0)
        close(fd);
    return status;
}

spt_status spt_seal_check_end(const char *path, uint64_t bytes, spt_seal_state *state, spt_error *err) {
    int fd;
    uint64_t size = 0;
    seal s;
    bool sealed = false;
    spt_seal_blocks blocks = {0};
    spt_status status = open_sealed(path, &fd, &size, &s, &sealed, err);
    if (sealed)
        status = spt_seal_blocks_read(fd, path, &blocks, err);
    bool whole = sealed && (s.blocks > 0 ? blocks.n > 0 && blocks.bytes == bytes : s.bytes == bytes);
    *state = whole ? SPT_SEAL_GOOD : bytes == size ? SPT_SEAL_ABSENT : SPT_SEAL_BROKEN;
    spt_seal_blocks_free(&blocks);
    if (fd >= 0)
        close(fd);
    return status;
}

spt_status spt_seal_check_head(const char *path, spt_seal_state *state, spt_error *err) {
    int fd;
    uint64_t size = 0;
    seal s;
    bool sealed = false;
    spt_status status = open_sealed(path, &fd, &size, &s, &sealed, err);
    *state = SPT_SEAL_ABSENT;
    if (sealed)
        status = compare(fd, path, head_of(s.bytes), s.head_sum, state, err);
    if (fd >= 0)
        close(fd);
    return status;
}

spt_status spt_seal_read(const char *path, char sum[65], spt_error *err) {
    int fd;
    uint64_t size = 0;
    seal s;
    bool sealed = false;
    spt_status status = open_sealed(path, &fd, &size, &s, &sealed, err);
    sum[0] = '\0';
    for (size_t i = 0; sealed && i < SUM_BYTES; i++)
        snprintf(sum + 2 * i, 3, "%02x", s.sum[i]);
    if (fd >= 0)
        close(fd);
    return status;
}
