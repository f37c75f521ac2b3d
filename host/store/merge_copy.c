/* Copying whole arrays from a shard into the merged file: those of the data sets, and the weights of a run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge.h"

/* ---- blocks */

void spt_merge_blocks_begin(spt_merge_blocks *blocks, size_t rank, const hsize_t *first, const hsize_t *end,
                            size_t element, size_t whole, size_t limit) {
    *blocks = (spt_merge_blocks){.rank = rank};
    size_t rest = element;
    for (size_t i = rank; i-- > 0;) {
        hsize_t length = end[i] > first[i] ? end[i] - first[i] : 0;
        hsize_t fit = rest > 0 && limit / rest > 0 ? limit / rest : 1;
        blocks->first[i] = first[i];
        blocks->end[i] = end[i];
        blocks->block[i] = fit < length && i < whole ? fit : length;
        rest *= (size_t)length;
    }
}

bool spt_merge_blocks_next(spt_merge_blocks *blocks) {
    bool more = !blocks->begun;
    for (size_t i = 0; i < blocks->rank && !blocks->begun; i++) {
        blocks->start[i] = blocks->first[i];
        more = more && blocks->first[i] < blocks->end[i];
    }
    for (size_t i = blocks->rank; i-- > 0 && blocks->begun && !more;) {
        blocks->start[i] += blocks->block[i];
        more = blocks->start[i] < blocks->end[i];
        if (!more)
            blocks->start[i] = blocks->first[i];
    }
    blocks->begun = true;
    for (size_t i = 0; i < blocks->rank && more; i++) {
        hsize_t left = blocks->end[i] - blocks->start[i];
        blocks->count[i] = left < blocks->block[i] ? left : blocks->block[i];
    }
    return more;
}

size_t spt_merge_block_size(const spt_merge_blocks *blocks) {
    size_t size = 1;
    for (size_t i = 0; i < blocks->rank; i++)
        size *= (size_t)blocks->count[i];
    return size;
}

/* Whether the block at hand is all of an array of these dimensions. */
static bool is_whole(const spt_merge_blocks *blocks, const hsize_t *dims) {
    bool whole = true;
    for (size_t i = 0; i < blocks->rank && whole; i++)
        whole = blocks->start[i] == 0 && blocks->count[i] == dims[i];
    return whole;
}

bool spt_merge_block_read(const spt_merge_blocks *blocks, hid_t array, hid_t type, void *values) {
    hid_t space = H5Dget_space(array), memory = H5Screate_simple((int)blocks->rank, blocks->count, NULL);
    bool read = space >= 0 && memory >= 0 &&
                H5Sselect_hyperslab(space, H5S_SELECT_SET, blocks->start, NULL, blocks->count, NULL) >= 0 &&
                H5Dread(array, type, memory, space, H5P_DEFAULT, values) >= 0;
    if (memory >= 0)
        H5Sclose(memory);
    if (space >= 0)
        H5Sclose(space);
    return read;
}

/* ---- whole arrays */

/* The part first .. end - 1 of an array of a shard into the same place of one of ours. same_size: that is all of both,
 * which HDF5 copies without a selection. */
static void copy_box(spt_h5 *h, hid_t to, spt_h5 *in, hid_t from, const char *path, hid_t type, size_t rank,
                     const hsize_t *first, const hsize_t *end, size_t limit, bool same_size) {
    spt_merge_blocks blocks;
    void *values = NULL;
    spt_merge_blocks_begin(&blocks, rank, first, end, H5Tget_size(type), rank, limit);
    while (h->status == SPT_OK && in->status == SPT_OK && spt_merge_blocks_next(&blocks)) {
        if (values == NULL) /* none is larger than the first */
            values = malloc(spt_merge_block_size(&blocks) * H5Tget_size(type));
        if (values == NULL)
            spt_h5_fail_with(h, SPT_ENOMEM, "no memory to copy an array");
        else if (same_size && is_whole(&blocks, end) ? H5Dread(from, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0
                                                     : spt_merge_block_read(&blocks, from, type, values))
            spt_h5_array_write(h, to, type, rank, same_size && is_whole(&blocks, end) ? NULL : blocks.start,
                               blocks.count, values);
        else
            in->status = spt_fail(in->err, SPT_ECORRUPT, "%s: %s cannot be read: it is damaged", in->path, path);
    }
    free(values);
}

static bool get_dims(hid_t array, size_t rank, hsize_t *dims) {
    hid_t space = array >= 0 ? H5Dget_space(array) : -1;
    bool good = space >= 0 && H5Sget_simple_extent_ndims(space) == (int)rank &&
                H5Sget_simple_extent_dims(space, dims, NULL) >= 0;
    if (space >= 0)
        H5Sclose(space);
    return good;
}

static void copy_array(spt_h5 *h, hid_t to, spt_h5 *in, hid_t from, const char *path, hid_t type, size_t rank,
                       size_t row, bool same_size, size_t limit) {
    hsize_t first[SPT_H5_RANK] = {0}, end[SPT_H5_RANK], limits[SPT_H5_RANK];
    bool fits = get_dims(from, rank, end) && get_dims(to, rank, limits);
    for (size_t i = 0; fits && i < rank; i++)
        fits = same_size ? end[i] == limits[i] : end[i] <= limits[i];
    if (!fits && in->status == SPT_OK)
        in->status = spt_fail(in->err, SPT_EMISMATCH, "%s: %s is missing or has other dimensions than its sweep has",
                              in->path, path);
    if (!fits)
        return;
    if (row != SIZE_MAX) {
        first[0] = row;
        end[0] = row + 1;
    }
    copy_box(h, to, in, from, path, type, rank, first, end, limit, same_size);
}

void spt_merge_copy_array(spt_h5 *h, hid_t to, spt_h5 *in, size_t row, size_t slab_limit) {
    char path[256];
    if (h->status != SPT_OK || in->status != SPT_OK)
        return;
    hid_t space = H5Dget_space(to), file_type = H5Dget_type(to);
    hid_t type = file_type >= 0 ? H5Tget_native_type(file_type, H5T_DIR_DEFAULT) : -1;
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (rank < 1 || type < 0 || H5Iget_name(to, path, sizeof path) <= 0)
        spt_h5_fail(h);
    else {
        hid_t from = H5Dopen2(in->file, path, H5P_DEFAULT);
        copy_array(h, to, in, from, path, type, (size_t)rank, row, false, slab_limit);
        if (from >= 0)
            H5Dclose(from);
    }
    if (type >= 0)
        H5Tclose(type);
    if (file_type >= 0)
        H5Tclose(file_type);
    if (space >= 0)
        H5Sclose(space);
    spt_merge_fail_as(h, in);
}

void spt_merge_copy_weights(spt_h5 *h, const spt_store_spec *spec, size_t run, const spt_weight_arrays *arrays,
                            void *user) {
    const spt_merge_weights *source = user;
    spt_h5 *in = source->in;
    char path[64], name[32];
    (void)spec;
    snprintf(path, sizeof path, "/weights/%zu", run);
    hid_t group = H5Gopen2(in->file, path, H5P_DEFAULT);
    for (size_t l = 0; l < arrays->n_layers && h->status == SPT_OK && in->status == SPT_OK; l++) {
        snprintf(path, sizeof path, "/weights/%zu/%zu", run, l);
        for (int is_bias = 0; is_bias < 2; is_bias++) {
            snprintf(name, sizeof name, "%zu/%s", l, is_bias ? "bias" : "weight");
            hid_t from = group >= 0 ? H5Dopen2(group, name, H5P_DEFAULT) : -1;
            copy_array(h, is_bias ? arrays->bias[l] : arrays->weight[l], in, from, path, H5T_NATIVE_FLOAT,
                       is_bias ? 2 : 3, SIZE_MAX, true, source->slab_limit);
            if (from >= 0)
                H5Dclose(from);
        }
    }
    if (group >= 0)
        H5Gclose(group);
    spt_merge_fail_as(h, in);
}
