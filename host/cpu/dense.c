#include "cpu/dense.h"

static const double USEFUL_FLOPS = 3e6; /* 35 us of one core: in less, a barrier takes what a second thread gives */
enum {
    LANES = 128,    /* numbers that short rows are put together to */
    BIAS_BLOCK = 64 /* rows summed before they join the rest: rounding grows with the block, not the batch */
};

static bool owns(const spt_member *member, size_t tile) {
    return member == NULL || spt_team_owns(member, tile);
}

static spt_tiling tiling_of(const spt_member *member, size_t rows, size_t columns, size_t depth) {
    if (member == NULL)
        return (spt_tiling){rows, columns, 1, 1};
    return spt_tiling_of_product(rows, columns, depth);
}

/* y = z + scale b, or max(0, that), in place. Short rows that lie side by side are taken several at a time, with the
 * bias repeated as often: a vector is longer than a narrow layer. */
static void add_bias(spt_tile tile, size_t stride, const spt_real *bias, spt_real scale, bool relu, spt_real *y) {
    spt_real repeated[LANES];
    size_t together = tile.columns == stride && 2 * stride <= LANES ? LANES / stride : 1;
    size_t length = together * tile.columns;
    if (together > 1) {
        for (size_t i = 0; i < length; i++)
            repeated[i] = bias[i % stride];
        bias = repeated;
    }
    for (size_t r = 0; r < tile.rows; r += together) {
        spt_real *restrict row = y + r * stride;
        size_t n = tile.rows - r < together ? (tile.rows - r) * stride : length;
        if (relu) {
            for (size_t j = 0; j < n; j++) {
                spt_real z = row[j] + scale * bias[j];
                row[j] = z < 0 ? 0 : z;
            }
        } else {
            for (size_t j = 0; j < n; j++)
                row[j] += scale * bias[j];
        }
    }
}

void spt_dense_forward(const spt_member *member, const spt_layer *layer, const spt_real *parameters, const spt_real *x,
                       size_t rows, bool relu, spt_real *y) {
    size_t in = layer->fan_in, out = layer->fan_out;
    const spt_real *weight = parameters + layer->weight_offset, *bias = parameters + layer->bias_offset;
    spt_tiling tiling = tiling_of(member, rows, out, in);
    for (size_t i = 0; i < spt_tiling_count(&tiling); i++) {
        if (!owns(member, i))
            continue;
        spt_tile t = spt_tiling_at(&tiling, i);
        spt_real *y_tile = y + t.row * out + t.column;
        spt_gemm(CblasNoTrans, CblasTrans, t.rows, t.columns, in, layer->weight_scale, x + t.row * in, in,
                 weight + t.column * in, in, y_tile, out);
        add_bias(t, out, bias + t.column, (spt_real)layer->bias_scale, relu, y_tile);
    }
}

/* Column sums of dy (rows, count) with row length stride, times scale; see dense.h for the order. */
static void bias_gradient(const spt_real *dy, size_t rows, size_t count, size_t stride, spt_real scale,
                          spt_real *gradient) {
    for (size_t first = 0; first < count; first += LANES) {
        size_t n = count - first < LANES ? count - first : LANES;
        size_t together = n == stride ? LANES / n : 1, length = together * n;
        spt_real sum[LANES] = {0};
        size_t r = 0;
        while (rows - r >= together) {
            spt_real part[LANES] = {0};
            for (size_t taken = 0; taken < BIAS_BLOCK && rows - r >= together; taken++, r += together) {
                const spt_real *restrict row = dy + r * stride + first;
                for (size_t j = 0; j < length; j++)
                    part[j] += row[j];
            }
            for (size_t j = 0; j < length; j++)
                sum[j] += part[j];
        }
        for (; r < rows; r++)
            for (size_t j = 0; j < n; j++)
                sum[j] += dy[r * stride + first + j];
        for (size_t lane = n; lane < length; lane += n)
            for (size_t j = 0; j < n; j++)
                sum[j] += sum[lane + j];
        for (size_t j = 0; j < n; j++)
            gradient[first + j] = scale * sum[j];
    }
}

/* dx = 0 where x is not above 0. */
static void mask(spt_tile tile, size_t stride, const spt_real *restrict x, spt_real *restrict dx) {
    if (tile.columns == stride) { /* rows lie side by side: one long row */
        tile.columns *= tile.rows;
        tile.rows = 1;
    }
    for (size_t r = 0; r < tile.rows; r++)
        for (size_t j = 0; j < tile.columns; j++)
            dx[r * stride + j] = x[r * stride + j] > 0 ? dx[r * stride + j] : 0;
}

/* Tile 0 is the member's as tile `first_tile` of a longer list would be. x NULL: no mask. */
static void input_gradient(const spt_member *member, size_t first_tile, const spt_layer *layer,
                           const spt_real *parameters, const spt_real *x, size_t rows, const spt_real *dy,
                           spt_real *dx) {
    size_t in = layer->fan_in, out = layer->fan_out;
    const spt_real *weight = parameters + layer->weight_offset;
    spt_tiling tiling = tiling_of(member, rows, in, out);
    for (size_t i = 0; i < spt_tiling_count(&tiling); i++) {
        if (!owns(member, first_tile + i))
            continue;
        spt_tile t = spt_tiling_at(&tiling, i);
        spt_real *dx_tile = dx + t.row * in + t.column;
        spt_gemm(CblasNoTrans, CblasNoTrans, t.rows, t.columns, out, layer->weight_scale, dy + t.row * out, out,
                 weight + t.column, in, dx_tile, in);
        if (x != NULL)
            mask(t, in, x + t.row * in + t.column, dx_tile);
    }
}

void spt_dense_backward(const spt_member *member, const spt_layer *layer, const spt_real *parameters, const spt_real *x,
                        size_t rows, const spt_real *dy, spt_real *gradient, spt_real *dx) {
    size_t in = layer->fan_in, out = layer->fan_out;
    spt_tiling tiling = tiling_of(member, out, in, rows);
    size_t weight_tiles = spt_tiling_count(&tiling);
    for (size_t i = 0; i < weight_tiles; i++) {
        if (!owns(member, i))
            continue;
        spt_tile t = spt_tiling_at(&tiling, i);
        spt_gemm(CblasTrans, CblasNoTrans, t.rows, t.columns, rows, layer->weight_scale, dy + t.row, out, x + t.column,
                 in, gradient + layer->weight_offset + t.row * in + t.column, in);
        if (t.column == 0)
            bias_gradient(dy + t.row, rows, t.rows, out, (spt_real)layer->bias_scale,
                          gradient + layer->bias_offset + t.row);
    }
    if (dx != NULL)
        input_gradient(member, weight_tiles, layer, parameters, x, rows, dy, dx);
}

void spt_dense_input_gradient(const spt_layer *layer, const spt_real *parameters, const spt_real *x, size_t rows,
                              const spt_real *dy, spt_real *dx) {
    input_gradient(NULL, 0, layer, parameters, x, rows, dy, dx);
}

/* Tiles of a product, as members that it can keep busy: a small one is not worth another thread's barrier. */
static size_t useful(size_t rows, size_t columns, size_t depth) {
    spt_tiling tiling = spt_tiling_of_product(rows, columns, depth);
    return 2.0 * (double)rows * (double)columns * (double)depth < USEFUL_FLOPS ? 0 : spt_tiling_count(&tiling);
}

size_t spt_dense_members(const spt_layer *layer, size_t rows) {
    size_t in = layer->fan_in, out = layer->fan_out;
    size_t forward = useful(rows, out, in);
    size_t backward = useful(out, in, rows) + useful(rows, in, out);
    return forward > backward ? forward : backward;
}
