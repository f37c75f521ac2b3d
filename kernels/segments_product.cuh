// A dense layer at the corners of a line, by one block, in float64 from float32 weights.
//
// A tile of ROWS corners x COLUMNS units at a time, a thread 2 x 4 of it. Slabs of DEPTH terms lie term after term;
// with a pad of 2 the stores of a warp, 16 terms of 2 rows, meet two at a time in a bank. Weights become float64 on the
// way in, once for all corners. While a slab is multiplied the next one is on its way into registers. A number is one
// chain of fused multiply-adds in the order of the terms.
#ifndef SPT_KERNELS_SEGMENTS_PRODUCT_CUH
#define SPT_KERNELS_SEGMENTS_PRODUCT_CUH

#include <math.h>
#include <stdint.h>

#include "network.cuh"

enum { SEGMENTS_THREADS = 256, SEGMENTS_WARPS = SEGMENTS_THREADS / 32, SEGMENTS_ROWS = 32 };
enum { SEGMENTS_COLUMNS = 64, SEGMENTS_DEPTH = 16, SEGMENTS_PAD = 2 };

// Shared memory of a product: 13,056 bytes.
typedef struct segments_slabs {
    double x[SEGMENTS_DEPTH][SEGMENTS_ROWS + SEGMENTS_PAD];
    double weight[SEGMENTS_DEPTH][SEGMENTS_COLUMNS + SEGMENTS_PAD];
} segments_slabs;

// A thread's part of a slab on its way: one term of 2 corners and of 4 units.
typedef struct segments_part {
    double x[2];
    float weight[4];
} segments_part;

// Where it comes from. Rows and columns past the last are zero.
typedef struct segments_source {
    const float *weight; // of the tile's first unit
    const double *x;     // (n, terms)
    uint32_t first, n, columns, terms;
} segments_source;

static __device__ __forceinline__ segments_part segments_fetch(const segments_source &from, uint32_t term) {
    const uint32_t t = term + threadIdx.x % SEGMENTS_DEPTH, line = threadIdx.x / SEGMENTS_DEPTH;
    const uint32_t lines = SEGMENTS_THREADS / SEGMENTS_DEPTH;
    segments_part part;
#pragma unroll
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t row = line + i * lines;
        const bool inside = row >= from.first && row < from.n && t < from.terms;
        part.x[i] = inside ? from.x[(uint64_t)row * from.terms + t] : 0.0;
    }
#pragma unroll
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t column = line + i * lines;
        const bool inside = column < from.columns && t < from.terms;
        part.weight[i] = inside ? from.weight[(uint64_t)column * from.terms + t] : 0.0f;
    }
    return part;
}

static __device__ __forceinline__ void segments_put(const segments_part &part, segments_slabs &slabs) {
    const uint32_t t = threadIdx.x % SEGMENTS_DEPTH, line = threadIdx.x / SEGMENTS_DEPTH;
    const uint32_t lines = SEGMENTS_THREADS / SEGMENTS_DEPTH;
#pragma unroll
    for (uint32_t i = 0; i < 2; i++)
        slabs.x[t][line + i * lines] = part.x[i];
#pragma unroll
    for (uint32_t i = 0; i < 4; i++)
        slabs.weight[t][line + i * lines] = (double)part.weight[i];
}

/** z = scale x W^T + bias_scale b of corners first .. n - 1, n <= ROWS; with zero, sizes up to zero[unit] become 0. x
 *  (n, fan_in) and z (n, fan_out): what other threads have written is to be seen by all. All threads call it; z is to
 * be seen by all when it returns, and x and the slabs are free again. */
static __device__ void segments_affine(const spt_device_layer &layer, const float *weight, const float *bias,
                                       const double *x, uint32_t first, uint32_t n, const double *zero, double *z,
                                       segments_slabs &slabs) {
    const uint32_t in = layer.fan_in, out = layer.fan_out;
    const uint32_t row = threadIdx.x / 16 * 2, unit = threadIdx.x % 16; // units unit, unit + 16, ...
    for (uint32_t column = 0; column < out; column += SEGMENTS_COLUMNS) {
        const segments_source from = {weight + (uint64_t)column * in, x, first, n, out - column, in};
        double sum[2][4] = {};
        segments_part part = segments_fetch(from, 0);
        for (uint32_t term = 0; term < in; term += SEGMENTS_DEPTH) {
            segments_put(part, slabs);
            __syncthreads();
            if (term + SEGMENTS_DEPTH < in)
                part = segments_fetch(from, term + SEGMENTS_DEPTH);
#pragma unroll
            for (uint32_t k = 0; k < SEGMENTS_DEPTH; k++) {
                const double a[2] = {slabs.x[k][row], slabs.x[k][row + 1]};
#pragma unroll
                for (uint32_t j = 0; j < 4; j++) {
                    const double b = slabs.weight[k][unit + 16 * j];
                    sum[0][j] = fma(a[0], b, sum[0][j]);
                    sum[1][j] = fma(a[1], b, sum[1][j]);
                }
            }
            __syncthreads();
        }
#pragma unroll
        for (uint32_t j = 0; j < 4; j++) {
            const uint32_t u = column + unit + 16 * j;
            const double b = u < out ? layer.exact_bias_scale * (double)bias[u] : 0.0;
            const double least = zero != nullptr && u < out ? zero[u] : -1.0;
#pragma unroll
            for (uint32_t i = 0; i < 2; i++) {
                const double value = layer.exact_weight_scale * sum[i][j] + b;
                if (u < out && row + i >= first && row + i < n)
                    z[(uint64_t)(row + i) * out + u] = fabs(value) <= least ? 0.0 : value;
            }
        }
    }
    __syncthreads();
}

#endif
