/* Largest singular values against closed forms and against numbers of numpy.linalg.svd. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <cmocka.h>

#include "core/memory.h"
#include "cpu/spectral_norm.h"

static double norm_of(const float *weight, size_t out, size_t in) {
    size_t side = out < in ? out : in;
    spt_norm_space space = {
        .panel = spt_memory_alloc(side * SPT_NORM_PANEL, sizeof(double)),
        .gram = spt_memory_alloc(side * side, sizeof(double)),
        .eigenvalues = spt_memory_alloc(side, sizeof(double)),
        .work = spt_memory_alloc(spt_spectral_norm_work(side), sizeof(double)),
        .integer_work = spt_memory_alloc(spt_spectral_norm_integer_work(side), sizeof(int)),
    };
    double norm = spt_spectral_norm(weight, out, in, &space);
    spt_memory_free(space.panel);
    spt_memory_free(space.gram);
    spt_memory_free(space.eigenvalues);
    spt_memory_free(space.work);
    spt_memory_free(space.integer_work);
    return norm;
}

static void a_diagonal_matrix_has_its_largest_entry(void **state) {
    (void)state;
    const size_t shapes[][2] = {{1, 1}, {5, 5}, {3, 200}, {200, 3}, {70, 130}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t out = shapes[s][0], in = shapes[s][1], side = out < in ? out : in;
        float *w = spt_memory_alloc(out * in, sizeof *w);
        for (size_t i = 0; i < side; i++)
            w[i * in + i] = i % 2 ? 1.0f : -2.0f - (float)i;
        double expected = 2.0 + (double)((side - 1) / 2 * 2);
        assert_true(fabs(norm_of(w, out, in) - expected) < 1e-14 * expected); /* float64 rounding */
        spt_memory_free(w);
    }
}

static void a_matrix_of_rank_one_has_the_product_of_its_vectors_lengths(void **state) {
    (void)state;
    enum { OUT = 90, IN = 37 };
    float w[OUT * IN];
    double u = 0.0, v = 0.0;
    for (int i = 0; i < OUT; i++)
        u += (double)(i % 7 - 3) * (i % 7 - 3);
    for (int j = 0; j < IN; j++)
        v += (double)(j % 5 + 1) * (j % 5 + 1);
    for (int i = 0; i < OUT; i++)
        for (int j = 0; j < IN; j++)
            w[i * IN + j] = (float)((i % 7 - 3) * (j % 5 + 1));
    double expected = sqrt(u * v);
    assert_true(fabs(norm_of(w, OUT, IN) - expected) < 1e-14 * expected);
}

/* W[i, j] = sin(i j + i) of shape (13, 29) and its like, from numpy.linalg.svd in float64 of the float32 matrix. */
static void norms_equal_those_of_numpy(void **state) {
    (void)state;
    const struct {
        size_t out, in;
        double norm;
    } cases[] = {{13, 29, 4.386745679392682},
                 {29, 13, 4.5446380967823403},
                 {300, 40, 13.268608916042474},
                 {100, 300, 13.321779836551549},
                 {64, 64, 8.9728693182037489}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t out = cases[c].out, in = cases[c].in;
        float *w = spt_memory_alloc(out * in, sizeof *w);
        for (size_t i = 0; i < out; i++)
            for (size_t j = 0; j < in; j++)
                w[i * in + j] = (float)sin((double)(i * j + i));
        /* a libm may round a sine the other way: 1 of 1e7 in an entry */
        assert_true(fabs(norm_of(w, out, in) - cases[c].norm) < 1e-9 * cases[c].norm);
        spt_memory_free(w);
    }
}

static void zero_is_zero_and_what_is_not_finite_is_not_a_number(void **state) {
    (void)state;
    float w[6] = {0};
    assert_true(norm_of(w, 2, 3) == 0.0);
    w[4] = NAN;
    assert_true(isnan(norm_of(w, 2, 3)));
    w[4] = -INFINITY;
    assert_true(isnan(norm_of(w, 3, 2)));
    w[4] = 3e38f; /* its square is no float32 */
    assert_true(fabs(norm_of(w, 2, 3) - (double)3e38f) < 1e-14 * 3e38);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_diagonal_matrix_has_its_largest_entry),
        cmocka_unit_test(a_matrix_of_rank_one_has_the_product_of_its_vectors_lengths),
        cmocka_unit_test(norms_equal_those_of_numpy),
        cmocka_unit_test(zero_is_zero_and_what_is_not_finite_is_not_a_number),
    };
    openblas_set_num_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
