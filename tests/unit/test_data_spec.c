/* The `data:` section: what is refused, in which words, and when two sections describe the same data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/data_section.h"

static void unknown_source_is_refused_with_the_known_ones(void **state) {
    (void)state;
    assert_section_refused("{source: mnist2d, train: 10}",
                           "test.yaml:1: data.source: is mnist2d; allowed: mnist1d, sinusoids, manifold, idx, cifar10, "
                           "fashion_mnist, hdf5");
}

static void source_is_required(void **state) {
    (void)state;
    assert_section_refused("{train: 10}", "test.yaml:1: data.source: is missing; it is required");
}

static void section_must_be_a_map(void **state) {
    (void)state;
    assert_section_refused("mnist1d",
                           "test.yaml:1: data: is mnist1d; allowed: a map with the keys source, train, test, "
                           "seed, path, label_noise, standardize, select, targets");
}

static void missing_section_is_refused(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_spec *spec = NULL;
    assert_int_equal(spt_data_spec_read(NULL, &spec, &err), SPT_ECONFIG);
    assert_string_equal(err.message, "data: is missing; it is required");
}

static void unknown_key_is_refused_with_the_keys_of_the_source(void **state) {
    (void)state;
    assert_section_refused("{source: sinusoids, train: 10, freqs: [1]}",
                           "test.yaml:1: data.freqs: is not a known key; allowed: source, train, test, seed, path, "
                           "label_noise, standardize, select, targets, frequencies, amplitudes, phases");
    assert_section_refused("{source: mnist1d, train: 10, frequencies: [1]}",
                           "test.yaml:1: data.frequencies: is not a known key; allowed: source, train, test, seed, "
                           "path, label_noise, standardize, select, targets");
}

static void generated_source_requires_a_number_of_training_examples(void **state) {
    (void)state;
    assert_section_refused("{source: mnist1d}", "test.yaml:1: data.train: is missing; it is required");
    assert_section_refused("{source: mnist1d, train: 0}",
                           "test.yaml:1: data.train: is 0; allowed: integers 1 to 2147483647");
    assert_section_refused("{source: mnist1d, train: 10, test: -1}",
                           "test.yaml:1: data.test: is -1; allowed: integers 0 to 2147483647, clean_train");
}

static void seed_outside_32_bits_is_refused(void **state) {
    (void)state;
    assert_section_refused("{source: mnist1d, train: 10, seed: 4294967296}",
                           "test.yaml:1: data.seed: is 4294967296; allowed: integers 0 to 4294967295");
}

static void file_source_requires_a_path_and_a_generated_one_refuses_it(void **state) {
    (void)state;
    assert_section_refused("{source: idx}", "test.yaml:1: data.path: is missing; it is required");
    assert_section_refused("{source: cifar10}", "test.yaml:1: data.path: is missing; it is required");
    assert_section_refused("{source: hdf5}", "test.yaml:1: data.path: is missing; it is required");
    assert_section_refused("{source: idx, path: ''}", "test.yaml:1: data.path: is empty; expected a file or folder");
    assert_section_refused(
        "{source: mnist1d, train: 5, path: x}",
        "test.yaml:1: data.path: is not for source mnist1d, which is made and not loaded; remove it");
}

static void label_noise_is_checked(void **state) {
    (void)state;
    assert_section_refused("{source: mnist1d, train: 5, label_noise: {kind: uniform, fraction: 1.5}}",
                           "test.yaml:1: data.label_noise.fraction: is 1.5; allowed: 0 to 1");
    assert_section_refused(
        "{source: mnist1d, train: 5, label_noise: {kind: flip, fraction: 0.5}}",
        "test.yaml:1: data.label_noise.kind: is flip; allowed: none, uniform, permute, radial, plane_waves, "
        "principal, kernel, gaussian, uniform_real");
    assert_section_refused("{source: mnist1d, train: 5, label_noise: {fraction: 0.5}}",
                           "test.yaml:1: data.label_noise.kind: is missing; it is required");
    assert_section_refused("{source: mnist1d, train: 5, label_noise: {kind: uniform}}",
                           "test.yaml:1: data.label_noise.fraction: is missing; it is required");
    assert_section_refused("{source: mnist1d, train: 5, label_noise: 0.5}",
                           "test.yaml:1: data.label_noise: is 0.5; allowed: a map with the keys kind, fraction, "
                           "amplitude, frequency, sigma, power, count, component");
}

static void label_noise_on_real_targets_is_refused(void **state) {
    (void)state;
    assert_section_refused(
        "{source: sinusoids, train: 5, frequencies: [1], label_noise: {kind: permute, fraction: 0.5}}",
        "test.yaml:1: data.label_noise: kind permute is for classes, but sinusoids has real targets; allowed: none, "
        "radial, plane_waves, principal, kernel, gaussian, uniform_real");
}

#define WAVE "{source: sinusoids, train: 5, frequencies: [1], label_noise: "

static void noise_of_targets_is_checked(void **state) {
    (void)state;
    assert_section_refused("{source: mnist1d, train: 5, label_noise: {kind: radial, frequency: 1}}",
                           "test.yaml:1: data.label_noise: kind radial is for real targets, but mnist1d has classes; "
                           "allowed: none, uniform, permute");
    assert_section_refused(WAVE "{kind: radial}}",
                           "test.yaml:1: data.label_noise.frequency: is missing; it is required");
    assert_section_refused(WAVE "{kind: radial, frequency: 1, sigma: 2}}",
                           "test.yaml:1: data.label_noise.sigma: is not a key of radial; allowed: kind, amplitude, "
                           "frequency");
    assert_section_refused(WAVE "{kind: plane_waves, frequency: 1}}",
                           "test.yaml:1: data.label_noise.count: is missing; it is required");
    assert_section_refused(WAVE "{kind: kernel, sigma: 0}}",
                           "test.yaml:1: data.label_noise.sigma: is 0; allowed: above 0, at most 1e+18");
    assert_section_refused(WAVE "{kind: gaussian, amplitude: -1}}",
                           "test.yaml:1: data.label_noise.amplitude: is -1; allowed: 0 to 1000000000");
    assert_section_refused(
        WAVE "{kind: principal, frequency: 2, component: 1}}",
        "test.yaml:1: data.label_noise: component is 1, but sinusoids has 1 inputs; allowed: 0 to 0");
}

static void unknown_standardisation_is_refused(void **state) {
    (void)state;
    assert_section_refused("{source: mnist1d, train: 5, standardize: rows}",
                           "test.yaml:1: data.standardize: is rows; allowed: none, global, feature");
}

static void lists_of_sinusoids_must_fit_each_other(void **state) {
    (void)state;
    assert_section_refused("{source: sinusoids, train: 5}",
                           "test.yaml:1: data.frequencies: is missing; it is required");
    assert_section_refused("{source: sinusoids, train: 5, frequencies: [5, -1]}",
                           "test.yaml:1: data.frequencies.1: is -1; allowed: 0 to 1000000000");
    assert_section_refused("{source: sinusoids, train: 5, frequencies: [5, 10], amplitudes: [1, 2, 3]}",
                           "test.yaml:1: data.amplitudes: has 3 numbers; expected one, or as many as frequencies: 2");
    assert_section_refused("{source: sinusoids, train: 5, frequencies: [5, 10], phases: [0.5]}",
                           "test.yaml:1: data.phases: has 1 numbers; expected as many as frequencies: 2");
    assert_section_refused("{source: sinusoids, train: 5, frequencies: [5, 10], phases: zero}",
                           "test.yaml:1: data.phases: expected `random`, or a list of phases in turns, one for each "
                           "frequency");
}

static void number_of_classes_is_bounded(void **state) {
    (void)state;
    assert_section_refused("{source: idx, path: x, classes: 1}",
                           "test.yaml:1: data.classes: is 1; allowed: integers 2 to 256");
    assert_section_refused("{source: hdf5, path: x, classes: 70000}",
                           "test.yaml:1: data.classes: is 70000; allowed: integers 2 to 65536");
    assert_section_refused("{source: cifar10, path: x, classes: 10}",
                           "test.yaml:1: data.classes: is not a known key; allowed: source, train, test, seed, path, "
                           "label_noise, standardize, select, targets");
}

/* ---- the key */

static bool same_key(const char *a, const char *b) {
    spt_data_spec *first = section_spec(a), *second = section_spec(b);
    bool same = strcmp(spt_data_spec_key(first), spt_data_spec_key(second)) == 0;
    spt_data_spec_free(first);
    spt_data_spec_free(second);
    return same;
}

static void spelling_does_not_change_the_key(void **state) {
    (void)state;
    assert_true(
        same_key("{source: mnist1d, train: 5}",
                 "{seed: 0, train: 5, standardize: none, test: 0, source: mnist1d, label_noise: {kind: none}}"));
    assert_true(same_key("{source: mnist1d, train: 5, label_noise: {kind: uniform, fraction: 0.15}}",
                         "{source: mnist1d, train: 5, label_noise: {fraction: 1.50e-1, kind: uniform}}"));
    assert_true(same_key("{source: mnist1d, train: 5, label_noise: {kind: uniform, fraction: 0}}",
                         "{source: mnist1d, train: 5, label_noise: {kind: none, fraction: 0.3}}"));
    assert_true(same_key(WAVE "{kind: none}}", WAVE "{kind: radial, frequency: 0}}"));
    assert_true(same_key(WAVE "{kind: none, sigma: 2}}", WAVE "{kind: gaussian, amplitude: 0}}"));
    assert_true(same_key(WAVE "{kind: kernel, sigma: 2}}", WAVE "{kind: kernel, amplitude: 1, sigma: 2.0, power: 2}}"));
    assert_true(same_key("{source: sinusoids, train: 5, frequencies: [1, 2], phases: random}",
                         "{source: sinusoids, train: 5, frequencies: [1.0, 2.0], amplitudes: [1, 1]}"));
    assert_true(same_key("{source: sinusoids, train: 5, frequencies: 3, amplitudes: 2}",
                         "{source: sinusoids, train: 5, frequencies: [3], amplitudes: [2.0]}"));
    assert_true(same_key("{source: manifold, train: 5, frequencies: 3, petals: 4}",
                         "{source: manifold, train: 5, frequencies: [3], petals: 4.0, task: regression}"));
    assert_true(
        same_key("{source: fashion_mnist}", "{source: fashion_mnist, path: /usr/share/datasets/fashion-mnist}"));
    assert_true(same_key("{source: idx, path: x}", "{source: idx, path: x, classes: 10}"));
}

static void every_setting_changes_the_key(void **state) {
    (void)state;
    static const char *const sections[] = {
        "{source: mnist1d, train: 5}",
        "{source: mnist1d, train: 6}",
        "{source: mnist1d, train: 5, test: 1}",
        "{source: mnist1d, train: 5, seed: 1}",
        "{source: mnist1d, train: 5, standardize: global}",
        "{source: mnist1d, train: 5, standardize: feature}",
        "{source: mnist1d, train: 5, label_noise: {kind: uniform, fraction: 0.15}}",
        "{source: mnist1d, train: 5, label_noise: {kind: uniform, fraction: 0.15000000000000002}}",
        "{source: mnist1d, train: 5, label_noise: {kind: permute, fraction: 0.15}}",
        "{source: sinusoids, train: 5, frequencies: [1, 2]}",
        "{source: sinusoids, train: 5, frequencies: [1, 3]}",
        "{source: sinusoids, train: 5, frequencies: [1, 2], test: clean_train}",
        WAVE "{kind: radial, frequency: 2}}",
        WAVE "{kind: radial, frequency: 3}}",
        WAVE "{kind: radial, frequency: 2, amplitude: 0.5}}",
        WAVE "{kind: principal, frequency: 2}}",
        WAVE "{kind: plane_waves, frequency: 2, count: 1}}",
        WAVE "{kind: plane_waves, frequency: 2, count: 2}}",
        WAVE "{kind: kernel, sigma: 1}}",
        WAVE "{kind: kernel, sigma: 1.5}}",
        WAVE "{kind: kernel, sigma: 1, power: 3}}",
        WAVE "{kind: gaussian}}",
        WAVE "{kind: uniform_real}}",
        "{source: sinusoids, train: 5, frequencies: [1, 2], amplitudes: [1, 2]}",
        "{source: sinusoids, train: 5, frequencies: [1, 2], phases: [0, 0]}",
        "{source: sinusoids, train: 5, frequencies: [1, 2], phases: [0, 0.5]}",
        "{source: manifold, train: 5, frequencies: [1, 2], petals: 0}",
        "{source: manifold, train: 5, frequencies: [1, 2], petals: 4}",
        "{source: manifold, train: 5, frequencies: [1, 2], petals: 4, task: classification}",
        "{source: idx, path: x}",
        "{source: idx, path: y}",
        "{source: idx, path: x, train: 5}",
        "{source: idx, path: x, test: 0}",
        "{source: idx, path: x, classes: 11}",
        "{source: idx, path: x, targets: signs}",
        "{source: idx, path: x, targets: binary}",
        "{source: idx, path: x, train: 5, test: 0, select: [3, 8]}",
        "{source: idx, path: x, train: 5, test: 0, select: [8, 3]}",
        "{source: cifar10, path: x}",
        "{source: hdf5, path: x}",
        "{source: hdf5, path: x, classes: 2}",
        "{source: hdf5, path: 'x classes=2'}",
    };
    enum { N = sizeof sections / sizeof *sections };
    for (size_t a = 0; a < N; a++)
        for (size_t b = 0; b < a; b++)
            if (same_key(sections[a], sections[b]))
                fail_msg("%s and %s have one key", sections[a], sections[b]);
}

/* ---- the shape */

static void shape_of_a_generated_source_follows_from_the_section(void **state) {
    (void)state;
    spt_error err = {0};
    spt_data_shape shape = {0};
    spt_data_spec *spec = section_spec("{source: mnist1d, train: 4000, test: 12000, seed: 42}");
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_int_equal(shape.train, 4000);
    assert_int_equal(shape.test, 12000);
    assert_int_equal(shape.inputs, 40);
    assert_int_equal(shape.outputs, 10);
    assert_int_equal(shape.classes, 10);
    assert_true(shape.generated);
    assert_int_equal(spt_data_spec_seed(spec), 42);
    spt_data_spec_free(spec);

    spec = section_spec("{source: sinusoids, train: 200, frequencies: [5, 10]}");
    assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_OK);
    assert_int_equal(shape.train, 200);
    assert_int_equal(shape.test, 0);
    assert_int_equal(shape.inputs, 1);
    assert_int_equal(shape.outputs, 1);
    assert_int_equal(shape.classes, 0);
    assert_true(shape.generated);
    spt_data_spec_free(spec);
}

static void reading_opens_no_file(void **state) {
    (void)state;
    static const char *const sections[] = {"{source: idx, path: /nowhere}", "{source: cifar10, path: /nowhere}",
                                           "{source: hdf5, path: /nowhere}", "{source: fashion_mnist, path: /nowhere}"};
    for (size_t i = 0; i < 4; i++) {
        spt_error err = {0};
        spt_data_shape shape;
        spt_data_spec *spec = section_spec(sections[i]);
        assert_int_equal(spt_data_spec_shape(spec, &shape, &err), SPT_EDATA);
        assert_non_null(strstr(err.message, "/nowhere"));
        spt_data_spec_free(spec);
    }
}

static void nothing_is_freed_without_harm(void **state) {
    (void)state;
    spt_data_spec_free(NULL);
    spt_dataset_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_source_is_refused_with_the_known_ones),
        cmocka_unit_test(source_is_required),
        cmocka_unit_test(section_must_be_a_map),
        cmocka_unit_test(missing_section_is_refused),
        cmocka_unit_test(unknown_key_is_refused_with_the_keys_of_the_source),
        cmocka_unit_test(generated_source_requires_a_number_of_training_examples),
        cmocka_unit_test(seed_outside_32_bits_is_refused),
        cmocka_unit_test(file_source_requires_a_path_and_a_generated_one_refuses_it),
        cmocka_unit_test(label_noise_is_checked),
        cmocka_unit_test(label_noise_on_real_targets_is_refused),
        cmocka_unit_test(noise_of_targets_is_checked),
        cmocka_unit_test(unknown_standardisation_is_refused),
        cmocka_unit_test(lists_of_sinusoids_must_fit_each_other),
        cmocka_unit_test(number_of_classes_is_bounded),
        cmocka_unit_test(spelling_does_not_change_the_key),
        cmocka_unit_test(every_setting_changes_the_key),
        cmocka_unit_test(shape_of_a_generated_source_follows_from_the_section),
        cmocka_unit_test(reading_opens_no_file),
        cmocka_unit_test(nothing_is_freed_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
