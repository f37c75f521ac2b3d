/* The predicted size of a file against its size. */
#include "store_file.h"

static char *folder, path[300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    ignore_missing();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

/* Within 5 %, as store.h says: the width of a progress bar's last steps, and what a full disk leaves. */
static void assert_predicted(sweep_shape shape) {
    made_sweep *s = make_sweep(shape);
    uint64_t predicted = spt_store_predict_bytes(&s->spec);
    write_sweep(path, s, SPT_STORE_NEW);
    double deviation = (double)predicted / (double)size_of(path) - 1.0;
    if (!(fabs(deviation) <= 0.05))
        fail_msg("predicted %llu bytes, has %llu: %+.1f %%", (unsigned long long)predicted,
                 (unsigned long long)size_of(path), 100.0 * deviation);
    free_sweep(s);
}

static void one_tiny_run(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 1, .n_records = 2, .n_snapshots = 2, .inputs = 1, .width = 1});
}

static void one_tiny_run_with_probes(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 1, .n_records = 2, .n_snapshots = 2, .n_probes = 2, .points = 3});
}

static void three_runs_with_swept_texts_and_data(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_probes = 1, .points = 10, .text_axis = true, .keep_data = true});
}

static void a_regression_with_four_probes(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.regression = true, .n_probes = 4, .inputs = 1, .outputs = 1, .frequencies = 100});
}

static void a_hundred_small_runs(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 100, .n_records = 10, .n_snapshots = 4, .n_probes = 1, .points = 5});
}

static void the_57_runs_of_the_main_example(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 57,
                                   .n_records = 40,
                                   .n_snapshots = 12,
                                   .n_probes = 1,
                                   .inputs = 40,
                                   .outputs = 10,
                                   .width = 40,
                                   .train = 4000,
                                   .test = 12000,
                                   .points = 100,
                                   .frequencies = 65});
}

static void probes_whose_extras_are_most_of_the_file(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 2, .n_probes = 2, .inputs = 784, .points = 500, .frequencies = 65});
}

static void many_snapshots_of_a_wide_run(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 1, .n_records = 60, .n_snapshots = 60, .width = 100, .same_width = true});
}

static void many_records_of_a_two_dimensional_probe(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 3, .n_records = 150, .n_probes = 1, .two_dims = true, .frequencies = 32});
}

static void several_data_sets_with_examples(void **state) {
    (void)state;
    assert_predicted((sweep_shape){.n_runs = 6,
                                   .n_datasets = 3,
                                   .keep_data = true,
                                   .train = 900,
                                   .inputs = 30,
                                   .n_probes = 1,
                                   .points = 20,
                                   .uneven_steps = true});
}

static void a_long_config(void **state) {
    (void)state;
    static char config[20001];
    memset(config, '#', 20000);
    made_sweep *s = make_sweep((sweep_shape){0});
    s->spec.config = config;
    uint64_t longer = spt_store_predict_bytes(&s->spec);
    write_sweep(path, s, SPT_STORE_NEW);
    assert_true(size_of(path) > 64000);
    assert_true(fabs((double)longer / (double)size_of(path) - 1.0) <= 0.05);
    free_sweep(s);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_tiny_run),
        TEST(one_tiny_run_with_probes),
        TEST(three_runs_with_swept_texts_and_data),
        TEST(a_regression_with_four_probes),
        TEST(a_hundred_small_runs),
        TEST(the_57_runs_of_the_main_example),
        TEST(probes_whose_extras_are_most_of_the_file),
        TEST(many_snapshots_of_a_wide_run),
        TEST(many_records_of_a_two_dimensional_probe),
        TEST(several_data_sets_with_examples),
        TEST(a_long_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
