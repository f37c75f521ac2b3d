#include "store/h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void spt_h5_begin(spt_h5 *h, const char *path, spt_error *err) {
    *h = (spt_h5){.file = -1,
                  .checked = -1,
                  .text = -1,
                  .references = -1,
                  .user = -1,
                  .scalar = -1,
                  .failure = SPT_EIO,
                  .err = err};
    spt_h5_made_init(&h->made);
    H5Eget_auto2(H5E_DEFAULT, &h->print, &h->print_user);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    h->path = strdup(path);
    h->text = H5Tcopy(H5T_C_S1);
    h->references = H5Tvlen_create(H5T_STD_REF_OBJ);
    h->user = H5Tcreate(H5T_COMPOUND, sizeof(spt_h5_user));
    h->scalar = H5Screate(H5S_SCALAR);
    if (h->path == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for a path");
    else if (h->text < 0 || h->references < 0 || h->user < 0 || h->scalar < 0 ||
             H5Tset_size(h->text, H5T_VARIABLE) < 0 || H5Tset_cset(h->text, H5T_CSET_UTF8) < 0 ||
             H5Tinsert(h->user, "dataset", HOFFSET(spt_h5_user, dataset), H5T_STD_REF_OBJ) < 0 ||
             H5Tinsert(h->user, "dimension", HOFFSET(spt_h5_user, dimension), H5T_NATIVE_INT) < 0)
        spt_h5_fail(h);
}

spt_status spt_h5_end(spt_h5 *h) {
    if (h->file >= 0 && H5Fclose(h->file) < 0)
        spt_h5_fail(h);
    spt_h5_made_close(&h->made);
    if (h->checked >= 0)
        H5FDunregister(h->checked);
    if (h->scalar >= 0)
        H5Sclose(h->scalar);
    if (h->user >= 0)
        H5Tclose(h->user);
    if (h->references >= 0)
        H5Tclose(h->references);
    if (h->text >= 0)
        H5Tclose(h->text);
    H5Eset_auto2(H5E_DEFAULT, h->print, h->print_user);
    if (h->status == SPT_OK && h->driver != NULL && h->driver->reason != 0)
        spt_h5_fail(h);
    free(h->path);
    h->path = NULL;
    h->file = h->checked = -1;
    return h->status;
}

static herr_t first_description(unsigned n, const H5E_error2_t *error, void *user) {
    (void)n;
    *(const char **)user = error->desc;
    return 1;
}

void spt_h5_fail(spt_h5 *h) {
    if (h->status != SPT_OK)
        return;
    const char *description = NULL;
    if (h->driver != NULL && h->driver->reason != 0) {
        h->status = spt_fail(h->err, SPT_EIO, "%s: writing failed: %s", h->path, strerror(h->driver->reason));
        return;
    }
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_description, &description);
    h->status = spt_fail(h->err, h->failure, "%s: HDF5: %s", h->path, description != NULL ? description : "failed");
}

void spt_h5_fail_with(spt_h5 *h, spt_status status, const char *what) {
    if (h->status == SPT_OK)
        h->status = spt_fail(h->err, status, "%s: %s", h->path != NULL ? h->path : "store", what);
}

/* ---- groups */

void spt_h5_group_open(spt_h5 *h, spt_h5_group *group, spt_h5_group *parent, const char *name) {
    *group = (spt_h5_group){.id = -1, .parent = parent};
    if (h->status != SPT_OK)
        return;
    hid_t creation = spt_h5_made_group(h);
    if (creation >= 0)
        group->id = H5Gcreate2(parent != NULL ? parent->id : h->file, name, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (group->id < 0)
        spt_h5_fail(h);
}

void spt_h5_group_close(spt_h5 *h, spt_h5_group *group) {
    for (size_t i = 0; i < group->n_scales; i++) {
        spt_h5_scale *scale = &group->scales[i];
        if (scale->n_users > 0)
            spt_h5_put_list(h, scale->dataset, "REFERENCE_LIST", h->user, h->user, scale->n_users, scale->users);
        spt_h5_array_close(h, scale->dataset);
        free(scale->users);
    }
    if (group->id >= 0 && H5Gclose(group->id) < 0)
        spt_h5_fail(h);
    *group = (spt_h5_group){.id = -1};
}

/* ---- attributes */

static void put_scalar(spt_h5 *h, hid_t object, const char *key, hid_t type, hid_t memory_type, const void *value) {
    if (h->status != SPT_OK)
        return;
    hid_t attribute = H5Acreate2(object, key, type, h->scalar, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, memory_type, value) < 0)
        spt_h5_fail(h);
    if (attribute >= 0)
        H5Aclose(attribute);
}

void spt_h5_put_text(spt_h5 *h, hid_t object, const char *key, const char *text) {
    put_scalar(h, object, key, h->text, h->text, &text);
}

void spt_h5_put_integer(spt_h5 *h, hid_t object, const char *key, int64_t value) {
    put_scalar(h, object, key, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

void spt_h5_put_real(spt_h5 *h, hid_t object, const char *key, double value) {
    put_scalar(h, object, key, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

void spt_h5_put_list(spt_h5 *h, hid_t object, const char *key, hid_t type, hid_t memory_type, size_t count,
                     const void *values) {
    if (h->status != SPT_OK)
        return;
    hsize_t size = count;
    hid_t space = spt_h5_made_space(h, 1, &size);
    hid_t attribute = space >= 0 ? H5Acreate2(object, key, type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
    if (attribute < 0 || H5Awrite(attribute, memory_type, values) < 0)
        spt_h5_fail(h);
    if (attribute >= 0)
        H5Aclose(attribute);
}

/* The specification wants these two as plain strings of fixed length. */
static void put_fixed_text(spt_h5 *h, hid_t object, const char *key, const char *text) {
    hid_t type = spt_h5_made_fixed(h, strlen(text) + 1);
    put_scalar(h, object, key, type, type, text);
}

/* ---- scales */

static spt_h5_scale *find_scale(spt_h5_group *group, const char *name) {
    for (; group != NULL; group = group->parent)
        for (size_t i = 0; i < group->n_scales; i++)
            if (strcmp(group->scales[i].name, name) == 0)
                return &group->scales[i];
    return NULL;
}

const spt_h5_scale *spt_h5_scale_find(const spt_h5_group *group, const char *name) {
    return find_scale((spt_h5_group *)(uintptr_t)group, name);
}

static void add_user(spt_h5 *h, spt_h5_scale *scale, hobj_ref_t dataset, size_t dimension) {
    if (scale->n_users == scale->capacity) {
        size_t capacity = scale->capacity == 0 ? 4 : 2 * scale->capacity;
        spt_h5_user *users = realloc(scale->users, capacity * sizeof *users);
        if (users == NULL) {
            spt_h5_fail_with(h, SPT_ENOMEM, "no memory for a dimension scale");
            return;
        }
        scale->users = users;
        scale->capacity = capacity;
    }
    spt_h5_user *user = &scale->users[scale->n_users++];
    memset(user, 0, sizeof *user); /* its padding is written too */
    user->dataset = dataset;
    user->dimension = (int)dimension;
}

static hid_t create_dataset(spt_h5 *h, hid_t location, const spt_h5_array *array, const hsize_t *dims);

void spt_h5_scale_create(spt_h5 *h, spt_h5_group *group, const char *name, size_t size, hid_t type, hid_t memory_type,
                         const void *values, const char *long_name, const char *units) {
    if (h->status != SPT_OK)
        return;
    if (group->n_scales == SPT_H5_SCALES || strlen(name) >= sizeof group->scales->name) {
        spt_h5_fail_with(h, SPT_EINVAL, "too many dimensions in one group, or too long a name");
        return;
    }
    hsize_t dims = size;
    spt_h5_array array = {.name = name, .type = type, .rank = 1, .long_name = long_name, .units = units};
    hid_t dataset = create_dataset(h, group->id, &array, &dims);
    if (dataset < 0)
        return;
    spt_h5_scale *scale = &group->scales[group->n_scales++];
    *scale = (spt_h5_scale){.dataset = dataset, .size = size};
    snprintf(scale->name, sizeof scale->name, "%s", name);
    put_fixed_text(h, dataset, "CLASS", "DIMENSION_SCALE");
    put_fixed_text(h, dataset, "NAME", name);
    if (h->status == SPT_OK && H5Rcreate(&scale->reference, dataset, ".", H5R_OBJECT, -1) < 0)
        spt_h5_fail(h);
    spt_h5_array_write(h, dataset, memory_type, 1, NULL, NULL, values);
}

void spt_h5_scale_count(spt_h5 *h, spt_h5_group *group, const char *name, size_t size, const char *long_name) {
    if (h->status != SPT_OK)
        return;
    int64_t *values = malloc((size + 1) * sizeof *values);
    if (values == NULL) {
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for a dimension scale");
        return;
    }
    for (size_t i = 0; i < size; i++)
        values[i] = (int64_t)i;
    spt_h5_scale_create(h, group, name, size, H5T_STD_I64LE, H5T_NATIVE_INT64, values, long_name, "1");
    free(values);
}

/* ---- arrays */

static size_t bytes_in_file(hid_t type) {
    return H5Tis_variable_str(type) > 0 ? 16 : H5Tget_size(type); /* a length, and a place in a heap */
}

static bool lay_out(spt_h5 *h, hid_t location, const spt_h5_array *array, const hsize_t *dims, hid_t space,
                    hid_t creation) {
    char group[256];
    return h->layout != NULL && H5Iget_name(location, group, sizeof group) > 0 &&
           h->layout(h, group, array, dims, space, creation, h->layout_user);
}

static void set_chunks(spt_h5 *h, const spt_h5_array *array, const hsize_t *dims, hid_t creation) {
    hsize_t chunk[SPT_H5_RANK];
    spt_h5_chunk(array->rank, dims, bytes_in_file(array->type), array->lead, chunk);
    if (h->status == SPT_OK && H5Pset_chunk(creation, (int)array->rank, chunk) < 0)
        spt_h5_fail(h);
}

/* One that is laid out in another way must not leave that to the next. */
static hid_t open_creation(spt_h5 *h, hid_t location, const spt_h5_array *array, const hsize_t *dims, hid_t space,
                           bool *own) {
    hid_t creation = spt_h5_made_array(h, array->type);
    *own = false;
    if (h->status == SPT_OK && h->layout != NULL) {
        creation = H5Pcopy(creation);
        *own = true;
        if (creation < 0 || H5Premove_filter(creation, H5Z_FILTER_ALL) < 0)
            spt_h5_fail(h);
        else if (lay_out(h, location, array, dims, space, creation))
            return creation;
        if (creation >= 0)
            H5Pclose(creation);
        creation = spt_h5_made_array(h, array->type);
        *own = false;
    }
    set_chunks(h, array, dims, creation);
    return creation;
}

static hid_t create_dataset(spt_h5 *h, hid_t location, const spt_h5_array *array, const hsize_t *dims) {
    hid_t dataset = -1;
    bool own = false;
    hid_t space = spt_h5_made_space(h, array->rank, dims);
    hid_t creation = space >= 0 ? open_creation(h, location, array, dims, space, &own) : -1;
    if (h->status == SPT_OK) {
        dataset = H5Dcreate2(location, array->name, array->type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
        if (dataset < 0)
            spt_h5_fail(h);
    }
    if (dataset >= 0) {
        if (H5Tis_variable_str(array->type) == 0)
            h->unwritten += spt_h5_storage(array->rank, dims, bytes_in_file(array->type), array->lead);
        spt_h5_put_text(h, dataset, "long_name", array->long_name);
        spt_h5_put_text(h, dataset, "units", array->units);
    }
    if (own)
        H5Pclose(creation);
    return dataset;
}

hid_t spt_h5_array_create(spt_h5 *h, spt_h5_group *group, const spt_h5_array *array) {
    if (h->status != SPT_OK)
        return -1;
    hsize_t dims[SPT_H5_RANK];
    hvl_t lists[SPT_H5_RANK];
    spt_h5_scale *scales[SPT_H5_RANK];
    for (size_t i = 0; i < array->rank; i++) {
        scales[i] = find_scale(group, array->dims[i]);
        if (scales[i] == NULL) {
            spt_h5_fail_with(h, SPT_EINVAL, "an array names a dimension that has no scale");
            return -1;
        }
        dims[i] = scales[i]->size;
        lists[i] = (hvl_t){.len = 1, .p = &scales[i]->reference};
    }
    hid_t dataset = create_dataset(h, group->id, array, dims);
    hobj_ref_t reference;
    if (dataset < 0)
        return -1;
    if (H5Rcreate(&reference, dataset, ".", H5R_OBJECT, -1) < 0)
        spt_h5_fail(h);
    spt_h5_put_list(h, dataset, "DIMENSION_LIST", h->references, h->references, array->rank, lists);
    for (size_t i = 0; i < array->rank && h->status == SPT_OK; i++)
        add_user(h, scales[i], reference, i);
    return dataset;
}

void spt_h5_array_write(spt_h5 *h, hid_t array, hid_t memory_type, size_t rank, const hsize_t *start,
                        const hsize_t *count, const void *values) {
    if (h->status != SPT_OK || (h->dry && H5Tis_variable_str(memory_type) == 0))
        return;
    hid_t space = H5S_ALL, memory = H5S_ALL;
    bool failed = false;
    if (start != NULL) {
        space = H5Dget_space(array);
        memory = H5Screate_simple((int)rank, count, NULL);
        failed = space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0;
    }
    if (failed || H5Dwrite(array, memory_type, memory, space, H5P_DEFAULT, values) < 0 ||
        (h->driver != NULL && h->driver->reason != 0))
        spt_h5_fail(h);
    if (start != NULL && memory >= 0)
        H5Sclose(memory);
    if (start != NULL && space >= 0)
        H5Sclose(space);
}

void spt_h5_array_close(spt_h5 *h, hid_t array) {
    if (array >= 0 && H5Dclose(array) < 0)
        spt_h5_fail(h);
}
