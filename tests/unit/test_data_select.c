/* Classes selected out of an image set, and two of them as one number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/data_section.h"

#include "unit/data_folder.h"

enum { TRAIN = 30, TEST = 12, CLASSES = 5 };

/* One pixel an image, which tells its row; its class is row * 3 modulo 5, so that each comes every five rows. */
static int class_of(size_t row) {
    return (int)(3 * row % CLASSES);
}

static void write_split(const char *images, const char *labels, size_t n) {
    unsigned char bytes[64] = {0, 0, 8, 3, 0, 0, 0, (unsigned char)n, 0, 0, 0, 1, 0, 0, 0, 1};
    for (size_t i = 0; i < n; i++)
        bytes[16 + i] = (unsigned char)i;
    folder_write(images, bytes, 16 + n);
    bytes[3] = 1;
    for (size_t i = 0; i < n; i++)
        bytes[8 + i] = (unsigned char)class_of(i);
    folder_write(labels, bytes, 8 + n);
}

static int write_files(void **state) {
    if (folder_create(state) != 0)
        return -1;
    write_split("train-images-idx3-ubyte", "train-labels-idx1-ubyte", TRAIN);
    write_split("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", TEST);
    return 0;
}

#define IDX "{source: idx, path: '%F', classes: 5, "

static spt_dataset *dataset(const char *section) {
    return section_dataset(folder_text(section));
}

/* The rows of classes 4 and 1 in their order: label 0 for 4, 1 for 1. */
static void assert_selected(const spt_split *split, size_t n) {
    assert_int_equal(split->n, n);
    size_t row = 0;
    for (size_t i = 0; i < n; i++, row++) {
        while (class_of(row) != 4 && class_of(row) != 1)
            row++;
        assert_true(split->x[i] == (float)row / 255.0f);
        if (split->label != NULL)
            assert_int_equal(split->label[i], class_of(row) == 1);
        else
            assert_true(split->target[i] == (class_of(row) == 1 ? 1.0f : -1.0f));
    }
}

static void first_examples_of_the_classes_become_labels_in_their_order(void **state) {
    (void)state;
    spt_dataset *set = dataset(IDX "train: 9, test: 4, select: [4, 1]}");
    assert_true(set->classes == 2 && set->outputs == 2 && set->inputs == 1);
    assert_selected(&set->train, 9);
    assert_selected(&set->test, 4);
    assert_memory_equal(set->train.label, set->train.label_true, 9 * sizeof(int32_t));
    spt_dataset_free(set);
}

static void binary_targets_are_two_classes_on_one_output(void **state) {
    (void)state;
    spt_dataset *set = dataset(IDX "train: 9, test: 4, select: [4, 1], targets: binary}");
    assert_true(set->classes == 2 && set->outputs == 1);
    assert_selected(&set->train, 9);
    spt_dataset_free(set);
}

static void signs_are_real_targets_that_take_real_noise(void **state) {
    (void)state;
    spt_dataset *set =
        dataset(IDX "train: 12, test: 4, select: [4, 1], targets: signs, label_noise: {kind: gaussian}}");
    assert_true(set->classes == 0 && set->outputs == 1);
    assert_null(set->train.label);
    assert_selected(&set->test, 4);
    float *noisy = set->train.target;
    set->train.target = set->train.target_true;
    assert_selected(&set->train, 12);
    set->train.target = noisy;
    for (size_t i = 0; i < 12; i++)
        assert_true(noisy[i] != set->train.target_true[i]);
    spt_dataset_free(set);
}

static void label_noise_draws_from_the_selected_classes(void **state) {
    (void)state;
    spt_dataset *set = dataset(IDX "train: 12, test: 0, select: [4, 1], label_noise: {kind: uniform, fraction: 1}}");
    size_t changed = 0;
    for (size_t i = 0; i < 12; i++) {
        assert_in_range(set->train.label[i], 0, 1);
        changed += set->train.label[i] != set->train.label_true[i];
    }
    assert_in_range(changed, 1,
                    11); /* none or all of twelve fair coins: a probability of 5e-4, and the seed is fixed */
    assert_int_equal(set->test.n, 0);
    spt_dataset_free(set);
}

static void test_split_may_be_the_selected_training_examples(void **state) {
    (void)state;
    spt_dataset *set = dataset(IDX "train: 12, test: clean_train, select: [4, 1], targets: signs}");
    assert_selected(&set->test, 12);
    spt_dataset_free(set);
}

static void shape_is_known_before_the_images_are_read(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_shape shape;
    spt_data_spec *spec = section_spec(folder_text(IDX "train: 9, test: 4, select: [4, 1, 0]}"));
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_true(shape.train == 9 && shape.test == 4 && shape.classes == 3 && shape.outputs == 3);
    spt_data_spec_free(spec);
    spec = section_spec(folder_text(IDX "train: 9, test: 4, select: [4, 1], targets: signs}"));
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_true(shape.train == 9 && shape.test == 4 && shape.classes == 0 && shape.outputs == 1);
    spt_data_spec_free(spec);
}

static void fewer_examples_than_asked_for_are_refused(void **state) {
    (void)state;
    assert_files_refused(IDX "train: 13, test: 0, select: [4, 1]}",
                         "%F: holds 12 examples of the classes of data.select, but data.train asks for 13");
    spt_error err = {0};
    spt_data_shape shape; /* more than there are at all shows in the header */
    spt_data_spec *spec = section_spec(folder_text(IDX "train: 31, test: 0, select: [4, 1]}"));
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_EDATA);
    assert_string_equal(err.message, folder_text("%F: holds 30 examples, but data.train asks for 31"));
    spt_data_spec_free(spec);
}

static void class_that_is_not_there_is_refused(void **state) {
    (void)state;
    const char *expected = folder_text("data.select: class 5, but %F has 5; allowed: 0 to 4");
    assert_data_refused(folder_text(IDX "train: 3, test: 0, select: [4, 5]}"), SPT_EINVAL, expected);
}

static void one_output_for_other_than_two_classes_is_refused(void **state) {
    (void)state;
    const char *expected =
        folder_text("data.targets: binary is for two classes, but there are 5 of %F; data.select takes two of them");
    assert_data_refused(folder_text(IDX "train: 3, targets: binary}"), SPT_EINVAL, expected);
}

static void section_is_checked(void **state) {
    (void)state;
    assert_section_refused("{source: idx, path: x, train: 5, select: [1, 2]}",
                           "test.yaml:1: data.test: is missing; it is required");
    assert_section_refused("{source: idx, path: x, test: 5, select: [1, 2]}",
                           "test.yaml:1: data.train: is missing; it is required");
    assert_section_refused("{source: idx, path: x, train: 5, test: 5, select: [1]}",
                           "test.yaml:1: data.select: expected a list of 2 to 1000 classes, like [3, 8]");
    assert_section_refused("{source: idx, path: x, train: 5, test: 5, select: 3}",
                           "test.yaml:1: data.select: expected a list of 2 to 1000 classes, like [3, 8]");
    assert_section_refused("{source: idx, path: x, train: 5, test: 5, select: [3, -1]}",
                           "test.yaml:1: data.select.1: is -1; allowed: integers 0 to 65535");
    assert_section_refused("{source: idx, path: x, train: 5, test: 5, select: [3, 8, 3]}",
                           "test.yaml:1: data.select.2: is 3, as is item 0; allowed: each class once");
    assert_section_refused(
        "{source: mnist1d, train: 5, test: 5, select: [3, 8]}",
        "test.yaml:1: data.select: is not for source mnist1d, which is made and not loaded; remove it");
    assert_section_refused("{source: idx, path: x, targets: halves}",
                           "test.yaml:1: data.targets: is halves; allowed: classes, binary, signs");
}

#define FILES(test) cmocka_unit_test_setup_teardown(test, write_files, folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        FILES(first_examples_of_the_classes_become_labels_in_their_order),
        FILES(binary_targets_are_two_classes_on_one_output),
        FILES(signs_are_real_targets_that_take_real_noise),
        FILES(label_noise_draws_from_the_selected_classes),
        FILES(test_split_may_be_the_selected_training_examples),
        FILES(shape_is_known_before_the_images_are_read),
        FILES(fewer_examples_than_asked_for_are_refused),
        FILES(class_that_is_not_there_is_refused),
        FILES(one_output_for_other_than_two_classes_is_refused),
        cmocka_unit_test(section_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
