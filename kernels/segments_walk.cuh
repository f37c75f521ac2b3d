// The corners of a network along a line, found by one block. Twin of host/cpu/segments.c, which says why this is exact.
//
// Corners go through the layers depth first, ROWS of them at a time: when the layer above is full, it goes first, and
// the one below goes on where it was. So space is bounded by the network's shape, and no number of corners is too
// large.
#ifndef SPT_KERNELS_SEGMENTS_WALK_CUH
#define SPT_KERNELS_SEGMENTS_WALK_CUH

#include <math.h>

#include "network.cuh"
#include "segments_product.cuh"
#include "shared.cuh"

enum { SEGMENTS_LAYERS_MOST = 65, SEGMENTS_LOOKS = 9 };
// A pre-activation up to this share of the sum of its terms' sizes is rounding; corners as near as this, in u, are one.
#define SEGMENTS_ZERO  (16.0 * 2.220446049250313e-16)
#define SEGMENTS_APART (4.0 * 2.220446049250313e-16)

// One layer with a block of corners. Lives in shared memory, what it points to in the block's part of the space.
typedef struct walk_layer {
    spt_device_layer shape;
    const float *weight, *bias;
    double *u;    // (ROWS)
    double *x;    // (ROWS, fan_in) its inputs at the corners
    double *z;    // (ROWS, fan_out) its pre-activations
    double *zero; // (fan_out) sizes that are rounding
    // Of each segment between two corners: where units cross zero, by place; which; and which of them begin a corner,
    // their count at the end. Corners that come before those of a segment.
    double *place;          // (ROWS - 1, fan_out) 0 to 1 from the segment's begin to its end
    uint32_t *unit, *start; // (ROWS - 1, fan_out + 1)
    uint32_t *before;       // (ROWS)
    uint32_t n;             // corners in the block
    uint32_t known;         // 1: corner 0 is the last one of the block before, its z is there
    uint32_t handed;        // of before[n - 1] corners, to the layer above
} walk_layer;

// Room for a warp that looks for crossings.
typedef struct walk_found {
    double *place;  // (widest)
    uint32_t *unit; // (widest)
} walk_found;

/** float64 numbers of a layer. */
static __host__ __device__ __forceinline__ uint64_t walk_layer_numbers(const spt_device_layer &layer, bool is_last) {
    const uint64_t in = layer.fan_in, out = layer.fan_out, rows = SEGMENTS_ROWS;
    const uint64_t corners = rows * (1 + in + out), crossings = out + (rows - 1) * (out + out + 1) + rows / 2;
    return is_last ? corners : corners + crossings;
}

/** float64 numbers of the room of all warps. */
static __host__ __device__ __forceinline__ uint64_t walk_found_numbers(uint32_t widest) {
    return SEGMENTS_WARPS * 2 * (uint64_t)widest;
}

/** By one thread. Returns what lies behind the layers. */
static __device__ double *walk_init(const spt_device_network &network, double *space, walk_layer *layers) {
    for (uint32_t l = 0; l < network.n_layers; l++) {
        walk_layer layer = {};
        layer.shape = network.layers[l];
        const uint64_t in = layer.shape.fan_in, out = layer.shape.fan_out;
        layer.weight = network.parameters + layer.shape.weight_offset;
        layer.bias = network.parameters + layer.shape.bias_offset;
        layer.u = space;
        layer.x = layer.u + SEGMENTS_ROWS;
        layer.z = layer.x + SEGMENTS_ROWS * in;
        layer.zero = layer.z + SEGMENTS_ROWS * out;
        layer.place = layer.zero + out;
        layer.unit = (uint32_t *)(layer.place + (SEGMENTS_ROWS - 1) * out);
        layer.start = layer.unit + (SEGMENTS_ROWS - 1) * (out + 1);
        layer.before = layer.start + (SEGMENTS_ROWS - 1) * (out + 1);
        layers[l] = layer;
        space += walk_layer_numbers(layer.shape, l + 1 == network.n_layers);
    }
    return space;
}

static __device__ __forceinline__ double walk_relu(double z) {
    return z > 0.0 ? z : 0.0;
}

// ---- what is rounding

static __device__ __forceinline__ double walk_warp_sum(double value) {
    for (int step = 16; step > 0; step /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

/** The largest size among n numbers, for all threads. parts: WARPS, shared, free again after the next barrier. A NaN is
 *  none. */
static __device__ double walk_largest(const double *x, uint64_t n, double *parts) {
    double largest = 0.0;
    for (uint64_t i = threadIdx.x; i < n; i += SEGMENTS_THREADS)
        largest = fmax(largest, fabs(x[i]));
    for (int step = 16; step > 0; step /= 2)
        largest = fmax(largest, __shfl_xor_sync(0xffffffffu, largest, step));
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = largest;
    __syncthreads();
    for (uint32_t w = 0; w < SEGMENTS_WARPS; w++)
        largest = fmax(largest, parts[w]);
    return largest;
}

/** What is rounding in each unit's pre-activation, from the sizes of its layer's inputs at the points of the way that
 *  are rows 0 .. LOOKS - 1 of the first layer's inputs. */
static __device__ void walk_measure_rounding(walk_layer *layers, uint32_t last, double *parts, segments_slabs &slabs) {
    const uint32_t lane = threadIdx.x % 32;
    for (uint32_t l = 0; l < last; l++) {
        const walk_layer &layer = layers[l];
        const uint32_t in = layer.shape.fan_in, out = layer.shape.fan_out;
        const double largest = walk_largest(layer.x, (uint64_t)SEGMENTS_LOOKS * in, parts);
        for (uint32_t j = threadIdx.x / 32; j < out; j += SEGMENTS_WARPS) {
            const float *const row = layer.weight + (uint64_t)j * in;
            double weights = 0.0;
            for (uint32_t i = lane; i < in; i += 32)
                weights += (double)fabsf(row[i]);
            weights = walk_warp_sum(weights);
            if (lane == 0)
                layer.zero[j] = SEGMENTS_ZERO * (layer.shape.exact_weight_scale * weights * largest +
                                                 layer.shape.exact_bias_scale * (double)fabsf(layer.bias[j]));
        }
        segments_affine(layer.shape, layer.weight, layer.bias, layer.x, 0, SEGMENTS_LOOKS, nullptr, layer.z, slabs);
        for (uint64_t i = threadIdx.x; i < (uint64_t)SEGMENTS_LOOKS * out; i += SEGMENTS_THREADS)
            layers[l + 1].x[i] = walk_relu(layer.z[i]);
        __syncthreads();
    }
}

// ---- crossings

/** Units that cross zero within segment s, in their order, into found: how many. By a warp. */
static __device__ uint32_t walk_find(const walk_layer &layer, uint32_t s, const walk_found &found) {
    const uint32_t out = layer.shape.fan_out, lane = threadIdx.x % 32;
    const double *const begin = layer.z + (uint64_t)s * out, *const end = begin + out;
    const double length = layer.u[s + 1] - layer.u[s];
    uint32_t n = 0;
    for (uint32_t first = 0; first < out; first += 32) {
        const uint32_t j = first + lane;
        bool crosses = false;
        double place = 0.0;
        if (j < out && ((begin[j] < 0.0 && end[j] > 0.0) || (begin[j] > 0.0 && end[j] < 0.0))) {
            place = begin[j] / (begin[j] - end[j]);
            crosses = place * length > SEGMENTS_APART && (1.0 - place) * length > SEGMENTS_APART;
        }
        const uint32_t ballot = __ballot_sync(0xffffffffu, crosses);
        if (crosses) {
            const uint32_t at = n + __popc(ballot & ((1u << lane) - 1u));
            found.place[at] = place;
            found.unit[at] = j;
        }
        n += __popc(ballot);
    }
    __syncwarp();
    return n;
}

/** The corners that segment s makes, without its end: how many. By a warp. */
static __device__ uint32_t walk_corners_of(const walk_layer &layer, uint32_t s, const walk_found &found) {
    const uint32_t lane = threadIdx.x % 32, n = walk_find(layer, s, found);
    const uint64_t at = (uint64_t)s * (layer.shape.fan_out + 1);
    double *const place = layer.place + (uint64_t)s * layer.shape.fan_out;
    uint32_t *const unit = layer.unit + at, *const start = layer.start + at;
    for (uint32_t c = lane; c < n; c += 32) { // each crossing to its rank, equal places by unit
        const double mine = found.place[c];
        uint32_t rank = 0;
        for (uint32_t other = 0; other < n; other++)
            rank += found.place[other] < mine || (found.place[other] == mine && other < c);
        place[rank] = mine;
        unit[rank] = found.unit[c];
    }
    __syncwarp();
    uint32_t corners = 0;
    if (lane == 0) {
        const double length = layer.u[s + 1] - layer.u[s];
        for (uint32_t c = 0; c < n;) {
            start[corners++] = c;
            for (const double first = place[c]; c < n && (place[c] - first) * length <= SEGMENTS_APART;)
                c++;
        }
        start[corners] = n;
    }
    return __shfl_sync(0xffffffffu, corners, 0);
}

/** Pre-activations of the new corners of a layer, and, but for the last, the corners that come of them. Returns how
 * many of those are new; thread 0 has it. */
static __device__ uint32_t walk_enter(walk_layer &layer, bool is_last, const walk_found &found, segments_slabs &slabs) {
    const uint32_t n = layer.n, known = layer.known;
    segments_affine(layer.shape, layer.weight, layer.bias, layer.x, known, n, is_last ? nullptr : layer.zero, layer.z,
                    slabs);
    if (is_last)
        return 0;
    for (uint32_t s = threadIdx.x / 32; s + 1 < n; s += SEGMENTS_WARPS) {
        const uint32_t corners = walk_corners_of(layer, s, found);
        if (threadIdx.x % 32 == 0)
            layer.before[s + 1] = corners;
        __syncwarp(); // before the next segment's crossings take the place of these
    }
    __syncthreads();
    uint32_t sum = 0;
    if (threadIdx.x == 0) {
        layer.handed = 0;
        layer.before[0] = 1 - known; // the very first corner
        for (uint32_t s = 1; s < n; s++) {
            sum += layer.before[s];
            layer.before[s] += layer.before[s - 1] + 1;
        }
    }
    __syncthreads();
    return sum;
}

/** Corner t of those that a layer hands on: its u, and the inputs of the layer above there. By a warp. */
static __device__ void walk_corner(const walk_layer &layer, uint32_t t, double *u, double *x) {
    const uint32_t out = layer.shape.fan_out, lane = threadIdx.x % 32;
    uint32_t s = 0;
    while (t >= layer.before[s + 1])
        s++;
    const double *const begin = layer.z + (uint64_t)s * out, *const end = begin + out;
    const uint32_t corners = layer.before[s + 1] - layer.before[s] - 1;
    if (t < layer.before[0] || t - layer.before[s] == corners) { // an end of a segment
        const bool is_begin = t < layer.before[0];
        for (uint32_t j = lane; j < out; j += 32)
            x[j] = walk_relu(is_begin ? begin[j] : end[j]);
        if (lane == 0)
            *u = layer.u[is_begin ? s : s + 1];
        return;
    }
    const uint32_t *const start = layer.start + (uint64_t)s * (out + 1) + (t - layer.before[s]);
    const uint32_t *const unit = layer.unit + (uint64_t)s * (out + 1);
    const double place = layer.place[(uint64_t)s * out + start[0]];
    for (uint32_t j = lane; j < out; j += 32)
        x[j] = walk_relu(begin[j] + place * (end[j] - begin[j]));
    __syncwarp();
    for (uint32_t c = start[0] + lane; c < start[1]; c += 32)
        x[unit[c]] = 0.0;
    if (lane == 0)
        *u = layer.u[s] + place * (layer.u[s + 1] - layer.u[s]);
}

/** Hand on as many corners as the layer above has room for. */
static __device__ void walk_hand(walk_layer &layer, walk_layer &above) {
    const uint32_t left = layer.before[layer.n - 1] - layer.handed, room = SEGMENTS_ROWS - above.n;
    const uint32_t count = left < room ? left : room;
    for (uint32_t r = threadIdx.x / 32; r < count; r += SEGMENTS_WARPS)
        walk_corner(layer, layer.handed + r, above.u + above.n + r,
                    above.x + (uint64_t)(above.n + r) * above.shape.fan_in);
    __syncthreads();
    if (threadIdx.x == 0) {
        layer.handed += count;
        above.n += count;
    }
    __syncthreads();
}

/** The last corner stays, to begin the next block. */
static __device__ void walk_leave(walk_layer &layer) {
    const uint32_t out = layer.shape.fan_out, n = layer.n;
    for (uint32_t j = threadIdx.x; j < out; j += SEGMENTS_THREADS)
        layer.z[j] = layer.z[(uint64_t)(n - 1) * out + j];
    __syncthreads();
    if (threadIdx.x == 0) {
        layer.u[0] = layer.u[n - 1];
        layer.n = layer.known = 1;
    }
    __syncthreads();
}

/** Walk from the first corner of the first layer to the last, which are there. Each block of corners of the last layer,
 *  its pre-activations known, is given to take(layer). Returns the corners between; thread 0 has it. */
template <typename Take>
static __device__ __forceinline__ uint32_t walk(walk_layer *layers, uint32_t last, const walk_found &found,
                                                segments_slabs &slabs, Take take) {
    uint32_t corners = 0;
    for (uint32_t drain = 0; drain <= last; drain++) {
        if (layers[drain].n == layers[drain].known)
            continue;
        uint32_t l = drain;
        corners += walk_enter(layers[l], l == last, found, slabs);
        for (;;) {
            if (l < last && layers[l].handed < layers[l].before[layers[l].n - 1]) {
                if (layers[l + 1].n < SEGMENTS_ROWS) {
                    walk_hand(layers[l], layers[l + 1]);
                } else {
                    l++;
                    corners += walk_enter(layers[l], l == last, found, slabs);
                }
                continue;
            }
            if (l == last)
                take(layers[l]);
            walk_leave(layers[l]);
            if (l == drain)
                break;
            l--;
        }
    }
    return corners;
}

#endif
