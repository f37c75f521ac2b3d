/* Source cifar10: the binary records, written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/data_section.h"

#include "unit/data_folder.h"

enum { PIXELS = 3072, RECORD = 1 + PIXELS };

static unsigned char pixel(size_t record, size_t j) {
    return (unsigned char)(31 * record + 7 * j + j / 256);
}

/* n records, numbered from `first` on; label = number mod 10. */
static void write_batch(const char *name, size_t first, size_t n, int extra_bytes) {
    size_t size = n * RECORD;
    unsigned char *bytes = calloc(size + 8, 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        bytes[i * RECORD] = (unsigned char)((first + i) % 10);
        for (size_t j = 0; j < PIXELS; j++)
            bytes[i * RECORD + 1 + j] = pixel(first + i, j);
    }
    folder_write(name, bytes, size + (size_t)extra_bytes);
    free(bytes);
}

/* 3 + 2 + 2 + 2 + 2 = 11 training records, 4 for test, numbered from 100. */
static void write_folder(void) {
    write_batch("data_batch_1.bin", 0, 3, 0);
    write_batch("data_batch_2.bin", 3, 2, 0);
    write_batch("data_batch_3.bin", 5, 2, 0);
    write_batch("data_batch_4.bin", 7, 2, 0);
    write_batch("data_batch_5.bin", 9, 2, 0);
    write_batch("test_batch.bin", 100, 4, 0);
}

static void assert_split(const spt_split *split, size_t first, size_t n) {
    assert_int_equal(split->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(split->label[i], (first + i) % 10);
        assert_int_equal(split->label_true[i], (first + i) % 10);
        for (size_t j = 0; j < PIXELS; j++)
            assert_true(split->x[i * PIXELS + j] == (float)pixel(first + i, j) / 255.0f);
    }
}

static void batches_follow_each_other(void **state) {
    (void)state;
    write_folder();
    spt_dataset *set = section_dataset(folder_text("{source: cifar10, path: '%F'}"));
    assert_int_equal(set->inputs, PIXELS);
    assert_int_equal(set->classes, 10);
    assert_int_equal(set->outputs, 10);
    assert_split(&set->train, 0, 11);
    assert_split(&set->test, 100, 4);
    spt_dataset_free(set);
}

static void first_examples_are_taken_across_batches(void **state) {
    (void)state;
    write_folder();
    spt_dataset *set = section_dataset(folder_text("{source: cifar10, path: '%F', train: 4, test: 2}"));
    assert_split(&set->train, 0, 4);
    assert_split(&set->test, 100, 2);
    spt_dataset_free(set);
}

static void files_that_are_not_needed_may_be_missing(void **state) {
    (void)state;
    write_batch("data_batch_1.bin", 0, 3, 0);
    spt_dataset *set = section_dataset(folder_text("{source: cifar10, path: '%F', train: 3, test: 0}"));
    assert_split(&set->train, 0, 3);
    assert_int_equal(set->test.n, 0);
    spt_dataset_free(set);
}

static void shape_comes_from_the_sizes_of_the_files(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_shape shape = {0};
    write_folder();
    spt_data_spec *spec = section_spec(folder_text("{source: cifar10, path: '%F', test: 1}"));
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_int_equal(shape.train, 11);
    assert_int_equal(shape.test, 1);
    assert_int_equal(shape.inputs, PIXELS);
    assert_int_equal(shape.classes, 10);
    assert_false(shape.generated);
    spt_data_spec_free(spec);
}

static void missing_file_is_named(void **state) {
    (void)state;
    write_batch("data_batch_1.bin", 0, 3, 0);
    assert_files_refused("{source: cifar10, path: '%F'}",
                         "%F/data_batch_2.bin: cannot be opened: No such file or directory");
    assert_files_refused("{source: cifar10, path: '%F', train: 2}",
                         "%F/test_batch.bin: cannot be opened: No such file or directory");
}

static void more_examples_than_there_are_are_refused_with_both_numbers(void **state) {
    (void)state;
    write_folder();
    assert_files_refused("{source: cifar10, path: '%F', train: 12}",
                         "%F: holds 11 examples, but data.train asks for 12");
    assert_files_refused("{source: cifar10, path: '%F', test: 5}", "%F: holds 4 examples, but data.test asks for 5");
}

static void broken_record_is_refused(void **state) {
    (void)state;
    write_folder();
    write_batch("data_batch_3.bin", 5, 2, 1);
    assert_files_refused("{source: cifar10, path: '%F'}",
                         "%F/data_batch_3.bin: has 6147 bytes; expected CIFAR-10 records of 3073 bytes each");
    folder_write("data_batch_3.bin", "", 0);
    assert_files_refused("{source: cifar10, path: '%F'}",
                         "%F/data_batch_3.bin: has 0 bytes; expected CIFAR-10 records of 3073 bytes each");
}

static void label_out_of_range_is_refused_with_its_row(void **state) {
    (void)state;
    unsigned char bytes[2 * RECORD] = {0};
    write_folder();
    bytes[RECORD] = 10;
    folder_write("data_batch_4.bin", bytes, sizeof bytes);
    assert_files_refused("{source: cifar10, path: '%F'}", "%F/data_batch_4.bin: label of row 1 is 10; expected 0 to 9");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_create, folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(batches_follow_each_other),
        IN_FOLDER(first_examples_are_taken_across_batches),
        IN_FOLDER(files_that_are_not_needed_may_be_missing),
        IN_FOLDER(shape_comes_from_the_sizes_of_the_files),
        IN_FOLDER(missing_file_is_named),
        IN_FOLDER(more_examples_than_there_are_are_refused_with_both_numbers),
        IN_FOLDER(broken_record_is_refused),
        IN_FOLDER(label_out_of_range_is_refused_with_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
