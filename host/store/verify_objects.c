/* Reading all that a file holds, to find what is damaged. Memory: one chunk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/verify.h"

enum { MAX_RANK = 8, MAX_PATH = 512 };

typedef struct walk {
    spt_h5 *h;
    const spt_file_info *info;
    bool describe;
    char path[MAX_PATH]; /* of the object being read */
    void *bytes;         /* room for a chunk */
    size_t capacity;
} walk;

/* ---- errors */

/* Fail with the path, and the runs whose values lie in rows first .. last of an array. */
static void fail_at(walk *w, const char *what, hsize_t first, hsize_t last) {
    if (w->h->status != SPT_OK)
        return;
    char runs[64] = "";
    unsigned long long run;
    const size_t *numbers = w->info->run_numbers;
    if (numbers != NULL && last < w->info->n_runs) {
        first = numbers[first];
        last = numbers[last];
    }
    if (sscanf(w->path, "/weights/%llu", &run) == 1)
        snprintf(runs, sizeof runs, " (run %llu)", run);
    else if (last != HSIZE_UNDEF && first == last)
        snprintf(runs, sizeof runs, " (run %llu)", (unsigned long long)first);
    else if (last != HSIZE_UNDEF)
        snprintf(runs, sizeof runs, " (runs %llu to %llu)", (unsigned long long)first, (unsigned long long)last);
    w->h->status = spt_fail(w->h->err, SPT_ECORRUPT, "%s: %s%s: %s", w->h->path, w->path, runs, what);
}

static void fail_object(walk *w, const char *what) {
    fail_at(w, what, 0, HSIZE_UNDEF);
}

/* Whether the first dimension of the array counts runs: so it is in these groups, except for scales and extras. */
static bool rows_are_runs(const walk *w, const hsize_t *dims) {
    const char *name = strrchr(w->path, '/');
    bool there = strncmp(w->path, "/metrics/", 9) == 0 || strncmp(w->path, "/runs/", 6) == 0 ||
                 (strncmp(w->path, "/probes/", 8) == 0 && strcmp(name, "/energy") == 0);
    return there && dims[0] == w->info->n_runs && strcmp(name, "/record") != 0 && strcmp(name, "/layer") != 0;
}

/* ---- attributes */

static bool reserve(walk *w, size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        fail_object(w, "is larger than memory");
        return false;
    }
    if (count * size <= w->capacity)
        return true;
    void *bytes = realloc(w->bytes, count * size);
    if (bytes == NULL) {
        spt_h5_fail_with(w->h, SPT_ENOMEM, "no memory to read a chunk");
        return false;
    }
    w->bytes = bytes;
    w->capacity = count * size;
    return true;
}

static herr_t read_attribute(hid_t object, const char *name, const H5A_info_t *facts, void *user) {
    (void)facts;
    walk *w = user;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    hid_t native = type >= 0 ? H5Tget_native_type(type, H5T_DIR_DEFAULT) : -1;
    hssize_t count = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    bool good = native >= 0 && count >= 0 && reserve(w, (size_t)count, H5Tget_size(native)) &&
                H5Aread(attribute, native, w->bytes) >= 0;
    if (!good)
        fail_object(w, "an attribute cannot be read: it is damaged");
    else if (H5Tdetect_class(native, H5T_VLEN) > 0 || H5Tis_variable_str(native) > 0)
        H5Dvlen_reclaim(native, space, H5P_DEFAULT, w->bytes);
    if (native >= 0)
        H5Tclose(native);
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
    if (attribute >= 0)
        H5Aclose(attribute);
    return good ? 0 : -1;
}

static void read_attributes(walk *w, hid_t object) {
    hsize_t at = 0;
    if (w->h->status == SPT_OK && H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &at, read_attribute, w) < 0)
        fail_object(w, "its attributes cannot be read: they are damaged");
}

/* ---- scales */

/* A text attribute of fixed length, as the specification has them. */
static bool get_fixed_text(hid_t array, const char *key, char *text, size_t capacity) {
    hid_t attribute = H5Aexists(array, key) > 0 ? H5Aopen(array, key, H5P_DEFAULT) : -1;
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    memset(text, 0, capacity);
    bool got = type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
               H5Tget_size(type) < capacity && H5Aread(attribute, type, text) >= 0;
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    return got;
}

static bool is_scale(hid_t array) {
    char kind[32];
    return get_fixed_text(array, "CLASS", kind, sizeof kind) && strcmp(kind, "DIMENSION_SCALE") == 0;
}

/* Whether a scale is one, has the dimension's size and, for the sweep's own dimensions, the sweep's. */
static bool scale_fits(const walk *w, hid_t array, const hobj_ref_t *reference, hsize_t size) {
    hid_t scale = H5Rdereference2(array, H5P_DEFAULT, H5R_OBJECT, reference);
    hid_t space = scale >= 0 && H5Iget_type(scale) == H5I_DATASET ? H5Dget_space(scale) : -1;
    hsize_t length = 0;
    char name[256];
    bool fits = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
                H5Sget_simple_extent_dims(space, &length, NULL) == 1 && length == size && is_scale(scale) &&
                get_fixed_text(scale, "NAME", name, sizeof name);
    if (fits && strcmp(name, "run") == 0)
        fits = size == w->info->n_runs;
    else if (fits && strcmp(name, "record") == 0)
        fits = size == w->info->n_records;
    else if (fits && strcmp(name, "snapshot") == 0)
        fits = size == w->info->n_snapshots;
    if (space >= 0)
        H5Sclose(space);
    if (scale >= 0)
        H5Oclose(scale);
    return fits;
}

static void check_scales(walk *w, hid_t array, int rank, const hsize_t *dims) {
    if (w->h->status != SPT_OK || is_scale(array))
        return;
    hvl_t lists[MAX_RANK];
    hid_t attribute = H5Aexists(array, "DIMENSION_LIST") > 0 ? H5Aopen(array, "DIMENSION_LIST", H5P_DEFAULT) : -1;
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    if (space < 0 || H5Sget_simple_extent_npoints(space) != rank || H5Aread(attribute, w->h->references, lists) < 0)
        fail_object(w, "a dimension has no scale");
    else {
        for (int i = 0; i < rank; i++)
            if (lists[i].len != 1 || !scale_fits(w, array, lists[i].p, dims[i]))
                fail_object(w, "a dimension's scale is missing or has another size");
        H5Dvlen_reclaim(w->h->references, space, H5P_DEFAULT, lists);
    }
    if (space >= 0)
        H5Sclose(space);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (H5Aexists(array, "long_name") <= 0 || H5Aexists(array, "units") <= 0)
        fail_object(w, "has no long_name or no units");
}

/* ---- arrays */

/* The chunk at start, cut at the array's edge. */
static void read_block(walk *w, hid_t array, hid_t space, hid_t native, int rank, const hsize_t *dims,
                       const hsize_t *start, const hsize_t *chunk) {
    hsize_t count[MAX_RANK], elements = 1;
    for (int i = 0; i < rank; i++) {
        count[i] = dims[i] - start[i] < chunk[i] ? dims[i] - start[i] : chunk[i];
        elements *= count[i];
    }
    if (!reserve(w, (size_t)elements, H5Tget_size(native)))
        return;
    hid_t memory = H5Screate_simple(rank, count, NULL);
    bool good = memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Dread(array, native, memory, space, H5P_DEFAULT, w->bytes) >= 0;
    if (good && H5Tis_variable_str(native) > 0)
        H5Dvlen_reclaim(native, memory, H5P_DEFAULT, w->bytes);
    else if (!good && rows_are_runs(w, dims))
        fail_at(w, "cannot be read: it is damaged", start[0], start[0] + count[0] - 1);
    else if (!good)
        fail_object(w, "cannot be read: it is damaged");
    if (memory >= 0)
        H5Sclose(memory);
}

/* Walk the chunks like an odometer. */
static void read_chunks(walk *w, hid_t array, hid_t space, hid_t native, int rank, const hsize_t *dims,
                        const hsize_t *chunk) {
    hsize_t start[MAX_RANK] = {0};
    int turned = 0;
    while (w->h->status == SPT_OK && turned >= 0) {
        read_block(w, array, space, native, rank, dims, start, chunk);
        for (turned = rank - 1; turned >= 0; turned--) {
            start[turned] += chunk[turned];
            if (start[turned] < dims[turned])
                break;
            start[turned] = 0;
        }
    }
}

static void read_array(walk *w, hid_t array) {
    hsize_t dims[MAX_RANK], chunk[MAX_RANK];
    hid_t space = H5Dget_space(array), creation = H5Dget_create_plist(array), type = H5Dget_type(array);
    hid_t native = type >= 0 ? H5Tget_native_type(type, H5T_DIR_DEFAULT) : -1;
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (native < 0 || creation < 0 || rank < 1 || rank > MAX_RANK ||
        H5Sget_simple_extent_dims(space, dims, NULL) != rank)
        fail_object(w, "is not an array of one to eight dimensions");
    else if (H5Pget_layout(creation) == H5D_VIRTUAL && w->info->is_virtual) {
        if (w->describe) /* its values are in the shards, which are read on their own */
            check_scales(w, array, rank, dims);
    } else if (H5Pget_layout(creation) != H5D_CHUNKED || H5Pget_chunk(creation, MAX_RANK, chunk) != rank)
        fail_object(w, "is not stored in chunks");
    else {
        if (w->describe)
            check_scales(w, array, rank, dims);
        if (w->describe || H5Tis_variable_str(native) == 0)
            read_chunks(w, array, space, native, rank, dims, chunk);
    }
    if (native >= 0)
        H5Tclose(native);
    if (type >= 0)
        H5Tclose(type);
    if (creation >= 0)
        H5Pclose(creation);
    if (space >= 0)
        H5Sclose(space);
}

/* ---- groups */

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *facts, void *user);

static void read_object(walk *w, hid_t object) {
    H5I_type_t kind = H5Iget_type(object);
    if (w->describe)
        read_attributes(w, object);
    hsize_t at = 0;
    if (w->h->status != SPT_OK)
        return;
    if (kind == H5I_DATASET)
        read_array(w, object);
    else if (kind != H5I_GROUP)
        fail_object(w, "is neither a group nor an array");
    else if (H5Literate(object, H5_INDEX_NAME, H5_ITER_NATIVE, &at, visit_link, w) < 0)
        fail_object(w, "cannot be listed: it is damaged");
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *facts, void *user) {
    walk *w = user;
    if (facts->type == H5L_TYPE_EXTERNAL && w->info->is_virtual)
        return 0; /* the same */
    size_t length = strlen(w->path);
    snprintf(w->path + length, sizeof w->path - length, "/%s", name);
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0)
        fail_object(w, "cannot be opened: it is damaged");
    else {
        read_object(w, object);
        H5Oclose(object);
    }
    w->path[length] = '\0';
    return w->h->status == SPT_OK ? 0 : -1;
}

void spt_verify_objects(spt_h5 *h, const spt_file_info *info, bool describe) {
    if (h->status != SPT_OK)
        return;
    walk w = {.h = h, .info = info, .describe = describe};
    hid_t root = H5Gopen2(h->file, "/", H5P_DEFAULT);
    if (root < 0)
        spt_h5_fail(h);
    else {
        read_object(&w, root);
        H5Gclose(root);
    }
    free(w.bytes);
}
