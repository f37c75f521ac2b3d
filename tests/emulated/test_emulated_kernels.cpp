// Right kernels give right results on the emulated device: under three orders of the threads and three fill patterns
// the same bits. The same file runs under ThreadSanitizer, where it shows that right kernels are no races.
#include "device_case.h"
#include "samples.cuh"
#include "spectrain/rng.h"

using spt_emulated::bits_agree;

static void sums_by_shuffles_are_right_in_any_order(void **) {
    const unsigned n = 5000, blocks = 3;
    std::vector<float> x = numbers(n);
    double expected = 0.0;
    for (float v : x)
        expected += v;
    float out[blocks];
    assert_true(bits_agree(3, 3, sizeof out, [&](void *result) {
        on_device<float> x_d(x), out_d(blocks);
        assert_done(sample_sum(x_d.data, n, out_d.data, blocks, nullptr));
        out_d.read(result);
        memcpy(out, result, sizeof out);
    }));
    // 5,000 numbers below 17 that are multiples of 1/64: every partial sum is exact in float32.
    assert_true((double)out[0] + (double)out[1] + (double)out[2] == expected);
}

static void tiles_transpose_ragged_matrices(void **) {
    const unsigned rows = 37, columns = 50;
    std::vector<float> x = numbers(rows * columns), out(x.size());
    assert_true(bits_agree(3, 3, out.size() * sizeof(float), [&](void *result) {
        on_device<float> x_d(x), out_d(out.size());
        assert_done(sample_transpose(x_d.data, rows, columns, out_d.data, nullptr));
        out_d.read(result);
        memcpy(out.data(), result, out.size() * sizeof(float));
    }));
    for (unsigned i = 0; i < rows; i++)
        for (unsigned j = 0; j < columns; j++)
            assert_true(out[j * rows + i] == x[i * columns + j]);
}

static void tiled_products_with_asynchronous_copies_are_right(void **) {
    const unsigned m = 70, n = 65, k = 35;
    std::vector<float> a = numbers(m * k), b = numbers(k * n), c(m * n);
    assert_true(bits_agree(3, 3, c.size() * sizeof(float), [&](void *result) {
        on_device<float> a_d(a), b_d(b), c_d(c.size());
        assert_done(sample_product(a_d.data, b_d.data, c_d.data, m, n, k, nullptr));
        c_d.read(result);
        memcpy(c.data(), result, c.size() * sizeof(float));
    }));
    for (unsigned i = 0; i < m; i++)
        for (unsigned j = 0; j < n; j++) {
            float sum = 0.0f; // the kernel sums in the same order with one rounding a step: equal bits
            for (unsigned l = 0; l < k; l++)
                sum = fmaf(a[i * k + l], b[l * n + j], sum);
            assert_true(c[i * n + j] == sum);
        }
}

static void bulk_copies_on_mbarriers_bring_every_slab(void **) {
    const unsigned n = 5 * 256 + 100;
    std::vector<float> x = numbers(n), out(n);
    assert_true(bits_agree(3, 3, n * sizeof(float), [&](void *result) {
        on_device<float> x_d(x), out_d(n);
        assert_done(sample_scale_bulk(x_d.data, n, 2.0f, out_d.data, nullptr));
        out_d.read(result);
        memcpy(out.data(), result, n * sizeof(float));
    }));
    for (unsigned i = 0; i < n; i++)
        assert_true(out[i] == 2.0f * x[i]);
}

static void clusters_sum_over_their_blocks_shared_memory(void **) {
    const unsigned n = 3000;
    std::vector<float> x = numbers(n);
    double expected = 0.0, sum;
    for (float v : x)
        expected += (double)v;
    for (unsigned blocks = 1; blocks <= 8; blocks *= 2) {
        assert_true(bits_agree(3, 3, sizeof sum, [&](void *result) {
            on_device<float> x_d(x);
            on_device<double> sum_d(1);
            assert_done(sample_cluster_sum(x_d.data, n, sum_d.data, blocks, nullptr));
            sum_d.read(result);
            memcpy(&sum, result, sizeof sum);
        }));
        assert_true(sum == expected); // multiples of 1/64: exact
    }
}

static void a_cooperative_grid_meets_at_its_barrier(void **) {
    std::vector<float> x = numbers(5 * 64), out(x.size());
    assert_true(bits_agree(3, 3, out.size() * sizeof(float), [&](void *result) {
        on_device<float> x_d(x);
        assert_done(sample_rotate(x_d.data, 5, nullptr));
        x_d.read(result);
        memcpy(out.data(), result, out.size() * sizeof(float));
    }));
    for (size_t i = 0; i < x.size(); i++)
        assert_true(out[i] == x[(i + 1) % x.size()]);
}

static void integer_atomics_count_what_warps_vote(void **) {
    unsigned counts[4];
    assert_true(bits_agree(3, 1, sizeof counts, [&](void *result) {
        on_device<unsigned> counts_d(4);
        assert_done(cudaMemset(counts_d.data, 0, sizeof counts));
        assert_done(sample_count(1001, counts_d.data, nullptr));
        counts_d.read(result);
        memcpy(counts, result, sizeof counts);
    }));
    assert_int_equal(counts[0], 251);
    for (int i = 1; i < 4; i++)
        assert_int_equal(counts[i], 250);
}

static void random_words_on_the_device_are_the_librarys(void **) {
    const unsigned n = 50;
    const uint64_t substream = (7ull << 32) + 5;
    on_device<uint4> words_d(n);
    assert_done(sample_random(123, SPT_STREAM_BATCH_ORDER, substream, n, words_d.data, nullptr));
    std::vector<uint4> words = words_d.read();
    for (unsigned i = 0; i < n; i++) {
        spt_random_words expected = spt_random(123, SPT_STREAM_BATCH_ORDER, substream, i);
        assert_memory_equal(&words[i], expected.word, sizeof expected.word);
    }
}

static void a_captured_graph_does_its_work_at_each_launch(void **) {
    std::vector<float> x = numbers(100);
    on_device<float> x_d(x);
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t steps;
    assert_done(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    assert_done(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    assert_done(sample_step(x_d.data, 100, 0.5f, stream));
    assert_done(sample_step(x_d.data, 100, 2.0f, stream));
    assert_done(cudaStreamEndCapture(stream, &graph));
    assert_done(cudaGraphInstantiate(&steps, graph, 0));
    std::vector<float> out = x_d.read();
    assert_memory_equal(out.data(), x.data(), 100 * sizeof(float)); // nothing was done while captured
    for (int replay = 0; replay < 3; replay++)
        assert_done(cudaGraphLaunch(steps, stream));
    assert_done(cudaStreamSynchronize(stream));
    out = x_d.read();
    for (size_t i = 0; i < 100; i++) // x -> 2 (x / 2 + 1) + 1 = x + 3, exact
        assert_true(out[i] == x[i] + 9.0f);
    assert_done(cudaGraphExecDestroy(steps));
    assert_done(cudaGraphDestroy(graph));
    assert_done(cudaStreamDestroy(stream));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_by_shuffles_are_right_in_any_order),
        cmocka_unit_test(tiles_transpose_ragged_matrices),
        cmocka_unit_test(tiled_products_with_asynchronous_copies_are_right),
        cmocka_unit_test(bulk_copies_on_mbarriers_bring_every_slab),
        cmocka_unit_test(clusters_sum_over_their_blocks_shared_memory),
        cmocka_unit_test(a_cooperative_grid_meets_at_its_barrier),
        cmocka_unit_test(integer_atomics_count_what_warps_vote),
        cmocka_unit_test(random_words_on_the_device_are_the_librarys),
        cmocka_unit_test(a_captured_graph_does_its_work_at_each_launch),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
