// Energies of the device against those of the CPU, and what a run's bits may not depend on.
#include "probe_case.h"

using spt_emulated::bits_agree;

// Outputs are float32 chains of up to 784 terms a layer in another order, the DFT is float32 here and float64 there:
// probe.cuh says why that keeps each energy within this share of the total.
static const double BOUND = 1e-5;

/** A group of networks of one probe: widths from 1 to `widest`, up to six hidden layers. */
static std::vector<network_state> ragged_group(draws &draw, size_t runs, size_t inputs, size_t outputs, size_t widest) {
    static const spt_init INITS[] = {SPT_INIT_PYTORCH, SPT_INIT_HE, SPT_INIT_NTK};
    std::vector<network_state> states;
    for (size_t r = 0; r < runs; r++)
        states.push_back(network_of(inputs, draw.between(1, widest), draw.between(0, 6), outputs,
                                    (uint32_t)draw.between(0, 1000), INITS[draw.between(0, 2)]));
    return states;
}

static void energies_are_those_of_the_cpu_on_ragged_shapes(void **) {
    draws draw = {11};
    double worst = 0.0;
    for (int c = 0; c < 12; c++) {
        const size_t inputs = c % 3 == 0 ? draw.between(1, 3) : draw.between(1, 784), outputs = draw.between(1, 100);
        const size_t series = draw.between(1, 5), samples = 2 * draw.between(1, 24);
        const spt_geometry geometry = c % 4 == 3 ? SPT_GEOMETRY_POINTS : SPT_GEOMETRY_LINES;
        probe_case p(inputs, outputs, series, samples, geometry, (uint32_t)c);
        const std::vector<network_state> states = ragged_group(draw, 4, inputs, outputs, c % 2 ? 300 : 70);
        const double difference =
            worst_difference(device_energy(p.probe, states), cpu_energy(p.probe, states), p.probe.energy_size);
        worst = difference > worst || isnan(difference) ? difference : worst;
    }
    print_message("worst difference: %.2g of the total energy\n", worst);
    assert_true(worst < BOUND);
}

static void energies_without_the_last_frequency_are_the_first_ones(void **) {
    probe_case p(1, 2, 1, 40, SPT_GEOMETRY_LINES, 3);
    p.probe.energy_size = 20; // as of grid1d
    draws draw = {12};
    const std::vector<network_state> states = ragged_group(draw, 3, 1, 2, 50);
    assert_true(worst_difference(device_energy(p.probe, states), cpu_energy(p.probe, states), 20) < BOUND);
}

static void three_orders_of_threads_give_one_result(void **) {
    probe_case p(37, 11, 3, 26, SPT_GEOMETRY_LINES, 4);
    std::vector<network_state> states;
    for (size_t width : {20, 100, 210}) // a narrow, a medium and a wide one
        states.push_back(network_of(37, width, 2, 11, (uint32_t)width));
    assert_true(bits_agree(3, 3, 3 * p.probe.energy_size * sizeof(double),
                           [&](void *out) { device_energy(p.probe, pointers(states), (double *)out); }));
}

static void a_run_alone_has_the_bits_that_it_has_in_a_group_of_8(void **) {
    draws draw = {14};
    probe_case p(20, 7, 3, 32, SPT_GEOMETRY_LINES, 5); // 357 bins: every other spectrum is aligned to 8 bytes alone
    const size_t size = p.probe.energy_size;
    const std::vector<network_state> states = ragged_group(draw, 8, 20, 7, 260);
    const std::vector<double> group = device_energy(p.probe, states);
    for (size_t r = 0; r < states.size(); r++) {
        std::vector<double> alone(size);
        device_energy(p.probe, {&states[r]}, alone.data());
        assert_memory_equal(alone.data(), &group[r * size], size * sizeof(double));
    }
}

// 70 series of 64 samples and 1,000 outputs: more than the 2^22 outputs of a chunk of series, and 9 runs of them more
// than the buffers of a chunk of runs, which hold 8.
static void probes_that_are_cut_into_chunks_lose_nothing(void **) {
    probe_case p(1, 1000, 70, 64, SPT_GEOMETRY_LINES, 6);
    const size_t size = p.probe.energy_size;
    std::vector<network_state> states;
    for (uint32_t r = 0; r < 9; r++)
        states.push_back(network_of(1, 1 + r % 3, r % 2, 1000, r));
    const std::vector<double> group = device_energy(p.probe, states);
    assert_true(worst_difference(group, cpu_energy(p.probe, states), size) < BOUND);
    for (size_t r : {0, 8}) {
        std::vector<double> alone(size);
        device_energy(p.probe, {&states[r]}, alone.data());
        assert_memory_equal(alone.data(), &group[r * size], size * sizeof(double));
    }
}

static void networks_too_wide_for_the_chip_have_the_energies_of_the_cpu(void **) {
    probe_case p(9, 3, 2, 36, SPT_GEOMETRY_LINES, 7);
    std::vector<network_state> states;
    for (size_t width : {701, 10, 900}) // the first and the last go layer by layer
        states.push_back(network_of(9, width, 2, 3, (uint32_t)width));
    assert_true(worst_difference(device_energy(p.probe, states), cpu_energy(p.probe, states), p.probe.energy_size) <
                BOUND);
}

static void a_network_that_is_not_finite_has_energies_that_are_not_and_harms_no_other(void **) {
    probe_case p(5, 2, 2, 16, SPT_GEOMETRY_LINES, 8);
    const size_t size = p.probe.energy_size;
    std::vector<network_state> states;
    for (uint32_t r = 0; r < 3; r++)
        states.push_back(network_of(5, 20, 2, 2, r));
    const std::vector<double> before = device_energy(p.probe, states);
    states[1].weight(1)[7] = NAN;
    const std::vector<double> after = device_energy(p.probe, states);
    assert_memory_equal(&after[0], &before[0], size * sizeof(double));
    assert_memory_equal(&after[2 * size], &before[2 * size], size * sizeof(double));
    for (size_t k = 0; k < size; k++)
        assert_true(isnan(after[size + k]));
}

static void energies_that_a_dft_does_not_have_are_refused_with_the_name_of_the_probe(void **) {
    probe_case p(2, 2, 4, 8, SPT_GEOMETRY_LINES, 9);
    const network_state state = network_of(2, 3, 1, 2, 1);
    network_table table({&state});
    const spt_probe_networks networks = {table.device->data, table.host.data(), 1, SPT_LOSS_MSE};
    p.probe.energy_size = 6; // of 8 samples
    spt_cuda_probe *made = NULL;
    spt_probe_bytes bytes;
    spt_error err = {};
    assert_int_equal(spt_cuda_probe_create(&p.probe, &networks, NULL, &made, &err), SPT_EINVAL);
    assert_null(made);
    assert_non_null(strstr(err.message, "probe line_test: "));
    assert_int_equal(spt_cuda_probe_measure(&p.probe, &networks, &bytes, &err), SPT_EINVAL);
}

static void memory_that_runs_out_while_a_probe_is_made_is_said_and_nothing_leaks(void **) {
    probe_case p(2, 2, 4, 8, SPT_GEOMETRY_LINES, 10);
    const network_state state = network_of(2, 3, 1, 2, 1);
    device_probe first(p.probe, {&state});
    const size_t before = spt_emulated::live_objects();
    bool failed = true;
    for (unsigned n = 1; failed; n++) { // the nth allocation fails, until there are no more
        spt_cuda_probe *made = NULL;
        spt_error err = {};
        spt_emulated::let_fail(spt_emulated::ALLOCATION, n, cudaErrorMemoryAllocation);
        failed = spt_cuda_probe_create(&p.probe, &first.networks, first.space->data, &made, &err) != SPT_OK;
        spt_emulated::heal();
        if (failed) {
            assert_int_equal(err.status, SPT_ENOMEM);
            assert_non_null(strstr(err.message, "probe line_test: "));
        } else {
            assert_true(n > 2); // device memory and pinned memory have failed
        }
        spt_cuda_probe_destroy(made);
        assert_int_equal(spt_emulated::live_objects(), before);
    }
}

static void any_call_that_fails_while_energies_are_made_is_said(void **) {
    probe_case p(2, 1, 2, 8, SPT_GEOMETRY_LINES, 16);
    const network_state state = network_of(2, 5, 1, 1, 1);
    device_probe probe(p.probe, {&state});
    unsigned failures = 0;
    for (spt_status status = SPT_EDEVICE; status != SPT_OK; failures++) {
        spt_emulated::let_fail(spt_emulated::ANY_CALL, failures + 1, cudaErrorLaunchFailure);
        status = spt_cuda_probe_start(probe.made, nullptr, &probe.err);
        spt_emulated::heal();
        if (status == SPT_OK)
            break;
        assert_int_equal(status, SPT_EDEVICE);
        assert_non_null(strstr(probe.err.message, "probe line_test: "));
    }
    assert_true(failures >= 4); // two launches, the transform, a copy out
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_are_those_of_the_cpu_on_ragged_shapes),
        cmocka_unit_test(energies_without_the_last_frequency_are_the_first_ones),
        cmocka_unit_test(three_orders_of_threads_give_one_result),
        cmocka_unit_test(a_run_alone_has_the_bits_that_it_has_in_a_group_of_8),
        cmocka_unit_test(probes_that_are_cut_into_chunks_lose_nothing),
        cmocka_unit_test(networks_too_wide_for_the_chip_have_the_energies_of_the_cpu),
        cmocka_unit_test(a_network_that_is_not_finite_has_energies_that_are_not_and_harms_no_other),
        cmocka_unit_test(energies_that_a_dft_does_not_have_are_refused_with_the_name_of_the_probe),
        cmocka_unit_test(memory_that_runs_out_while_a_probe_is_made_is_said_and_nothing_leaks),
        cmocka_unit_test(any_call_that_fails_while_energies_are_made_is_said),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
