/* The operations by themselves: exponential, GEMM, losses, dense layers, optimizers, teams. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "cpu/dense.h"
#include "cpu/exponential.h"
#include "cpu/loss.h"
#include "cpu/optimizer.h"
#include "cpu/team.h"
#include "spectrain/rng.h"

static void fill(float *x, size_t n, uint64_t which) {
    for (size_t i = 0; i < n; i++) {
        double z;
        spt_random_normal(3, SPT_STREAM_DATA, which, i, 1, &z);
        x[i] = (float)z;
    }
}

static void exponential_is_within_two_units_in_the_last_place(void **state) {
    (void)state;
    double worst = 0.0;
    for (double x = -87.3; x <= 0.0; x += 1.1e-4) {
        float argument = (float)x;
        double exact = exp((double)argument);
        int exponent;
        frexp(exact, &exponent);
        double unit = ldexp(1.0, exponent - 24);
        double error = fabs((double)spt_exp_nonpositive(argument) - exact) / unit;
        worst = error > worst ? error : worst;
    }
    assert_true(worst < 2.0);
    assert_true(worst > 0.25); /* it is not the C library's */
}

static void exponential_keeps_the_ends(void **state) {
    (void)state;
    assert_true(spt_exp_nonpositive(0.0f) == 1.0f);
    assert_true(spt_exp_nonpositive(-0.0f) == 1.0f);
    assert_true(spt_exp_nonpositive(-100.0f) == 0.0f);
    assert_true(spt_exp_nonpositive(-3e38f) == 0.0f);
    assert_true(spt_exp_nonpositive(-INFINITY) == 0.0f);
    assert_true(isnan(spt_exp_nonpositive(NAN)));
}

/* One of the three products of training: forward, weight gradient, input gradient. */
static void product(int form, size_t m, size_t n, size_t k, const float *a, const float *b, float *c) {
    CBLAS_TRANSPOSE a_op = form == 1 ? CblasTrans : CblasNoTrans, b_op = form == 0 ? CblasTrans : CblasNoTrans;
    spt_gemm(a_op, b_op, m, n, k, 0.7, a, form == 1 ? m : k, b, form == 0 ? k : n, c, n);
}

/* The promise rests on this: a product of one shape has one result, wherever its matrices lie and whoever else
 * computes. The backend's buffers lie at multiples of 128 bytes; others are tried too. */
static void a_product_has_the_same_bits_wherever_it_lies_and_beside_others(void **state) {
    (void)state;
    const size_t shapes[][3] = {{100, 10, 40},   {100, 7, 7},     {97, 61, 40},
                                {100, 300, 300}, {100, 156, 300}, {512, 80, 80}};
    enum { OFFSETS = 6, FLOATS = 512 * 320 };
    const size_t offset[OFFSETS] = {0, 32, 96, 1024, 4, 37};
    for (size_t s = 0; s < 3 * sizeof shapes / sizeof *shapes; s++) {
        int form = (int)(s % 3);
        size_t m = shapes[s / 3][0], n = shapes[s / 3][1], k = shapes[s / 3][2];
        float *expected = spt_memory_alloc(m * n, sizeof *expected);
        float *a = spt_memory_alloc(m * k, sizeof *a), *b = spt_memory_alloc(n * k, sizeof *b);
        assert_true(expected != NULL && a != NULL && b != NULL);
        fill(a, m * k, 1);
        fill(b, n * k, 2);
        product(form, m, n, k, a, b, expected);
        int different = 0;
#pragma omp parallel for num_threads(3) schedule(dynamic) reduction(+ : different)
        for (size_t o = 0; o < 3 * OFFSETS; o++) {
            float *block = spt_memory_alloc(3 * FLOATS + 4096, sizeof *block);
            float *a2 = block + offset[o % OFFSETS], *b2 = a2 + FLOATS, *c = b2 + FLOATS;
            memcpy(a2, a, m * k * sizeof *a);
            memcpy(b2, b, n * k * sizeof *b);
            product(form, m, n, k, a2, b2, c);
            different += memcmp(c, expected, m * n * sizeof *c) != 0;
            spt_memory_free(block);
        }
        assert_int_equal(different, 0);
        spt_memory_free(a);
        spt_memory_free(b);
        spt_memory_free(expected);
    }
}

/* Loss and gradient of each kind against the textbook in float64. */
static void losses_and_gradients_equal_the_formulas(void **state) {
    (void)state;
    enum { ROWS = 21, OUTPUTS = 5 };
    float z[ROWS * OUTPUTS], logits[ROWS * OUTPUTS], target[ROWS * OUTPUTS];
    int32_t label[ROWS];
    fill(logits, ROWS * OUTPUTS, 4);
    for (size_t i = 0; i < ROWS * OUTPUTS; i++) {
        logits[i] *= 4.0f;
        target[i] = (float)(i % 11) / 10.0f;
    }
    for (size_t r = 0; r < ROWS; r++)
        label[r] = (int32_t)(r * 3 % OUTPUTS);
    for (int loss = SPT_LOSS_CROSS_ENTROPY; loss <= SPT_LOSS_BCE; loss++)
        for (int labels = 0; labels <= 1; labels++) {
            if (loss == SPT_LOSS_CROSS_ENTROPY && !labels)
                continue;
            spt_targets targets = {labels ? label : NULL, labels ? NULL : target};
            double expected = 0.0, gradient[ROWS * OUTPUTS];
            for (size_t r = 0; r < ROWS; r++) {
                double sum = 0.0;
                for (size_t j = 0; j < OUTPUTS; j++)
                    sum += exp((double)logits[r * OUTPUTS + j]);
                for (size_t j = 0; j < OUTPUTS; j++) {
                    double v = (double)logits[r * OUTPUTS + j];
                    double t = labels ? (label[r] == (int32_t)j ? 1.0 : 0.0) : (double)target[r * OUTPUTS + j];
                    double *g = &gradient[r * OUTPUTS + j];
                    if (loss == SPT_LOSS_CROSS_ENTROPY) {
                        expected -= t * log(exp(v) / sum);
                        *g = (exp(v) / sum - t) / ROWS;
                    } else if (loss == SPT_LOSS_MSE) {
                        expected += (v - t) * (v - t);
                        *g = 2.0 * (v - t) / (ROWS * OUTPUTS);
                    } else {
                        double p = 1.0 / (1.0 + exp(-v));
                        expected -= t * log(p) + (1.0 - t) * log(1.0 - p);
                        *g = (p - t) / (ROWS * OUTPUTS);
                    }
                }
            }
            memcpy(z, logits, sizeof z);
            double sum = spt_loss_rows((spt_loss)loss, OUTPUTS, targets, ROWS, ROWS, z);
            /* float32 logits, exponentials good to 1.2e-7, sums of a hundred of them in float64 */
            assert_true(fabs(sum - expected) < 1e-6 * expected);
            for (size_t i = 0; i < ROWS * OUTPUTS; i++)
                assert_true(fabs((double)z[i] - gradient[i]) < 1e-6 * (loss == SPT_LOSS_MSE ? 0.5 : 1.0 / ROWS));
        }
}

static void one_output_and_two_classes_have_the_targets_that_the_header_says(void **state) {
    (void)state;
    const int32_t label[] = {0, 1};
    spt_targets targets = {label, NULL};
    assert_true(spt_target_at(SPT_LOSS_BCE, 1, targets, 0, 0) == 0.0 &&
                spt_target_at(SPT_LOSS_BCE, 1, targets, 1, 0) == 1.0);
    assert_true(spt_target_at(SPT_LOSS_MSE, 1, targets, 0, 0) == -1.0 &&
                spt_target_at(SPT_LOSS_MSE, 1, targets, 1, 0) == 1.0);
}

static void losses_stay_finite_for_large_logits_and_show_what_is_not_finite(void **state) {
    (void)state;
    const int32_t label = 1;
    const float target = 1.0f;
    float z[] = {3e4f, -3e4f, 0.0f};
    double loss = spt_loss_rows(SPT_LOSS_CROSS_ENTROPY, 3, (spt_targets){&label, NULL}, 1, 1, z);
    assert_true(loss == 6e4);
    assert_true(z[0] == 1.0f && z[1] == -1.0f && z[2] == 0.0f);
    float far = -1e30f;
    loss = spt_loss_rows(SPT_LOSS_BCE, 1, (spt_targets){NULL, &target}, 1, 1, &far);
    assert_true(fabs(loss - 1e30) < 1e23); /* the logit's own float32 rounding */
    assert_true(far == -1.0f);
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++)
        for (size_t place = 0; place < 2; place++) {
            float row[] = {0.5f, -0.5f};
            row[place] = bad[i];
            loss = spt_loss_rows(SPT_LOSS_CROSS_ENTROPY, 2, (spt_targets){&label, NULL}, 1, 1, row);
            /* -inf for another class is a probability of 0, no more */
            assert_true(!isfinite(loss) || (place == 0 && i == 2));
            float single = bad[i];
            assert_true(!isfinite(spt_loss_rows(SPT_LOSS_MSE, 1, (spt_targets){NULL, &target}, 1, 1, &single)));
        }
}

/* Naive float64 layer. Tolerance: sums of up to 300 float32 products, each rounded to 6e-8 of its size. */
static void a_layer_and_its_gradients_equal_naive_sums(void **state) {
    (void)state;
    const size_t shapes[][3] = {{100, 40, 3}, {37, 3, 300}, {100, 300, 300}, {333, 11, 64}, {1, 5, 2}};
    spt_team team;
    spt_team_init(&team, 1);
    spt_member alone = spt_team_join(&team, 0);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t rows = shapes[s][0], in = shapes[s][1], out = shapes[s][2];
        spt_model_spec model = {in, 1, 0, out, SPT_INIT_NTK};
        spt_layer layer = spt_model_layer(&model, 0);
        size_t block = layer.bias_offset + out;
        float *p = spt_memory_alloc(block, sizeof *p), *g = spt_memory_alloc(block, sizeof *g);
        float *x = spt_memory_alloc(rows * in, sizeof *x), *dx = spt_memory_alloc(rows * in, sizeof *dx);
        float *y = spt_memory_alloc(rows * out, sizeof *y), *dy = spt_memory_alloc(rows * out, sizeof *dy);
        fill(p, block, 1);
        fill(x, rows * in, 2);
        fill(dy, rows * out, 3);
        for (int relu = 0; relu <= 1; relu++) {
            spt_dense_forward(relu ? &alone : NULL, &layer, p, x, rows, relu, y);
            for (size_t r = 0; r < rows; r++)
                for (size_t o = 0; o < out; o++) {
                    double sum = layer.bias_scale * (double)p[layer.bias_offset + o];
                    for (size_t i = 0; i < in; i++)
                        sum += layer.weight_scale * (double)p[o * in + i] * (double)x[r * in + i];
                    if (relu && sum < 0.0)
                        sum = 0.0;
                    assert_true(fabs((double)y[r * out + o] - sum) < 1e-5);
                }
        }
        spt_dense_backward(&alone, &layer, p, x, rows, dy, g, dx);
        for (size_t o = 0; o < out; o++) {
            double bias = 0.0;
            for (size_t r = 0; r < rows; r++)
                bias += layer.bias_scale * (double)dy[r * out + o];
            assert_true(fabs((double)g[layer.bias_offset + o] - bias) < 1e-5);
            for (size_t i = 0; i < in; i++) {
                double sum = 0.0;
                for (size_t r = 0; r < rows; r++)
                    sum += layer.weight_scale * (double)dy[r * out + o] * (double)x[r * in + i];
                assert_true(fabs((double)g[o * in + i] - sum) < 3e-5);
            }
        }
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < in; i++) {
                double sum = 0.0;
                for (size_t o = 0; o < out; o++)
                    sum += layer.weight_scale * (double)dy[r * out + o] * (double)p[o * in + i];
                assert_true(fabs((double)dx[r * in + i] - (x[r * in + i] > 0 ? sum : 0.0)) < 3e-5);
            }
        spt_memory_free(p);
        spt_memory_free(g);
        spt_memory_free(x);
        spt_memory_free(dx);
        spt_memory_free(y);
        spt_memory_free(dy);
    }
}

static void relu_lets_not_a_number_through(void **state) {
    (void)state;
    spt_model_spec model = {1, 1, 0, 1, SPT_INIT_PYTORCH};
    spt_layer layer = spt_model_layer(&model, 0);
    float *p = spt_memory_alloc(layer.bias_offset + 1, sizeof *p);
    float x = 1.0f, y = 0.0f;
    p[0] = NAN;
    spt_dense_forward(NULL, &layer, p, &x, 1, true, &y);
    assert_true(isnan(y));
    spt_memory_free(p);
}

static void optimizers_leave_the_gaps_of_a_block_at_zero(void **state) {
    (void)state;
    spt_team team;
    spt_team_init(&team, 1);
    spt_member alone = spt_team_join(&team, 0);
    for (int kind = SPT_OPTIMIZER_SGD; kind <= SPT_OPTIMIZER_ADAMW; kind++) {
        spt_optimizer o = {(spt_optimizer_kind)kind, 0.1, 0.9, 0.1, 0.9, 0.999, 1e-8};
        float gradient[40] = {0}, parameters[40] = {0}, moment[80] = {0};
        gradient[0] = parameters[0] = 1.0f;
        for (uint64_t step = 0; step < 3; step++)
            spt_optimizer_update(&alone, &o, step, 40, gradient, parameters, moment);
        assert_true(parameters[0] != 1.0f);
        for (size_t i = 1; i < 40; i++)
            assert_true(parameters[i] == 0.0f && moment[i] == 0.0f && moment[40 + i] == 0.0f);
    }
}

/* Without a barrier between the phases some member reads a count that others have not finished. */
static void a_barrier_separates_phases(void **state) {
    (void)state;
    enum { MEMBERS = 4, PHASES = 2000 };
    spt_team team;
    int wrong = 0, together[2] = {0};
#pragma omp parallel num_threads(MEMBERS) reduction(+ : wrong)
    {
#pragma omp single
        spt_team_init(&team, (size_t)omp_get_num_threads());
        spt_member member = spt_team_join(&team, (size_t)omp_get_thread_num());
        for (int phase = 0; phase < PHASES; phase++) {
#pragma omp atomic
            together[phase % 2]++;
            spt_team_barrier(&member);
            int seen;
#pragma omp atomic read
            seen = together[phase % 2];
            wrong += seen != (phase / 2 + 1) * (int)team.size;
            spt_team_barrier(&member);
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_is_within_two_units_in_the_last_place),
        cmocka_unit_test(exponential_keeps_the_ends),
        cmocka_unit_test(a_product_has_the_same_bits_wherever_it_lies_and_beside_others),
        cmocka_unit_test(losses_and_gradients_equal_the_formulas),
        cmocka_unit_test(one_output_and_two_classes_have_the_targets_that_the_header_says),
        cmocka_unit_test(losses_stay_finite_for_large_logits_and_show_what_is_not_finite),
        cmocka_unit_test(a_layer_and_its_gradients_equal_naive_sums),
        cmocka_unit_test(relu_lets_not_a_number_through),
        cmocka_unit_test(optimizers_leave_the_gaps_of_a_block_at_zero),
        cmocka_unit_test(a_barrier_separates_phases),
    };
    openblas_set_num_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
