// Transforms other than the plain dft: series less the line through their ends, planes, inner products with a basis,
// and what is folded out of them; against the CPU, and what their bits may not depend on. Each for lines and stored
// points.
#include <array>

#include "basis.cuh"
#include "transform_case.h"

using spt_emulated::bits_agree;

// As of the plain dft (probe.cuh), of what the outputs could give at most: a transform may leave little of them, but
// the rounding of all.
static const double BOUND = 1e-5;

/** Networks of several widths and depths, all for the probe. */
static std::vector<network_state> ragged_group(draws &draw, const spt_probe &probe, size_t runs, size_t widest) {
    static const spt_init INITS[] = {SPT_INIT_PYTORCH, SPT_INIT_HE, SPT_INIT_NTK};
    std::vector<network_state> states;
    for (size_t r = 0; r < runs; r++)
        states.push_back(network_of(probe.inputs, draw.between(1, widest), draw.between(0, 5), probe.outputs,
                                    (uint32_t)draw.between(0, 1000), INITS[draw.between(0, 2)]));
    return states;
}

static void assert_is_that_of_the_cpu(const transform_case &c, const std::vector<network_state> &states) {
    const size_t size = c.probe.energy_size;
    const std::vector<double> energy = device_energy(c.probe, states), expected = cpu_energy(c.probe, states);
    for (size_t r = 0; r < states.size(); r++) {
        double largest = 0.0;
        for (size_t e = 0; e < size; e++) {
            assert_true(isfinite(energy[r * size + e]));
            const double difference = fabs(energy[r * size + e] - expected[r * size + e]) / c.most(states[r]);
            largest = difference > largest ? difference : largest;
        }
        if (!(largest < BOUND))
            fail_msg("run %zu: an energy differs by %.2g of the most there could be", r, largest);
    }
}

static void assert_alone_as_in_a_group_of_8(const transform_case &c, const std::vector<network_state> &states) {
    const size_t size = c.probe.energy_size;
    const std::vector<double> group = device_energy(c.probe, states);
    for (size_t r = 0; r < states.size(); r++) {
        std::vector<double> alone(size);
        device_energy(c.probe, {&states[r]}, alone.data());
        assert_memory_equal(alone.data(), &group[r * size], size * sizeof(double));
    }
}

/** Random shapes, each against the CPU; then one alone and in a group of 8, and in three orders of threads. */
static void hold(transform_case (*make)(draws &), uint32_t seed) {
    draws draw = {seed};
    for (int i = 0; i < 6; i++) {
        const transform_case c = make(draw);
        assert_is_that_of_the_cpu(c, ragged_group(draw, c.probe, 3, i % 2 ? 220 : 40));
    }
    const transform_case c = make(draw);
    const std::vector<network_state> states = ragged_group(draw, c.probe, 8, 120);
    assert_alone_as_in_a_group_of_8(c, states);
    assert_true(bits_agree(3, 3, 8 * c.probe.energy_size * sizeof(double),
                           [&](void *out) { device_energy(c.probe, pointers(states), (double *)out); }));
}

static spt_geometry geometry_of(draws &draw) {
    return draw.between(0, 1) ? SPT_GEOMETRY_LINES : SPT_GEOMETRY_POINTS;
}

static transform_case series_without_their_ends(draws &draw) {
    transform_case c(draw.between(1, 40), draw.between(1, 20), draw.between(1, 6), draw.between(3, 75),
                     geometry_of(draw), (uint32_t)draw.between(0, 99));
    c.take_ends_off();
    return c;
}

static transform_case planes(draws &draw) {
    transform_case c(draw.between(1, 10), draw.between(1, 7), draw.between(1, 21), draw.between(2, 24),
                     geometry_of(draw), (uint32_t)draw.between(0, 99));
    c.make_plane(draw, draw.between(1, 40));
    return c;
}

static transform_case bases(draws &draw) {
    transform_case c(draw.between(1, 10), draw.between(1, 14), draw.between(1, 3), draw.between(1, 130),
                     geometry_of(draw), (uint32_t)draw.between(0, 99));
    c.make_basis(draw, draw.between(1, 150), draw.between(1, 40));
    return c;
}

static void series_are_transformed_without_the_line_through_their_ends(void **) {
    hold(series_without_their_ends, 61);
}
static void planes_are_transformed_and_folded(void **) {
    hold(planes, 62);
}
static void products_with_a_basis_are_squared_and_folded(void **) {
    hold(bases, 63);
}

/** A network without hidden layers is a straight line along lines: nothing is left of it. */
static void nothing_is_left_of_a_straight_line(void **) {
    transform_case c(7, 3, 5, 33, SPT_GEOMETRY_LINES, 2);
    c.take_ends_off();
    std::vector<network_state> states;
    states.push_back(network_of(7, 5, 0, 3, 4));
    const double most = c.most(states[0]);
    assert_true(most > 0.1);
    for (double e : device_energy(c.probe, states))
        assert_true(e < 1e-11 * most); // float32 outputs, each wrong by some 1e-7
}

/** The energies of a plane whose coefficients stand alone, once each or twice, add up to the mean square (Parseval). */
static void energies_of_a_plane_add_up_to_the_mean_square_of_the_outputs(void **) {
    for (const auto &[series, samples] : {std::pair<size_t, size_t>{12, 16}, {9, 7}, {1, 10}, {16, 2}}) {
        transform_case c(4, 3, series, samples, SPT_GEOMETRY_LINES, 3);
        c.make_plane_of_all();
        std::vector<network_state> states;
        states.push_back(network_of(4, 30, 2, 3, 5));
        double sum = 0.0;
        for (double e : device_energy(c.probe, states))
            sum += e;
        assert_true(fabs(sum / c.mean_square(states[0]) - 1.0) < 1e-5);
    }
}

/** A basis of unit vectors: energies are the squares of the outputs themselves. */
static void a_basis_of_single_points_has_their_squares(void **) {
    draws draw = {65};
    transform_case c(3, 1, 1, 150, SPT_GEOMETRY_POINTS, 3);
    c.make_basis(draw, 150, 150);
    for (size_t j = 0; j < 150; j++)
        for (size_t i = 0; i < 150; i++)
            c.basis[j * 150 + i] = i == j ? 2.0f : 0.0f;
    c.fold_each_alone();
    std::vector<network_state> states;
    states.push_back(network_of(3, 20, 1, 1, 5));
    const std::vector<double> energy = device_energy(c.probe, states);
    const std::vector<float> output = c.outputs_of(states[0]);
    for (size_t i = 0; i < 150; i++) // float32 outputs in two orders of sums
        assert_true(fabs(energy[i] - c.probe.scale * 4.0 * pow(output[i], 2.0)) < 1e-5);
}

/** Sizes around those of tiles and slices; arrays that end where the numbers do. */
static void products_are_within_their_bound_of_exact_ones(void **) {
    for (const auto &[n, vectors, rows] :
         {std::array<size_t, 3>{1, 1, 1}, {33, 65, 129}, {32, 64, 128}, {45, 70, 300}}) {
        const std::vector<float> all = numbers((n + vectors) * rows);
        on_device<float> f(std::vector<float>(all.begin(), all.begin() + (long)(n * rows)));
        on_device<float> basis(std::vector<float>(all.begin() + (long)(n * rows), all.end()));
        on_device<double> product(n * vectors);
        assert_done(spt_basis_products(f.data, n, basis.data, vectors, rows, product.data, nullptr));
        const std::vector<double> found = product.read();
        for (size_t i = 0; i < n * vectors; i++) {
            const float *a = &all[i / vectors * rows], *b = &all[(n + i % vectors) * rows];
            double exact = 0.0, length_a = 0.0, length_b = 0.0;
            for (size_t r = 0; r < rows; r++) {
                exact += (double)a[r] * (double)b[r];
                length_a += (double)a[r] * (double)a[r];
                length_b += (double)b[r] * (double)b[r];
            }
            assert_true(fabs(found[i] - exact) <= 128 * 0x1p-24 * sqrt(length_a * length_b)); // as basis.cuh says
        }
    }
}

static void groups_larger_than_the_buffers_lose_nothing(void **) {
    draws draw = {66};
    transform_case c(1, 1000, 40, 100, SPT_GEOMETRY_LINES, 6); // 4,000,000 outputs: 5 runs at a time
    c.make_plane(draw, 30);
    std::vector<network_state> states;
    for (uint32_t r = 0; r < 6; r++)
        states.push_back(network_of(1, 1 + r % 3, r % 2, 1000, r));
    assert_is_that_of_the_cpu(c, states);
    std::vector<double> alone(c.probe.energy_size), group = device_energy(c.probe, states);
    device_energy(c.probe, {&states[5]}, alone.data());
    assert_memory_equal(alone.data(), &group[5 * alone.size()], alone.size() * sizeof(double));
}

/** What the device says of a probe that it is asked for; SPT_OK when it takes it. */
static spt_status status_of(const spt_probe &probe, spt_error *err) {
    const network_state state = network_of(probe.inputs, 3, 1, probe.outputs, 1);
    network_table table({&state});
    const spt_probe_networks networks = {table.device->data, table.host.data(), 1, SPT_LOSS_MSE};
    on_device<char> space(1 << 22);
    const size_t before = spt_emulated::live_objects();
    spt_cuda_probe *made = NULL;
    const spt_status status = spt_cuda_probe_create(&probe, &networks, space.data, &made, err);
    spt_cuda_probe_destroy(made);
    assert_int_equal(spt_emulated::live_objects(), before);
    assert_true((made != NULL) == (status == SPT_OK));
    if (status != SPT_OK)
        assert_non_null(strstr(err->message, "probe line_test: "));
    return status;
}

static void sizes_that_do_not_go_together_are_refused_with_the_name_of_the_probe(void **) {
    draws draw = {67};
    spt_error err = {};
    transform_case plane(2, 2, 4, 8, SPT_GEOMETRY_LINES, 9), basis(2, 2, 4, 8, SPT_GEOMETRY_LINES, 9);
    plane.make_plane(draw, 5);
    basis.make_basis(draw, 6, 5);
    assert_ok(status_of(plane.probe, &err), err);
    assert_ok(status_of(basis.probe, &err), err);
    const struct {
        const transform_case &of;
        void (*spoil)(spt_probe &);
    } cases[] = {
        {plane, [](spt_probe &p) { p.coefficients++; }},
        {plane, [](spt_probe &p) { p.fold.first = NULL; }},
        {plane, [](spt_probe &p) { p.detrend = SPT_DETREND_ENDS; }},
        {plane, [](spt_probe &p) { p.series = (size_t)1 << 40; }},
        {plane, [](spt_probe &p) { p.fold.terms = 0; }},
        {plane, [](spt_probe &p) { p.energy_size = 0; }},
        {basis, [](spt_probe &p) { p.basis = NULL; }},
        {basis, [](spt_probe &p) { p.coefficients = 0; }},
        {basis, [](spt_probe &p) { p.coefficients = 1; }}, // the fold wants more
        {basis, [](spt_probe &p) { p.samples = (size_t)1 << 28; }},
        {basis, [](spt_probe &p) { p.perturb.n_norms = 2; }}, // 5 energies
    };
    for (const auto &c : cases) {
        spt_probe probe = c.of.probe;
        c.spoil(probe);
        assert_int_equal(status_of(probe, &err), SPT_EINVAL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_transformed_without_the_line_through_their_ends),
        cmocka_unit_test(planes_are_transformed_and_folded),
        cmocka_unit_test(products_with_a_basis_are_squared_and_folded),
        cmocka_unit_test(nothing_is_left_of_a_straight_line),
        cmocka_unit_test(energies_of_a_plane_add_up_to_the_mean_square_of_the_outputs),
        cmocka_unit_test(a_basis_of_single_points_has_their_squares),
        cmocka_unit_test(products_are_within_their_bound_of_exact_ones),
        cmocka_unit_test(groups_larger_than_the_buffers_lose_nothing),
        cmocka_unit_test(sizes_that_do_not_go_together_are_refused_with_the_name_of_the_probe),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
