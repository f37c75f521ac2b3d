/* Source sinusoids: points, target, phases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spectrain/rng.h"
#include "unit/data_section.h"

static const double TWO_PI = 6.283185307179586476925286766559;

static void assert_close(float found, double expected, double tolerance) {
    if (!(fabs((double)found - expected) <= tolerance))
        fail_msg("%.9g is not %.9g within %g", (double)found, expected, tolerance);
}

static void points_and_targets_follow_the_formula(void **state) {
    (void)state;
    spt_dataset *set = section_dataset("{source: sinusoids, train: 200, test: 50, frequencies: [5, 10.5], amplitudes: "
                                       "[1, -2], phases: [0.25, -0.1]}");
    assert_int_equal(set->inputs, 1);
    assert_int_equal(set->outputs, 1);
    assert_int_equal(set->classes, 0);
    assert_true(set->generated);
    assert_null(set->train.label);
    for (int s = 0; s < 2; s++) {
        const spt_split *split = s == 0 ? &set->train : &set->test;
        assert_int_equal(split->n, s == 0 ? 200 : 50);
        for (size_t m = 0; m < split->n; m++) {
            double t = s == 0 ? (double)m / 200 : ((double)m + 0.5) / 50;
            double y = sin(TWO_PI * (5 * t + 0.25)) - 2 * sin(TWO_PI * (10.5 * t - 0.1));
            assert_close(split->x[m], t, 0x1p-25);   /* half a unit of float32 below 1 */
            assert_close(split->target[m], y, 2e-7); /* and of numbers below 4 */
            assert_true(split->target_true[m] == split->target[m]);
        }
    }
    spt_dataset_free(set);
}

static void one_amplitude_serves_all_components(void **state) {
    (void)state;
    spt_dataset *one = section_dataset("{source: sinusoids, train: 64, frequencies: [3, 7], amplitudes: 0.5}");
    spt_dataset *list = section_dataset("{source: sinusoids, train: 64, frequencies: [3, 7], amplitudes: [0.5, 0.5]}");
    assert_string_equal(one->sha256, list->sha256);
    spt_dataset_free(one);
    spt_dataset_free(list);
}

/* Projects the target on each sine: its phase is that of the stream. */
static void random_phases_are_uniform_numbers_of_the_data_seed(void **state) {
    (void)state;
    spt_dataset *set = section_dataset("{source: sinusoids, train: 200, seed: 17, frequencies: [5, 10, 15]}");
    double phase[3];
    spt_random_uniform(17, SPT_STREAM_DATA, (UINT64_C(1) << 63) + 1, 0, 3, phase);
    for (size_t i = 0; i < 3; i++) {
        double sine = 0, cosine = 0;
        for (size_t m = 0; m < 200; m++) {
            double angle = TWO_PI * 5.0 * (double)(i + 1) * (double)m / 200, y = (double)set->train.target[m];
            sine += y * sin(angle) / 100;
            cosine += y * cos(angle) / 100;
        }
        /* Sums of 200 numbers rounded to float32. */
        assert_true(fabs(sine - cos(TWO_PI * phase[i])) < 1e-6);
        assert_true(fabs(cosine - sin(TWO_PI * phase[i])) < 1e-6);
    }
    spt_dataset_free(set);
}

static void given_phases_do_not_hang_on_the_seed_and_random_ones_do(void **state) {
    (void)state;
    spt_dataset *a = section_dataset("{source: sinusoids, train: 50, seed: 1, frequencies: [3], phases: [0.5]}");
    spt_dataset *b = section_dataset("{source: sinusoids, train: 50, seed: 2, frequencies: [3], phases: [0.5]}");
    spt_dataset *c = section_dataset("{source: sinusoids, train: 50, seed: 1, frequencies: [3], phases: random}");
    spt_dataset *d = section_dataset("{source: sinusoids, train: 50, seed: 2, frequencies: [3]}");
    assert_string_equal(a->sha256, b->sha256);
    assert_string_not_equal(c->sha256, d->sha256);
    spt_dataset_free(a);
    spt_dataset_free(b);
    spt_dataset_free(c);
    spt_dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_and_targets_follow_the_formula),
        cmocka_unit_test(one_amplitude_serves_all_components),
        cmocka_unit_test(random_phases_are_uniform_numbers_of_the_data_seed),
        cmocka_unit_test(given_phases_do_not_hang_on_the_seed_and_random_ones_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
