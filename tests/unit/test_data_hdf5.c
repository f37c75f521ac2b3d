/* Source hdf5: files written here, read back; and what is refused. */
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/data_section.h"

#include "unit/data_folder.h"

enum { TRAIN = 5, TEST = 2, COLUMNS = 3 };

static const float TRAIN_X[TRAIN][COLUMNS] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {-1, -2, -3}, {0.5f, 0.25f, 0.125f}};
static const float TEST_X[TEST][COLUMNS] = {{10, 20, 30}, {40, 50, 60}};
static const int TRAIN_Y[TRAIN] = {0, 1, 2, 1, 0}, TEST_Y[TEST] = {3, 0};

static hid_t create_file(void) {
    hid_t file = H5Fcreate(folder_text("%F/data.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    H5Gclose(H5Gcreate2(file, "/train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Gclose(H5Gcreate2(file, "/test", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    return file;
}

/* columns 0: one dimension. values NULL: made but never written. */
static void add(hid_t file, const char *name, hid_t stored, hid_t type, hsize_t rows, hsize_t columns,
                const void *values) {
    hsize_t dims[2] = {rows, columns};
    hid_t space = H5Screate_simple(columns == 0 ? 1 : 2, dims, NULL);
    hid_t table = H5Dcreate2(file, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(table >= 0);
    if (values != NULL)
        assert_true(H5Dwrite(table, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(table);
    H5Sclose(space);
}

static void add_x(hid_t file) {
    add(file, "/train/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, COLUMNS, TRAIN_X);
    add(file, "/test/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, TEST_X);
}

static void add_labels(hid_t file) {
    add(file, "/train/y", H5T_STD_I64LE, H5T_NATIVE_INT, TRAIN, 0, TRAIN_Y);
    add(file, "/test/y", H5T_STD_U8LE, H5T_NATIVE_INT, TEST, 0, TEST_Y);
}

static void write_classes(void) {
    hid_t file = create_file();
    add_x(file);
    add_labels(file);
    H5Fclose(file);
}

static const char SECTION[] = "{source: hdf5, path: '%F/data.h5'}";

static void classes_are_read(void **state) {
    (void)state;
    write_classes();
    spt_dataset *set = section_dataset(folder_text(SECTION));
    assert_int_equal(set->inputs, COLUMNS);
    assert_int_equal(set->classes, 4); /* the largest label of both splits is 3 */
    assert_int_equal(set->outputs, 4);
    assert_false(set->generated);
    assert_int_equal(set->train.n, TRAIN);
    assert_int_equal(set->test.n, TEST);
    assert_memory_equal(set->train.x, TRAIN_X, sizeof TRAIN_X);
    assert_memory_equal(set->test.x, TEST_X, sizeof TEST_X);
    for (size_t i = 0; i < TRAIN; i++)
        assert_int_equal(set->train.label[i], TRAIN_Y[i]);
    for (size_t i = 0; i < TEST; i++)
        assert_int_equal(set->test.label[i], TEST_Y[i]);
    assert_null(set->train.target);
    spt_dataset_free(set);
}

static void targets_are_read(void **state) {
    (void)state;
    const float y[TRAIN][2] = {{1, -1}, {2, -2}, {3, -3}, {4, -4}, {5, -5}};
    hid_t file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_IEEE_F64BE, H5T_NATIVE_FLOAT, TRAIN, 2, y);
    add(file, "/test/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, 2, y);
    H5Fclose(file);
    spt_dataset *set = section_dataset(folder_text(SECTION));
    assert_int_equal(set->classes, 0);
    assert_int_equal(set->outputs, 2);
    assert_memory_equal(set->train.target, y, sizeof y);
    assert_memory_equal(set->train.target_true, y, sizeof y);
    assert_memory_equal(set->test.target, y, 2 * sizeof y[0]);
    assert_null(set->train.label);
    spt_dataset_free(set);
}

static void first_examples_are_taken(void **state) {
    (void)state;
    write_classes();
    spt_dataset *set = section_dataset(folder_text("{source: hdf5, path: '%F/data.h5', train: 3, test: 1}"));
    assert_int_equal(set->train.n, 3);
    assert_int_equal(set->test.n, 1);
    assert_memory_equal(set->train.x, TRAIN_X, 3 * sizeof TRAIN_X[0]);
    assert_memory_equal(set->test.x, TEST_X, sizeof TEST_X[0]);
    assert_int_equal(set->classes, 4);
    spt_dataset_free(set);
}

static void test_tables_may_be_missing_when_no_test_is_wanted(void **state) {
    (void)state;
    hid_t file = create_file();
    add(file, "/train/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, COLUMNS, TRAIN_X);
    add(file, "/train/y", H5T_STD_I32LE, H5T_NATIVE_INT, TRAIN, 0, TRAIN_Y);
    H5Fclose(file);
    spt_dataset *set = section_dataset(folder_text("{source: hdf5, path: '%F/data.h5', test: 0}"));
    assert_int_equal(set->train.n, TRAIN);
    assert_int_equal(set->test.n, 0);
    assert_int_equal(set->classes, 3);
    spt_dataset_free(set);
}

static void shape_is_that_of_the_data(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_shape shape = {0};
    write_classes();
    spt_data_spec *spec = section_spec(folder_text("{source: hdf5, path: '%F/data.h5', train: 2, classes: 7}"));
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_int_equal(shape.train, 2);
    assert_int_equal(shape.test, TEST);
    assert_int_equal(shape.inputs, COLUMNS);
    assert_int_equal(shape.classes, 7);
    assert_int_equal(shape.outputs, 7);
    spt_data_spec_free(spec);
}

/* ---- refused */

static void missing_file_is_named(void **state) {
    (void)state;
    assert_files_refused(SECTION, "%F/data.h5: cannot be opened: No such file or directory");
}

static void file_of_another_format_is_refused(void **state) {
    (void)state;
    folder_write("data.h5", "PK\3\4 not HDF5", 13);
    assert_files_refused(SECTION, "%F/data.h5: not an HDF5 file, damaged, or not readable");
}

static void missing_table_is_named(void **state) {
    (void)state;
    hid_t file = create_file();
    add_x(file);
    H5Fclose(file);
    assert_files_refused(SECTION,
                         "%F/data.h5: /train/y is missing, or no dataset; expected /train/x /train/y /test/x /test/y");
}

static void inputs_must_have_two_dimensions(void **state) {
    (void)state;
    hid_t file = create_file();
    add(file, "/train/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, 0, TRAIN_X);
    add_labels(file);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /train/x has rank 1; expected 2, (n, d) with d >= 1");
}

static void other_count_of_labels_than_of_inputs_is_refused(void **state) {
    (void)state;
    hid_t file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_STD_I32LE, H5T_NATIVE_INT, TRAIN - 1, 0, TRAIN_Y);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /train/x has 5 rows and /train/y has 4; expected as many");
}

static void labels_as_floats_are_refused(void **state) {
    (void)state;
    hid_t file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_IEEE_F32LE, H5T_NATIVE_INT, TRAIN, 0, TRAIN_Y);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /train/y holds floats of rank 1; expected integer classes (n), "
                                  "or float targets (n, C)");
}

static void text_is_refused(void **state) {
    (void)state;
    hid_t file = create_file(), text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 4);
    add(file, "/train/x", text, text, TRAIN, COLUMNS, NULL);
    H5Tclose(text);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /train/x holds neither floats nor integers");
}

static void splits_must_agree(void **state) {
    (void)state;
    hid_t file = create_file();
    add(file, "/train/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, COLUMNS, TRAIN_X);
    add(file, "/test/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, 2, TEST_X);
    add_labels(file);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /test/x has 2 columns; expected 3 as in /train/x");

    file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_STD_I32LE, H5T_NATIVE_INT, TRAIN, 0, TRAIN_Y);
    add(file, "/test/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, TEST_X);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: one of /train/y and /test/y holds classes, the other targets");

    file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, 3, TRAIN_X);
    add(file, "/test/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, 2, TEST_X);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /test/y has 2 columns; expected 3 as in /train/y");
}

static void label_out_of_range_is_refused_with_its_row(void **state) {
    (void)state;
    const int64_t negative[TRAIN] = {0, 1, -1, 0, 0}, huge[TRAIN] = {0, 0, 0, 0, INT64_C(1) << 40};
    hid_t file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_STD_I64LE, H5T_NATIVE_INT64, TRAIN, 0, negative);
    add(file, "/test/y", H5T_STD_U8LE, H5T_NATIVE_INT, TEST, 0, TEST_Y);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /train/y, row 2 is -1; expected a class, 0 to 65535");

    file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_STD_I64LE, H5T_NATIVE_INT64, TRAIN, 0, huge);
    add(file, "/test/y", H5T_STD_U8LE, H5T_NATIVE_INT, TEST, 0, TEST_Y);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /train/y, row 4 is 1099511627776; expected a class, 0 to 65535");

    write_classes();
    assert_files_refused("{source: hdf5, path: '%F/data.h5', classes: 3}",
                         "%F/data.h5: /test/y, row 0 is 3; expected a class, 0 to 2");
}

static void number_that_is_not_finite_is_refused_with_split_row_and_column(void **state) {
    (void)state;
    float x[TEST][COLUMNS] = {{0, 0, 0}, {0, INFINITY, 0}};
    hid_t file = create_file();
    add(file, "/train/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, COLUMNS, TRAIN_X);
    add(file, "/test/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, x);
    add_labels(file);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: test x, row 1, column 1 is inf; expected a finite float32");

    float y[TRAIN][2] = {{0}};
    y[3][0] = nanf("");
    file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, 2, y);
    add(file, "/test/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, 2, TEST_X);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: train y, row 3, column 0 is nan; expected a finite float32");
}

static void float64_beyond_float32_is_refused(void **state) {
    (void)state;
    double x[TRAIN][COLUMNS] = {{0}};
    x[4][2] = 1e39;
    hid_t file = create_file();
    add(file, "/train/x", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, TRAIN, COLUMNS, x);
    add(file, "/test/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, TEST_X);
    add_labels(file);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: train x, row 4, column 2 is inf; expected a finite float32");
}

/* A deviation of 4e-31 in training, and a test value of 1e10. */
static void standardised_value_beyond_float32_is_refused(void **state) {
    (void)state;
    float x[TRAIN][COLUMNS] = {{1e-30f, 0, 0}}, far[TEST][COLUMNS] = {{0}, {1e10f, 0, 0}};
    hid_t file = create_file();
    add(file, "/train/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, COLUMNS, x);
    add(file, "/test/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, far);
    add_labels(file);
    H5Fclose(file);
    assert_files_refused("{source: hdf5, path: '%F/data.h5', standardize: feature}",
                         "%F/data.h5: test x, row 1, column 0 is inf; expected a finite float32");
}

static void more_examples_than_there_are_are_refused_with_both_numbers(void **state) {
    (void)state;
    write_classes();
    assert_files_refused("{source: hdf5, path: '%F/data.h5', train: 6}",
                         "%F/data.h5: holds 5 examples, but data.train asks for 6");
    assert_files_refused("{source: hdf5, path: '%F/data.h5', test: 3}",
                         "%F/data.h5: holds 2 examples, but data.test asks for 3");
}

static void rows_that_were_never_written_are_refused(void **state) {
    (void)state;
    hid_t file = create_file();
    add(file, "/train/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, (hsize_t)1 << 30, 1000, NULL);
    add(file, "/train/y", H5T_STD_I32LE, H5T_NATIVE_INT, (hsize_t)1 << 30, 0, NULL);
    H5Fclose(file);
    assert_files_refused(SECTION, "%F/data.h5: /train/x has 1073741824 rows, but none was ever written");
}

/* Chunked, with a checksum, and one byte changed in the file behind HDF5's back. */
static void damaged_numbers_are_refused(void **state) {
    (void)state;
    static unsigned char bytes[1 << 16];
    const hsize_t dims[2] = {TRAIN, COLUMNS};
    hid_t file = create_file(), space = H5Screate_simple(2, dims, NULL), made = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(made, 2, dims);
    H5Pset_fletcher32(made);
    hid_t table = H5Dcreate2(file, "/train/x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, made, H5P_DEFAULT);
    assert_true(H5Dwrite(table, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, TRAIN_X) >= 0);
    H5Dclose(table);
    H5Pclose(made);
    H5Sclose(space);
    add(file, "/test/x", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, TEST_X);
    add_labels(file);
    H5Fclose(file);

    FILE *stored = fopen(folder_text("%F/data.h5"), "rb");
    assert_non_null(stored);
    size_t size = fread(bytes, 1, sizeof bytes, stored), at = 0;
    fclose(stored);
    while (at + sizeof TRAIN_X <= size && memcmp(bytes + at, TRAIN_X, sizeof TRAIN_X) != 0)
        at++;
    assert_true(at + sizeof TRAIN_X <= size);
    bytes[at] ^= 1;
    folder_write("data.h5", bytes, size);
    const char *section = folder_text(SECTION);
    assert_data_refused(section, SPT_EIO,
                        folder_text("%F/data.h5: reading of /train/x failed: damaged, or packed by a filter that is "
                                    "not installed"));
}

static void classes_of_real_targets_are_refused(void **state) {
    (void)state;
    hid_t file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, COLUMNS, TRAIN_X);
    add(file, "/test/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, TEST_X);
    H5Fclose(file);
    assert_files_refused("{source: hdf5, path: '%F/data.h5', classes: 3}",
                         "%F/data.h5: /train/y holds float targets, but data.classes asks for 3 classes");
}

static void noise_on_real_targets_is_refused(void **state) {
    (void)state;
    hid_t file = create_file();
    add_x(file);
    add(file, "/train/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TRAIN, COLUMNS, TRAIN_X);
    add(file, "/test/y", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, TEST, COLUMNS, TEST_X);
    H5Fclose(file);
    const char *section =
        folder_text("{source: hdf5, path: '%F/data.h5', label_noise: {kind: uniform, fraction: 0.5}}");
    assert_data_refused(section, SPT_EINVAL,
                        folder_text("data.label_noise: kind uniform is for classes, but %F/data.h5 has real targets; "
                                    "allowed: none, radial, plane_waves, principal, kernel, gaussian, uniform_real"));
    spt_error err = {0};
    spt_data_shape shape;
    spt_data_spec *spec = section_spec(section);
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_EINVAL);
    spt_data_spec_free(spec);
}

static herr_t record_print(hid_t stack, void *user) {
    (void)stack;
    (*(int *)user)++;
    return 0;
}

static void error_handler_of_the_program_is_put_back(void **state) {
    (void)state;
    int printed = 0;
    H5E_auto2_t before, after;
    void *user_before, *user_after;
    H5Eget_auto2(H5E_DEFAULT, &before, &user_before);
    H5Eset_auto2(H5E_DEFAULT, record_print, &printed);
    folder_write("data.h5", "not HDF5", 8);
    assert_files_refused(SECTION, "%F/data.h5: not an HDF5 file, damaged, or not readable");
    H5Eget_auto2(H5E_DEFAULT, &after, &user_after);
    H5Eset_auto2(H5E_DEFAULT, before, user_before);
    assert_int_equal(printed, 0);
    assert_true(after == record_print);
    assert_ptr_equal(user_after, &printed);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_create, folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(classes_are_read),
        IN_FOLDER(targets_are_read),
        IN_FOLDER(first_examples_are_taken),
        IN_FOLDER(test_tables_may_be_missing_when_no_test_is_wanted),
        IN_FOLDER(shape_is_that_of_the_data),
        IN_FOLDER(missing_file_is_named),
        IN_FOLDER(file_of_another_format_is_refused),
        IN_FOLDER(missing_table_is_named),
        IN_FOLDER(inputs_must_have_two_dimensions),
        IN_FOLDER(other_count_of_labels_than_of_inputs_is_refused),
        IN_FOLDER(labels_as_floats_are_refused),
        IN_FOLDER(text_is_refused),
        IN_FOLDER(splits_must_agree),
        IN_FOLDER(label_out_of_range_is_refused_with_its_row),
        IN_FOLDER(number_that_is_not_finite_is_refused_with_split_row_and_column),
        IN_FOLDER(float64_beyond_float32_is_refused),
        IN_FOLDER(standardised_value_beyond_float32_is_refused),
        IN_FOLDER(more_examples_than_there_are_are_refused_with_both_numbers),
        IN_FOLDER(rows_that_were_never_written_are_refused),
        IN_FOLDER(damaged_numbers_are_refused),
        IN_FOLDER(classes_of_real_targets_are_refused),
        IN_FOLDER(noise_on_real_targets_is_refused),
        IN_FOLDER(error_handler_of_the_program_is_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
