/* Turns of test error on curves whose turns are known. */
#include "monitor_series.h"

static spt_truth truth_of(const series *s) {
    spt_error err = {0};
    spt_truth truth;
    const spt_testing testing = {.n = s->n, .epoch = s->epoch, .error = s->value};
    assert_int_equal(spt_truth_find(&testing, &truth, &err), SPT_OK);
    return truth;
}

/* Smoothing over 0.1 of ln(epoch) rounds a corner off and moves it by about as much: 10 % in epochs and levels 1 %. */
static void a_double_descent_is_found_with_its_turns_and_levels(void **state) {
    (void)state;
    series records[] = {every_epoch(150), logspaced(40, 150)};
    for (size_t i = 0; i < 2; i++) {
        series s = THROUGH(records[i], 0, 0, DOUBLE_DESCENT);
        spt_truth truth = truth_of(&s);
        assert_int_equal(truth.phase, SPT_PHASE_SECOND);
        assert_false(truth.by_loss);
        assert_epoch(truth.minimum, 14, 1.1);
        assert_epoch(truth.turn, 34, 1.1);
        assert_true(fabs(truth.minimum_level - 0.424) < 0.01);
        assert_true(fabs(truth.turn_level - 0.466) < 0.01);
        assert_true(fabs(truth.after - 0.444) < 1e-9);
    }
}

/* Noise of 0.006 is that of single seeds on MNIST-1D. 100 series; a turn may lie anywhere near a maximum so flat. */
static void a_double_descent_is_found_under_noise(void **state) {
    (void)state;
    size_t found = 0;
    for (uint32_t seed = 0; seed < 100; seed++) {
        series s = THROUGH(every_epoch(150), 0.006, seed, DOUBLE_DESCENT);
        spt_truth truth = truth_of(&s);
        if (truth.phase != SPT_PHASE_SECOND)
            continue;
        found++;
        assert_epoch(truth.minimum, 14, 1.5);
        assert_epoch(truth.turn, 34, 1.6);
    }
    assert_true(found >= 90);
}

static size_t count_of(spt_phase phase, series records, const knot *knots, size_t n_knots, double deviation) {
    size_t found = 0;
    for (uint32_t seed = 0; seed < 100; seed++) {
        series s = through(records, knots, n_knots, deviation, seed);
        found += truth_of(&s).phase == phase;
    }
    return found;
}

/* The maximum of some 150 points is looked for: with differences of 4 standard errors a few series in a hundred may
 * still pass for turns. */
static void a_plateau_with_noise_has_no_turns(void **state) {
    (void)state;
    const knot plateau[] = {{1, 0.75}, {14, 0.44}, {150, 0.44}};
    for (double deviation = 0.002; deviation < 0.05; deviation *= 2) {
        assert_true(count_of(SPT_PHASE_DESCENT, every_epoch(150), plateau, 3, deviation) >= 90);
        assert_true(count_of(SPT_PHASE_DESCENT, logspaced(40, 500), plateau, 3, deviation) >= 90);
    }
}

static void a_curve_that_falls_to_the_end_has_no_turns(void **state) {
    (void)state;
    const knot falling[] = {{1, 0.75}, {14, 0.5}, {150, 0.4}};
    assert_true(count_of(SPT_PHASE_DESCENT, every_epoch(150), falling, 3, 0.006) >= 95);
}

static void a_rise_that_stays_is_an_ascent_without_a_second_descent(void **state) {
    (void)state;
    const knot rising[] = {{1, 0.75}, {14, 0.42}, {60, 0.48}, {150, 0.48}};
    assert_true(count_of(SPT_PHASE_ASCENT, every_epoch(150), rising, 4, 0.006) >= 90);
    series s = THROUGH(every_epoch(150), 0, 0, {1, 0.75}, {14, 0.42}, {60, 0.48}, {150, 0.48});
    spt_truth truth = truth_of(&s);
    assert_int_equal(truth.phase, SPT_PHASE_ASCENT);
    assert_epoch(truth.minimum, 14, 1.1);
    assert_true(isnan(truth.turn) && isnan(truth.turn_level) && isnan(truth.after));
}

static void a_wiggle_of_the_first_epochs_is_not_taken_for_the_turns(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0, 0, DOUBLE_DESCENT);
    s.value[6] = s.value[5] + 0.05; /* one epoch, then it falls on */
    spt_truth truth = truth_of(&s);
    assert_epoch(truth.minimum, 14, 1.1);
    assert_epoch(truth.turn, 34, 1.1);
}

static void a_second_descent_below_the_first_minimum_is_found(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(500), 0.003, 1, {1, 0.8}, {10, 0.4}, {40, 0.5}, {500, 0.3});
    spt_truth truth = truth_of(&s);
    assert_int_equal(truth.phase, SPT_PHASE_SECOND);
    assert_epoch(truth.minimum, 10, 1.2);
    assert_epoch(truth.turn, 40, 1.2);
    assert_true(fabs(truth.after - 0.302) < 0.005);
}

static void without_a_test_error_the_loss_is_taken(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0, 0, {1, 2.3}, {10, 1.0}, {40, 3.0}, {150, 1.5});
    double missing[SERIES_MOST];
    for (size_t i = 0; i < s.n; i++)
        missing[i] = NAN;
    const double *errors[] = {NULL, missing};
    for (size_t i = 0; i < 2; i++) {
        spt_error err = {0};
        spt_truth truth;
        const spt_testing testing = {.n = s.n, .epoch = s.epoch, .error = errors[i], .loss = s.value};
        assert_int_equal(spt_truth_find(&testing, &truth, &err), SPT_OK);
        assert_true(truth.by_loss);
        assert_int_equal(truth.phase, SPT_PHASE_SECOND);
        assert_epoch(truth.turn, 40, 1.1);
    }
}

static void a_run_that_diverged_is_told_by_what_came_before(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0, 0, DOUBLE_DESCENT);
    for (size_t i = 21; i < s.n; i++)
        s.value[i] = NAN;
    spt_truth truth = truth_of(&s);
    assert_int_equal(truth.phase, SPT_PHASE_ASCENT);
    assert_epoch(truth.minimum, 14, 1.1);
}

static void few_records_or_none_are_told_as_unknown(void **state) {
    (void)state;
    for (size_t n = 0; n <= SPT_MONITOR_LEAST_RECORDS; n++) {
        series s = THROUGH(every_epoch(n), 0, 0, {1, 0.5}, {3, 0.9}, {6, 0.2});
        s.n = n; /* epoch 0 does not count */
        assert_int_equal(truth_of(&s).phase, SPT_PHASE_UNKNOWN);
    }
    series s = every_epoch(50);
    for (size_t i = 0; i < s.n; i++)
        s.value[i] = NAN;
    spt_truth truth = truth_of(&s);
    assert_int_equal(truth.phase, SPT_PHASE_UNKNOWN);
    assert_true(isnan(truth.minimum) && isnan(truth.turn) && isnan(truth.after));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_descent_is_found_with_its_turns_and_levels),
        cmocka_unit_test(a_double_descent_is_found_under_noise),
        cmocka_unit_test(a_plateau_with_noise_has_no_turns),
        cmocka_unit_test(a_curve_that_falls_to_the_end_has_no_turns),
        cmocka_unit_test(a_rise_that_stays_is_an_ascent_without_a_second_descent),
        cmocka_unit_test(a_wiggle_of_the_first_epochs_is_not_taken_for_the_turns),
        cmocka_unit_test(a_second_descent_below_the_first_minimum_is_found),
        cmocka_unit_test(without_a_test_error_the_loss_is_taken),
        cmocka_unit_test(a_run_that_diverged_is_told_by_what_came_before),
        cmocka_unit_test(few_records_or_none_are_told_as_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
