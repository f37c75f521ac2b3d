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
    uint32_t reserved, crc;
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

spt_status spt_seal_append(int fd, const char *path, uint64_t bytes, spt_error *err) {
    seal s = {.magic = SEAL_MAGIC, .bytes = bytes};
    spt_status status = sum_file(fd, path, bytes, s.sum, err);
    if (status == SPT_OK)
        status = sum_file(fd, path, head_of(bytes), s.head_sum, err);
    s.crc = spt_io_crc(0, &s, offsetof(seal, crc));
    return status == SPT_OK ? spt_io_write(fd, path, &s, sizeof s, bytes, err) : status;
}

/* Open a file and read its seal; *sealed is false when it ends in something else. */
static spt_status open_sealed(const char *path, int *fd, uint64_t *size, seal *s, bool *sealed, spt_error *err) {
    struct stat facts;
    *fd = spt_io_open(path, O_RDONLY, 0);
    if (*fd < 0 || fstat(*fd, &facts) != 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    *size = (uint64_t)facts.st_size;
    size_t got = 0;
    spt_status status = SPT_OK;
    if (*size > sizeof *s)
        status = spt_io_read(*fd, path, s, sizeof *s, *size - sizeof *s, &got, err);
    *sealed = status == SPT_OK && got == sizeof *s && memcmp(s->magic, SEAL_MAGIC, sizeof s->magic) == 0 &&
              s->bytes == *size - sizeof *s && s->crc == spt_io_crc(0, s, offsetof(seal, crc));
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
