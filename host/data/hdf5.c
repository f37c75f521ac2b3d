/* Source hdf5: /train/x /train/y /test/x /test/y. x is (n, d) numbers; y is (n) integer classes or (n, C) targets. */
#include <hdf5.h>

#include "core/memory.h"
#include "data/source.h"

enum { CLASSES_MAX = 65536 };

typedef struct settings {
    size_t classes; /* 0: one more than the largest label in the file */
} settings;

static spt_status read(const spt_node *section, void *memory, spt_error *err) {
    settings *own = memory;
    return spt_node_size(section, "classes", 2, CLASSES_MAX, &own->classes, err);
}

static void describe(const void *memory, FILE *key) {
    const settings *own = memory;
    if (own->classes > 0)
        fprintf(key, " classes=%zu", own->classes);
}

/* HDF5 prints its error stack unless told otherwise; what the program had set is put back. */
typedef struct silence {
    H5E_auto2_t function;
    void *user;
} silence;

static void begin_silence(silence *kept) {
    kept->function = NULL;
    kept->user = NULL;
    H5Eget_auto2(H5E_DEFAULT, &kept->function, &kept->user);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static void end_silence(const silence *kept) {
    H5Eset_auto2(H5E_DEFAULT, kept->function, kept->user);
}

/* A dataset of the file, opened, with what its header says. */
typedef struct table {
    const char *name; /* "/train/x" */
    hid_t handle;     /* < 0: not open */
    H5T_class_t class;
    int n_dims;
    hsize_t dims[2];
} table;

/* The two of a split; y has one column when it holds classes. */
typedef struct split_tables {
    table x, y;
} split_tables;

static void close_table(table *t) {
    if (t->handle >= 0)
        H5Dclose(t->handle);
    t->handle = -1;
}

static spt_status open_table(hid_t file, const char *path, table *t, spt_error *err) {
    t->handle = H5Dopen2(file, t->name, H5P_DEFAULT);
    if (t->handle < 0)
        return spt_fail(err, SPT_EDATA, "%s: %s is missing, or no dataset; expected /train/x /train/y /test/x /test/y",
                        path, t->name);
    hid_t type = H5Dget_type(t->handle), space = H5Dget_space(t->handle);
    t->class = H5Tget_class(type);
    t->n_dims = H5Sget_simple_extent_ndims(space);
    if (t->n_dims == 1 || t->n_dims == 2)
        H5Sget_simple_extent_dims(space, t->dims, NULL);
    H5Tclose(type);
    H5Sclose(space);
    if (t->class != H5T_FLOAT && t->class != H5T_INTEGER)
        return spt_fail(err, SPT_EDATA, "%s: %s holds neither floats nor integers", path, t->name);
    return SPT_OK;
}

static bool is_labels(const table *y) {
    return y->class == H5T_INTEGER && y->n_dims == 1;
}

/* An extent says nothing of what was written: 2^40 rows of nothing are a few bytes of file. */
static spt_status check_written(const char *path, const table *t, spt_error *err) {
    hid_t made = H5Dget_create_plist(t->handle);
    H5D_layout_t layout = H5Pget_layout(made);
    H5Pclose(made);
    bool own_storage = layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED; /* a virtual one is elsewhere */
    if (own_storage && t->dims[0] > 0 && H5Dget_storage_size(t->handle) == 0)
        return spt_fail(err, SPT_EDATA, "%s: %s has %llu rows, but none was ever written", path, t->name,
                        (unsigned long long)t->dims[0]);
    return SPT_OK;
}

static spt_status open_split(hid_t file, const char *path, split_tables *split, spt_error *err) {
    spt_status status = open_table(file, path, &split->x, err);
    if (status == SPT_OK)
        status = open_table(file, path, &split->y, err);
    if (status != SPT_OK)
        return status;
    const table *x = &split->x, *y = &split->y;
    if (x->n_dims != 2 || x->dims[1] == 0)
        return spt_fail(err, SPT_EDATA, "%s: %s has rank %d; expected 2, (n, d) with d >= 1", path, x->name, x->n_dims);
    if (!is_labels(y) && (y->class != H5T_FLOAT || y->n_dims != 2 || y->dims[1] == 0))
        return spt_fail(err, SPT_EDATA,
                        "%s: %s holds %s of rank %d; expected integer classes (n), or float targets (n, C)", path,
                        y->name, y->class == H5T_FLOAT ? "floats" : "integers", y->n_dims);
    if (x->dims[0] != y->dims[0])
        return spt_fail(err, SPT_EDATA, "%s: %s has %llu rows and %s has %llu; expected as many", path, x->name,
                        (unsigned long long)x->dims[0], y->name, (unsigned long long)y->dims[0]);
    status = check_written(path, x, err);
    return status == SPT_OK ? check_written(path, y, err) : status;
}

/* The first n rows of a table as `type` into values. */
static spt_status read_rows(const char *path, const table *t, size_t n, hid_t type, void *values, spt_error *err) {
    if (n == 0)
        return SPT_OK;
    hsize_t start[2] = {0, 0}, count[2] = {n, t->dims[1]};
    hid_t space = H5Dget_space(t->handle);
    hid_t memory = H5Screate_simple(t->n_dims, count, NULL);
    herr_t failed = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (failed >= 0)
        failed = H5Dread(t->handle, type, memory, space, H5P_DEFAULT, values);
    H5Sclose(memory);
    H5Sclose(space);
    if (failed < 0)
        return spt_fail(err, SPT_EIO, "%s: reading of %s failed: damaged, or packed by a filter that is not installed",
                        path, t->name);
    return SPT_OK;
}

/* The largest label of a whole table, all of them checked, so that the count of classes does not hang on how many
 * examples are taken. */
static spt_status largest_label(const char *path, const table *y, size_t limit, size_t *largest, spt_error *err) {
    size_t n = (size_t)y->dims[0];
    int64_t *label = spt_memory_alloc(n, sizeof *label);
    if (label == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: out of memory for the %zu labels of %s", path, n, y->name);
    /* Wide enough for any; HDF5 clips what an int64 cannot hold to its ends, which are out of range too. */
    spt_status status = read_rows(path, y, n, H5T_NATIVE_INT64, label, err);
    for (size_t i = 0; i < n && status == SPT_OK; i++) {
        if (label[i] < 0 || (uint64_t)label[i] >= limit)
            status = spt_fail(err, SPT_EDATA, "%s: %s, row %zu is %lld; expected a class, 0 to %zu", path, y->name, i,
                              (long long)label[i], limit - 1);
        else if ((size_t)label[i] > *largest)
            *largest = (size_t)label[i];
    }
    spt_memory_free(label);
    return status;
}

/* What the file is for a request: both splits opened, their sizes agreed. */
typedef struct opened {
    silence kept;
    hid_t file;
    split_tables train, test;
    spt_data_shape shape;
} opened;

static spt_status open_file(const char *path, hid_t *file, spt_error *err) {
    spt_status status = spt_source_check_file(path, NULL, err);
    if (status != SPT_OK)
        return status;
    /* No lock: only read, and clusters' file systems may have none to give. */
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(access, false, true);
    *file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    if (*file < 0)
        return spt_fail(err, SPT_EDATA, "%s: not an HDF5 file, damaged, or not readable", path);
    return SPT_OK;
}

static spt_status check_splits_agree(const char *path, const opened *o, spt_error *err) {
    const split_tables *train = &o->train, *test = &o->test;
    if (train->x.dims[1] != test->x.dims[1])
        return spt_fail(err, SPT_EDATA, "%s: %s has %llu columns; expected %llu as in %s", path, test->x.name,
                        (unsigned long long)test->x.dims[1], (unsigned long long)train->x.dims[1], train->x.name);
    if (is_labels(&train->y) != is_labels(&test->y))
        return spt_fail(err, SPT_EDATA, "%s: one of %s and %s holds classes, the other targets", path, train->y.name,
                        test->y.name);
    if (!is_labels(&train->y) && train->y.dims[1] != test->y.dims[1])
        return spt_fail(err, SPT_EDATA, "%s: %s has %llu columns; expected %llu as in %s", path, test->y.name,
                        (unsigned long long)test->y.dims[1], (unsigned long long)train->y.dims[1], train->y.name);
    return SPT_OK;
}

static spt_status decide_outputs(const spt_source_request *request, opened *o, spt_error *err) {
    const settings *own = request->settings;
    if (!is_labels(&o->train.y)) {
        if (own->classes > 0)
            return spt_fail(err, SPT_EDATA, "%s: %s holds float targets, but data.classes asks for %zu classes",
                            request->path, o->train.y.name, own->classes);
        o->shape.outputs = (size_t)o->train.y.dims[1];
        return SPT_OK;
    }
    size_t limit = own->classes > 0 ? own->classes : CLASSES_MAX;
    size_t largest = 1; /* two classes at least */
    spt_status status = largest_label(request->path, &o->train.y, limit, &largest, err);
    if (status == SPT_OK && o->test.y.handle >= 0)
        status = largest_label(request->path, &o->test.y, limit, &largest, err);
    o->shape.classes = own->classes > 0 ? own->classes : largest + 1;
    o->shape.outputs = o->shape.classes;
    return status;
}

static spt_status open_request(const spt_source_request *request, opened *o, spt_error *err) {
    *o = (opened){.file = -1,
                  .train = {{.name = "/train/x", .handle = -1}, {.name = "/train/y", .handle = -1}},
                  .test = {{.name = "/test/x", .handle = -1}, {.name = "/test/y", .handle = -1}}};
    begin_silence(&o->kept);
    const char *path = request->path;
    spt_status status = open_file(path, &o->file, err);
    if (status == SPT_OK)
        status = open_split(o->file, path, &o->train, err);
    if (status == SPT_OK)
        status = spt_source_take(path, "train", request->train, (size_t)o->train.x.dims[0], &o->shape.train, err);
    if (status == SPT_OK && request->test > 0) {
        status = open_split(o->file, path, &o->test, err);
        if (status == SPT_OK)
            status = check_splits_agree(path, o, err);
        if (status == SPT_OK)
            status = spt_source_take(path, "test", request->test, (size_t)o->test.x.dims[0], &o->shape.test, err);
    }
    o->shape.inputs = (size_t)o->train.x.dims[1];
    return status == SPT_OK ? decide_outputs(request, o, err) : status;
}

static void close_request(opened *o) {
    close_table(&o->train.x);
    close_table(&o->train.y);
    close_table(&o->test.x);
    close_table(&o->test.y);
    if (o->file >= 0)
        H5Fclose(o->file);
    end_silence(&o->kept);
}

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    opened o;
    spt_status status = open_request(request, &o, err);
    *shape = o.shape;
    close_request(&o);
    return status;
}

static spt_status read_split(const char *path, const split_tables *tables, const spt_dataset *dataset, size_t n,
                             spt_split *split, spt_error *err) {
    spt_status status = spt_split_alloc(dataset, split, n, err);
    if (status == SPT_OK)
        status = read_rows(path, &tables->x, n, H5T_NATIVE_FLOAT, split->x, err);
    if (status != SPT_OK)
        return status;
    return dataset->classes > 0 ? read_rows(path, &tables->y, n, H5T_NATIVE_INT32, split->label, err)
                                : read_rows(path, &tables->y, n, H5T_NATIVE_FLOAT, split->target, err);
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    opened o;
    spt_status status = open_request(request, &o, err);
    dataset->inputs = o.shape.inputs;
    dataset->outputs = o.shape.outputs;
    dataset->classes = o.shape.classes;
    if (status == SPT_OK)
        status = read_split(request->path, &o.train, dataset, o.shape.train, &dataset->train, err);
    if (status == SPT_OK)
        status = read_split(request->path, &o.test, dataset, o.shape.test, &dataset->test, err);
    close_request(&o);
    return status;
}

const spt_source spt_source_hdf5 = {
    .name = "hdf5",
    .keys = (const char *const[]){"classes", NULL},
    .settings_size = sizeof(settings),
    .read = read,
    .describe = describe,
    .shape = shape_of,
    .make = make,
};
