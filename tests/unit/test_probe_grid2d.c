/* Spectra over a box: closed forms, a naive transform in float64, Parseval, and what the config may say. */
#include "probe_energy.h"

#define FULL(samples, box)   "{name: g, kind: grid2d, power: full, samples: " samples ", box: " box "}"
#define RADIAL(samples, box) "{name: g, kind: grid2d, samples: " samples ", box: " box "}"
#define UNIT                 "[[0, 1], [0, 1]]"

static spt_dataset plane_data(size_t outputs) {
    return make_data(2, outputs, 0, 4);
}

static void rows_are_the_grid_the_first_input_slowest(void **state) {
    (void)state;
    spt_dataset data = plane_data(1);
    spt_probe *probe = make_probe(FULL("[6, 4]", "[[-1, 2], [0.5, 0.7]]"), &data, 1);
    assert_int_equal(probe->series * probe->samples, 24);
    for (size_t m = 0; m < 6; m++)
        for (size_t n = 0; n < 4; n++) {
            float x[2];
            spt_probe_rows(probe, m * 4 + n, 1, x);
            assert_true(x[0] == (float)(-1.0 + (double)m * 3.0 / 6.0));
            assert_true(fabs((double)x[1] - (0.5 + (double)n * 0.05)) < 3e-8); /* rounding to float32 below 1 */
        }
    spt_probe_free(probe);
    free_data(&data);
}

/* 3 x - 2 y + 0.5: a ramp along each axis, nothing off them. |1/N sum_m (m/N) exp(-2 pi i k m / N)| is
 * 1 / (2 N sin(pi k / N)). */
static void a_linear_net_has_the_spectra_of_two_ramps(void **state) {
    (void)state;
    enum { N = 12, M = 8, BINS = M / 2 + 1 };
    spt_dataset data = plane_data(1);
    spt_probe *probe = make_probe(FULL("[12, 8]", UNIT), &data, 1);
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    float parameters[64] = {3.0f, -2.0f};
    parameters[spt_model_layer(&run.model, 0).bias_offset] = 0.5f;
    double *energy = energies_of(probe, &data, &run, parameters, 2);
    for (int i = 0; i < N; i++)
        for (int l = 0; l < BINS; l++) {
            int k = i - N / 2;
            double expected = 0.0;
            if (k == 0 && l == 0)
                expected = pow(3.0 * (N - 1) / (2.0 * N) - 2.0 * (M - 1) / (2.0 * M) + 0.5, 2.0);
            else if (l == 0)
                expected = pow(3.0 / (2.0 * N * sin(PI * k / N)), 2.0);
            else if (k == 0)
                expected = pow(2.0 / (2.0 * M * sin(PI * l / M)), 2.0);
            assert_true(probe->dims[0].coordinate[i] == k && probe->dims[1].coordinate[l] == l);
            assert_true(fabs(energy[i * BINS + l] - expected) < 1e-6); /* float32 outputs of order 1 */
        }
    free(energy);
    spt_probe_free(probe);
    free_data(&data);
}

/* |1 - 2 x| of hand-set weights: its second differences are -4/N at 0 and 4/N at N/2, so that F_k = 2 / (N sin(pi k /
 * N))^2 for odd k, 1/2 for k = 0, and nothing else. Ring r holds (+-r, 0) and what lies near it. */
static void a_triangle_wave_has_odd_harmonics_along_its_axis(void **state) {
    (void)state;
    enum { N = 32, BINS = N / 2 + 1 };
    spt_dataset data = plane_data(1);
    spt_probe *probe = make_probe(FULL("32", UNIT), &data, 1), *rings = make_probe(RADIAL("32", UNIT), &data, 1);
    spt_run_spec run = run_of(&data, 2, 1, 0, 1);
    spt_layer first = spt_model_layer(&run.model, 0), last = spt_model_layer(&run.model, 1);
    float *parameters = calloc(arena_of(&run).block, sizeof *parameters);
    assert_non_null(parameters);
    parameters[first.weight_offset] = -2.0f; /* relu(1 - 2 x) + relu(2 x - 1) */
    parameters[first.weight_offset + 2] = 2.0f;
    parameters[first.bias_offset] = 1.0f;
    parameters[first.bias_offset + 1] = -1.0f;
    parameters[last.weight_offset] = parameters[last.weight_offset + 1] = 1.0f;
    double *energy = energies_of(probe, &data, &run, parameters, 1);
    double *mean = energies_of(rings, &data, &run, parameters, 1);
    double sum[N / 2] = {0}, members[N / 2] = {0};
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) { /* the whole plane, the other half too */
            int k = i - N / 2, l = j - N / 2;
            double wave = 2.0 / pow(N * sin(PI * k / N), 2.0);
            double expected = l != 0 || (k != 0 && k % 2 == 0) ? 0.0 : k == 0 ? 0.25 : wave * wave;
            if (l >= 0)
                assert_true(fabs(energy[i * BINS + l] - expected) < 1e-9); /* no output is rounded: multiples of 1/16 */
            int ring = (int)(sqrt((double)(k * k + l * l)) + 0.5);
            if (ring < N / 2) {
                sum[ring] += expected;
                members[ring] += 1.0;
            }
        }
    assert_int_equal(rings->energy_size, N / 2);
    for (int r = 0; r < N / 2; r++)
        assert_true(rings->dims[0].coordinate[r] == r && fabs(mean[r] - sum[r] / members[r]) < 1e-9);
    free(parameters);
    free(energy);
    free(mean);
    spt_probe_free(probe);
    spt_probe_free(rings);
    free_data(&data);
}

/* Power of the whole plane, (N, M), k and l from 0: mean over outputs of |1/(N M) sum f exp(...)|^2, term by term. */
static void naive_power(const spt_probe *probe, const double *f, double *power) {
    const size_t n = probe->series, m = probe->samples;
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < m; l++) {
            power[k * m + l] = 0.0;
            for (size_t o = 0; o < probe->outputs; o++) {
                double re = 0.0, im = 0.0;
                for (size_t i = 0; i < n * m; i++) {
                    double turn = (double)(k * (i / m) % n) / (double)n + (double)(l * (i % m) % m) / (double)m;
                    re += f[o * n * m + i] * cos(2.0 * PI * turn);
                    im -= f[o * n * m + i] * sin(2.0 * PI * turn);
                }
                power[k * m + l] += (re * re + im * im) / pow((double)(n * m), 2.0) / (double)probe->outputs;
            }
        }
}

/* A box twice as high as wide, so that one cycle along the first input is as short as two along the second. */
static void a_relu_net_has_the_power_and_the_rings_of_a_naive_transform(void **state) {
    (void)state;
    enum { N = 24, M = 40, OUTPUTS = 3 };
    const char *box = "[[-1, 1], [0, 4]]";
    char yaml[2][160];
    snprintf(yaml[0], sizeof yaml[0], FULL("[24, 40]", "%s"), box);
    snprintf(yaml[1], sizeof yaml[1], RADIAL("[24, 40]", "%s"), box);
    spt_dataset data = plane_data(OUTPUTS);
    spt_probe *full = make_probe(yaml[0], &data, 1), *rings = make_probe(yaml[1], &data, 1);
    spt_run_spec run = run_of(&data, 40, 1, 0, 3);
    float *parameters = initial_state(&run);
    double *f = outputs_of(full, &run, parameters), *power = calloc(N * M, sizeof *power);
    assert_non_null(power);
    naive_power(full, f, power);
    double *energy = energies_of(full, &data, &run, parameters, 2);
    double *mean = energies_of(rings, &data, &run, parameters, 2);
    /* Outputs of order 1 are wrong by some 1e-7, at random, of which a coefficient holds a 31st part. */
    for (size_t i = 0; i < N; i++)
        for (size_t l = 0; l <= M / 2; l++) {
            double expected = power[(i + N / 2) % N * M + l];
            assert_true(fabs(energy[i * (M / 2 + 1) + l] - expected) < 1e-7 * sqrt(expected) + 1e-13);
        }
    assert_int_equal(rings->energy_size, 20); /* up to the Nyquist frequency of the longer side: 20, against 12 * 2 */
    for (size_t r = 0; r < rings->energy_size; r++) {
        double sum = 0.0, members = 0.0;
        for (int i = 0; i < N * M; i++) {
            double k = 2.0 * (i / M < N / 2 ? i / M : i / M - N), l = i % M < M / 2 ? i % M : i % M - M;
            double kappa = hypot(k, l);
            bool in = kappa >= (double)r - 0.5 && kappa < (double)r + 0.5;
            sum += in ? power[i] : 0.0;
            members += in;
        }
        assert_true(fabs(mean[r] - sum / members) < 1e-7 * sqrt(sum / members) + 1e-13);
    }
    free(f);
    free(power);
    free(energy);
    free(mean);
    spt_memory_free(parameters);
    spt_probe_free(full);
    spt_probe_free(rings);
    free_data(&data);
}

static void the_full_power_adds_up_to_the_mean_square(void **state) {
    (void)state;
    enum { N = 64, M = 16, BINS = M / 2 + 1 };
    spt_dataset data = plane_data(2);
    spt_probe *probe = make_probe(FULL("[64, 16]", "[[-3, 3], [-3, 3]]"), &data, 1);
    spt_run_spec run = run_of(&data, 64, 1, 0, 5);
    float *parameters = initial_state(&run);
    double *f = outputs_of(probe, &run, parameters), *energy = energies_of(probe, &data, &run, parameters, 1);
    double square = 0.0, sum = 0.0;
    for (size_t i = 0; i < (size_t)N * M * 2; i++)
        square += f[i] * f[i] / (N * M * 2);
    for (size_t e = 0; e < probe->energy_size; e++)
        sum += energy[e] * (e % BINS == 0 || e % BINS == BINS - 1 ? 1.0 : 2.0);
    assert_true(fabs(sum / square - 1.0) < 1e-6); /* float32 outputs */
    free(f);
    free(energy);
    spt_memory_free(parameters);
    spt_probe_free(probe);
    free_data(&data);
}

static void bits_depend_neither_on_threads_nor_on_the_group(void **state) {
    (void)state;
    spt_dataset data = plane_data(2);
    spt_probe *probe = make_probe(RADIAL("[60, 50]", UNIT), &data, 1);
    spt_run_spec run = run_of(&data, 30, 2, 0, 7);
    float *parameters = initial_state(&run);
    double *alone = energies_of(probe, &data, &run, parameters, 1);
    for (size_t threads = 1; threads <= 3; threads++) {
        spt_run_spec runs[] = {run_of(&data, 300, 1, 0, 1), run, run_of(&data, 5, 1, 0, 2), run_of(&data, 2, 0, 0, 3)};
        const spt_probe *probes[] = {probe};
        spt_group_spec spec = {&data, 4, runs, 1, probes};
        spt_test_group t = open_group(&spec, threads);
        double energy[4 * 25];
        assert_int_equal(probe->energy_size, 25);
        assert_int_equal(cpu()->probe(t.group, 0, energy, NULL), SPT_OK);
        assert_memory_equal(energy + 25, alone, 25 * sizeof *alone);
        close_group(&t);
    }
    free(alone);
    spt_memory_free(parameters);
    spt_probe_free(probe);
    free_data(&data);
}

static void shape_foretells_the_probe(void **state) {
    (void)state;
    const char *const yaml[] = {FULL("[6, 4]", UNIT), RADIAL("[6, 4]", UNIT), RADIAL("[60, 4]", "[[0, 1], [0, 9.5]]"),
                                "{name: g, kind: grid2d, samples: 2}"};
    const size_t rings[] = {0, 2, 2, 1};
    spt_dataset data = plane_data(1);
    for (size_t i = 0; i < sizeof yaml / sizeof *yaml; i++) {
        spt_data_shape of_data = {.train = 4, .test = 2, .inputs = 2, .outputs = 1};
        spt_probe_spec *spec = good_probe(yaml[i]);
        spt_probe_shape shape;
        assert_int_equal(spt_probe_spec_shape(spec, &of_data, &shape, NULL), SPT_OK);
        spt_probe_spec_free(spec);
        spt_probe *probe = make_probe(yaml[i], &data, 1);
        assert_int_equal(shape.rows, probe->series * probe->samples);
        assert_int_equal(shape.energy_size, probe->energy_size);
        assert_int_equal(shape.n_dims, probe->n_dims);
        for (size_t d = 0; d < probe->n_dims; d++)
            assert_int_equal(shape.dim_size[d], probe->dims[d].size);
        if (i > 0)
            assert_int_equal(probe->energy_size, rings[i]);
        assert_true(shape.memory_bytes >= probe->fold.first[probe->energy_size] * 12);
        spt_probe_free(probe);
    }
    free_data(&data);
}

static void settings_are_attributes(void **state) {
    (void)state;
    spt_dataset data = plane_data(1);
    spt_probe *probe = make_probe(RADIAL("[6, 4]", "[[-1, 2], [0.5, 0.75]]"), &data, 1);
    static const char *const expected[][2] = {{"samples_1", "6"},  {"samples_2", "4"},   {"box_low_1", "-1"},
                                              {"box_high_1", "2"}, {"box_low_2", "0.5"}, {"box_high_2", "0.75"},
                                              {"power", "radial"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_string_equal(attribute_of(probe, expected[i][0]), expected[i][1]);
    spt_probe_free(probe);
    free_data(&data);
}

static void assert_refused(const char *settings, const char *words) {
    char yaml[200];
    spt_probe_spec *spec = NULL;
    spt_error err = {0};
    snprintf(yaml, sizeof yaml, "{name: g, kind: grid2d%s}", settings);
    assert_int_equal(read_probe(yaml, &spec, &err), SPT_ECONFIG);
    if (strstr(err.message, words) == NULL)
        fail_msg("%s: the message '%s' lacks '%s'", yaml, err.message, words);
}

static void what_is_no_grid_is_refused_with_what_is_allowed(void **state) {
    (void)state;
    assert_refused("", "probes.0.samples: is missing");
    assert_refused(", samples: 7", "samples: is 7; allowed: an even number, 2 to 4096");
    assert_refused(", samples: [8, 5000]", "samples.1: is 5000; allowed: integers 2 to 4096");
    assert_refused(", samples: [8, 8, 8]", "samples: has 3 numbers; allowed: one, or [N, M]");
    assert_refused(", samples: 8, box: [0, 1]", "box.0: is not a pair; allowed: box: [[a, b], [c, d]]");
    assert_refused(", samples: 8, box: 3", "box: is not a pair");
    assert_refused(", samples: 8, box: [[0, 1], [1, 0]]", "box.1: goes from 1 to 0; allowed: the lower end first");
    assert_refused(", samples: 8, box: [[0, x], [1, 0]]", "box.0.1: is x");
    assert_refused(", samples: 8, power: rings", "power: is rings; allowed: radial, full");
}

static void other_inputs_than_two_are_refused(void **state) {
    (void)state;
    spt_dataset data = make_data(3, 1, 0, 4);
    spt_probe_spec *spec = good_probe(RADIAL("8", UNIT));
    spt_probe *probe = NULL;
    spt_error err = {0};
    assert_int_equal(spt_probe_make(spec, &data, 1, &probe, &err), SPT_EINVAL);
    assert_string_equal(err.message, "probe g: grid2d is for data with 2 inputs; these have 3");
    spt_probe_spec_free(spec);
    free_data(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_grid_the_first_input_slowest),
        cmocka_unit_test(a_linear_net_has_the_spectra_of_two_ramps),
        cmocka_unit_test(a_triangle_wave_has_odd_harmonics_along_its_axis),
        cmocka_unit_test(a_relu_net_has_the_power_and_the_rings_of_a_naive_transform),
        cmocka_unit_test(the_full_power_adds_up_to_the_mean_square),
        cmocka_unit_test(bits_depend_neither_on_threads_nor_on_the_group),
        cmocka_unit_test(shape_foretells_the_probe),
        cmocka_unit_test(settings_are_attributes),
        cmocka_unit_test(what_is_no_grid_is_refused_with_what_is_allowed),
        cmocka_unit_test(other_inputs_than_two_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
