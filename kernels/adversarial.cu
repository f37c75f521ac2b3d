// Forward and backward to the inputs, of all runs on the origins of their lines, a launch a layer. Twin of
// host/cpu/adversarial.c.
//
// Map:    a block of 128 threads per (run, tile of 32 lines x 64 units of the layer), by the engine of dense layers
//         (gemm.cuh); blocks past the last layer or unit of a narrower or shallower run end at once. The scaling takes
//         a warp a line. Lines go in batches of 512.
// Shared: the engine's slabs, 19,968 bytes.
// Bound:  4 P FLOP a line, weights read twice for every 32 lines: 16 FLOP a byte of L2, and in truth the launches, two
// a
//         layer: 100 lines of the main job's 57 runs are 0.3 GFLOP.
//
// Gradients take the place of the activations that mask them: a number is read and written by the same thread, and
// nothing else reads it in that launch. Sums of products are chains in the order of the terms, float32 as on the CPU.
#include "adversarial.cuh"

#include "gemm.cuh"
#include "launch.cuh"
#include "loss.cuh"
#include "shared.cuh"

typedef spt_shape<32, 64, 16, 3, 2, 2, 4, 4> shape;
enum { LINES_MOST = 512, SCALE_THREADS = 128 };

// A launch: some lines, the tiles of the widest layer.
typedef struct adversarial_batch {
    uint32_t first, lines, row_tiles, column_tiles;
} adversarial_batch;

/** Of a slot: outputs (lines, outputs), then each hidden layer (lines, width). */
static __device__ __forceinline__ float *output_of(const spt_adversarial &a, uint32_t slot) {
    return a.space + slot * a.space_floats;
}
static __device__ __forceinline__ float *hidden_of(const spt_adversarial &a, const adversarial_batch &batch,
                                                   const spt_device_network &network, uint32_t slot, uint32_t l) {
    return output_of(a, slot) + (uint64_t)batch.lines * (network.outputs + (uint64_t)l * network.width);
}

// What a block computes: a tile of one layer of one run.
typedef struct adversarial_tile {
    uint32_t slot, row, column;
} adversarial_tile;

static __device__ __forceinline__ adversarial_tile tile_of(const adversarial_batch &batch, uint32_t slot) {
    const uint32_t tile = blockIdx.x % (batch.row_tiles * batch.column_tiles);
    return {slot, tile % batch.row_tiles * shape::ROWS, tile / batch.row_tiles * shape::COLUMNS};
}

static __device__ __forceinline__ spt_forward_run run_of(const spt_forward_run *runs, const adversarial_batch &batch) {
    return runs[blockIdx.x / (batch.row_tiles * batch.column_tiles)];
}

/** Call take(row, column, sum) for the thread's numbers of the tile that exist. */
template <typename Take>
static __device__ __forceinline__ void for_each(const adversarial_tile &tile, uint32_t rows, uint32_t columns,
                                                const float (&sum)[shape::TM][shape::TN], Take take) {
#pragma unroll
    for (int i = 0; i < shape::TM; i++)
#pragma unroll
        for (int j = 0; j < shape::TN; j++) {
            const uint32_t row = tile.row + spt_tile_row<shape>(i);
            const uint32_t column = tile.column + spt_tile_column<shape>(j / shape::VECTOR) + j % shape::VECTOR;
            if (row < rows && column < columns)
                take(row, column, sum[i][j]);
        }
}

/** Layer l of every run that has it. */
static __global__ void __launch_bounds__(shape::THREADS)
    adversarial_forward(const spt_device_network *networks, const spt_forward_run *runs, const spt_adversarial a,
                        const adversarial_batch batch, uint32_t l) {
    SPT_SHARED(float, shared, [shape::SHARED]);
    const spt_forward_run run = run_of(runs, batch);
    const spt_device_network network = networks[run.network];
    const adversarial_tile tile = tile_of(batch, run.slot);
    if (l >= network.n_layers || tile.column >= network.layers[l].fan_out)
        return;
    const spt_device_layer layer = network.layers[l];
    const bool is_last = l + 1 == network.n_layers;
    const float *const x =
        l == 0 ? a.origin + (uint64_t)batch.first * a.inputs : hidden_of(a, batch, network, run.slot, l - 1);
    float *const y = is_last ? output_of(a, run.slot) : hidden_of(a, batch, network, run.slot, l);
    const float *const weight = network.parameters + layer.weight_offset + (uint64_t)tile.column * layer.fan_in;
    const float *const bias = network.parameters + layer.bias_offset;
    const spt_operand of_x = {x + (uint64_t)tile.row * layer.fan_in, layer.fan_in, batch.lines - tile.row};
    const spt_operand of_weight = {weight, layer.fan_in, layer.fan_out - tile.column};
    float sum[shape::TM][shape::TN] = {};
    spt_row_sum none = {0.0f, 0.0f};
    spt_tile_sum<shape, true, true>(shared, of_x, of_weight, 0, layer.fan_in, sum, false, none);
    for_each(tile, batch.lines, layer.fan_out, sum, [&](uint32_t row, uint32_t column, float of_tile) {
        const float z = layer.weight_scale * of_tile + layer.bias_scale * bias[column];
        y[(uint64_t)row * layer.fan_out + column] = !is_last && z < 0.0f ? 0.0f : z;
    });
}

/** Through the layer that is `back` below the last, to its inputs, of every run that has it. */
static __global__ void __launch_bounds__(shape::THREADS)
    adversarial_backward(const spt_device_network *networks, const spt_forward_run *runs, const spt_adversarial a,
                         const adversarial_batch batch, uint32_t back) {
    SPT_SHARED(float, shared, [shape::SHARED]);
    const spt_forward_run run = run_of(runs, batch);
    const spt_device_network network = networks[run.network];
    const adversarial_tile tile = tile_of(batch, run.slot);
    if (back >= network.n_layers || tile.column >= network.layers[network.n_layers - 1 - back].fan_in)
        return;
    const uint32_t l = network.n_layers - 1 - back;
    const spt_device_layer layer = network.layers[l];
    const float *const dy = back == 0 ? output_of(a, run.slot) : hidden_of(a, batch, network, run.slot, l);
    float *const dx = l == 0 ? a.direction + ((uint64_t)run.slot * a.lines + batch.first) * a.inputs
                             : hidden_of(a, batch, network, run.slot, l - 1);
    const spt_operand of_dy = {dy + (uint64_t)tile.row * layer.fan_out, layer.fan_out, batch.lines - tile.row};
    const spt_operand of_weight = {network.parameters + layer.weight_offset + tile.column, layer.fan_in,
                                   layer.fan_in - tile.column};
    float sum[shape::TM][shape::TN] = {};
    spt_row_sum none = {0.0f, 0.0f};
    spt_tile_sum<shape, true, false>(shared, of_dy, of_weight, 0, layer.fan_out, sum, false, none);
    for_each(tile, batch.lines, layer.fan_in, sum, [&](uint32_t row, uint32_t column, float of_tile) {
        float *const at = dx + (uint64_t)row * layer.fan_in + column;
        *at = l == 0 || *at > 0.0f ? layer.weight_scale * of_tile : 0.0f;
    });
}

/** Gradients of all lines scaled to length 1, or the directions that are given. */
static __global__ void __launch_bounds__(SCALE_THREADS) adversarial_scale(const spt_adversarial a, uint64_t count) {
    const uint64_t index = (uint64_t)blockIdx.x * (SCALE_THREADS / 32) + threadIdx.x / 32;
    const uint32_t lane = threadIdx.x % 32;
    if (index >= count)
        return;
    float *const direction = a.direction + index * a.inputs;
    const float *const given = a.given + index % a.lines * a.inputs;
    double square = 0.0;
    for (uint32_t j = lane; j < a.inputs; j += 32)
        square += (double)direction[j] * (double)direction[j];
    for (int step = 16; step > 0; step /= 2)
        square += __shfl_xor_sync(0xffffffffu, square, step);
    const bool there = square > 0.0 && isfinite(square);
    const double length = sqrt(square);
    for (uint32_t j = lane; j < a.inputs; j += 32)
        direction[j] = there ? (float)((double)direction[j] / length) : given[j];
}

// ---- the host's side

static size_t lines_of_batch(size_t lines) {
    return lines < (size_t)LINES_MOST ? lines : (size_t)LINES_MOST;
}

size_t spt_adversarial_floats(const spt_device_network *network, size_t lines) {
    const size_t hidden = network->n_layers - 1;
    return lines_of_batch(lines) * (network->outputs + hidden * network->width);
}

static cudaError_t batch_gradients(const spt_device_network *networks, const spt_forward_run *runs, size_t n_runs,
                                   const spt_adversarial *a, const adversarial_batch *batch, cudaStream_t stream) {
    const unsigned blocks = (unsigned)n_runs * batch->row_tiles * batch->column_tiles;
    const spt_loss_slopes slopes = {a->loss, a->outputs, batch->lines, a->space, a->space_floats};
    cudaError_t error = cudaSuccess;
    for (uint32_t l = 0; l < a->n_layers && error == cudaSuccess; l++)
        error = spt_launch(adversarial_forward, blocks, shape::THREADS, 0, stream, networks, runs, *a, *batch, l);
    if (error == cudaSuccess)
        error = spt_loss_at_prediction(&slopes, n_runs, stream);
    for (uint32_t back = 0; back < a->n_layers && error == cudaSuccess; back++)
        error = spt_launch(adversarial_backward, blocks, shape::THREADS, 0, stream, networks, runs, *a, *batch, back);
    return error;
}

cudaError_t spt_adversarial_directions(const spt_device_network *networks, const spt_forward_run *runs, size_t n_runs,
                                       const spt_adversarial *a, cudaStream_t stream) {
    const uint32_t most = (uint32_t)lines_of_batch(a->lines);
    uint32_t widest = a->width > a->outputs ? a->width : a->outputs;
    widest = a->inputs > widest ? a->inputs : widest;
    cudaError_t error = cudaSuccess;
    for (uint32_t first = 0; first < a->lines && error == cudaSuccess; first += most) {
        const uint32_t lines = a->lines - first < most ? a->lines - first : most;
        const adversarial_batch batch = {first, lines, spt_blocks(lines, shape::ROWS),
                                         spt_blocks(widest, shape::COLUMNS)};
        error = batch_gradients(networks, runs, n_runs, a, &batch, stream);
    }
    const uint64_t count = (uint64_t)n_runs * a->lines;
    if (error == cudaSuccess)
        error =
            spt_launch(adversarial_scale, spt_blocks(count, SCALE_THREADS / 32), SCALE_THREADS, 0, stream, *a, count);
    return error;
}
