/* Spectra along closed curves: points, closed forms, Parseval, and what the config may say. */
#include "probe_energy.h"

/* Along the circle 2 x + y - 1/4 is sqrt(5) cos(2 pi z - phi) - 1/4. */
static void a_linear_net_on_the_circle_has_one_frequency(void **state) {
    (void)state;
    enum { N = 90 };
    spt_dataset data = make_data(2, 1, 0, 4);
    spt_probe *probe = make_probe("{name: c, kind: manifold, petals: 0, samples: 90}", &data, 1);
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    float parameters[64] = {2.0f, 1.0f};
    parameters[spt_model_layer(&run.model, 0).bias_offset] = -0.25f;
    double *energy = energies_of(probe, &data, &run, parameters, 1);
    assert_int_equal(probe->energy_size, N / 2);
    for (int k = 0; k < N / 2; k++) {
        double expected = k == 1 ? 5.0 / 4.0 : k == 0 ? 1.0 / 16.0 : 0.0;
        assert_true(fabs(energy[k] - expected) < 1e-6); /* float32 points and outputs of order 1 */
        assert_true(probe->dims[0].coordinate[k] == k);
    }
    free(energy);
    spt_probe_free(probe);
    free_data(&data);
}

/* With L petals x is (1 + sin(2 pi L z) / 2) cos 2 pi z: cos 2 pi z, and two sines of amplitude 1/4 at L - 1 and L + 1.
 */
static void petals_move_the_first_input_to_the_frequencies_beside_theirs(void **state) {
    (void)state;
    spt_dataset data = make_data(2, 1, 0, 4);
    spt_probe *probe = make_probe("{name: c, kind: manifold, petals: 10, samples: 64}", &data, 1);
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    float parameters[64] = {1.0f};
    double *energy = energies_of(probe, &data, &run, parameters, 1);
    for (int k = 0; k < 32; k++) {
        double expected = k == 1 ? 0.25 : k == 9 || k == 11 ? 1.0 / 64.0 : 0.0;
        assert_true(fabs(energy[k] - expected) < 1e-6); /* float32 points and outputs of order 1 */
    }
    free(energy);
    spt_probe_free(probe);
    free_data(&data);
}

static void without_petals_the_curve_is_that_of_the_training_inputs(void **state) {
    (void)state;
    enum { N = 64 };
    spt_dataset data = make_data(2, 1, 0, N);
    spt_probe *petals = make_probe("{name: c, kind: manifold, petals: 4, samples: 64}", &data, 1);
    spt_probe_rows(petals, 0, N, data.train.x);
    spt_probe *probe = make_probe("{name: c, kind: manifold}", &data, 1);
    assert_int_equal(probe->samples, N);
    spt_run_spec run = run_of(&data, 20, 2, 0, 1);
    float *parameters = initial_state(&run);
    double *given = energies_of(petals, &data, &run, parameters, 1),
           *found = energies_of(probe, &data, &run, parameters, 2);
    assert_memory_equal(given, found, N / 2 * sizeof *given);
    free(given);
    free(found);
    spt_memory_free(parameters);
    spt_probe_free(petals);
    spt_probe_free(probe);
    free_data(&data);
}

static void energies_add_up_to_the_mean_square(void **state) {
    (void)state;
    enum { N = 500 };
    spt_dataset data = make_data(2, 3, 0, 4);
    spt_probe *probe = make_probe("{name: c, kind: manifold, petals: 16, samples: 500}", &data, 1);
    spt_run_spec run = run_of(&data, 100, 1, 0, 4);
    float *parameters = initial_state(&run);
    double *f = outputs_of(probe, &run, parameters), *energy = energies_of(probe, &data, &run, parameters, 1);
    double square = 0.0, nyquist = 0.0, sum = energy[0];
    for (size_t o = 0; o < 3; o++) {
        double alternating = 0.0;
        for (size_t m = 0; m < N; m++) {
            square += f[o * N + m] * f[o * N + m] / (3 * N);
            alternating += (m % 2 == 0 ? f[o * N + m] : -f[o * N + m]) / N;
        }
        nyquist += alternating * alternating / 3;
    }
    for (size_t k = 1; k < N / 2; k++)
        sum += 2.0 * energy[k];
    assert_true(fabs((sum + nyquist) / square - 1.0) < 1e-6); /* float32 outputs */
    free(f);
    free(energy);
    spt_memory_free(parameters);
    spt_probe_free(probe);
    free_data(&data);
}

static void shape_and_attributes_foretell_the_probe(void **state) {
    (void)state;
    const char *const yaml[] = {"{name: c, kind: manifold, petals: 2.5, samples: 32}", "{name: c, kind: manifold}"};
    spt_dataset data = make_data(2, 1, 0, 21);
    for (size_t i = 0; i < 2; i++) {
        spt_data_shape of_data = {.train = 21, .inputs = 2, .outputs = 1};
        spt_probe_spec *spec = good_probe(yaml[i]);
        spt_probe_shape shape;
        assert_int_equal(spt_probe_spec_shape(spec, &of_data, &shape, NULL), SPT_OK);
        spt_probe_spec_free(spec);
        spt_probe *probe = make_probe(yaml[i], &data, 1);
        assert_int_equal(shape.rows, probe->samples);
        assert_int_equal(shape.energy_size, probe->energy_size);
        assert_int_equal(shape.dim_size[0], probe->dims[0].size);
        assert_string_equal(attribute_of(probe, "samples"), i == 0 ? "32" : "21");
        assert_string_equal(attribute_of(probe, i == 0 ? "petals" : "curve"),
                            i == 0 ? "2.5" : "training inputs in their order");
        spt_probe_free(probe);
    }
    free_data(&data);
}

static void what_is_no_curve_is_refused(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"{name: c, kind: manifold, petals: 3}", "samples: is missing"},
        {"{name: c, kind: manifold, samples: 8}",
         "samples: is for a curve with petals; without, the samples are the training inputs"},
        {"{name: c, kind: manifold, petals: -1, samples: 8}", "petals: is -1; allowed: 0 to 1000000"},
        {"{name: c, kind: manifold, petals: 3, samples: 9}", "samples: is 9; allowed: an even number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        spt_probe_spec *spec = NULL;
        spt_error err = {0};
        assert_int_equal(read_probe(bad[i][0], &spec, &err), SPT_ECONFIG);
        if (strstr(err.message, bad[i][1]) == NULL)
            fail_msg("%s: the message '%s' lacks '%s'", bad[i][0], err.message, bad[i][1]);
    }
    spt_dataset data = make_data(3, 1, 0, 4);
    spt_probe_spec *spec = good_probe("{name: c, kind: manifold, petals: 3, samples: 8}");
    spt_probe *probe = NULL;
    spt_error err = {0};
    assert_int_equal(spt_probe_make(spec, &data, 1, &probe, &err), SPT_EINVAL);
    assert_string_equal(err.message, "probe c: the petals curve is for data with 2 inputs; these have 3");
    spt_probe_spec_free(spec);
    free_data(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_net_on_the_circle_has_one_frequency),
        cmocka_unit_test(petals_move_the_first_input_to_the_frequencies_beside_theirs),
        cmocka_unit_test(without_petals_the_curve_is_that_of_the_training_inputs),
        cmocka_unit_test(energies_add_up_to_the_mean_square),
        cmocka_unit_test(shape_and_attributes_foretell_the_probe),
        cmocka_unit_test(what_is_no_curve_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
