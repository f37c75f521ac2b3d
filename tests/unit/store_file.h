/* Reading a FILE.h5 in the tests of the store, and comparing two of them array by array. */
#ifndef SPT_TESTS_STORE_FILE_H
#define SPT_TESTS_STORE_FILE_H

#include <hdf5.h>

#include "store_sweep.h"

/* Where this thread looks for the other file's object while it walks through one. */
typedef struct file_comparison {
    hid_t other;
    size_t arrays;
    char different[512]; /* path of the first difference; "" for none */
} file_comparison;

/* A whole array of 4-byte or other elements; *count is their number. The caller frees it. */
static inline void *read_whole(hid_t file, const char *path, hid_t type, size_t *count) {
    hid_t array = H5Dopen2(file, path, H5P_DEFAULT);
    if (array < 0)
        fail_msg("%s: is not there", path);
    hid_t space = H5Dget_space(array);
    size_t n = (size_t)H5Sget_simple_extent_npoints(space);
    void *values = calloc(n + 1, H5Tget_size(type));
    if (H5Dread(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        fail_msg("%s: cannot be read", path);
    H5Sclose(space);
    H5Dclose(array);
    if (count != NULL)
        *count = n;
    return values;
}

static inline float *read_floats(hid_t file, const char *path, size_t expected) {
    size_t count;
    float *values = read_whole(file, path, H5T_NATIVE_FLOAT, &count);
    assert_int_equal(count, expected);
    return values;
}

static inline int64_t *read_integers(hid_t file, const char *path, size_t expected) {
    size_t count;
    int64_t *values = read_whole(file, path, H5T_NATIVE_INT64, &count);
    assert_int_equal(count, expected);
    return values;
}

static inline int64_t read_integer_attribute(hid_t object, const char *key) {
    int64_t value = 0;
    hid_t attribute = H5Aopen(object, key, H5P_DEFAULT);
    assert_true(attribute >= 0 && H5Aread(attribute, H5T_NATIVE_INT64, &value) >= 0);
    H5Aclose(attribute);
    return value;
}

static inline hid_t open_file(const char *path) {
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        fail_msg("%s: HDF5 cannot open it", path);
    return file;
}

static inline bool same_texts(hid_t a, hid_t b, hid_t type, size_t n) {
    char **x = calloc(n + 1, sizeof *x), **y = calloc(n + 1, sizeof *y);
    bool same = H5Dread(a, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0 &&
                H5Dread(b, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, y) >= 0;
    for (size_t i = 0; i < n; i++) {
        same = same && strcmp(x[i] != NULL ? x[i] : "", y[i] != NULL ? y[i] : "") == 0;
        H5free_memory(x[i]);
        H5free_memory(y[i]);
    }
    free(x);
    free(y);
    return same;
}

/* Same type, shape and bytes: NaN equals NaN. */
static inline bool same_array(hid_t a, hid_t b) {
    hid_t space_a = H5Dget_space(a), space_b = H5Dget_space(b), type = H5Dget_type(a), other_type = H5Dget_type(b);
    size_t n = (size_t)H5Sget_simple_extent_npoints(space_a), bytes = n * H5Tget_size(type);
    bool same = H5Sextent_equal(space_a, space_b) > 0 && H5Tequal(type, other_type) > 0;
    if (same && H5Tis_variable_str(type) > 0)
        same = same_texts(a, b, type, n);
    else if (same) {
        void *x = calloc(1, bytes + 1), *y = calloc(1, bytes + 1);
        same = H5Dread(a, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0 &&
               H5Dread(b, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, y) >= 0 && memcmp(x, y, bytes) == 0;
        free(x);
        free(y);
    }
    H5Tclose(type);
    H5Tclose(other_type);
    H5Sclose(space_a);
    H5Sclose(space_b);
    return same;
}

static inline herr_t compare_object(hid_t file, const char *name, const H5O_info_t *facts, void *user) {
    file_comparison *c = user;
    if (facts->type != H5O_TYPE_DATASET)
        return 0;
    hid_t a = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t b = H5Lexists(c->other, name, H5P_DEFAULT) > 0 ? H5Dopen2(c->other, name, H5P_DEFAULT) : -1;
    if (b < 0 || !same_array(a, b))
        snprintf(c->different, sizeof c->different, "%s", name);
    c->arrays++;
    H5Dclose(a);
    if (b >= 0)
        H5Dclose(b);
    return c->different[0] != '\0';
}

static inline void ignore_missing(void) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* Every array of either file is in the other, and equal. */
static inline void assert_files_equal(const char *path, const char *other_path) {
    ignore_missing();
    hid_t files[] = {open_file(path), open_file(other_path)};
    size_t arrays[2];
    for (int i = 0; i < 2; i++) {
        file_comparison c = {.other = files[1 - i]};
        H5Ovisit(files[i], H5_INDEX_NAME, H5_ITER_NATIVE, compare_object, &c);
        if (c.different[0] != '\0')
            fail_msg("%s and %s differ in %s", path, other_path, c.different);
        arrays[i] = c.arrays;
    }
    assert_int_equal(arrays[0], arrays[1]);
    assert_true(arrays[0] > 20);
    H5Fclose(files[0]);
    H5Fclose(files[1]);
}

#endif
