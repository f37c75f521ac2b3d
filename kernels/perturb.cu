// Perturbed parameters: normals from Philox words, the length of each direction, theta + radius v.
//
// Map:    a block per (direction, piece of 1,024 elements), a thread four neighbouring ones: one Philox call. First the
//         squares of each piece, then a block a direction that adds the pieces, then the pieces again: their normals
//         are made anew, once for all radii, which is less work than keeping them.
// Shared: a number a warp.
// Bound:  writing, 4 bytes an element and radius; the normals are some 150 instructions for four elements.
//
// The length of a direction is summed in float64: lanes as a tree, warps and pieces in order.
#include "perturb.cuh"

#include <math.h>

#include "launch.cuh"
#include "random.cuh"
#include "shared.cuh"

enum { THREADS = 256, WARPS = THREADS / 32, PIECE = 4 * THREADS };

static __device__ __forceinline__ float2 box_muller(uint32_t word, uint32_t next) {
    const float u = fmaf((float)word, 0x1p-32f, 0x1p-33f); // in (0, 1]
    const float a = (float)(next >> 8) * 0x1p-24f;         // exact
    const float radius = sqrtf(-2.0f * logf(u));
    return make_float2(radius * cospif(2.0f * a), radius * sinpif(2.0f * a));
}

/** How many of the elements at .. at + 3 are parameters: tensors start at multiples of 32 and gaps are at their ends.
 */
static __device__ uint32_t parameters_at(const spt_device_network &network, uint64_t at) {
    for (uint32_t l = network.n_layers; l-- > 0;) {
        const spt_device_layer &layer = network.layers[l];
        if (at < layer.weight_offset)
            continue;
        const bool is_bias = at >= layer.bias_offset;
        const uint64_t end =
            is_bias ? layer.bias_offset + layer.fan_out : layer.weight_offset + (uint64_t)layer.fan_out * layer.fan_in;
        return at >= end ? 0 : end - at < 4 ? (uint32_t)(end - at) : 4;
    }
    return 0;
}

/** Normals of elements at .. at + 3, 0 for padding. */
static __device__ __forceinline__ void normals_at(const spt_device_network &network, const spt_perturbation &p,
                                                  uint64_t direction, uint64_t at, float (&z)[4]) {
    const uint4 words = spt_device_random(p.seed, SPT_STREAM_PERTURBATION, direction, at / 4);
    const float2 first = box_muller(words.x, words.y), second = box_muller(words.z, words.w);
    const uint32_t parameters = parameters_at(network, at);
    z[0] = parameters > 0 ? first.x : 0.0f;
    z[1] = parameters > 1 ? first.y : 0.0f;
    z[2] = parameters > 2 ? second.x : 0.0f;
    z[3] = parameters > 3 ? second.y : 0.0f;
}

/** Sum of a number of each thread; thread 0 has it. parts: WARPS, shared. */
static __device__ double block_sum(double value, double *parts) {
    for (int lanes = 16; lanes > 0; lanes /= 2)
        value += __shfl_down_sync(0xffffffffu, value, lanes);
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = value;
    __syncthreads();
    double sum = parts[0];
    for (uint32_t w = 1; w < WARPS; w++)
        sum += parts[w];
    return sum;
}

/** square (directions, pieces) */
static __global__ void __launch_bounds__(THREADS)
    perturb_square(const spt_device_network *network, const spt_perturbation p, uint32_t pieces, double *square) {
    SPT_SHARED(double, parts, [WARPS]);
    const uint32_t direction = blockIdx.x / pieces, piece = blockIdx.x % pieces;
    const uint64_t at = (uint64_t)piece * PIECE + 4 * threadIdx.x;
    float z[4] = {};
    if (at < p.block)
        normals_at(*network, p, p.first_direction + direction, at, z);
    double sum = 0.0;
#pragma unroll
    for (int i = 0; i < 4; i++)
        sum += (double)z[i] * z[i];
    sum = block_sum(sum, parts);
    if (threadIdx.x == 0)
        square[blockIdx.x] = sum;
}

/** length (directions): thread t adds pieces t, t + THREADS, ... */
static __global__ void __launch_bounds__(THREADS)
    perturb_length(const double *square, uint32_t pieces, double *length) {
    SPT_SHARED(double, parts, [WARPS]);
    double sum = 0.0;
    for (uint32_t piece = threadIdx.x; piece < pieces; piece += THREADS)
        sum += square[(uint64_t)blockIdx.x * pieces + piece];
    sum = block_sum(sum, parts);
    if (threadIdx.x == 0)
        length[blockIdx.x] = sqrt(sum);
}

static __global__ void __launch_bounds__(THREADS)
    perturb_write(const spt_device_network *network, const spt_perturbation p, uint32_t pieces, const double *length,
                  float *perturbed) {
    const uint32_t direction = blockIdx.x / pieces, piece = blockIdx.x % pieces;
    const uint64_t at = (uint64_t)piece * PIECE + 4 * threadIdx.x;
    if (at >= p.block)
        return;
    float z[4];
    normals_at(*network, p, p.first_direction + direction, at, z);
    const double of_direction = length[direction];
    const float4 theta = *(const float4 *)(network->parameters + at);
    float *to = perturbed + (uint64_t)direction * p.n_radii * p.block + at;
    for (uint32_t r = 0; r < p.n_radii; r++) {
        const float factor = (float)((double)p.radius[r] / of_direction);
        *(float4 *)(to + r * p.block) = make_float4(fmaf(factor, z[0], theta.x), fmaf(factor, z[1], theta.y),
                                                    fmaf(factor, z[2], theta.z), fmaf(factor, z[3], theta.w));
    }
}

static uint32_t pieces_of(const spt_perturbation *p) {
    return spt_blocks(p->block, PIECE);
}

size_t spt_perturb_space(const spt_perturbation *p) {
    return (size_t)p->n_directions * (pieces_of(p) + 1);
}

cudaError_t spt_perturb(const spt_device_network *network, const spt_perturbation *p, double *space, float *perturbed,
                        cudaStream_t stream) {
    const uint32_t pieces = pieces_of(p);
    const unsigned blocks = (unsigned)p->n_directions * pieces;
    double *const length = space + (size_t)blocks;
    cudaError_t error = spt_launch(perturb_square, blocks, THREADS, 0, stream, network, *p, pieces, space);
    if (error == cudaSuccess)
        error = spt_launch(perturb_length, (unsigned)p->n_directions, THREADS, 0, stream, space, pieces, length);
    if (error == cudaSuccess)
        error = spt_launch(perturb_write, blocks, THREADS, 0, stream, network, *p, pieces, length, perturbed);
    return error;
}
