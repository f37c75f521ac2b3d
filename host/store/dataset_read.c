/* A data set out of the stream of dataset_stream.h. */
#include <stdlib.h>
#include <string.h>

#include "store/dataset_stream.h"

enum { TEXT_LIMIT = 1 << 16, LEAST_PROBE_BYTES = 7 * sizeof(uint64_t) }; /* four texts, three counts */

static spt_status broken(const spt_kept_dataset *kept, spt_error *err) {
    return spt_fail(err, SPT_ECORRUPT, "%s: data set %zu is not what was put there; --force starts anew",
                    kept->journal->path, kept->index);
}

static spt_status next_piece(spt_kept_dataset *kept, spt_error *err) {
    if (kept->piece == kept->pieces->n_pieces)
        return broken(kept, err);
    size_t i = kept->piece++;
    spt_entry_kind kind = kept->piece == kept->pieces->n_pieces ? SPT_ENTRY_DATASET_END : SPT_ENTRY_DATASET;
    kept->position = 0;
    return spt_journal_read(kept->journal, kept->pieces->pieces[i].offset, kind, kept->index, i, kept->entry,
                            SPT_PIECE_BYTES, &kept->filled, err);
}

spt_status spt_kept_read(spt_kept_dataset *kept, void *bytes, size_t count, spt_error *err) {
    unsigned char *to = bytes;
    while (count > 0) {
        if (kept->position == kept->filled) {
            spt_status status = next_piece(kept, err);
            if (status != SPT_OK)
                return status;
            continue;
        }
        size_t left = kept->filled - kept->position, part = count < left ? count : left;
        memcpy(to, kept->entry + spt_entry_bytes(kept->position), part);
        kept->position += part;
        to += part;
        count -= part;
    }
    return SPT_OK;
}

static spt_status get_size(spt_kept_dataset *kept, size_t limit, size_t *value, spt_error *err) {
    uint64_t wide = 0;
    spt_status status = spt_kept_read(kept, &wide, sizeof wide, err);
    if (status == SPT_OK && wide > limit)
        status = broken(kept, err);
    if (status == SPT_OK)
        *value = (size_t)wide;
    return status;
}

/* A text into malloc'd memory, or, where there is room given, into that. */
static spt_status get_text(spt_kept_dataset *kept, char *room, size_t capacity, const char **text, spt_error *err) {
    size_t length = 0;
    spt_status status = get_size(kept, room != NULL ? capacity - 1 : TEXT_LIMIT, &length, err);
    if (status != SPT_OK)
        return status;
    char *to = room != NULL ? room : malloc(length + 1);
    if (to == NULL)
        return spt_fail(err, SPT_ENOMEM, "store: no memory for %zu bytes", length);
    to[length] = '\0';
    if (text != NULL)
        *text = to;
    return spt_kept_read(kept, to, length, err);
}

/* No more of what takes so many bytes each can be in the stream. */
static size_t limit_of(const spt_kept_dataset *kept, size_t bytes_each) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < kept->pieces->n_pieces; i++)
        bytes += kept->pieces->pieces[i].bytes;
    return (size_t)(bytes / bytes_each);
}

static spt_status get_dim(spt_kept_dataset *kept, spt_probe_dim *dim, spt_error *err) {
    spt_status status = get_text(kept, NULL, 0, &dim->name, err);
    if (status == SPT_OK)
        status = get_text(kept, NULL, 0, &dim->long_name, err);
    if (status == SPT_OK)
        status = get_text(kept, NULL, 0, &dim->units, err);
    if (status == SPT_OK)
        status = get_size(kept, limit_of(kept, sizeof *dim->coordinate), &dim->size, err);
    if (status != SPT_OK)
        return status;
    dim->coordinate = calloc(dim->size + 1, sizeof *dim->coordinate);
    if (dim->coordinate == NULL)
        return spt_fail(err, SPT_ENOMEM, "store: no memory for %zu coordinates", dim->size);
    return spt_kept_read(kept, dim->coordinate, dim->size * sizeof *dim->coordinate, err);
}

void spt_kept_set_type(spt_probe_extra *extra, bool integer) {
    static const float some_real = 0;
    static const int32_t some_integer = 0;
    extra->real = integer ? NULL : &some_real;
    extra->integer = integer ? &some_integer : NULL;
}

/* The extra's data stays in the stream. */
static spt_status get_extra(spt_kept_dataset *kept, spt_probe_extra *extra, spt_error *err) {
    size_t integer = 0;
    spt_status status = get_text(kept, NULL, 0, &extra->name, err);
    if (status == SPT_OK)
        status = get_text(kept, NULL, 0, &extra->long_name, err);
    if (status == SPT_OK)
        status = get_text(kept, NULL, 0, &extra->units, err);
    if (status == SPT_OK)
        status = get_size(kept, 1, &integer, err);
    if (status == SPT_OK)
        status = get_size(kept, 2, &extra->n_dims, err);
    for (size_t d = 0; d < extra->n_dims && status == SPT_OK; d++) {
        status = get_text(kept, NULL, 0, &extra->dim_name[d], err);
        if (status == SPT_OK)
            status = get_size(kept, SIZE_MAX, &extra->dim_size[d], err);
    }
    spt_kept_set_type(extra, integer);
    return status;
}

static spt_status get_probe(spt_kept_dataset *kept, spt_probe *probe, spt_error *err) {
    spt_status status = get_text(kept, probe->name, sizeof probe->name, NULL, err);
    if (status == SPT_OK)
        status = get_text(kept, NULL, 0, &probe->kind, err);
    if (status == SPT_OK)
        status = get_text(kept, NULL, 0, &probe->long_name, err);
    if (status == SPT_OK)
        status = get_text(kept, NULL, 0, &probe->units, err);
    if (status == SPT_OK)
        status = get_size(kept, SPT_PROBE_MAX_DIMS, &probe->n_dims, err);
    for (size_t i = 0; i < probe->n_dims && status == SPT_OK; i++)
        status = get_dim(kept, &probe->dims[i], err);
    if (status == SPT_OK)
        status = get_size(kept, SPT_PROBE_MAX_EXTRAS, &probe->n_extras, err);
    for (size_t i = 0; i < probe->n_extras && status == SPT_OK; i++)
        status = get_extra(kept, &probe->extras[i], err);
    if (status == SPT_OK)
        status = get_size(kept, SPT_PROBE_MAX_ATTRIBUTES, &probe->n_attributes, err);
    for (size_t i = 0; i < probe->n_attributes && status == SPT_OK; i++) {
        status = get_text(kept, NULL, 0, &probe->attributes[i].key, err);
        if (status == SPT_OK)
            status = get_text(kept, probe->attributes[i].text, sizeof probe->attributes[i].text, NULL, err);
    }
    return status;
}

static spt_status get_head(spt_kept_dataset *kept, spt_error *err) {
    size_t has_x = 0, n_probes = 0;
    spt_status status = get_text(kept, kept->sha256, sizeof kept->sha256, NULL, err);
    size_t *const sizes[] = {&kept->inputs, &kept->outputs, &kept->classes, &kept->train, &kept->test};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && status == SPT_OK; i++)
        status = get_size(kept, SIZE_MAX, sizes[i], err);
    if (status == SPT_OK)
        status = get_size(kept, 1, &has_x, err);
    if (status == SPT_OK)
        status = get_size(kept, limit_of(kept, LEAST_PROBE_BYTES), &n_probes, err);
    if (status != SPT_OK)
        return status;
    kept->has_x = has_x;
    kept->probes = calloc(n_probes + 1, sizeof *kept->probes);
    if (kept->probes == NULL)
        return spt_fail(err, SPT_ENOMEM, "store: no memory for %zu probes", n_probes);
    kept->n_probes = n_probes;
    for (size_t p = 0; p < n_probes && status == SPT_OK; p++)
        status = get_probe(kept, &kept->probes[p], err);
    return status;
}

spt_status spt_kept_open(const spt_journal *journal, const spt_catalog *catalog, size_t index, spt_kept_dataset *kept,
                         spt_error *err) {
    *kept = (spt_kept_dataset){.journal = journal, .pieces = &catalog->datasets[index], .index = index};
    kept->entry = malloc(spt_entry_bytes(SPT_PIECE_BYTES));
    if (kept->entry == NULL)
        return spt_fail(err, SPT_ENOMEM, "store: no memory to read a data set");
    return get_head(kept, err);
}

static void free_texts(const char *a, const char *b, const char *c) {
    free((void *)(uintptr_t)a);
    free((void *)(uintptr_t)b);
    free((void *)(uintptr_t)c);
}

void spt_kept_probes_free(spt_probe *probes, size_t n) {
    for (size_t p = 0; probes != NULL && p < n; p++) {
        spt_probe *probe = &probes[p];
        free_texts(probe->kind, probe->long_name, probe->units);
        for (size_t i = 0; i < SPT_PROBE_MAX_DIMS; i++) {
            free_texts(probe->dims[i].name, probe->dims[i].long_name, probe->dims[i].units);
            free(probe->dims[i].coordinate);
        }
        for (size_t i = 0; i < SPT_PROBE_MAX_EXTRAS; i++) {
            free_texts(probe->extras[i].name, probe->extras[i].long_name, probe->extras[i].units);
            free_texts(probe->extras[i].dim_name[0], probe->extras[i].dim_name[1], NULL);
        }
        for (size_t i = 0; i < SPT_PROBE_MAX_ATTRIBUTES; i++)
            free_texts(probe->attributes[i].key, NULL, NULL);
    }
    free(probes);
}

void spt_kept_close(spt_kept_dataset *kept) {
    spt_kept_probes_free(kept->probes, kept->n_probes);
    free(kept->entry);
    *kept = (spt_kept_dataset){0};
}
