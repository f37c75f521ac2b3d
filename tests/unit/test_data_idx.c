/* Source idx: what is read, and what is refused. The files are written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <zlib.h>

#include "unit/data_section.h"

#include "unit/data_folder.h"

enum { TRAIN = 7, TEST = 3, ROWS = 2, COLUMNS = 3, PIXELS = ROWS * COLUMNS };

static void put32(unsigned char *bytes, uint32_t value) {
    for (int b = 0; b < 4; b++)
        bytes[b] = (unsigned char)(value >> (24 - 8 * b));
}

static unsigned char pixel(size_t image, size_t j) {
    return (unsigned char)(37 * image + 50 * j);
}

/* An image file in memory; returns its size. */
static size_t make_images(unsigned char *bytes, uint32_t count) {
    put32(bytes, 0x803);
    put32(bytes + 4, count);
    put32(bytes + 8, ROWS);
    put32(bytes + 12, COLUMNS);
    for (size_t i = 0; i < count * PIXELS; i++)
        bytes[16 + i] = pixel(i / PIXELS, i % PIXELS);
    return 16 + count * PIXELS;
}

static size_t make_labels(unsigned char *bytes, uint32_t count) {
    put32(bytes, 0x801);
    put32(bytes + 4, count);
    for (size_t i = 0; i < count; i++)
        bytes[8 + i] = (unsigned char)(9 - i);
    return 8 + count;
}

static void write_gzip(const char *name, const void *bytes, size_t size) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

typedef void (*writer)(const char *name, const void *bytes, size_t size);

static void write_folder(writer write, const char *suffix) {
    unsigned char bytes[1024];
    char name[64];
    snprintf(name, sizeof name, "train-images-idx3-ubyte%s", suffix);
    write(name, bytes, make_images(bytes, TRAIN));
    snprintf(name, sizeof name, "train-labels-idx1-ubyte%s", suffix);
    write(name, bytes, make_labels(bytes, TRAIN));
    snprintf(name, sizeof name, "t10k-images-idx3-ubyte%s", suffix);
    write(name, bytes, make_images(bytes, TEST));
    snprintf(name, sizeof name, "t10k-labels-idx1-ubyte%s", suffix);
    write(name, bytes, make_labels(bytes, TEST));
}

static void assert_split(const spt_split *split, size_t n) {
    assert_int_equal(split->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(split->label[i], 9 - (int)i);
        for (size_t j = 0; j < PIXELS; j++)
            assert_true(split->x[i * PIXELS + j] == (float)pixel(i, j) / 255.0f);
    }
}

static void assert_folder_reads(void) {
    spt_dataset *set = section_dataset(folder_text("{source: idx, path: '%F'}"));
    assert_int_equal(set->inputs, PIXELS);
    assert_int_equal(set->outputs, 10);
    assert_int_equal(set->classes, 10);
    assert_false(set->generated);
    assert_split(&set->train, TRAIN);
    assert_split(&set->test, TEST);
    spt_dataset_free(set);
}

static void plain_files_are_read(void **state) {
    (void)state;
    write_folder(folder_write, "");
    assert_folder_reads();
}

static void compressed_files_are_read(void **state) {
    (void)state;
    write_folder(write_gzip, ".gz");
    assert_folder_reads();
}

static void first_examples_are_taken(void **state) {
    (void)state;
    write_folder(folder_write, "");
    spt_dataset *set = section_dataset(folder_text("{source: idx, path: '%F/', train: 4, test: 1}"));
    assert_split(&set->train, 4);
    assert_split(&set->test, 1);
    spt_dataset_free(set);
}

static void test_files_may_be_missing_when_no_test_is_wanted(void **state) {
    (void)state;
    unsigned char bytes[1024];
    folder_write("train-images-idx3-ubyte", bytes, make_images(bytes, TRAIN));
    folder_write("train-labels-idx1-ubyte", bytes, make_labels(bytes, TRAIN));
    spt_dataset *set = section_dataset(folder_text("{source: idx, path: '%F', test: 0}"));
    assert_split(&set->train, TRAIN);
    assert_int_equal(set->test.n, 0);
    spt_dataset_free(set);
}

static void shape_comes_from_the_headers(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_shape shape = {0};
    write_folder(write_gzip, ".gz");
    spt_data_spec *spec = section_spec(folder_text("{source: idx, path: '%F', train: 5, classes: 12}"));
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_int_equal(shape.train, 5);
    assert_int_equal(shape.test, TEST);
    assert_int_equal(shape.inputs, PIXELS);
    assert_int_equal(shape.classes, 12);
    assert_false(shape.generated);
    spt_data_spec_free(spec);
}

/* ---- refused */

static const char SECTION[] = "{source: idx, path: '%F'}";

static void missing_folder_is_named(void **state) {
    (void)state;
    assert_files_refused("{source: idx, path: '%F/none'}",
                         "%F/none: cannot be opened: No such file or directory; expected a folder with "
                         "train-images-idx3-ubyte[.gz]");
}

static void missing_file_is_named(void **state) {
    (void)state;
    assert_files_refused(SECTION, "%F: holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz");
}

static void folder_in_the_place_of_a_file_is_refused(void **state) {
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_files_refused(SECTION, "%F/train-images-idx3-ubyte: is not a regular file");
}

static void more_examples_than_there_are_are_refused_with_both_numbers(void **state) {
    (void)state;
    write_folder(folder_write, "");
    assert_files_refused("{source: idx, path: '%F', train: 8}",
                         "%F/train-images-idx3-ubyte: holds 7 examples, but data.train asks for 8");
    assert_files_refused("{source: idx, path: '%F', test: 4}",
                         "%F/t10k-images-idx3-ubyte: holds 3 examples, but data.test asks for 4");
}

static void wrong_magic_is_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    folder_write("train-images-idx3-ubyte", bytes, make_labels(bytes, TRAIN));
    assert_files_refused(SECTION,
                         "%F/train-images-idx3-ubyte: not an IDX image file (magic 0x00000801, expected 0x00000803)");
    folder_write("train-images-idx3-ubyte", bytes, make_images(bytes, TRAIN));
    folder_write("train-labels-idx1-ubyte", bytes, make_images(bytes, TRAIN));
    assert_files_refused(SECTION,
                         "%F/train-labels-idx1-ubyte: not an IDX label file (magic 0x00000803, expected 0x00000801)");
}

static void empty_file_is_refused(void **state) {
    (void)state;
    write_folder(folder_write, "");
    folder_write("train-labels-idx1-ubyte", "", 0);
    assert_files_refused(SECTION,
                         "%F/train-labels-idx1-ubyte: not an IDX label file (0 bytes, expected a header of 8)");
}

static void truncated_file_is_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    size_t size = make_images(bytes, TRAIN);
    folder_write("train-images-idx3-ubyte", bytes, size - 1);
    assert_files_refused(SECTION, "%F/train-images-idx3-ubyte: truncated: header announces 7 images of 6 bytes, but 41 "
                                  "bytes at most follow");
}

static void truncated_contents_of_a_compressed_file_are_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(write_gzip, ".gz");
    size_t size = make_images(bytes, TRAIN);
    write_gzip("train-images-idx3-ubyte.gz", bytes, size - 1);
    assert_files_refused(SECTION,
                         "%F/train-images-idx3-ubyte.gz: truncated: 41 of the 42 bytes that its header announces");
}

static void trailing_bytes_are_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    size_t size = make_images(bytes, TRAIN);
    bytes[size] = 0;
    folder_write("train-images-idx3-ubyte", bytes, size + 1);
    assert_files_refused(SECTION, "%F/train-images-idx3-ubyte: goes on after the 42 bytes that its header announces");
    folder_write("train-images-idx3-ubyte", bytes, size);
    size = make_labels(bytes, TRAIN);
    bytes[size] = 0;
    folder_write("train-labels-idx1-ubyte", bytes, size + 1);
    assert_files_refused(SECTION, "%F/train-labels-idx1-ubyte: goes on after the 7 bytes that its header announces");
}

/* Cuts a compressed file, then changes a byte of its checksum. */
static void damaged_compression_is_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    char path[1024];
    write_folder(write_gzip, ".gz");
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte.gz", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);

    folder_write("train-labels-idx1-ubyte.gz", bytes, size - 4);
    assert_data_refused(folder_text(SECTION), SPT_EDATA,
                        folder_text("%F/train-labels-idx1-ubyte.gz: damaged: unexpected end of file"));
    bytes[size - 8] ^= 1; /* of the CRC */
    folder_write("train-labels-idx1-ubyte.gz", bytes, size);
    assert_data_refused(folder_text(SECTION), SPT_EDATA,
                        folder_text("%F/train-labels-idx1-ubyte.gz: damaged: incorrect data check"));
}

/* 2^32 - 1 images of 2^32 - 1 squared pixels: the product overflows 64 bits twice. */
static void huge_claims_are_refused_before_memory_is_taken(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    size_t size = make_images(bytes, TRAIN);
    put32(bytes + 4, UINT32_MAX);
    put32(bytes + 8, UINT32_MAX);
    put32(bytes + 12, UINT32_MAX);
    folder_write("train-images-idx3-ubyte", bytes, size);
    assert_files_refused(SECTION, "%F/train-images-idx3-ubyte: truncated: header announces 4294967295 images of "
                                  "18446744065119617025 bytes, but 42 bytes at most follow");
    /* A compressed file of some 60 bytes can hold 62,000, not 4 billion. */
    make_images(bytes, TRAIN);
    put32(bytes + 4, 700000000);
    remove(folder_text("%F/train-images-idx3-ubyte"));
    write_gzip("train-images-idx3-ubyte.gz", bytes, size);
    spt_error err = {0};
    spt_dataset *set = NULL;
    spt_data_spec *spec = section_spec(folder_text(SECTION));
    assert_int_equal(spt_dataset_make(spec, &set, &err), SPT_EDATA);
    assert_non_null(strstr(err.message, "truncated: header announces 700000000 images of 6 bytes, but "));
    spt_data_spec_free(spec);
}

static void images_without_pixels_are_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    make_images(bytes, TRAIN);
    put32(bytes + 12, 0);
    folder_write("train-images-idx3-ubyte", bytes, 16);
    assert_files_refused(SECTION, "%F/train-images-idx3-ubyte: images of 2 x 0 pixels; expected at least 1 x 1");
}

static void file_without_training_examples_is_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    folder_write("train-images-idx3-ubyte", bytes, make_images(bytes, 0));
    assert_files_refused(SECTION, "%F/train-images-idx3-ubyte: holds no examples; expected at least 1 to train on");
}

static void other_count_of_labels_than_of_images_is_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    folder_write("train-labels-idx1-ubyte", bytes, make_labels(bytes, TRAIN - 1));
    assert_files_refused(SECTION,
                         "%F/train-labels-idx1-ubyte: 6 labels for the 7 images of %F/train-images-idx3-ubyte");
}

static void label_out_of_range_is_refused_with_its_row(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    size_t size = make_labels(bytes, TRAIN);
    bytes[8 + 5] = 10;
    folder_write("train-labels-idx1-ubyte", bytes, size);
    assert_files_refused(SECTION, "%F/train-labels-idx1-ubyte: label of row 5 is 10; expected 0 to 9");
    /* Also when the row is not among those that are taken: the file is not what it claims to be. */
    assert_files_refused("{source: idx, path: '%F', train: 2}",
                         "%F/train-labels-idx1-ubyte: label of row 5 is 10; expected 0 to 9");
    spt_dataset *set = section_dataset(folder_text("{source: idx, path: '%F', classes: 11}"));
    assert_int_equal(set->train.label[5], 10);
    spt_dataset_free(set);
}

static void test_images_of_another_size_are_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_folder(folder_write, "");
    make_images(bytes, TEST);
    put32(bytes + 8, 1);
    folder_write("t10k-images-idx3-ubyte", bytes, 16 + TEST * COLUMNS);
    assert_files_refused(SECTION,
                         "%F/t10k-images-idx3-ubyte: images of 1 x 3 pixels; expected 6 pixels as for training");
}

/* ---- Fashion-MNIST, where it is installed */

static void fashion_mnist_is_read_where_debian_puts_it(void **state) {
    (void)state;
    struct stat status;
    if (stat("/usr/share/datasets/fashion-mnist", &status) != 0)
        skip();
    spt_dataset *set = section_dataset("{source: fashion_mnist, train: 4000}");
    assert_int_equal(set->inputs, 784);
    assert_int_equal(set->classes, 10);
    assert_int_equal(set->train.n, 4000);
    assert_int_equal(set->test.n, 10000);
    const int32_t train[] = {9, 0, 0, 3, 0}, test[] = {9, 2, 1, 1, 6};
    assert_memory_equal(set->train.label, train, sizeof train);
    assert_memory_equal(set->test.label, test, sizeof test);
    double sum = 0;
    for (size_t i = 0; i < 784; i++)
        sum += (double)set->train.x[i];
    assert_true(sum > 784 * 0.2 && sum < 784 * 0.6); /* an ankle boot, not noise and not a blank */
    spt_dataset_free(set);
}

/* All 70,000 images, so many blocks of each file. The expected value by Python: gzip, numpy, hashlib. */
static void whole_of_fashion_mnist_has_the_documented_hash(void **state) {
    (void)state;
    struct stat status;
    if (stat("/usr/share/datasets/fashion-mnist", &status) != 0)
        skip();
    spt_dataset *set = section_dataset("{source: fashion_mnist}");
    assert_int_equal(set->train.n, 60000);
    assert_string_equal(set->sha256, "b86fa703c41dacf73560afd608bc474866c7cdbf8334542bf276f9a9eaa23e4b");
    spt_dataset_free(set);
}

static void missing_fashion_mnist_says_how_to_get_it(void **state) {
    (void)state;
    assert_files_refused("{source: fashion_mnist, path: '%F/none'}",
                         "%F/none: no such folder; expected Fashion-MNIST there (apt-get install "
                         "dataset-fashion-mnist), or in the folder that data.path names");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_create, folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(plain_files_are_read),
        IN_FOLDER(compressed_files_are_read),
        IN_FOLDER(first_examples_are_taken),
        IN_FOLDER(test_files_may_be_missing_when_no_test_is_wanted),
        IN_FOLDER(shape_comes_from_the_headers),
        IN_FOLDER(missing_folder_is_named),
        IN_FOLDER(missing_file_is_named),
        IN_FOLDER(folder_in_the_place_of_a_file_is_refused),
        IN_FOLDER(more_examples_than_there_are_are_refused_with_both_numbers),
        IN_FOLDER(wrong_magic_is_refused),
        IN_FOLDER(empty_file_is_refused),
        IN_FOLDER(truncated_file_is_refused),
        IN_FOLDER(truncated_contents_of_a_compressed_file_are_refused),
        IN_FOLDER(trailing_bytes_are_refused),
        IN_FOLDER(damaged_compression_is_refused),
        IN_FOLDER(huge_claims_are_refused_before_memory_is_taken),
        IN_FOLDER(images_without_pixels_are_refused),
        IN_FOLDER(file_without_training_examples_is_refused),
        IN_FOLDER(other_count_of_labels_than_of_images_is_refused),
        IN_FOLDER(label_out_of_range_is_refused_with_its_row),
        IN_FOLDER(test_images_of_another_size_are_refused),
        cmocka_unit_test(fashion_mnist_is_read_where_debian_puts_it),
        cmocka_unit_test(whole_of_fashion_mnist_has_the_documented_hash),
        IN_FOLDER(missing_fashion_mnist_says_how_to_get_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
