// Every kernel under ThreadSanitizer, on shapes as small as its barriers allow: enough slabs, tiles, slices, warps and
// rounds that each barrier stands between two threads that need it. A race ends the program.
//
// What the kernels compute is the other tests' matter. The last test holds the kernels that ran against those that
// kernels/*.cu declares, so that one which nobody runs here is named.
#include <fstream>
#include <glob.h>
#include <map>
#include <regex>
#include <set>

#include "bench.cuh"
#include "group.cuh"
#include "perturb.cuh"
#include "transform_case.h"

// Where a layer's products go: as the table of choices says when it may.
static const uint32_t NEVER = UINT32_MAX;
static const spt_dense_choice SMALL = {NEVER, NEVER, {NEVER, NEVER, NEVER}};
static const spt_dense_choice MEDIUM = {1, NEVER, {NEVER, NEVER, NEVER}};
static const spt_dense_choice LARGE = {1, 1, {NEVER, NEVER, NEVER}};
static const spt_dense_choice CUBLAS = {4, 128, {1, 1, 1}};

static void train(const test_data &data, const std::vector<spt_run_spec> &runs, const spt_dense_choice &choice,
                  uint64_t steps) {
    test_group group(spt_backend_cuda, data, runs, [&](spt_device *device) { device->choice = choice; });
    group.train(steps);
    for (const spt_run_counters &c : group.counters())
        assert_true(c.step == steps && c.diverged_step == SPT_STEP_NONE);
}

/** Two steps, the second of 20 examples: weight gradients of 5 slabs, activations of 5, inputs of 3; two tiles a side
 * but for the largest. */
static void tiles_of_every_shape(void **) {
    test_data data(40, 10, 10, 86, 1);
    const std::vector<spt_run_spec> runs = {
        run_of(data, 68, 2, 66, 0),
        run_of(data, 9, 1, 66, 1, SPT_LOSS_CROSS_ENTROPY, adam_of(SPT_OPTIMIZER_ADAM, 0.01, 0.01))};
    for (const spt_dense_choice &choice : {SMALL, MEDIUM, LARGE, CUBLAS})
        train(data, runs, choice, 2);
}

/** Full batches of more than two slices of 512 terms. */
static void sums_cut_into_slices(void **) {
    test_data data(3, 2, 2, 1030, 1);
    for (const spt_dense_choice &choice : {SMALL, MEDIUM, LARGE})
        train(data, {run_of(data, 5, 1, 0, 0)}, choice, 2);
}

/** Rows of one lane, of several, and of 32 with more than one output each. */
static void every_loss_and_verdict(void **) {
    const struct {
        size_t outputs, classes;
        bool signs;
        spt_loss loss;
    } cases[] = {{40, 40, false, SPT_LOSS_CROSS_ENTROPY},
                 {3, 3, false, SPT_LOSS_CROSS_ENTROPY},
                 {5, 5, false, SPT_LOSS_MSE},
                 {1, 2, false, SPT_LOSS_MSE},
                 {3, 0, false, SPT_LOSS_MSE},
                 {1, 0, true, SPT_LOSS_MSE},
                 {40, 40, false, SPT_LOSS_BCE},
                 {1, 0, false, SPT_LOSS_BCE}};
    for (const auto &c : cases) {
        test_data data(4, c.outputs, c.classes, 50, 40, c.signs);
        const std::vector<spt_run_spec> runs = {run_of(data, 6, 1, 33, 0, c.loss), run_of(data, 3, 0, 33, 1, c.loss)};
        test_group group(spt_backend_cuda, data, runs);
        group.train(1);
        std::vector<std::vector<uint8_t>> correct;
        for (spt_split_name split : {SPT_SPLIT_TRAIN, SPT_SPLIT_TEST})
            for (const spt_evaluation &e : group.evaluate(split, &correct, split == SPT_SPLIT_TRAIN ? 50 : 40))
                assert_true(isfinite(e.loss));
    }
}

/** A tile of 4,096 keys and a bit: sorted by threads, then merged. */
static void orders_of_an_epoch(void **) {
    const size_t n = 4100;
    on_device<uint32_t> seed_d(std::vector<uint32_t>{9, 10}), permutation_d(2 * n);
    on_device<uint64_t> key_d(spt_permutation_keys(n, 2));
    assert_done(spt_permutation_make(seed_d.data, 2, 5, n, key_d.data, permutation_d.data, nullptr));
}

/** Networks for every way through the forward pass, narrow ones first; lines and stored points. */
static void probes_of_networks_of_all_widths(void **) {
    const size_t widths[] = {20, 100, 210, 360, 692}; // the last: layer by layer
    for (spt_geometry geometry : {SPT_GEOMETRY_LINES, SPT_GEOMETRY_POINTS}) {
        probe_case p(19, 3, 3, 24, geometry, 4);
        test_data data(19, 3, 3, 4, 1);
        std::vector<spt_run_spec> runs;
        for (size_t width : widths)
            if (geometry == SPT_GEOMETRY_LINES || width < 100)
                runs.push_back(run_of(data, width, width < 300 ? 2 : 1, 0, (uint32_t)width));
        test_group group(spt_backend_cuda, data, runs, [](spt_device *) {}, {&p.probe});
        std::vector<double> energy(runs.size() * p.probe.energy_size);
        assert_ok(spt_backend_cuda.probe(group.group, 0, energy.data(), &group.err), group.err);
        for (double e : energy)
            assert_true(isfinite(e));
    }
}

/** Lines of two tiles, networks of two tiles of units, products of several slabs; every loss. */
static void adversarial_directions(void **) {
    for (spt_loss loss : {SPT_LOSS_CROSS_ENTROPY, SPT_LOSS_MSE, SPT_LOSS_BCE}) {
        probe_case p(66, 40, 33, 2, SPT_GEOMETRY_LINES, 5);
        p.probe.towards = SPT_DIRECTION_ADVERSARIAL;
        test_data data(66, 40, 40, 4, 1);
        const std::vector<spt_run_spec> runs = {run_of(data, 70, 2, 0, 0, loss), run_of(data, 5, 0, 0, 1, loss)};
        test_group group(spt_backend_cuda, data, runs, [](spt_device *) {}, {&p.probe});
        std::vector<double> energy(2 * p.probe.energy_size);
        assert_ok(spt_backend_cuda.probe(group.group, 0, energy.data(), &group.err), group.err);
        for (double e : energy)
            assert_true(isfinite(e));
    }
}

/** More crossings in a segment than a warp has lanes, more corners than a block of them, outputs in several warps. */
static void exact_spectra(void **) {
    probe_case p(3, 9, 2, 1, SPT_GEOMETRY_LINES, 6);
    p.probe.transform = SPT_TRANSFORM_SEGMENTS;
    p.probe.energy_size = 34;
    p.probe.dt = 6.0;
    test_data data(3, 9, 9, 4, 1);
    const std::vector<spt_run_spec> runs = {run_of(data, 70, 2, 0, 0), run_of(data, 5, 0, 0, 1)};
    test_group group(spt_backend_cuda, data, runs, [](spt_device *) {}, {&p.probe});
    std::vector<double> energy(2 * p.probe.energy_size);
    assert_ok(spt_backend_cuda.probe(group.group, 0, energy.data(), &group.err), group.err);
    for (double e : energy)
        assert_true(isfinite(e));
}

/** With what the host reads while the device trains. */
static void a_record_beside_training(void **) {
    probe_case p(4, 3, 3, 24, SPT_GEOMETRY_LINES, 4);
    test_data data(4, 3, 3, 50, 40);
    const std::vector<spt_run_spec> runs = {run_of(data, 6, 1, 33, 0), run_of(data, 9, 2, 33, 1)};
    for (unsigned delay : {0, 3}) {
        spt_emulated::device.delay = delay;
        test_group group(spt_backend_cuda, data, runs, [](spt_device *) {}, {&p.probe});
        std::vector<spt_evaluation> train(2), test(2);
        std::vector<uint8_t> correct(2 * 50);
        std::vector<double> norms(2 * 3), energy(2 * p.probe.energy_size);
        double *energies[] = {energy.data()};
        const spt_record record = {train.data(), test.data(), 3, norms.data(), energies};
        for (size_t r = 0; r < 2; r++)
            train[r].correct = &correct[r * 50];
        for (uint64_t step : {2, 5}) {
            assert_ok(spt_backend_cuda.record_begin(group.group, &record, &group.err), group.err);
            assert_ok(spt_backend_cuda.train_begin(group.group, step, &group.err), group.err);
            assert_ok(spt_backend_cuda.record_wait(group.group, &group.err), group.err);
            run_state state(runs[1]);
            assert_ok(spt_backend_cuda.record_state(group.group, 1, state.data(), &group.err), group.err);
            group.train(step);
            assert_true(isfinite(train[1].loss) && isfinite(norms[3]) && isfinite(energy[0]));
        }
    }
    spt_emulated::device.delay = 0;
}

static void energies_of(const spt_probe &probe, const std::vector<size_t> &widths) {
    test_data data(probe.inputs, probe.outputs, 0, 4, 1);
    std::vector<spt_run_spec> runs;
    for (size_t width : widths)
        runs.push_back(run_of(data, width, 1, 0, (uint32_t)width, SPT_LOSS_MSE));
    test_group group(spt_backend_cuda, data, runs, [](spt_device *) {}, {&probe});
    std::vector<double> energy(runs.size() * probe.energy_size);
    assert_ok(spt_backend_cuda.probe(group.group, 0, energy.data(), &group.err), group.err);
    for (double e : energy)
        assert_true(isfinite(e));
}

/** Several warps and blocks of series; energies of several blocks; products of two slices and two tiles a side. */
static void transforms_of_every_kind(void **) {
    draws draw = {71};
    transform_case ends(3, 5, 4, 70, SPT_GEOMETRY_LINES, 1), plane(2, 5, 9, 8, SPT_GEOMETRY_LINES, 2);
    transform_case basis(3, 33, 1, 200, SPT_GEOMETRY_POINTS, 3);
    ends.take_ends_off();
    plane.make_plane(draw, 70);
    basis.make_basis(draw, 70, 40);
    for (const spt_probe *probe : {&ends.probe, &plane.probe, &basis.probe})
        energies_of(*probe, {6, 40});
}

/** Networks around two runs: two directions and more of several blocks of parameters, and their sums. */
static void networks_around_runs(void **) {
    transform_case p(4, 3, 2, 12, SPT_GEOMETRY_LINES, 1);
    double norm[] = {0.0, 0.5, 2.0};
    p.perturb(norm, 3, 5);
    energies_of(p.probe, {6, 40});
}

/** Matrices that are wide and tall, with more than a strip of columns, and more iterations than between two looks. */
static void spectral_norms_of_wide_and_tall_layers(void **) {
    test_data data(70, 3, 3, 4, 1);
    const std::vector<spt_run_spec> runs = {run_of(data, 40, 2, 0, 0), run_of(data, 90, 1, 0, 1)};
    test_group group(spt_backend_cuda, data, runs);
    std::vector<double> norms(2 * 3);
    assert_ok(spt_backend_cuda.spectral_norms(group.group, 3, norms.data(), &group.err), group.err);
    assert_true(norms[0] > 0.0 && norms[4] > 0.0);
}

/** More pieces of a block than one. */
static void perturbed_parameters(void **) {
    const network_state state = network_of(50, 60, 1, 5, 6);
    network_table table({&state});
    on_device<float> radius(std::vector<float>{0.5f, 2.0f});
    const spt_perturbation p = {7, 0, 2, 2, radius.data, state.arena.block};
    on_device<float> perturbed(4 * state.arena.block);
    on_device<double> space(spt_perturb_space(&p));
    assert_done(spt_perturb(table.device->data, &p, space.data, perturbed.data, nullptr));
}

static void peaks_of_the_device(void **) {
    spt_device *device = NULL;
    spt_error err = {};
    spt_peaks peaks = {};
    spt_device_options options = {};
    assert_ok(spt_backend_cuda.open(&options, &device, &err), err);
    assert_ok(spt_cuda_peaks(device, 1e-6, &peaks, &err), err);
    spt_backend_cuda.close(device);
}

/** Names of the kernels that the .cu files declare, each with its file. */
static std::map<std::string, std::string> declared_kernels() {
    const std::regex kernel("__global__\\s+void\\s+(?:__launch_bounds__\\s*\\([^)]*\\)\\s*)?(\\w+)\\s*\\(");
    std::map<std::string, std::string> kernels;
    glob_t files;
    assert_int_equal(glob(SPT_KERNELS "/*.cu", 0, NULL, &files), 0);
    for (size_t f = 0; f < files.gl_pathc; f++) {
        std::ifstream file(files.gl_pathv[f]);
        const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        for (std::sregex_iterator at(text.begin(), text.end(), kernel), end; at != end; ++at)
            kernels[(*at)[1]] = files.gl_pathv[f];
    }
    globfree(&files);
    return kernels;
}

static void every_kernel_has_run(void **) {
    std::set<std::string> ran;
    for (const std::string &name : spt_emulated::launched_kernels())
        ran.insert(name.substr(0, name.find_first_of("<(")));
    size_t missing = 0;
    const std::map<std::string, std::string> declared = declared_kernels();
    for (const auto &[kernel, file] : declared)
        if (ran.count(kernel) == 0) {
            print_error("%s: kernel %s is run by no test of test_races.cpp; add one\n", file.c_str(), kernel.c_str());
            missing++;
        }
    assert_true(declared.size() > 10); // the sources were found
    assert_int_equal(missing, 0);
}

int main(void) {
    spt_emulated::device.seed = 1; // any order will do, but blocks and threads should not come one after another
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_of_every_shape),
        cmocka_unit_test(sums_cut_into_slices),
        cmocka_unit_test(every_loss_and_verdict),
        cmocka_unit_test(orders_of_an_epoch),
        cmocka_unit_test(probes_of_networks_of_all_widths),
        cmocka_unit_test(adversarial_directions),
        cmocka_unit_test(exact_spectra),
        cmocka_unit_test(a_record_beside_training),
        cmocka_unit_test(transforms_of_every_kind),
        cmocka_unit_test(networks_around_runs),
        cmocka_unit_test(spectral_norms_of_wide_and_tall_layers),
        cmocka_unit_test(perturbed_parameters),
        cmocka_unit_test(peaks_of_the_device),
        cmocka_unit_test(every_kernel_has_run),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
