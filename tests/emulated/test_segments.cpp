// Exact spectra: against closed forms, against a dense scan for corners, against the CPU, and what bits may not depend
// on.
#include <complex>

#include "probe_case.h"
#include "segments.cuh"

using spt_emulated::bits_agree;

// Both sides are float64 from the same float32 weights: what rounding leaves is some 1e-15 of the total a corner, with
// up to a thousand corners.
static const double BOUND = 1e-12;

/** Exact spectra of `energies` frequencies along lines 2 radius long. */
struct exact_case : probe_case {
    exact_case(size_t inputs, size_t outputs, size_t lines, size_t energies, double radius, uint32_t seed)
        : probe_case(inputs, outputs, lines, 1, SPT_GEOMETRY_LINES, seed) {
        probe.transform = SPT_TRANSFORM_SEGMENTS;
        probe.energy_size = energies;
        probe.t0 = -radius;
        probe.dt = 2.0 * radius;
    }
};

// ---- corners

/** Corners on every line of every network, as spt_segments_lines counts them. */
static std::vector<uint32_t> corners_of(const exact_case &p, const std::vector<const network_state *> &states) {
    network_table table(states);
    const size_t lines = p.probe.series, n = states.size() * lines, energies = p.probe.energy_size, blocks = 3;
    std::vector<spt_forward_run> slots;
    for (uint32_t r = 0; r < states.size(); r++)
        slots.push_back({r, r});
    spt_segments s = {};
    s.space_numbers = spt_segments_space(table.host.data(), states.size(), energies, &s.widest);
    on_device<spt_forward_run> runs(slots);
    on_device<float> origin(p.origin), direction(p.direction);
    on_device<double> energy(n * energies), space(blocks * s.space_numbers);
    on_device<uint32_t> corners(n);
    s.rows.origin = origin.data;
    s.rows.direction = direction.data;
    s.rows.t0 = p.probe.t0;
    s.rows.dt = p.probe.dt;
    s.rows.inputs = (uint32_t)p.probe.inputs;
    s.rows.samples = 1;
    s.lines = (uint32_t)lines;
    s.outputs = (uint32_t)p.probe.outputs;
    s.energies = (uint32_t)energies;
    s.energy = energy.data;
    s.corners = corners.data;
    s.space = space.data;
    assert_done(spt_segments_lines(table.device->data, runs.data, slots.size(), &s, blocks, nullptr));
    return corners.read();
}

/** Which hidden units are on at u of line m, in float64. */
static std::vector<bool> pattern_at(const exact_case &p, const network_state &state, size_t m, double u) {
    std::vector<double> x(p.probe.inputs);
    for (size_t i = 0; i < x.size(); i++)
        x[i] =
            (double)p.origin[m * x.size() + i] + (p.probe.t0 + u * p.probe.dt) * (double)p.direction[m * x.size() + i];
    std::vector<bool> on;
    for (size_t l = 0; l + 1 < state.arena.layers; l++) {
        const spt_layer layer = spt_model_layer(&state.model, l);
        std::vector<double> y(layer.fan_out);
        for (size_t j = 0; j < layer.fan_out; j++) {
            double z = 0.0;
            for (size_t i = 0; i < layer.fan_in; i++)
                z += (double)state.floats.get()[layer.weight_offset + j * layer.fan_in + i] * x[i];
            z = layer.weight_scale * z + layer.bias_scale * (double)state.floats.get()[layer.bias_offset + j];
            on.push_back(z > 0.0);
            y[j] = z > 0.0 ? z : 0.0;
        }
        x = y;
    }
    return on;
}

/** Units that differ between a and b, counted place by place: where several do, the middle is looked at. */
static size_t changes(const exact_case &p, const network_state &state, size_t m, double a,
                      const std::vector<bool> &at_a, double b, const std::vector<bool> &at_b) {
    size_t differ = 0;
    for (size_t i = 0; i < at_a.size(); i++)
        differ += at_a[i] != at_b[i];
    const double middle = 0.5 * (a + b);
    if (differ <= 1 || b - a < 1e-14)
        return differ > 0;
    const std::vector<bool> at_middle = pattern_at(p, state, m, middle);
    return changes(p, state, m, a, at_a, middle, at_middle) + changes(p, state, m, middle, at_middle, b, at_b);
}

static size_t scanned_corners(const exact_case &p, const network_state &state, size_t m) {
    const size_t steps = 4096;
    size_t sum = 0;
    std::vector<bool> before = pattern_at(p, state, m, 0.0);
    for (size_t i = 1; i <= steps; i++) {
        const std::vector<bool> here = pattern_at(p, state, m, (double)i / steps);
        sum += changes(p, state, m, (double)(i - 1) / steps, before, (double)i / steps, here);
        before = here;
    }
    return sum;
}

static void as_many_corners_are_found_as_by_a_dense_scan(void **) {
    draws draw = {61};
    size_t all = 0;
    for (int c = 0; c < 6; c++) {
        exact_case p(draw.between(1, 5), 2, 2, 2, 4.0, (uint32_t)c);
        std::vector<network_state> states;
        for (size_t depth = 1; depth <= 5; depth += 2)
            states.push_back(network_of(p.probe.inputs, draw.between(2, 50 / depth), depth, 2, (uint32_t)c,
                                        c % 2 ? SPT_INIT_HE : SPT_INIT_PYTORCH));
        const std::vector<uint32_t> found = corners_of(p, pointers(states));
        for (size_t r = 0; r < states.size(); r++)
            for (size_t m = 0; m < 2; m++) {
                assert_int_equal(found[2 * r + m], scanned_corners(p, states[r], m));
                all += found[2 * r + m];
            }
    }
    print_message("%zu corners\n", all);
    assert_true(all > 300);
}

/** x -> sum_j out[j] relu(x - kink[j]), along x = -1 .. 1. */
static network_state kinks(const std::vector<float> &kink, const std::vector<float> &out) {
    network_state state = network_of(1, kink.size(), 1, 1, 0);
    for (size_t j = 0; j < kink.size(); j++) {
        state.weight(0)[j] = 1.0f;
        state.bias(0)[j] = -kink[j];
        state.weight(1)[j] = out[j];
    }
    state.bias(1)[0] = 0.0f;
    return state;
}

static void set_unit_line(exact_case *p) {
    p->origin[0] = 0.0f;
    p->direction[0] = 1.0f;
    p->probe.t0 = -1.0;
    p->probe.dt = 2.0;
    p->probe.scale = 1.0;
}

static void units_that_switch_at_one_place_make_one_corner(void **) {
    exact_case p(1, 1, 1, 3, 1.0, 0);
    set_unit_line(&p);
    const network_state three = kinks({0.25f, -0.5f, 0.25f, 0.25f, 2.0f, -1.0f, 1.0f}, {1, 1, 1, 1, 1, 1, 1});
    assert_int_equal(corners_of(p, {&three})[0], 2); // 2.0 is outside, -1 and 1 are the ends
}

// Twelve times the same unit, but scaled by what is no power of 2: its terms round differently.
static void places_that_differ_by_rounding_are_one_corner(void **) {
    exact_case p(3, 1, 1, 3, 1.1, 7);
    network_state state = network_of(3, 12, 1, 1, 0);
    const float weight[] = {1001.0f / 1024.0f, -713.0f / 1024.0f, 457.0f / 1024.0f};
    float at_origin = 0.0f; // so that the units switch on near the middle
    for (int i = 0; i < 3; i++)
        at_origin += weight[i] * p.origin[i];
    const float bias = roundf(-1024.0f * at_origin) / 1024.0f;
    for (int j = 0; j < 12; j++) {
        for (int i = 0; i < 3; i++)
            state.weight(0)[3 * j + i] = (float)(2 * j + 3) * weight[i];
        state.bias(0)[j] = (float)(2 * j + 3) * bias;
    }
    assert_int_equal(corners_of(p, {&state})[0], 1);
}

// Units 0, 1 and 2 of the first layer are alike, and the second layer's weights of them cancel: exactly, but not in
// float64, at the corners that the other five make.
static void a_unit_that_is_zero_but_for_rounding_makes_no_corner(void **) {
    exact_case p(1, 1, 1, 3, 1.0, 0);
    set_unit_line(&p);
    network_state state = network_of(1, 8, 2, 1, 0);
    for (int j = 0; j < 8; j++) {
        state.weight(0)[j] = j < 3 ? 0.45f : 0.7f;
        state.bias(0)[j] = j < 3 ? 1.1f : 0.2f * (float)(j - 5);
        state.bias(1)[j] = 0.0f;
        state.weight(2)[j] = 1.0f;
        for (int i = 0; i < 8; i++)
            state.weight(1)[8 * j + i] = 0.0f;
        const float first = (float)(1001 + 74 * j) / 8192.0f, second = (float)(3001 - 31 * j) / 8192.0f;
        state.weight(1)[8 * j] = first;
        state.weight(1)[8 * j + 1] = second;
        state.weight(1)[8 * j + 2] = -(first + second); // exact
    }
    assert_int_equal(corners_of(p, {&state})[0], 5);
}

// 2,000 units, each with a kink of its own in the one segment that the first layer has: sixty blocks of corners.
static void a_segment_with_thousands_of_crossings_keeps_them_all(void **) {
    exact_case p(1, 1, 1, 3, 1.0, 0);
    set_unit_line(&p);
    std::vector<float> at, out;
    for (int j = 0; j < 2000; j++) {
        at.push_back((float)((j * 769) % 2000 - 999) / 1001.0f);
        out.push_back(j % 2 ? 0.01f : -0.01f);
    }
    const network_state state = kinks(at, out);
    assert_int_equal(corners_of(p, {&state})[0], 2000);
}

// ---- energies

/** c_k of sum_j out[j] relu(x - kink[j]) over x = 2 u - 1: the integral of 2 a (u - c) exp(-i w u) from c to 1. */
static std::complex<double> coefficient(const std::vector<float> &kink, const std::vector<float> &out, size_t k,
                                        bool ends) {
    const double w = 2.0 * M_PI * (double)k;
    const std::complex<double> i(0.0, 1.0);
    std::complex<double> sum = 0.0;
    for (size_t j = 0; j < kink.size(); j++) { // k c has few bits: its turns are exact
        const double c = 0.5 * ((double)kink[j] + 1.0), slope = 2.0 * (double)out[j], rise = slope * (1.0 - c);
        if (k == 0)
            sum += 0.5 * rise * (1.0 - c) - (ends ? 0.5 * rise : 0.0);
        else // by parts twice; the straight line through the ends has i rise / w
            sum +=
                slope * ((1.0 - c) * i / w + (1.0 - std::exp(-i * (2.0 * M_PI * fmod((double)k * c, 1.0)))) / (w * w)) -
                (ends ? i * rise / w : 0.0);
    }
    return sum;
}

// Turns are good to 1e-16 at any frequency, so amplitudes, which are steps of f over 2 pi k, are to some 1e-15 / k.
static void kinks_have_the_coefficients_of_their_closed_form(void **) {
    const size_t energies = 1 << 14;
    const std::vector<float> kink = {0.3f, -0.7f, 0.300001f, 0.9f}, out = {1.0f, 0.5f, -1.5f, 2.0f};
    for (size_t n : {(size_t)1, kink.size()})
        for (bool ends : {false, true}) {
            const std::vector<float> some(kink.begin(), kink.begin() + (long)n),
                slopes(out.begin(), out.begin() + (long)n);
            const network_state state = kinks(some, slopes);
            exact_case p(1, 1, 1, energies, 1.0, 0);
            set_unit_line(&p);
            p.probe.detrend = ends ? SPT_DETREND_ENDS : SPT_DETREND_NONE;
            std::vector<double> energy(energies);
            device_energy(p.probe, {&state}, energy.data());
            for (size_t k = 0; k < energies; k++) {
                const double expected = std::abs(coefficient(some, slopes, k, ends));
                assert_true(fabs(sqrt(energy[k]) - expected) < 1e-14 / (double)(k + 1));
            }
        }
}

static std::vector<network_state> ragged_group(draws &draw, size_t runs, size_t inputs, size_t outputs, size_t widest) {
    static const spt_init INITS[] = {SPT_INIT_PYTORCH, SPT_INIT_HE, SPT_INIT_NTK};
    std::vector<network_state> states;
    for (size_t r = 0; r < runs; r++)
        states.push_back(network_of(inputs, draw.between(1, widest), draw.between(0, 6), outputs,
                                    (uint32_t)draw.between(0, 1000), INITS[draw.between(0, 2)]));
    return states;
}

/** Energies of all frequencies but 0, which is mostly the mean of f: (runs, size - 1). */
static std::vector<double> without_the_mean(const std::vector<double> &energy, size_t size) {
    std::vector<double> out;
    for (size_t i = 0; i < energy.size(); i++)
        if (i % size > 0)
            out.push_back(energy[i]);
    return out;
}

static void energies_are_those_of_the_cpu_on_ragged_shapes(void **) {
    draws draw = {62};
    double worst = 0.0;
    for (int c = 0; c < 10; c++) {
        const size_t inputs = draw.between(1, c % 3 == 0 ? 784 : 20), outputs = draw.between(1, c % 2 ? 100 : 5);
        exact_case p(inputs, outputs, draw.between(1, 3), draw.between(2, 80), 3.0, (uint32_t)c);
        const size_t size = p.probe.energy_size;
        p.probe.detrend = c % 4 == 1 ? SPT_DETREND_ENDS : SPT_DETREND_NONE;
        p.probe.towards = c % 4 == 2 ? SPT_DIRECTION_ADVERSARIAL : SPT_DIRECTION_GIVEN;
        const std::vector<network_state> states = ragged_group(draw, 3, inputs, outputs, c % 5 == 0 ? 300 : 60);
        const std::vector<double> found = device_energy(p.probe, states), expected = cpu_energy(p.probe, states);
        const double difference =
            max(worst_difference(found, expected, size),
                worst_difference(without_the_mean(found, size), without_the_mean(expected, size), size - 1));
        // A direction of its own is only as good as float32.
        const double share = p.probe.towards == SPT_DIRECTION_ADVERSARIAL ? difference * BOUND / 1e-5 : difference;
        print_message("%d: %.2g\n", c, difference);
        worst = share > worst || isnan(share) ? share : worst;
    }
    print_message("worst difference: %.2g of the total energy\n", worst);
    assert_true(worst < BOUND);
}

// 17 lines of 2^17 energies: a chunk of 15 lines, and one of 2.
static void lines_that_are_cut_into_chunks_lose_nothing(void **) {
    exact_case p(2, 1, 17, (size_t)1 << 17, 2.0, 3);
    std::vector<network_state> states;
    states.push_back(network_of(2, 3, 1, 1, 8));
    assert_true(worst_difference(device_energy(p.probe, states), cpu_energy(p.probe, states), p.probe.energy_size) <
                BOUND);
}

static void a_network_that_is_not_finite_has_energies_that_are_not_and_harms_no_other(void **) {
    exact_case p(5, 2, 2, 16, 2.0, 8);
    const size_t size = p.probe.energy_size;
    std::vector<network_state> states;
    for (uint32_t r = 0; r < 3; r++)
        states.push_back(network_of(5, 20, 2, 2, r));
    const std::vector<double> before = device_energy(p.probe, states);
    states[1].weight(2)[7] = NAN;
    const std::vector<double> after = device_energy(p.probe, states);
    assert_memory_equal(&after[0], &before[0], size * sizeof(double));
    assert_memory_equal(&after[2 * size], &before[2 * size], size * sizeof(double));
    for (size_t k = 0; k < size; k++)
        assert_true(isnan(after[size + k]));
}

// ---- bits

static void three_orders_of_threads_give_one_result(void **) {
    exact_case p(7, 9, 3, 40, 3.0, 4);
    std::vector<network_state> states;
    for (size_t width : {5, 40, 70})
        states.push_back(network_of(7, width, 2, 9, (uint32_t)width));
    assert_true(bits_agree(3, 3, 3 * p.probe.energy_size * sizeof(double),
                           [&](void *out) { device_energy(p.probe, pointers(states), (double *)out); }));
}

static void a_run_alone_has_the_bits_that_it_has_in_a_group_of_8(void **) {
    draws draw = {64};
    exact_case p(4, 3, 4, 20, 3.0, 5);
    const size_t size = p.probe.energy_size;
    const std::vector<network_state> states = ragged_group(draw, 8, 4, 3, 60);
    const std::vector<double> group = device_energy(p.probe, states);
    for (size_t r = 0; r < states.size(); r++) {
        std::vector<double> alone(size);
        device_energy(p.probe, {&states[r]}, alone.data());
        assert_memory_equal(alone.data(), &group[r * size], size * sizeof(double));
    }
}

// ---- errors

static void probes_that_are_not_along_lines_or_have_no_energies_are_refused(void **) {
    const network_state state = network_of(2, 3, 1, 2, 1);
    network_table table({&state});
    const spt_probe_networks networks = {table.device->data, table.host.data(), 1, SPT_LOSS_MSE};
    exact_case none(2, 2, 4, 0, 1.0, 9);
    probe_case points(2, 2, 4, 8, SPT_GEOMETRY_POINTS, 9);
    points.probe.transform = SPT_TRANSFORM_SEGMENTS;
    for (const spt_probe *probe : {&none.probe, &points.probe}) {
        spt_probe_bytes bytes;
        spt_error err = {};
        assert_int_equal(spt_cuda_probe_measure(probe, &networks, &bytes, &err), SPT_EINVAL);
        assert_non_null(strstr(err.message, "probe line_test: "));
    }
}

static void any_call_that_fails_while_energies_are_made_is_said(void **) {
    exact_case p(2, 1, 2, 8, 1.0, 16);
    p.probe.towards = SPT_DIRECTION_ADVERSARIAL;
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
    assert_true(failures >= 9); // forward and backward of two layers, slopes, directions, lines, their sum, a copy out
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_corners_are_found_as_by_a_dense_scan),
        cmocka_unit_test(units_that_switch_at_one_place_make_one_corner),
        cmocka_unit_test(places_that_differ_by_rounding_are_one_corner),
        cmocka_unit_test(a_unit_that_is_zero_but_for_rounding_makes_no_corner),
        cmocka_unit_test(a_segment_with_thousands_of_crossings_keeps_them_all),
        cmocka_unit_test(kinks_have_the_coefficients_of_their_closed_form),
        cmocka_unit_test(energies_are_those_of_the_cpu_on_ragged_shapes),
        cmocka_unit_test(lines_that_are_cut_into_chunks_lose_nothing),
        cmocka_unit_test(a_network_that_is_not_finite_has_energies_that_are_not_and_harms_no_other),
        cmocka_unit_test(three_orders_of_threads_give_one_result),
        cmocka_unit_test(a_run_alone_has_the_bits_that_it_has_in_a_group_of_8),
        cmocka_unit_test(probes_that_are_not_along_lines_or_have_no_energies_are_refused),
        cmocka_unit_test(any_call_that_fails_while_energies_are_made_is_said),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
