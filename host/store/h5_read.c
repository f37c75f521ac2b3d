#include "store/h5_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/h5_checked.h"
#include "store/io.h"
#include "store/seal.h"

static bool is_hdf5(spt_h5 *h) {
    if (h->status != SPT_OK)
        return false;
    int fd = spt_io_open(h->path, O_RDONLY, 0);
    if (fd < 0)
        h->status = spt_fail(h->err, SPT_EIO, "%s: cannot be opened: %s", h->path, strerror(errno));
    else if (close(fd) == 0 && H5Fis_hdf5(h->path) <= 0)
        h->status = spt_fail(h->err, SPT_EDATA, "%s: not an HDF5 file", h->path);
    return h->status == SPT_OK;
}

static void open_with(spt_h5 *h, hid_t access) {
    h->failure = SPT_ECORRUPT;
    /* Slots: a table of the default 521 for each small array that is opened takes longer than to read it. */
    if (access < 0 || H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_cache(access, 0, 101, 1 << 20, 0.75) < 0)
        spt_h5_fail(h);
#if H5_VERSION_GE(1, 10, 7)
    /* A file under its own name is never written to, and cluster file systems lock badly. */
    if (access >= 0 && H5Pset_file_locking(access, false, true) < 0)
        spt_h5_fail(h);
#endif
    if (h->status == SPT_OK)
        h->file = H5Fopen(h->path, H5F_ACC_RDONLY, access);
    if (h->file < 0)
        spt_h5_fail(h);
    if (access >= 0)
        H5Pclose(access);
}

/* A program that edits a file cuts its seal off. A seal that is there but cannot be read is damaged, and without it the
 * rest of the file cannot be checked. */
static void check_end(spt_h5 *h) {
    haddr_t bytes = 0;
    spt_seal_state state = SPT_SEAL_ABSENT;
    if (h->status == SPT_OK && H5Fget_eoa(h->file, &bytes) < 0)
        spt_h5_fail(h);
    if (h->status == SPT_OK)
        h->status = spt_seal_check_end(h->path, bytes, &state, h->err);
    if (h->status == SPT_OK && state == SPT_SEAL_BROKEN)
        h->status =
            spt_fail(h->err, SPT_ECORRUPT, "%s: damaged: its seal, the last bytes of the file, is not whole", h->path);
}

void spt_h5_open_to_read(spt_h5 *h) {
    if (!is_hdf5(h))
        return;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    h->checked = spt_h5_checked_register();
    if (access >= 0 && (h->checked < 0 || H5Pset_driver(access, h->checked, NULL) < 0))
        spt_h5_fail(h);
    open_with(h, access);
    check_end(h);
}

void spt_h5_open_unchecked(spt_h5 *h) {
    if (is_hdf5(h))
        open_with(h, H5Pcreate(H5P_FILE_ACCESS));
}

static void fail_attribute(spt_h5 *h, const char *key, const char *expected) {
    if (h->status == SPT_OK)
        h->status =
            spt_fail(h->err, h->failure, "%s: attribute %s is missing or damaged, expected %s", h->path, key, expected);
}

char *spt_h5_get_text(spt_h5 *h, hid_t object, const char *key) {
    if (h->status != SPT_OK)
        return NULL;
    char *text = NULL, *copy = NULL;
    hid_t attribute = H5Aopen(object, key, H5P_DEFAULT);
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    bool fits = type >= 0 && H5Tis_variable_str(type) > 0 && space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    if (!fits || H5Aread(attribute, h->text, &text) < 0)
        fail_attribute(h, key, "a text");
    else
        copy = strdup(text != NULL ? text : "");
    if (fits && text != NULL)
        H5Dvlen_reclaim(h->text, space, H5P_DEFAULT, &text);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (h->status == SPT_OK && copy == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for an attribute");
    return copy;
}

void spt_h5_get_text_into(spt_h5 *h, hid_t object, const char *key, char *text, size_t capacity) {
    char *whole = spt_h5_get_text(h, object, key);
    snprintf(text, capacity, "%s", whole != NULL ? whole : "");
    free(whole);
}

int64_t spt_h5_get_integer(spt_h5 *h, hid_t object, const char *key) {
    int64_t value = 0;
    if (h->status != SPT_OK)
        return 0;
    hid_t attribute = H5Aopen(object, key, H5P_DEFAULT);
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    if (type < 0 || H5Tget_class(type) != H5T_INTEGER || space < 0 || H5Sget_simple_extent_npoints(space) != 1 ||
        H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0)
        fail_attribute(h, key, "an integer");
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    return value;
}

size_t spt_h5_get_size(spt_h5 *h, const char *path) {
    if (h->status != SPT_OK)
        return 0;
    hid_t array = H5Dopen2(h->file, path, H5P_DEFAULT);
    hid_t space = array >= 0 ? H5Dget_space(array) : -1;
    hsize_t size = 0;
    if (space < 0 || H5Sget_simple_extent_ndims(space) != 1 || H5Sget_simple_extent_dims(space, &size, NULL) < 0)
        h->status = spt_fail(h->err, h->failure, "%s: %s is missing or damaged, expected one dimension", h->path, path);
    if (space >= 0)
        H5Sclose(space);
    if (array >= 0)
        H5Dclose(array);
    return (size_t)size;
}

void spt_h5_get_values(spt_h5 *h, const char *path, hid_t memory_type, size_t count, void *values) {
    if (spt_h5_get_size(h, path) != count && h->status == SPT_OK)
        h->status = spt_fail(h->err, h->failure, "%s: %s has another size than %zu", h->path, path, count);
    if (h->status != SPT_OK)
        return;
    hid_t array = H5Dopen2(h->file, path, H5P_DEFAULT);
    if (array < 0 || H5Dread(array, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        h->status = spt_fail(h->err, h->failure, "%s: %s cannot be read: it is damaged", h->path, path);
    if (array >= 0)
        H5Dclose(array);
}

/* Whether the block lies in the array, and the array is no larger but in its first dimension. */
static bool block_fits(hid_t space, size_t rank, const hsize_t *start, const hsize_t *count) {
    hsize_t dims[SPT_H5_RANK];
    bool fits = space >= 0 && rank <= SPT_H5_RANK && H5Sget_simple_extent_ndims(space) == (int)rank &&
                H5Sget_simple_extent_dims(space, dims, NULL) >= 0;
    for (size_t i = 0; i < rank && fits; i++)
        fits = i == 0 ? start[0] + count[0] <= dims[0] : start[i] == 0 && count[i] == dims[i];
    return fits;
}

static hid_t open_array(spt_h5 *h, const char *path) {
    hid_t array = h->status == SPT_OK ? H5Dopen2(h->file, path, H5P_DEFAULT) : -1;
    if (h->status == SPT_OK && array < 0)
        h->status = spt_fail(h->err, h->failure, "%s: %s is missing or damaged", h->path, path);
    return array;
}

void spt_h5_get_block(spt_h5 *h, const char *path, hid_t memory_type, size_t rank, const hsize_t *start,
                      const hsize_t *count, void *values) {
    hid_t array = open_array(h, path);
    hid_t space = array >= 0 ? H5Dget_space(array) : -1, memory = -1;
    if (array >= 0 && !block_fits(space, rank, start, count))
        h->status = spt_fail(h->err, SPT_ECORRUPT, "%s: %s has another shape than the config says", h->path, path);
    else if (array >= 0) {
        memory = H5Screate_simple((int)rank, count, NULL);
        if (memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
            H5Dread(array, memory_type, memory, space, H5P_DEFAULT, values) < 0)
            h->status = spt_fail(h->err, h->failure, "%s: %s cannot be read: it is damaged", h->path, path);
    }
    if (memory >= 0)
        H5Sclose(memory);
    if (space >= 0)
        H5Sclose(space);
    if (array >= 0)
        H5Dclose(array);
}

char *spt_h5_get_text_at(spt_h5 *h, const char *path, size_t i) {
    const hsize_t start = i, count = 1;
    char *text = NULL;
    spt_h5_get_block(h, path, h->text, 1, &start, &count, &text);
    char *copy = h->status == SPT_OK ? strdup(text != NULL ? text : "") : NULL;
    if (h->status == SPT_OK && copy == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for a text");
    if (text != NULL)
        H5free_memory(text);
    return copy;
}

/* The last part of the name of what a reference leads to. */
static bool name_of(hid_t array, const hobj_ref_t *reference, char name[SPT_H5_NAME]) {
    char path[512];
    hid_t object = H5Rdereference2(array, H5P_DEFAULT, H5R_OBJECT, reference);
    ssize_t length = object >= 0 ? H5Iget_name(object, path, sizeof path) : -1;
    const char *last = length > 0 && (size_t)length < sizeof path ? strrchr(path, '/') : NULL;
    bool fits = last != NULL && strlen(last + 1) < SPT_H5_NAME;
    if (fits)
        memcpy(name, last + 1, strlen(last));
    if (object >= 0)
        H5Oclose(object);
    return fits;
}

void spt_h5_get_dim_names(spt_h5 *h, hid_t array, size_t rank, char (*names)[SPT_H5_NAME]) {
    if (h->status != SPT_OK)
        return;
    hvl_t lists[SPT_H5_RANK];
    hid_t attribute = H5Aexists(array, "DIMENSION_LIST") > 0 ? H5Aopen(array, "DIMENSION_LIST", H5P_DEFAULT) : -1;
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    bool good = space >= 0 && rank <= SPT_H5_RANK && H5Sget_simple_extent_npoints(space) == (hssize_t)rank &&
                H5Aread(attribute, h->references, lists) >= 0;
    if (!good)
        fail_attribute(h, "DIMENSION_LIST", "a scale for each dimension");
    for (size_t i = 0; good && i < rank; i++)
        if (lists[i].len != 1 || !name_of(array, lists[i].p, names[i]))
            fail_attribute(h, "DIMENSION_LIST", "a scale for each dimension");
    if (good)
        H5Dvlen_reclaim(h->references, space, H5P_DEFAULT, lists);
    if (space >= 0)
        H5Sclose(space);
    if (attribute >= 0)
        H5Aclose(attribute);
}

char *spt_h5_get_link(spt_h5 *h, hid_t group, size_t i) {
    H5G_info_t info;
    if (h->status != SPT_OK)
        return NULL;
    if (H5Gget_info(group, &info) < 0) {
        spt_h5_fail(h);
        return NULL;
    }
    if (i >= info.nlinks)
        return NULL;
    ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);
    char *name = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (name == NULL ||
        H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, (size_t)length + 1, H5P_DEFAULT) < 0) {
        spt_h5_fail(h);
        free(name);
        return NULL;
    }
    return name;
}
