/* Spectra on the CPU: closed forms of linear networks, and ReLU networks against a naive DFT in float64. */
#include <math.h>

#include "cpu_group.h"

static const double PI = 3.14159265358979323846;

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
    double *f = calloc(rows * probe->outputs, sizeof *f);
    float *x = calloc(probe->inputs, sizeof *x);
    spt_layer first = spt_model_layer(&run->model, 0), last = spt_model_layer(&run->model, 1);
    for (size_t i = 0; i < rows; i++) {
        spt_probe_rows(probe, i, 1, x);
        for (size_t o = 0; o < probe->outputs; o++)
            f[i * probe->outputs + o] = (double)parameters[last.bias_offset + o];
        for (size_t h = 0; h < run->model.width; h++) {
            double z = (double)parameters[first.bias_offset + h];
            for (size_t j = 0; j < probe->inputs; j++)
                z += (double)parameters[first.weight_offset + h * probe->inputs + j] * (double)x[j];
            for (size_t o = 0; o < probe->outputs && z > 0.0; o++)
                f[i * probe->outputs + o] += z * (double)parameters[last.weight_offset + o * run->model.width + h];
        }
    }
    for (size_t k = 0; k < probe->energy_size; k++) {
        energy[k] = 0.0;
        for (size_t s = 0; s < probe->series; s++)
            for (size_t o = 0; o < probe->outputs; o++) {
                double re = 0.0, im = 0.0;
                for (size_t m = 0; m < probe->samples; m++) {
                    double angle = 2.0 * PI * (double)(k * m % probe->samples) / (double)probe->samples;
                    double value = f[(s * probe->samples + m) * probe->outputs + o];
                    re += value * cos(angle);
                    im -= value * sin(angle);
                }
                energy[k] += re * re + im * im;
            }
        energy[k] *= probe->scale / ((double)probe->series * (double)probe->outputs);
    }
    free(f);
    free(x);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sine_through_a_linear_map_has_the_energy_of_its_amplitude),
        cmocka_unit_test(a_linear_map_along_lines_has_the_spectrum_of_a_ramp),
        cmocka_unit_test(relu_networks_have_the_energies_of_a_naive_transform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
