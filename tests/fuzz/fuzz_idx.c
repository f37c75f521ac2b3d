/* Fuzz target: the IDX reader, images and labels, over a file in memory.
 *
 * Byte 0 of the input says what to read and how much of it; the rest is the file. As a compressed file would, the
 * stream may claim to hold more than comes. */
#include <stdlib.h>

#include "data/idx_format.h"

enum { LABELS = 1, COMPRESSED = 2, TAKE_ALL = 4, TWO_CLASSES = 8, RATIO = 1032 };

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void read_images(spt_byte_stream *stream, unsigned how) {
    spt_idx_header header;
    if (spt_idx_images_header(stream, &header, NULL) != SPT_OK)
        return;
    size_t take = how & TAKE_ALL ? header.count : header.count / 2;
    float *x = malloc(take * header.rows * header.columns * sizeof *x + 1); /* exact, for the sanitizer */
    if (x != NULL && spt_idx_images_pixels(stream, &header, take, x, NULL) == SPT_OK)
        for (size_t i = 0; i < take * header.rows * header.columns; i++)
            if (!(x[i] >= 0 && x[i] <= 1))
                abort();
    free(x);
}

static void read_labels(spt_byte_stream *stream, unsigned how) {
    spt_idx_header header;
    if (spt_idx_labels_header(stream, &header, NULL) != SPT_OK)
        return;
    size_t take = how & TAKE_ALL ? header.count : header.count / 2, classes = how & TWO_CLASSES ? 2 : 10;
    int32_t *label = malloc(take * sizeof *label + 1);
    if (label != NULL && spt_idx_labels_values(stream, &header, take, classes, label, NULL) == SPT_OK)
        for (size_t i = 0; i < take; i++)
            if (label[i] < 0 || (size_t)label[i] >= classes)
                abort();
    free(label);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (size == 0)
        return 0;
    spt_memory_bytes file = {.bytes = data + 1, .size = size - 1};
    spt_byte_stream stream;
    spt_memory_stream(&stream, "fuzz", &file);
    if (data[0] & COMPRESSED)
        stream.limit *= RATIO;
    if (data[0] & LABELS)
        read_labels(&stream, data[0]);
    else
        read_images(&stream, data[0]);
    return 0;
}
