// Forward pass of ReLU networks at points made on the fly, all layers of all runs of the group fused into one launch.
//
// Map:    a block per (run, tile of rows): it takes the tile through every layer, a tile of the layer's columns at a
//         time. Blocks of a run follow each other, so that its weights stay in the L2 cache.
// Shared: a layer's activations and the next one's: (width, ROWS + PAD) each, term after term, as the engine
//         (gemm.cuh) reads operand A. Weights stream through the engine's slabs for B, three stages of 16 terms; points
//         through those for A. Bytes: 4 (2 width (ROWS + 4) + 48 (ROWS + COLUMNS + 8)) + 16 ROWS.
// Bound:  2 P FLOP a row and weights read once a tile: with 64 rows 32 FLOP a byte of L2, so arithmetic. Global memory
//         sees 4 (2 inputs / samples + outputs) bytes a row. Columns are padded to COLUMNS: widths just above a
//         multiple lose up to half of the arithmetic. Activations are stored with 4-way bank conflicts, once a layer.
//
// An output is one chain of fused multiply-adds a layer, in the order of the terms, on every path: neither the tile nor
// the path chosen changes a bit.
#include "probe_forward.cuh"

#include "launch.cuh"
#include "shared.cuh"

typedef spt_shape<128, 32, 16, 3, 4, 1, 8, 4> narrow_shape;
typedef spt_shape<64, 64, 16, 3, 2, 2, 8, 4> medium_shape;
typedef spt_shape<64, 128, 16, 3, 2, 4, 8, 4> wide_shape;
typedef spt_shape<32, 128, 16, 3, 2, 4, 4, 4> widest_shape;

enum { NARROW_MOST = 32, MEDIUM_MOST = 192 };

/** Rows that an activation buffer has: the width, up to a whole slab. */
template <typename S>
static __host__ __device__ constexpr uint32_t buffer_terms(uint32_t width) {
    return (width + S::DEPTH - 1) / S::DEPTH * S::DEPTH;
}
template <typename S>
static constexpr size_t shared_bytes(uint32_t width) {
    return sizeof(float) * (S::SHARED + 2 * (size_t)buffer_terms<S>(width) * S::A_ROW);
}
template <typename S>
static constexpr bool fits(uint32_t width, size_t bytes) {
    return shared_bytes<S>(width) + S::ROWS * sizeof(spt_row_place) <= bytes;
}

// Where operand A of a product comes from.
enum spt_source {
    FROM_POINTS,      // made on the fly
    FROM_ACTIVATIONS, // in shared memory
    FROM_GLOBAL       // (rows, width), row-major
};
typedef struct spt_product {
    const spt_rows *rows;       // points
    const spt_row_place *place; // points
    const float *activation;    // shared memory
    spt_operand a;              // global
    uint32_t length;            // rows of the tile that there are
    spt_operand b;              // weights of the tile's columns
    uint32_t terms;
} spt_product;

/** C = A W^T of a tile. All threads call it; the stages are free again when it returns. */
template <typename S, spt_source SOURCE>
static __device__ __forceinline__ void multiply(float *shared, const spt_product &p, float (&sum)[S::TM][S::TN]) {
    float *const a_stage = shared, *const b_stage = shared + S::STAGES * S::A_STAGE;
    const uint32_t slabs = (p.terms + S::DEPTH - 1) / S::DEPTH;
    auto bring = [&](uint32_t slab) {
        if (slab < slabs) {
            const uint32_t stage = slab % S::STAGES, term = slab * S::DEPTH;
            spt_stage_transposed<S::COLUMNS, S::DEPTH, S::THREADS>(b_stage + stage * S::B_STAGE, p.b, term, p.terms);
            if constexpr (SOURCE == FROM_GLOBAL)
                spt_stage_transposed<S::ROWS, S::DEPTH, S::THREADS>(a_stage + stage * S::A_STAGE, p.a, term, p.terms);
        }
        spt_copy_async_commit(); // an empty group too, so that the count of groups in flight stays the same
    };
    spt_row_part<S> part;
    for (uint32_t slab = 0; slab < S::STAGES - 1; slab++) {
        bring(slab);
        if constexpr (SOURCE == FROM_POINTS) {
            spt_rows_fetch<S>(*p.rows, p.place, p.length, slab * S::DEPTH, part);
            spt_rows_put<S>(p.place, part, a_stage + slab * S::A_STAGE);
        }
    }
    for (uint32_t slab = 0; slab < slabs; slab++) {
        spt_copy_async_wait<S::STAGES - 2>();
        __syncthreads(); // this slab is there for all, and the stage of the one before is free
        const uint32_t next = slab + S::STAGES - 1, stage = slab % S::STAGES;
        const bool more = next < slabs;
        bring(next);
        if constexpr (SOURCE == FROM_POINTS)
            if (more)
                spt_rows_fetch<S>(*p.rows, p.place, p.length, next * S::DEPTH, part);
        const float *a =
            SOURCE == FROM_ACTIVATIONS ? p.activation + slab * S::DEPTH * S::A_ROW : a_stage + stage * S::A_STAGE;
        spt_tile_multiply<S>(a, b_stage + stage * S::B_STAGE, sum);
        if constexpr (SOURCE == FROM_POINTS)
            if (more)
                spt_rows_put<S>(p.place, part, a_stage + next % S::STAGES * S::A_STAGE);
    }
    spt_copy_async_wait<0>();
    __syncthreads();
}

/** scale sum + bias_scale b, through ReLU in hidden layers (which NaN passes); 0 past the layer's last column. */
template <typename S>
static __device__ __forceinline__ void add_bias(const spt_device_layer &layer, const float *parameters,
                                                uint32_t first_column, bool relu, float (&sum)[S::TM][S::TN]) {
    const float *bias = parameters + layer.bias_offset;
#pragma unroll
    for (int j = 0; j < S::TN; j++) {
        const uint32_t column = first_column + spt_tile_column<S>(j / S::VECTOR) + j % S::VECTOR;
        const bool inside = column < layer.fan_out;
        const float b = inside ? layer.bias_scale * bias[column] : 0.0f;
#pragma unroll
        for (int i = 0; i < S::TM; i++) {
            const float z = inside ? layer.weight_scale * sum[i][j] + b : 0.0f;
            sum[i][j] = relu && z < 0.0f ? 0.0f : z;
        }
    }
}

/** Activations of a hidden layer, transposed as the next one reads them; whole slabs of terms, zeros past the last. */
template <typename S>
static __device__ __forceinline__ void keep(uint32_t first_column, uint32_t fan_out, const float (&y)[S::TM][S::TN],
                                            float *activation) {
    const uint32_t terms = buffer_terms<S>(fan_out);
#pragma unroll
    for (int j = 0; j < S::TN; j++) {
        const uint32_t column = first_column + spt_tile_column<S>(j / S::VECTOR) + j % S::VECTOR;
        if (column >= terms)
            continue;
#pragma unroll
        for (int i = 0; i < S::TM; i += 4)
            *(float4 *)(activation + column * S::A_ROW + spt_tile_row<S>(i)) =
                make_float4(y[i][j], y[i + 1][j], y[i + 2][j], y[i + 3][j]);
    }
}

/** Outputs of rows first_row .. first_row + length - 1, samples contiguous. */
template <typename S>
static __device__ __forceinline__ void put_out(const spt_forward_output &output, uint32_t slot, uint32_t outputs,
                                               uint32_t first_row, uint32_t length, uint32_t first_column,
                                               const float (&y)[S::TM][S::TN]) {
#pragma unroll
    for (int j = 0; j < S::TN; j++) {
        const uint32_t column = first_column + spt_tile_column<S>(j / S::VECTOR) + j % S::VECTOR;
        if (column >= outputs)
            continue;
        float *to = output.at + slot * output.run_floats + (uint64_t)column * output.rows + first_row;
#pragma unroll
        for (int i = 0; i < S::TM; i++) {
            const uint32_t row = spt_tile_row<S>(i);
            if (row < length)
                to[row] = y[i][j];
        }
    }
}

static __device__ __forceinline__ spt_operand weights_from(const spt_device_layer &layer, const float *parameters,
                                                           uint32_t first_column) {
    return {parameters + layer.weight_offset + (uint64_t)first_column * layer.fan_in, layer.fan_in,
            layer.fan_out - first_column};
}

template <typename S, int BLOCKS>
static __global__ void __launch_bounds__(S::THREADS, BLOCKS)
    forward_fused(const spt_device_network *networks, const spt_forward_run *runs, const spt_rows of_runs,
                  uint32_t tiles, uint32_t width, const spt_forward_output output) {
    SPT_DYNAMIC_SHARED(float, shared);
    SPT_SHARED(spt_row_place, place, [S::ROWS]);
    const spt_forward_run run = runs[blockIdx.x / tiles];
    const spt_rows rows = spt_rows_of(of_runs, run.slot);
    const spt_device_network network = networks[run.network];
    const uint32_t first_row = blockIdx.x % tiles * S::ROWS;
    const uint32_t length = rows.count - first_row < S::ROWS ? rows.count - first_row : S::ROWS;
    float *const activations = shared + S::SHARED;
    const uint32_t buffer = buffer_terms<S>(width) * S::A_ROW;
    if (threadIdx.x < S::ROWS)
        place[threadIdx.x] =
            threadIdx.x < length ? spt_row_place_of(rows, first_row + threadIdx.x) : spt_row_place{0, 0.0f};
    __syncthreads();
    for (uint32_t l = 0; l < network.n_layers; l++) {
        const spt_device_layer layer = network.layers[l];
        const bool is_last = l + 1 == network.n_layers;
        for (uint32_t column = 0; column < layer.fan_out; column += S::COLUMNS) {
            float sum[S::TM][S::TN] = {};
            spt_product p = {&rows,       place,  activations + (l + 1) % 2 * buffer,
                             {},          length, weights_from(layer, network.parameters, column),
                             layer.fan_in};
            if (l == 0)
                multiply<S, FROM_POINTS>(shared, p, sum);
            else
                multiply<S, FROM_ACTIVATIONS>(shared, p, sum);
            add_bias<S>(layer, network.parameters, column, !is_last, sum);
            if (is_last)
                put_out<S>(output, run.slot, network.outputs, first_row, length, column, sum);
            else
                keep<S>(column, layer.fan_out, sum, activations + l % 2 * buffer);
        }
    }
}

// ---- wider networks

typedef struct spt_layer_pass {
    uint32_t layer;
    uint32_t row_tiles;
    uint32_t first; // of the rows at hand
    const float *x; // (rows at hand, fan_in); layer 0 makes points instead
    float *y;       // (rows at hand, fan_out); the last layer writes outputs instead
} spt_layer_pass;

/** One layer of one network for `rows`, a block per tile of the layer's activations. */
template <typename S>
static __global__ void __launch_bounds__(S::THREADS)
    forward_layer(const spt_device_network *networks, const spt_forward_run run, const spt_rows of_runs,
                  const spt_layer_pass pass, const spt_forward_output output) {
    SPT_SHARED(float, shared, [S::SHARED]);
    SPT_SHARED(spt_row_place, place, [S::ROWS]);
    const spt_rows rows = spt_rows_of(of_runs, run.slot);
    const spt_device_network network = networks[run.network];
    const spt_device_layer layer = network.layers[pass.layer];
    const bool is_last = pass.layer + 1 == network.n_layers;
    const uint32_t first_row = blockIdx.x % pass.row_tiles * S::ROWS;
    const uint32_t column = blockIdx.x / pass.row_tiles * S::COLUMNS;
    const uint32_t length = rows.count - first_row < S::ROWS ? rows.count - first_row : S::ROWS;
    float sum[S::TM][S::TN] = {};
    spt_product p = {&rows, place, nullptr, {}, length, weights_from(layer, network.parameters, column), layer.fan_in};
    if (pass.layer == 0) {
        if (threadIdx.x < S::ROWS)
            place[threadIdx.x] =
                threadIdx.x < length ? spt_row_place_of(rows, first_row + threadIdx.x) : spt_row_place{0, 0.0f};
        __syncthreads();
        multiply<S, FROM_POINTS>(shared, p, sum);
    } else {
        p.a = {pass.x + (uint64_t)first_row * layer.fan_in, layer.fan_in, length};
        multiply<S, FROM_GLOBAL>(shared, p, sum);
    }
    add_bias<S>(layer, network.parameters, column, !is_last, sum);
    if (is_last) {
        put_out<S>(output, run.slot, network.outputs, pass.first + first_row, length, column, sum);
        return;
    }
#pragma unroll
    for (int i = 0; i < S::TM; i++) {
        const uint32_t row = spt_tile_row<S>(i);
        float *to = pass.y + (uint64_t)(first_row + row) * layer.fan_out;
#pragma unroll
        for (int j = 0; j < S::TN; j++) {
            const uint32_t c = column + spt_tile_column<S>(j / S::VECTOR) + j % S::VECTOR;
            if (row < length && c < layer.fan_out)
                to[c] = sum[i][j];
        }
    }
}

// ---- the host's side

spt_forward_path spt_forward_choose(uint32_t width, size_t bytes) {
    if (width <= NARROW_MOST && fits<narrow_shape>(width, bytes))
        return SPT_FORWARD_NARROW;
    if (width <= MEDIUM_MOST && fits<medium_shape>(width, bytes))
        return SPT_FORWARD_MEDIUM;
    if (fits<wide_shape>(width, bytes))
        return SPT_FORWARD_WIDE;
    if (fits<widest_shape>(width, bytes))
        return SPT_FORWARD_WIDEST;
    return SPT_FORWARD_LAYERS;
}

template <typename S, int BLOCKS>
static cudaError_t launch_fused(const spt_device_network *networks, const spt_forward_run *runs, size_t n_runs,
                                uint32_t width, const spt_rows *rows, const spt_forward_output *output,
                                cudaStream_t stream) {
    const uint32_t tiles = spt_blocks(rows->count, S::ROWS);
    const size_t bytes = shared_bytes<S>(width);
    cudaError_t error =
        cudaFuncSetAttribute(forward_fused<S, BLOCKS>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    if (error == cudaSuccess)
        error = spt_launch(forward_fused<S, BLOCKS>, (unsigned)(n_runs * tiles), S::THREADS, bytes, stream, networks,
                           runs, *rows, tiles, width, *output);
    return error;
}

cudaError_t spt_forward_fused(spt_forward_path path, const spt_device_network *networks, const spt_forward_run *runs,
                              size_t n_runs, uint32_t width, const spt_rows *rows, const spt_forward_output *output,
                              cudaStream_t stream) {
    switch (path) {
    case SPT_FORWARD_NARROW:
        return launch_fused<narrow_shape, 3>(networks, runs, n_runs, width, rows, output, stream);
    case SPT_FORWARD_MEDIUM:
        return launch_fused<medium_shape, 3>(networks, runs, n_runs, width, rows, output, stream);
    case SPT_FORWARD_WIDE:
        return launch_fused<wide_shape, 1>(networks, runs, n_runs, width, rows, output, stream);
    case SPT_FORWARD_WIDEST:
        return launch_fused<widest_shape, 1>(networks, runs, n_runs, width, rows, output, stream);
    default:
        return cudaErrorInvalidValue;
    }
}

/** Rows of two activations that fit into so many floats: whole tiles. */
static size_t rows_within(size_t floats, uint32_t width) {
    return floats / 2 / width / wide_shape::ROWS * wide_shape::ROWS;
}

// 512 tiles at a time keep every multiprocessor busy, and their activations, 32 MiB, fit into the L2 cache.
size_t spt_forward_layers_floats(uint32_t width) {
    const size_t usual = 2 * 512 * (size_t)(wide_shape::ROWS * wide_shape::COLUMNS);
    const size_t least = 2 * (size_t)wide_shape::ROWS * width;
    return usual > least ? usual : least;
}

cudaError_t spt_forward_layers(const spt_device_network *networks, const spt_device_network *network,
                               spt_forward_run run, const spt_rows *rows, const spt_forward_output *output,
                               float *space, size_t space_floats, cudaStream_t stream) {
    const uint32_t width = network->width;
    size_t at_hand = rows->count; // all, when there is no hidden layer to keep
    if (width > 0 && rows_within(space_floats, width) < at_hand)
        at_hand = rows_within(space_floats, width);
    if (at_hand == 0)
        return cudaErrorInvalidValue;
    float *const half[2] = {space, space + at_hand * width};
    for (uint32_t first = 0; first < rows->count; first += (uint32_t)at_hand) {
        spt_rows part = *rows;
        part.first += first;
        part.count = rows->count - first < at_hand ? rows->count - first : (uint32_t)at_hand;
        const uint32_t row_tiles = spt_blocks(part.count, wide_shape::ROWS);
        for (uint32_t l = 0; l < network->n_layers; l++) {
            const unsigned column_tiles = spt_blocks(network->layers[l].fan_out, wide_shape::COLUMNS);
            const spt_layer_pass pass = {l, row_tiles, first, half[(l + 1) % 2], half[l % 2]};
            cudaError_t error = spt_launch(forward_layer<wide_shape>, row_tiles * column_tiles, wide_shape::THREADS, 0,
                                           stream, networks, run, part, pass, *output);
            if (error != cudaSuccess)
                return error;
        }
    }
    return cudaSuccess;
}
