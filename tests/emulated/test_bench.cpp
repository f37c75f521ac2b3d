// That everything which `spectrain bench` times runs, is told of once, and leaves nothing behind. The times themselves
// say nothing here.
#include <map>
#include <string>

#include "group.cuh"
#include "spectrain/bench.h"
#include "train_case.h"
#include "transform_case.h"

static const double SHORTEST = 1e-9; // seconds a number: each is executed as often as it must, and no more

struct told {
    std::map<std::string, spt_measurement> by_name;
    std::vector<std::string> twice;
    static void take(const spt_measurement *m, void *user) {
        told *t = (told *)user;
        if (!t->by_name.emplace(m->operation, *m).second)
            t->twice.push_back(m->operation);
    }
    const spt_measurement &at(const char *name) const {
        if (by_name.count(name) == 0)
            fail_msg("'%s' was not measured", name);
        return by_name.at(name);
    }
};

/** Operations and kernels of a group of runs, on the emulated device. */
static void bench(const test_data &data, const std::vector<spt_run_spec> &runs, const spt_probe *probe, told *out,
                  const spt_backend &backend = spt_backend_cuda, double seconds = SHORTEST) {
    spt_device_options device_options = {};
    device_options.threads = 1;
    spt_device *device = NULL;
    spt_error err = {};
    const spt_group_spec spec = {&data.set, runs.size(), runs.data(), probe != NULL, &probe};
    const spt_bench_options options = {seconds, true};
    assert_ok(backend.open(&device_options, &device, &err), err);
    assert_ok(spt_bench_group(&backend, device, &spec, &options, told::take, out, &err), err);
    backend.close(device);
    assert_true(out->twice.empty());
    for (const auto &m : out->by_name) {
        if (!(m.second.seconds > 0.0) || m.second.flops < 0.0 || m.second.bytes < 0.0)
            fail_msg("%s: %g s, %g FLOP, %g bytes", m.first.c_str(), m.second.seconds, m.second.flops, m.second.bytes);
    }
}

static void all_operations_and_kernels_of_a_group_are_measured(void **) {
    test_data data(5, 3, 3, 40, 20);
    probe_case lines(5, 3, 4, 8, SPT_GEOMETRY_LINES, 1);
    const std::vector<spt_run_spec> runs = {run_of(data, 6, 2, 16, 0), run_of(data, 33, 1, 16, 1),
                                            run_of(data, 701, 1, 16, 1)};
    told found;
    bench(data, runs, &lines.probe, &found);
    for (const char *name : {"train step",
                             "evaluation, train",
                             "evaluation, test",
                             "spectral norms",
                             "probe line_test",
                             "states out",
                             "states in",
                             "order of an epoch",
                             "rows of a batch",
                             "forward, layer 0",
                             "forward, layer 1",
                             "forward, layer 2",
                             "loss and its gradient",
                             "input gradient, 0 from the output",
                             "input gradient, 1 from the output",
                             "weight gradients",
                             "end of a step",
                             "all kernels of a step",
                             "evaluation, forward of 40 examples, layer 2",
                             "evaluation, scores of 40 examples",
                             "probe line_test, forward, 1 narrow",
                             "probe line_test, forward, 1 medium",
                             "probe line_test, forward, 1 by layers",
                             "probe line_test, transforms",
                             "probe line_test, energies"})
        found.at(name);
    assert_int_equal(spt_emulated::live_objects(), 0);
}

/** With time enough all is captured in graphs: products of cuBLAS, transforms, exact spectra with their copy out. */
static void short_kernels_are_timed_in_graphs(void **) {
    const double enough = 0.05; // for any of them alone
    draws draw = {92};
    double norm[] = {0.0, 1.0};
    test_data data(5, 3, 3, 10, 0);
    transform_case ends(5, 3, 2, 9, SPT_GEOMETRY_LINES, 1), exact(5, 3, 2, 1, SPT_GEOMETRY_LINES, 1);
    transform_case plane(5, 3, 2, 8, SPT_GEOMETRY_LINES, 1);
    ends.take_ends_off();
    exact.make_exact(4);
    plane.make_plane(draw, 5);
    plane.perturb(norm, 2, 2);
    for (const transform_case *c : {&ends, &exact, &plane}) {
        told found;
        bench(data, {run_of(data, 6, 1, 4, 0)}, &c->probe, &found, spt_backend_cuda, enough);
        found.at("all kernels of a step");
    }
    assert_int_equal(spt_emulated::live_objects(), 0);
}

static void exact_spectra_are_measured_as_a_whole(void **) {
    test_data data(5, 3, 3, 40, 20);
    probe_case lines(5, 3, 4, 1, SPT_GEOMETRY_LINES, 1);
    lines.probe.transform = SPT_TRANSFORM_SEGMENTS;
    lines.probe.energy_size = 10;
    told found;
    bench(data, {run_of(data, 6, 1, 16, 0)}, &lines.probe, &found);
    found.at("probe line_test");
    assert_true(found.at("probe line_test, along lines").flops == 2 * 2 * 4 * (5 * 6 + 6 * 3));
    assert_int_equal(found.by_name.count("probe line_test, forward, 1 narrow"), 0);
    assert_int_equal(spt_emulated::live_objects(), 0);
}

/** Names of what is measured of a probe beside its forward passes. */
static std::vector<std::string> parts_of(const transform_case &c, told *found) {
    test_data data(5, 3, 3, 40, 20);
    bench(data, {run_of(data, 6, 1, 16, 0), run_of(data, 9, 1, 16, 0)}, &c.probe, found);
    std::vector<std::string> parts;
    const std::string of_probe = "probe line_test, ";
    for (const auto &m : found->by_name)
        if (m.first.compare(0, of_probe.size(), of_probe) == 0)
            parts.push_back(m.first.substr(of_probe.size()));
    return parts;
}

static void what_other_transforms_are_made_of_is_measured(void **) {
    typedef std::vector<std::string> names;
    draws draw = {91};
    double norm[] = {0.0, 1.0};
    transform_case ends(5, 3, 4, 9, SPT_GEOMETRY_LINES, 1), plane(5, 3, 4, 8, SPT_GEOMETRY_LINES, 1);
    transform_case basis(5, 3, 1, 20, SPT_GEOMETRY_POINTS, 1), around(5, 3, 4, 8, SPT_GEOMETRY_LINES, 1);
    ends.take_ends_off();
    plane.make_plane(draw, 5);
    basis.make_basis(draw, 7, 5);
    around.perturb(norm, 2, 3);
    told of_ends, of_plane, of_basis, of_around;
    assert_true(parts_of(ends, &of_ends) == (names{"ends", "forward, 2 narrow", "transforms"}));
    assert_true(parts_of(plane, &of_plane) == (names{"energies", "forward, 2 narrow", "transforms"}));
    assert_true(parts_of(basis, &of_basis) == (names{"energies", "forward, 2 narrow", "products"}));
    assert_true(parts_of(around, &of_around) == (names{"parameters", "transforms"}));
    assert_true(of_basis.at("probe line_test, products").flops == 2 * 2 * 3 * 20 * 7);
    assert_true(of_ends.at("probe line_test, ends").bytes == 8 * 2 * 3 * 4 * 9);
    assert_int_equal(spt_emulated::live_objects(), 0);
}

/** By hand: 16 rows, 5 -> 6 -> 6 -> 3 and 5 -> 33 -> 3. */
static void floors_are_those_of_the_shapes(void **) {
    test_data data(5, 3, 3, 40, 20);
    const std::vector<spt_run_spec> runs = {run_of(data, 6, 2, 16, 0), run_of(data, 33, 1, 16, 1)};
    told found;
    bench(data, runs, NULL, &found);
    const double first = 5 * 6 + 5 * 33, rest = 6 * 6 + 6 * 3 + 33 * 3;
    assert_true(found.at("train step").flops == 16 * (4 * first + 6 * rest));
    assert_true(found.at("all kernels of a step").flops == 16 * (4 * first + 6 * rest));
    assert_true(found.at("forward, layer 0").flops == 2 * 16 * first);
    assert_true(found.at("input gradient, 0 from the output").flops == 2 * 16 * (6 * 3 + 33 * 3));
    assert_true(found.at("input gradient, 1 from the output").flops == 2 * 16 * 36);
    assert_true(found.at("evaluation, test").flops == 2 * 20 * (first + rest));
    // weights and velocities in and out, activations in: sgd with momentum
    assert_true(found.at("weight gradients").bytes ==
                4 * (16 * (5 + 6 + 6 + 6 + 6 + 3 + 5 + 33 + 33 + 3) + 4 * (first + rest)));
    const double parameters = first + rest + 6 + 6 + 3 + 33 + 3;
    assert_true(found.at("states out").bytes == 4 * 2 * parameters);
    // two seeds, each a batch of 16 rows of 5 floats and a label
    assert_true(found.at("train step").bytes == 4 * (2 * 2 * parameters + 2 * 16 * 6));
}

static void the_full_batch_has_no_order_and_no_gathering(void **) {
    test_data data(5, 3, 3, 20, 0);
    told found;
    bench(data, {run_of(data, 6, 1, 0, 0)}, NULL, &found);
    assert_int_equal(found.by_name.count("order of an epoch") + found.by_name.count("rows of a batch"), 0);
    assert_int_equal(found.by_name.count("evaluation, test"), 0);
    found.at("weight gradients");
}

static void the_cpu_is_measured_by_the_same_call(void **) {
    test_data data(5, 3, 3, 40, 20);
    told found;
    bench(data, {run_of(data, 6, 2, 16, 0)}, NULL, &found, spt_backend_cpu);
    found.at("train step");
    found.at("states in");
}

static void timed_updates_leave_the_weights_where_they_are(void **) {
    test_data data(5, 3, 3, 40, 20);
    for (spt_optimizer_kind kind : {SPT_OPTIMIZER_SGD, SPT_OPTIMIZER_ADAM, SPT_OPTIMIZER_ADAMW}) {
        const std::vector<spt_run_spec> runs = {
            run_of(data, 6, 2, 16, 0, SPT_LOSS_CROSS_ENTROPY,
                   kind == SPT_OPTIMIZER_SGD ? sgd_of(0.1, 0.9, 0.01) : adam_of(kind, 0.01, 0.1))};
        test_group group(spt_backend_cuda, data, runs);
        const run_state before = group.get(0);
        told found;
        assert_ok(spt_backend_cuda.bench->kernels(group.group, SHORTEST, told::take, &found, &group.err), group.err);
        const run_state after = group.get(0);
        assert_memory_equal(after.floats.data(), before.floats.data(), before.arena.block * sizeof(float));
    }
}

static void a_layer_is_timed_by_tiles_and_by_cublas(void **) {
    spt_device *device = NULL;
    spt_error err = {};
    assert_ok(spt_backend_cuda.open(NULL, &device, &err), err);
    spt_bench_layer layer;
    assert_ok(spt_bench_layer_time(&spt_backend_cuda, device, 12, 9, SHORTEST, &layer, &err), err);
    const spt_measurement *const all[] = {layer.forward, layer.input_gradient, layer.weight_gradient};
    for (const spt_measurement *m : all)
        for (int by = 0; by < 2; by++)
            assert_true(m[by].seconds > 0.0 && m[by].flops >= 2.0 * 9 * 12 * 12);
    assert_string_equal(layer.forward[0].by, "tiles");
    assert_string_equal(layer.forward[1].by, "cublas");
    assert_string_equal(layer.input_gradient[1].by, "cublas");
    assert_string_equal(layer.weight_gradient[1].by, "tiles, cublas"); // the first and last layers have a side of one
    assert_memory_equal(&device->choice, &spt_dense_choice_default, sizeof device->choice);
    assert_int_equal(spt_bench_layer_time(&spt_backend_cuda, device, 1, 9, SHORTEST, &layer, &err), SPT_EINVAL);
    spt_backend_cuda.close(device);
    assert_int_equal(spt_emulated::live_objects(), 0);
}

static void peaks_are_numbers_and_leave_nothing_behind(void **) {
    spt_device *device = NULL;
    spt_error err = {};
    spt_peaks peaks = {};
    assert_ok(spt_backend_cuda.open(NULL, &device, &err), err);
    assert_ok(spt_backend_cuda.bench->peaks(device, SHORTEST, &peaks, &err), err);
    assert_true(peaks.flops > 0.0 && isfinite(peaks.flops) && peaks.bytes > 0.0 && isfinite(peaks.bytes));
    spt_backend_cuda.close(device);
    assert_int_equal(spt_emulated::live_objects(), 0);
}

static void a_run_that_diverges_cannot_be_timed_and_is_named(void **) {
    test_data data(5, 3, 3, 40, 20);
    const std::vector<spt_run_spec> runs = {run_of(data, 6, 1, 16, 0),
                                            run_of(data, 6, 2, 16, 0, SPT_LOSS_MSE, sgd_of(1e30, 0.0))};
    std::vector<spt_run_spec> both = runs;
    both[0].train.loss = SPT_LOSS_MSE;
    spt_device *device = NULL;
    spt_error err = {};
    const spt_group_spec spec = {&data.set, 2, both.data(), 0, NULL};
    const spt_bench_options options = {0.2, false};
    told found;
    assert_ok(spt_backend_cuda.open(NULL, &device, &err), err);
    assert_int_equal(spt_bench_group(&spt_backend_cuda, device, &spec, &options, told::take, &found, &err), SPT_EINVAL);
    assert_non_null(strstr(err.message, "run 1 of the group diverged at step "));
    spt_backend_cuda.close(device);
    assert_int_equal(spt_emulated::live_objects(), 0);
}

static void any_call_that_fails_is_one_line_and_leaves_nothing_behind(void **) {
    const unsigned CALLS = 385, EVERY = 7; // all there are, but for some releases at the end
    test_data data(3, 2, 2, 20, 0);
    probe_case lines(3, 2, 2, 4, SPT_GEOMETRY_LINES, 1);
    const std::vector<spt_run_spec> runs = {run_of(data, 3, 1, 8, 0)};
    unsigned failures = 0;
    for (unsigned n = 1; n < CALLS; n += EVERY) { // the nth call; releases may fail unheard
        spt_device *device = NULL;
        spt_error err = {};
        const spt_probe *probe = &lines.probe;
        const spt_group_spec spec = {&data.set, 1, runs.data(), 1, &probe};
        const spt_bench_options options = {SHORTEST, true};
        told found;
        assert_ok(spt_backend_cuda.open(NULL, &device, &err), err);
        spt_emulated::let_fail(spt_emulated::ANY_CALL, n, cudaErrorLaunchFailure);
        spt_peaks peaks;
        spt_status status = spt_bench_group(&spt_backend_cuda, device, &spec, &options, told::take, &found, &err);
        if (status == SPT_OK)
            status = spt_backend_cuda.bench->peaks(device, SHORTEST, &peaks, &err);
        failures += status != SPT_OK;
        spt_emulated::heal();
        assert_true((status != SPT_OK) == (err.message[0] != '\0') && strchr(err.message, '\n') == NULL);
        spt_backend_cuda.close(device);
        assert_int_equal(spt_emulated::live_objects(), 0);
    }
    assert_true(failures > 0.8 * CALLS / EVERY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_operations_and_kernels_of_a_group_are_measured),
        cmocka_unit_test(short_kernels_are_timed_in_graphs),
        cmocka_unit_test(exact_spectra_are_measured_as_a_whole),
        cmocka_unit_test(what_other_transforms_are_made_of_is_measured),
        cmocka_unit_test(floors_are_those_of_the_shapes),
        cmocka_unit_test(the_full_batch_has_no_order_and_no_gathering),
        cmocka_unit_test(the_cpu_is_measured_by_the_same_call),
        cmocka_unit_test(timed_updates_leave_the_weights_where_they_are),
        cmocka_unit_test(a_layer_is_timed_by_tiles_and_by_cublas),
        cmocka_unit_test(peaks_are_numbers_and_leave_nothing_behind),
        cmocka_unit_test(a_run_that_diverges_cannot_be_timed_and_is_named),
        cmocka_unit_test(any_call_that_fails_is_one_line_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
