/* What follows a source: label noise, standardisation, the hash. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "data/spec.h"
#include "unit/data_section.h"

static void make_noise(spt_noise_kind kind, double fraction, uint32_t seed, size_t classes, int32_t *label, size_t n) {
    spt_error err = {0};
    if (spt_label_noise(kind, fraction, seed, classes, label, n, &err) != SPT_OK)
        fail_msg("%s", err.message);
}

/* Labels that no class has show which examples were chosen. */
static size_t count_chosen(double fraction, size_t n) {
    int32_t *label = malloc(n * sizeof *label);
    assert_non_null(label);
    size_t chosen = 0;
    for (size_t i = 0; i < n; i++)
        label[i] = -1;
    make_noise(SPT_NOISE_UNIFORM, fraction, 42, 10, label, n);
    for (size_t i = 0; i < n; i++)
        chosen += label[i] != -1;
    free(label);
    return chosen;
}

static void exactly_the_rounded_fraction_is_chosen(void **state) {
    (void)state;
    assert_int_equal(count_chosen(0.15, 4000), 600);
    assert_int_equal(count_chosen(0.2, 4000), 800);
    assert_int_equal(count_chosen(0.0, 4000), 0);
    assert_int_equal(count_chosen(1.0, 4000), 4000);
    assert_int_equal(count_chosen(0.1, 14), 1);  /* 1.4 */
    assert_int_equal(count_chosen(0.1, 16), 2);  /* 1.6 */
    assert_int_equal(count_chosen(0.5, 5), 3);   /* 2.5 */
    assert_int_equal(count_chosen(0.01, 10), 0); /* 0.1 */
}

static void new_labels_are_uniform_over_all_classes(void **state) {
    (void)state;
    enum { N = 100000, CLASSES = 10 };
    static int32_t label[N];
    double count[CLASSES] = {0}, chi2 = 0;
    make_noise(SPT_NOISE_UNIFORM, 1.0, 42, CLASSES, label, N); /* all were 0 */
    for (size_t i = 0; i < N; i++) {
        assert_in_range(label[i], 0, CLASSES - 1);
        count[label[i]]++;
    }
    for (size_t c = 0; c < CLASSES; c++)
        chi2 += pow(count[c] - N / CLASSES, 2) / (N / CLASSES);
    /* Nine degrees of freedom: above 33.7 with a probability of 1e-4. Had class 0, the old one, been left out, 1e4. */
    assert_true(chi2 < 33.7);
}

static void a_larger_fraction_changes_a_superset(void **state) {
    (void)state;
    enum { N = 1000 };
    int32_t small[N], large[N];
    for (size_t i = 0; i < N; i++)
        small[i] = large[i] = -1;
    make_noise(SPT_NOISE_UNIFORM, 0.1, 5, 10, small, N);
    make_noise(SPT_NOISE_UNIFORM, 0.4, 5, 10, large, N);
    for (size_t i = 0; i < N; i++)
        if (small[i] != -1)
            assert_int_equal(small[i], large[i]);
}

static void permuted_labels_are_the_same_labels_in_another_order(void **state) {
    (void)state;
    enum { N = 1000 };
    int32_t label[N];
    size_t seen[N] = {0}, moved = 0;
    for (int32_t i = 0; i < N; i++)
        label[i] = i;
    make_noise(SPT_NOISE_PERMUTE, 0.3, 42, N, label, N);
    for (size_t i = 0; i < N; i++) {
        seen[label[i]]++;
        moved += label[i] != (int32_t)i;
    }
    for (size_t i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    /* A permutation leaves one in place on average; 6 or more with a probability of 6e-4. */
    assert_in_range(moved, 295, 300);
}

static void permutation_stays_among_the_chosen(void **state) {
    (void)state;
    enum { N = 1000 };
    int32_t uniform[N], permuted[N];
    for (int32_t i = 0; i < N; i++) {
        uniform[i] = -1;
        permuted[i] = i;
    }
    make_noise(SPT_NOISE_UNIFORM, 0.3, 42, N, uniform, N); /* chooses the same */
    make_noise(SPT_NOISE_PERMUTE, 0.3, 42, N, permuted, N);
    for (size_t i = 0; i < N; i++)
        if (uniform[i] == -1)
            assert_int_equal(permuted[i], (int32_t)i);
}

static void true_labels_are_kept_and_test_labels_untouched(void **state) {
    (void)state;
    spt_dataset *clean = section_dataset("{source: mnist1d, train: 4000, test: 500, seed: 42}");
    spt_dataset *noisy = section_dataset(
        "{source: mnist1d, train: 4000, test: 500, seed: 42, label_noise: {kind: uniform, fraction: 0.15}}");
    assert_memory_equal(clean->train.x, noisy->train.x, 4000 * 40 * sizeof(float));
    assert_memory_equal(clean->train.label, clean->train.label_true, 4000 * sizeof(int32_t));
    assert_memory_equal(clean->train.label, noisy->train.label_true, 4000 * sizeof(int32_t));
    assert_memory_equal(clean->test.label, noisy->test.label, 500 * sizeof(int32_t));
    assert_memory_equal(clean->test.label, noisy->test.label_true, 500 * sizeof(int32_t));
    size_t changed = 0;
    for (size_t i = 0; i < 4000; i++)
        changed += noisy->train.label[i] != noisy->train.label_true[i];
    /* Of 600 chosen, nine in ten change: 540, standard deviation sqrt(600 * 0.9 * 0.1) = 7.3; five of them. */
    assert_in_range(changed, 504, 576);
    assert_string_not_equal(clean->sha256, noisy->sha256);
    spt_dataset_free(clean);
    spt_dataset_free(noisy);
}

static void noise_follows_the_data_seed(void **state) {
    (void)state;
    int32_t first[100] = {0}, again[100] = {0}, other[100] = {0};
    make_noise(SPT_NOISE_UNIFORM, 1.0, 1, 10, first, 100);
    make_noise(SPT_NOISE_UNIFORM, 1.0, 1, 10, again, 100);
    make_noise(SPT_NOISE_UNIFORM, 1.0, 2, 10, other, 100);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

/* ---- standardisation */

static void standardize(spt_standardize mode, float *train, size_t n_train, float *test, size_t n_test, size_t inputs) {
    spt_error err = {0};
    spt_split a = {.n = n_train, .x = train}, b = {.n = n_test, .x = test};
    if (spt_standardize_splits(mode, inputs, &a, &b, &err) != SPT_OK)
        fail_msg("%s", err.message);
}

static void features_are_standardised_by_training_statistics(void **state) {
    (void)state;
    /* Means 2 and 10; standard deviations 1 and 4, exact in binary. */
    float train[] = {1, 6, 3, 14}, test[] = {2, 18, 5, 10};
    const float train_expected[] = {-1, -1, 1, 1}, test_expected[] = {0, 2, 3, 0};
    standardize(SPT_STANDARDIZE_FEATURE, train, 2, test, 2, 2);
    assert_memory_equal(train, train_expected, sizeof train);
    assert_memory_equal(test, test_expected, sizeof test);
}

static void all_numbers_share_one_scale_when_global(void **state) {
    (void)state;
    /* Mean 4, variance (9 + 1 + 1 + 9) / 4 = 5. */
    float train[] = {1, 3, 5, 7}, test[] = {4, 14};
    const double scale = sqrt(5.0);
    standardize(SPT_STANDARDIZE_GLOBAL, train, 2, test, 1, 2);
    const double expected[] = {-3 / scale, -1 / scale, 1 / scale, 3 / scale};
    for (size_t i = 0; i < 4; i++)
        assert_true(train[i] == (float)expected[i]);
    assert_true(test[0] == 0.0f);
    assert_true(test[1] == (float)(10 / scale));
}

static void constant_features_are_only_centred(void **state) {
    (void)state;
    /* 0.1f three times: a mean of sum / 3 is off by a rounding, which must not be blown up to 1. */
    float train[] = {0.1f, 1, 0.1f, 2, 0.1f, 3}, test[] = {0.6f, 2};
    standardize(SPT_STANDARDIZE_FEATURE, train, 3, test, 1, 2);
    for (size_t i = 0; i < 3; i++)
        assert_true(train[2 * i] == 0.0f);
    assert_true(test[0] == (float)((double)0.6f - (double)0.1f));
    assert_true(test[1] == 0.0f);
}

static void no_standardisation_leaves_every_bit(void **state) {
    (void)state;
    float train[] = {1, 2, 3}, test[] = {4};
    const float expected[] = {1, 2, 3};
    standardize(SPT_STANDARDIZE_NONE, train, 3, test, 1, 1);
    assert_memory_equal(train, expected, sizeof train);
}

static void standardised_set_has_unit_features_and_the_same_labels(void **state) {
    (void)state;
    spt_dataset *plain = section_dataset("{source: mnist1d, train: 500, test: 100}");
    spt_dataset *scaled = section_dataset("{source: mnist1d, train: 500, test: 100, standardize: feature}");
    for (size_t j = 0; j < 40; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < 500; i++) {
            double x = (double)scaled->train.x[i * 40 + j];
            sum += x / 500;
            squares += x * x / 500;
        }
        assert_true(fabs(sum) < 1e-7 && fabs(squares - 1) < 1e-6); /* float32 rounding of numbers of up to 5 */
    }
    assert_memory_equal(plain->train.label, scaled->train.label, 500 * sizeof(int32_t));
    assert_string_not_equal(plain->sha256, scaled->sha256);
    spt_dataset_free(plain);
    spt_dataset_free(scaled);
}

/* ---- the hash; expected values by Python's hashlib over numpy's "<u8", "<f4" and "<i4" bytes */

static void hash_of_classes_is_the_documented_one(void **state) {
    (void)state;
    float train_x[] = {0, 1, -2.5f, 3}, test_x[] = {4, 5};
    int32_t label[] = {0, 2}, label_true[] = {1, 2}, test_label[] = {1};
    spt_dataset dataset = {.inputs = 2,
                           .outputs = 3,
                           .classes = 3,
                           .train = {.n = 2, .x = train_x, .label = label, .label_true = label_true},
                           .test = {.n = 1, .x = test_x, .label = test_label, .label_true = test_label}};
    char hex[65];
    assert_int_equal(spt_dataset_digest(&dataset, hex, NULL), SPT_OK);
    assert_string_equal(hex, "2a262041c000f4c4f6abbfd7594a1cb3d492a66130b97ddb1d247074ce58e83d");
}

static void hash_of_targets_is_the_documented_one(void **state) {
    (void)state;
    float x[] = {0.5f, -0.5f}, target[] = {1, 2, 3, 4}, target_true[] = {1, 2, 3, 5}, none[1] = {0};
    spt_dataset dataset = {.inputs = 1,
                           .outputs = 2,
                           .train = {.n = 2, .x = x, .target = target, .target_true = target_true},
                           .test = {.n = 0, .x = none, .target = none, .target_true = none}};
    char hex[65];
    assert_int_equal(spt_dataset_digest(&dataset, hex, NULL), SPT_OK);
    assert_string_equal(hex, "7bbf2d42cf0caf571d2a9e1777c45d424043c959aca41a849486e14d060f1b5d");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_the_rounded_fraction_is_chosen),
        cmocka_unit_test(new_labels_are_uniform_over_all_classes),
        cmocka_unit_test(a_larger_fraction_changes_a_superset),
        cmocka_unit_test(permuted_labels_are_the_same_labels_in_another_order),
        cmocka_unit_test(permutation_stays_among_the_chosen),
        cmocka_unit_test(true_labels_are_kept_and_test_labels_untouched),
        cmocka_unit_test(noise_follows_the_data_seed),
        cmocka_unit_test(features_are_standardised_by_training_statistics),
        cmocka_unit_test(all_numbers_share_one_scale_when_global),
        cmocka_unit_test(constant_features_are_only_centred),
        cmocka_unit_test(no_standardisation_leaves_every_bit),
        cmocka_unit_test(standardised_set_has_unit_features_and_the_same_labels),
        cmocka_unit_test(hash_of_classes_is_the_documented_one),
        cmocka_unit_test(hash_of_targets_is_the_documented_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
