/* Energies in the eigenbasis of a Gaussian kernel: eigenvectors known in closed form, Parseval, targets, refusals. */
#include "probe_energy.h"

/* Points that are all equally far from each other: the kernel is 1 on the diagonal and c elsewhere. Its first
 * eigenvector is constant, with eigenvalue 1 + (n - 1) c; the rest of the space has 1 - c. */
static void of_equidistant_points_the_mean_comes_first(void **state) {
    (void)state;
    enum { N = 8 };
    spt_dataset data = make_data(N, 1, 0, N);
    memset(data.train.x, 0, sizeof(float) * N * N);
    for (size_t i = 0; i < N; i++)
        data.train.x[i * N + i] = 1.0f; /* corners of a simplex, at distance sqrt(2) */
    spt_probe *one = make_probe("{name: k, kind: kernel, sigma: 2, bin: 1}", &data, 1);
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    float parameters[64];
    double square = 0.0, sum = 0.0;
    for (size_t j = 0; j < N; j++) {
        parameters[j] = (float)(j * j) / 16.0f - 1.0f;
        sum += (double)parameters[j];
        square += (double)(parameters[j] * parameters[j]);
    }
    memset(parameters + N, 0, sizeof parameters - N * sizeof *parameters);
    double *energy = energies_of(one, &data, &run, parameters, 1);
    double rest = 0.0, c = exp(-2.0 / 8.0);
    for (size_t j = 1; j < N; j++) {
        rest += energy[j];
        assert_true(fabs((double)one->extras[0].real[j] - (1.0 - c)) < 1e-6); /* kept as float32 */
    }
    assert_string_equal(one->extras[0].name, "eigenvalue");
    assert_true(fabs((double)one->extras[0].real[0] - (1.0 + (N - 1) * c)) < 1e-6);
    assert_true(fabs(energy[0] - sum * sum / N) < 1e-5); /* float32 eigenvectors and outputs; the sum is 14.5 */
    assert_true(fabs(rest - (square - sum * sum / N)) < 1e-5);
    free(energy);
    spt_probe_free(one);
    free_data(&data);
}

static void bins_of_any_size_add_up_to_the_squared_norm(void **state) {
    (void)state;
    enum { N = 150, OUTPUTS = 3 };
    spt_dataset data = make_data(6, OUTPUTS, OUTPUTS, N);
    spt_run_spec run = run_of(&data, 40, 1, 0, 1);
    float *parameters = initial_state(&run);
    double *each = NULL;
    const size_t sizes[] = {1, 20, 150, 400};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        char yaml[100];
        snprintf(yaml, sizeof yaml, "{name: k, kind: kernel, sigma: 1.25, bin: %zu}", sizes[s]);
        spt_probe *probe = make_probe(yaml, &data, 1);
        assert_int_equal(probe->energy_size, (N + sizes[s] - 1) / sizes[s]);
        double *f = outputs_of(probe, &run, parameters), *energy = energies_of(probe, &data, &run, parameters, 2);
        double square = 0.0, sum = 0.0;
        for (size_t i = 0; i < (size_t)N * OUTPUTS; i++)
            square += f[i] * f[i] / OUTPUTS;
        for (size_t b = 0; b < probe->energy_size; b++) {
            size_t begin = b * sizes[s], members = N - begin < sizes[s] ? N - begin : sizes[s];
            double mean = 0.0;
            for (size_t j = begin; j < begin + members && each != NULL; j++)
                mean += each[j] / (double)members;
            assert_true(each == NULL || fabs(energy[b] - mean) < 1e-13 * square);
            assert_true(probe->dims[0].coordinate[b] == (double)begin);
            sum += (double)members * energy[b];
        }
        assert_true(fabs(sum / square - 1.0) < 1e-6); /* float32 eigenvectors and outputs */
        free(f);
        if (each == NULL)
            each = energy;
        else
            free(energy);
        spt_probe_free(probe);
    }
    free(each);
    spt_memory_free(parameters);
    free_data(&data);
}

/* K u = lambda u for every row of the basis, K computed term by term; rows are orthonormal. */
static void the_basis_is_of_eigenvectors_by_falling_eigenvalue(void **state) {
    (void)state;
    enum { N = 60, INPUTS = 5 };
    const double sigma = 0.8;
    spt_dataset data = make_data(INPUTS, 1, 0, N + 10);
    spt_probe *probe = make_probe("{name: k, kind: kernel, sigma: 0.8, bin: 1, points: 60}", &data, 1);
    assert_int_equal(probe->coefficients, N);
    for (size_t j = 0; j < N; j++) {
        const float *u = probe->basis + j * N;
        double value = (double)probe->extras[0].real[j], length = 0.0, before = 0.0;
        assert_true(j == 0 || value <= (double)probe->extras[0].real[j - 1]);
        for (size_t i = 0; i < N; i++) {
            double product = 0.0;
            for (size_t l = 0; l < N; l++) {
                double square = 0.0;
                for (size_t d = 0; d < INPUTS; d++)
                    square += pow((double)data.train.x[i * INPUTS + d] - (double)data.train.x[l * INPUTS + d], 2.0);
                product += exp(-square / (2.0 * sigma * sigma)) * (double)u[l];
            }
            assert_true(fabs(product - value * (double)u[i]) < 1e-5); /* eigenvalues up to 60, vectors in float32 */
            length += (double)u[i] * (double)u[i];
            before += j > 0 ? (double)u[i] * (double)u[i - N] : 0.0;
        }
        assert_true(fabs(length - 1.0) < 1e-6 && fabs(before) < 1e-6);
    }
    spt_probe_free(probe);
    free_data(&data);
}

/* A linear network that outputs the targets has their energies. */
static void target_energies_are_those_of_a_network_that_outputs_the_target(void **state) {
    (void)state;
    enum { N = 40, INPUTS = 3, OUTPUTS = 2 };
    spt_dataset data = make_data(INPUTS, OUTPUTS, 0, N);
    data.train.target_true = spt_memory_alloc(N * OUTPUTS, sizeof(float));
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    float *parameters = initial_state(&run);
    for (size_t i = 0; i < N; i++)
        for (size_t o = 0; o < OUTPUTS; o++) {
            spt_layer layer = spt_model_layer(&run.model, 0);
            double y = (double)parameters[layer.bias_offset + o];
            for (size_t j = 0; j < INPUTS; j++)
                y += (double)parameters[layer.weight_offset + o * INPUTS + j] * (double)data.train.x[i * INPUTS + j];
            data.train.target[i * OUTPUTS + o] = (float)y;
            data.train.target_true[i * OUTPUTS + o] = (float)(2.0 * y);
        }
    spt_probe *probe = make_probe("{name: k, kind: kernel, sigma: 1, bin: 7}", &data, 1);
    double *energy = energies_of(probe, &data, &run, parameters, 1);
    assert_string_equal(probe->extras[1].name, "target_energy");
    assert_string_equal(probe->extras[2].name, "target_true_energy");
    for (size_t b = 0; b < 6; b++) { /* float32 outputs and energies */
        assert_true(fabs((double)probe->extras[1].real[b] - energy[b]) < 1e-5 * energy[b] + 1e-12);
        assert_true(fabs((double)probe->extras[2].real[b] - 4.0 * energy[b]) < 1e-5 * energy[b] + 1e-12);
    }
    free(energy);
    spt_memory_free(parameters);
    spt_probe_free(probe);
    spt_memory_free(data.train.target_true);
    free_data(&data);
}

/* With one bin of all eigenvectors the energy times n is the squared norm of the target. */
static void targets_of_classes_are_one_hot_or_signs(void **state) {
    (void)state;
    enum { N = 30 };
    for (size_t outputs = 1; outputs <= 3; outputs += 2) {
        spt_dataset data = make_data(4, outputs, outputs == 1 ? 2 : 3, N);
        spt_probe *probe = make_probe("{name: k, kind: kernel, sigma: 1, bin: 30}", &data, 1);
        double squared_norm = outputs == 1 ? N : N / 3.0; /* mean over outputs: each class has one of them at 1 */
        for (size_t i = 1; i < 3; i++)
            assert_true(fabs(N * (double)probe->extras[i].real[0] - squared_norm) < 1e-5 * squared_norm);
        spt_probe_free(probe);
        free_data(&data);
    }
}

static void bits_depend_neither_on_threads_nor_on_who_makes_it(void **state) {
    (void)state;
    enum { N = 300 };
    spt_dataset data = make_data(20, 2, 0, N);
    const char *yaml = "{name: k, kind: kernel, sigma: 3, bin: 10}";
    spt_probe *a = make_probe(yaml, &data, 1), *b = make_probe(yaml, &data, 2);
    assert_memory_equal(a->basis, b->basis, sizeof(float) * N * N);
    spt_run_spec run = run_of(&data, 40, 2, 0, 2);
    float *parameters = initial_state(&run);
    double *one = energies_of(a, &data, &run, parameters, 1), *three = energies_of(b, &data, &run, parameters, 3);
    assert_memory_equal(one, three, a->energy_size * sizeof *one);
    free(one);
    free(three);
    spt_memory_free(parameters);
    spt_probe_free(a);
    spt_probe_free(b);
    free_data(&data);
}

static void shape_foretells_the_probe(void **state) {
    (void)state;
    spt_dataset data = make_data(3, 1, 0, 45);
    spt_data_shape of_data = {.train = 45, .inputs = 3, .outputs = 1};
    spt_probe_spec *spec = good_probe("{name: k, kind: kernel, sigma: 1}");
    spt_probe_shape shape;
    assert_int_equal(spt_probe_spec_shape(spec, &of_data, &shape, NULL), SPT_OK);
    spt_probe_spec_free(spec);
    spt_probe *probe = make_probe("{name: k, kind: kernel, sigma: 1}", &data, 1);
    assert_int_equal(shape.rows, 45);
    assert_int_equal(shape.energy_size, 3); /* bins of 20 */
    assert_int_equal(probe->energy_size, 3);
    assert_int_equal(shape.n_extras, probe->n_extras);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(shape.extra_size[i][0], probe->extras[i].dim_size[0]);
    assert_int_equal(shape.extra_bytes, 3 * 3 * 4);
    assert_true(shape.memory_bytes >= 45 * 45 * 28);
    assert_string_equal(attribute_of(probe, "sigma"), "1");
    assert_string_equal(attribute_of(probe, "bin"), "20");
    assert_string_equal(attribute_of(probe, "points"), "45");
    spt_probe_free(probe);
    free_data(&data);
}

static void what_is_no_kernel_is_refused(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"bin: 3", "sigma: is missing"},
        {"sigma: 0", "sigma: is 0; allowed: above 0"},
        {"sigma: 1, bin: 0", "bin: is 0; allowed: integers 1 to 32000"},
        {"sigma: 1, points: 50000", "points: is 50000; allowed: integers 1 to 32000"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char yaml[160];
        spt_probe_spec *spec = NULL;
        spt_error err = {0};
        snprintf(yaml, sizeof yaml, "{name: k, kind: kernel, %s}", bad[i][0]);
        assert_int_equal(read_probe(yaml, &spec, &err), SPT_ECONFIG);
        if (strstr(err.message, bad[i][1]) == NULL)
            fail_msg("%s: the message '%s' lacks '%s'", yaml, err.message, bad[i][1]);
    }
}

static void points_must_be_there_and_not_too_many(void **state) {
    (void)state;
    spt_data_shape few = {.train = 4, .inputs = 3, .outputs = 1}, many = {.train = 60000, .inputs = 3, .outputs = 1};
    spt_probe_shape shape;
    spt_error err = {0};
    spt_probe_spec *five = good_probe("{name: k, kind: kernel, sigma: 1, points: 5}");
    spt_probe_spec *all = good_probe("{name: k, kind: kernel, sigma: 1}");
    assert_int_equal(spt_probe_spec_shape(five, &few, &shape, &err), SPT_EINVAL);
    assert_string_equal(err.message,
                        "probe k: points is 5, but there are 4 training examples; allowed: at most that many");
    assert_int_equal(spt_probe_spec_shape(all, &many, &shape, &err), SPT_EINVAL);
    assert_string_equal(err.message, "probe k: takes all 60000 training examples; allowed: points up to 32000");
    spt_probe_spec_free(five);
    spt_probe_spec_free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_equidistant_points_the_mean_comes_first),
        cmocka_unit_test(bins_of_any_size_add_up_to_the_squared_norm),
        cmocka_unit_test(the_basis_is_of_eigenvectors_by_falling_eigenvalue),
        cmocka_unit_test(target_energies_are_those_of_a_network_that_outputs_the_target),
        cmocka_unit_test(targets_of_classes_are_one_hot_or_signs),
        cmocka_unit_test(bits_depend_neither_on_threads_nor_on_who_makes_it),
        cmocka_unit_test(shape_foretells_the_probe),
        cmocka_unit_test(what_is_no_kernel_is_refused),
        cmocka_unit_test(points_must_be_there_and_not_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
