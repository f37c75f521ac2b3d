// The tiles of dense layers by themselves: ragged operands in allocations that end with their last element, so that
// what is read or written past a row, a column or a term is seen, whatever comes of it.
#include <functional>

#include "dense.cuh"
#include "train_case.h"

/** rows x columns numbers, rows `stride` apart; nothing behind the last. What lies between rows is not a number. */
struct matrix {
    size_t rows, columns, stride;
    std::vector<float> host;
    on_device<float> device;

    matrix(size_t r, size_t c, size_t s, draws &draw) : matrix(r, c, s, [&](size_t i) { return random(draw, i); }) {}
    matrix(size_t r, size_t c, size_t s, const std::function<float(size_t)> &value)
        : rows(r), columns(c), stride(s), host(filled(r, c, s, value)), device(host) {}
    static float random(draws &draw, size_t i) {
        double z;
        spt_random_normal(draw.seed, SPT_STREAM_DATA, draw.index, i, 1, &z);
        return (float)z;
    }
    static std::vector<float> filled(size_t r, size_t c, size_t s, const std::function<float(size_t)> &value) {
        std::vector<float> x((r - 1) * s + c, NAN);
        for (size_t i = 0; i < r * c; i++)
            x[i / c * s + i % c] = value(i);
        return x;
    }
    double at(size_t r, size_t c) const { return host[r * stride + c]; }
};

static size_t padded(size_t floats) {
    return (floats + 3) / 4 * 4;
}
static float zero(size_t) {
    return 0.0f;
}

/** Launch a problem's tiles. Forward and input gradient have `rows` rows of C, the weight gradient as many terms. */
static void launch(spt_phase_kind kind, spt_dense_problem p, size_t rows, const spt_device_optimizer &optimizer) {
    uint32_t tile_rows, tile_columns;
    spt_dense_tile_size((spt_tile_shape)p.shape, &tile_rows, &tile_columns);
    std::vector<spt_tile> tiles;
    for (uint32_t row = 0; row < (p.m != 0 ? p.m : rows); row += tile_rows)
        for (uint32_t column = 0; column < p.n; column += tile_columns)
            tiles.push_back({0, row, column, 0});
    const bool large = p.shape == SPT_TILE_LARGE;
    p.slices = 1;
    on_device<spt_dense_problem> problem_d(std::vector<spt_dense_problem>{p});
    on_device<spt_tile> tile_d(tiles);
    on_device<spt_device_optimizer> optimizer_d(std::vector<spt_device_optimizer>{optimizer});
    on_device<spt_run_step> step_d(std::vector<spt_run_step>{{0.0f, 0.0f, 1, 0}});
    spt_dense_phase phase = {};
    phase.problems = problem_d.data;
    (large ? phase.large : phase.compact) = tile_d.data;
    (large ? phase.n_large : phase.n_compact) = (uint32_t)tiles.size();
    const spt_dense_batch batch = {(uint32_t)rows, 0, step_d.data, optimizer_d.data};
    assert_done(spt_dense_launch(kind, &phase, &batch, nullptr));
    assert_done(cudaDeviceSynchronize());
}

/** `found` against `scale` times the sum of `terms` products, plus `added`: a chain of float32 operations is off by at
 *  most 2^-24 of what is summed for each of them. */
static void assert_sum(double found, double scale, size_t terms, double added,
                       const std::function<double(size_t)> &product, const std::function<double(double)> &then) {
    double sum = 0.0, sizes = fabs(added);
    for (size_t k = 0; k < terms; k++) {
        sum += scale * product(k);
        sizes += fabs(scale * product(k));
    }
    const double bound = (double)(terms + 4) * 6e-8 * sizes;
    if (!(fabs(found - then(sum + added)) <= bound))
        fail_msg("%.9g, expected %.9g within %.2g", found, then(sum + added), bound);
}

static double same(double z) {
    return z;
}
static double relu(double z) {
    return z < 0.0 ? 0.0 : z;
}

static const spt_tile_shape SHAPES[] = {SPT_TILE_SMALL, SPT_TILE_MEDIUM, SPT_TILE_LARGE};

/** A problem of that shape of tile; lengths around one and two tiles. */
static spt_dense_problem problem_of(spt_tile_shape shape) {
    spt_dense_problem p = {};
    p.shape = shape;
    p.scale = 0.75f;
    p.bias_scale = 0.5f;
    return p;
}
static size_t length(draws &draw, spt_tile_shape shape) {
    const size_t tile = (size_t)32 << shape;
    return draw.between(1, 2 * tile);
}

static void forward_tiles_stay_within_their_operands_and_are_right(void **) {
    draws draw = {71};
    for (spt_tile_shape shape : SHAPES)
        for (int trial = 0; trial < 4; trial++) {
            const size_t m = length(draw, shape), n = length(draw, shape), k = draw.between(1, 70);
            matrix x(m, k, padded(k), draw), w(n, k, k, draw), bias(1, n, n, draw), y(m, n, padded(n), zero);
            spt_dense_problem p = problem_of(shape);
            p.a = x.device.data, p.a_stride = (uint32_t)x.stride;
            p.b = w.device.data, p.b_stride = (uint32_t)w.stride;
            p.c = y.device.data, p.c_stride = (uint32_t)y.stride;
            p.bias = bias.device.data;
            p.n = (uint32_t)n, p.k = (uint32_t)k;
            p.relu = trial % 2;
            launch(SPT_PHASE_FORWARD, p, m, {});
            y.host = y.device.read();
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++)
                    assert_sum(
                        y.at(i, j), 0.75, k, 0.5 * bias.at(0, j), [&](size_t t) { return x.at(i, t) * w.at(j, t); },
                        trial % 2 ? relu : same);
        }
}

static void input_gradient_tiles_stay_within_their_operands_and_are_right(void **) {
    draws draw = {72};
    for (spt_tile_shape shape : SHAPES)
        for (int trial = 0; trial < 4; trial++) {
            const size_t m = length(draw, shape), n = length(draw, shape), k = draw.between(1, 70);
            matrix dy(m, k, padded(k), draw), w(k, n, n, draw), dx(m, n, padded(n), zero);
            matrix x(m, n, padded(n), [](size_t i) { return i % 3 == 0 ? 0.0f : (float)(i % 5) - 2.0f; });
            spt_dense_problem p = problem_of(shape);
            p.a = dy.device.data, p.a_stride = (uint32_t)dy.stride;
            p.b = w.device.data, p.b_stride = (uint32_t)w.stride;
            p.c = dx.device.data, p.c_stride = (uint32_t)dx.stride;
            p.mask = x.device.data;
            p.n = (uint32_t)n, p.k = (uint32_t)k;
            launch(SPT_PHASE_INPUT_GRADIENT, p, m, {});
            dx.host = dx.device.read();
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                    if (x.at(i, j) > 0.0)
                        assert_sum(
                            dx.at(i, j), 0.75, k, 0.0, [&](size_t t) { return dy.at(i, t) * w.at(t, j); }, same);
                    else
                        assert_true(dx.at(i, j) == 0.0);
                }
        }
}

/** From weights of zero and a rate of one, what is left is the gradient with its sign turned. */
static void weight_gradient_tiles_stay_within_their_operands_and_are_right(void **) {
    draws draw = {73};
    for (spt_tile_shape shape : SHAPES)
        for (int trial = 0; trial < 4; trial++) {
            const size_t m = length(draw, shape), n = length(draw, shape), k = draw.between(1, 70);
            matrix dy(k, m, padded(m), draw), x(k, n, padded(n), draw), block(1, m * n + m, m * n + m, zero);
            spt_device_optimizer optimizer = {};
            optimizer.parameters = block.device.data;
            optimizer.kind = SPT_OPTIMIZER_SGD;
            optimizer.lr = 1.0f;
            spt_dense_problem p = problem_of(shape);
            p.a = dy.device.data, p.a_stride = (uint32_t)dy.stride;
            p.b = x.device.data, p.b_stride = (uint32_t)x.stride;
            p.m = (uint32_t)m, p.n = (uint32_t)n;
            p.bias_at = m * n;
            launch(SPT_PHASE_WEIGHT_GRADIENT, p, k, optimizer);
            block.host = block.device.read();
            for (size_t i = 0; i < m; i++) {
                assert_sum(
                    -block.at(0, m * n + i), 0.5, k, 0.0, [&](size_t t) { return dy.at(t, i); }, same);
                for (size_t j = 0; j < n; j++)
                    assert_sum(
                        -block.at(0, i * n + j), 0.75, k, 0.0, [&](size_t t) { return dy.at(t, i) * x.at(t, j); },
                        same);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_tiles_stay_within_their_operands_and_are_right),
        cmocka_unit_test(input_gradient_tiles_stay_within_their_operands_and_are_right),
        cmocka_unit_test(weight_gradient_tiles_stay_within_their_operands_and_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
