/* The IDX format of the MNIST family: a big-endian header, then bytes. Read strictly, from any stream of bytes.
 *
 * Images: 0x00000803, count, rows, columns, then count * rows * columns pixels. Labels: 0x00000801, count, labels.
 * What a header claims is checked against what the stream can hold before any memory is taken for it. */
#ifndef SPT_HOST_DATA_IDX_FORMAT_H
#define SPT_HOST_DATA_IDX_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "spectrain/error.h"

typedef struct spt_byte_stream {
    const char *name; /* what errors call it */
    uint64_t limit;   /* bytes that it can give at most */
    void *from;
    /** Up to count <= 65536 bytes; *got < count at the end only. Errors: SPT_EDATA damaged, SPT_EIO. */
    spt_status (*read)(struct spt_byte_stream *stream, unsigned char *bytes, size_t count, size_t *got, spt_error *err);
} spt_byte_stream;

/** A stream over size bytes of memory. */
typedef struct spt_memory_bytes {
    const unsigned char *bytes;
    size_t size, at;
} spt_memory_bytes;
void spt_memory_stream(spt_byte_stream *stream, const char *name, spt_memory_bytes *memory);

typedef struct spt_idx_header {
    size_t count, rows, columns; /* rows and columns are 1 for labels */
} spt_idx_header;

/** Take the header off the stream. Errors: SPT_EDATA magic, sizes of zero, more than the stream can hold. */
spt_status spt_idx_images_header(spt_byte_stream *stream, spt_idx_header *header, spt_error *err);
spt_status spt_idx_labels_header(spt_byte_stream *stream, spt_idx_header *header, spt_error *err);

/** The rest of the stream, to its very end: pixels / 255 of the first `take` images into x (take, rows * columns).
 *  Errors: SPT_EDATA when it ends early or goes on. */
spt_status spt_idx_images_pixels(spt_byte_stream *stream, const spt_idx_header *header, size_t take, float *x,
                                 spt_error *err);
/** The same for labels; all of the file's must be below classes, not the first `take` alone. */
spt_status spt_idx_labels_values(spt_byte_stream *stream, const spt_idx_header *header, size_t take, size_t classes,
                                 int32_t *label, spt_error *err);

#endif
