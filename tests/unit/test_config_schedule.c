/* When things are recorded: record.epochs and record.weights. */
#include "unit/config_case.h"

static void assert_schedule(const char *assignment, const uint64_t *expected, size_t n) {
    spt_settings s = whole_settings(NAME, NULL, assignment);
    const spt_schedule *schedule = strncmp(assignment, "record.epochs", 13) == 0 ? &s.records : &s.snapshots;
    assert_int_equal(schedule->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(schedule->epoch[i], expected[i]);
    spt_settings_free(&s);
}

#define SCHEDULE(assignment, ...)                                                                                      \
    assert_schedule(assignment, (const uint64_t[]){__VA_ARGS__},                                                       \
                    sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* whole_text trains 100 epochs. */
static void schedules_are_sorted_unique_and_have_both_ends(void **state) {
    (void)state;
    SCHEDULE("record.epochs=[50, 3, 50, 0, 99]", 0, 3, 50, 99, 100);
    SCHEDULE("record.epochs=[]", 0, 100);
    SCHEDULE("record.epochs={every: 30}", 0, 30, 60, 90, 100);
    SCHEDULE("record.epochs={every: 50}", 0, 50, 100);
    SCHEDULE("record.epochs={every: 1000}", 0, 100);
    SCHEDULE("record.weights={logspace: 3}", 0, 1, 10, 100);
    SCHEDULE("record.weights={logspace: 1}", 0, 1, 100);
    SCHEDULE("record.weights=[100]", 0, 100);
}

/* numpy: unique(round(geomspace(1, 100, 8))) */
static void logspace_rounds_to_integers_and_drops_repeats(void **state) {
    (void)state;
    SCHEDULE("record.epochs={logspace: 8}", 0, 1, 2, 4, 7, 14, 27, 52, 100);
    spt_settings s = whole_settings(NAME, NULL, "record.epochs={logspace: 1000}");
    for (size_t i = 0; i < s.records.n; i++)
        assert_int_equal(s.records.epoch[i], i); /* so dense that none of 0 .. 100 is missing */
    assert_int_equal(s.records.n, 101);
    spt_settings_free(&s);
}

/* numpy: unique(round(geomspace(1, 100, 40))) has 29 of the integers. */
static void records_are_logarithmic_by_default(void **state) {
    (void)state;
    spt_settings s = whole_settings(NAME, NULL, NULL), t = whole_settings(NAME, NULL, "record.epochs={logspace: 40}");
    assert_int_equal(s.records.n, 1 + 29);
    assert_int_equal(t.records.n, s.records.n);
    assert_memory_equal(s.records.epoch, t.records.epoch, s.records.n * sizeof *s.records.epoch);
    spt_settings_free(&s);
    spt_settings_free(&t);
}

static void one_epoch_has_two_records(void **state) {
    (void)state;
    spt_settings s = whole_settings(NAME, NULL, "train.epochs=1");
    assert_true(s.records.n == 2 && s.records.epoch[0] == 0 && s.records.epoch[1] == 1);
    spt_settings_free(&s);
}

static void schedules_that_cannot_be_are_refused(void **state) {
    (void)state;
    const struct {
        const char *line, *message;
    } cases[] = {
        {"record: {epochs: [5, 101]}", "record.epochs.1: is 101; allowed: integers 0 to 100 (train.epochs)"},
        {"record: {epochs: [-1]}", "record.epochs.0: is -1; allowed: integers 0 to 100 (train.epochs)"},
        {"record: {epochs: [1.5]}", "record.epochs.0: is 1.5; allowed: integers 0 to 100 (train.epochs)"},
        {"record: {epochs: ['1']}", "record.epochs.0: is the text \"1\"; allowed: integers 0 to 100 (train.epochs)"},
        {"record: {weights: [[1]]}", "record.weights.0: is a list; allowed: integers 0 to 100 (train.epochs)"},
        {"record: {epochs: 5}", "record.epochs: is 5; allowed: a list of epochs, {every: n}, {logspace: n}"},
        {"record: {epochs: {each: 5}}", "record.epochs.each: is not a known key; allowed: every, logspace"},
        {"record: {epochs: {}}", "record.epochs: has 0 keys; allowed: one of every, logspace"},
        {"record: {epochs: {every: 1, logspace: 2}}", "record.epochs: has 2 keys; allowed: one of every, logspace"},
        {"record: {epochs: {every: 0}}", "record.epochs.every: is 0; allowed: integers of at least 1"},
        {"record: {weights: {logspace: 0}}", "record.weights.logspace: is 0; allowed: integers 1 to 1000000"},
        {"record: {weights: {every: }}", "record.weights.every: is empty; allowed: integers of at least 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[200];
        snprintf(message, sizeof message, "test.yaml:5: %s", cases[i].message);
        assert_settings_refused(MORE, cases[i].line, NULL, message);
    }
    assert_settings_refused(TRAIN, "train: {loss: mse, optimizer: {kind: sgd, lr: 1}, batch: full, epochs: 1000000000}",
                            "record.epochs={every: 10}",
                            "--set record.epochs={every: 10}: takes 100000000 epochs; allowed: at most 1000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_are_sorted_unique_and_have_both_ends),
        cmocka_unit_test(logspace_rounds_to_integers_and_drops_repeats),
        cmocka_unit_test(records_are_logarithmic_by_default),
        cmocka_unit_test(one_epoch_has_two_records),
        cmocka_unit_test(schedules_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
