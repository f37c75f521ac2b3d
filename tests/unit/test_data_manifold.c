/* Source manifold: the curve, the target along it, and its sign. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/data_section.h"

static const double TWO_PI = 6.283185307179586476925286766559;

/* Half a unit of float32: of coordinates below 2, and of targets below 4. */
static const double POINT = 0x1p-24, TARGET = 0x1p-23;

static double wave(double z) {
    return sin(TWO_PI * (20 * z + 0.25)) - 2 * sin(TWO_PI * (45 * z - 0.1));
}

#define WAVES "frequencies: [20, 45], amplitudes: [1, -2], phases: [0.25, -0.1]"

static void points_lie_on_the_curve_and_targets_are_waves_along_it(void **state) {
    (void)state;
    spt_dataset *set = section_dataset("{source: manifold, train: 1000, test: 30, petals: 10, " WAVES "}");
    assert_int_equal(set->inputs, 2);
    assert_int_equal(set->outputs, 1);
    assert_int_equal(set->classes, 0);
    assert_true(set->generated);
    for (int s = 0; s < 2; s++) {
        const spt_split *split = s == 0 ? &set->train : &set->test;
        assert_int_equal(split->n, s == 0 ? 1000 : 30);
        for (size_t m = 0; m < split->n; m++) {
            double z = s == 0 ? (double)m / 1000 : ((double)m + 0.5) / 30;
            double x = (double)split->x[2 * m], y = (double)split->x[2 * m + 1];
            assert_true(fabs(x - (1 + 0.5 * sin(TWO_PI * 10 * z)) * cos(TWO_PI * z)) <= POINT * 1.01);
            assert_true(fabs(y - (1 + 0.5 * sin(TWO_PI * 10 * z)) * sin(TWO_PI * z)) <= POINT * 1.01);
            assert_true(fabs((double)split->target[m] - wave(z)) <= TARGET);
            assert_true(split->target_true[m] == split->target[m]);
        }
    }
    spt_dataset_free(set);
}

static void curve_without_petals_is_the_unit_circle(void **state) {
    (void)state;
    spt_dataset *set = section_dataset("{source: manifold, train: 64, petals: 0, frequencies: 1}");
    for (size_t m = 0; m < 64; m++)
        assert_true(fabs(hypot((double)set->train.x[2 * m], (double)set->train.x[2 * m + 1]) - 1) < 1e-7);
    spt_dataset_free(set);
}

static void classes_are_the_sign_of_the_wave(void **state) {
    (void)state;
    spt_dataset *set =
        section_dataset("{source: manifold, train: 500, test: 20, petals: 4, task: classification, " WAVES "}");
    assert_int_equal(set->classes, 2);
    assert_int_equal(set->outputs, 1);
    assert_null(set->train.target);
    size_t ones = 0;
    for (size_t m = 0; m < 500; m++) {
        assert_int_equal(set->train.label[m], wave((double)m / 500) > 0);
        assert_int_equal(set->train.label_true[m], set->train.label[m]);
        ones += set->train.label[m] == 1;
    }
    assert_true(ones > 150 && ones < 350);
    for (size_t m = 0; m < 20; m++)
        assert_int_equal(set->test.label[m], wave(((double)m + 0.5) / 20) > 0);
    spt_dataset_free(set);
}

static void target_does_not_depend_on_the_petals(void **state) {
    (void)state;
    spt_dataset *a = section_dataset("{source: manifold, train: 50, seed: 3, petals: 0, frequencies: [2, 3]}");
    spt_dataset *b = section_dataset("{source: manifold, train: 50, seed: 3, petals: 16, frequencies: [2, 3]}");
    spt_dataset *c = section_dataset("{source: sinusoids, train: 50, seed: 3, frequencies: [2, 3]}");
    for (size_t m = 0; m < 50; m++) {
        assert_true(a->train.target[m] == b->train.target[m]);
        assert_true(a->train.target[m] == c->train.target[m]); /* the same random phases, too */
    }
    spt_dataset_free(a);
    spt_dataset_free(b);
    spt_dataset_free(c);
}

static void shape_is_known_before_the_data(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_shape shape = {0};
    spt_data_spec *spec =
        section_spec("{source: manifold, train: 100, test: 7, petals: 4, frequencies: 1, task: classification}");
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_true(shape.train == 100 && shape.test == 7 && shape.inputs == 2 && shape.outputs == 1);
    assert_true(shape.classes == 2 && shape.generated);
    spt_data_spec_free(spec);
}

static void settings_are_checked(void **state) {
    (void)state;
    assert_section_refused("{source: manifold, train: 5, frequencies: 1}",
                           "test.yaml:1: data.petals: is missing; it is required");
    assert_section_refused("{source: manifold, train: 5, petals: 4}",
                           "test.yaml:1: data.frequencies: is missing; it is required");
    assert_section_refused("{source: manifold, train: 5, frequencies: 1, petals: -1}",
                           "test.yaml:1: data.petals: is -1; allowed: 0 to 1000000");
    assert_section_refused("{source: manifold, train: 5, frequencies: 1, petals: 1, task: sort}",
                           "test.yaml:1: data.task: is sort; allowed: regression, classification");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_lie_on_the_curve_and_targets_are_waves_along_it),
        cmocka_unit_test(curve_without_petals_is_the_unit_circle),
        cmocka_unit_test(classes_are_the_sign_of_the_wave),
        cmocka_unit_test(target_does_not_depend_on_the_petals),
        cmocka_unit_test(shape_is_known_before_the_data),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
