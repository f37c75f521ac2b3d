/* A data set into the stream of dataset_stream.h. */
#include <stdlib.h>
#include <string.h>

#include "store/dataset_stream.h"

typedef struct stream {
    spt_piece_sink sink;
    void *user;
    spt_error *err;
    spt_status status;
    unsigned char *piece; /* (SPT_PIECE_BYTES) */
    size_t filled;
} stream;

static void put_bytes(stream *s, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    while (count > 0 && s->status == SPT_OK) {
        if (s->filled == SPT_PIECE_BYTES) {
            s->status = s->sink(s->piece, s->filled, false, s->user, s->err);
            s->filled = 0;
        }
        size_t room = SPT_PIECE_BYTES - s->filled, part = count < room ? count : room;
        memcpy(s->piece + s->filled, next, part);
        s->filled += part;
        next += part;
        count -= part;
    }
}

static void put_size(stream *s, size_t value) {
    uint64_t wide = value;
    put_bytes(s, &wide, sizeof wide);
}

static void put_text(stream *s, const char *text) {
    put_size(s, strlen(text));
    put_bytes(s, text, strlen(text));
}

static size_t extra_size(const spt_probe_extra *extra) {
    size_t size = 1;
    for (size_t i = 0; i < extra->n_dims; i++)
        size *= extra->dim_size[i];
    return size;
}

static void put_probe_head(stream *s, const spt_probe *probe) {
    put_text(s, probe->name);
    put_text(s, probe->kind);
    put_text(s, probe->long_name);
    put_text(s, probe->units);
    put_size(s, probe->n_dims);
    for (size_t i = 0; i < probe->n_dims; i++) {
        const spt_probe_dim *dim = &probe->dims[i];
        put_text(s, dim->name);
        put_text(s, dim->long_name);
        put_text(s, dim->units);
        put_size(s, dim->size);
        put_bytes(s, dim->coordinate, dim->size * sizeof *dim->coordinate);
    }
    put_size(s, probe->n_extras);
    for (size_t i = 0; i < probe->n_extras; i++) {
        const spt_probe_extra *extra = &probe->extras[i];
        put_text(s, extra->name);
        put_text(s, extra->long_name);
        put_text(s, extra->units);
        put_size(s, extra->integer != NULL);
        put_size(s, extra->n_dims);
        for (size_t d = 0; d < extra->n_dims; d++) {
            put_text(s, extra->dim_name[d]);
            put_size(s, extra->dim_size[d]);
        }
    }
    put_size(s, probe->n_attributes);
    for (size_t i = 0; i < probe->n_attributes; i++) {
        put_text(s, probe->attributes[i].key);
        put_text(s, probe->attributes[i].text);
    }
}

static void put_head(stream *s, const spt_dataset *d, bool keep_data, const spt_probe *const *probes, size_t n_probes) {
    put_text(s, d->sha256);
    put_size(s, d->inputs);
    put_size(s, d->outputs);
    put_size(s, d->classes);
    put_size(s, d->train.n);
    put_size(s, d->test.n);
    put_size(s, keep_data);
    put_size(s, n_probes);
    for (size_t p = 0; p < n_probes; p++)
        put_probe_head(s, probes[p]);
}

static void put_arrays(stream *s, const spt_dataset *d, bool keep_data, const spt_probe *const *probes,
                       size_t n_probes) {
    const spt_split *train = &d->train, *test = &d->test;
    if (d->classes > 0) {
        put_bytes(s, train->label_true != NULL ? train->label_true : train->label, train->n * sizeof *train->label);
        put_bytes(s, train->label, train->n * sizeof *train->label);
        put_bytes(s, test->label, test->n * sizeof *test->label);
    } else {
        size_t row = d->outputs * sizeof *train->target;
        put_bytes(s, train->target_true != NULL ? train->target_true : train->target, train->n * row);
        put_bytes(s, train->target, train->n * row);
        put_bytes(s, test->target, test->n * row);
    }
    if (keep_data) {
        put_bytes(s, train->x, train->n * d->inputs * sizeof *train->x);
        put_bytes(s, test->x, test->n * d->inputs * sizeof *test->x);
    }
    for (size_t p = 0; p < n_probes; p++)
        for (size_t i = 0; i < probes[p]->n_extras; i++) {
            const spt_probe_extra *extra = &probes[p]->extras[i];
            const void *values = extra->integer != NULL ? (const void *)extra->integer : (const void *)extra->real;
            put_bytes(s, values, extra_size(extra) * 4);
        }
}

spt_status spt_dataset_stream_write(const spt_dataset *dataset, bool keep_data, const spt_probe *const *probes,
                                    size_t n_probes, spt_piece_sink sink, void *user, spt_error *err) {
    stream s = {.sink = sink, .user = user, .err = err, .piece = malloc(SPT_PIECE_BYTES)};
    if (s.piece == NULL)
        return spt_fail(err, SPT_ENOMEM, "store: no memory to keep a data set");
    put_head(&s, dataset, keep_data, probes, n_probes);
    put_arrays(&s, dataset, keep_data, probes, n_probes);
    if (s.status == SPT_OK)
        s.status = sink(s.piece, s.filled, true, user, err);
    free(s.piece);
    return s.status;
}
