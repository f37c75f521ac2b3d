#include "data/idx_format.h"

#include <string.h>

enum {
    MAGIC_IMAGES = 0x00000803, /* unsigned bytes, three dimensions */
    MAGIC_LABELS = 0x00000801, /* unsigned bytes, one dimension */
    IMAGES_HEADER = 16,
    LABELS_HEADER = 8,
    BLOCK = 65536
};

static spt_status read_memory(spt_byte_stream *stream, unsigned char *bytes, size_t count, size_t *got,
                              spt_error *err) {
    (void)err;
    spt_memory_bytes *memory = stream->from;
    size_t left = memory->size - memory->at;
    *got = count < left ? count : left;
    if (*got > 0)
        memcpy(bytes, memory->bytes + memory->at, *got);
    memory->at += *got;
    return SPT_OK;
}

void spt_memory_stream(spt_byte_stream *stream, const char *name, spt_memory_bytes *memory) {
    *stream = (spt_byte_stream){.name = name, .limit = memory->size, .from = memory, .read = read_memory};
}

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Images and labels differ in the magic, the header's length and the name. */
static spt_status read_header(spt_byte_stream *stream, const char *what, uint32_t magic, size_t length,
                              spt_idx_header *header, spt_error *err) {
    unsigned char bytes[IMAGES_HEADER];
    size_t got;
    spt_status status = stream->read(stream, bytes, length, &got, err);
    if (status != SPT_OK)
        return status;
    if (got >= 4 && big_endian(bytes) != magic)
        return spt_fail(err, SPT_EDATA, "%s: not an IDX %s file (magic 0x%08x, expected 0x%08x)", stream->name, what,
                        big_endian(bytes), magic);
    if (got < length)
        return spt_fail(err, SPT_EDATA, "%s: not an IDX %s file (%zu bytes, expected a header of %zu)", stream->name,
                        what, got, length);
    *header = (spt_idx_header){.count = big_endian(bytes + 4), .rows = 1, .columns = 1};
    if (length == IMAGES_HEADER) {
        header->rows = big_endian(bytes + 8);
        header->columns = big_endian(bytes + 12);
        if (header->rows == 0 || header->columns == 0)
            return spt_fail(err, SPT_EDATA, "%s: images of %zu x %zu pixels; expected at least 1 x 1", stream->name,
                            header->rows, header->columns);
    }
    /* Three 32-bit numbers: their product overflows 64 bits, so divide. */
    uint64_t pixels = (uint64_t)header->rows * header->columns;
    uint64_t body = stream->limit > length ? stream->limit - length : 0;
    if (header->count > body / pixels)
        return spt_fail(err, SPT_EDATA,
                        "%s: truncated: header announces %zu %ss of %llu bytes, but %llu bytes at most follow",
                        stream->name, header->count, what, (unsigned long long)pixels, (unsigned long long)body);
    return SPT_OK;
}

spt_status spt_idx_images_header(spt_byte_stream *stream, spt_idx_header *header, spt_error *err) {
    return read_header(stream, "image", MAGIC_IMAGES, IMAGES_HEADER, header, err);
}

spt_status spt_idx_labels_header(spt_byte_stream *stream, spt_idx_header *header, spt_error *err) {
    return read_header(stream, "label", MAGIC_LABELS, LABELS_HEADER, header, err);
}

typedef spt_status (*take_bytes)(const unsigned char *bytes, size_t count, size_t at, void *into, spt_error *err);

/* Hand the `total` bytes after the header to take, block by block, and see that the stream ends there. */
static spt_status read_body(spt_byte_stream *stream, size_t total, take_bytes take, void *into, spt_error *err) {
    unsigned char block[BLOCK];
    size_t got;
    for (size_t at = 0; at < total; at += got) {
        size_t wanted = total - at < BLOCK ? total - at : BLOCK;
        spt_status status = stream->read(stream, block, wanted, &got, err);
        if (status == SPT_OK && got < wanted)
            status = spt_fail(err, SPT_EDATA, "%s: truncated: %zu of the %zu bytes that its header announces",
                              stream->name, at + got, total);
        if (status == SPT_OK)
            status = take(block, got, at, into, err);
        if (status != SPT_OK)
            return status;
    }
    spt_status status = stream->read(stream, block, 1, &got, err);
    if (status == SPT_OK && got != 0)
        status =
            spt_fail(err, SPT_EDATA, "%s: goes on after the %zu bytes that its header announces", stream->name, total);
    return status;
}

typedef struct pixels_taken {
    float *x;
    size_t wanted;
} pixels_taken;

static spt_status take_pixels(const unsigned char *bytes, size_t count, size_t at, void *into, spt_error *err) {
    (void)err;
    pixels_taken *taken = into;
    size_t end = at + count < taken->wanted ? at + count : taken->wanted;
    for (size_t i = at; i < end; i++)
        taken->x[i] = (float)bytes[i - at] / 255.0f;
    return SPT_OK;
}

spt_status spt_idx_images_pixels(spt_byte_stream *stream, const spt_idx_header *header, size_t take, float *x,
                                 spt_error *err) {
    size_t pixels = header->rows * header->columns;
    pixels_taken taken = {.x = x, .wanted = take * pixels};
    return read_body(stream, header->count * pixels, take_pixels, &taken, err);
}

typedef struct labels_taken {
    const char *name;
    int32_t *label;
    size_t wanted, classes;
} labels_taken;

static spt_status take_labels(const unsigned char *bytes, size_t count, size_t at, void *into, spt_error *err) {
    labels_taken *taken = into;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] >= taken->classes)
            return spt_fail(err, SPT_EDATA, "%s: label of row %zu is %d; expected 0 to %zu", taken->name, at + i,
                            bytes[i], taken->classes - 1);
        if (at + i < taken->wanted)
            taken->label[at + i] = bytes[i];
    }
    return SPT_OK;
}

spt_status spt_idx_labels_values(spt_byte_stream *stream, const spt_idx_header *header, size_t take, size_t classes,
                                 int32_t *label, spt_error *err) {
    labels_taken taken = {.name = stream->name, .label = label, .wanted = take, .classes = classes};
    return read_body(stream, header->count, take_labels, &taken, err);
}
