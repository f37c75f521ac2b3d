// Dense layers of all runs of a group: problems, the tiles they are cut into, and the three phases that compute them.
// Twin of host/cpu/dense.h. A phase is one launch (two when it has large tiles too), whatever runs are in it.
#ifndef SPT_KERNELS_DENSE_CUH
#define SPT_KERNELS_DENSE_CUH

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include "optimizer.cuh"

typedef enum spt_phase_kind {
    SPT_PHASE_FORWARD,         // y = scale x W^T + bias_scale b, ReLU:  m = rows, n = fan_out, k = fan_in
    SPT_PHASE_INPUT_GRADIENT,  // dx = scale dy W where x > 0:           m = rows, n = fan_in,  k = fan_out
    SPT_PHASE_WEIGHT_GRADIENT, // W from dW = scale dy^T x, b likewise:  m = fan_out, n = fan_in, k = rows
    SPT_PHASE_KINDS
} spt_phase_kind;

typedef enum spt_tile_shape { SPT_TILE_SMALL, SPT_TILE_MEDIUM, SPT_TILE_LARGE, SPT_TILE_CUBLAS } spt_tile_shape;

// One product C (m, n) = scale A B of one layer of one run. Strides in floats; those of activations are multiples of 4.
typedef struct spt_dense_problem {
    const float *a; // x; dy; dy (rows, m)
    const float *b; // W; W; x (rows, n)
    float *c;       // y; dx; the gradient, for cuBLAS only: tiles update the weights where they are
    uint32_t a_stride, b_stride, c_stride;
    uint32_t m, n, k; // 0 stands for the rows of the batch
    uint32_t run;     // in the group's tables of optimizers and steps
    uint32_t shape;   // spt_tile_shape
    uint32_t relu;    // forward
    uint32_t is_data; // forward: a is the whole split, its rows from `first_row` on are meant
    float scale, bias_scale;
    const float *bias;           // forward
    const float *mask;           // input gradient: x, strided as c
    uint64_t weight_at, bias_at; // weight gradient: in the run's block
    // The terms of a long sum are cut into slices, a tile each; the last to arrive adds them up in their order.
    uint32_t slices, slice_terms;
    float *partial;    // (tiles, slices, spt_dense_partial_floats(shape))
    uint32_t *arrived; // (tiles), zero between launches
} spt_dense_problem;

typedef struct spt_tile {
    uint32_t problem, row, column, slice; // row and column of C where it starts
} spt_tile;

// Training and recording run at the same time, in streams of their own: each has its own room for the sums of slices,
// and for cuBLAS.
typedef enum spt_dense_use { SPT_DENSE_TRAINING, SPT_DENSE_RECORDING, SPT_DENSE_USES } spt_dense_use;

// One phase as it is launched: its problems are told by the tiles.
typedef struct spt_dense_phase {
    const spt_dense_problem *problems; // device; of all phases
    const spt_tile *compact, *large;   // device: tiles of small and medium, and of large shape
    uint32_t n_compact, n_large;
    const spt_dense_problem *cublas; // host: problems that cuBLAS takes
    uint32_t n_cublas;
    spt_dense_use use;
} spt_dense_phase;

// What all tiles of a launch share.
typedef struct spt_dense_batch {
    uint32_t rows;                         // of this step
    uint32_t first_row;                    // for is_data
    const spt_run_step *step;              // (runs); NULL: every run takes part (evaluation)
    const spt_device_optimizer *optimizer; // (runs); weight gradient
} spt_dense_batch;

/** Which shape a product gets: by its own shape alone, so that a run's bits do not depend on its group. */
typedef struct spt_dense_choice {
    uint32_t medium_tiles;                  // medium when C has as many tiles of 64 x 64
    uint32_t large_tiles;                   // large when C has as many tiles of 128 x 128
    uint32_t cublas_least[SPT_PHASE_KINDS]; // cuBLAS when fan_in, fan_out and rows reach it; UINT32_MAX: never
} spt_dense_choice;
extern const spt_dense_choice spt_dense_choice_default;

spt_tile_shape spt_dense_choose(const spt_dense_choice *choice, spt_phase_kind kind, uint32_t m, uint32_t n,
                                uint32_t k);
/** Rows and columns of a tile (0 for SPT_TILE_CUBLAS). */
void spt_dense_tile_size(spt_tile_shape shape, uint32_t *rows, uint32_t *columns);
/** Floats that one slice of one tile leaves. */
size_t spt_dense_partial_floats(spt_tile_shape shape);

/** Launch the tiles of a phase. */
cudaError_t spt_dense_launch(spt_phase_kind kind, const spt_dense_phase *phase, const spt_dense_batch *batch,
                             cudaStream_t stream);

#endif
