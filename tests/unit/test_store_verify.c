/* Damage to a finished file is found, and named. */
#include "store/seal.h"
#include "store_file.h"

static char *folder, path[300], copy[300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder_in_memory();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(copy, sizeof copy, "%s/copy.h5", folder);
    ignore_missing();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

static unsigned char *read_bytes(const char *name, size_t *size) {
    *size = (size_t)size_of(name);
    unsigned char *bytes = malloc(*size + 1);
    FILE *file = fopen(name, "rb");
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_bytes(const char *name, const unsigned char *bytes, size_t size) {
    FILE *file = fopen(name, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static made_sweep *written(void) {
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 4, .n_records = 3, .n_probes = 1, .points = 2});
    write_sweep(path, s, SPT_STORE_NEW);
    return s;
}

/* Where the only chunk of a small array lies. */
static haddr_t place_of(const char *array, hsize_t *bytes) {
    hid_t file = open_file(path), dataset = H5Dopen2(file, array, H5P_DEFAULT);
    haddr_t address = HADDR_UNDEF;
    hsize_t offset[8];
    unsigned mask;
    assert_true(dataset >= 0);
    hid_t space = H5Dget_space(dataset);
    assert_true(H5Dget_chunk_info(dataset, space, 0, offset, &mask, &address, bytes) >= 0);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
    return address;
}

/* may_be_read: nothing is wrong that reading the attributes would meet. */
static void assert_damaged(const char *words, bool may_be_read) {
    spt_error err = {0};
    spt_file_info info;
    assert_int_equal(spt_file_info_read(copy, &info, &err), may_be_read ? SPT_OK : SPT_ECORRUPT);
    if (may_be_read)
        spt_file_info_free(&info);
    assert_int_equal(spt_file_verify(copy, &err), SPT_ECORRUPT);
    if (strstr(err.message, words) == NULL || strncmp(err.message, copy, strlen(copy)) != 0)
        fail_msg("\"%s\"; expected the file's name first and \"%s\"", err.message, words);
    assert_null(strchr(err.message, '\n'));
}

static void damage_in_an_array_is_named_with_its_path_and_runs(void **state) {
    (void)state;
    static const struct {
        const char *array, *words;
    } cases[] = {
        {"/weights/2/1/weight", "/weights/2/1/weight (run 2): cannot be read"},
        {"/weights/0/0/bias", "/weights/0/0/bias (run 0): cannot be read"},
        {"/metrics/test_error", "/metrics/test_error (runs 0 to 3): cannot be read"},
        {"/metrics/layer", "/metrics/layer: cannot be read"},
        {"/probes/line_train/energy", "/probes/line_train/energy (runs 0 to 3): cannot be read"},
        {"/probes/line_train/example", "/probes/line_train/example: cannot be read"},
        {"/data/label_noisy", "/data/label_noisy: cannot be read"},
        {"/runs/model.width", "/runs/model.width (runs 0 to 3): cannot be read"},
        {"/record/epoch", "/record/epoch: cannot be read"},
    };
    made_sweep *s = written();
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hsize_t length;
        haddr_t at = place_of(cases[i].array, &length);
        bytes[at + length / 2] ^= 4;
        write_bytes(copy, bytes, size);
        assert_damaged(cases[i].words, false);
        bytes[at + length / 2] ^= 4;
    }
    free(bytes);
    free_sweep(s);
}

static void one_run_of_a_large_energy_is_told_from_the_others(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 5, .n_records = 20, .n_probes = 1, .frequencies = 1000});
    write_sweep(path, s, SPT_STORE_NEW);
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    hid_t file = open_file(path), dataset = H5Dopen2(file, "/probes/line_train/energy", H5P_DEFAULT);
    hsize_t run[] = {3, 0, 0}, length;
    haddr_t at;
    unsigned mask;
    assert_true(H5Dget_chunk_info_by_coord(dataset, run, &mask, &at, &length) >= 0);
    H5Dclose(dataset);
    H5Fclose(file);
    bytes[at + 5] ^= 1;
    write_bytes(copy, bytes, size);
    assert_damaged("/probes/line_train/energy (run 3): cannot be read", at >= SPT_SEAL_HEAD_BYTES);
    free(bytes);
    free_sweep(s);
}

static void any_flipped_byte_is_found(void **state) {
    (void)state;
    made_sweep *s = written();
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    /* Every part of the file; the steps share no factor with HDF5's sizes. The last 200 one by one. */
    for (size_t at = 0; at<size; at += at + 200> size ? 1 : 101) {
        spt_error err = {0};
        bytes[at] ^= (unsigned char)(1u << (at % 8));
        write_bytes(copy, bytes, size);
        spt_status status = spt_file_verify(copy, &err);
        spt_file_info info; /* whatever it finds, it must not crash */
        if (spt_file_info_read(copy, &info, NULL) == SPT_OK)
            spt_file_info_free(&info);
        if (status != SPT_ECORRUPT && status != SPT_EDATA)
            fail_msg("byte %zu of %zu: %s", at, size, spt_status_name(status));
        bytes[at] ^= (unsigned char)(1u << (at % 8));
    }
    free(bytes);
    free_sweep(s);
}

static void any_cut_is_found(void **state) {
    (void)state;
    made_sweep *s = written();
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    for (size_t cut = 0; cut<size; cut += cut + 200> size ? 1 : 997) {
        spt_error err = {0};
        write_bytes(copy, bytes, cut);
        spt_status status = spt_file_verify(copy, &err);
        /* Without sums and seal, and nothing else missing, it is as another program leaves it. */
        if (cut + spt_seal_size(cut) == size)
            assert_int_equal(status, SPT_OK);
        else
            assert_true(status == SPT_ECORRUPT || status == SPT_EDATA);
    }
    free(bytes);
    free_sweep(s);
}

static void bytes_added_at_the_end_are_found(void **state) {
    (void)state;
    made_sweep *s = written();
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    bytes[size] = 'x';
    write_bytes(copy, bytes, size + 1);
    assert_damaged("its bytes are not those that were written", false);
    free(bytes);
    free_sweep(s);
}

static void a_file_that_another_program_added_to_is_still_good(void **state) {
    (void)state;
    made_sweep *s = written();
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    int note = 7;
    hid_t scalar = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file, "note", H5T_STD_I32LE, scalar, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT, &note) >= 0);
    H5Aclose(attribute);
    H5Sclose(scalar);
    H5Fclose(file);
    spt_error err = {0};
    assert_ok(spt_file_verify(path, &err), err);
    free_sweep(s);
}

/* ---- parts that do not fit, in files without damage */

static void edit(void change(hid_t file)) {
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    change(file);
    H5Fclose(file);
    rename(path, copy);
}

static void remove_weights(hid_t file) {
    H5Ldelete(file, "/weights/1", H5P_DEFAULT);
}

static void remove_bias(hid_t file) {
    H5Ldelete(file, "/weights/1/0/bias", H5P_DEFAULT);
}

static void remove_scales(hid_t file) {
    hid_t array = H5Dopen2(file, "/metrics/test_loss", H5P_DEFAULT);
    H5Adelete(array, "DIMENSION_LIST");
    H5Dclose(array);
}

static void remove_units(hid_t file) {
    hid_t array = H5Dopen2(file, "/metrics/test_loss", H5P_DEFAULT);
    H5Adelete(array, "units");
    H5Dclose(array);
}

static void forget_a_run(hid_t file) {
    hid_t array = H5Dopen2(file, "/runs/status", H5P_DEFAULT);
    int8_t status[4] = {1, 1, 0, 1};
    H5Dwrite(array, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, status);
    H5Dclose(array);
}

static void parts_that_do_not_fit_are_named(void **state) {
    (void)state;
    static const struct {
        void (*change)(hid_t file);
        const char *words;
    } cases[] = {
        {remove_weights, "/weights/1: is missing"},
        {remove_bias, "/weights/1/0: weight and bias do not fit"},
        {remove_scales, "/metrics/test_loss: a dimension has no scale"},
        {remove_units, "/metrics/test_loss: has no long_name or no units"},
        {forget_a_run, "says that it is complete, but 1 of 4 runs are missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_sweep *s = written();
        edit(cases[i].change);
        assert_damaged(cases[i].words, true);
        free_sweep(s);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(damage_in_an_array_is_named_with_its_path_and_runs),
        TEST(one_run_of_a_large_energy_is_told_from_the_others),
        TEST(any_flipped_byte_is_found),
        TEST(any_cut_is_found),
        TEST(bytes_added_at_the_end_are_found),
        TEST(a_file_that_another_program_added_to_is_still_good),
        TEST(parts_that_do_not_fit_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
