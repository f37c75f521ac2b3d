// Forward, input gradient and weight gradient of dense layers, with what follows each fused into it: bias and ReLU; the
// ReLU's mask; the bias gradient and the optimizer. Twin of host/cpu/dense.c.
//
// Map:    a block per tile of C (gemm.cuh); tiles of all layers and runs of a phase in one list, largest problems
// first.
//         128 threads for tiles of 32 x 32 and 64 x 64, 256 for 128 x 128. Tiles past the rows of a short batch, and
//         those of runs that do not take part, end at once.
// Shared: the engine's slabs, 26,112 bytes for 128 threads, 33,792 for 256.
// Bound:  forward        2 B in out FLOP, 4 (B in + B out + in out) bytes
//         input gradient 2 B in out FLOP, 4 (2 B in + B out + in out) bytes
//         weights        2 B in out FLOP, 4 (B in + B out + (2 + 2 moments) in out) bytes
//         so arithmetic above B = 40 or so (sm_90: 67 TFLOP/s, 4.8 TB/s), memory below.
//
// The update reads W where no phase reads it any more: all input gradients are launched before.
#include "dense.cuh"

#include "gemm.cuh"
#include "launch.cuh"
#include "shared.cuh"

const spt_dense_choice spt_dense_choice_default = {4, 128, {UINT32_MAX, UINT32_MAX, UINT32_MAX}};

// A tile of a problem as a block sees it.
typedef struct spt_work {
    uint32_t m, n, k; // of the problem, rows filled in
    uint32_t row, column, slice, slices;
} spt_work;

/** Leave this slice's sums; true for the last block of the tile to do so, which then has the sums of all slices, added
 *  in the order of the slices whoever came last. */
template <typename S>
static __device__ bool join_slices(const spt_dense_problem &p, const spt_work &w, float (&sum)[S::TM][S::TN],
                                   float *bias_sum) {
    SPT_SHARED(uint32_t, is_last);
    const uint32_t tile = w.row / S::ROWS * ((w.n + S::COLUMNS - 1) / S::COLUMNS) + w.column / S::COLUMNS;
    float *first = p.partial + (size_t)tile * p.slices * S::PARTIAL;
    float *mine = first + (size_t)w.slice * S::PARTIAL;
#pragma unroll
    for (int i = 0; i < S::TM; i++)
#pragma unroll
        for (int j = 0; j < S::TN; j++)
            mine[(i * S::TN + j) * S::THREADS + threadIdx.x] = sum[i][j];
    if (threadIdx.x < S::ROWS)
        mine[S::ROWS * S::COLUMNS + threadIdx.x] = *bias_sum;
    // One thread publishes what the barrier gathers, and takes in what others published: fence, count, fence. A fence
    // of another thread than the one that counts would order nothing.
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        is_last = atomicAdd(p.arrived + tile, 1u) == w.slices - 1;
        __threadfence();
        if (is_last)
            atomicExch(p.arrived + tile, 0u);
    }
    __syncthreads();
    if (!is_last)
        return false;
#pragma unroll
    for (int i = 0; i < S::TM; i++)
#pragma unroll
        for (int j = 0; j < S::TN; j++) {
            const float *part = first + (i * S::TN + j) * S::THREADS + threadIdx.x;
            sum[i][j] = part[0];
            for (uint32_t s = 1; s < w.slices; s++)
                sum[i][j] += part[(size_t)s * S::PARTIAL];
        }
    if (threadIdx.x < S::ROWS) {
        const float *part = first + S::ROWS * S::COLUMNS + threadIdx.x;
        *bias_sum = part[0];
        for (uint32_t s = 1; s < w.slices; s++)
            *bias_sum += part[(size_t)s * S::PARTIAL];
    }
    return true;
}

template <int N>
static __device__ __forceinline__ void store_vector(float *to, const float *value, uint32_t there_are) {
    if (there_are >= N) {
        if constexpr (N == 4)
            *(float4 *)to = make_float4(value[0], value[1], value[2], value[3]);
        else
            *(float2 *)to = make_float2(value[0], value[1]);
    } else {
#pragma unroll
        for (uint32_t v = 0; v < N; v++)
            if (v < there_are)
                to[v] = value[v];
    }
}

/** y = scale sum + bias_scale b, through ReLU (which NaN passes, so that a diverged network shows). */
template <typename S>
static __device__ void finish_forward(const spt_dense_problem &p, const spt_work &w, float (&sum)[S::TM][S::TN]) {
#pragma unroll
    for (int j = 0; j < S::TN; j += S::VECTOR) {
        const uint32_t column = w.column + spt_tile_column<S>(j / S::VECTOR);
        float bias[S::VECTOR];
#pragma unroll
        for (int v = 0; v < S::VECTOR; v++)
            bias[v] = column + v < w.n ? p.bias_scale * p.bias[column + v] : 0.0f;
#pragma unroll
        for (int i = 0; i < S::TM; i++) {
            const uint32_t row = w.row + spt_tile_row<S>(i);
            if (row >= w.m || column >= w.n)
                continue;
            float y[S::VECTOR];
#pragma unroll
            for (int v = 0; v < S::VECTOR; v++) {
                const float z = p.scale * sum[i][j + v] + bias[v];
                y[v] = p.relu && z < 0.0f ? 0.0f : z;
            }
            store_vector<S::VECTOR>(p.c + (size_t)row * p.c_stride + column, y, w.n - column);
        }
    }
}

/** dx = scale sum where x > 0. */
template <typename S>
static __device__ void finish_input_gradient(const spt_dense_problem &p, const spt_work &w,
                                             float (&sum)[S::TM][S::TN]) {
#pragma unroll
    for (int j = 0; j < S::TN; j += S::VECTOR) {
        const uint32_t column = w.column + spt_tile_column<S>(j / S::VECTOR);
#pragma unroll
        for (int i = 0; i < S::TM; i++) {
            const uint32_t row = w.row + spt_tile_row<S>(i);
            if (row >= w.m || column >= w.n)
                continue;
            const size_t at = (size_t)row * p.c_stride + column;
            float dx[S::VECTOR];
#pragma unroll
            for (int v = 0; v < S::VECTOR; v++)
                dx[v] = column + v < w.n && p.mask[at + v] > 0.0f ? p.scale * sum[i][j + v] : 0.0f;
            store_vector<S::VECTOR>(p.c + at, dx, w.n - column);
        }
    }
}

/** Call update(place in the run's block, gradient) for the tile's weights. */
template <typename S, typename Update>
static __device__ __forceinline__ void for_each_weight(const spt_dense_problem &p, const spt_work &w,
                                                       float (&sum)[S::TM][S::TN], Update update) {
    const uint32_t n = w.n;
    const float scale = p.scale;
#pragma unroll
    for (int i = 0; i < S::TM; i++) {
        const uint32_t row = w.row + spt_tile_row<S>(i);
        const uint64_t at = p.weight_at + (uint64_t)row * n;
#pragma unroll
        for (int j = 0; j < S::TN; j++) {
            const uint32_t column = w.column + spt_tile_column<S>(j / S::VECTOR) + j % S::VECTOR;
            if (row < w.m && column < n)
                update(at + column, scale * sum[i][j]);
        }
    }
}

/** The optimizer's step for the tile's weights, and for the biases of its rows when it is the first of them. The kind
 * is told apart outside of the loop: the constants of both would not fit in registers beside the sums. */
template <typename S>
static __device__ void finish_weight_gradient(const spt_dense_problem &p, const spt_work &w, float (&sum)[S::TM][S::TN],
                                              float bias_sum, const spt_dense_batch &batch) {
    const spt_device_optimizer optimizer = batch.optimizer[p.run];
    const spt_run_step step = batch.step[p.run];
    if (w.column == 0 && threadIdx.x < S::ROWS && w.row + threadIdx.x < w.m)
        spt_optimizer_update(optimizer, step, p.bias_at + w.row + threadIdx.x, p.bias_scale * bias_sum);
    if (optimizer.kind == SPT_OPTIMIZER_SGD)
        for_each_weight<S>(p, w, sum, [&](uint64_t at, float g) { spt_optimizer_sgd(optimizer, at, g); });
    else
        for_each_weight<S>(p, w, sum, [&](uint64_t at, float g) { spt_optimizer_adam(optimizer, step, at, g); });
}

template <int KIND, typename S>
static __device__ __forceinline__ void compute_tile(float *shared, const spt_dense_problem &p, const spt_tile &tile,
                                                    const spt_dense_batch &batch) {
    spt_work w = {p.m != 0 ? p.m : batch.rows, p.n, p.k != 0 ? p.k : batch.rows, tile.row, tile.column, tile.slice, 1};
    uint32_t first = 0, end = w.k;
    if (p.slices > 1) {
        w.slices = (w.k + p.slice_terms - 1) / p.slice_terms;
        first = w.slice * p.slice_terms;
        end = w.k - first < p.slice_terms ? w.k : first + p.slice_terms;
    }
    if (w.row >= w.m || w.slice >= w.slices)
        return;
    spt_operand a = {p.a, p.a_stride, w.m - w.row}, b = {p.b, p.b_stride, w.n - w.column};
    if constexpr (KIND == SPT_PHASE_WEIGHT_GRADIENT)
        a.at += w.row;
    else
        a.at += (size_t)(w.row + (p.is_data ? batch.first_row : 0)) * a.stride;
    if constexpr (KIND == SPT_PHASE_FORWARD)
        b.at += (size_t)w.column * b.stride;
    else
        b.at += w.column;
    float sum[S::TM][S::TN] = {};
    spt_row_sum row_sum = {0.0f, 0.0f};
    const bool with_bias = KIND == SPT_PHASE_WEIGHT_GRADIENT && w.column == 0;
    spt_tile_sum<S, KIND != SPT_PHASE_WEIGHT_GRADIENT, KIND == SPT_PHASE_FORWARD>(shared, a, b, first, end, sum,
                                                                                  with_bias, row_sum);
    float bias_sum = row_sum.rest + row_sum.block;
    if (w.slices > 1 && !join_slices<S>(p, w, sum, &bias_sum))
        return;
    if constexpr (KIND == SPT_PHASE_FORWARD)
        finish_forward<S>(p, w, sum);
    else if constexpr (KIND == SPT_PHASE_INPUT_GRADIENT)
        finish_input_gradient<S>(p, w, sum);
    else
        finish_weight_gradient<S>(p, w, sum, bias_sum, batch);
}

static __device__ __forceinline__ bool takes_part(const spt_dense_batch &batch, uint32_t run) {
    return batch.step == nullptr || (batch.step[run].active && !batch.step[run].diverged);
}

template <int KIND>
static __global__ void __launch_bounds__(128)
    dense_compact(const spt_dense_problem *problems, const spt_tile *tiles, const spt_dense_batch batch) {
    SPT_SHARED(float, shared, [spt_shape_medium::SHARED]);
    static_assert(spt_shape_small::SHARED <= spt_shape_medium::SHARED, "the smaller shape fits");
    static_assert(spt_shape_small::THREADS == 128 && spt_shape_medium::THREADS == 128, "one kernel for both");
    const spt_tile tile = tiles[blockIdx.x];
    const spt_dense_problem &p = problems[tile.problem];
    if (!takes_part(batch, p.run))
        return;
    if (p.shape == SPT_TILE_SMALL)
        compute_tile<KIND, spt_shape_small>(shared, p, tile, batch);
    else
        compute_tile<KIND, spt_shape_medium>(shared, p, tile, batch);
}

template <int KIND>
static __global__ void __launch_bounds__(256, 2)
    dense_large(const spt_dense_problem *problems, const spt_tile *tiles, const spt_dense_batch batch) {
    SPT_SHARED(float, shared, [spt_shape_large::SHARED]);
    static_assert(spt_shape_large::THREADS == 256, "as launched");
    const spt_tile tile = tiles[blockIdx.x];
    const spt_dense_problem &p = problems[tile.problem];
    if (takes_part(batch, p.run))
        compute_tile<KIND, spt_shape_large>(shared, p, tile, batch);
}

template <int KIND>
static cudaError_t launch(const spt_dense_phase *phase, const spt_dense_batch *batch, cudaStream_t stream) {
    cudaError_t error = cudaSuccess;
    if (phase->n_large > 0)
        error = spt_launch(dense_large<KIND>, phase->n_large, spt_shape_large::THREADS, 0, stream, phase->problems,
                           phase->large, *batch);
    if (error == cudaSuccess && phase->n_compact > 0)
        error = spt_launch(dense_compact<KIND>, phase->n_compact, spt_shape_medium::THREADS, 0, stream, phase->problems,
                           phase->compact, *batch);
    return error;
}

cudaError_t spt_dense_launch(spt_phase_kind kind, const spt_dense_phase *phase, const spt_dense_batch *batch,
                             cudaStream_t stream) {
    switch (kind) {
    case SPT_PHASE_FORWARD:
        return launch<SPT_PHASE_FORWARD>(phase, batch, stream);
    case SPT_PHASE_INPUT_GRADIENT:
        return launch<SPT_PHASE_INPUT_GRADIENT>(phase, batch, stream);
    default:
        return launch<SPT_PHASE_WEIGHT_GRADIENT>(phase, batch, stream);
    }
}

static uint32_t tiles_of(uint32_t m, uint32_t n, uint32_t rows, uint32_t columns) {
    const uint64_t tiles = (uint64_t)((m + rows - 1) / rows) * ((n + columns - 1) / columns);
    return tiles < UINT32_MAX ? (uint32_t)tiles : UINT32_MAX;
}

spt_tile_shape spt_dense_choose(const spt_dense_choice *choice, spt_phase_kind kind, uint32_t m, uint32_t n,
                                uint32_t k) {
    const uint32_t least = m < n ? (m < k ? m : k) : (n < k ? n : k);
    if (least >= choice->cublas_least[kind])
        return SPT_TILE_CUBLAS;
    if (tiles_of(m, n, spt_shape_large::ROWS, spt_shape_large::COLUMNS) >= choice->large_tiles)
        return SPT_TILE_LARGE;
    if (tiles_of(m, n, spt_shape_medium::ROWS, spt_shape_medium::COLUMNS) >= choice->medium_tiles)
        return SPT_TILE_MEDIUM;
    return SPT_TILE_SMALL;
}

void spt_dense_tile_size(spt_tile_shape shape, uint32_t *rows, uint32_t *columns) {
    static const uint32_t size[][2] = {{spt_shape_small::ROWS, spt_shape_small::COLUMNS},
                                       {spt_shape_medium::ROWS, spt_shape_medium::COLUMNS},
                                       {spt_shape_large::ROWS, spt_shape_large::COLUMNS},
                                       {0, 0}};
    *rows = size[shape][0];
    *columns = size[shape][1];
}

size_t spt_dense_partial_floats(spt_tile_shape shape) {
    static const size_t floats[] = {spt_shape_small::PARTIAL, spt_shape_medium::PARTIAL, spt_shape_large::PARTIAL, 0};
    return floats[shape];
}
