/* How fast amplitudes fall along lines through random networks: as 1/k where the window's jump is left in, as 1/k^2
 * where the straight line through its ends is taken off and kinks alone are left (Rahaman et al. 2019, theorem 1). */
#include "cpu/segments_spectrum.h"
#include "segments_case.h"

enum {
    INPUTS = 10,
    WIDTH = 32,
    LINES = 60,
    NETWORKS = 15,
    LOWEST = 32, /* The corners of a line are some 15 to 80: from k = 32 on their phases are as good as random. Lower
                  * the exponent is still within 0.05. */
    HIGHEST = 512
};

/* Mean over the lines of |c_k|^2. */
static void mean_energy(size_t hidden_layers, spt_init init, bool ends, double *energy) {
    double x[INPUTS], v[INPUTS], a[INPUTS], b[INPUTS];
    double *numbers = malloc(spt_segments_spectrum_numbers(1, HIGHEST) * sizeof *numbers);
    assert_non_null(numbers);
    memset(energy, 0, (HIGHEST + 1) * sizeof *energy);
    for (uint32_t line = 0; line < LINES; line++) {
        segments_case c = make_case(INPUTS, WIDTH, hidden_layers, 1, init, line % NETWORKS);
        random_point(1, 2 * line, INPUTS, 1.0, x);
        random_point(1, 2 * line + 1, INPUTS, 1.0, v);
        double square = 0.0;
        for (size_t j = 0; j < INPUTS; j++)
            square += v[j] * v[j];
        for (size_t j = 0; j < INPUTS; j++) {
            a[j] = x[j] - 3.0 * v[j] / sqrt(square);
            b[j] = x[j] + 3.0 * v[j] / sqrt(square);
        }
        spt_segments_spectrum spectrum;
        spt_segments_spectrum_begin(&spectrum, 1, HIGHEST, numbers);
        spt_segments_walk(&c.network, c.parameters, a, b, c.space, spt_segments_spectrum_point, &spectrum);
        spt_segments_spectrum_end(&spectrum, ends);
        for (size_t k = 0; k <= HIGHEST; k++)
            energy[k] += (spectrum.real[k] * spectrum.real[k] + spectrum.imag[k] * spectrum.imag[k]) / LINES;
        free_case(&c);
    }
    free(numbers);
}

/* The slope of log RMS amplitude against log k, by least squares over bands of a third of an octave: alike on the
 * logarithmic axis, so that the many high frequencies do not outweigh the low. */
static double exponent(const double *energy) {
    const double third = pow(2.0, 1.0 / 3.0);
    double n = 0.0, x = 0.0, y = 0.0, xx = 0.0, xy = 0.0;
    for (double low = LOWEST; low * third < HIGHEST + 1.0; low *= third) {
        double sum = 0.0, count = 0.0;
        for (size_t k = (size_t)ceil(low); (double)k < low * third; k++) {
            sum += energy[k];
            count += 1.0;
        }
        const double log_k = log(low * sqrt(third)), log_amplitude = 0.5 * log(sum / count);
        n += 1.0;
        x += log_k;
        y += log_amplitude;
        xx += log_k * log_k;
        xy += log_k * log_amplitude;
    }
    assert_true(n >= 11.0);
    return (n * xy - x * y) / (n * xx - x * x);
}

static void amplitudes_of_random_networks_fall_as(double expected, bool ends) {
    double energy[HIGHEST + 1];
    for (size_t depth = 1; depth <= 5; depth++)
        for (int i = 0; i < 2; i++) {
            mean_energy(depth, i == 0 ? SPT_INIT_PYTORCH : SPT_INIT_HE, ends, energy);
            /* A band's mean is of 60 lines times 8 frequencies or more, each energy as its mean: 0.05 of it, 0.03 of an
             * amplitude; 12 bands over 2.8 in log k leave 0.01 in the slope. 200 lines up to k = 4096: 0.01. */
            const double found = exponent(energy);
            if (!(fabs(found - expected) < 0.1))
                fail_msg("%zu hidden layers: exponent %.3f, expected %g", depth, found, expected);
        }
}

static void with_the_ends_taken_off_amplitudes_fall_as_the_square_of_frequency(void **state) {
    (void)state;
    amplitudes_of_random_networks_fall_as(-2.0, true);
}

static void with_the_jump_left_in_amplitudes_fall_as_frequency(void **state) {
    (void)state;
    amplitudes_of_random_networks_fall_as(-1.0, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_ends_taken_off_amplitudes_fall_as_the_square_of_frequency),
        cmocka_unit_test(with_the_jump_left_in_amplitudes_fall_as_frequency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
