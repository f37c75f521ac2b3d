/* Fourier coefficients of piecewise-linear functions: closed forms, Parseval, FFTs with their aliasing. */
#include <complex.h>
#include <fftw3.h>

#include "cpu/segments_spectrum.h"
#include "segments_case.h"

static const double PI = 3.14159265358979323846;

/* c_k (outputs, highest + 1) of corners. */
static double complex *coefficients(const corners *list, size_t highest, bool ends) {
    double *numbers = malloc(spt_segments_spectrum_numbers(list->outputs, highest) * sizeof *numbers);
    double complex *c = malloc(list->outputs * (highest + 1) * sizeof *c);
    assert_non_null(numbers);
    assert_non_null(c);
    spt_segments_spectrum spectrum;
    spt_segments_spectrum_begin(&spectrum, list->outputs, highest, numbers);
    for (size_t i = 0; i < list->n; i++)
        spt_segments_spectrum_point(&spectrum, list->u[i], list->f + i * list->outputs);
    spt_segments_spectrum_end(&spectrum, ends);
    for (size_t i = 0; i < list->outputs * (highest + 1); i++)
        c[i] = spectrum.real[i] + I * spectrum.imag[i];
    free(numbers);
    return c;
}

/* Sum over bends of |change of slope|, the window's end among them; output 0. */
static double total_bend(const corners *list) {
    double sum = 0.0, first = 0.0, before = 0.0;
    for (size_t i = 0; i + 1 < list->n; i++) {
        double slope = (list->f[(i + 1) * list->outputs] - list->f[i * list->outputs]) / (list->u[i + 1] - list->u[i]);
        if (i == 0)
            first = slope;
        else
            sum += fabs(slope - before);
        before = slope;
    }
    return sum + fabs(first - before);
}

static void a_single_kink_has_its_closed_form(void **state) {
    (void)state;
    enum { HIGHEST = 2000 };
    const float places[] = {0.5f, 0.1f, 0.71f, 1e-9f, 0.999f};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        segments_case net = blank_case(1, 1, 1, 1);
        *weight_of(&net, 0, 0, 0) = 1.0f;
        *bias_of(&net, 0, 0) = -places[p];
        *weight_of(&net, 1, 0, 0) = 1.0f;
        const double a = 0.0, b = 1.0, at = (double)places[p], rest = 1.0 - at;
        corners list = walk_case(&net, &a, &b);
        double complex *none = coefficients(&list, HIGHEST, false), *ends = coefficients(&list, HIGHEST, true);
        /* integral of (u - at) exp(-i w u) from `at` to 1 */
        assert_true(cabs(none[0] - 0.5 * rest * rest) < 1e-15);
        assert_true(cabs(ends[0] - (0.5 * rest * rest - 0.5 * rest)) < 1e-15);
        for (int k = 1; k <= HIGHEST; k++) {
            const double w = 2.0 * PI * k;
            const double complex kink = (1.0 - cexp(-I * w * at)) / (w * w), jump = I * rest / w;
            /* the phase of cexp here is rounded to w 1e-16; the coefficient is not further off than that */
            assert_true(cabs(none[k] - (kink + jump)) < 1e-15 / w);
            assert_true(cabs(ends[k] - kink) < 1e-15 / w);
        }
        free(none);
        free(ends);
        free_corners(&list);
        free_case(&net);
    }
}

/* n teeth of height 1: -2 / (pi j)^2 at k = n j, j odd; nothing elsewhere. */
static void a_triangle_wave_has_odd_harmonics_alone(void **state) {
    (void)state;
    enum { HIGHEST = 1000 };
    for (size_t layers = 1; layers <= 6; layers++) {
        segments_case net = tents_case(layers);
        const double a = 0.0, b = 1.0;
        const int teeth = 1 << (layers - 1);
        corners list = walk_case(&net, &a, &b);
        for (int ends = 0; ends <= 1; ends++) { /* the line through its ends is zero */
            double complex *c = coefficients(&list, HIGHEST, ends == 1);
            assert_true(cabs(c[0] - 0.5) < 1e-15);
            for (int k = 1; k <= HIGHEST; k++) {
                const double order = (double)k / teeth, w = 2.0 * PI * k;
                const double expected = k % teeth == 0 && k / teeth % 2 == 1 ? -2.0 / (PI * PI * order * order) : 0.0;
                /* the function goes up and down by 2 teeth in all, with phases good to 1e-15, over w */
                assert_true(cabs(c[k] - expected) < 2.0 * teeth * 1e-15 / w);
            }
            free(c);
        }
        free_corners(&list);
        free_case(&net);
    }
}

static void a_straight_line_has_a_jump_and_nothing_when_it_is_taken_off(void **state) {
    (void)state;
    enum { HIGHEST = 300 };
    corners list = {.outputs = 2};
    const double f[] = {-1.0, 0.25, 2.0, 0.25};
    keep_corner(&list, 0.0, f);
    keep_corner(&list, 1.0, f + 2);
    double complex *none = coefficients(&list, HIGHEST, false), *ends = coefficients(&list, HIGHEST, true);
    for (int k = 0; k <= HIGHEST; k++) {
        const double complex expected = k == 0 ? 0.5 : I * 3.0 / (2.0 * PI * k);
        assert_true(cabs(none[k] - expected) < 1e-16);
        assert_true(cabs(none[HIGHEST + 1 + k] - (k == 0 ? 0.25 : 0.0)) < 1e-16);
        assert_true(cabs(ends[k]) < 1e-16 && cabs(ends[HIGHEST + 1 + k]) < 1e-16);
    }
    free(none);
    free(ends);
    free_corners(&list);
}

/* Corners of a random network with three outputs along a way across its data. */
static corners random_corners(size_t hidden_layers, uint32_t seed) {
    enum { INPUTS = 10 };
    segments_case net = make_case(INPUTS, 20, hidden_layers, 3, SPT_INIT_HE, seed);
    double a[INPUTS], b[INPUTS];
    random_point(seed, 0, INPUTS, 2.0, a);
    random_point(seed, 1, INPUTS, 2.0, b);
    for (size_t j = 0; j < 20; j++) /* he has no biases: its corners would all be cones through 0 */
        *bias_of(&net, 0, j) = 0.1f * (float)(j % 7) - 0.3f;
    corners list = walk_case(&net, a, b);
    assert_true(list.between > 3);
    free_case(&net);
    return list;
}

/* Integral of the square of output 0, less the line through its ends when asked for. */
static double mean_square(const corners *list, bool ends) {
    const double first = list->f[0], last = list->f[(list->n - 1) * list->outputs];
    double sum = 0.0, before = 0.0;
    for (size_t i = 0; i < list->n; i++) {
        double value = list->f[i * list->outputs] - (ends ? first + list->u[i] * (last - first) : 0.0);
        if (i > 0)
            sum += (list->u[i] - list->u[i - 1]) * (before * before + before * value + value * value) / 3.0;
        before = value;
    }
    return sum;
}

static void parseval_holds(void **state) {
    (void)state;
    enum { HIGHEST = 20000 };
    for (size_t depth = 1; depth <= 5; depth++) {
        corners list = random_corners(depth, (uint32_t)depth);
        const double bend = total_bend(&list), rise = list.f[(list.n - 1) * list.outputs] - list.f[0];
        for (int ends = 0; ends <= 1; ends++) {
            double complex *c = coefficients(&list, HIGHEST, ends == 1);
            double sum = creal(c[0]) * creal(c[0]);
            for (int k = 1; k <= HIGHEST; k++)
                sum += 2.0 * (creal(c[k]) * creal(c[k]) + cimag(c[k]) * cimag(c[k]));
            /* What lies above: |c_k| <= rise / w + bend / w^2, and sums over k > K of 1/k^2, 1/k^4 are below 1/K,
             * 1/(3 K^3). */
            const double K = HIGHEST, jump = ends ? 0.0 : rise;
            const double above =
                4.0 * (jump * jump / (4.0 * PI * PI * K) + bend * bend / (48.0 * pow(PI, 4) * K * K * K));
            const double whole = mean_square(&list, ends == 1);
            assert_true(sum < whole * (1.0 + 1e-12) && sum > whole * (1.0 - 1e-12) - above);
            assert_true(above < 1e-3 * whole);
            free(c);
        }
        free_corners(&list);
    }
}

/* DFT of n samples of output 0 at u = i / n, over n; samples (n / 2 + 1) complex. */
static double complex *sampled(const corners *list, size_t n, bool ends) {
    const double first = list->f[0], last = list->f[(list->n - 1) * list->outputs];
    double *samples = fftw_alloc_real(n);
    double complex *c = fftw_malloc((n / 2 + 1) * sizeof *c);
    assert_non_null(samples);
    assert_non_null(c);
    fftw_plan plan = fftw_plan_dft_r2c_1d((int)n, samples, c, FFTW_ESTIMATE);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const double u = (double)i / (double)n;
        while (list->u[at + 1] < u)
            at++;
        const double *f = list->f + at * list->outputs, part = (u - list->u[at]) / (list->u[at + 1] - list->u[at]);
        samples[i] = f[0] + part * (f[list->outputs] - f[0]) - (ends ? first + u * (last - first) : 0.0);
    }
    fftw_execute(plan);
    for (size_t k = 0; k <= n / 2; k++)
        c[k] /= (double)n;
    fftw_destroy_plan(plan);
    fftw_free(samples);
    return c;
}

/* Aliases of the kinks, c_(k + m n), are each below bend / (2 pi (k + m n))^2; for k <= n/4 their sum over all m but 0
 * is below 1.2 bend / (pi n)^2. The jump's aliases fall as 1/m: there the two differ, see the next test. */
static void an_fft_of_many_samples_agrees_where_aliasing_is_negligible(void **state) {
    (void)state;
    enum { SAMPLES = 1 << 16, HIGHEST = 512 };
    for (size_t depth = 1; depth <= 5; depth++) {
        corners list = random_corners(depth, (uint32_t)depth);
        double complex *exact = coefficients(&list, HIGHEST, true), *fft = sampled(&list, SAMPLES, true);
        const double bound = 1.2 * total_bend(&list) / (PI * PI * SAMPLES * (double)SAMPLES);
        double largest = 0.0;
        for (int k = 0; k <= HIGHEST; k++) {
            assert_true(cabs(exact[k] - fft[k]) < bound + 1e-15 * cabs(exact[0])); /* and the FFT's rounding */
            largest = fmax(largest, cabs(exact[k]));
        }
        assert_true(bound < 1e-6 * largest);
        fftw_free(fft);
        free(exact);
        free_corners(&list);
    }
}

/* fft_k = sum over all m of c_(k + m n), plus (f(0) - f(1)) / (2 n): the series has the mean of both ends at u = 0, the
 * samples have f(0). Summed here for |m| <= M. Of the jump's part in the rest, the pairs m, -m leave
 * rise k / (pi m^2 n^2) at most, of the kinks' bend / (2 pi^2 m^2 n^2): together less than that with 1 / (M - 1) for
 * 1 / m^2. */
static void an_fft_of_few_samples_differs_by_the_aliases(void **state) {
    (void)state;
    enum { SAMPLES = 64, M = 500, HIGHEST = (M + 1) * SAMPLES };
    for (size_t depth = 1; depth <= 5; depth++)
        for (int ends = 0; ends <= 1; ends++) {
            corners list = random_corners(depth, (uint32_t)depth);
            double complex *exact = coefficients(&list, HIGHEST, ends == 1), *fft = sampled(&list, SAMPLES, ends == 1);
            const double rise = ends ? 0.0 : list.f[(list.n - 1) * list.outputs] - list.f[0];
            const double n2 = (double)SAMPLES * SAMPLES * (M - 1);
            double aliasing = 0.0, worst = 0.0;
            for (int k = 0; k <= SAMPLES / 2; k++) {
                double complex sum = exact[k] - rise / (2.0 * SAMPLES);
                for (int m = 1; m <= M; m++)
                    sum += exact[m * SAMPLES + k] + conj(exact[m * SAMPLES - k]);
                const double rest = fabs(rise) * k / (PI * n2) + total_bend(&list) / (2.0 * PI * PI * n2);
                assert_true(cabs(fft[k] - sum) < rest + 1e-14 * cabs(exact[0]));
                aliasing = fmax(aliasing, cabs(fft[k] - exact[k]));
                worst = fmax(worst, rest);
            }
            assert_true(aliasing > 50.0 * worst); /* without the aliases the two would not agree */
            fftw_free(fft);
            free(exact);
            free_corners(&list);
        }
}

/* The same sums segment by segment in long double: a midpoint's phase, sin x / x, and (sin x - x cos x) / x^2. */
static long double complex by_segments(const corners *list, int k) {
    const long double pi = 3.14159265358979323846264338327950288L, w = 2.0L * pi * k;
    long double complex sum = 0.0L;
    for (size_t i = 0; i + 1 < list->n; i++) {
        const long double a = list->u[i], b = list->u[i + 1], fa = list->f[i], fb = list->f[i + 1];
        const long double x = 0.5L * w * (b - a);
        long double sinc = 1.0L - x * x / 6.0L + x * x * x * x / 120.0L;
        long double odd = x / 3.0L - x * x * x / 30.0L + x * x * x * x * x / 840.0L;
        if (x > 1e-3L) {
            sinc = sinl(x) / x;
            odd = (sinl(x) - x * cosl(x)) / (x * x);
        }
        sum += cexpl(-I * w * 0.5L * (a + b)) * (b - a) * (0.5L * (fa + fb) * sinc - I * 0.5L * (fb - fa) * odd);
    }
    return sum;
}

/* Segments from a tenth of the window down to its last bits, with values that go up and down by as much as their length
 * and by more. */
static void short_segments_lose_nothing(void **state) {
    (void)state;
    enum { HIGHEST = 3000 };
    corners list = {.outputs = 1};
    double u = 0.0, f = 0.3, worst = 0.0;
    keep_corner(&list, u, &f);
    for (int i = 0; i < 60; i++) {
        const double length = pow(10.0, -1.0 - i % 15) / 6.0;
        u += length < 3e-16 ? 3e-16 : length;
        f += (i % 2 ? -1.0 : 1.5) * (i % 3 ? length : 1e-3);
        keep_corner(&list, u, &f);
    }
    assert_true(u < 0.9);
    u = 1.0;
    f = 0.9;
    keep_corner(&list, u, &f);
    double complex *c = coefficients(&list, HIGHEST, false);
    for (int k = 1; k <= HIGHEST; k++) {
        /* The steps add up to 0.7. Each is multiplied by a phase that is good to 2e-16 and to the rounding of w times
         * the middle, w 1e-16, and the sum is divided by w. Slopes of 3e12, those of the segments of 1e-3 within
         * 3e-16, must not show. */
        const double w = 2.0 * PI * k;
        worst = fmax(worst, cabs(c[k] - (double complex)by_segments(&list, k)) / (0.7 * (2e-16 / w + 1e-16)));
    }
    assert_true(worst < 1.0);
    free(c);
    free_corners(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_kink_has_its_closed_form),
        cmocka_unit_test(a_triangle_wave_has_odd_harmonics_alone),
        cmocka_unit_test(a_straight_line_has_a_jump_and_nothing_when_it_is_taken_off),
        cmocka_unit_test(parseval_holds),
        cmocka_unit_test(an_fft_of_many_samples_agrees_where_aliasing_is_negligible),
        cmocka_unit_test(an_fft_of_few_samples_differs_by_the_aliases),
        cmocka_unit_test(short_segments_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
