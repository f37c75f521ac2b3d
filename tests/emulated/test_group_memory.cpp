// Memory of the device: what group_bytes says is what a group takes, in all that it does.
#include "group.cuh"
#include "transform_case.h"

enum { LAYERS_MOST = 5 };

/** Runs of mixed widths, depths, optimizers and seeds. */
static std::vector<spt_run_spec> ragged_runs(draws &draw, const test_data &data, size_t n, size_t widest,
                                             size_t batch) {
    std::vector<spt_run_spec> runs;
    for (size_t r = 0; r < n; r++) {
        const spt_optimizer optimizer =
            r % 3 == 0 ? sgd_of(0.01, 0.9) : adam_of((spt_optimizer_kind)(r % 3), 0.001, 0.01);
        runs.push_back(run_of(data, draw.between(1, widest), draw.between(0, LAYERS_MOST - 1), batch,
                              (uint32_t)draw.between(0, 3), SPT_LOSS_MSE, optimizer));
    }
    return runs;
}

/** Everything that is done with a group. */
static void use(spt_group *group, const std::vector<spt_run_spec> &runs, const std::vector<const spt_probe *> &probes) {
    const spt_backend &cuda = spt_backend_cuda;
    spt_error err = {};
    for (size_t r = 0; r < runs.size(); r++)
        assert_ok(cuda.state_set(group, r, initial_state(runs[r]).floats.data(), &err), err);
    std::vector<spt_evaluation> train(runs.size()), test(runs.size());
    std::vector<double> norms(runs.size() * LAYERS_MOST);
    std::vector<std::vector<double>> energies;
    std::vector<double *> energy;
    for (const spt_probe *probe : probes)
        energies.emplace_back(runs.size() * probe->energy_size);
    for (std::vector<double> &e : energies)
        energy.push_back(e.data());
    const spt_record record = {train.data(), test.data(), LAYERS_MOST, norms.data(), energy.data()};
    for (uint64_t step = 0; step < 2; step++) {
        assert_ok(cuda.train(group, step, &err), err);
        assert_ok(cuda.record_begin(group, &record, &err), err);
        assert_ok(cuda.train_begin(group, step + 1, &err), err);
        assert_ok(cuda.record_wait(group, &err), err);
        for (size_t r = 0; r < runs.size(); r++)
            assert_ok(cuda.record_state(group, r, run_state(runs[r]).data(), &err), err);
        assert_ok(cuda.train(group, step + 1, &err), err);
    }
    assert_ok(cuda.evaluate(group, SPT_SPLIT_TEST, test.data(), &err), err);
    for (size_t p = 0; p < probes.size(); p++)
        assert_ok(cuda.probe(group, p, energy[p], &err), err);
    for (size_t r = 0; r < runs.size(); r++)
        assert_ok(cuda.state_get(group, r, run_state(runs[r]).data(), &err), err);
}

/** Make a group where group_bytes are all the memory that there is, and use it. Returns the share that it took. */
static double share_taken(const test_data &data, const std::vector<spt_run_spec> &runs,
                          const std::vector<const spt_probe *> &probes, bool with_cublas = false) {
    const size_t memory = spt_emulated::device.memory, before = spt_emulated::live_objects();
    spt_group_spec spec = {&data.set, runs.size(), runs.data(), probes.size(), probes.data()};
    spt_device_options options = {};
    spt_device *device = NULL;
    spt_group *group = NULL;
    spt_error err = {};
    assert_ok(spt_backend_cuda.open(&options, &device, &err), err);
    if (with_cublas)
        for (uint32_t &least : device->choice.cublas_least)
            least = 8;
    const size_t bytes = spt_backend_cuda.group_bytes(device, &spec);
    assert_true(bytes > 0);
    spt_emulated::device.memory = bytes;
    spt_emulated::restart_most_bytes();
    assert_ok(spt_backend_cuda.group_create(device, &spec, &group, &err), err);
    use(group, runs, probes);
    const double share = (double)spt_emulated::most_bytes() / (double)bytes;
    spt_backend_cuda.group_destroy(group);
    spt_backend_cuda.close(device);
    spt_emulated::device.memory = memory;
    assert_int_equal(spt_emulated::live_objects(), before);
    return share;
}

// The bound of the share from below: group_bytes may be the sum of upper bounds, but a group packed by it must not
// leave much of the device empty.
static const double LEAST = 0.9;

static void assert_share(double share) {
    if (!(share >= LEAST && share <= 1.0))
        fail_msg("a group took %g of what group_bytes said", share);
}

static void groups_of_ragged_shapes_take_what_group_bytes_says(void **) {
    draws draw = {51};
    for (int c = 0; c < 5; c++) {
        test_data data(draw.between(1, 30), draw.between(1, 12), 0, draw.between(20, 50), c == 0 ? 0 : 20);
        probe_case lines(data.set.inputs, data.set.outputs, 3, 2 * draw.between(1, 12), SPT_GEOMETRY_LINES, 1);
        probe_case points(data.set.inputs, data.set.outputs, 2, 10, SPT_GEOMETRY_POINTS, 2);
        std::vector<const spt_probe *> probes = {&lines.probe, &points.probe};
        probes.resize(draw.between(0, 2));
        const size_t batch = c % 3 == 0 ? 0 : draw.between(1, 17);
        assert_share(share_taken(data, ragged_runs(draw, data, draw.between(1, 4), 40, batch), probes));
    }
}

static void directions_that_each_run_has_of_its_own_are_counted(void **) {
    draws draw = {52};
    test_data data(21, 4, 4, 30, 5);
    probe_case lines(21, 4, 40, 6, SPT_GEOMETRY_LINES, 1);
    lines.probe.towards = SPT_DIRECTION_ADVERSARIAL;
    assert_share(share_taken(data, ragged_runs(draw, data, 4, 40, 10), {&lines.probe}));
}

static void the_corners_of_lines_are_counted(void **) {
    draws draw = {53};
    test_data data(6, 4, 4, 30, 5);
    probe_case lines(6, 4, 5, 1, SPT_GEOMETRY_LINES, 1);
    lines.probe.transform = SPT_TRANSFORM_SEGMENTS;
    lines.probe.energy_size = 21;
    assert_share(share_taken(data, ragged_runs(draw, data, 4, 40, 10), {&lines.probe}));
    lines.probe.towards = SPT_DIRECTION_ADVERSARIAL;
    assert_share(share_taken(data, ragged_runs(draw, data, 4, 40, 10), {&lines.probe}));
}

static void planes_bases_and_what_is_folded_out_of_them_are_counted(void **) {
    draws draw = {53};
    test_data data(2, 3, 0, 10, 5);
    const std::vector<spt_run_spec> runs = ragged_runs(draw, data, 4, 40, 10);
    transform_case plane(2, 3, 50, 40, SPT_GEOMETRY_LINES, 1), basis(2, 3, 1, 400, SPT_GEOMETRY_POINTS, 2);
    transform_case ends(2, 3, 50, 41, SPT_GEOMETRY_LINES, 3);
    plane.make_plane(draw, 900);
    basis.make_basis(draw, 300, 50);
    ends.take_ends_off();
    for (const spt_probe *probe : {&plane.probe, &basis.probe, &ends.probe})
        assert_share(share_taken(data, runs, {probe}));
    assert_share(share_taken(data, runs, {&plane.probe, &basis.probe, &ends.probe}));
}

static void networks_around_runs_are_counted(void **) {
    draws draw = {54};
    test_data data(2, 3, 0, 10, 5);
    double norm[] = {0.0, 1.0, 2.0, 3.0};
    std::vector<spt_run_spec> runs = ragged_runs(draw, data, 3, 40, 10);
    transform_case line(2, 3, 3, 24, SPT_GEOMETRY_LINES, 1), basis(2, 3, 1, 40, SPT_GEOMETRY_POINTS, 2);
    transform_case own_ways(2, 3, 3, 24, SPT_GEOMETRY_LINES, 3);
    basis.make_basis(draw, 30, 20);
    transform_case exact(2, 3, 3, 1, SPT_GEOMETRY_LINES, 4);
    own_ways.probe.towards = SPT_DIRECTION_ADVERSARIAL;
    exact.make_exact(12);
    for (transform_case *c : {&line, &basis, &own_ways, &exact}) {
        c->perturb(norm, 4, 9);
        assert_share(share_taken(data, runs, {&c->probe}));
    }
    runs.push_back(run_of(data, 701, 1, 10, 0, SPT_LOSS_MSE));
    assert_share(share_taken(data, runs, {&line.probe, &basis.probe}));
}

static void networks_too_wide_for_the_chip_and_the_areas_of_transforms_are_counted(void **) {
    test_data data(3, 2, 0, 10, 5);
    probe_case lines(3, 2, 2, 20, SPT_GEOMETRY_LINES, 1);
    std::vector<spt_run_spec> runs = {run_of(data, 701, 1, 10, 0, SPT_LOSS_MSE),
                                      run_of(data, 5, 2, 10, 1, SPT_LOSS_MSE)};
    assert_share(share_taken(data, runs, {&lines.probe}));
}

static void matrix_products_of_the_library_are_counted(void **) {
    test_data data(12, 9, 0, 10, 5);
    assert_share(share_taken(data, {run_of(data, 17, 2, 10, 0, SPT_LOSS_MSE)}, {}, true));
}

static void probes_share_the_space_that_they_work_in(void **) {
    test_data data(2, 30, 0, 10, 5);
    probe_case first(2, 30, 20, 100, SPT_GEOMETRY_LINES, 1), second(2, 30, 20, 100, SPT_GEOMETRY_LINES, 2);
    const std::vector<spt_run_spec> runs = {run_of(data, 20, 1, 10, 0, SPT_LOSS_MSE)};
    spt_device *device = NULL;
    spt_error err = {};
    assert_ok(spt_backend_cuda.open(NULL, &device, &err), err);
    const spt_probe *probes[] = {&first.probe, &second.probe};
    spt_group_spec spec = {&data.set, 1, runs.data(), 1, probes};
    const size_t one = spt_backend_cuda.group_bytes(device, &spec);
    spec.n_probes = 2;
    const size_t two = spt_backend_cuda.group_bytes(device, &spec);
    spt_backend_cuda.close(device);
    assert_true(one > 700000 && two - one < 20000); // outputs, spectra and area; lines and energies
    assert_share(share_taken(data, runs, {&first.probe, &second.probe}));
}

static void what_a_group_may_take_leaves_something_for_the_driver(void **) {
    spt_device *device = NULL;
    spt_error err = {};
    spt_device_info info;
    assert_ok(spt_backend_cuda.open(NULL, &device, &err), err);
    spt_backend_cuda.describe(device, &info);
    assert_int_equal(info.memory_free, spt_emulated::device.memory / 16 * 15);
    spt_backend_cuda.close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_ragged_shapes_take_what_group_bytes_says),
        cmocka_unit_test(directions_that_each_run_has_of_its_own_are_counted),
        cmocka_unit_test(the_corners_of_lines_are_counted),
        cmocka_unit_test(planes_bases_and_what_is_folded_out_of_them_are_counted),
        cmocka_unit_test(networks_around_runs_are_counted),
        cmocka_unit_test(networks_too_wide_for_the_chip_and_the_areas_of_transforms_are_counted),
        cmocka_unit_test(matrix_products_of_the_library_are_counted),
        cmocka_unit_test(probes_share_the_space_that_they_work_in),
        cmocka_unit_test(what_a_group_may_take_leaves_something_for_the_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
