// Spectra of networks around each run's own: against the CPU for every transform, and what their bits may not depend
// on.
#include "perturb.cuh"
#include "transform_case.h"

using spt_emulated::bits_agree;

// Energies are within 1e-5 of a network's total as those of the runs themselves (probe.cuh). Parameters are moved by
// the same normals to float32 rounding (test_perturb.cpp), which moves outputs by as much as their own rounding does.
static const double BOUND = 1e-5;

// The same parameters: energies differ where cuFFT does otherwise because a plan takes several networks.
static const double OTHER_PLAN = 2e-6;

static double NORMS[] = {0.0, 0.3, 2.0};

static std::vector<network_state> ragged_group(draws &draw, const spt_probe &probe, size_t runs, size_t widest) {
    std::vector<network_state> states;
    for (size_t r = 0; r < runs; r++)
        states.push_back(network_of(probe.inputs, draw.between(1, widest), draw.between(0, 4), probe.outputs,
                                    (uint32_t)draw.between(0, 1000), SPT_INIT_HE));
    return states;
}

/** Each norm's energies by themselves. A network that is moved far has more energy than its run: totals are its own. */
static void assert_is_that_of_the_cpu(const spt_probe &probe, const std::vector<network_state> &states) {
    const double difference = worst_difference(device_energy(probe, states), cpu_energy(probe, states),
                                               probe.energy_size / probe.perturb.n_norms);
    if (!(difference < BOUND))
        fail_msg("an energy differs by %.2g of the total", difference);
}

static void lines_are_those_of_the_cpu_on_ragged_shapes(void **) {
    draws draw = {81};
    for (int c = 0; c < 5; c++) {
        transform_case p(draw.between(1, 20), draw.between(1, 9), draw.between(1, 4), 2 * draw.between(1, 20),
                         c % 2 ? SPT_GEOMETRY_POINTS : SPT_GEOMETRY_LINES, (uint32_t)c);
        p.perturb(NORMS, draw.between(1, 3), draw.between(1, 5));
        assert_is_that_of_the_cpu(p.probe, ragged_group(draw, p.probe, 3, c % 2 ? 200 : 30));
    }
}

/** Networks that bend along every line: of a straight one, nothing but rounding is left without the ends' line. */
static void every_transform_is_that_of_the_cpu(void **) {
    draws draw = {82};
    transform_case ends(5, 3, 3, 25, SPT_GEOMETRY_LINES, 1), plane(2, 2, 6, 8, SPT_GEOMETRY_LINES, 2);
    transform_case basis(4, 3, 1, 140, SPT_GEOMETRY_POINTS, 3), own_ways(6, 3, 4, 16, SPT_GEOMETRY_LINES, 4);
    ends.take_ends_off();
    plane.make_plane_of_all();
    basis.make_basis(draw, 70, 50);
    transform_case exact(5, 3, 3, 1, SPT_GEOMETRY_LINES, 5);
    own_ways.probe.towards = SPT_DIRECTION_ADVERSARIAL;
    exact.make_exact(12);
    for (transform_case *c : {&ends, &plane, &basis, &own_ways, &exact}) {
        c->perturb(NORMS, 3, 4);
        std::vector<network_state> states;
        for (uint32_t r = 0; r < 3; r++)
            states.push_back(network_of(c->probe.inputs, draw.between(20, 70), draw.between(1, 3), c->probe.outputs, r,
                                        SPT_INIT_HE));
        assert_is_that_of_the_cpu(c->probe, states);
    }
}

static void a_norm_of_zero_is_the_run_itself(void **) {
    transform_case p(3, 2, 2, 16, SPT_GEOMETRY_LINES, 5);
    draws draw = {83};
    const std::vector<network_state> states = ragged_group(draw, p.probe, 3, 60);
    const std::vector<double> own = device_energy(p.probe, states);
    p.perturb(NORMS, 1, 1);
    assert_true(worst_difference(device_energy(p.probe, states), own, own.size() / 3) < OTHER_PLAN);
}

/** The mean over directions is that of probes of one direction each, which the seed and the number tell. */
static void directions_are_numbered_from_zero_and_averaged(void **) {
    transform_case p(3, 2, 1, 16, SPT_GEOMETRY_LINES, 6);
    draws draw = {84};
    const std::vector<network_state> states = ragged_group(draw, p.probe, 1, 60);
    const size_t size = p.probe.energy_size, block = states[0].arena.block;
    const uint32_t n = 3;
    network_table table({&states[0]});
    on_device<float> radius(std::vector<float>{(float)NORMS[2]}), moved(n * block);
    const spt_perturbation perturbation = {31, 0, n, 1, radius.data, block};
    on_device<double> space(spt_perturb_space(&perturbation));
    assert_done(spt_perturb(table.device->data, &perturbation, space.data, moved.data, nullptr));
    const std::vector<float> parameters = moved.read();
    std::vector<double> mean(size);
    for (size_t d = 0; d < n; d++) {
        network_state one = network_of(3, states[0].model.width, states[0].model.hidden_layers, 2, 0, SPT_INIT_HE);
        memcpy(one.floats.get(), &parameters[d * block], block * sizeof(float));
        std::vector<double> energy(size);
        device_energy(p.probe, {&one}, energy.data());
        for (size_t k = 0; k < size; k++)
            mean[k] += energy[k] / n;
    }
    p.perturb(NORMS + 2, 1, n);
    const std::vector<double> energy = device_energy(p.probe, states);
    assert_true(worst_difference(energy, mean, size) < OTHER_PLAN);
}

static void a_run_alone_has_the_bits_that_it_has_in_a_group_of_8(void **) {
    draws draw = {85};
    transform_case p(4, 3, 2, 20, SPT_GEOMETRY_LINES, 7);
    p.perturb(NORMS, 3, 3);
    const size_t size = p.probe.energy_size;
    const std::vector<network_state> states = ragged_group(draw, p.probe, 8, 200);
    const std::vector<double> group = device_energy(p.probe, states);
    for (size_t r = 0; r < states.size(); r++) {
        std::vector<double> alone(size);
        device_energy(p.probe, {&states[r]}, alone.data());
        assert_memory_equal(alone.data(), &group[r * size], size * sizeof(double));
    }
}

static void three_orders_of_threads_give_one_result(void **) {
    draws draw = {86};
    transform_case p(4, 3, 2, 20, SPT_GEOMETRY_LINES, 8);
    p.perturb(NORMS, 3, 3);
    const std::vector<network_state> states = ragged_group(draw, p.probe, 2, 120);
    assert_true(bits_agree(3, 3, 2 * p.probe.energy_size * sizeof(double),
                           [&](void *out) { device_energy(p.probe, pointers(states), (double *)out); }));
}

/** 64 series of 64 samples and 1,000 outputs take the buffers of 8 networks: of 5 norms one direction at a time, of 9
 * not even one. */
static void networks_that_are_cut_into_chunks_lose_nothing(void **) {
    double norms[] = {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
    for (const auto &[n_norms, directions] : {std::pair<size_t, size_t>{5, 2}, {9, 1}}) {
        transform_case p(1, 1000, 64, 64, SPT_GEOMETRY_LINES, 9);
        p.perturb(norms, n_norms, directions);
        std::vector<network_state> states;
        states.push_back(network_of(1, 2, 1, 1000, 1, SPT_INIT_HE));
        assert_is_that_of_the_cpu(p.probe, states);
    }
}

/** Plans of several networks at a time: 2,500 networks of 128 outputs each are more than the 2^18 of one plan. */
static void many_networks_are_transformed_by_several_plans(void **) {
    transform_case p(1, 2, 2, 32, SPT_GEOMETRY_LINES, 10);
    std::vector<double> norms(50);
    for (size_t i = 0; i < norms.size(); i++)
        norms[i] = 0.02 * (double)i;
    p.perturb(norms.data(), norms.size(), 50);
    std::vector<network_state> states;
    states.push_back(network_of(1, 3, 1, 2, 1, SPT_INIT_HE));
    assert_is_that_of_the_cpu(p.probe, states);
}

static void networks_too_wide_for_the_chip_go_layer_by_layer(void **) {
    transform_case p(3, 2, 1, 18, SPT_GEOMETRY_LINES, 11);
    p.perturb(NORMS, 2, 2);
    std::vector<network_state> states;
    for (size_t width : {701, 10})
        states.push_back(network_of(3, width, 1, 2, (uint32_t)width, SPT_INIT_HE));
    assert_is_that_of_the_cpu(p.probe, states);
}

static void any_call_that_fails_is_said(void **) {
    transform_case p(2, 1, 2, 8, SPT_GEOMETRY_LINES, 16);
    p.perturb(NORMS, 2, 2);
    const network_state state = network_of(2, 5, 1, 1, 1);
    device_probe probe(p.probe, {&state});
    unsigned failures = 0;
    for (;; failures++) {
        spt_emulated::let_fail(spt_emulated::ANY_CALL, failures + 1, cudaErrorLaunchFailure);
        const spt_status status = spt_cuda_probe_start(probe.made, nullptr, &probe.err);
        spt_emulated::heal();
        if (status == SPT_OK)
            break;
        assert_int_equal(status, SPT_EDEVICE);
        assert_non_null(strstr(probe.err.message, "probe line_test: "));
    }
    assert_true(failures >= 9); // normals, lengths, parameters, the table, outputs, transform, two sums, a copy out
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_those_of_the_cpu_on_ragged_shapes),
        cmocka_unit_test(every_transform_is_that_of_the_cpu),
        cmocka_unit_test(a_norm_of_zero_is_the_run_itself),
        cmocka_unit_test(directions_are_numbered_from_zero_and_averaged),
        cmocka_unit_test(a_run_alone_has_the_bits_that_it_has_in_a_group_of_8),
        cmocka_unit_test(three_orders_of_threads_give_one_result),
        cmocka_unit_test(networks_that_are_cut_into_chunks_lose_nothing),
        cmocka_unit_test(many_networks_are_transformed_by_several_plans),
        cmocka_unit_test(networks_too_wide_for_the_chip_go_layer_by_layer),
        cmocka_unit_test(any_call_that_fails_is_said),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
