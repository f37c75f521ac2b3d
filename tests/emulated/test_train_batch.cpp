// Order of epochs and rows of batches on the device, against the host's.
#include "train_case.h"

#include "batch.cuh"

using spt_emulated::bits_agree;

static void assert_permutations(size_t n, const std::vector<uint32_t> &seeds, uint64_t epoch) {
    on_device<uint32_t> seed_d(seeds), permutation_d(seeds.size() * n);
    on_device<uint64_t> key_d(spt_permutation_keys(n, seeds.size()) + 1);
    assert_done(spt_permutation_make(seed_d.data, seeds.size(), epoch, n, key_d.data, permutation_d.data, nullptr));
    const std::vector<uint32_t> found = permutation_d.read();
    std::vector<uint32_t> expected(n);
    std::vector<uint64_t> scratch(2 * n);
    for (size_t s = 0; s < seeds.size(); s++) {
        spt_random_permutation(seeds[s], SPT_STREAM_BATCH_ORDER, epoch, n, expected.data(), scratch.data());
        assert_memory_equal(found.data() + s * n, expected.data(), n * sizeof(uint32_t));
    }
}

static void permutations_are_those_of_the_host_for_every_length(void **) {
    for (size_t n : {1, 2, 3, 63, 64, 65, 100, 1000, 4095, 4096})
        assert_permutations(n, {0, 7, 0xffffffffu}, 3);
}

/** Tiles of 4,096 keys: one and a bit, three, and five, so that a run stays without a partner in a pass. */
static void permutations_of_many_examples_are_merged_from_tiles(void **) {
    for (size_t n : {4097, 12288, 16384 + 1234})
        assert_permutations(n, {42, 43}, 1);
}

static void more_seeds_than_keys_fit_are_sorted_in_turns(void **) {
    std::vector<uint32_t> seeds;
    for (uint32_t s = 0; s < SPT_SORT_SEEDS + 5; s++)
        seeds.push_back(3 * s);
    assert_permutations(50, seeds, 0);
    assert_permutations(4100, seeds, (uint64_t)1 << 40);
}

static void sorting_is_no_race(void **) {
    const size_t n = 4500;
    assert_true(bits_agree(3, 1, n * sizeof(uint32_t), [&](void *out) {
        on_device<uint32_t> seed_d(std::vector<uint32_t>{9}), permutation_d(n);
        on_device<uint64_t> key_d(spt_permutation_keys(n, 1));
        assert_done(spt_permutation_make(seed_d.data, 1, 5, n, key_d.data, permutation_d.data, nullptr));
        permutation_d.read(out);
    }));
}

/** Step 5 of 3 an epoch: the last batch, which is short, whether it is asked for or a full one. */
static void batches_hold_the_rows_that_their_order_names(void **) {
    const size_t n = 25, size = 10, inputs = 6, stride = 8, outputs = 3, seeds = 2;
    std::vector<float> x(n * stride), target(n * outputs);
    std::vector<uint32_t> permutation(seeds * n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < inputs; j++)
            x[i * stride + j] = (float)(100 * i + j);
        for (size_t j = 0; j < outputs; j++)
            target[i * outputs + j] = (float)(1000 * i + j);
        permutation[i] = (uint32_t)((i * 7 + 3) % n);
        permutation[n + i] = (uint32_t)(n - 1 - i);
    }
    on_device<float> x_d(x), target_d(target), batch_x(seeds * size * stride), batch_target(seeds * size * outputs);
    on_device<uint32_t> permutation_d(permutation);
    on_device<uint64_t> step_d(std::vector<uint64_t>{5});
    const spt_gather gather = {{x_d.data, nullptr, target_d.data},
                               {batch_x.data, nullptr, batch_target.data},
                               permutation_d.data,
                               step_d.data,
                               n,
                               size,
                               stride,
                               outputs};
    for (size_t rows : {(size_t)5, size}) {
        assert_done(cudaMemset(batch_x.data, 0, batch_x.count * sizeof(float)));
        assert_done(spt_batch_gather(&gather, seeds, rows, nullptr));
        const std::vector<float> found_x = batch_x.read(), found_target = batch_target.read();
        for (size_t s = 0; s < seeds; s++)
            for (size_t r = 0; r < 5; r++) {
                const size_t from = permutation[s * n + 20 + r], to = s * size + r;
                assert_memory_equal(&found_x[to * stride], &x[from * stride], stride * sizeof(float));
                assert_memory_equal(&found_target[to * outputs], &target[from * outputs], outputs * sizeof(float));
                assert_true(found_x[(to + 5) * stride] == 0.0f);
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutations_are_those_of_the_host_for_every_length),
        cmocka_unit_test(permutations_of_many_examples_are_merged_from_tiles),
        cmocka_unit_test(more_seeds_than_keys_fit_are_sorted_in_turns),
        cmocka_unit_test(sorting_is_no_race),
        cmocka_unit_test(batches_hold_the_rows_that_their_order_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
