/* Noise of real targets: its formulas, its streams, and where it does not go. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "data/spec.h"
#include "spectrain/rng.h"
#include "unit/data_section.h"

static const double TWO_PI = 6.283185307179586476925286766559;
static const double TARGET = 0x1p-22; /* a rounding of each of two float32 numbers below 4 */

/* On the petals curve, whose points have two coordinates and a norm that varies. */
#define MANIFOLD "{source: manifold, train: 400, test: 50, seed: 9, petals: 4, frequencies: 3, label_noise: "

static double added(const spt_dataset *set, size_t i) {
    return (double)set->train.target[i] - (double)set->train.target_true[i];
}

static void radial_noise_is_a_sine_of_the_norm(void **state) {
    (void)state;
    spt_dataset *set = section_dataset(MANIFOLD "{kind: radial, amplitude: 1.5, frequency: 2}}");
    for (size_t i = 0; i < 400; i++) {
        double norm = hypot((double)set->train.x[2 * i], (double)set->train.x[2 * i + 1]);
        assert_true(fabs(added(set, i) - 1.5 * sin(TWO_PI * 2 * norm)) < TARGET);
    }
    spt_dataset_free(set);
}

static void plane_waves_are_a_mean_over_directions_of_the_data_seed(void **state) {
    (void)state;
    spt_dataset *set = section_dataset(MANIFOLD "{kind: plane_waves, frequency: 0.7, count: 3}}");
    for (size_t i = 0; i < 400; i++) {
        double expected = 0;
        for (size_t d = 0; d < 3; d++) {
            double v[2];
            spt_random_normal(9, SPT_STREAM_LABEL_NOISE, 3, 2 * d, 2, v);
            double along =
                (v[0] * (double)set->train.x[2 * i] + v[1] * (double)set->train.x[2 * i + 1]) / hypot(v[0], v[1]);
            expected += sin(TWO_PI * 0.7 * along) / 3;
        }
        assert_true(fabs(added(set, i) - expected) < TARGET);
    }
    spt_dataset_free(set);
}

static void principal_noise_of_one_input_is_a_wave_along_it(void **state) {
    (void)state;
    spt_dataset *set = section_dataset("{source: sinusoids, train: 100, frequencies: 1, "
                                       "label_noise: {kind: principal, amplitude: 0.5, frequency: 7}}");
    for (size_t i = 0; i < 100; i++)
        assert_true(fabs(added(set, i) - 0.5 * sin(TWO_PI * 7 * (double)set->train.x[i])) < TARGET);
    spt_dataset_free(set);
}

typedef struct moments {
    double mean, variance, least, most, neighbours; /* neighbours: mean product of one and the next */
} moments;

static moments moments_of(const char *noise) {
    enum { N = 40000 };
    char text[256];
    snprintf(text, sizeof text,
             "{source: sinusoids, train: %d, seed: 4, frequencies: 1, amplitudes: 0, "
             "label_noise: %s}",
             N, noise);
    spt_dataset *set = section_dataset(text);
    moments m = {.least = INFINITY, .most = -INFINITY};
    for (size_t i = 0; i < N; i++) {
        double e = (double)set->train.target[i];
        m.mean += e / N;
        m.variance += e * e / N;
        m.least = fmin(m.least, e);
        m.most = fmax(m.most, e);
        if (i > 0)
            m.neighbours += e * (double)set->train.target[i - 1] / N;
    }
    spt_dataset_free(set);
    return m;
}

/* Of 40,000 numbers; each bound is five standard deviations of what it bounds. */
static void uniform_noise_is_white_and_within_its_amplitude(void **state) {
    (void)state;
    moments m = moments_of("{kind: uniform_real}");
    assert_true(m.least >= -1 && m.least < -0.999 && m.most <= 1 && m.most > 0.999);
    assert_true(fabs(m.mean) < 0.0145);               /* sqrt(1/3/N) each */
    assert_true(fabs(m.variance - 1.0 / 3) < 0.0075); /* sqrt(4/45/N) */
    assert_true(fabs(m.neighbours) < 0.0084);         /* 1/3/sqrt(N) */
    m = moments_of("{kind: uniform_real, amplitude: 0.25}");
    assert_true(m.least >= -0.25 && m.most <= 0.25 && m.most - m.least > 0.499);
}

static void gaussian_noise_is_white_and_has_its_deviation(void **state) {
    (void)state;
    moments m = moments_of("{kind: gaussian, amplitude: 2}");
    assert_true(fabs(m.mean) < 0.05);
    assert_true(fabs(m.variance - 4) < 0.142);
    assert_true(fabs(m.neighbours) < 0.1);
}

static void white_noise_differs_in_each_output(void **state) {
    (void)state;
    spt_error err = {0};
    float target[12] = {0};
    const float x[6] = {0};
    const spt_noise noise = {.kind = SPT_NOISE_GAUSSIAN, .amplitude = 1};
    assert_int_equal(spt_target_noise(&noise, 1, x, 1, target, 2, 6, &err), SPT_OK);
    for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(target[i] != target[j]);
}

static void function_of_the_input_is_the_same_in_all_outputs(void **state) {
    (void)state;
    spt_error err = {0};
    float target[6] = {0, 1, 0, 1, 0, 1};
    const float x[6] = {1, 2, -1, 0.5f, 0, 3};
    const spt_noise noise = {.kind = SPT_NOISE_RADIAL, .amplitude = 1, .frequency = 0.1};
    assert_int_equal(spt_target_noise(&noise, 1, x, 2, target, 2, 3, &err), SPT_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_true(target[2 * i] != 0);
        assert_true(fabs((double)target[2 * i + 1] - (double)target[2 * i] - 1) < 1e-6);
    }
}

static void test_targets_stay_clean(void **state) {
    (void)state;
    spt_dataset *noisy = section_dataset(MANIFOLD "{kind: gaussian}}");
    spt_dataset *clean = section_dataset(MANIFOLD "{kind: none}}");
    assert_memory_equal(noisy->train.target_true, clean->train.target, 400 * sizeof(float));
    assert_memory_equal(noisy->test.target, clean->test.target, 50 * sizeof(float));
    assert_memory_equal(noisy->test.target_true, clean->test.target, 50 * sizeof(float));
    assert_string_not_equal(noisy->sha256, clean->sha256);
    spt_dataset_free(noisy);
    spt_dataset_free(clean);
}

static void test_may_be_the_training_inputs_with_clean_targets(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_shape shape;
    const char *section = "{source: sinusoids, train: 60, test: clean_train, standardize: global, frequencies: 2, "
                          "label_noise: {kind: uniform_real}}";
    spt_data_spec *spec = section_spec(section);
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_true(shape.train == 60 && shape.test == 60);
    spt_data_spec_free(spec);
    spt_dataset *set = section_dataset(section);
    assert_int_equal(set->test.n, 60);
    assert_memory_equal(set->test.x, set->train.x, 60 * sizeof(float));
    assert_memory_equal(set->test.target, set->train.target_true, 60 * sizeof(float));
    assert_memory_equal(set->test.target_true, set->train.target_true, 60 * sizeof(float));
    assert_memory_not_equal(set->test.target, set->train.target, 60 * sizeof(float));
    spt_dataset_free(set);

    set = section_dataset("{source: mnist1d, train: 50, test: clean_train, label_noise: {kind: uniform, fraction: 1}}");
    assert_int_equal(set->test.n, 50);
    assert_memory_equal(set->test.label, set->train.label_true, 50 * sizeof(int32_t));
    assert_memory_not_equal(set->test.label, set->train.label, 50 * sizeof(int32_t));
    spt_dataset_free(set);
}

static void noise_sees_the_inputs_as_the_network_does(void **state) {
    (void)state;
    spt_dataset *set = section_dataset("{source: sinusoids, train: 60, standardize: global, frequencies: 2, "
                                       "label_noise: {kind: radial, frequency: 0.5}}");
    for (size_t i = 0; i < 60; i++)
        assert_true(fabs(added(set, i) - sin(TWO_PI * 0.5 * fabs((double)set->train.x[i]))) < TARGET);
    spt_dataset_free(set);
}

static void too_many_examples_for_eigenvectors_are_refused(void **state) {
    (void)state;
    assert_data_refused("{source: sinusoids, train: 32001, frequencies: 2, label_noise: {kind: kernel, sigma: 1}}",
                        SPT_EINVAL, "data.label_noise: kind kernel on 32001 training examples; allowed: at most 32000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(radial_noise_is_a_sine_of_the_norm),
        cmocka_unit_test(plane_waves_are_a_mean_over_directions_of_the_data_seed),
        cmocka_unit_test(principal_noise_of_one_input_is_a_wave_along_it),
        cmocka_unit_test(uniform_noise_is_white_and_within_its_amplitude),
        cmocka_unit_test(gaussian_noise_is_white_and_has_its_deviation),
        cmocka_unit_test(white_noise_differs_in_each_output),
        cmocka_unit_test(function_of_the_input_is_the_same_in_all_outputs),
        cmocka_unit_test(test_targets_stay_clean),
        cmocka_unit_test(test_may_be_the_training_inputs_with_clean_targets),
        cmocka_unit_test(noise_sees_the_inputs_as_the_network_does),
        cmocka_unit_test(too_many_examples_for_eigenvectors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
