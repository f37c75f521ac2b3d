/* The records of a sweep as the monitor reads them: while it is being trained, after an interruption, and at the end.
 */
#include <hdf5.h>
#include <time.h>

#include "store_sweep.h"

#include "spectrain/shard.h"

#define HEAD                                                                                                           \
    "name: watched\n"                                                                                                  \
    "data: {source: mnist1d, train: 120, test: 60, seed: 5, label_noise: {kind: uniform, fraction: 0.3}}\n"            \
    "model: {hidden_layers: 2, width: 6}\n"                                                                            \
    "train: {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.05, momentum: 0.9}, batch: 20, epochs: 12}\n"           \
    "record: {epochs: {every: 1}, weights: {every: 5}}\n"
#define SWEEP "sweep: {model.width: [4, 6, 9], train.seed: [0, 1]}\n"
/* The line through training examples is neither the first probe nor the last. */
#define PROBES                                                                                                         \
    "probes: [{name: noisy, kind: line, split: noisy, points: 5, samples: 8, radius: 1.0},"                            \
    " {name: trained, kind: line, split: train, points: 7, samples: 20, radius: 2.0},"                                 \
    " {name: further, kind: line, split: train, points: 3, samples: 12, radius: 1.0}]\n"

static char *folder, path[300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/x.h5", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

static spt_monitor *open_monitor(const char *probe) {
    spt_monitor *monitor;
    spt_error err = {0};
    assert_int_equal(spt_monitor_open(path, probe, &monitor, &err), SPT_OK);
    return monitor;
}

static void update(spt_monitor *monitor) {
    spt_error err = {0};
    if (spt_monitor_update(monitor, &err) != SPT_OK)
        fail_msg("%s", err.message);
}

/* ---- a monitor beside the sweep, in its progress callback, while the store's thread writes */

typedef struct beside {
    spt_monitor *monitor;
    size_t looks, seen_midway; /* looks at which some records were there, but not all */
    size_t n_recorded;
    volatile sig_atomic_t stop;
    uint64_t stop_after; /* epoch; 0: never */
} beside;

static void look(const spt_progress *progress, void *user) {
    beside *b = user;
    spt_monitor_state state;
    /* Epoch 0 has been handed to the store by then: its thread writes it sooner or later. */
    for (int attempt = 0;; attempt++) {
        update(b->monitor);
        spt_monitor_look(b->monitor, &state);
        if (state.n_recorded > 0 || progress->epoch < 3 || attempt == 20000)
            break;
        nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_false(state.complete);
    assert_true(state.running);
    assert_true(state.n_recorded >= b->n_recorded); /* nothing is lost again */
    b->looks++;
    b->seen_midway += state.n_recorded > 0 && state.n_recorded < state.n_runs * state.n_records;
    b->n_recorded = state.n_recorded;
    if (b->stop_after > 0 && progress->epoch >= b->stop_after)
        b->stop = 1;
}

static spt_status train(const char *text, size_t shard, size_t shards, spt_store_mode mode, beside *b) {
    spt_config *config = NULL;
    spt_sweep *sweep = NULL;
    spt_sweep_result result = {0};
    spt_error err = {0};
    const spt_sweep_options options = {.output = path,
                                       .backend = "cpu",
                                       .threads = 1,
                                       .mode = mode,
                                       .progress = b != NULL ? look : NULL,
                                       .user = b,
                                       .stop = b != NULL ? &b->stop : NULL};
    spt_status status = spt_config_parse("test", text, strlen(text), &config, &err);
    if (status == SPT_OK)
        status = spt_sweep_plan(config, &sweep, &err);
    if (status == SPT_OK && shards > 0)
        status = spt_sweep_take_shard(sweep, shard, shards, &err);
    if (status == SPT_OK)
        status = spt_sweep_run(sweep, &options, &result, &err);
    if (status != SPT_OK && status != SPT_EINTERRUPTED)
        fail_msg("%s", err.message);
    spt_sweep_result_free(&result);
    spt_sweep_free(sweep);
    spt_config_free(config);
    return status;
}

static void assert_same_values(const double *a, const double *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

/* What a was read to have is what b has, to the last bit. */
static void assert_begins_like(const spt_monitor *a, const spt_monitor *b) {
    spt_monitor_state of_a, of_b;
    spt_monitor_look(a, &of_a);
    spt_monitor_look(b, &of_b);
    assert_int_equal(of_a.n_runs, of_b.n_runs);
    assert_int_equal(of_a.n_records, of_b.n_records);
    assert_string_equal(of_a.probe, of_b.probe);
    for (size_t r = 0; r < of_a.n_runs; r++) {
        spt_monitored x, y;
        spt_monitor_run_at(a, r, &x);
        spt_monitor_run_at(b, r, &y);
        size_t n = x.training.n;
        assert_int_equal(x.number, y.number);
        assert_true(n <= y.training.n);
        assert_same_values(x.training.epoch, y.training.epoch, n);
        assert_same_values(x.training.share, y.training.share, n);
        assert_same_values(x.training.train_loss, y.training.train_loss, n);
        assert_same_values(x.training.train_error, y.training.train_error, n);
        assert_same_values(x.training.noisy_fit, y.training.noisy_fit, n);
        assert_same_values(x.testing.error, y.testing.error, n);
        assert_same_values(x.testing.loss, y.testing.loss, n);
    }
}

static void a_running_sweep_is_read_as_its_file_will_be(void **state) {
    (void)state;
    beside b = {.monitor = open_monitor(NULL)};
    assert_int_equal(train(HEAD PROBES SWEEP, 0, 0, SPT_STORE_NEW, &b), SPT_OK);
    assert_true(b.seen_midway > 0);
    spt_monitor *after = open_monitor(NULL);
    spt_monitor_state facts;
    update(after);
    spt_monitor_look(after, &facts);
    assert_true(facts.complete && !facts.running);
    assert_int_equal(facts.n_recorded, 6 * 13);
    assert_string_equal(facts.probe, "trained");
    assert_string_equal(facts.other_probes, "noisy, further");
    assert_begins_like(b.monitor, after);
    update(b.monitor); /* from the journal to the file */
    assert_begins_like(b.monitor, after);
    assert_begins_like(after, b.monitor);
    spt_monitor_close(after);
    spt_monitor_close(b.monitor);
}

static void the_file_has_the_shares_that_its_energies_give(void **state) {
    (void)state;
    assert_int_equal(train(HEAD PROBES SWEEP, 0, 0, SPT_STORE_NEW, NULL), SPT_OK);
    const char *const probes[] = {"trained", "further"};
    for (size_t p = 0; p < 2; p++) {
        spt_monitor *monitor = open_monitor(probes[p]);
        update(monitor);
        char name[64];
        snprintf(name, sizeof name, "/probes/%s/energy", probes[p]);
        size_t n_runs = 6, n_records = 13, n = p == 0 ? 11 : 7;
        hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), array = H5Dopen2(file, name, H5P_DEFAULT);
        float *energy = malloc(n_runs * n_records * n * sizeof *energy);
        assert_true(H5Dread(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, energy) >= 0);
        for (size_t r = 0; r < n_runs; r++) {
            spt_monitored m;
            spt_monitor_run_at(monitor, r, &m);
            for (size_t i = 0; i < n_records; i++) {
                const float *e = energy + (r * n_records + i) * n;
                double total = 0;
                for (size_t k = 0; k < n; k++)
                    total += (double)e[k];
                /* the same sum in another order: rounding of some ten additions in float64 */
                assert_true(fabs(m.training.share[i] - (1 - (double)e[0] / total)) < 1e-13);
            }
        }
        free(energy);
        H5Dclose(array);
        H5Fclose(file);
        spt_monitor_close(monitor);
    }
}

static void an_interrupted_sweep_is_read_and_then_gone_on_with(void **state) {
    (void)state;
    beside b = {.monitor = open_monitor(NULL), .stop_after = 5};
    assert_int_equal(train(HEAD PROBES SWEEP, 0, 0, SPT_STORE_NEW, &b), SPT_EINTERRUPTED);
    spt_monitor *between = open_monitor(NULL);
    spt_monitor_state facts;
    update(between);
    spt_monitor_look(between, &facts);
    assert_false(facts.complete);
    assert_true(facts.n_recorded >= 6 * 6 && facts.n_recorded < 6 * 13);

    beside again = {.monitor = open_monitor(NULL)};
    assert_int_equal(train(HEAD PROBES SWEEP, 0, 0, SPT_STORE_RESUME, &again), SPT_OK);
    update(again.monitor);
    assert_begins_like(between, again.monitor);
    assert_begins_like(b.monitor, again.monitor);
    spt_monitor_close(between);
    spt_monitor_close(again.monitor);
    spt_monitor_close(b.monitor);
}

static void an_interrupted_file_without_its_folder_is_read_as_far_as_it_goes(void **state) {
    (void)state;
    beside b = {.monitor = open_monitor(NULL), .stop_after = 5};
    assert_int_equal(train(HEAD PROBES SWEEP, 0, 0, SPT_STORE_NEW, &b), SPT_EINTERRUPTED);
    update(b.monitor);
    char journal[330];
    snprintf(journal, sizeof journal, "%s.part/journal", path);
    assert_int_equal(unlink(journal), 0);
    spt_monitor *file = open_monitor(NULL);
    update(file);
    assert_begins_like(file, b.monitor);
    assert_begins_like(b.monitor, file);
    spt_monitor_close(file);
    spt_monitor_close(b.monitor);
}

static void a_sweep_that_takes_the_place_of_another_is_read_anew(void **state) {
    (void)state;
    beside b = {.monitor = open_monitor(NULL), .stop_after = 8};
    assert_int_equal(train(HEAD PROBES SWEEP, 0, 0, SPT_STORE_NEW, &b), SPT_EINTERRUPTED);
    update(b.monitor);
    beside second = {.monitor = b.monitor, .stop_after = 5};
    assert_int_equal(train(HEAD PROBES, 0, 0, SPT_STORE_REPLACE, &second), SPT_EINTERRUPTED);
    update(b.monitor);
    spt_monitor_state facts;
    spt_monitor_look(b.monitor, &facts);
    assert_int_equal(facts.n_runs, 1);
    assert_true(facts.n_recorded >= 5 && facts.n_recorded < 13);
    spt_monitor_close(b.monitor);
}

static void runs_of_a_shard_have_their_numbers_in_the_sweep(void **state) {
    (void)state;
    beside b = {.monitor = open_monitor(NULL)};
    assert_int_equal(train(HEAD PROBES SWEEP, 1, 3, SPT_STORE_NEW, &b), SPT_OK);
    spt_monitor *after = open_monitor(NULL);
    spt_monitor_state facts;
    update(after);
    spt_monitor_look(after, &facts);
    assert_int_equal(facts.shard, 1);
    assert_int_equal(facts.shards, 3);
    assert_int_equal(facts.axes->n_runs, 6);
    assert_begins_like(b.monitor, after); /* numbers too */
    spt_monitor_close(after);
    spt_monitor_close(b.monitor);
}

/* Interrupted, so that the journal stays; then read from the file, without it. */
static void read_both(const char *text, spt_monitor *both[2]) {
    char journal[330];
    beside b = {.monitor = open_monitor(NULL), .stop_after = 5};
    assert_int_equal(train(text, 0, 0, SPT_STORE_NEW, &b), SPT_EINTERRUPTED);
    update(b.monitor);
    snprintf(journal, sizeof journal, "%s.part/journal", path);
    assert_int_equal(unlink(journal), 0);
    both[0] = b.monitor;
    both[1] = open_monitor(NULL);
    update(both[1]);
}

static void a_run_that_diverges_is_marked_in_both(void **state) {
    (void)state;
    spt_monitor *both[2];
    read_both(HEAD PROBES "sweep: {train.optimizer.lr: [0.05, 1.0e+30]}\n", both);
    for (size_t i = 0; i < 2; i++) {
        spt_monitored ok, diverged;
        spt_monitor_run_at(both[i], 0, &ok);
        spt_monitor_run_at(both[i], 1, &diverged);
        assert_false(ok.diverged);
        assert_true(diverged.diverged);
        assert_true(diverged.training.n < 3);
    }
    assert_begins_like(both[0], both[1]);
    assert_begins_like(both[1], both[0]);
    spt_monitor_close(both[0]);
    spt_monitor_close(both[1]);
}

static void without_a_line_through_training_examples_there_is_no_share(void **state) {
    (void)state;
    spt_monitor *both[2];
    read_both(HEAD "probes: [{name: noisy, kind: line, split: noisy, points: 5, samples: 8, radius: 1.0}]\n", both);
    for (size_t i = 0; i < 2; i++) {
        spt_monitor_state facts;
        spt_monitored m;
        spt_monitor_look(both[i], &facts);
        spt_monitor_run_at(both[i], 0, &m);
        assert_null(facts.probe);
        assert_string_equal(facts.other_probes, "noisy");
        assert_true(m.training.n > 3);
        for (size_t k = 0; k < m.training.n; k++)
            assert_true(isnan(m.training.share[k]) && !isnan(m.training.train_loss[k]));
        spt_monitor_close(both[i]);
    }
}

static void nothing_there_is_an_error_that_names_it(void **state) {
    (void)state;
    spt_monitor *monitor = open_monitor(NULL);
    spt_error err = {0};
    assert_int_equal(spt_monitor_update(monitor, &err), SPT_EIO);
    assert_non_null(strstr(err.message, path));
    spt_monitor_close(monitor);
}

static void the_share_of_nothing_or_of_what_is_not_finite_is_nan(void **state) {
    (void)state;
    assert_true(isnan(spt_high_share((const float[]){0, 0}, 2)));
    assert_true(isnan(spt_high_share((const float[]){1, NAN}, 2)));
    assert_true(isnan(spt_high_share((const float[]){INFINITY, 1}, 2)));
    assert_true(isnan(spt_high_share(NULL, 0)));
    assert_true(spt_high_share((const float[]){3, 0.5F, 0.5F}, 3) == 0.25);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_running_sweep_is_read_as_its_file_will_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_has_the_shares_that_its_energies_give, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_sweep_is_read_and_then_gone_on_with, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_file_without_its_folder_is_read_as_far_as_it_goes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_sweep_that_takes_the_place_of_another_is_read_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_of_a_shard_have_their_numbers_in_the_sweep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_diverges_is_marked_in_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_line_through_training_examples_there_is_no_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_there_is_an_error_that_names_it, set_up, tear_down),
        cmocka_unit_test(the_share_of_nothing_or_of_what_is_not_finite_is_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
