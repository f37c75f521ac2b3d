/* Spectra on the CPU: closed forms of linear networks, and ReLU networks against a naive DFT in float64. */
#include "probe_energy.h"

static spt_probe dft_probe(size_t inputs, size_t outputs, size_t series, size_t samples) {
    return (spt_probe){.name = "p",
                       .kind = "line",
                       .geometry = SPT_GEOMETRY_POINTS,
                       .inputs = inputs,
                       .outputs = outputs,
                       .series = series,
                       .samples = samples,
                       .transform = SPT_TRANSFORM_DFT,
                       .scale = 1.0,
                       .energy_size = samples / 2 + 1};
}

/* y = 3 x + 0.5 on x = sin(2 pi 7 m / N): energy (3/2)^2 at 7 and 0.5^2 at 0 when the DFT is divided by N. */
static void a_sine_through_a_linear_map_has_the_energy_of_its_amplitude(void **state) {
    (void)state;
    enum { N = 200 };
    float points[N];
    for (int m = 0; m < N; m++)
        points[m] = (float)sin(2.0 * PI * 7.0 * m / N);
    spt_dataset data = make_data(1, 1, 0, 4);
    spt_probe probe = dft_probe(1, 1, 1, N);
    probe.points = points;
    probe.scale = 1.0 / ((double)N * N);
    probe.energy_size = N / 2; /* grids leave the highest frequency out */
    const spt_probe *probes[] = {&probe};
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    spt_group_spec spec = {&data, 1, &run, 1, probes};
    spt_test_group t = open_group(&spec, 2);
    float *parameters = initial_state(&run);
    parameters[spt_model_layer(&run.model, 0).weight_offset] = 3.0f;
    parameters[spt_model_layer(&run.model, 0).bias_offset] = 0.5f;
    assert_int_equal(cpu()->state_set(t.group, 0, parameters, NULL), SPT_OK);
    double energy[N / 2];
    assert_int_equal(cpu()->probe(t.group, 0, energy, NULL), SPT_OK);
    for (int k = 0; k < N / 2; k++) {
        double expected = k == 7 ? 2.25 : k == 0 ? 0.25 : 0.0;
        assert_true(fabs(energy[k] - expected) < 1e-6); /* float32 points and outputs of order 1 */
    }
    spt_memory_free(parameters);
    close_group(&t);
    free_data(&data);
}

/* Along a line a linear map is a + b t. Its DFT for k > 0 over S steps of dt is b dt S / (exp(-2 pi i k / S) - 1). */
static void a_linear_map_along_lines_has_the_spectrum_of_a_ramp(void **state) {
    (void)state;
    enum { S = 64, LINES = 3, INPUTS = 2 };
    float origin[LINES * INPUTS] = {0.1f, -0.2f, 0.3f, 0.4f, -1.0f, 0.5f};
    float direction[LINES * INPUTS] = {1.0f, 0.0f, 0.6f, 0.8f, 0.0f, -1.0f};
    spt_dataset data = make_data(INPUTS, 1, 0, 4);
    spt_probe probe = dft_probe(INPUTS, 1, LINES, S);
    probe.geometry = SPT_GEOMETRY_LINES;
    probe.origin = origin;
    probe.direction = direction;
    probe.t0 = -2.0;
    probe.dt = 4.0 / S;
    const spt_probe *probes[] = {&probe};
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    spt_group_spec spec = {&data, 1, &run, 1, probes};
    spt_test_group t = open_group(&spec, 1);
    float *parameters = initial_state(&run);
    parameters[0] = 1.5f;
    parameters[1] = -0.5f;
    assert_int_equal(cpu()->state_set(t.group, 0, parameters, NULL), SPT_OK);
    double energy[S / 2 + 1];
    assert_int_equal(cpu()->probe(t.group, 0, energy, NULL), SPT_OK);
    for (int k = 1; k <= S / 2; k++) {
        double expected = 0.0, root = 2.0 * sin(PI * k / S); /* |exp(-2 pi i k / S) - 1| */
        for (size_t m = 0; m < LINES; m++) {
            double slope = 1.5 * (double)direction[2 * m] - 0.5 * (double)direction[2 * m + 1];
            expected += pow(slope * probe.dt * S / root, 2.0) / LINES;
        }
        /* float32 outputs of order 3, each wrong by 2e-7, in sums of 64 whose size is 2 or more */
        assert_true(fabs(energy[k] - expected) < 1e-5 * expected);
    }
    spt_memory_free(parameters);
    close_group(&t);
    free_data(&data);
}

/* Mean over series and outputs of |DFT|^2 of the network's outputs, all in float64 from the probe's float32 rows. */
static void naive_energy(const spt_probe *probe, const spt_run_spec *run, const float *parameters, double *energy) {
    size_t rows = probe->series * probe->samples;
    double *f = outputs_of(probe, run, parameters);
    for (size_t k = 0; k < probe->energy_size; k++) {
        energy[k] = 0.0;
        for (size_t series = 0; series < probe->series * probe->outputs; series++) {
            double re = 0.0, im = 0.0;
            for (size_t m = 0; m < probe->samples; m++) {
                double angle = 2.0 * PI * (double)(k * m % probe->samples) / (double)probe->samples;
                double value = f[series % probe->outputs * rows + series / probe->outputs * probe->samples + m];
                re += value * cos(angle);
                im -= value * sin(angle);
            }
            energy[k] += re * re + im * im;
        }
        energy[k] *= probe->scale / ((double)probe->series * (double)probe->outputs);
    }
    free(f);
}

static void relu_networks_have_the_energies_of_a_naive_transform(void **state) {
    (void)state;
    enum { INPUTS = 5, OUTPUTS = 3, N = 1200 };
    /* an even, an odd and a tiny number of samples; a last part that is short; series longer than a part's rows */
    const size_t shape[][2] = {{31, 64}, {50, 27}, {7, 1}, {2, 600}, {600, 2}};
    spt_dataset data = make_data(INPUTS, OUTPUTS, OUTPUTS, 2 * N);
    for (size_t c = 0; c < sizeof shape / sizeof *shape; c++)
        for (int lines = 0; lines <= 1; lines++) {
            spt_probe probe = dft_probe(INPUTS, OUTPUTS, shape[c][0], shape[c][1]);
            probe.geometry = lines ? SPT_GEOMETRY_LINES : SPT_GEOMETRY_POINTS;
            probe.points = data.train.x;
            probe.origin = data.train.x;
            probe.direction = data.test.x;
            probe.t0 = -1.0;
            probe.dt = 2.0 / (double)probe.samples;
            const spt_probe *probes[] = {&probe};
            spt_run_spec run[] = {run_of(&data, 30, 1, 0, 1), run_of(&data, 300, 1, 0, 2)};
            spt_group_spec spec = {&data, 2, run, 1, probes};
            spt_test_group t = open_group(&spec, 2);
            double energy[2 * 301], expected[301];
            assert_int_equal(cpu()->probe(t.group, 0, energy, NULL), SPT_OK);
            for (size_t r = 0; r < 2; r++) {
                void *parameters = initial_state(&run[r]);
                naive_energy(&probe, &run[r], parameters, expected);
                double largest = 0.0;
                for (size_t k = 0; k < probe.energy_size; k++)
                    largest = expected[k] > largest ? expected[k] : largest;
                /* outputs of order 1 are wrong by some 1e-7, at random over samples: far less than that in a sum */
                for (size_t k = 0; k < probe.energy_size; k++)
                    assert_true(fabs(energy[r * probe.energy_size + k] - expected[k]) <
                                1e-6 * sqrt(expected[k] * largest) + 1e-11 * largest);
                spt_memory_free(parameters);
            }
            close_group(&t);
        }
    free_data(&data);
}

/* Vectors over 700 rows of two series: more than a part, not a multiple of the lanes of an inner product. */
static void a_basis_gives_the_folded_squares_of_inner_products(void **state) {
    (void)state;
    enum { INPUTS = 3, OUTPUTS = 2, SERIES = 2, SAMPLES = 350, ROWS = SERIES * SAMPLES, VECTORS = 5 };
    float basis[VECTORS * ROWS];
    size_t fold_first[] = {0, 2, 5, 5, 6}; /* the third energy is of nothing */
    uint32_t fold_index[] = {0, 1, 4, 2, 3, 0};
    double fold_weight[] = {1.0, 1.0, 0.5, 0.25, 0.25, 3.0};
    for (size_t i = 0; i < VECTORS * ROWS; i++)
        basis[i] = (float)sin(0.37 * (double)i) / 20.0f;
    spt_dataset data = make_data(INPUTS, OUTPUTS, OUTPUTS, ROWS);
    spt_probe probe = dft_probe(INPUTS, OUTPUTS, SERIES, SAMPLES);
    probe.transform = SPT_TRANSFORM_BASIS;
    probe.points = data.train.x;
    probe.basis = basis;
    probe.coefficients = VECTORS;
    probe.fold = (spt_fold){fold_first, fold_index, fold_weight, 0};
    probe.energy_size = 4;
    probe.scale = 2.0;
    spt_run_spec run = run_of(&data, 30, 1, 0, 1);
    float *parameters = initial_state(&run);
    double *f = outputs_of(&probe, &run, parameters), *energy = energies_of(&probe, &data, &run, parameters, 2);
    for (size_t e = 0; e < 4; e++) {
        double expected = 0.0;
        for (size_t o = 0; o < OUTPUTS; o++)
            for (size_t i = fold_first[e]; i < fold_first[e + 1]; i++) {
                double product = 0.0;
                for (size_t row = 0; row < ROWS; row++)
                    product += (double)basis[fold_index[i] * ROWS + row] * f[o * ROWS + row];
                expected += 2.0 / OUTPUTS * fold_weight[i] * product * product;
            }
        /* outputs of order 1/2 wrong by some 1e-7, at random, in sums of 700 terms of at most 1/20 */
        assert_true(fabs(energy[e] - expected) < 1e-6 * sqrt(expected) + 1e-12);
    }
    free(f);
    free(energy);
    spt_memory_free(parameters);
    free_data(&data);
}

/* Of a linear map nothing is left; of relu(t), over t in [-1, 1), a triangle of height -1/2 at t = 0: its second
 * differences are 2/S at S/2, and -2/S at 0, so that |DFT| is (1 - (-1)^k) (2/S) / (2 sin(pi k / S))^2. */
static void with_the_ends_line_taken_off_kinks_remain(void **state) {
    (void)state;
    enum { S = 64 };
    float origin[1] = {0}, direction[1] = {1};
    spt_dataset data = make_data(1, 1, 0, 4);
    spt_probe probe = dft_probe(1, 1, 1, S + 1);
    probe.geometry = SPT_GEOMETRY_LINES;
    probe.origin = origin;
    probe.direction = direction;
    probe.t0 = -1.0;
    probe.dt = 2.0 / S;
    probe.detrend = SPT_DETREND_ENDS;
    probe.energy_size = S / 2 + 1;
    assert_int_equal(spt_probe_length(&probe), S);

    spt_run_spec linear = run_of(&data, 1, 0, 0, 1), kink = run_of(&data, 1, 1, 0, 1);
    float slope[64] = {0.75f}, relu[128] = {0}; /* blocks of two and of four tensors */
    assert_true(arena_of(&linear).block == 64 && arena_of(&kink).block == 128);
    slope[spt_model_layer(&linear.model, 0).bias_offset] = 0.25f;
    relu[spt_model_layer(&kink.model, 0).weight_offset] = 1.0f;
    relu[spt_model_layer(&kink.model, 1).weight_offset] = 1.0f;
    double *of_linear = energies_of(&probe, &data, &linear, slope, 1);
    double *of_kink = energies_of(&probe, &data, &kink, relu, 1);
    for (int k = 0; k <= S / 2; k++) { /* outputs are multiples of 2^-8: exact; what the subtraction leaves is 1e-16 */
        double height = k == 0 ? S / 4.0 : k % 2 == 0 ? 0.0 : 2.0 * (2.0 / S) / pow(2.0 * sin(PI * k / S), 2.0);
        assert_true(of_linear[k] < 1e-24);
        assert_true(fabs(of_kink[k] - height * height) < 1e-12 * (1.0 + height * height));
    }
    free(of_linear);
    free(of_kink);
    free_data(&data);
}

static void a_probe_whose_sizes_disagree_is_refused(void **state) {
    (void)state;
    spt_dataset data = make_data(2, 1, 0, 12);
    spt_run_spec run = run_of(&data, 4, 1, 0, 1);
    size_t fold_first[] = {0, 1};
    uint32_t fold_index[] = {12};
    double fold_weight[] = {1.0};
    float vectors[12 * 12] = {0};
    spt_probe probe = dft_probe(2, 1, 3, 4);
    probe.points = data.train.x;
    const spt_probe *probes[] = {&probe};
    spt_group_spec spec = {&data, 1, &run, 1, probes};
    spt_device *device = NULL;
    spt_group *group = NULL;
    assert_int_equal(cpu()->open(NULL, &device, NULL), SPT_OK);
    for (int i = 0; i < 6; i++) {
        static const char *const words[] = {
            "probe p: 4 energies from 4 samples; 1 to 3",
            "probe p: 4 energies from 3 samples; 1 to 2",
            "probe p: 12 coefficients of a grid that has 9",
            "probe p: 4 energies without a fold; expected one of at least 1",
            "probe p: folds coefficient 12 of 12",
            "probe p: 12 vectors over 12 rows; at least 1 of each",
        };
        static const spt_transform transforms[] = {SPT_TRANSFORM_DFT,   SPT_TRANSFORM_DFT,   SPT_TRANSFORM_DFT2,
                                                   SPT_TRANSFORM_BASIS, SPT_TRANSFORM_BASIS, SPT_TRANSFORM_BASIS};
        probe.transform = transforms[i];
        probe.detrend = i == 1 ? SPT_DETREND_ENDS : SPT_DETREND_NONE;
        probe.energy_size = i == 4 ? 1 : 4;
        probe.coefficients = 12;
        probe.basis = i < 5 ? vectors : NULL;
        probe.fold = i == 4 ? (spt_fold){fold_first, fold_index, fold_weight, 0} : (spt_fold){0};
        spt_error err = {0};
        assert_int_equal(cpu()->group_create(device, &spec, &group, &err), SPT_EINVAL);
        assert_string_equal(err.message, words[i]);
        assert_true((cpu()->group_bytes(device, &spec) == 0) == (i != 4)); /* which reads no array */
    }
    cpu()->close(device);
    free_data(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sine_through_a_linear_map_has_the_energy_of_its_amplitude),
        cmocka_unit_test(a_linear_map_along_lines_has_the_spectrum_of_a_ramp),
        cmocka_unit_test(relu_networks_have_the_energies_of_a_naive_transform),
        cmocka_unit_test(a_basis_gives_the_folded_squares_of_inner_products),
        cmocka_unit_test(with_the_ends_line_taken_off_kinks_remain),
        cmocka_unit_test(a_probe_whose_sizes_disagree_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
