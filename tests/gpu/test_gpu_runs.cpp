// The main job's 57 runs on the device: the bits of each alone and among the others, after a resume, and against the
// CPU backend. And networks wider than the emulated device has the time for.
#include <algorithm>

#include "group.cuh"
#include "probe_case.h"
#include "spectral_norm.cuh"
#include "train_case.h"

// Of a step, as in test_train_parity.cpp: the same sums in another order.
//
// Of some million units of examples in a step, one may lie so close to its corner that it is on for one backend and off
// for the other; that step then differs by the share that this has in the gradient. Wide networks have one in about
// every tenth step. So most steps of a run keep the bound, and none is altogether different.
static const double STEP_BOUND = 1e-5, CORNER_BOUND = 0.5;

enum { EXAMPLES = 4000, TEST_EXAMPLES = 12000, BATCH = 100 };
static const size_t WIDTHS[] = {2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 47, 61, 80, 104, 135, 177, 230, 300};

/** 19 widths, three seeds. */
static std::vector<spt_run_spec> main_job(const test_data &data) {
    std::vector<spt_run_spec> runs;
    for (size_t width : WIDTHS)
        for (uint32_t seed = 0; seed < 3; seed++)
            runs.push_back(run_of(data, width, 2, BATCH, seed, SPT_LOSS_CROSS_ENTROPY, sgd_of(0.01, 0.9)));
    return runs;
}

static void assert_same(const run_state &a, const run_state &b) {
    assert_memory_equal(a.floats.data(), b.floats.data(), a.arena.bytes);
}

static void each_of_57_runs_has_alone_the_bits_that_it_has_among_the_others(void **) {
    test_data data(40, 10, 10, EXAMPLES, TEST_EXAMPLES);
    const std::vector<spt_run_spec> runs = main_job(data);
    const uint64_t steps = 100; // two epochs and a half
    assert_int_equal(runs.size(), 57);
    test_group together(spt_backend_cuda, data, runs);
    together.train(steps);
    std::vector<std::vector<uint8_t>> correct, correct_alone;
    const std::vector<spt_evaluation> e = together.evaluate(SPT_SPLIT_TEST, &correct, TEST_EXAMPLES);
    for (size_t r = 0; r < runs.size(); r++) {
        const std::vector<spt_run_spec> one = {runs[r]};
        test_group alone(spt_backend_cuda, data, one);
        alone.train(steps);
        assert_same(alone.get(0), together.get(r));
        const std::vector<spt_evaluation> a = alone.evaluate(SPT_SPLIT_TEST, &correct_alone, TEST_EXAMPLES);
        assert_true(a[0].loss == e[r].loss && a[0].error == e[r].error);
        assert_memory_equal(correct_alone[0].data(), correct[r].data(), TEST_EXAMPLES);
    }
}

static void training_twice_leaves_the_same_bits(void **) {
    test_data data(40, 10, 10, EXAMPLES, TEST_EXAMPLES);
    const std::vector<spt_run_spec> runs = main_job(data);
    test_group first(spt_backend_cuda, data, runs), second(spt_backend_cuda, data, runs);
    first.train(2000);
    second.train(2000);
    for (size_t r = 0; r < runs.size(); r++)
        assert_same(first.get(r), second.get(r));
}

static void a_sweep_that_is_taken_up_again_goes_on_to_the_same_bits(void **) {
    test_data data(40, 10, 10, EXAMPLES, TEST_EXAMPLES);
    const std::vector<spt_run_spec> runs = main_job(data);
    test_group whole(spt_backend_cuda, data, runs), first(spt_backend_cuda, data, runs);
    test_group second(spt_backend_cuda, data, runs);
    std::vector<std::vector<uint8_t>> correct;
    whole.train(117);
    first.train(53);
    first.evaluate(SPT_SPLIT_TRAIN, &correct, EXAMPLES);
    for (size_t r = 0; r < runs.size(); r++)
        second.set(r, first.get(r));
    second.train(117);
    for (size_t r = 0; r < runs.size(); r++)
        assert_same(whole.get(r), second.get(r));
}

/** Each step from the CPU's state, so that rounding does not add up. */
static void assert_steps_agree(const test_data &data, const std::vector<spt_run_spec> &runs) {
    enum { STEPS = 5 };
    test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
    std::vector<std::vector<double>> of_run(runs.size());
    for (uint64_t step = 1; step <= STEPS; step++) {
        cpu.train(step);
        cuda.train(step);
        for (size_t r = 0; r < runs.size(); r++) {
            const run_state expected = cpu.get(r);
            const double d = distance(expected, cuda.get(r));
            of_run[r].push_back(isnan(d) ? INFINITY : d);
            cuda.set(r, expected);
        }
    }
    for (size_t r = 0; r < runs.size(); r++) {
        std::sort(of_run[r].begin(), of_run[r].end());
        const double median = of_run[r][STEPS / 2], largest = of_run[r][STEPS - 1];
        if (!(median < STEP_BOUND && largest < CORNER_BOUND))
            fail_msg("run %zu, width %zu: half the steps are off by %.2g or more, one by %.2g", r, runs[r].model.width,
                     median, largest);
    }
}

static void steps_of_the_main_job_agree_with_the_cpu(void **) {
    test_data data(40, 10, 10, EXAMPLES, TEST_EXAMPLES);
    assert_steps_agree(data, main_job(data));
}

static void steps_of_wide_networks_agree_with_the_cpu(void **) {
    test_data data(784, 10, 10, 512, 10);
    assert_steps_agree(data,
                       {run_of(data, 1024, 2, 256, 0, SPT_LOSS_CROSS_ENTROPY, sgd_of(0.01, 0.9)),
                        run_of(data, 2049, 1, 256, 1, SPT_LOSS_CROSS_ENTROPY, sgd_of(0.01, 0.9)),
                        run_of(data, 777, 3, 256, 1, SPT_LOSS_CROSS_ENTROPY, adam_of(SPT_OPTIMIZER_ADAM, 1e-3, 0.0))});
}

/** Losses as in test_train_evaluate.cpp; a prediction may differ where two logits are equal to rounding, which these
 *  16,000 examples may hold once or twice. */
static void the_main_job_is_evaluated_as_on_the_cpu(void **) {
    test_data data(40, 10, 10, EXAMPLES, TEST_EXAMPLES);
    const std::vector<spt_run_spec> runs = main_job(data);
    test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
    cpu.train(80);
    for (size_t r = 0; r < runs.size(); r++)
        cuda.set(r, cpu.get(r));
    std::vector<std::vector<uint8_t>> cpu_correct, cuda_correct;
    const std::vector<spt_evaluation> expected = cpu.evaluate(SPT_SPLIT_TEST, &cpu_correct, TEST_EXAMPLES);
    const std::vector<spt_evaluation> found = cuda.evaluate(SPT_SPLIT_TEST, &cuda_correct, TEST_EXAMPLES);
    for (size_t r = 0; r < runs.size(); r++) {
        assert_true(fabs(found[r].loss - expected[r].loss) <= 2e-6 * (1.0 + expected[r].loss));
        assert_true(fabs(found[r].error - expected[r].error) <= 2.0 / TEST_EXAMPLES);
    }
}

/** 100 lines of 128 points, and one-dimensional grids of 200 points for deep networks; see probe.cuh for the bound. */
static void spectra_of_the_main_job_agree_with_the_cpu(void **) {
    std::vector<network_state> states, deep;
    for (size_t width : WIDTHS)
        states.push_back(network_of(40, width, 2, 10, (uint32_t)width));
    probe_case lines(40, 10, 100, 128, SPT_GEOMETRY_LINES, 3);
    assert_true(worst_difference(device_energy(lines.probe, states), cpu_energy(lines.probe, states),
                                 lines.probe.energy_size) < 1e-5);
    for (size_t width : {256, 701, 1500})
        deep.push_back(network_of(1, width, 5, 1, (uint32_t)width));
    probe_case grid(1, 1, 1, 200, SPT_GEOMETRY_LINES, 4);
    assert_true(
        worst_difference(device_energy(grid.probe, deep), cpu_energy(grid.probe, deep), grid.probe.energy_size) < 1e-5);
}

static void spectral_norms_of_the_main_job_agree_with_the_cpu(void **) {
    test_data data(40, 10, 10, EXAMPLES, 10);
    const std::vector<spt_run_spec> runs = main_job(data);
    test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
    std::vector<double> expected(57 * 3), found(57 * 3);
    assert_ok(spt_backend_cpu.spectral_norms(cpu.group, 3, expected.data(), &cpu.err), cpu.err);
    assert_ok(spt_backend_cuda.spectral_norms(cuda.group, 3, found.data(), &cuda.err), cuda.err);
    for (size_t i = 0; i < expected.size(); i++)
        assert_true(fabs(found[i] - expected[i]) <= 1e-6 * expected[i]); // spectral_norm.cuh
}

/** What is there before and after: cuFFT's and cuBLAS's own memory stays with the process, so not on the first round.
 */
static void groups_give_back_the_memory_that_they_take(void **) {
    test_data data(40, 10, 10, EXAMPLES, TEST_EXAMPLES);
    const std::vector<spt_run_spec> runs = main_job(data);
    size_t free_before = 0, free_after = 0, total = 0;
    for (int round = 0; round < 4; round++) {
        if (round == 1)
            assert_int_equal(cudaMemGetInfo(&free_before, &total), cudaSuccess);
        test_group group(spt_backend_cuda, data, runs);
        group.train(3);
    }
    assert_int_equal(cudaMemGetInfo(&free_after, &total), cudaSuccess);
    assert_true(free_after + ((size_t)32 << 20) >= free_before); // the driver rounds in pieces of 2 MiB
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_57_runs_has_alone_the_bits_that_it_has_among_the_others),
        cmocka_unit_test(training_twice_leaves_the_same_bits),
        cmocka_unit_test(a_sweep_that_is_taken_up_again_goes_on_to_the_same_bits),
        cmocka_unit_test(steps_of_the_main_job_agree_with_the_cpu),
        cmocka_unit_test(steps_of_wide_networks_agree_with_the_cpu),
        cmocka_unit_test(the_main_job_is_evaluated_as_on_the_cpu),
        cmocka_unit_test(spectra_of_the_main_job_agree_with_the_cpu),
        cmocka_unit_test(spectral_norms_of_the_main_job_agree_with_the_cpu),
        cmocka_unit_test(groups_give_back_the_memory_that_they_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
