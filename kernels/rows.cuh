// The points of a probe, made where they are needed: a slab of terms of a tile's rows, straight into shared memory.
// Twin of spt_probe_rows (host/probe/probe.c): the same rounding, hence the same bits.
#ifndef SPT_KERNELS_ROWS_CUH
#define SPT_KERNELS_ROWS_CUH

#include <math.h>
#include <stdint.h>

#include "gemm.cuh"

// Rows first .. first + count - 1 of a probe. Either points is set, or origin and direction are; all device memory.
typedef struct spt_rows {
    const float *points;    // (all rows, inputs)
    const float *origin;    // (series, inputs)
    const float *direction; // (series, inputs), of the run in slot 0
    uint64_t run_floats;    // from slot to slot of the directions; 0: all runs have the same
    double t0, dt;
    uint64_t first;
    uint32_t count, inputs, samples;
} spt_rows;

/** The rows as they are for the run in this slot. */
static __device__ __forceinline__ spt_rows spt_rows_of(const spt_rows &rows, uint32_t slot) {
    spt_rows mine = rows;
    mine.direction += slot * rows.run_floats;
    return mine;
}

// What is known of each row of a tile before its terms are made; shared memory, one entry a row.
typedef struct spt_row_place {
    uint64_t at; // of its origin, or of the point itself, in floats
    float t;
} spt_row_place;

/** Place of row `index` of `rows`; t = (float)(t0 + sample dt), the product rounded before the sum as on the host. */
static __device__ __forceinline__ spt_row_place spt_row_place_of(const spt_rows &rows, uint32_t index) {
    const uint64_t row = rows.first + index;
    if (rows.points != nullptr)
        return {row * rows.inputs, 0.0f};
    const uint64_t series = row / rows.samples, sample = row - series * rows.samples;
    return {series * rows.inputs, __double2float_rn(__dadd_rn(rows.t0, __dmul_rn((double)sample, rows.dt)))};
}

// A thread's part of a slab on its way: read before the terms at hand are multiplied, put down after.
template <typename S>
struct spt_row_part {
    static constexpr int ROWS = S::ROWS * 8 / S::THREADS, TERMS = S::DEPTH / 8;
    float origin[ROWS][TERMS], direction[ROWS][TERMS];
};

/** Read what rows 0 .. length - 1 of the tile need for terms first .. first + DEPTH - 1. */
template <typename S>
static __device__ __forceinline__ void spt_rows_fetch(const spt_rows &rows, const spt_row_place *place, uint32_t length,
                                                      uint32_t first, spt_row_part<S> &part) {
    const uint32_t term = first + threadIdx.x % 8, row = threadIdx.x / 8;
    const float *from = rows.points != nullptr ? rows.points : rows.origin;
#pragma unroll
    for (int i = 0; i < part.ROWS; i++) {
#pragma unroll
        for (int j = 0; j < part.TERMS; j++) {
            const uint32_t r = row + i * (S::THREADS / 8), k = term + j * 8;
            const bool inside = r < length && k < rows.inputs;
            part.origin[i][j] = inside ? from[place[r].at + k] : 0.0f;
            part.direction[i][j] = inside && rows.points == nullptr ? rows.direction[place[r].at + k] : 0.0f;
        }
    }
}

/** origin + t direction, one rounding, into a stage of the engine's layout: term after term, rows along. */
template <typename S>
static __device__ __forceinline__ void spt_rows_put(const spt_row_place *place, const spt_row_part<S> &part,
                                                    float *stage) {
    const uint32_t term = threadIdx.x % 8, row = threadIdx.x / 8;
#pragma unroll
    for (int i = 0; i < part.ROWS; i++) {
        const uint32_t r = row + i * (S::THREADS / 8);
        const float t = place[r].t;
#pragma unroll
        for (int j = 0; j < part.TERMS; j++)
            stage[(term + j * 8) * S::A_ROW + r] = fmaf(t, part.direction[i][j], part.origin[i][j]);
    }
}

#endif
