// Losses, errors and flags of the device against those of the CPU backend.
#include "train_case.h"

// Losses are float32 logits summed in float64: the logits' rounding, some 1e-7 each, is all there is.
static const double LOSS_BOUND = 2e-6;

/** Train a little on the CPU, evaluate the same states on both. Predictions may differ where two logits are equal to
 *  rounding; no example of these data sets is that close. */
static void assert_same_evaluation(const test_data &data, const std::vector<spt_run_spec> &runs) {
    test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
    cpu.train(5);
    for (size_t r = 0; r < runs.size(); r++)
        cuda.set(r, cpu.get(r));
    for (int s = 0; s < 2; s++) {
        const spt_split_name split = (spt_split_name)s;
        const size_t n = split == SPT_SPLIT_TRAIN ? data.set.train.n : data.set.test.n;
        std::vector<std::vector<uint8_t>> cpu_correct, cuda_correct;
        std::vector<spt_evaluation> expected = cpu.evaluate(split, &cpu_correct, n);
        std::vector<spt_evaluation> found = cuda.evaluate(split, &cuda_correct, n);
        for (size_t r = 0; r < runs.size(); r++) {
            if (n == 0) {
                assert_true(isnan(found[r].loss) && isnan(found[r].error));
                continue;
            }
            assert_true(fabs(found[r].loss - expected[r].loss) <= LOSS_BOUND * (1.0 + fabs(expected[r].loss)));
            if (isnan(expected[r].error))
                assert_true(isnan(found[r].error));
            else
                assert_true(found[r].error == expected[r].error);
            assert_memory_equal(cuda_correct[r].data(), cpu_correct[r].data(), n);
        }
    }
}

static std::vector<spt_run_spec> runs_of(const test_data &data, spt_loss loss) {
    return {run_of(data, 20, 2, 50, 0, loss), run_of(data, 3, 1, 50, 1, loss), run_of(data, 60, 3, 50, 2, loss),
            run_of(data, 8, 0, 50, 2, loss)};
}

static void classes_are_scored_as_on_the_cpu_with_every_loss(void **) {
    test_data data(12, 7, 7, 230, 90); // 230: blocks of 32, and 6 examples
    assert_same_evaluation(data, runs_of(data, SPT_LOSS_CROSS_ENTROPY));
    assert_same_evaluation(data, runs_of(data, SPT_LOSS_MSE));
    assert_same_evaluation(data, runs_of(data, SPT_LOSS_BCE));
}

static void two_classes_by_one_output_are_scored_by_its_sign(void **) {
    test_data data(4, 1, 2, 100, 40);
    assert_same_evaluation(data, runs_of(data, SPT_LOSS_MSE));
    assert_same_evaluation(data, runs_of(data, SPT_LOSS_BCE));
}

static void targets_are_scored_by_the_threshold_of_their_loss_or_not_at_all(void **) {
    test_data one(4, 1, 0, 100, 40), signs(4, 1, 0, 100, 40, true), several(4, 3, 0, 100, 40);
    assert_same_evaluation(one, runs_of(one, SPT_LOSS_BCE));
    assert_same_evaluation(one, runs_of(one, SPT_LOSS_MSE)); // no class: the error is NaN
    assert_same_evaluation(signs, runs_of(signs, SPT_LOSS_MSE));
    assert_same_evaluation(several, runs_of(several, SPT_LOSS_MSE));
}

static void many_outputs_go_around_the_lanes_of_a_row(void **) {
    test_data data(6, 100, 100, 120, 33);
    assert_same_evaluation(data, runs_of(data, SPT_LOSS_CROSS_ENTROPY));
}

static void splits_of_random_ragged_shapes_are_scored_as_on_the_cpu(void **) {
    draws draw = {77};
    for (int trial = 0; trial < 9; trial++) {
        const spt_loss loss = (spt_loss)(trial % 3);
        const size_t outputs = draw.between(loss == SPT_LOSS_CROSS_ENTROPY ? 2 : 1, 100);
        test_data data(draw.between(1, 784), outputs, outputs > 1 ? outputs : 2, draw.between(1, 257),
                       draw.between(0, 257));
        const size_t widest = trial < 3 ? 300 : 60;
        assert_same_evaluation(data, {run_of(data, draw.between(1, widest), draw.between(1, 6), 50, 0, loss),
                                      run_of(data, draw.between(1, widest), draw.between(1, 6), 50, 1, loss)});
    }
}

static void a_split_is_evaluated_in_parts(void **) {
    test_data data(2, 2, 2, 1100, 2500); // parts of 1,024 rows
    assert_same_evaluation(data, {run_of(data, 5, 1, 100, 0)});
}

static void a_split_without_examples_gives_nan(void **) {
    test_data data(2, 2, 2, 30, 0);
    assert_same_evaluation(data, {run_of(data, 5, 1, 10, 0)});
}

/** A logit that is not a number is never the largest, unless it is the first: then nothing is larger. */
static void logits_that_are_not_numbers_are_scored_as_on_the_cpu(void **) {
    test_data data(2, 5, 5, 40, 10);
    std::vector<spt_run_spec> runs = {run_of(data, 4, 0, 10, 0)};
    const float nan = NAN, inf = INFINITY;
    for (size_t output = 0; output < 5; output++)
        for (float value : {nan, inf, -inf}) {
            test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
            run_state state = cpu.get(0);
            state.floats[spt_model_layer(&runs[0].model, 0).bias_offset + output] = value;
            cpu.set(0, state);
            cuda.set(0, state);
            std::vector<std::vector<uint8_t>> expected, found;
            const double cpu_loss = cpu.evaluate(SPT_SPLIT_TRAIN, &expected, 40)[0].loss;
            const double cuda_loss = cuda.evaluate(SPT_SPLIT_TRAIN, &found, 40)[0].loss;
            assert_true(isfinite(cpu_loss) == isfinite(cuda_loss));
            assert_memory_equal(found[0].data(), expected[0].data(), 40);
        }
}

/** A map that gives every example its biases: two outputs are the largest and equal, in neighbouring lanes of a row, in
 *  the same lane, past the first 32, and the first of them in the later lane. */
static void of_equal_logits_the_first_is_the_class(void **) {
    test_data data(2, 100, 100, 200, 10); // two examples or three of each class but 0, 10, .. 90, which have none
    std::vector<spt_run_spec> runs = {run_of(data, 4, 0, 10, 0)};
    test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
    const size_t pairs[][2] = {{1, 2}, {5, 37}, {31, 32}, {41, 71}, {98, 99}, {3, 67}, {39, 64}, {7, 32}};
    for (const size_t *pair : pairs) {
        run_state state = initial_state(runs[0]);
        memset(state.data(), 0, state.arena.block * sizeof(float));
        for (int i = 0; i < 2; i++)
            state.floats[spt_model_layer(&runs[0].model, 0).bias_offset + pair[i]] = 1.0f;
        cpu.set(0, state);
        cuda.set(0, state);
        std::vector<std::vector<uint8_t>> expected, found;
        cpu.evaluate(SPT_SPLIT_TRAIN, &expected, 200);
        cuda.evaluate(SPT_SPLIT_TRAIN, &found, 200);
        size_t as_first = 0;
        for (size_t i = 0; i < 200; i++) {
            assert_int_equal(found[0][i] & 1, data.set.train.label[i] == (int32_t)pair[0]);
            assert_int_equal(found[0][i] >> 1, data.set.train.label_true[i] == (int32_t)pair[0]);
            as_first += found[0][i] & 1;
        }
        assert_true(as_first > 0); // there are such examples, so that a wrong choice shows
        assert_memory_equal(found[0].data(), expected[0].data(), 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_scored_as_on_the_cpu_with_every_loss),
        cmocka_unit_test(two_classes_by_one_output_are_scored_by_its_sign),
        cmocka_unit_test(targets_are_scored_by_the_threshold_of_their_loss_or_not_at_all),
        cmocka_unit_test(many_outputs_go_around_the_lanes_of_a_row),
        cmocka_unit_test(splits_of_random_ragged_shapes_are_scored_as_on_the_cpu),
        cmocka_unit_test(a_split_is_evaluated_in_parts),
        cmocka_unit_test(a_split_without_examples_gives_nan),
        cmocka_unit_test(logits_that_are_not_numbers_are_scored_as_on_the_cpu),
        cmocka_unit_test(of_equal_logits_the_first_is_the_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
