/* /data in FILE.h5: what the runs learnt from. With several data sets every array begins with a dimension `dataset`. */
#include <stdlib.h>
#include <string.h>

#include "store/assemble.h"

enum { BLOCK_BYTES = 1 << 20 };

typedef struct data_array {
    const char *name, *long_name, *units;
    bool test, wide; /* examples of the test split; several columns */
} data_array;

static const data_array LABELS[] = {
    {"label_true", "class of a training example, before label noise", "1", false, false},
    {"label_noisy", "class of a training example as trained on, label noise included", "1", false, false},
    {"test_label", "class of a test example", "1", true, false},
};
static const data_array TARGETS[] = {
    {"target_true", "target of a training example, before noise", "output", false, true},
    {"target_noisy", "target of a training example as trained on, noise included", "output", false, true},
    {"test_target", "target of a test example", "output", true, true},
};
static const data_array INPUTS[] = {
    {"train_x", "training examples", "input", false, true},
    {"test_x", "test examples", "input", true, true},
};

/* Array i of the stream's order. */
static const data_array *array_at(const spt_store_spec *spec, size_t i) {
    if (i >= 3)
        return &INPUTS[i - 3];
    return spec->data_shapes[0].classes > 0 ? &LABELS[i] : &TARGETS[i];
}

static hid_t open_array(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *group, size_t i) {
    const data_array *a = array_at(spec, i);
    bool integer = i < 3 && spec->data_shapes[0].classes > 0;
    const char *examples = a->test ? "test_example" : "example";
    if (spt_h5_scale_find(group, examples) == NULL || (i >= 3 && !spec->keep_data))
        return -1;
    spt_h5_array array = {.name = a->name,
                          .type = integer ? H5T_STD_I32LE : H5T_IEEE_F32LE,
                          .long_name = a->long_name,
                          .units = a->units};
    if (spec->n_datasets > 1) {
        array.dims[array.rank++] = "dataset";
        array.lead = 1;
    }
    array.dims[array.rank++] = examples;
    if (a->wide)
        array.dims[array.rank++] = i < 3 ? "output" : "input";
    return spt_h5_array_create(h, group, &array);
}

/* How many examples each data set has; where they differ, arrays are as long as the largest needs. */
static void write_sizes(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *group, bool test) {
    int64_t *sizes = calloc(spec->n_datasets + 1, sizeof *sizes);
    if (sizes == NULL) {
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the sizes of the data sets");
        return;
    }
    for (size_t d = 0; d < spec->n_datasets; d++)
        sizes[d] = (int64_t)(test ? spec->data_shapes[d].test : spec->data_shapes[d].train);
    spt_h5_array array = {.name = test ? "test_examples" : "train_examples",
                          .type = H5T_STD_I64LE,
                          .rank = 1,
                          .dims = {"dataset"},
                          .long_name = test ? "examples of the test split" : "examples of the training split",
                          .units = "1"};
    hid_t id = spt_h5_array_create(h, group, &array);
    spt_h5_array_write(h, id, H5T_NATIVE_INT64, 1, NULL, NULL, sizes);
    spt_h5_array_close(h, id);
    free(sizes);
}

void spt_data_output_open(spt_h5 *h, const spt_store_spec *spec, spt_data_output *output) {
    const spt_data_shape *first = &spec->data_shapes[0];
    size_t train = 0, test = 0;
    for (size_t d = 0; d < spec->n_datasets; d++) {
        train = spec->data_shapes[d].train > train ? spec->data_shapes[d].train : train;
        test = spec->data_shapes[d].test > test ? spec->data_shapes[d].test : test;
    }
    spt_h5_group_open(h, &output->group, NULL, "data");
    spt_h5_put_integer(h, output->group.id, "inputs", (int64_t)first->inputs);
    spt_h5_put_integer(h, output->group.id, "outputs", (int64_t)first->outputs);
    spt_h5_put_integer(h, output->group.id, "classes", (int64_t)first->classes);
    spt_h5_scale_count(h, &output->group, "dataset", spec->n_datasets, "data set");
    write_sizes(h, spec, &output->group, false);
    write_sizes(h, spec, &output->group, true);
    spt_h5_scale_count(h, &output->group, "example", train, "example of the training split");
    if (test > 0)
        spt_h5_scale_count(h, &output->group, "test_example", test, "example of the test split");
    if (first->classes == 0)
        spt_h5_scale_count(h, &output->group, "output", first->outputs, "output of the network");
    if (spec->keep_data)
        spt_h5_scale_count(h, &output->group, "input", first->inputs, "input of the network");

    spt_h5_array sha256 = {.name = "sha256",
                           .type = h->text,
                           .rank = 1,
                           .dims = {"dataset"},
                           .long_name = "SHA-256 of the sizes, inputs and labels or targets of both splits",
                           .units = "1"};
    output->sha256 = spt_h5_array_create(h, &output->group, &sha256);
    for (size_t i = 0; i < SPT_DATA_ARRAYS; i++)
        output->arrays[i] = open_array(h, spec, &output->group, i);
}

void spt_data_output_close(spt_h5 *h, spt_data_output *output) {
    spt_h5_array_close(h, output->sha256);
    for (size_t i = 0; i < SPT_DATA_ARRAYS; i++)
        spt_h5_array_close(h, output->arrays[i]);
    spt_h5_group_close(h, &output->group);
}

void spt_assemble_copy(spt_h5 *h, spt_kept_dataset *kept, hid_t array, hid_t memory_type, size_t dataset_index,
                       size_t n, size_t columns) {
    if (h->status != SPT_OK || n == 0)
        return;
    size_t row_bytes = 4 * (columns > 0 ? columns : 1);
    size_t block = row_bytes < BLOCK_BYTES ? BLOCK_BYTES / row_bytes : 1;
    void *rows = malloc(block * row_bytes);
    if (rows == NULL) {
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory to copy a data set");
        return;
    }
    hsize_t start[3] = {0}, count[3] = {0};
    size_t rank = 0;
    if (dataset_index != SIZE_MAX) {
        start[rank] = dataset_index;
        count[rank++] = 1;
    }
    size_t example = rank++;
    if (columns > 0)
        count[rank++] = columns;
    for (size_t at = 0; at < n && h->status == SPT_OK; at += block) {
        size_t part = n - at < block ? n - at : block;
        spt_status status = spt_kept_read(kept, rows, part * row_bytes, h->err);
        if (status != SPT_OK)
            h->status = status;
        start[example] = at;
        count[example] = part;
        if (array >= 0)
            spt_h5_array_write(h, array, memory_type, rank, start, count, rows);
    }
    free(rows);
}

void spt_data_output_fill(spt_h5 *h, const spt_store_spec *spec, spt_data_output *output, spt_kept_dataset *kept) {
    size_t index = spec->n_datasets > 1 ? kept->index : SIZE_MAX;
    const hsize_t start = kept->index, count = 1;
    const char *sha256 = kept->sha256;
    spt_h5_array_write(h, output->sha256, h->text, 1, &start, &count, &sha256);
    for (size_t i = 0; i < (kept->has_x ? SPT_DATA_ARRAYS : 3); i++) {
        const data_array *a = array_at(spec, i);
        hid_t type = i < 3 && kept->classes > 0 ? H5T_NATIVE_INT32 : H5T_NATIVE_FLOAT;
        size_t columns = !a->wide ? 0 : (i < 3 ? kept->outputs : kept->inputs);
        spt_assemble_copy(h, kept, output->arrays[i], type, index, a->test ? kept->test : kept->train, columns);
    }
}
