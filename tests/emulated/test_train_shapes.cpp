// Every tile shape, and cuBLAS, wherever the table of choices sends a layer: the same numbers, and of tiles the same
// bits.
#include "train_case.h"

#include "error.cuh"
#include "group.cuh"

static const spt_dense_choice SMALL = {UINT32_MAX, UINT32_MAX, {UINT32_MAX, UINT32_MAX, UINT32_MAX}};
static const spt_dense_choice MEDIUM = {1, UINT32_MAX, {UINT32_MAX, UINT32_MAX, UINT32_MAX}};
static const spt_dense_choice LARGE = {1, 1, {UINT32_MAX, UINT32_MAX, UINT32_MAX}};
static const spt_dense_choice CUBLAS = {4, 128, {1, 1, 1}};
static const spt_dense_choice SOME_CUBLAS = {4, 128, {20, UINT32_MAX, 20}};

static std::vector<spt_run_spec> runs_of(const test_data &data, size_t batch) {
    return {run_of(data, 70, 2, batch, 0),
            run_of(data, 31, 3, batch, 1, SPT_LOSS_CROSS_ENTROPY, adam_of(SPT_OPTIMIZER_ADAM, 0.003, 0.01)),
            run_of(data, 140, 1, batch, 1), run_of(data, 5, 0, batch, 0)};
}

/** States after `steps` steps, and losses on the test split. */
static std::vector<run_state> trained(const test_data &data, const std::vector<spt_run_spec> &runs,
                                      const spt_dense_choice &choice, uint64_t steps, std::vector<double> *losses) {
    test_group group(spt_backend_cuda, data, runs, [&](spt_device *device) { device->choice = choice; });
    group.train(steps);
    std::vector<run_state> states;
    for (size_t r = 0; r < runs.size(); r++)
        states.push_back(group.get(r));
    std::vector<std::vector<uint8_t>> correct;
    for (const spt_evaluation &e : group.evaluate(SPT_SPLIT_TEST, &correct, data.set.test.n))
        losses->push_back(e.loss);
    return states;
}

static void every_tile_shape_leaves_the_same_bits(void **) {
    test_data data(37, 10, 10, 150, 40);
    const std::vector<spt_run_spec> runs = runs_of(data, 60); // 60, 60, 30 examples
    std::vector<double> losses[3];
    std::vector<run_state> small = trained(data, runs, SMALL, 4, &losses[0]);
    std::vector<run_state> medium = trained(data, runs, MEDIUM, 4, &losses[1]);
    std::vector<run_state> large = trained(data, runs, LARGE, 4, &losses[2]);
    for (size_t r = 0; r < runs.size(); r++) {
        assert_memory_equal(medium[r].floats.data(), small[r].floats.data(), small[r].arena.bytes);
        assert_memory_equal(large[r].floats.data(), small[r].floats.data(), small[r].arena.bytes);
        assert_true(losses[1][r] == losses[0][r] && losses[2][r] == losses[0][r]);
    }
}

/** Sums in another order: some 1e-7 of each gradient, a few steps. */
static void cublas_computes_what_tiles_compute(void **) {
    test_data data(37, 10, 10, 150, 40);
    for (size_t batch : {60, 0}) {
        const std::vector<spt_run_spec> runs = runs_of(data, batch);
        std::vector<double> losses[3];
        std::vector<run_state> tiles = trained(data, runs, SMALL, 4, &losses[0]);
        std::vector<run_state> cublas = trained(data, runs, CUBLAS, 4, &losses[1]);
        std::vector<run_state> both = trained(data, runs, SOME_CUBLAS, 4, &losses[2]);
        for (size_t r = 0; r < runs.size(); r++) {
            assert_true(distance(tiles[r], cublas[r]) < 2e-5);
            assert_true(distance(tiles[r], both[r]) < 2e-5);
            assert_true(fabs(losses[1][r] - losses[0][r]) < 1e-5 && fabs(losses[2][r] - losses[0][r]) < 1e-5);
            assert_int_equal(cublas[r].counters().step, 4);
        }
    }
}

static void slices_of_large_tiles_are_joined_too(void **) {
    test_data data(130, 3, 3, 1100, 40);
    const std::vector<spt_run_spec> runs = {run_of(data, 135, 1, 0, 0)};
    std::vector<double> losses;
    std::vector<run_state> small = trained(data, runs, SMALL, 1, &losses);
    std::vector<run_state> large = trained(data, runs, LARGE, 1, &losses);
    assert_memory_equal(large[0].floats.data(), small[0].floats.data(), small[0].arena.bytes);
}

static void shapes_are_chosen_as_the_table_says(void **) {
    const spt_dense_choice *c = &spt_dense_choice_default;
    assert_int_equal(spt_dense_choose(c, SPT_PHASE_FORWARD, 100, 10, 300), SPT_TILE_SMALL);
    assert_int_equal(spt_dense_choose(c, SPT_PHASE_FORWARD, 100, 300, 300), SPT_TILE_MEDIUM);
    assert_int_equal(spt_dense_choose(c, SPT_PHASE_WEIGHT_GRADIENT, 4096, 4096, 100), SPT_TILE_LARGE);
    const spt_dense_choice wide = {4, 128, {1024, 1024, 512}};
    assert_int_equal(spt_dense_choose(&wide, SPT_PHASE_FORWARD, 1024, 2000, 1024), SPT_TILE_CUBLAS);
    assert_int_equal(spt_dense_choose(&wide, SPT_PHASE_FORWARD, 1023, 2000, 1024), SPT_TILE_LARGE);
    assert_int_equal(spt_dense_choose(&wide, SPT_PHASE_WEIGHT_GRADIENT, 1023, 2000, 512), SPT_TILE_CUBLAS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_shape_leaves_the_same_bits),
        cmocka_unit_test(cublas_computes_what_tiles_compute),
        cmocka_unit_test(slices_of_large_tiles_are_joined_too),
        cmocka_unit_test(shapes_are_chosen_as_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
