/* What is put into a store is what the file holds, in the places that the format names. */
#include "store_file.h"

static char *folder, path[300], other[300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(other, sizeof other, "%s/other.h5", folder);
    ignore_missing();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

static made_sweep *written(sweep_shape shape) {
    made_sweep *s = make_sweep(shape);
    write_sweep(path, s, SPT_STORE_NEW);
    spt_error err = {0};
    assert_ok(spt_file_verify(path, &err), err);
    return s;
}

/* NaN where NaN is expected. */
static void assert_float(float found, double expected, const char *what, size_t run, size_t index) {
    bool same = isnan(expected) ? isnan(found) : found == (float)expected;
    if (!same)
        fail_msg("%s of run %zu at %zu: %g, expected %g", what, run, index, (double)found, expected);
}

/* ---- values */

static void metrics_of_every_record_are_in_their_place(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_runs = 7, .n_records = 5});
    hid_t file = open_file(path);
    for (size_t m = 0; m < SPT_METRIC_COUNT; m++) {
        char name[64];
        snprintf(name, sizeof name, "/metrics/%s", spt_metric_name((spt_metric)m));
        float *values = read_floats(file, name, 7 * 5);
        for (size_t r = 0; r < 7; r++)
            for (size_t i = 0; i < 5; i++)
                assert_float(values[r * 5 + i], metric_value(r, i, m), name, r, i);
        free(values);
    }
    H5Fclose(file);
    free_sweep(s);
}

static void norms_of_shallow_runs_are_missing_past_their_layers(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_runs = 4}); /* 2 and 3 layers in turn */
    hid_t file = open_file(path);
    float *values = read_floats(file, "/metrics/spectral_norm", 4 * 4 * 3);
    for (size_t r = 0; r < 4; r++)
        for (size_t i = 0; i < 4; i++)
            for (size_t l = 0; l < 3; l++)
                assert_float(values[(r * 4 + i) * 3 + l], l < s->arenas[r].layers ? norm_value(r, i, l) : NAN,
                             "spectral_norm", r, i);
    free(values);
    H5Fclose(file);
    free_sweep(s);
}

static void check_energies(sweep_shape shape) {
    made_sweep *s = written(shape);
    hid_t file = open_file(path);
    size_t n = s->energy_size, records = s->spec.records.n;
    for (size_t p = 0; p < s->shape.n_probes; p++) {
        char name[64];
        snprintf(name, sizeof name, "/probes/%s/energy", s->probe_names[p]);
        float *values = read_floats(file, name, s->shape.n_runs * records * n);
        for (size_t i = 0; i < s->shape.n_runs * records * n; i++)
            assert_float(values[i], energy_value(i / n / records, i / n % records, p, i % n), name, i / n / records,
                         i % (n * records));
        free(values);
    }
    H5Fclose(file);
    free_sweep(s);
    unlink(path);
}

static void energies_of_one_dimension_are_in_their_place(void **state) {
    (void)state;
    check_energies((sweep_shape){.n_runs = 9, .n_probes = 3, .points = 2});
}

static void energies_of_two_dimensions_are_in_their_place(void **state) {
    (void)state;
    check_energies((sweep_shape){.n_probes = 2, .two_dims = true});
}

static void energies_larger_than_a_slab_are_in_their_place(void **state) {
    (void)state;
    /* 700 x 701 floats a record: 4 MiB hold two, so five records take three slabs, and chunks that do not match. */
    check_energies((sweep_shape){.n_runs = 1, .n_records = 5, .n_probes = 1, .two_dims = true, .frequencies = 700});
}

static void check_weights(sweep_shape shape, double weight_scale(size_t fan_in), double bias_scale) {
    made_sweep *s = make_sweep(shape);
    for (size_t r = 0; r < s->shape.n_runs; r++)
        s->models[r].init = bias_scale != 1.0 ? SPT_INIT_NTK : SPT_INIT_PYTORCH;
    write_sweep(path, s, SPT_STORE_NEW);
    hid_t file = open_file(path);
    for (size_t r = 0; r < s->shape.n_runs; r++) {
        float *state = alloc_state(s, r);
        for (size_t l = 0; l < s->arenas[r].layers; l++) {
            char name[64];
            spt_layer layer = spt_model_layer(&s->models[r], l);
            size_t weights = layer.fan_in * layer.fan_out, n = s->spec.snapshots.n;
            snprintf(name, sizeof name, "/weights/%zu/%zu/weight", r, l);
            float *weight = read_floats(file, name, n * weights);
            snprintf(name, sizeof name, "/weights/%zu/%zu/bias", r, l);
            float *bias = read_floats(file, name, n * layer.fan_out);
            for (size_t i = 0; i < n; i++) {
                fill_state(s, r, s->spec.snapshots.epoch[i] * s->steps_per_epoch[r], state);
                for (size_t k = 0; k < weights; k++)
                    assert_float(weight[i * weights + k],
                                 (double)state[layer.weight_offset + k] * weight_scale(layer.fan_in), name, r, i);
                for (size_t k = 0; k < layer.fan_out; k++)
                    assert_float(bias[i * layer.fan_out + k], (double)state[layer.bias_offset + k] * bias_scale, name,
                                 r, i);
            }
            free(weight);
            free(bias);
        }
        spt_memory_free(state);
    }
    H5Fclose(file);
    free_sweep(s);
    unlink(path);
}

static double one(size_t fan_in) {
    (void)fan_in;
    return 1.0;
}

static double over_root(size_t fan_in) {
    return 1.0 / sqrt((double)fan_in);
}

static void weights_of_every_snapshot_are_in_their_place(void **state) {
    (void)state;
    check_weights((sweep_shape){.n_runs = 6, .n_snapshots = 4}, one, 1.0);
}

static void weights_larger_than_a_slab_are_in_their_place(void **state) {
    (void)state;
    /* 1,200 x 1,200 floats: 16 MiB hold two snapshots of five, and a snapshot takes six chunks. */
    check_weights((sweep_shape){.n_runs = 1, .n_snapshots = 4, .width = 1200, .same_width = true}, one, 1.0);
}

static void ntk_weights_are_what_a_linear_layer_computes_with(void **state) {
    (void)state;
    check_weights((sweep_shape){.n_runs = 2}, over_root, 0.1);
}

/* ---- what describes the runs */

static void swept_values_are_kept_by_their_kind(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_runs = 6, .text_axis = true});
    hid_t file = open_file(path);
    int64_t *widths = read_integers(file, "/runs/model.width", 6),
            *parameters = read_integers(file, "/runs/parameters", 6);
    size_t count;
    double *rates = read_whole(file, "/runs/train.optimizer.lr", H5T_NATIVE_DOUBLE, &count);
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    H5Tset_cset(text, H5T_CSET_UTF8);
    char **inits = read_whole(file, "/runs/model.init", text, &count);
    assert_int_equal(count, 6);
    for (size_t r = 0; r < 6; r++) {
        assert_int_equal(widths[r], 3 + r % 5);
        assert_int_equal(parameters[r], s->arenas[r].parameters);
        assert_true(rates[r] == 0.1);
        assert_string_equal(inits[r], "pytorch \xc3\xa4");
        H5free_memory(inits[r]);
    }
    H5Tclose(text);
    free(inits);
    free(rates);
    free(parameters);
    free(widths);
    H5Fclose(file);
    free_sweep(s);
}

static void steps_have_a_run_dimension_only_where_runs_differ(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_runs = 4, .uneven_steps = true});
    hid_t file = open_file(path);
    int64_t *steps = read_integers(file, "/record/step", 4 * 4);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(steps[i], s->spec.records.epoch[i % 4] * s->steps_per_epoch[i / 4]);
    free(steps);
    H5Fclose(file);
    free_sweep(s);
    unlink(path);
    s = written((sweep_shape){.n_runs = 4});
    file = open_file(path);
    free(read_integers(file, "/record/step", 4));
    H5Fclose(file);
    free_sweep(s);
}

static void a_diverged_run_has_no_values_after_and_counts_as_complete(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_runs = 3, .n_records = 5, .n_probes = 1, .diverged_run = 2});
    hid_t file = open_file(path);
    assert_int_equal(read_integer_attribute(file, "complete"), 1);
    int64_t *status = read_integers(file, "/runs/status", 3), *steps = read_integers(file, "/runs/diverged_step", 3);
    assert_int_equal(status[0], SPT_RUN_DONE);
    assert_int_equal(status[1], SPT_RUN_DIVERGED);
    assert_int_equal(steps[1], diverged_step(s, 1));
    assert_int_equal(steps[0], -1);
    float *loss = read_floats(file, "/metrics/train_loss", 15),
          *energy = read_floats(file, "/probes/line_train/energy", 90);
    for (size_t i = 0; i < 5; i++) {
        bool after = s->spec.records.epoch[i] * s->steps_per_epoch[1] > diverged_step(s, 1);
        assert_float(loss[5 + i], after ? NAN : metric_value(1, i, 0), "train_loss", 1, i);
        assert_float(energy[(5 + i) * 6], after ? NAN : energy_value(1, i, 0, 0), "energy", 1, i);
    }
    size_t count;
    float *weight = read_whole(file, "/weights/1/0/weight", H5T_NATIVE_FLOAT, &count);
    assert_float(weight[count - 1], NAN, "weight", 1, count - 1);
    assert_true(weight[0] == weight[0]);
    free(weight);
    free(energy);
    free(loss);
    free(steps);
    free(status);
    H5Fclose(file);
    free_sweep(s);
}

static void records_after_divergence_are_left_out_even_when_put(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 1, .n_records = 5, .diverged_run = 1});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_all(store, s, &err), err);
    assert_ok(put_record(store, s, 0, 4, &err), err);
    void *arena = alloc_state(s, 0);
    fill_state(s, 0, 1, arena);
    assert_ok(spt_store_put_snapshot(store, 0, 2, arena, &err), err);
    spt_memory_free(arena);
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
    hid_t file = open_file(path);
    float *loss = read_floats(file, "/metrics/train_loss", 5);
    assert_float(loss[4], NAN, "train_loss", 0, 4);
    free(loss);
    size_t count;
    float *bias = read_whole(file, "/weights/0/0/bias", H5T_NATIVE_FLOAT, &count);
    assert_float(bias[count - 1], NAN, "bias", 0, 2);
    free(bias);
    H5Fclose(file);
    free_sweep(s);
}

/* ---- data */

static void labels_of_several_data_sets_are_padded_to_the_longest(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_runs = 4, .n_datasets = 3, .n_probes = 1, .points = 2, .keep_data = true});
    hid_t file = open_file(path);
    int64_t *noisy = read_integers(file, "/data/label_noisy", 3 * 12),
            *clean = read_integers(file, "/data/label_true", 3 * 12);
    float *x = read_floats(file, "/data/train_x", 3 * 12 * 5);
    int64_t *example = read_integers(file, "/probes/line_train/example", 3 * 2);
    float *direction = read_floats(file, "/probes/line_train/direction", 3 * 2 * 5);
    for (size_t d = 0; d < 3; d++) {
        for (size_t i = 0; i < 12; i++) {
            bool there = i < s->datasets[d].train.n;
            assert_int_equal(noisy[d * 12 + i], there ? s->datasets[d].train.label[i] : -1);
            assert_int_equal(clean[d * 12 + i], there ? s->datasets[d].train.label_true[i] : -1);
            assert_float(x[(d * 12 + i) * 5], there ? (double)s->datasets[d].train.x[i * 5] : NAN, "train_x", d, i);
        }
        for (size_t m = 0; m < 2; m++)
            assert_int_equal(example[d * 2 + m], s->probes[d]->example[m]);
        for (size_t m = 0; m < 10; m++)
            assert_float(direction[d * 10 + m], (double)s->probes[d]->direction[m], "direction", d, m);
    }
    free(direction);
    free(example);
    free(x);
    free(clean);
    free(noisy);
    int64_t *which = read_integers(file, "/runs/dataset", 4);
    assert_int_equal(which[3], 0);
    assert_int_equal(which[2], 2);
    free(which);
    H5Fclose(file);
    free_sweep(s);
}

static void targets_take_the_place_of_labels_in_regression(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.regression = true});
    hid_t file = open_file(path);
    float *noisy = read_floats(file, "/data/target_noisy", 12 * 2),
          *clean = read_floats(file, "/data/target_true", 12 * 2),
          *test = read_floats(file, "/data/test_target", 7 * 2);
    for (size_t i = 0; i < 24; i++) {
        assert_float(noisy[i], (double)s->datasets[0].train.target[i], "target_noisy", 0, i);
        assert_float(clean[i], (double)s->datasets[0].train.target_true[i], "target_true", 0, i);
    }
    assert_float(test[13], (double)s->datasets[0].test.target[13], "test_target", 0, 13);
    assert_true(H5Lexists(file, "/data/label_true", H5P_DEFAULT) <= 0);
    free(test);
    free(clean);
    free(noisy);
    H5Fclose(file);
    free_sweep(s);
}

static void a_test_split_of_nothing_leaves_no_arrays(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.test = SIZE_MAX, .keep_data = true});
    hid_t file = open_file(path);
    assert_true(H5Lexists(file, "/data/test_label", H5P_DEFAULT) <= 0);
    assert_true(H5Lexists(file, "/data/test_x", H5P_DEFAULT) <= 0);
    assert_true(H5Lexists(file, "/data/train_x", H5P_DEFAULT) > 0);
    H5Fclose(file);
    free_sweep(s);
}

static void data_larger_than_a_piece_come_back_whole(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_runs = 1, .train = 3000, .inputs = 900, .keep_data = true}); /* 10.3 MiB */
    hid_t file = open_file(path);
    size_t n = 3000 * 900;
    float *x = read_floats(file, "/data/train_x", n);
    assert_memory_equal(x, s->datasets[0].train.x, n * sizeof *x);
    free(x);
    H5Fclose(file);
    free_sweep(s);
}

/* ---- the whole */

static void two_files_of_one_sweep_are_equal(void **state) {
    (void)state;
    sweep_shape shape = {
        .n_runs = 8, .n_probes = 2, .points = 3, .n_datasets = 2, .text_axis = true, .keep_data = true};
    made_sweep *s = written(shape);
    write_sweep(other, s, SPT_STORE_NEW);
    assert_files_equal(path, other);
    free_sweep(s);
}

static void a_comparison_of_files_finds_one_changed_value(void **state) {
    (void)state; /* of the test itself: assert_files_equal could otherwise pass whatever it is given */
    made_sweep *s = written((sweep_shape){0});
    float loss = 12.5f;
    write_sweep(other, s, SPT_STORE_NEW);
    hid_t file = H5Fopen(other, H5F_ACC_RDWR, H5P_DEFAULT), array = H5Dopen2(file, "/metrics/test_loss", H5P_DEFAULT);
    hid_t space = H5Dget_space(array), memory = H5Screate(H5S_SCALAR);
    hsize_t place[] = {2, 3};
    H5Sselect_elements(space, H5S_SELECT_SET, 1, place);
    assert_true(H5Dwrite(array, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, &loss) >= 0);
    file_comparison c = {.other = open_file(path)};
    H5Ovisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, compare_object, &c);
    assert_string_equal(c.different, "metrics/test_loss");
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(array);
    H5Fclose(c.other);
    H5Fclose(file);
    free_sweep(s);
}

static void an_interrupted_sweep_holds_what_there_is(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 3, .n_probes = 1, .points = 2});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_ok(put_run(store, s, 0, SIZE_MAX, &err), err);
    assert_ok(put_run(store, s, 1, 2, &err), err);
    assert_ok(spt_store_finish(store, false, &err), err);
    spt_store_close(store);
    assert_ok(spt_file_verify(path, &err), err);

    spt_file_info info;
    assert_ok(spt_file_info_read(path, &info, &err), err);
    assert_false(info.complete);
    assert_int_equal(info.n_done, 1);
    assert_int_equal(info.n_missing, 2);
    spt_file_info_free(&info);
    hid_t file = open_file(path);
    float *loss = read_floats(file, "/metrics/train_loss", 12);
    for (size_t i = 0; i < 12; i++)
        assert_float(loss[i], i / 4 == 0 || (i / 4 == 1 && i % 4 < 2) ? metric_value(i / 4, i % 4, 0) : NAN, "loss",
                     i / 4, i % 4);
    free(loss);
    H5Fclose(file);
    free_sweep(s);
}

static void a_sweep_stopped_before_its_data_gives_a_file_too(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_probes = 1, .points = 2});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(spt_store_finish(store, false, &err), err);
    spt_store_close(store);
    assert_ok(spt_file_verify(path, &err), err);
    free_sweep(s);
}

static void a_complete_file_with_something_missing_is_refused(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_ok(put_run(store, s, 0, SIZE_MAX, &err), err);
    assert_ok(put_run(store, s, 1, 2, &err), err);
    assert_int_equal(spt_store_finish(store, true, &err), SPT_EINVAL);
    assert_non_null(strstr(err.message, "record 2 of run 1 is missing"));
    assert_false(is_there(path));
    spt_store_close(store);
    free_sweep(s);
}

static void info_tells_what_is_inside(void **state) {
    (void)state;
    made_sweep *s = written((sweep_shape){.n_probes = 2, .text_axis = true, .diverged_run = 1});
    spt_file_info info;
    spt_error err = {0};
    assert_ok(spt_file_info_read(path, &info, &err), err);
    assert_true(info.complete);
    assert_int_equal(info.format_version, 1);
    assert_int_equal(info.bytes, size_of(path));
    assert_int_equal(info.n_runs, 3);
    assert_int_equal(info.n_done, 2);
    assert_int_equal(info.n_diverged, 1);
    assert_int_equal(info.n_records, 4);
    assert_int_equal(info.n_snapshots, 3);
    assert_int_equal(info.n_probes, 2);
    assert_string_equal(info.probe_names[0], "grid");
    assert_int_equal(info.n_axes, 3);
    assert_string_equal(info.axis_names[0], "model.width"); /* in the sweep's order, not the alphabet's */
    assert_string_equal(info.axis_names[1], "train.optimizer.lr");
    assert_string_equal(info.config, s->config);
    assert_string_equal(info.device, s->spec.device);
    assert_string_equal(info.denormals, "flushed");
    assert_int_equal(strlen(info.dataset_sha256), 64);
    spt_file_info_free(&info);
    free_sweep(s);
}

static void other_files_are_told_apart(void **state) {
    (void)state;
    spt_file_info info;
    spt_error err = {0};
    assert_int_equal(spt_file_info_read(path, &info, &err), SPT_EIO);
    FILE *text = fopen(path, "w");
    fputs("no HDF5 here", text);
    fclose(text);
    assert_int_equal(spt_file_info_read(path, &info, &err), SPT_EDATA);
    assert_non_null(strstr(err.message, "not an HDF5 file"));
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_int_equal(spt_file_info_read(path, &info, &err), SPT_EDATA);
    assert_non_null(strstr(err.message, "not a spectrain file"));
}

static void nothing_of_hdf5_stays_open(void **state) {
    (void)state;
    static const H5I_type_t kinds[] = {H5I_FILE,    H5I_GROUP, H5I_DATATYPE, H5I_DATASPACE,
                                       H5I_DATASET, H5I_ATTR,  H5I_VFL,      H5I_GENPROP_LST};
    made_sweep *s = make_sweep((sweep_shape){.n_probes = 2, .points = 2, .n_datasets = 2, .keep_data = true});
    hsize_t members[2][sizeof kinds / sizeof *kinds] = {{0}};
    for (int round = 0; round < 2; round++) {
        spt_error err = {0};
        write_sweep(round == 0 ? path : other, s, SPT_STORE_NEW);
        assert_ok(spt_file_verify(path, &err), err);
        spt_store_predict_bytes(&s->spec);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            H5Inmembers(kinds[i], &members[round][i]);
    }
    assert_int_equal(members[1][0] + members[1][1] + members[1][4] + members[1][5], 0);
    assert_memory_equal(members[0], members[1], sizeof members[0]);
    free_sweep(s);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(metrics_of_every_record_are_in_their_place),
        TEST(norms_of_shallow_runs_are_missing_past_their_layers),
        TEST(energies_of_one_dimension_are_in_their_place),
        TEST(energies_of_two_dimensions_are_in_their_place),
        TEST(energies_larger_than_a_slab_are_in_their_place),
        TEST(weights_of_every_snapshot_are_in_their_place),
        TEST(weights_larger_than_a_slab_are_in_their_place),
        TEST(ntk_weights_are_what_a_linear_layer_computes_with),
        TEST(swept_values_are_kept_by_their_kind),
        TEST(steps_have_a_run_dimension_only_where_runs_differ),
        TEST(a_diverged_run_has_no_values_after_and_counts_as_complete),
        TEST(records_after_divergence_are_left_out_even_when_put),
        TEST(labels_of_several_data_sets_are_padded_to_the_longest),
        TEST(targets_take_the_place_of_labels_in_regression),
        TEST(a_test_split_of_nothing_leaves_no_arrays),
        TEST(data_larger_than_a_piece_come_back_whole),
        TEST(two_files_of_one_sweep_are_equal),
        TEST(a_comparison_of_files_finds_one_changed_value),
        TEST(an_interrupted_sweep_holds_what_there_is),
        TEST(a_sweep_stopped_before_its_data_gives_a_file_too),
        TEST(a_complete_file_with_something_missing_is_refused),
        TEST(info_tells_what_is_inside),
        TEST(other_files_are_told_apart),
        TEST(nothing_of_hdf5_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
