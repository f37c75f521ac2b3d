// The largest singular value of a weight matrix: Lanczos' iteration for the Gram matrix of its smaller side, which is
// never formed. Differs from its twin on the CPU, which forms it and asks LAPACK; spectral_norm.cuh says how they
// agree.
//
// Map:    a block per (run, layer), 512 threads. A product with W takes a warp per row, one with W^T a strip of 128
//         columns at a time, its rows dealt out to the warps.
// Shared: 24,896 bytes: partial sums of a strip, 16 warps x 128 float64, and the tridiagonal matrix, 2 x 512 float64; a
//         warp reads and writes consecutive numbers. Vectors live in global memory, and so in the L1 and L2 caches.
// Bound:  a step is 4 in out FLOP in float64 and reads W twice, 8 in out bytes, from the L2 cache: memory.
//
// Start, order of sums and the rule that stops depend on the matrix alone. The weights are exact in float64; a step's
// new vector is made orthogonal to the last two only: what rounding lets back in are copies of values found already,
// which do not move the largest.
#include "spectral_norm.cuh"

#include <math.h>

#include "launch.cuh"
#include "random.cuh"
#include "shared.cuh"

enum { THREADS = 512, WARPS = THREADS / 32, STRIP = 128, STEPS_MOST = 512, STEPS_BETWEEN = 4, SECTIONS_MOST = 16 };
// Of the residual, relative to the eigenvalue (the norm squared). An eigenvalue lies as close as that. It may be
// another than the largest only if the largest is so close to it that the residual does not tell them apart: with a
// share c of the start vector along the one and s along the other, it is then at most s / c residuals away.
#define TOLERANCE 2e-7
#define INVARIANT 1e-14 // of the matrix: below it the next vector is rounding

// A matrix, and which of its sides is the smaller.
typedef struct norm_matrix {
    const float *weight; // (out, in)
    uint32_t out, in;
    bool wide; // out <= in
} norm_matrix;

// Largest eigenvalue of the tridiagonal matrix of the steps done, and how far it can be from one of the Gram matrix.
typedef struct norm_ritz {
    double value, residual;
} norm_ritz;

static __device__ __forceinline__ double warp_sum(double value) {
    for (int lanes = 16; lanes > 0; lanes /= 2)
        value += __shfl_down_sync(0xffffffffu, value, lanes);
    return value; // lane 0 has the sum
}

/** Sum of a number of each thread, for all threads: lanes as a tree, then the warps in order. parts: WARPS, shared. */
static __device__ double block_sum(double value, double *parts) {
    value = warp_sum(value);
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = value;
    __syncthreads();
    double sum = parts[0];
    for (uint32_t w = 1; w < WARPS; w++)
        sum += parts[w];
    __syncthreads();
    return sum;
}

static __device__ double dot(const double *x, const double *y, uint32_t n, double *parts) {
    double sum = 0.0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        sum += x[i] * y[i];
    return block_sum(sum, parts);
}

/** y (out) = W x (in) */
static __device__ void multiply(const norm_matrix &m, const double *x, double *y) {
    const uint32_t lane = threadIdx.x % 32;
    for (uint32_t row = threadIdx.x / 32; row < m.out; row += WARPS) {
        const float *w = m.weight + (uint64_t)row * m.in;
        double sum = 0.0;
#pragma unroll 4
        for (uint32_t j = lane; j < m.in; j += 32)
            sum += (double)w[j] * x[j];
        sum = warp_sum(sum);
        if (lane == 0)
            y[row] = sum;
    }
    __syncthreads();
}

/** y (in) = W^T x (out). sums: (WARPS, STRIP), shared. */
static __device__ void multiply_transposed(const norm_matrix &m, const double *x, double *y, double (*sums)[STRIP]) {
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (uint32_t first = 0; first < m.in; first += STRIP) {
        double sum[STRIP / 32] = {};
        for (uint32_t row = warp; row < m.out; row += WARPS) {
            const float *w = m.weight + (uint64_t)row * m.in;
            const double of_row = x[row];
#pragma unroll
            for (uint32_t i = 0; i < STRIP / 32; i++) {
                const uint32_t column = first + 32 * i + lane;
                sum[i] += (column < m.in ? (double)w[column] : 0.0) * of_row;
            }
        }
#pragma unroll
        for (uint32_t i = 0; i < STRIP / 32; i++)
            sums[warp][32 * i + lane] = sum[i];
        __syncthreads();
        if (threadIdx.x < STRIP && first + threadIdx.x < m.in) {
            double total = sums[0][threadIdx.x];
            for (uint32_t w = 1; w < WARPS; w++)
                total += sums[w][threadIdx.x];
            y[first + threadIdx.x] = total;
        }
        __syncthreads();
    }
}

/** Whether all eigenvalues of the tridiagonal matrix lie below x: every pivot of T - x is negative then. */
static __device__ bool all_below(const double *diagonal, const double *off_diagonal, uint32_t n, double x) {
    double pivot = diagonal[0] - x;
    for (uint32_t j = 1; j < n && pivot < 0.0; j++)
        pivot = diagonal[j] - x - off_diagonal[j - 1] * off_diagonal[j - 1] / pivot;
    return pivot < 0.0;
}

/** Largest eigenvalue of the leading (n, n) of the tridiagonal matrix, from above: each round, every thread tries one
 * of THREADS points between the bounds, and those that are too low are counted. counts: WARPS, shared. */
static __device__ double largest_eigenvalue(const double *diagonal, const double *off_diagonal, uint32_t n, double low,
                                            double high, uint32_t *counts) {
    for (uint32_t round = 0; round < SECTIONS_MOST && low < high; round++) {
        const double step = (high - low) / (THREADS + 1);
        const bool too_low = !all_below(diagonal, off_diagonal, n, low + step * (threadIdx.x + 1));
        const uint32_t ballot = __ballot_sync(0xffffffffu, too_low);
        if (threadIdx.x % 32 == 0)
            counts[threadIdx.x / 32] = __popc(ballot);
        __syncthreads();
        uint32_t below = 0;
        for (uint32_t w = 0; w < WARPS; w++)
            below += counts[w];
        __syncthreads();
        const double new_low = low + step * below;
        const double new_high = below < THREADS ? low + step * (below + 1) : high;
        if (!(new_high - new_low < high - low) || new_high - new_low <= 4e-16 * high)
            return new_high;
        low = new_low;
        high = new_high;
    }
    return high;
}

/** next is the number that would couple one more step. The squared length of the eigenvector whose last component is 1
 * follows from the pivots of T - value: component j is off_diagonal[j] / -pivot[j] times the one after it. */
static __device__ norm_ritz ritz_of(const double *diagonal, const double *off_diagonal, uint32_t n, double value,
                                    double next) {
    double pivot = diagonal[0] - value, square = 1.0;
    for (uint32_t j = 1; j < n; j++) {
        const double ratio = off_diagonal[j - 1] / pivot;
        square = 1.0 + ratio * ratio * square;
        pivot = diagonal[j] - value - off_diagonal[j - 1] * ratio;
    }
    return {value, next / sqrt(square)};
}

static __device__ bool all_finite(const norm_matrix &m, double *parts) {
    const uint64_t count = (uint64_t)m.out * m.in;
    double sum = 0.0;
    for (uint64_t i = threadIdx.x; i < count; i += THREADS)
        sum += (double)(m.weight[i] * 0.0f); // inf * 0 and NaN * 0 are NaN, and NaN stays in the sum
    return block_sum(sum, parts) == 0.0;
}

/** The first vector, of length 1: uniform numbers in [-1, 1), the same for every matrix of that side. */
static __device__ void start(double *v, uint32_t n, double *parts) {
    const spt_stream start_stream = (spt_stream)0; // none of rng.h: nothing else draws these words
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        v[i] = (double)(int32_t)spt_device_random(0, start_stream, 0, i).x * 0x1p-31;
    __syncthreads();
    const double length = sqrt(dot(v, v, n, parts));
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        v[i] /= length;
    __syncthreads();
}

static __device__ double norm_of(const norm_matrix &m, double *vectors) {
    SPT_SHARED(double, sums, [WARPS][STRIP]);
    SPT_SHARED(double, diagonal, [STEPS_MOST]);
    SPT_SHARED(double, off_diagonal, [STEPS_MOST]);
    SPT_SHARED(double, parts, [WARPS]);
    SPT_SHARED(uint32_t, counts, [WARPS]);
    const uint32_t n = m.wide ? m.out : m.in;
    double *previous = vectors, *v = vectors + n, *w = vectors + 2 * (uint64_t)n, *longer = vectors + 3 * (uint64_t)n;
    start(v, n, parts);
    double low = 0.0, high = 0.0, coupling = 0.0;
    for (uint32_t k = 0; k < STEPS_MOST; k++) {
        if (m.wide) {
            multiply_transposed(m, v, longer, sums);
            multiply(m, longer, w);
        } else {
            multiply(m, v, longer);
            multiply_transposed(m, longer, w, sums);
        }
        const double alpha = dot(w, v, n, parts);
        for (uint32_t i = threadIdx.x; i < n; i += THREADS)
            w[i] -= alpha * v[i] + (k > 0 ? coupling * previous[i] : 0.0);
        __syncthreads();
        const double beta = sqrt(dot(w, w, n, parts));
        if (threadIdx.x == 0) {
            diagonal[k] = alpha;
            off_diagonal[k] = beta;
        }
        __syncthreads();
        low = alpha > low ? alpha : low;
        high = alpha + beta + coupling > high ? alpha + beta + coupling : high; // Gershgorin
        // Not after n steps: rounding may have kept them from finding all n eigenvalues.
        const bool is_last = k + 1 == STEPS_MOST || !(beta > INVARIANT * high);
        if (is_last || (k + 1) % STEPS_BETWEEN == 0) {
            const double value = largest_eigenvalue(diagonal, off_diagonal, k + 1, low, high, counts);
            const norm_ritz ritz = ritz_of(diagonal, off_diagonal, k + 1, value, beta);
            if (is_last || !(ritz.residual > TOLERANCE * value))
                return sqrt(value);
            low = value < high ? value * (1.0 - 1e-14) : low; // it only grows
        }
        for (uint32_t i = threadIdx.x; i < n; i += THREADS)
            w[i] /= beta;
        __syncthreads();
        double *const spare = previous;
        previous = v;
        v = w;
        w = spare;
        coupling = beta;
    }
    return 0.0; // not reached: the last step returns
}

static __global__ void __launch_bounds__(THREADS, 1) spectral_norms(const spt_device_network *networks, uint32_t stride,
                                                                    uint64_t vectors, double *space, double *norms) {
    SPT_SHARED(double, parts, [WARPS]);
    const uint32_t run = blockIdx.x / stride, l = blockIdx.x % stride;
    const spt_device_network network = networks[run];
    double norm = NAN;
    if (l < network.n_layers) {
        const spt_device_layer layer = network.layers[l];
        const norm_matrix m = {network.parameters + layer.weight_offset, layer.fan_out, layer.fan_in,
                               layer.fan_out <= layer.fan_in};
        if (all_finite(m, parts))
            norm = layer.weight_scale * norm_of(m, space + blockIdx.x * vectors);
    }
    if (threadIdx.x == 0)
        norms[blockIdx.x] = norm;
}

/** float64 numbers that the largest layer's vectors take: three of its smaller side, one of the longer. */
static size_t vector_numbers(const spt_device_network *networks, size_t n_runs) {
    size_t most = 0;
    for (size_t r = 0; r < n_runs; r++)
        for (uint32_t l = 0; l < networks[r].n_layers; l++) {
            const size_t out = networks[r].layers[l].fan_out, in = networks[r].layers[l].fan_in;
            const size_t numbers = out <= in ? 3 * out + in : 3 * in + out;
            most = numbers > most ? numbers : most;
        }
    return most;
}

size_t spt_spectral_norms_space(const spt_device_network *networks_host, size_t n_runs, size_t stride) {
    return n_runs * stride * vector_numbers(networks_host, n_runs);
}

cudaError_t spt_spectral_norms(const spt_device_network *networks_d, const spt_device_network *networks_host,
                               size_t n_runs, size_t stride, double *space, double *norms, cudaStream_t stream) {
    return spt_launch(spectral_norms, (unsigned)(n_runs * stride), THREADS, 0, stream, networks_d, (uint32_t)stride,
                      (uint64_t)vector_numbers(networks_host, n_runs), space, norms);
}
