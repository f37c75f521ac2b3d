// The promise, on the device: a run's bits depend on its own settings and data alone.
#include "train_case.h"

using spt_emulated::bits_agree;

enum { N = 70, BATCH = 16, STEPS = 13 }; // 5 steps an epoch, the last of 6 examples

/** Eight runs of mixed widths, depths, rates, optimizers, inits and seeds. */
static std::vector<spt_run_spec> eight_runs(const test_data &data, size_t batch = BATCH) {
    const size_t width[] = {5, 66, 17, 1, 33, 40, 2, 64}, depth[] = {2, 2, 0, 3, 1, 3, 5, 1};
    std::vector<spt_run_spec> runs;
    for (size_t r = 0; r < 8; r++) {
        spt_optimizer optimizer =
            r % 3 == 0 ? sgd_of(0.02, r % 2 ? 0.9 : 0.0, 0.001) : adam_of((spt_optimizer_kind)(r % 3), 0.003, 0.01);
        runs.push_back(run_of(data, width[r], depth[r], batch, (uint32_t)(r / 3), SPT_LOSS_CROSS_ENTROPY, optimizer));
        runs.back().model.init = (spt_init)(r % 3);
    }
    return runs;
}

static std::vector<run_state> states_of(test_group &group) {
    std::vector<run_state> states;
    for (size_t r = 0; r < group.runs.size(); r++)
        states.push_back(group.get(r));
    return states;
}

static void assert_same(const run_state &a, const run_state &b) {
    assert_memory_equal(a.floats.data(), b.floats.data(), a.arena.bytes);
}

static void a_run_alone_has_the_bits_that_it_has_in_a_group_of_eight(void **) {
    test_data data(11, 4, 4, N, 10);
    for (size_t batch : {(size_t)BATCH, (size_t)0}) {
        std::vector<spt_run_spec> runs = eight_runs(data, batch);
        test_group together(spt_backend_cuda, data, runs);
        together.train(STEPS);
        for (size_t r = 0; r < runs.size(); r++) {
            std::vector<spt_run_spec> one = {runs[r]};
            test_group alone(spt_backend_cuda, data, one);
            alone.train(STEPS);
            assert_same(alone.get(0), together.get(r));
        }
    }
}

static void three_schedules_of_threads_and_any_first_contents_of_memory_give_one_result(void **) {
    test_data data(11, 4, 4, N, 10);
    std::vector<spt_run_spec> runs = eight_runs(data);
    size_t bytes = 0;
    for (const spt_run_spec &run : runs)
        bytes += arena_of(run).bytes;
    assert_true(bits_agree(3, 2, bytes, [&](void *out) {
        test_group group(spt_backend_cuda, data, runs);
        group.train(6);
        char *at = (char *)out;
        for (const run_state &state : states_of(group)) {
            memcpy(at, state.floats.data(), state.arena.bytes);
            at += state.arena.bytes;
        }
    }));
}

static void sliced_sums_have_one_result_whichever_block_comes_last(void **) {
    test_data data(3, 2, 2, 1100, 10); // full batch: slices, which the last block to arrive adds up
    std::vector<spt_run_spec> runs = {run_of(data, 12, 1, 0, 0)};
    const size_t bytes = arena_of(runs[0]).bytes;
    assert_true(bits_agree(4, 1, bytes, [&](void *out) {
        test_group group(spt_backend_cuda, data, runs);
        group.train(2);
        memcpy(out, group.get(0).floats.data(), bytes);
    }));
}

static void cutting_training_into_calls_changes_nothing(void **) {
    test_data data(11, 4, 4, N, 10);
    for (size_t batch : {(size_t)BATCH, (size_t)0}) {
        std::vector<spt_run_spec> runs = eight_runs(data, batch);
        test_group once(spt_backend_cuda, data, runs), cut(spt_backend_cuda, data, runs);
        once.train(26);
        std::vector<std::vector<uint8_t>> correct;
        for (uint64_t step : {1, 2, 2, 7, 15, 16, 26, 20}) {
            cut.train(step);
            cut.evaluate(SPT_SPLIT_TRAIN, &correct, N); // uses the memory that steps compute in
        }
        for (size_t r = 0; r < runs.size(); r++)
            assert_same(once.get(r), cut.get(r));
    }
}

static void a_state_that_is_taken_out_and_put_into_another_group_goes_on_to_the_same_bits(void **) {
    test_data data(11, 4, 4, N, 10);
    std::vector<spt_run_spec> runs = eight_runs(data);
    test_group whole(spt_backend_cuda, data, runs), first(spt_backend_cuda, data, runs);
    whole.train(STEPS);
    first.train(7);
    test_group second(spt_backend_cuda, data, runs);
    for (size_t r = 0; r < runs.size(); r++) {
        second.set(r, first.get(r));
        assert_same(first.get(r), second.get(r));
    }
    second.train(STEPS);
    for (size_t r = 0; r < runs.size(); r++)
        assert_same(whole.get(r), second.get(r));
}

/** As after an interruption: each run's state is of another step, and all go on in one group. */
static void runs_that_are_behind_catch_up_to_the_same_bits(void **) {
    test_data data(11, 4, 4, N, 10);
    std::vector<spt_run_spec> runs = eight_runs(data);
    test_group whole(spt_backend_cuda, data, runs), early(spt_backend_cuda, data, runs);
    test_group mixed(spt_backend_cuda, data, runs);
    for (size_t r = 0; r < runs.size(); r++) {
        early.train(1 + r);
        mixed.set(r, early.get(r));
    }
    whole.train(STEPS);
    mixed.train(STEPS);
    for (size_t r = 0; r < runs.size(); r++)
        assert_same(whole.get(r), mixed.get(r));
}

static void initial_states_and_counters_come_back_as_they_were_put(void **) {
    test_data data(11, 4, 4, N, 10);
    std::vector<spt_run_spec> runs = eight_runs(data);
    test_group group(spt_backend_cuda, data, runs);
    for (size_t r = 0; r < runs.size(); r++) {
        run_state state = initial_state(runs[r]);
        for (size_t i = 0; i < state.arena.counters_offset / sizeof(float); i++)
            state.floats[i] = (float)(i * 7919 % 1009);
        state.counters() = {1234567890123u + r, r % 2 ? 77 : SPT_STEP_NONE};
        group.set(r, state);
        assert_same(group.get(r), state);
        assert_true(group.counters()[r].step == 1234567890123u + r);
        assert_true(group.counters()[r].diverged_step == (r % 2 ? 77 : SPT_STEP_NONE));
    }
}

/** A rate that leads to infinity in a few steps. */
static void a_run_that_diverges_is_frozen_at_its_step_and_the_others_go_on(void **) {
    test_data data(11, 4, 4, N, 10);
    for (spt_loss loss : {SPT_LOSS_CROSS_ENTROPY, SPT_LOSS_MSE}) {
        std::vector<spt_run_spec> runs = {run_of(data, 20, 2, BATCH, 0, loss, sgd_of(0.01, 0.9)),
                                          run_of(data, 20, 2, BATCH, 0, loss, sgd_of(1e30, 0.0)),
                                          run_of(data, 7, 1, BATCH, 1, loss, sgd_of(0.01, 0.0))};
        std::vector<spt_run_spec> healthy = {runs[0]};
        test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
        test_group alone(spt_backend_cuda, data, healthy);
        cpu.train(STEPS);
        cuda.train(STEPS);
        alone.train(STEPS);
        const std::vector<spt_run_counters> expected = cpu.counters(), found = cuda.counters();
        for (size_t r = 0; r < runs.size(); r++) {
            assert_int_equal(found[r].step, expected[r].step);
            assert_int_equal(found[r].diverged_step, expected[r].diverged_step);
        }
        assert_true(found[1].diverged_step != SPT_STEP_NONE && found[1].diverged_step == found[1].step);
        assert_same(alone.get(0), cuda.get(0));
        // Frozen before the update: what it was when it came to that step.
        test_group until(spt_backend_cuda, data, runs);
        until.train(found[1].step);
        run_state before = until.get(1), after = cuda.get(1);
        assert_memory_equal(before.floats.data(), after.floats.data(), before.arena.counters_offset);
        const run_state frozen = cuda.get(1);
        cuda.train(STEPS + 4);
        assert_same(frozen, cuda.get(1));
    }
}

static void a_group_in_which_all_diverge_comes_to_an_end(void **) {
    test_data data(4, 2, 2, N, 10);
    std::vector<spt_run_spec> runs = {run_of(data, 5, 1, BATCH, 0, SPT_LOSS_MSE, sgd_of(1e30, 0.0))};
    test_group group(spt_backend_cuda, data, runs);
    group.train(30);
    assert_true(group.counters()[0].diverged_step < 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_alone_has_the_bits_that_it_has_in_a_group_of_eight),
        cmocka_unit_test(three_schedules_of_threads_and_any_first_contents_of_memory_give_one_result),
        cmocka_unit_test(sliced_sums_have_one_result_whichever_block_comes_last),
        cmocka_unit_test(cutting_training_into_calls_changes_nothing),
        cmocka_unit_test(a_state_that_is_taken_out_and_put_into_another_group_goes_on_to_the_same_bits),
        cmocka_unit_test(runs_that_are_behind_catch_up_to_the_same_bits),
        cmocka_unit_test(initial_states_and_counters_come_back_as_they_were_put),
        cmocka_unit_test(a_run_that_diverges_is_frozen_at_its_step_and_the_others_go_on),
        cmocka_unit_test(a_group_in_which_all_diverge_comes_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
