// The tile engine of all dense layers: a block computes one tile of C = A B in float32, for operands of any shape.
//
// Map:    a block per tile; a warp computes 4 TM x 8 TN of it, a thread TM x TN, in groups of 4 neighbouring rows and
//         VECTOR neighbouring columns, so that fragments are read as vectors.
// Shared: STAGES slabs of A and B, DEPTH terms deep, each term a row of the tile's length + PAD floats. Operands whose
//         rows run along the terms are transposed on the way in, four bytes at a time: 8 terms x 4 rows a warp, and
//         with PAD = 4 these 32 land in 32 banks. The others come in 16 bytes at a time where their rows allow it.
// Bound:  2 m n k FLOP against (m + n) k / TILE loads of 4 bytes a block: at 64 x 64, 16 FLOP a byte from L2; 32 at
// 128.
//
// A number of C is one chain of fused multiply-adds in the order of the terms (with slices: one chain a slice, the
// chains added in order). Neither the tile's shape nor the grid changes a bit of it.
#ifndef SPT_KERNELS_GEMM_CUH
#define SPT_KERNELS_GEMM_CUH

#include <stdint.h>

#include "ptx.cuh"

enum { SPT_GEMM_PAD = 4 };

template <int ROWS_, int COLUMNS_, int DEPTH_, int STAGES_, int WARP_ROWS_, int WARP_COLUMNS_, int TM_, int TN_>
struct spt_shape {
    static constexpr int ROWS = ROWS_, COLUMNS = COLUMNS_; // of the tile
    static constexpr int DEPTH = DEPTH_, STAGES = STAGES_;
    static constexpr int WARP_ROWS = WARP_ROWS_, WARP_COLUMNS = WARP_COLUMNS_; // warps
    static constexpr int TM = TM_, TN = TN_;                                   // of a thread
    static constexpr int VECTOR = TN < 4 ? TN : 4;
    static constexpr int THREADS = 32 * WARP_ROWS * WARP_COLUMNS;
    static constexpr int A_ROW = ROWS + SPT_GEMM_PAD, B_ROW = COLUMNS + SPT_GEMM_PAD; // floats a term
    static constexpr int A_STAGE = DEPTH * A_ROW, B_STAGE = DEPTH * B_ROW;
    static constexpr int SHARED = STAGES * (A_STAGE + B_STAGE);
    static constexpr int PARTIAL = ROWS * COLUMNS + ROWS; // floats of a slice: sums, and the row sums
    static_assert(WARP_ROWS * 4 * TM == ROWS && WARP_COLUMNS * 8 * TN == COLUMNS, "threads cover the tile");
    static_assert(TM % 4 == 0 && DEPTH % 8 == 0 && ROWS % 32 == 0 && COLUMNS % 32 == 0, "vectors and banks");
    static_assert(ROWS <= THREADS, "a thread a row sums the bias gradient");
};

// Shapes. The first two share a kernel of 128 threads, the third has one of its own.
typedef spt_shape<32, 32, 16, 3, 2, 2, 4, 2> spt_shape_small;
typedef spt_shape<64, 64, 16, 3, 2, 2, 8, 4> spt_shape_medium;
typedef spt_shape<128, 128, 8, 4, 4, 2, 8, 8> spt_shape_large;

// Part of an operand: `length` rows or columns of the tile (those past it are zero), starting at `at`.
typedef struct spt_operand {
    const float *at; // at the tile's first row and the first term
    uint32_t stride; // floats from row to row of the array
    uint32_t length; // rows of the tile that there are
} spt_operand;

/** Bring terms first .. first + DEPTH - 1 (those from `end` on are zero) of an operand whose terms are contiguous.
 *  Offsets within a tile fit in 32 bits: 128 rows of at most 2^24 floats. */
template <int LENGTH, int DEPTH, int THREADS>
static __device__ __forceinline__ void spt_stage_transposed(float *stage, spt_operand operand, uint32_t first,
                                                            uint32_t end) {
    const uint32_t term = threadIdx.x % 8, row = threadIdx.x / 8, offset = row * operand.stride + term;
    const float *origin = operand.at + first;
    float *to = stage + term * (LENGTH + SPT_GEMM_PAD) + row;
#pragma unroll
    for (uint32_t i = 0; i < LENGTH; i += THREADS / 8) {
#pragma unroll
        for (uint32_t j = 0; j < DEPTH; j += 8) {
            const bool inside = row + i < operand.length && first + term + j < end;
            spt_copy_async<4>(to + j * (LENGTH + SPT_GEMM_PAD) + i,
                              origin + (inside ? offset + i * operand.stride + j : 0), inside ? 4 : 0);
        }
    }
}

/** The same for an operand whose rows of the tile are contiguous, each term `stride` floats after the one before. */
template <int LENGTH, int DEPTH, int THREADS>
static __device__ __forceinline__ void spt_stage_straight(float *stage, spt_operand operand, uint32_t first,
                                                          uint32_t end) {
    const float *origin = operand.at + (uint64_t)first * operand.stride;
    if (operand.stride % 4 == 0) { // then every row starts at a multiple of 16 bytes: arrays and tiles do
#pragma unroll
        for (uint32_t i = 0; i < LENGTH * DEPTH / 4; i += THREADS) {
            const uint32_t index = threadIdx.x + i, term = index / (LENGTH / 4), row = index % (LENGTH / 4) * 4;
            const bool inside = first + term < end && row < operand.length;
            const uint32_t rest = operand.length - row;
            spt_copy_async<16>(stage + term * (LENGTH + SPT_GEMM_PAD) + row,
                               origin + (inside ? term * operand.stride + row : 0),
                               !inside    ? 0
                               : rest < 4 ? 4 * rest
                                          : 16);
        }
    } else {
#pragma unroll
        for (uint32_t i = 0; i < LENGTH * DEPTH; i += THREADS) {
            const uint32_t index = threadIdx.x + i, term = index / LENGTH, row = index % LENGTH;
            const bool inside = first + term < end && row < operand.length;
            spt_copy_async<4>(stage + term * (LENGTH + SPT_GEMM_PAD) + row,
                              origin + (inside ? term * operand.stride + row : 0), inside ? 4 : 0);
        }
    }
}

/** Row of the tile of a thread's i-th row, and the first column of its j-th vector of columns. */
template <typename S>
static __device__ __forceinline__ uint32_t spt_tile_row(uint32_t i) {
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    return warp / S::WARP_COLUMNS * 4 * S::TM + i / 4 * 16 + lane / 8 * 4 + i % 4;
}
template <typename S>
static __device__ __forceinline__ uint32_t spt_tile_column(uint32_t j) {
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    return warp % S::WARP_COLUMNS * 8 * S::TN + j * 8 * S::VECTOR + lane % 8 * S::VECTOR;
}

template <int N>
static __device__ __forceinline__ void spt_load_vector(const float *from, float *to) {
    if constexpr (N == 4) {
        const float4 v = *(const float4 *)from;
        to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
    } else {
        const float2 v = *(const float2 *)from;
        to[0] = v.x, to[1] = v.y;
    }
}

/** Add DEPTH terms to the thread's part of C. */
template <typename S>
static __device__ __forceinline__ void spt_tile_multiply(const float *a, const float *b, float (&sum)[S::TM][S::TN]) {
    const float *a_row = a + spt_tile_row<S>(0), *b_column = b + spt_tile_column<S>(0);
#pragma unroll
    for (int k = 0; k < S::DEPTH; k++) {
        float a_part[S::TM], b_part[S::TN];
#pragma unroll
        for (int i = 0; i < S::TM; i += 4)
            spt_load_vector<4>(a_row + k * S::A_ROW + i * 4, a_part + i);
#pragma unroll
        for (int j = 0; j < S::TN; j += S::VECTOR)
            spt_load_vector<S::VECTOR>(b_column + k * S::B_ROW + j * 8, b_part + j);
#pragma unroll
        for (int i = 0; i < S::TM; i++)
#pragma unroll
            for (int j = 0; j < S::TN; j++)
                sum[i][j] = fmaf(a_part[i], b_part[j], sum[i][j]);
    }
}

// The sum over the terms of one row of A, kept by thread `row`: the bias gradient when A is dY^T. Blocks of 64 terms
// are summed before they are added to the rest, as on the CPU.
typedef struct spt_row_sum {
    float block, rest;
} spt_row_sum;
enum { SPT_BIAS_BLOCK = 64 };

template <typename S>
static __device__ __forceinline__ void spt_row_sum_add(const float *a, uint32_t done, spt_row_sum &sum) {
    if (threadIdx.x < S::ROWS) {
#pragma unroll
        for (int k = 0; k < S::DEPTH; k++)
            sum.block += a[k * S::A_ROW + threadIdx.x];
        if ((done + S::DEPTH) % SPT_BIAS_BLOCK == 0) {
            sum.rest += sum.block;
            sum.block = 0.0f;
        }
    }
}

/** Terms first .. end - 1 of a tile. All threads of the block call it; shared (S::SHARED floats, 16-byte aligned) is
 * free again when it returns. With sum_rows, the rows of A are summed on the way (first is then a multiple of 64). */
template <typename S, bool A_TRANSPOSED, bool B_TRANSPOSED>
static __device__ __forceinline__ void spt_tile_sum(float *shared, spt_operand a, spt_operand b, uint32_t first,
                                                    uint32_t end, float (&sum)[S::TM][S::TN], bool sum_rows,
                                                    spt_row_sum &row_sum) {
    float *const a_stage = shared, *const b_stage = shared + S::STAGES * S::A_STAGE;
    const uint32_t slabs = first < end ? (end - first + S::DEPTH - 1) / S::DEPTH : 0;
    auto bring = [&](uint32_t slab) {
        if (slab < slabs) {
            const uint32_t stage = slab % S::STAGES, term = first + slab * S::DEPTH;
            if constexpr (A_TRANSPOSED)
                spt_stage_transposed<S::ROWS, S::DEPTH, S::THREADS>(a_stage + stage * S::A_STAGE, a, term, end);
            else
                spt_stage_straight<S::ROWS, S::DEPTH, S::THREADS>(a_stage + stage * S::A_STAGE, a, term, end);
            if constexpr (B_TRANSPOSED)
                spt_stage_transposed<S::COLUMNS, S::DEPTH, S::THREADS>(b_stage + stage * S::B_STAGE, b, term, end);
            else
                spt_stage_straight<S::COLUMNS, S::DEPTH, S::THREADS>(b_stage + stage * S::B_STAGE, b, term, end);
        }
        spt_copy_async_commit(); // an empty group too, so that the count of groups in flight stays the same
    };
    for (uint32_t slab = 0; slab < S::STAGES - 1; slab++)
        bring(slab);
    for (uint32_t slab = 0; slab < slabs; slab++) {
        spt_copy_async_wait<S::STAGES - 2>();
        __syncthreads(); // this slab is there for all, and the stage of the one before is free
        bring(slab + S::STAGES - 1);
        const uint32_t stage = slab % S::STAGES;
        if (sum_rows)
            spt_row_sum_add<S>(a_stage + stage * S::A_STAGE, slab * S::DEPTH, row_sum);
        spt_tile_multiply<S>(a_stage + stage * S::A_STAGE, b_stage + stage * S::B_STAGE, sum);
    }
    spt_copy_async_wait<0>();
    __syncthreads();
}

#endif
