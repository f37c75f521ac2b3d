/* Waves along a direction over the training inputs: closed forms, a naive sum, principal components, refusals. */
#include "probe_energy.h"

/* On t = m/n the sum is a DFT; of 3 t + 1/2 it is 3 / (2 n sin(pi k / n)). The direction's length does not matter. */
static void on_a_regular_grid_it_is_the_dft(void **state) {
    (void)state;
    enum { N = 50 };
    spt_dataset data = make_data(1, 1, 0, N);
    for (size_t m = 0; m < N; m++)
        data.train.x[m] = (float)m / N;
    spt_probe *probe =
        make_probe("{name: w, kind: nudft, direction: [0.25], frequencies: {range: [0, 25, 1]}}", &data, 1);
    assert_int_equal(probe->energy_size, 26);
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    float parameters[64] = {3.0f};
    parameters[spt_model_layer(&run.model, 0).bias_offset] = 0.5f;
    double *energy = energies_of(probe, &data, &run, parameters, 1);
    for (int k = 0; k <= 25; k++) {
        double expected = k == 0 ? 3.0 * (N - 1) / (2.0 * N) + 0.5 : 3.0 / (2.0 * N * sin(PI * k / N));
        assert_true(probe->dims[0].coordinate[k] == k);
        assert_true(fabs(energy[k] - expected * expected) < 1e-6); /* float32 points and outputs of order 1 */
    }
    free(energy);
    spt_probe_free(probe);
    free_data(&data);
}

/* |1/n sum f exp(-2 pi i k <p, x>)|^2, mean over outputs, in float64 from the direction that the probe keeps. */
static double naive_energy(const spt_probe *probe, const spt_dataset *data, const double *f, double k) {
    const size_t n = data->train.n;
    double energy = 0.0;
    for (size_t o = 0; o < probe->outputs; o++) {
        double re = 0.0, im = 0.0;
        for (size_t i = 0; i < n; i++) {
            double along = 0.0;
            for (size_t j = 0; j < data->inputs; j++)
                along += (double)probe->extras[0].real[j] * (double)data->train.x[i * data->inputs + j];
            re += f[o * n + i] * cos(2.0 * PI * k * along) / (double)n;
            im -= f[o * n + i] * sin(2.0 * PI * k * along) / (double)n;
        }
        energy += (re * re + im * im) / (double)probe->outputs;
    }
    return energy;
}

static void relu_nets_have_the_energies_of_a_naive_sum(void **state) {
    (void)state;
    enum { INPUTS = 4, OUTPUTS = 3, N = 777 };
    const char *const yaml[] = {
        "{name: w, kind: nudft, direction: [1, -2, 0, 2], frequencies: [0, 0.3, -0.3, 1.5, 700]}",
        "{name: w, kind: nudft, component: 2, frequencies: [0, 0.3, -0.3, 1.5, 700]}"};
    spt_dataset data = make_data(INPUTS, OUTPUTS, OUTPUTS, N);
    spt_run_spec run = run_of(&data, 50, 1, 0, 2);
    float *parameters = initial_state(&run);
    for (size_t c = 0; c < 2; c++) {
        spt_probe *probe = make_probe(yaml[c], &data, 1);
        double *f = outputs_of(probe, &run, parameters), *energy = energies_of(probe, &data, &run, parameters, 2);
        for (size_t k = 0; k < 5; k++) {
            double expected = naive_energy(probe, &data, f, probe->dims[0].coordinate[k]);
            /* Outputs and vectors of order 1 are wrong by 1e-7 at random, of which a mean of 777 has a 28th part. */
            assert_true(fabs(energy[k] - expected) < 1e-7 * sqrt(expected) + 1e-14);
        }
        assert_true(energy[1] == energy[2]); /* outputs are real */
        free(f);
        free(energy);
        spt_probe_free(probe);
    }
    spt_memory_free(parameters);
    free_data(&data);
}

static void a_given_direction_is_scaled_to_length_one(void **state) {
    (void)state;
    spt_dataset data = make_data(4, 1, 0, 10);
    spt_probe *probe = make_probe("{name: w, kind: nudft, direction: [1, -2, 0, 2], frequencies: [1]}", &data, 1);
    const float expected[] = {1.0f / 3.0f, -2.0f / 3.0f, 0.0f, 2.0f / 3.0f};
    assert_int_equal(probe->n_extras, 1);
    assert_string_equal(probe->extras[0].name, "direction");
    assert_int_equal(probe->extras[0].dim_size[0], 4);
    assert_memory_equal(probe->extras[0].real, expected, sizeof expected);
    spt_probe_free(probe);
    free_data(&data);
}

/* Inputs with variances 9, 4 and 1/4 along (0.6, 0, 0.8), (0.8, 0, -0.6) and (0, 1, 0), and not a bit between them. */
static void components_are_directions_of_falling_variance_with_their_sign(void **state) {
    (void)state;
    enum { N = 64 };
    const double axis[3][3] = {{0.6, 0, 0.8}, {0.8, 0, -0.6}, {0, 1, 0}}, size[3] = {3, 2, 0.5};
    spt_dataset data = make_data(3, 1, 0, N);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 3; j++) {
            data.train.x[i * 3 + j] = 5.0f; /* the mean does not count */
            for (size_t a = 0; a < 3; a++)  /* columns of a Hadamard matrix: orthogonal signs, each sums to 0 */
                data.train.x[i * 3 + j] += (float)((i >> a & 1 ? 1.0 : -1.0) * size[a] * axis[a][j]);
        }
    for (size_t c = 0; c < 3; c++) {
        char yaml[100];
        snprintf(yaml, sizeof yaml, "{name: w, kind: nudft, component: %zu, frequencies: [1]}", c);
        spt_probe *probe = make_probe(yaml, &data, 1);
        for (size_t j = 0; j < 3; j++)
            assert_true(fabs((double)probe->direction[j] - axis[c][j]) < 1e-6); /* inputs of order 10 in float32 */
        assert_int_equal(strtol(attribute_of(probe, "component"), NULL, 10), c);
        spt_probe_free(probe);
    }
    free_data(&data);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    spt_dataset data = make_data(6, 2, 0, 1500);
    spt_probe *probe = make_probe("{name: w, kind: nudft, component: 0, frequencies: {range: [0, 3, 0.1]}}", &data, 1);
    spt_run_spec run = run_of(&data, 40, 2, 0, 2);
    float *parameters = initial_state(&run);
    double *one = energies_of(probe, &data, &run, parameters, 1),
           *three = energies_of(probe, &data, &run, parameters, 3);
    assert_int_equal(probe->energy_size, 31);
    assert_memory_equal(one, three, 31 * sizeof *one);
    free(one);
    free(three);
    spt_memory_free(parameters);
    spt_probe_free(probe);
    free_data(&data);
}

static void shape_foretells_the_probe(void **state) {
    (void)state;
    const char *const yaml[] = {"{name: w, kind: nudft, direction: [1, 1, 1], frequencies: [1, 2, 3]}",
                                "{name: w, kind: nudft, component: 1, frequencies: [1, 2, 3]}"};
    spt_dataset data = make_data(3, 1, 0, 20);
    for (size_t i = 0; i < 2; i++) {
        spt_data_shape of_data = {.train = 20, .inputs = 3, .outputs = 1};
        spt_probe_spec *spec = good_probe(yaml[i]);
        spt_probe_shape shape;
        assert_int_equal(spt_probe_spec_shape(spec, &of_data, &shape, NULL), SPT_OK);
        spt_probe_spec_free(spec);
        spt_probe *probe = make_probe(yaml[i], &data, 1);
        assert_int_equal(shape.rows, 20);
        assert_int_equal(shape.energy_size, probe->energy_size);
        assert_int_equal(shape.dim_size[0], 3);
        assert_int_equal(shape.n_extras, 1);
        assert_int_equal(shape.extra_bytes, 12);
        assert_true(shape.memory_bytes >= 6 * 20 * sizeof(float));
        spt_probe_free(probe);
    }
    free_data(&data);
}

static void what_is_no_direction_is_refused(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"frequencies: [1]", "has none of direction and component; exactly one is required"},
        {"direction: [1], component: 0, frequencies: [1]", "has both of direction and component"},
        {"direction: [0, 0], frequencies: [1]", "direction: has length 0"},
        {"component: -1, frequencies: [1]", "component: is -1"},
        {"component: 0", "frequencies: is missing"},
        {"component: 0, frequencies: [1, x]", "frequencies.1: is x; allowed: numbers"},
        {"component: 0, frequencies: [1, 2, 1]", "frequencies.2: is 1, as is item 0; allowed: each value once"},
        {"component: 0, frequencies: [1.0e+30]", "frequencies: has 1e+30; allowed: -1e+18 to 1e+18"},
        {"component: 0, frequencies: {range: [0, 70000, 1]}", "frequencies: are 70001; allowed: at most 65536"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char yaml[160];
        spt_probe_spec *spec = NULL;
        spt_error err = {0};
        snprintf(yaml, sizeof yaml, "{name: w, kind: nudft, %s}", bad[i][0]);
        assert_int_equal(read_probe(yaml, &spec, &err), SPT_ECONFIG);
        if (strstr(err.message, bad[i][1]) == NULL)
            fail_msg("%s: the message '%s' lacks '%s'", yaml, err.message, bad[i][1]);
    }
}

static void a_direction_must_fit_the_inputs(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"direction: [1, 2]", "probe w: direction has 2 numbers; the data have 3 inputs"},
        {"component: 3", "probe w: component is 3; the data have 3 inputs, allowed: 0 to 2"},
    };
    spt_dataset data = make_data(3, 1, 0, 4);
    for (size_t i = 0; i < 2; i++) {
        char yaml[100];
        snprintf(yaml, sizeof yaml, "{name: w, kind: nudft, frequencies: [1], %s}", bad[i][0]);
        spt_probe_spec *spec = good_probe(yaml);
        spt_probe *probe = NULL;
        spt_error err = {0};
        assert_int_equal(spt_probe_make(spec, &data, 1, &probe, &err), SPT_EINVAL);
        assert_string_equal(err.message, bad[i][1]);
        spt_probe_spec_free(spec);
    }
    free_data(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_regular_grid_it_is_the_dft),
        cmocka_unit_test(relu_nets_have_the_energies_of_a_naive_sum),
        cmocka_unit_test(a_given_direction_is_scaled_to_length_one),
        cmocka_unit_test(components_are_directions_of_falling_variance_with_their_sign),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(shape_foretells_the_probe),
        cmocka_unit_test(what_is_no_direction_is_refused),
        cmocka_unit_test(a_direction_must_fit_the_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
