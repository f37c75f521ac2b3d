// Perturbed parameters: their numbers, their distance from the parameters, and what they may not depend on.
#include "network_case.h"
#include "perturb.cuh"

extern "C" {
#include "cpu/perturb.h"
}

using spt_emulated::bits_agree;

static const std::vector<float> RADII = {0.0f, 0.5f, 5.0f};

/** theta + r v for directions first .. first + n - 1 and RADII, into out (n, radii, block). */
static void perturb(const network_state &state, uint32_t seed, uint64_t first, uint32_t n, void *out) {
    network_table table({&state});
    on_device<float> radius(RADII);
    const spt_perturbation p = {seed, first, n, (uint32_t)RADII.size(), radius.data, state.arena.block};
    on_device<float> perturbed(n * RADII.size() * state.arena.block);
    on_device<double> space(spt_perturb_space(&p));
    assert_done(spt_perturb(table.device->data, &p, space.data, perturbed.data, nullptr));
    perturbed.read(out);
}
static std::vector<float> perturb(const network_state &state, uint32_t seed, uint64_t first, uint32_t n) {
    std::vector<float> out(n * RADII.size() * state.arena.block);
    perturb(state, seed, first, n, out.data());
    return out;
}

/** Which elements of the block are parameters. */
static std::vector<bool> parameters_of(const network_state &state) {
    std::vector<bool> is_parameter(state.arena.block);
    for (size_t l = 0; l < state.arena.layers; l++) {
        const spt_layer layer = spt_model_layer(&state.model, l);
        for (size_t i = 0; i < layer.fan_in * layer.fan_out; i++)
            is_parameter[layer.weight_offset + i] = true;
        for (size_t i = 0; i < layer.fan_out; i++)
            is_parameter[layer.bias_offset + i] = true;
    }
    return is_parameter;
}

/** Element i of a direction before it is scaled, in float64 from the library's words. */
static double normal_at(uint32_t seed, uint64_t direction, size_t i) {
    const spt_random_words words = spt_random(seed, SPT_STREAM_PERTURBATION, direction, i / 4);
    const uint32_t word = words.word[i % 4 / 2 * 2], next = words.word[i % 4 / 2 * 2 + 1];
    const double radius = sqrt(-2.0 * log(((double)word + 0.5) * 0x1p-32));
    const double angle = 2.0 * M_PI * (double)(next >> 8) * 0x1p-24;
    return radius * (i % 2 == 0 ? cos(angle) : sin(angle));
}

static void perturbations_are_the_normals_of_the_librarys_words(void **) {
    const network_state state = network_of(13, 27, 3, 5, 6);
    const std::vector<bool> is_parameter = parameters_of(state);
    const size_t block = state.arena.block;
    const uint64_t first = (1ull << 32) + 3;
    const std::vector<float> out = perturb(state, 77, first, 2);
    for (uint64_t d = 0; d < 2; d++) {
        double square = 0.0;
        for (size_t i = 0; i < block; i++)
            if (is_parameter[i])
                square += pow(normal_at(77, first + d, i), 2.0);
        for (size_t r = 0; r < RADII.size(); r++)
            for (size_t i = 0; i < block; i++) {
                const float y = out[(d * RADII.size() + r) * block + i], theta = state.floats.get()[i];
                if (!is_parameter[i]) {
                    assert_true(y == 0.0f);
                    continue;
                }
                const double move = RADII[r] * normal_at(77, first + d, i) / sqrt(square);
                // Logarithms near 1 and the angle's cosine near 0 lose bits of a float32 of some 1: hence absolute.
                assert_true(fabs(y - (theta + move)) < 1e-6 * (RADII[r] + fabs(theta)));
            }
    }
}

/** The CPU's logarithm, sine and cosine are those of float64: normals agree to float32 rounding of some 3. */
static void assert_as_on_the_cpu(const network_state &state, uint32_t seed, size_t n) {
    const size_t block = state.arena.block;
    const std::vector<float> device = perturb(state, seed, 5, (uint32_t)n);
    std::vector<float> z(block), moved(block);
    for (size_t d = 0; d < n; d++) {
        const double length = spt_perturb_normals(&state.model, block, seed, 5 + d, z.data());
        for (size_t r = 0; r < RADII.size(); r++) {
            spt_perturb(state.floats.get(), block, z.data(), length, RADII[r], moved.data());
            for (size_t i = 0; i < block; i++)
                assert_true(fabs((double)moved[i] - device[(d * RADII.size() + r) * block + i]) <=
                            1e-6 * (RADII[r] / sqrt((double)state.arena.parameters) + fabs(moved[i])));
        }
    }
}

static void the_cpu_moves_parameters_to_the_same_place(void **) {
    static const spt_init INITS[] = {SPT_INIT_PYTORCH, SPT_INIT_HE, SPT_INIT_NTK};
    assert_as_on_the_cpu(network_of(31, 45, 2, 7, 6, SPT_INIT_HE), 77, 3);
    draws draw = {43};
    for (uint32_t c = 0; c < 6; c++) // wide ones are shallow: emulated threads are slow
        assert_as_on_the_cpu(network_of(draw.between(1, 784), draw.between(1, c % 2 ? 300 : 60), c % 2 ? 1 : c + 1,
                                        draw.between(1, 100), c, INITS[c % 3]),
                             100 + c, 1);
    assert_as_on_the_cpu(network_of(784, 300, 6, 100, 8), 78, 1); // the largest of all
}

static void assert_at_the_radius(const network_state &state, uint32_t directions) {
    const std::vector<float> out = perturb(state, 1, 10, directions);
    for (size_t i = 0; i < directions * RADII.size(); i++) {
        double square = 0.0;
        for (size_t e = 0; e < state.arena.block; e++)
            square += pow((double)out[i * state.arena.block + e] - state.floats.get()[e], 2.0);
        const double radius = RADII[i % RADII.size()];
        assert_true(fabs(sqrt(square) - radius) <= 1e-5 * radius); // float32 parameters, rounded one by one
    }
}

static void perturbed_parameters_lie_at_the_radius(void **) {
    draws draw = {41};
    for (int c = 0; c < 8; c++)
        assert_at_the_radius(network_of(draw.between(1, 60), draw.between(1, 80), draw.between(0, 6),
                                        draw.between(1, 20), (uint32_t)c, SPT_INIT_HE),
                             2);
}

/** 265 pieces of 1,024 elements: more than the block of 256 threads that adds them. */
static void lengths_of_large_blocks_are_whole(void **) {
    const network_state state = network_of(520, 520, 1, 1, 3, SPT_INIT_HE);
    assert_true(state.arena.block > 256 * 1024);
    assert_at_the_radius(state, 1);
}

static void directions_are_isotropic_and_independent(void **) {
    const network_state state = network_of(30, 40, 2, 10, 7);
    const size_t block = state.arena.block, n = 20;
    const std::vector<float> out = perturb(state, 5, 0, n);
    const double parameters = (double)state.arena.parameters;
    std::vector<std::vector<double>> v(n, std::vector<double>(block));
    for (size_t d = 0; d < n; d++)
        for (size_t i = 0; i < block; i++)
            v[d][i] = ((double)out[(d * RADII.size() + 2) * block + i] - state.floats.get()[i]) / RADII[2];
    for (size_t d = 0; d < n; d++) {
        double mean = 0.0, fourth = 0.0;
        for (double x : v[d]) {
            mean += x / sqrt(parameters);         // N(0, 1) / sqrt(P)
            fourth += x * x * x * x * parameters; // 3 for a normal; its deviation is sqrt(96 / P)
        }
        assert_true(fabs(mean) < 5.0 / sqrt(parameters) && fabs(fourth - 3.0) < 5.0 * sqrt(96.0 / parameters));
        for (size_t e = 0; e < d; e++) {
            double dot = 0.0;
            for (size_t i = 0; i < block; i++)
                dot += v[d][i] * v[e][i];
            assert_true(fabs(dot) < 5.0 / sqrt(parameters)); // five deviations of the angle between random directions
        }
    }
}

static void a_direction_does_not_depend_on_the_others_of_the_call(void **) {
    const network_state state = network_of(13, 27, 1, 5, 6);
    const size_t size = RADII.size() * state.arena.block;
    const std::vector<float> together = perturb(state, 9, 4, 3), alone = perturb(state, 9, 5, 1);
    assert_memory_equal(alone.data(), &together[size], size * sizeof(float));
}

static void three_orders_of_threads_give_one_result(void **) {
    const network_state state = network_of(50, 60, 2, 5, 6); // more than one piece of a block
    assert_true(state.arena.block > 2 * 1024);
    assert_true(bits_agree(3, 3, 2 * RADII.size() * state.arena.block * sizeof(float),
                           [&](void *out) { perturb(state, 3, 0, 2, out); }));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perturbations_are_the_normals_of_the_librarys_words),
        cmocka_unit_test(the_cpu_moves_parameters_to_the_same_place),
        cmocka_unit_test(perturbed_parameters_lie_at_the_radius),
        cmocka_unit_test(lengths_of_large_blocks_are_whole),
        cmocka_unit_test(directions_are_isotropic_and_independent),
        cmocka_unit_test(a_direction_does_not_depend_on_the_others_of_the_call),
        cmocka_unit_test(three_orders_of_threads_give_one_result),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
