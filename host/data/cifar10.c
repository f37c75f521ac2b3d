/* Source cifar10: the binary version of CIFAR-10, records of a label byte and 3 x 32 x 32 pixel bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"

enum { CLASSES = 10, PIXELS = 3 * 32 * 32, RECORD = 1 + PIXELS, TRAIN_FILES = 5 };

static const char *const TRAIN[TRAIN_FILES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                               "data_batch_4.bin", "data_batch_5.bin"};
static const char *const TEST[1] = {"test_batch.bin"};

typedef struct batches {
    const char *key;
    const char *const *names;
    size_t n;
} batches;

static const batches TRAIN_BATCHES = {"train", TRAIN, TRAIN_FILES};
static const batches TEST_BATCHES = {"test", TEST, 1};

static spt_status count_records(const char *path, size_t *records, spt_error *err) {
    uint64_t bytes = 0;
    spt_status status = spt_source_check_file(path, &bytes, err);
    if (status == SPT_OK && (bytes == 0 || bytes % RECORD != 0))
        status = spt_fail(err, SPT_EDATA, "%s: has %llu bytes; expected CIFAR-10 records of %d bytes each", path,
                          (unsigned long long)bytes, RECORD);
    *records = (size_t)(bytes / RECORD);
    return status;
}

/* Examples that will be taken; only the files that hold them need be there. */
static spt_status count_examples(const char *folder, const batches *files, size_t wanted, size_t *taken,
                                 spt_error *err) {
    size_t there = 0;
    for (size_t i = 0; i < files->n && there < wanted; i++) {
        size_t records;
        char *path = spt_source_join(folder, files->names[i]);
        if (path == NULL)
            return spt_fail(err, SPT_ENOMEM, "%s: out of memory", folder);
        spt_status status = count_records(path, &records, err);
        free(path);
        if (status != SPT_OK)
            return status;
        there += records;
    }
    return spt_source_take(folder, files->key, wanted, there, taken, err);
}

static spt_status read_records(const char *path, size_t n, spt_split *split, size_t first, spt_error *err) {
    unsigned char record[RECORD];
    spt_status status = SPT_OK;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return spt_fail(err, SPT_EDATA, "%s: cannot be opened: %s", path, strerror(errno));
    for (size_t row = 0; row < n && status == SPT_OK; row++) {
        if (fread(record, RECORD, 1, file) != 1) {
            status = spt_fail(err, SPT_EIO, "%s: reading of row %zu failed: %s", path, row,
                              ferror(file) ? strerror(errno) : "the file ended");
            break;
        }
        int32_t *label = split->label + first + row;
        float *x = split->x + (first + row) * PIXELS;
        *label = record[0];
        status = spt_source_check_labels(path, label, 1, row, CLASSES, err);
        for (size_t j = 0; j < PIXELS; j++)
            x[j] = (float)record[1 + j] / 255.0f;
    }
    fclose(file);
    return status;
}

static spt_status read_split(const char *folder, const batches *files, spt_split *split, spt_error *err) {
    spt_status status = SPT_OK;
    size_t done = 0;
    for (size_t i = 0; i < files->n && done < split->n && status == SPT_OK; i++) {
        size_t records;
        char *path = spt_source_join(folder, files->names[i]);
        if (path == NULL)
            return spt_fail(err, SPT_ENOMEM, "%s: out of memory", folder);
        status = count_records(path, &records, err);
        if (records > split->n - done)
            records = split->n - done;
        if (status == SPT_OK)
            status = read_records(path, records, split, done, err);
        done += records;
        free(path);
    }
    if (status == SPT_OK && done < split->n)
        status = spt_fail(err, SPT_EDATA, "%s: changed while it was being read", folder);
    return status;
}

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    *shape = (spt_data_shape){.inputs = PIXELS, .outputs = CLASSES, .classes = CLASSES};
    spt_status status = count_examples(request->path, &TRAIN_BATCHES, request->train, &shape->train, err);
    if (status == SPT_OK && request->test > 0)
        status = count_examples(request->path, &TEST_BATCHES, request->test, &shape->test, err);
    return status;
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    spt_data_shape shape;
    spt_status status = shape_of(request, &shape, err);
    if (status != SPT_OK)
        return status;
    dataset->inputs = PIXELS;
    dataset->outputs = dataset->classes = CLASSES;
    status = spt_split_alloc(dataset, &dataset->train, shape.train, err);
    if (status == SPT_OK)
        status = spt_split_alloc(dataset, &dataset->test, shape.test, err);
    if (status == SPT_OK)
        status = read_split(request->path, &TRAIN_BATCHES, &dataset->train, err);
    if (status == SPT_OK)
        status = read_split(request->path, &TEST_BATCHES, &dataset->test, err);
    return status;
}

const spt_source spt_source_cifar10 = {
    .name = "cifar10",
    .keys = (const char *const[]){NULL},
    .shape = shape_of,
    .make = make,
};
