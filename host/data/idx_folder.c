#include "data/idx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "data/idx_format.h"

enum {
    GZIP_BUFFER = 256 * 1024,
    DEFLATE_RATIO = 1032 /* bytes that one compressed byte can stand for, at most */
};

typedef struct idx_file {
    char *path;
    gzFile handle;
    spt_byte_stream stream;
    spt_idx_header header;
} idx_file;

static spt_status read_gzip(spt_byte_stream *stream, unsigned char *bytes, size_t count, size_t *got, spt_error *err) {
    gzFile handle = stream->from;
    int n = gzread(handle, bytes, (unsigned)count);
    int code = Z_OK;
    const char *message = gzerror(handle, &code);
    if (n < 0 || (code != Z_OK && code != Z_STREAM_END)) {
        if (code == Z_ERRNO)
            return spt_fail(err, SPT_EIO, "%s: reading failed: %s", stream->name, strerror(errno));
        size_t length = strlen(stream->name); /* zlib puts the path in front too */
        if (strncmp(message, stream->name, length) == 0 && strncmp(message + length, ": ", 2) == 0)
            message += length + 2;
        return spt_fail(err, SPT_EDATA, "%s: damaged: %s", stream->name, message);
    }
    *got = (size_t)n;
    return SPT_OK;
}

static void close_file(idx_file *file) {
    if (file->handle != NULL)
        gzclose(file->handle);
    free(file->path);
}

/* folder/name or folder/name.gz, whichever is there; plain first. */
static spt_status find_file(const char *folder, const char *name, char **path, spt_error *err) {
    char zipped[64];
    struct stat status;
    snprintf(zipped, sizeof zipped, "%s.gz", name);
    const char *const names[] = {name, zipped};
    for (size_t i = 0; i < 2; i++) {
        *path = spt_source_join(folder, names[i]);
        if (*path == NULL)
            return spt_fail(err, SPT_ENOMEM, "%s: out of memory", folder);
        if (stat(*path, &status) == 0)
            return SPT_OK;
        free(*path);
        *path = NULL;
    }
    if (stat(folder, &status) != 0)
        return spt_fail(err, SPT_EDATA, "%s: cannot be opened: %s; expected a folder with %s[.gz]", folder,
                        strerror(errno), name);
    return spt_fail(err, SPT_EDATA, "%s: holds neither %s nor %s", folder, name, zipped);
}

/* Open and take the header. On error the caller closes what is there. */
static spt_status open_file(const char *folder, const char *name, bool images, idx_file *file, spt_error *err) {
    uint64_t bytes = 0;
    spt_status status = find_file(folder, name, &file->path, err);
    if (status == SPT_OK)
        status = spt_source_check_file(file->path, &bytes, err);
    if (status != SPT_OK)
        return status;
    errno = 0;
    file->handle = gzopen(file->path, "rb");
    if (file->handle == NULL)
        return spt_fail(err, errno == 0 ? SPT_ENOMEM : SPT_EDATA, "%s: cannot be opened: %s", file->path,
                        errno == 0 ? "out of memory" : strerror(errno));
    gzbuffer(file->handle, GZIP_BUFFER);
    uint64_t limit = gzdirect(file->handle) ? bytes : bytes * DEFLATE_RATIO;
    file->stream = (spt_byte_stream){.name = file->path, .limit = limit, .from = file->handle, .read = read_gzip};
    return images ? spt_idx_images_header(&file->stream, &file->header, err)
                  : spt_idx_labels_header(&file->stream, &file->header, err);
}

typedef struct split_names {
    const char *key, *images, *labels;
} split_names;

static const split_names TRAIN = {"train", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
static const split_names TEST = {"test", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

static spt_status split_shape(const char *folder, const split_names *names, size_t wanted, size_t *taken,
                              size_t *inputs, spt_error *err) {
    idx_file images = {0};
    spt_status status = open_file(folder, names->images, true, &images, err);
    if (status == SPT_OK)
        status = spt_source_take(images.path, names->key, wanted, images.header.count, taken, err);
    if (status == SPT_OK && *inputs != 0 && *inputs != images.header.rows * images.header.columns)
        status = spt_fail(err, SPT_EDATA, "%s: images of %zu x %zu pixels; expected %zu pixels as for training",
                          images.path, images.header.rows, images.header.columns, *inputs);
    if (status == SPT_OK)
        *inputs = images.header.rows * images.header.columns;
    close_file(&images);
    return status;
}

spt_status spt_idx_folder_shape(const spt_source_request *request, size_t classes, spt_data_shape *shape,
                                spt_error *err) {
    *shape = (spt_data_shape){.outputs = classes, .classes = classes};
    spt_status status = split_shape(request->path, &TRAIN, request->train, &shape->train, &shape->inputs, err);
    if (status == SPT_OK && request->test > 0)
        status = split_shape(request->path, &TEST, request->test, &shape->test, &shape->inputs, err);
    return status;
}

static spt_status read_split(const char *folder, const split_names *names, const spt_dataset *dataset, size_t take,
                             spt_split *split, spt_error *err) {
    idx_file images = {0}, labels = {0};
    spt_status status = open_file(folder, names->images, true, &images, err);
    if (status == SPT_OK)
        status = open_file(folder, names->labels, false, &labels, err);
    if (status == SPT_OK && labels.header.count != images.header.count)
        status = spt_fail(err, SPT_EDATA, "%s: %zu labels for the %zu images of %s", labels.path, labels.header.count,
                          images.header.count, images.path);
    if (status == SPT_OK &&
        (images.header.count < take || images.header.rows * images.header.columns != dataset->inputs))
        status = spt_fail(err, SPT_EDATA, "%s: changed while it was being read", images.path);
    if (status == SPT_OK)
        status = spt_split_alloc(dataset, split, take, err);
    if (status == SPT_OK)
        status = spt_idx_labels_values(&labels.stream, &labels.header, take, dataset->classes, split->label, err);
    if (status == SPT_OK)
        status = spt_idx_images_pixels(&images.stream, &images.header, take, split->x, err);
    close_file(&images);
    close_file(&labels);
    return status;
}

spt_status spt_idx_folder_make(const spt_source_request *request, size_t classes, spt_dataset *dataset,
                               spt_error *err) {
    spt_data_shape shape;
    spt_status status = spt_idx_folder_shape(request, classes, &shape, err);
    if (status != SPT_OK)
        return status;
    dataset->inputs = shape.inputs;
    dataset->outputs = dataset->classes = classes;
    status = read_split(request->path, &TRAIN, dataset, shape.train, &dataset->train, err);
    if (status != SPT_OK)
        return status;
    if (shape.test == 0)
        return spt_split_alloc(dataset, &dataset->test, 0, err);
    return read_split(request->path, &TEST, dataset, shape.test, &dataset->test, err);
}
