/* Eigenvectors against closed forms: circulant Gram matrices, residuals, known principal axes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/eigen.h"
#include "spectrain/rng.h"

static const double TWO_PI = 6.283185307179586476925286766559;

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* A v = lambda v, and rows orthonormal; float64 rounding, n = 60 of numbers up to 10. */
static void rows_are_orthonormal_eigenvectors_largest_first(void **state) {
    (void)state;
    enum { N = 60 };
    static double a[N * N], v[N * N], value[N];
    spt_error err = {0};
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++)
            v[i * N + j] = v[j * N + i] = a[i * N + j] = a[j * N + i] =
                20 * spt_random_unit(spt_random(1, SPT_STREAM_DATA, i, j), 0) - 10;
    assert_int_equal(spt_eigen_symmetric(v, N, value, &err), SPT_OK);
    for (size_t j = 0; j < N; j++) {
        assert_true(j == 0 || value[j] <= value[j - 1]);
        double largest = 0, signed_largest = 0;
        for (size_t i = 0; i < N; i++) {
            assert_true(fabs(dot(a + i * N, v + j * N, N) - value[j] * v[j * N + i]) < 1e-11);
            if (fabs(v[j * N + i]) > largest)
                largest = fabs(signed_largest = v[j * N + i]);
        }
        assert_true(signed_largest > 0);
        for (size_t k = 0; k <= j; k++)
            assert_true(fabs(dot(v + j * N, v + k * N, N) - (j == k)) < 1e-13);
    }
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Points evenly on a circle: the matrix is circulant, and its eigenvalues are the DFT of its first row. */
static void gram_matrix_of_a_circle_has_the_spectrum_of_its_first_row(void **state) {
    (void)state;
    enum { N = 48 };
    static float x[2 * N];
    static double value[N], vector[N * N], gram[N * N], expected[N];
    const double sigma = 0.4;
    spt_error err = {0};
    for (size_t i = 0; i < N; i++) {
        x[2 * i] = (float)cos(TWO_PI * (double)i / N);
        x[2 * i + 1] = (float)sin(TWO_PI * (double)i / N);
    }
    assert_int_equal(spt_gram_gaussian(x, N, 2, sigma, gram, &err), SPT_OK);
    for (size_t j = 0; j < N; j++) { /* ||x_0 - x_j|| = 2 sin(pi j / N); points rounded to float32 */
        double half = 2 * sin(TWO_PI / 2 * (double)j / N);
        assert_true(fabs(gram[j] - exp(-half * half / (2 * sigma * sigma))) < 2e-6);
    }
    for (size_t k = 0; k < N; k++) {
        expected[k] = 0;
        for (size_t j = 0; j < N; j++) {
            double half = 2 * sin(TWO_PI / 2 * (double)j / N);
            expected[k] += exp(-half * half / (2 * sigma * sigma)) * cos(TWO_PI * (double)(j * k % N) / N);
        }
    }
    qsort(expected, N, sizeof *expected, falling);
    assert_int_equal(spt_gram_eigen(x, N, 2, sigma, value, vector, &err), SPT_OK);
    for (size_t k = 0; k < N; k++)
        assert_true(fabs(value[k] - expected[k]) < 1e-5);
}

/* Independent columns of falling spread about a mean, turned by a known angle in each pair. */
static void principal_components_are_the_axes_of_the_data(void **state) {
    (void)state;
    enum { N = 3000, D = 4 };
    static float x[N * D];
    static double variance[D], component[D * D], normal[D];
    const double spread[D] = {4, 2, 1, 0.5}, c = cos(0.3), s = sin(0.3);
    spt_error err = {0};
    for (size_t i = 0; i < N; i++) {
        double y[D];
        spt_random_normal(5, SPT_STREAM_DATA, i, 0, D, normal);
        for (size_t j = 0; j < D; j++)
            y[j] = spread[j] * normal[j];
        x[i * D] = (float)(c * y[0] - s * y[1] + 7);
        x[i * D + 1] = (float)(s * y[0] + c * y[1] - 3);
        x[i * D + 2] = (float)y[2];
        x[i * D + 3] = (float)y[3];
    }
    assert_int_equal(spt_principal_components(x, N, D, variance, component, &err), SPT_OK);
    const double expected[D * D] = {c, s, 0, 0, -s, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    for (size_t j = 0; j < D; j++) {
        /* Sampling error: a variance by sqrt(2/N) = 0.026 of itself, an axis by that order; four deviations. */
        assert_true(fabs(variance[j] / (spread[j] * spread[j]) - 1) < 0.1);
        assert_true(fabs(dot(component + j * D, expected + j * D, D)) > 0.995);
    }
}

static void too_large_a_matrix_is_refused(void **state) {
    (void)state;
    spt_error err = {0};
    double value, vector;
    float x = 0;
    assert_int_equal(spt_gram_eigen(&x, 32001, 1, 1, &value, &vector, &err), SPT_EINVAL);
    assert_string_equal(err.message, "eigenvectors: a matrix of 32001 rows; allowed: at most 32000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_orthonormal_eigenvectors_largest_first),
        cmocka_unit_test(gram_matrix_of_a_circle_has_the_spectrum_of_its_first_row),
        cmocka_unit_test(principal_components_are_the_axes_of_the_data),
        cmocka_unit_test(too_large_a_matrix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
