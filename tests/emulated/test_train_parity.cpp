// Steps of training on the device against those of the CPU backend: each step from the same state, so that rounding
// does not add up.
#include "train_case.h"

// Of a step, against the length of the parameters and of each moment. Sums of up to 784 products in float32, in another
// order: some 1e-7 each, random; through up to seven layers and back.
static const double STEP_BOUND = 1e-5;

// A unit may lie so close to its corner that it is on for one backend and off for the other; that step then differs by
// the share that this has in the gradient. On the emulated device none of these does; on a GPU, which rounds otherwise,
// one in some ten million is expected to, so that one step of one run is let pass where there are several.
#ifdef SPT_EMULATED
static const bool CORNERS = false;
#else
static const bool CORNERS = true;
#endif

/** `steps` steps of all runs on both backends, the device from the CPU's state each time. Returns the largest distance,
 *  or, where corners are let pass, the second. */
static double largest_distance(const test_data &data, const std::vector<spt_run_spec> &runs, uint64_t steps) {
    test_group cpu(spt_backend_cpu, data, runs), cuda(spt_backend_cuda, data, runs);
    double largest = 0.0, second = 0.0;
    for (uint64_t step = 1; step <= steps; step++) {
        cpu.train(step);
        cuda.train(step);
        for (size_t r = 0; r < runs.size(); r++) {
            run_state expected = cpu.get(r), found = cuda.get(r);
            assert_int_equal(expected.counters().step, step);
            assert_int_equal(found.counters().step, step);
            const double d = distance(expected, found);
            if (!(d < STEP_BOUND))
                fprintf(stderr, "run %zu, width %zu, %zu hidden layers, step %d: %.2e\n", r, runs[r].model.width,
                        runs[r].model.hidden_layers, (int)step, d);
            second = fmax(second, fmin(d, largest));
            largest = isnan(d) ? INFINITY : fmax(d, largest);
            cuda.set(r, expected);
        }
    }
    return CORNERS && steps * runs.size() > 3 && largest < 0.5 ? second : largest;
}

static spt_optimizer optimizer_of(int kind, double lr) {
    return kind == 0 ? sgd_of(lr, 0.9, 0.01) : adam_of((spt_optimizer_kind)kind, lr, 0.01);
}

/** Widths, depths, rates, seeds and inits that differ, in one group, with a short batch at the end of the epoch. */
static void steps_agree(spt_loss loss, size_t outputs, size_t classes) {
    test_data data(13, outputs, classes, 75, 20);
    for (int kind = 0; kind < 3; kind++) {
        std::vector<spt_run_spec> runs;
        const size_t width[] = {1, 33, 5, 70, 12}, depth[] = {2, 1, 4, 2, 0};
        for (size_t r = 0; r < 5; r++) {
            runs.push_back(run_of(data, width[r], depth[r], 32, (uint32_t)(r / 2), loss,
                                  optimizer_of(kind, 0.01 * (double)(r + 1))));
            runs.back().model.init = (spt_init)(r % 3);
        }
        assert_true(largest_distance(data, runs, 4) < STEP_BOUND); // 3 steps an epoch: 32, 32, 11 examples
    }
}

static void cross_entropy_steps_as_on_the_cpu_with_every_optimizer(void **) {
    steps_agree(SPT_LOSS_CROSS_ENTROPY, 10, 10);
}

static void mse_steps_as_on_the_cpu_with_every_optimizer(void **) {
    steps_agree(SPT_LOSS_MSE, 3, 0);
    steps_agree(SPT_LOSS_MSE, 1, 2);
}

static void bce_steps_as_on_the_cpu_with_every_optimizer(void **) {
    steps_agree(SPT_LOSS_BCE, 1, 2);
    steps_agree(SPT_LOSS_BCE, 5, 5);
}

static void plain_sgd_keeps_no_moment_and_steps_as_on_the_cpu(void **) {
    test_data data(6, 4, 4, 50, 10);
    std::vector<spt_run_spec> runs = {run_of(data, 9, 2, 20, 0, SPT_LOSS_CROSS_ENTROPY, sgd_of(0.1, 0.0)),
                                      run_of(data, 40, 1, 20, 1, SPT_LOSS_CROSS_ENTROPY, sgd_of(0.1, 0.0, 0.01))};
    assert_true(largest_distance(data, runs, 4) < STEP_BOUND);
}

/** Sizes spread evenly over their magnitudes, so that most are small and the largest are there too. */
static size_t size_between(draws &draw, size_t least, size_t most) {
    const double u = (double)draw.between(0, 1000) / 1000.0;
    return (size_t)((double)least * pow((double)most / (double)least, u) + 0.5);
}

/** Two runs of each loss with each optimizer; one output is two classes, but for cross-entropy. */
static void steps_agree_over_random_ragged_shapes(void **) {
    draws draw = {2024};
    for (int trial = 0; trial < 18; trial++) {
        const spt_loss loss = (spt_loss)(trial % 3);
        const size_t inputs = size_between(draw, 1, 784);
        const size_t outputs = size_between(draw, loss == SPT_LOSS_CROSS_ENTROPY ? 2 : 1, 100);
        const size_t batch = size_between(draw, 1, 257), n = batch + draw.between(0, batch);
        test_data data(inputs, outputs, outputs > 1 ? outputs : 2, n, 3);
        std::vector<spt_run_spec> runs;
        for (int r = 0; r < 2; r++) {
            const size_t depth = draw.between(1, 6);
            runs.push_back(run_of(data, size_between(draw, 1, 300), depth, batch, (uint32_t)r, loss,
                                  optimizer_of((trial / 3 + r) % 3, 0.01)));
        }
        assert_true(largest_distance(data, runs, 2) < STEP_BOUND);
    }
}

/** The corners of those shapes. */
static void steps_of_the_largest_and_the_smallest_shapes_agree(void **) {
    test_data large(784, 100, 100, 257, 3), small(1, 1, 2, 2, 1);
    const std::vector<spt_run_spec> wide = {run_of(large, 300, 1, 257, 0)},
                                    one = {run_of(small, 1, 6, 1, 0, SPT_LOSS_BCE)};
    assert_true(largest_distance(large, wide, 1) < STEP_BOUND);
    assert_true(largest_distance(small, one, 2) < STEP_BOUND);
    test_data deep(12, 3, 3, 33, 3);
    const std::vector<spt_run_spec> six = {run_of(deep, 300, 6, 33, 0, SPT_LOSS_MSE, optimizer_of(2, 0.01))};
    assert_true(largest_distance(deep, six, 1) < STEP_BOUND);
}

static void the_full_batch_is_cut_into_slices_and_steps_as_on_the_cpu(void **) {
    test_data data(5, 2, 2, 1500, 3); // weight gradients of 1,500 terms: 3 slices of 512
    std::vector<spt_run_spec> runs = {run_of(data, 20, 2, 0, 0), run_of(data, 70, 1, 0, 1)};
    assert_true(largest_distance(data, runs, 2) < STEP_BOUND);
}

static void a_short_batch_may_leave_slices_empty(void **) {
    test_data data(3, 2, 2, 1200 + 30, 3); // 30 examples in the second step: one slice of three
    std::vector<spt_run_spec> runs = {run_of(data, 10, 1, 1200, 0)};
    assert_true(largest_distance(data, runs, 3) < STEP_BOUND);
}

static void many_inputs_are_cut_into_slices_and_step_as_on_the_cpu(void **) {
    test_data data(1700, 3, 3, 40, 3);
    std::vector<spt_run_spec> runs = {run_of(data, 40, 1, 16, 0, SPT_LOSS_CROSS_ENTROPY, sgd_of(0.01, 0.9)),
                                      run_of(data, 3, 0, 16, 0, SPT_LOSS_CROSS_ENTROPY, sgd_of(0.01, 0.9))};
    assert_true(largest_distance(data, runs, 3) < STEP_BOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy_steps_as_on_the_cpu_with_every_optimizer),
        cmocka_unit_test(mse_steps_as_on_the_cpu_with_every_optimizer),
        cmocka_unit_test(bce_steps_as_on_the_cpu_with_every_optimizer),
        cmocka_unit_test(plain_sgd_keeps_no_moment_and_steps_as_on_the_cpu),
        cmocka_unit_test(steps_agree_over_random_ragged_shapes),
        cmocka_unit_test(steps_of_the_largest_and_the_smallest_shapes_agree),
        cmocka_unit_test(the_full_batch_is_cut_into_slices_and_steps_as_on_the_cpu),
        cmocka_unit_test(a_short_batch_may_leave_slices_empty),
        cmocka_unit_test(many_inputs_are_cut_into_slices_and_step_as_on_the_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
