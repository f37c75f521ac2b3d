/* A further probe for a finished file, from C: what it adds, and that whatever goes wrong leaves the file as it was. */
#include <unistd.h>

#include "config_case.h"
#include "spectrain/sweep.h"
#include "store_file.h"

#define NETWORKS                                                                                                       \
    "name: trial\n"                                                                                                    \
    "data: {source: mnist1d, train: 60, test: 10, label_noise: {kind: uniform, fraction: 0.3}}\n"                      \
    "model: {hidden_layers: 1, width: 8}\n"                                                                            \
    "train: {loss: cross_entropy, optimizer: {kind: adam, lr: 0.01}, batch: 20, epochs: 4}\n"                          \
    "record: {weights: {every: 2}}\n"                                                                                  \
    "sweep: {train.seed: [0, 1, 2]}\n"
#define NOISY "{name: noisy, kind: line, split: noisy, points: 4, samples: 6, radius: 1}"

static char *folder, file[300];

static int train(void **state) {
    (void)state;
    spt_error err = {0};
    spt_config *config = config_of(NETWORKS);
    spt_sweep *sweep = NULL;
    spt_sweep_result result = {0};
    folder = make_folder();
    snprintf(file, sizeof file, "%s/trial.h5", folder);
    spt_sweep_options options = {.output = file, .backend = "cpu", .threads = 2};
    if (spt_sweep_plan(config, &sweep, &err) != SPT_OK || spt_sweep_run(sweep, &options, &result, &err) != SPT_OK)
        fail_msg("%s", err.message);
    spt_sweep_result_free(&result);
    spt_sweep_free(sweep);
    spt_config_free(config);
    return 0;
}

static int remove_all(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

/* All bytes of the file; the caller's to free. */
static void *slurp(size_t *size) {
    *size = (size_t)size_of(file);
    void *bytes = malloc(*size + 1);
    FILE *stream = fopen(file, "rb");
    assert_true(bytes != NULL && stream != NULL && fread(bytes, 1, *size, stream) == *size);
    fclose(stream);
    return bytes;
}

static spt_status add(const char *probe, const spt_add_probe_options *options, spt_error *err) {
    spt_add_probe_result result;
    spt_config *item = config_of(probe);
    spt_status status = spt_sweep_add_probe(file, item, options, &result, err);
    spt_config_free(item);
    if (status == SPT_OK) {
        assert_int_equal(result.n_runs, 3);
        assert_int_equal(result.n_snapshots, 3);
        assert_true(result.seconds > 0.0);
    }
    return status;
}

static void what_is_added_has_a_value_for_every_run_and_snapshot(void **state) {
    (void)state;
    spt_error err = {0};
    const spt_add_probe_options options = {.backend = "cpu", .threads = 2};
    if (add(NOISY, &options, &err) != SPT_OK)
        fail_msg("%s", err.message);
    if (spt_file_verify(file, &err) != SPT_OK)
        fail_msg("%s", err.message);
    hid_t h5 = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(h5 >= 0);
    float *energy = read_floats(h5, "/probes/noisy/energy", 3 * 3 * 4);
    for (size_t i = 0; i < 3 * 3 * 4; i++)
        assert_true(energy[i] >= 0.0f && isfinite(energy[i]));
    int64_t *example = read_integers(h5, "/probes/noisy/example", 4);
    int64_t *noisy = read_integers(h5, "/data/label_noisy", 60), *clean = read_integers(h5, "/data/label_true", 60);
    for (size_t m = 0; m < 4; m++)
        assert_int_not_equal(noisy[example[m]], clean[example[m]]);
    free(energy);
    free(example);
    free(noisy);
    free(clean);
    H5Fclose(h5);
}

/* The file keeps its bytes, and nothing but it is in its folder. */
static void assert_fails(const char *probe, const spt_add_probe_options *options, spt_status expected,
                         const char *words) {
    spt_error err = {0};
    size_t before_size, after_size;
    void *before = slurp(&before_size);
    assert_int_equal(add(probe, options, &err), expected);
    if (strstr(err.message, words) == NULL)
        fail_msg("the message '%s' lacks '%s'", err.message, words);
    void *after = slurp(&after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
    char work[320];
    snprintf(work, sizeof work, "%s.probe", file);
    assert_int_not_equal(access(work, F_OK), 0);
}

static void a_stop_leaves_the_file_as_it_was(void **state) {
    (void)state;
    const volatile sig_atomic_t stop = 1;
    const spt_add_probe_options options = {.backend = "cpu", .stop = &stop};
    assert_fails("{name: p, kind: kernel, sigma: 3}", &options, SPT_EINTERRUPTED, "interrupted; the file is as it was");
}

static void a_probe_that_does_not_fit_leaves_the_file_as_it_was(void **state) {
    (void)state;
    assert_fails("{name: p, kind: nudft, component: 40, frequencies: [1]}", NULL, SPT_EINVAL, "component is 40");
    assert_fails("{name: p, kind: nudft, frequencies: [1]}", NULL, SPT_ECONFIG, "exactly one is required");
    /* what shows only when the data are there, after the file has been copied */
    assert_fails("{name: p, kind: line, split: noisy, points: 50, samples: 6, radius: 1}", NULL, SPT_EINVAL,
                 "training examples have a label that noise has changed");
}

static void other_data_and_other_networks_leave_the_file_as_it_was(void **state) {
    (void)state;
    const char *sets[] = {"data.seed=1"};
    spt_add_probe_options options = {.n_sets = 1, .sets = sets};
    assert_fails("{name: p, kind: kernel, sigma: 3}", &options, SPT_EMISMATCH, "not the one that was trained on");
    sets[0] = "model.width=9";
    assert_fails("{name: p, kind: kernel, sigma: 3}", &options, SPT_ECORRUPT,
                 "/weights/0/0/weight has another shape than the config says");
    sets[0] = "train.epochs=6";
    assert_fails("{name: p, kind: kernel, sigma: 3}", &options, SPT_EMISMATCH, "3 snapshots");
}

static void a_name_that_is_taken_leaves_the_file_as_it_was(void **state) {
    (void)state;
    spt_error err = {0};
    assert_int_equal(add("{name: twice, kind: kernel, sigma: 3}", NULL, &err), SPT_OK);
    assert_fails("{name: twice, kind: kernel, sigma: 3}", NULL, SPT_EEXIST, "has a probe twice already");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, train, remove_all)
    const struct CMUnitTest tests[] = {
        TEST(what_is_added_has_a_value_for_every_run_and_snapshot),
        TEST(a_stop_leaves_the_file_as_it_was),
        TEST(a_probe_that_does_not_fit_leaves_the_file_as_it_was),
        TEST(other_data_and_other_networks_leave_the_file_as_it_was),
        TEST(a_name_that_is_taken_leaves_the_file_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
