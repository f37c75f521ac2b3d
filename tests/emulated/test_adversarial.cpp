// Adversarial directions: against float64, against the CPU, and what a run's bits may not depend on.
#include <algorithm>

#include "adversarial.cuh"
#include "probe_case.h"

using spt_emulated::bits_agree;

static const spt_loss LOSSES[] = {SPT_LOSS_CROSS_ENTROPY, SPT_LOSS_MSE, SPT_LOSS_BCE};

// ---- directions themselves

/** Directions (networks, lines, inputs) of networks at the origins of a probe's lines. */
static std::vector<float> directions_of(const probe_case &p, const std::vector<const network_state *> &states,
                                        spt_loss loss) {
    network_table table(states);
    const size_t lines = p.probe.series, inputs = p.probe.inputs;
    std::vector<spt_forward_run> slots;
    spt_adversarial a = {};
    a.loss = loss;
    a.lines = (uint32_t)lines;
    a.inputs = (uint32_t)inputs;
    a.outputs = (uint32_t)p.probe.outputs;
    for (const spt_device_network &network : table.host) {
        slots.push_back({(uint32_t)slots.size(), (uint32_t)slots.size()});
        a.width = max(a.width, network.width);
        a.n_layers = max(a.n_layers, network.n_layers);
        a.space_floats = max(a.space_floats, (uint64_t)spt_adversarial_floats(&network, lines));
    }
    on_device<spt_forward_run> runs(slots);
    on_device<float> origin(p.origin), given(p.direction), direction(slots.size() * lines * inputs),
        space(slots.size() * a.space_floats);
    a.origin = origin.data;
    a.given = given.data;
    a.direction = direction.data;
    a.space = space.data;
    assert_done(spt_adversarial_directions(table.device->data, runs.data, slots.size(), &a, nullptr));
    return direction.read();
}

/** d loss / d logits if the predicted class were the label, up to a factor. */
static std::vector<double> slopes_of(const std::vector<double> &z, spt_loss loss) {
    const size_t n = z.size(), best = n > 1 ? (size_t)(std::max_element(z.begin(), z.end()) - z.begin()) : 0;
    const bool one = n == 1, above = z[0] > 0.0;
    std::vector<double> slope(n);
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        const bool wanted = one ? above : j == best;
        switch (loss) {
        case SPT_LOSS_CROSS_ENTROPY:
            slope[j] = j == best ? 0.0 : exp(z[j] - z[best]);
            break;
        case SPT_LOSS_MSE:
            slope[j] = z[j] - (wanted ? 1.0 : one ? -1.0 : 0.0);
            break;
        case SPT_LOSS_BCE:
            slope[j] = wanted ? -1.0 / (1.0 + exp(z[j])) : 1.0 / (1.0 + exp(-z[j]));
            break;
        }
        sum += slope[j];
    }
    if (loss == SPT_LOSS_CROSS_ENTROPY)
        slope[best] = -sum;
    return slope;
}

/** The same in float64, from the definition. Empty where the gradient is zero. */
static std::vector<double> expected_direction(const network_state &state, spt_loss loss, const float *x) {
    std::vector<std::vector<double>> y = {std::vector<double>(x, x + state.model.inputs)};
    const size_t layers = state.arena.layers;
    for (size_t l = 0; l < layers; l++) {
        const spt_layer layer = spt_model_layer(&state.model, l);
        std::vector<double> z(layer.fan_out);
        for (size_t j = 0; j < layer.fan_out; j++) {
            for (size_t i = 0; i < layer.fan_in; i++)
                z[j] += (double)state.floats.get()[layer.weight_offset + j * layer.fan_in + i] * y[l][i];
            z[j] = layer.weight_scale * z[j] + layer.bias_scale * (double)state.floats.get()[layer.bias_offset + j];
            z[j] = l + 1 < layers && z[j] < 0.0 ? 0.0 : z[j];
        }
        y.push_back(z);
    }
    std::vector<double> dy = slopes_of(y[layers], loss);
    for (size_t l = layers; l-- > 0;) {
        const spt_layer layer = spt_model_layer(&state.model, l);
        std::vector<double> dx(layer.fan_in);
        for (size_t i = 0; i < layer.fan_in; i++) {
            for (size_t j = 0; j < layer.fan_out; j++)
                dx[i] += (double)state.floats.get()[layer.weight_offset + j * layer.fan_in + i] * dy[j];
            dx[i] *= l == 0 || y[l][i] > 0.0 ? layer.weight_scale : 0.0;
        }
        dy = dx;
    }
    double square = 0.0;
    for (double d : dy)
        square += d * d;
    if (square == 0.0)
        return {};
    for (double &d : dy)
        d /= sqrt(square);
    return dy;
}

/** Length of the difference of a direction and the expected one, or the given one where there is none. */
static double distance(const float *found, const std::vector<double> &expected, const float *given, size_t inputs) {
    double square = 0.0;
    for (size_t i = 0; i < inputs; i++) {
        const double difference = (double)found[i] - (expected.empty() ? (double)given[i] : expected[i]);
        square += difference * difference;
    }
    return sqrt(square);
}

// Gradients are chains of float32 products, up to 784 terms a layer and up to 7 layers, and slopes an exponential of
// logits that are as good: some 1e-6. No unit of these networks is so close to its kink that rounding moves it.
static const double DIRECTION_BOUND = 1e-5;

static void directions_are_the_gradients_of_float64_on_ragged_shapes(void **) {
    static const spt_init INITS[] = {SPT_INIT_PYTORCH, SPT_INIT_HE, SPT_INIT_NTK};
    draws draw = {31};
    double worst = 0.0;
    for (int c = 0; c < 12; c++) {
        const spt_loss loss = LOSSES[c % 3];
        const size_t inputs = draw.between(1, c < 3 ? 784 : 60);
        const size_t outputs = loss != SPT_LOSS_CROSS_ENTROPY && c < 6 ? 1 : draw.between(2, 100);
        probe_case p(inputs, outputs, draw.between(1, 70), 4, SPT_GEOMETRY_LINES, (uint32_t)c);
        std::vector<network_state> states;
        for (size_t r = 0; r < 3; r++)
            states.push_back(network_of(inputs, draw.between(1, 300), draw.between(0, 6), outputs,
                                        (uint32_t)draw.between(0, 1000), INITS[r]));
        const std::vector<float> found = directions_of(p, pointers(states), loss);
        for (size_t r = 0; r < states.size(); r++)
            for (size_t m = 0; m < p.probe.series; m++) {
                const float *const at = &found[(r * p.probe.series + m) * inputs];
                const std::vector<double> expected = expected_direction(states[r], loss, &p.origin[m * inputs]);
                const double far = distance(at, expected, &p.direction[m * inputs], inputs);
                worst = far > worst || isnan(far) ? far : worst;
            }
    }
    print_message("farthest direction: %.2g\n", worst);
    assert_true(worst < DIRECTION_BOUND);
}

// z_0 - z_1 = 2,000: the softmax of the other class is 0 in any float, but where it grows is known.
static void a_network_that_is_sure_of_its_class_has_the_direction_of_the_other(void **) {
    probe_case p(3, 2, 1, 4, SPT_GEOMETRY_LINES, 1);
    network_state sure = network_of(3, 1, 0, 2, 0);
    const float weight[] = {0.0f, 0.0f, 0.0f, 3.0f, 0.0f, 4.0f};
    std::copy(weight, weight + 6, sure.weight(0));
    sure.bias(0)[0] = 1000.0f;
    sure.bias(0)[1] = -1000.0f;
    const float expected[] = {0.6f, 0.0f, 0.8f};
    for (spt_loss loss : {SPT_LOSS_CROSS_ENTROPY, SPT_LOSS_BCE}) {
        const std::vector<float> found = directions_of(p, {&sure}, loss);
        for (size_t i = 0; i < 3; i++)
            assert_true(fabsf(found[i] - expected[i]) < 1e-6f);
    }
}

static void the_given_direction_is_taken_where_the_gradient_is_zero_or_not_finite(void **) {
    probe_case p(5, 2, 40, 4, SPT_GEOMETRY_LINES, 2);
    network_state dead = network_of(5, 7, 2, 2, 3), broken = network_of(5, 7, 2, 2, 4);
    for (size_t i = 0; i < 49; i++)
        dead.weight(1)[i] = 0.0f;
    for (size_t j = 0; j < 7; j++)
        dead.bias(1)[j] = -1.0f;
    for (size_t i = 0; i < 7; i++)
        broken.weight(1)[i] = NAN;
    const std::vector<float> found = directions_of(p, {&dead, &broken}, SPT_LOSS_CROSS_ENTROPY);
    assert_memory_equal(found.data(), p.direction.data(), p.direction.size() * sizeof(float));
    assert_memory_equal(&found[p.direction.size()], p.direction.data(), p.direction.size() * sizeof(float));
}

// 600 lines: a batch of 512, and one of 88.
static void lines_of_several_batches_are_all_there(void **) {
    probe_case p(2, 3, 600, 4, SPT_GEOMETRY_LINES, 3);
    const network_state state = network_of(2, 9, 2, 3, 7);
    const std::vector<float> found = directions_of(p, {&state}, SPT_LOSS_CROSS_ENTROPY);
    for (size_t m = 0; m < 600; m++)
        assert_true(distance(&found[2 * m], expected_direction(state, SPT_LOSS_CROSS_ENTROPY, &p.origin[2 * m]),
                             &p.direction[2 * m], 2) < DIRECTION_BOUND);
}

// ---- energies along them

// As of lines along given directions (probe.cuh), and a direction that is off by 1e-6 moves f as much at the window's
// ends.
static const double BOUND = 1e-5;

static probe_case *adversarial(probe_case *p) {
    p->probe.towards = SPT_DIRECTION_ADVERSARIAL;
    return p;
}

static void energies_are_those_of_the_cpu_on_ragged_shapes(void **) {
    draws draw = {32};
    double worst = 0.0;
    for (int c = 0; c < 9; c++) {
        const spt_loss loss = LOSSES[c % 3];
        const size_t inputs = draw.between(1, c % 2 ? 784 : 30), outputs = draw.between(2, 60);
        probe_case p(inputs, outputs, draw.between(1, 5), 2 * draw.between(1, 20), SPT_GEOMETRY_LINES, (uint32_t)c);
        adversarial(&p);
        std::vector<network_state> states;
        for (size_t r = 0; r < 4; r++)
            states.push_back(network_of(inputs, draw.between(1, c % 2 ? 300 : 70), draw.between(0, 6), outputs,
                                        (uint32_t)draw.between(0, 1000)));
        const double difference = worst_difference(device_energy(p.probe, states, loss),
                                                   cpu_energy(p.probe, states, loss), p.probe.energy_size);
        worst = difference > worst || isnan(difference) ? difference : worst;
    }
    print_message("worst difference: %.2g of the total energy\n", worst);
    assert_true(worst < BOUND);
}

// As in test_probe_energy.cpp: two chunks of series, two chunks of runs, one of a single run.
static void probes_that_are_cut_into_chunks_lose_nothing(void **) {
    probe_case p(2, 1000, 70, 64, SPT_GEOMETRY_LINES, 6);
    adversarial(&p);
    const size_t size = p.probe.energy_size;
    std::vector<network_state> states;
    for (uint32_t r = 0; r < 9; r++)
        states.push_back(
            network_of(2, 1 + r % 3, 1 + r % 2, 1000, r)); // on some lines a unit is off: a given direction
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
    adversarial(&p);
    std::vector<network_state> states;
    for (size_t width : {701, 10, 900})
        states.push_back(network_of(9, width, 2, 3, (uint32_t)width));
    assert_true(worst_difference(device_energy(p.probe, states), cpu_energy(p.probe, states), p.probe.energy_size) <
                BOUND);
}

// ---- bits

static void three_orders_of_threads_give_one_result(void **) {
    probe_case p(37, 11, 3, 26, SPT_GEOMETRY_LINES, 4);
    adversarial(&p);
    std::vector<network_state> states;
    for (size_t width : {20, 100, 210})
        states.push_back(network_of(37, width, 2, 11, (uint32_t)width));
    assert_true(bits_agree(3, 3, 3 * p.probe.energy_size * sizeof(double), [&](void *out) {
        device_energy(p.probe, pointers(states), (double *)out, SPT_LOSS_CROSS_ENTROPY);
    }));
}

static void a_run_alone_has_the_bits_that_it_has_in_a_group_of_8(void **) {
    draws draw = {34};
    probe_case p(20, 7, 4, 32, SPT_GEOMETRY_LINES, 5);
    adversarial(&p);
    const size_t size = p.probe.energy_size;
    std::vector<network_state> states;
    for (uint32_t r = 0; r < 8; r++)
        states.push_back(network_of(20, draw.between(1, 260), draw.between(0, 6), 7, r));
    const std::vector<double> group = device_energy(p.probe, states, SPT_LOSS_CROSS_ENTROPY);
    for (size_t r = 0; r < states.size(); r++) {
        std::vector<double> alone(size);
        device_energy(p.probe, {&states[r]}, alone.data(), SPT_LOSS_CROSS_ENTROPY);
        assert_memory_equal(alone.data(), &group[r * size], size * sizeof(double));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directions_are_the_gradients_of_float64_on_ragged_shapes),
        cmocka_unit_test(a_network_that_is_sure_of_its_class_has_the_direction_of_the_other),
        cmocka_unit_test(the_given_direction_is_taken_where_the_gradient_is_zero_or_not_finite),
        cmocka_unit_test(lines_of_several_batches_are_all_there),
        cmocka_unit_test(energies_are_those_of_the_cpu_on_ragged_shapes),
        cmocka_unit_test(probes_that_are_cut_into_chunks_lose_nothing),
        cmocka_unit_test(networks_too_wide_for_the_chip_have_the_energies_of_the_cpu),
        cmocka_unit_test(three_orders_of_threads_give_one_result),
        cmocka_unit_test(a_run_alone_has_the_bits_that_it_has_in_a_group_of_8),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
