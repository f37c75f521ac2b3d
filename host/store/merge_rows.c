/* Copying rows from shards into the merged file.
 *
 * Where a chunk of the merged file holds the rows of several runs, and these come from several shards, it would be
 * read, summed and written once for each of them. Such rows are gathered in memory first, for as many runs as there is
 * room; the other arrays are copied block by block. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge.h"

enum { PATH_MAX_BYTES = 256 };

typedef struct spt_merge_row_array {
    hid_t id, type; /* type: in memory */
    char path[PATH_MAX_BYTES];
    size_t rank, element, row_bytes;
    hsize_t dims[SPT_H5_RANK];
    char *staging; /* (runs of the pass, row); NULL: copied block by block */
    bool staged;
} row_array;

static size_t product(const hsize_t *dims, size_t first, size_t end) {
    size_t count = 1;
    for (size_t i = first; i < end; i++)
        count *= (size_t)dims[i];
    return count;
}

/* ---- arrays */

static void describe(spt_h5 *h, hid_t id, row_array *array) {
    *array = (row_array){.id = id, .type = -1};
    hid_t space = H5Dget_space(id), type = H5Dget_type(id);
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    array->type = type >= 0 ? H5Tget_native_type(type, H5T_DIR_DEFAULT) : -1;
    if (rank < 1 || rank > SPT_H5_RANK || array->type < 0 || H5Sget_simple_extent_dims(space, array->dims, NULL) < 0 ||
        H5Iget_name(id, array->path, sizeof array->path) <= 0)
        spt_h5_fail(h);
    else {
        array->rank = (size_t)rank;
        array->element = H5Tget_size(array->type);
        array->row_bytes = array->element * product(array->dims, 1, array->rank);
    }
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
}

/* Whether a chunk holds the rows of several runs. */
static bool shares_chunks(hid_t id) {
    hsize_t chunk[SPT_H5_RANK] = {1};
    hid_t creation = H5Dget_create_plist(id);
    bool shares =
        creation >= 0 && H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_chunk(creation, SPT_H5_RANK, chunk) > 0;
    if (creation >= 0)
        H5Pclose(creation);
    return shares && chunk[0] > 1;
}

void spt_merge_rows_add(spt_h5 *h, spt_merge_rows *rows, hid_t id) {
    if (h->status != SPT_OK)
        return;
    if (rows->n == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? 16 : 2 * rows->capacity;
        row_array *grown = realloc(rows->arrays, capacity * sizeof *grown);
        if (grown == NULL) {
            spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the arrays to be merged");
            return;
        }
        rows->arrays = grown;
        rows->capacity = capacity;
    }
    row_array *array = &rows->arrays[rows->n++];
    describe(h, id, array);
    array->staged = shares_chunks(id);
    if (array->staged)
        rows->staged_row_bytes += array->row_bytes;
}

void spt_merge_rows_free(spt_merge_rows *rows) {
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->arrays[i].type >= 0)
            H5Tclose(rows->arrays[i].type);
        free(rows->arrays[i].staging);
    }
    free(rows->arrays);
    free(rows->slab);
    *rows = (spt_merge_rows){0};
}

/* ---- passes */

size_t spt_merge_rows_at_once(const spt_merge_rows *rows, size_t n_runs) {
    size_t fit = rows->staged_row_bytes > 0 ? rows->staging_limit / rows->staged_row_bytes : n_runs;
    return fit < 1 ? 1 : fit < n_runs ? fit : n_runs;
}

void spt_merge_rows_begin(spt_h5 *h, spt_merge_rows *rows, size_t first, size_t end) {
    for (size_t i = 0; i < rows->n && h->status == SPT_OK; i++) {
        row_array *array = &rows->arrays[i];
        if (!array->staged)
            continue;
        free(array->staging);
        array->staging = malloc((end - first) * array->row_bytes + 1);
        if (array->staging == NULL)
            spt_h5_fail_with(h, SPT_ENOMEM, "no memory to gather the values of runs");
        else if (H5Tget_class(array->type) == H5T_FLOAT && array->element == sizeof(float))
            for (size_t k = 0; k < (end - first) * array->row_bytes / sizeof(float); k++)
                ((float *)(void *)array->staging)[k] = NAN;
        else
            memset(array->staging, 0xff, (end - first) * array->row_bytes); /* -1, as missing integers are */
    }
}

void spt_merge_rows_end(spt_h5 *h, spt_merge_rows *rows, size_t first, size_t end) {
    for (size_t i = 0; i < rows->n; i++) {
        row_array *array = &rows->arrays[i];
        if (!array->staged)
            continue;
        hsize_t start[SPT_H5_RANK] = {first}, count[SPT_H5_RANK];
        memcpy(count, array->dims, sizeof count);
        count[0] = end - first;
        if (array->staging != NULL)
            spt_h5_array_write(h, array->id, array->type, array->rank, start, count, array->staging);
        free(array->staging);
        array->staging = NULL;
    }
}

/* ---- one shard */

static void *reserve(spt_h5 *h, spt_merge_rows *rows, size_t bytes) {
    if (bytes <= rows->slab_bytes)
        return rows->slab;
    free(rows->slab);
    rows->slab = malloc(bytes);
    rows->slab_bytes = rows->slab != NULL ? bytes : 0;
    if (rows->slab == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory to copy an array");
    return rows->slab;
}

/* The array of a shard. Its dimensions are the merged array's, but the first, and the last where its networks are not
 * as deep. */
static hid_t open_twin(spt_h5 *in, const row_array *array, hsize_t *dims) {
    hid_t twin = in->status == SPT_OK ? H5Dopen2(in->file, array->path, H5P_DEFAULT) : -1;
    hid_t space = twin >= 0 ? H5Dget_space(twin) : -1;
    bool fits = space >= 0 && H5Sget_simple_extent_ndims(space) == (int)array->rank &&
                H5Sget_simple_extent_dims(space, dims, NULL) >= 0;
    for (size_t i = 1; fits && i < array->rank; i++)
        fits = dims[i] == array->dims[i] || (i + 1 == array->rank && dims[i] < array->dims[i]);
    if (in->status == SPT_OK && !fits)
        in->status = spt_fail(in->err, SPT_EMISMATCH, "%s: %s is missing or has other dimensions than its sweep has",
                              in->path, array->path);
    if (space >= 0)
        H5Sclose(space);
    return twin;
}

/* A row of a shard into a row of the staging area, whose last dimension may be longer. */
static void place_row(const row_array *array, const hsize_t *dims, const char *row, char *to) {
    size_t last = array->rank - 1, inner = (last > 0 ? (size_t)dims[last] : 1) * array->element;
    size_t wide = (last > 0 ? (size_t)array->dims[last] : 1) * array->element;
    size_t outer = last > 0 ? product(array->dims, 1, last) : 1;
    for (size_t i = 0; i < outer; i++)
        memcpy(to + i * wide, row + i * inner, inner);
}

/* The values of a block into their places. */
static void write_block(spt_h5 *h, const row_array *array, const hsize_t *dims, const spt_merge_blocks *blocks,
                        const size_t *numbers, size_t first, const char *values) {
    size_t row_bytes = product(blocks->count, 1, array->rank) * array->element;
    for (size_t i = 0; i < blocks->count[0]; i++) {
        size_t number = numbers[blocks->start[0] + i];
        if (array->staged) {
            place_row(array, dims, values + i * row_bytes, array->staging + (number - first) * array->row_bytes);
            continue;
        }
        hsize_t start[SPT_H5_RANK], count[SPT_H5_RANK];
        memcpy(start, blocks->start, sizeof start);
        memcpy(count, blocks->count, sizeof count);
        start[0] = number;
        count[0] = 1;
        spt_h5_array_write(h, array->id, array->type, array->rank, start, count, values + i * row_bytes);
    }
}

/* Rows row .. last - 1 of a shard's array. A staged array's rows are whole. */
static void copy_rows(spt_h5 *h, spt_merge_rows *rows, const row_array *array, spt_h5 *in,
                      const spt_merge_source *source, size_t row, size_t last, size_t first) {
    const size_t *numbers = source->info.run_numbers;
    hsize_t dims[SPT_H5_RANK], start[SPT_H5_RANK] = {row};
    hid_t twin = open_twin(in, array, dims);
    if (in->status == SPT_OK && dims[0] != source->info.n_runs)
        in->status =
            spt_fail(in->err, SPT_ECORRUPT, "%s: %s has not a row for each of its runs", in->path, array->path);
    dims[0] = in->status == SPT_OK ? last : row;
    spt_merge_blocks blocks;
    spt_merge_blocks_begin(&blocks, array->rank, start, dims, array->element, array->staged ? 1 : array->rank,
                           rows->slab_limit);
    while (h->status == SPT_OK && in->status == SPT_OK && spt_merge_blocks_next(&blocks)) {
        char *values = reserve(h, rows, spt_merge_block_size(&blocks) * array->element);
        if (values == NULL)
            break;
        if (spt_merge_block_read(&blocks, twin, array->type, values))
            write_block(h, array, dims, &blocks, numbers, first, values);
        else
            in->status =
                spt_fail(in->err, SPT_ECORRUPT, "%s: %s (runs %zu to %zu) cannot be read: it is damaged", in->path,
                         array->path, numbers[blocks.start[0]], numbers[blocks.start[0] + blocks.count[0] - 1]);
    }
    if (twin >= 0)
        H5Dclose(twin);
}

/* First of the ascending numbers that is not below. */
static size_t lower_bound(const size_t *numbers, size_t n, size_t below) {
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (numbers[low + half] < below) {
            low += half + 1;
            n -= half + 1;
        } else
            n = half;
    }
    return low;
}

void spt_merge_rows_copy(spt_h5 *h, spt_merge_rows *rows, spt_h5 *in, const spt_merge_source *source, size_t first,
                         size_t end) {
    size_t row = lower_bound(source->info.run_numbers, source->info.n_runs, first);
    size_t last = lower_bound(source->info.run_numbers, source->info.n_runs, end);
    for (size_t i = 0; i < rows->n && row < last && h->status == SPT_OK && in->status == SPT_OK; i++)
        copy_rows(h, rows, &rows->arrays[i], in, source, row, last, first);
    spt_merge_fail_as(h, in);
}
