// Spectral norms of the device against LAPACK's on the CPU, also where the iteration has it hard.
#include "network_case.h"
#include "spectral_norm.cuh"

using spt_emulated::bits_agree;

// What spectral_norm.cuh promises is 1e-6; the CPU's are good to 1e-14.
static const double BOUND = 1e-6;

static void device_norms(const std::vector<const network_state *> &states, size_t stride, double *norms) {
    network_table table(states);
    const size_t n = states.size();
    on_device<double> space(spt_spectral_norms_space(table.host.data(), n, stride)), found(n * stride);
    assert_done(spt_spectral_norms(table.device->data, table.host.data(), n, stride, space.data, found.data, nullptr));
    found.read(norms);
}

/** The largest relative difference from the CPU; entries past a run's layers are NaN on both. */
static double worst_difference(const std::vector<network_state> &states, size_t stride) {
    std::vector<double> norms(states.size() * stride), expected(norms.size());
    device_norms(pointers(states), stride, norms.data());
    cpu_networks cpu(states, NULL);
    assert_ok(spt_backend_cpu.spectral_norms(cpu.group, stride, expected.data(), &cpu.err), cpu.err);
    double worst = 0.0;
    for (size_t i = 0; i < norms.size(); i++) {
        assert_true(isnan(norms[i]) == isnan(expected[i]));
        if (isnan(norms[i]))
            continue;
        const double difference = expected[i] == 0.0 ? norms[i] : fabs(norms[i] / expected[i] - 1.0);
        worst = difference > worst ? difference : worst;
    }
    return worst;
}

static void norms_are_those_of_the_cpu_on_ragged_shapes(void **) {
    static const spt_init INITS[] = {SPT_INIT_PYTORCH, SPT_INIT_HE, SPT_INIT_NTK};
    draws draw = {31};
    double worst = 0.0;
    for (int c = 0; c < 5; c++) {
        const size_t inputs = draw.between(1, c < 4 ? 300 : 784), outputs = draw.between(1, 100);
        std::vector<network_state> states;
        for (size_t r = 0; r < 3; r++)
            states.push_back(network_of(inputs,
                                        draw.between(1, c == 4  ? 300
                                                        : c % 2 ? 100
                                                                : 20),
                                        draw.between(0, 6), outputs, (uint32_t)draw.between(0, 1000),
                                        INITS[draw.between(0, 2)]));
        const double difference = worst_difference(states, 7 + c % 2);
        worst = difference > worst ? difference : worst;
    }
    print_message("worst difference: %.2g\n", worst);
    assert_true(worst < BOUND);
}

static void norms_of_random_300_by_300_layers_are_those_of_the_cpu(void **) {
    std::vector<network_state> states;
    states.push_back(network_of(784, 300, 2, 10, 1));
    states.push_back(network_of(784, 300, 1, 10, 2, SPT_INIT_HE));
    assert_true(worst_difference(states, 3) < BOUND);
}

/** weight (n, n) = (I - 2 u u^T) D (I - 2 v v^T): its singular values are those of D. */
static network_state with_singular_values(const std::vector<double> &value) {
    const size_t n = value.size();
    network_state state = network_of(n, 1, 0, n, 0);
    std::vector<double> u(n), v(n);
    double uu = 0.0, vv = 0.0;
    for (size_t i = 0; i < n; i++) {
        spt_random_normal(1, SPT_STREAM_DATA, 1, i, 1, &u[i]);
        spt_random_normal(1, SPT_STREAM_DATA, 2, i, 1, &v[i]);
        uu += u[i] * u[i];
        vv += v[i] * v[i];
    }
    double across = 0.0; // u^T D v
    for (size_t i = 0; i < n; i++)
        across += u[i] * value[i] * v[i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            const double uu_d = -2.0 / uu * u[i] * u[j] * value[j], d_vv = -2.0 / vv * value[i] * v[i] * v[j];
            const double both = 4.0 / (uu * vv) * u[i] * across * v[j];
            state.weight(0)[i * n + j] = (float)((i == j ? value[i] : 0.0) + uu_d + d_vv + both);
        }
    return state;
}

// The two largest 1e-3, 1e-4, 1e-5 and 1e-6 apart; all within 1e-3; crowding towards the largest on all scales; equal.
static void norms_are_right_where_the_largest_values_are_close(void **) {
    const size_t n = 80;
    std::vector<network_state> states;
    std::vector<double> value(n);
    for (double gap : {1e-3, 1e-4, 1e-5, 1e-6}) {
        for (size_t i = 0; i < n; i++)
            value[i] = 0.99 * (double)i / (double)n;
        value[3] = 1.0;
        value[57] = 1.0 - gap;
        states.push_back(with_singular_values(value));
    }
    for (size_t i = 0; i < n; i++)
        value[i] = 1.0 - 1e-3 * (double)i / (double)n;
    states.push_back(with_singular_values(value));
    for (size_t i = 0; i < n; i++)
        value[i] = 1.0 - pow(10.0, -7.0 + 7.0 * (double)i / (double)n);
    states.push_back(with_singular_values(value));
    states.push_back(with_singular_values(std::vector<double>(n, 3.0)));
    const double worst = worst_difference(states, 1);
    print_message("worst difference: %.2g\n", worst);
    assert_true(worst < BOUND);
}

static void simple_matrices_have_their_norms(void **) {
    network_state zero = network_of(7, 1, 0, 5, 0), rank_one = network_of(40, 1, 0, 33, 0),
                  largest = network_of(3, 1, 0, 1, 0), smallest = network_of(1, 1, 0, 2, 0);
    for (size_t i = 0; i < 35; i++)
        zero.weight(0)[i] = 0.0f;
    for (size_t i = 0; i < 33; i++)
        for (size_t j = 0; j < 40; j++)
            rank_one.weight(0)[i * 40 + j] = 2.0f;
    largest.weight(0)[0] = largest.weight(0)[1] = 3e38f; // squares go past float32's range
    largest.weight(0)[2] = 0.0f;
    smallest.weight(0)[0] = 3e-30f; // and below it
    smallest.weight(0)[1] = 4e-30f;
    double norms[4];
    device_norms({&zero, &rank_one, &largest, &smallest}, 1, norms);
    const double expected[] = {0.0, 2.0 * sqrt(33.0 * 40.0), (double)3e38f * sqrt(2.0), 5e-30};
    assert_true(norms[0] == 0.0);
    for (int i = 1; i < 4; i++)
        assert_true(fabs(norms[i] / expected[i] - 1.0) < BOUND);
}

// Alone, so that nothing lies behind the space: a wide and a tall one, vectors of the smaller side.
static void a_matrix_takes_no_more_space_than_it_asks_for(void **) {
    for (size_t inputs : {5, 90}) {
        std::vector<network_state> states;
        states.push_back(network_of(inputs, 1, 0, 33, 0));
        assert_true(worst_difference(states, 1) < BOUND);
    }
}

static void weights_that_are_not_finite_give_nan_and_harm_no_other_layer(void **) {
    for (float bad : {(float)NAN, (float)INFINITY, (float)-INFINITY}) {
        network_state state = network_of(10, 20, 2, 3, 4);
        double before[3], after[3];
        device_norms({&state}, 3, before);
        state.weight(1)[399] = bad;
        device_norms({&state}, 3, after);
        assert_true(isnan(after[1]));
        assert_true(after[0] == before[0] && after[2] == before[2]);
    }
}

static void three_orders_of_threads_give_one_result(void **) {
    const network_state a = network_of(30, 17, 2, 7, 1), b = network_of(30, 40, 1, 7, 2);
    assert_true(bits_agree(3, 3, 6 * sizeof(double), [&](void *out) {
        device_norms({&a, &b}, 3, (double *)out);
    })); // NaN has one pattern here
}

static void a_run_alone_has_the_bits_that_it_has_in_a_group_of_8(void **) {
    draws draw = {32};
    std::vector<network_state> states;
    for (size_t r = 0; r < 8; r++)
        states.push_back(network_of(20, draw.between(1, 40), draw.between(0, 3), 4, (uint32_t)r));
    std::vector<double> group(8 * 4);
    device_norms(pointers(states), 4, group.data());
    for (size_t r = 0; r < 8; r++) {
        double alone[5]; // with another stride, too
        device_norms({&states[r]}, 5, alone);
        assert_memory_equal(alone, &group[4 * r], states[r].arena.layers * sizeof(double));
    }
}

static void a_stride_below_the_layers_of_a_run_is_refused(void **) {
    test_data data(2, 1, 0, 10, 0);
    const std::vector<spt_run_spec> runs = {run_of(data, 3, 2, 5, 0, SPT_LOSS_MSE)};
    test_group group(spt_backend_cuda, data, runs);
    double norms[4] = {-1.0, -1.0, -1.0, -1.0};
    spt_error err = {};
    assert_int_equal(spt_backend_cuda.spectral_norms(group.group, 2, norms, &err), SPT_EINVAL);
    assert_string_equal(err.message, "spectral norms: a stride of 2 for runs of up to 3 layers");
    assert_true(norms[0] == -1.0 && norms[1] == -1.0);
    assert_ok(spt_backend_cuda.spectral_norms(group.group, 4, norms, &err), err);
    assert_true(norms[2] > 0.0 && isnan(norms[3])); // past the layers
}

static void any_call_that_fails_leaves_the_norms_untouched_and_nothing_leaks(void **) {
    test_data data(2, 1, 0, 10, 0);
    const std::vector<spt_run_spec> runs = {run_of(data, 3, 1, 5, 0, SPT_LOSS_MSE)};
    test_group group(spt_backend_cuda, data, runs);
    const size_t before = spt_emulated::live_objects();
    for (unsigned n = 1;; n++) {
        spt_error err = {};
        double norms[2] = {-1.0, -1.0};
        spt_emulated::let_fail(spt_emulated::ANY_CALL, n, cudaErrorLaunchFailure);
        const spt_status status = spt_backend_cuda.spectral_norms(group.group, 2, norms, &err);
        spt_emulated::heal();
        if (status == SPT_OK) {
            assert_true(n > 4); // a copy, a launch, a copy, a wait, and events between them
            break;
        }
        assert_int_equal(status, SPT_EDEVICE);
        assert_true(norms[0] == -1.0 && norms[1] == -1.0);
    }
    assert_int_equal(spt_emulated::live_objects(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_are_those_of_the_cpu_on_ragged_shapes),
        cmocka_unit_test(norms_of_random_300_by_300_layers_are_those_of_the_cpu),
        cmocka_unit_test(norms_are_right_where_the_largest_values_are_close),
        cmocka_unit_test(simple_matrices_have_their_norms),
        cmocka_unit_test(a_matrix_takes_no_more_space_than_it_asks_for),
        cmocka_unit_test(weights_that_are_not_finite_give_nan_and_harm_no_other_layer),
        cmocka_unit_test(three_orders_of_threads_give_one_result),
        cmocka_unit_test(a_run_alone_has_the_bits_that_it_has_in_a_group_of_8),
        cmocka_unit_test(a_stride_below_the_layers_of_a_run_is_refused),
        cmocka_unit_test(any_call_that_fails_leaves_the_norms_untouched_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
