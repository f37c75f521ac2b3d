/* Series smoothed over ln(epoch): what the fit keeps, and what it says of noise. */
#include "monitor/curve.h"
#include "monitor_series.h"

static spt_curve curve_of(const series *s) {
    spt_error err = {0};
    spt_curve curve;
    assert_int_equal(spt_curve_make(s->epoch, s->value, s->n, &curve, &err), SPT_OK);
    return curve;
}

static void a_line_over_log_epochs_is_kept_to_rounding(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(400), 0, 0, {1, 3.0}, {400, 1.0});
    spt_curve curve = curve_of(&s);
    assert_true(curve.n > 100);
    for (size_t i = 0; i < curve.n; i++) /* a bin's mean epoch is that of its records' logarithms: no bias at all */
        assert_true(fabs(curve.smooth[i] - (3.0 - 2.0 * curve.x[i] / log(400.0))) < 1e-12);
    spt_curve_free(&curve);
}

static void the_number_of_points_grows_with_the_logarithm_of_the_records(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(1000), 0, 0, {1, 1.0}, {1000, 1.0});
    spt_curve curve = curve_of(&s);
    assert_true((double)curve.n <= log(1000.0) / SPT_CURVE_BIN + 1);
    spt_curve_free(&curve);
}

static void epoch_0_and_what_is_not_finite_are_left_out(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(12), 0, 0, {1, 2.0}, {12, 2.0});
    s.value[0] = 1e6;
    s.value[3] = NAN;
    s.value[7] = INFINITY;
    spt_curve curve = curve_of(&s);
    assert_int_equal(curve.n, 10);
    for (size_t i = 0; i < curve.n; i++) {
        assert_true(fabs(curve.smooth[i] - 2.0) < 1e-12);
        assert_true(fabs(spt_curve_epoch(&curve, i) - 3.0) > 0.5 && fabs(spt_curve_epoch(&curve, i) - 7.0) > 0.5);
    }
    spt_curve_free(&curve);
}

static void nothing_gives_a_curve_of_no_points(void **state) {
    (void)state;
    series s = every_epoch(5);
    spt_error err = {0};
    spt_curve curve;
    assert_int_equal(spt_curve_make(s.epoch, NULL, s.n, &curve, &err), SPT_OK);
    assert_int_equal(curve.n, 0);
    spt_curve_free(&curve);
    for (size_t i = 0; i < s.n; i++)
        s.value[i] = NAN;
    curve = curve_of(&s);
    assert_int_equal(curve.n, 0);
    spt_curve_free(&curve);
}

/* The standard error against what many series of the same noise really scatter by. 200 series know a deviation to
 * sqrt(1 / 400) = 5 %; that of one series, out of some 100 residuals' median, to 12 %: the mean of 200 to 1 %. */
static void the_standard_error_is_that_of_repeated_series(void **state) {
    (void)state;
    enum { REPEATS = 200 };
    double sum[SERIES_MOST] = {0}, squares[SERIES_MOST] = {0}, error[SERIES_MOST] = {0};
    size_t n = 0;
    for (uint32_t seed = 0; seed < REPEATS; seed++) {
        series s = THROUGH(every_epoch(300), 0.01, seed, {1, 0.5}, {300, 0.5});
        spt_curve curve = curve_of(&s);
        n = curve.n;
        for (size_t i = 0; i < n; i++) {
            sum[i] += curve.smooth[i];
            squares[i] += curve.smooth[i] * curve.smooth[i];
            error[i] += curve.error[i] / REPEATS;
        }
        spt_curve_free(&curve);
    }
    for (size_t i = 0; i < n; i++) {
        double deviation = sqrt(squares[i] / REPEATS - (sum[i] / REPEATS) * (sum[i] / REPEATS));
        assert_true(fabs(error[i] / deviation - 1) < 0.25); /* 4 deviations of 5 %, and the bias of a median */
    }
}

static void a_difference_within_the_noise_does_not_count(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0.02, 1, {1, 0.5}, {150, 0.5});
    spt_curve curve = curve_of(&s);
    size_t high = spt_curve_highest(&curve, 0, curve.n), low = spt_curve_lowest(&curve, 0, curve.n);
    assert_true(curve.smooth[high] > curve.smooth[low] + 0.01);
    assert_false(spt_curve_above(&curve, high, low, 0.0));
    spt_curve_free(&curve);
    s = THROUGH(every_epoch(150), 0.02, 1, {1, 0.5}, {20, 0.5}, {60, 0.6}, {150, 0.6});
    curve = curve_of(&s);
    high = spt_curve_highest(&curve, 0, curve.n);
    low = spt_curve_lowest(&curve, 0, curve.n);
    assert_true(spt_curve_above(&curve, high, low, 0.05));
    assert_false(spt_curve_above(&curve, high, low, 0.5));
    spt_curve_free(&curve);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_over_log_epochs_is_kept_to_rounding),
        cmocka_unit_test(the_number_of_points_grows_with_the_logarithm_of_the_records),
        cmocka_unit_test(epoch_0_and_what_is_not_finite_are_left_out),
        cmocka_unit_test(nothing_gives_a_curve_of_no_points),
        cmocka_unit_test(the_standard_error_is_that_of_repeated_series),
        cmocka_unit_test(a_difference_within_the_noise_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
