// Right kernels that use what real ones use; see samples.cuh.
#include "samples.cuh"

#include <cooperative_groups.h>
#include <curand_kernel.h>

#include "ptx.cuh"
#include "shared.cuh"

namespace cg = cooperative_groups;

template <typename... P, typename... A>
static cudaError_t launch(void (*kernel)(P...), dim3 grid, unsigned threads, size_t dynamic_bytes, cudaStream_t stream,
                          cudaLaunchAttribute *attribute, A... arguments) {
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = dynamic_bytes;
    config.stream = stream;
    config.attrs = attribute;
    config.numAttrs = attribute != nullptr ? 1 : 0;
    return cudaLaunchKernelEx(&config, kernel, P(arguments)...);
}

static __device__ float warp_sum(float value) {
    for (int step = 16; step > 0; step /= 2)
        value += __shfl_down_sync(0xffffffffu, value, step);
    return value;
}

static __global__ void __launch_bounds__(256) sum(const float *__restrict__ x, unsigned n, float *out) {
    SPT_SHARED(float, partial, [8]);
    float value = 0.0f;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        value += __ldg(&x[i]);
    value = warp_sum(value);
    if (threadIdx.x % 32 == 0)
        partial[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x < 32) {
        value = warp_sum(threadIdx.x < 8 ? partial[threadIdx.x] : 0.0f);
        if (threadIdx.x == 0)
            out[blockIdx.x] = value;
    }
}

cudaError_t sample_sum(const float *x, unsigned n, float *out, unsigned blocks, cudaStream_t stream) {
    return launch(sum, blocks, 256, 0, stream, nullptr, x, n, out);
}

template <int TILE>
static __global__ void transpose(const float *x, unsigned rows, unsigned columns, float *out) {
    SPT_SHARED(float, tile, [TILE][TILE + 1]);
    unsigned tx = threadIdx.x % TILE, ty = threadIdx.x / TILE;
    unsigned row = blockIdx.y * TILE + ty, column = blockIdx.x * TILE + tx;
    if (row < rows && column < columns)
        tile[ty][tx] = x[(size_t)row * columns + column];
    __syncthreads();
    unsigned out_row = blockIdx.x * TILE + ty, out_column = blockIdx.y * TILE + tx;
    if (out_row < columns && out_column < rows)
        out[(size_t)out_row * rows + out_column] = tile[tx][ty];
}

cudaError_t sample_transpose(const float *x, unsigned rows, unsigned columns, float *out, cudaStream_t stream) {
    return launch(transpose<16>, dim3((columns + 15) / 16, (rows + 15) / 16), 256, 0, stream, nullptr, x, rows, columns,
                  out);
}

enum { TILE = 64, DEPTH = 16, SKEW = 4 };

struct product_stage {
    float a[DEPTH][TILE + SKEW], b[DEPTH][TILE + SKEW];
};

/** Issue the copies of one slab of a (its transpose) and b. */
static __device__ void load_slab(product_stage *stage, const float *a, const float *b, unsigned m, unsigned n,
                                 unsigned k, unsigned k0) {
    for (unsigned i = threadIdx.x; i < DEPTH * TILE; i += blockDim.x) {
        unsigned row = blockIdx.y * TILE + i / DEPTH, at = k0 + i % DEPTH;
        spt_copy_async<4>(&stage->a[i % DEPTH][i / DEPTH], &a[(size_t)row * k + at], row < m && at < k ? 4 : 0);
        unsigned column = blockIdx.x * TILE + i % TILE;
        at = k0 + i / TILE;
        spt_copy_async<4>(&stage->b[i / TILE][i % TILE], &b[(size_t)at * n + column], column < n && at < k ? 4 : 0);
    }
    spt_copy_async_commit();
}

static __global__ void __launch_bounds__(256)
    product(const float *a, const float *b, float *c, unsigned m, unsigned n, unsigned k) {
    SPT_DYNAMIC_SHARED(product_stage, stages);
    unsigned tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    float sum[4][4] = {};
    load_slab(&stages[0], a, b, m, n, k, 0);
    for (unsigned k0 = 0, s = 0; k0 < k; k0 += DEPTH, s ^= 1) {
        if (k0 + DEPTH < k) {
            load_slab(&stages[s ^ 1], a, b, m, n, k, k0 + DEPTH);
            spt_copy_async_wait<1>();
        } else {
            spt_copy_async_wait<0>();
        }
        __syncthreads();
        for (int kk = 0; kk < DEPTH; kk++) {
            float4 left = *(const float4 *)&stages[s].a[kk][4 * ty];
            float4 right = *(const float4 *)&stages[s].b[kk][4 * tx];
            float l[4] = {left.x, left.y, left.z, left.w}, r[4] = {right.x, right.y, right.z, right.w};
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++)
                    sum[i][j] = fmaf(l[i], r[j], sum[i][j]);
        }
        __syncthreads();
    }
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < 4; j++) {
            unsigned row = blockIdx.y * TILE + 4 * ty + i, column = blockIdx.x * TILE + 4 * tx + j;
            if (row < m && column < n)
                c[(size_t)row * n + column] = sum[i][j];
        }
}

cudaError_t sample_product(const float *a, const float *b, float *c, unsigned m, unsigned n, unsigned k,
                           cudaStream_t stream) {
    dim3 grid((n + TILE - 1) / TILE, (m + TILE - 1) / TILE);
    return launch(product, grid, 256, 2 * sizeof(product_stage), stream, nullptr, a, b, c, m, n, k);
}

enum { SLAB = 256 };

static __global__ void scale_bulk(const float *x, unsigned n, float factor, float *out) {
    SPT_SHARED(float, ring, [2][SLAB]);
    SPT_SHARED(uint64_t, full, [2]);
    unsigned slabs = (n + SLAB - 1) / SLAB;
    if (threadIdx.x == 0) {
        spt_mbarrier_init(&full[0], 1);
        spt_mbarrier_init(&full[1], 1);
    }
    __syncthreads();
    for (unsigned slab = 0; slab <= slabs; slab++) {
        if (threadIdx.x == 0 && slab < slabs) {
            unsigned bytes = (unsigned)sizeof(float) * min((unsigned)SLAB, n - slab * SLAB);
            spt_mbarrier_expect(&full[slab % 2], bytes);
            spt_copy_bulk(ring[slab % 2], &x[slab * SLAB], bytes, &full[slab % 2]);
        }
        if (slab > 0) {
            unsigned before = slab - 1;
            spt_mbarrier_wait(&full[before % 2], before / 2 % 2);
            for (unsigned i = threadIdx.x; i < SLAB && before * SLAB + i < n; i += blockDim.x)
                out[before * SLAB + i] = factor * ring[before % 2][i];
        }
        __syncthreads();
    }
}

cudaError_t sample_scale_bulk(const float *x, unsigned n, float factor, float *out, cudaStream_t stream) {
    return launch(scale_bulk, 1, 128, 0, stream, nullptr, x, n, factor, out);
}

static __global__ void cluster_sum(const float *x, unsigned n, double *out) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    SPT_SHARED(double, partial, );
    SPT_DYNAMIC_SHARED(double, values);
    cg::cluster_group cluster = cg::this_cluster();
    unsigned rank = cluster.block_rank(), blocks = cluster.num_blocks();
    double value = 0.0;
    for (unsigned i = rank * blockDim.x + threadIdx.x; i < n; i += blocks * blockDim.x)
        value += (double)x[i];
    values[threadIdx.x] = value;
    __syncthreads();
    if (threadIdx.x == 0) {
        partial = 0.0;
        for (unsigned i = 0; i < blockDim.x; i++)
            partial += values[i];
    }
    cluster.sync();
    if (rank == 0 && threadIdx.x == 0) {
        double sum = 0.0;
        for (unsigned r = 0; r < blocks; r++)
            sum += *cluster.map_shared_rank(&partial, r);
        *out = sum;
    }
    cluster.sync(); // no block's memory goes before it has been read
#endif
}

cudaError_t sample_cluster_sum(const float *x, unsigned n, double *out, unsigned blocks, cudaStream_t stream) {
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = blocks;
    attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
    return launch(cluster_sum, blocks, 64, 64 * sizeof(double), stream, &attribute, x, n, out);
}

static __global__ void rotate(float *x) {
    cg::grid_group grid = cg::this_grid();
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x, n = gridDim.x * blockDim.x;
    float next = x[(i + 1) % n];
    grid.sync();
    x[i] = next;
}

cudaError_t sample_rotate(float *x, unsigned blocks, cudaStream_t stream) {
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
    return launch(rotate, blocks, 64, 0, stream, &attribute, x);
}

static __global__ void count(unsigned n, unsigned *counts) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    for (unsigned value = 0; value < 4; value++) {
        unsigned ballot = __ballot_sync(0xffffffffu, i < n && i % 4 == value);
        if (threadIdx.x % 32 == 0)
            atomicAdd(&counts[value], (unsigned)__popc(ballot));
    }
}

cudaError_t sample_count(unsigned n, unsigned *counts, cudaStream_t stream) {
    return launch(count, (n + 127) / 128, 128, 0, stream, nullptr, n, counts);
}

static __global__ void step(float *x, unsigned n, float factor) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        x[i] = fmaf(factor, x[i], 1.0f);
}

cudaError_t sample_step(float *x, unsigned n, float factor, cudaStream_t stream) {
    return launch(step, (n + 31) / 32, 32, 0, stream, nullptr, x, n, factor);
}

static __global__ void random_words(uint32_t seed, uint32_t random_stream, uint64_t substream, unsigned n,
                                    uint4 *words) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    curandStatePhilox4_32_10_t state;
    curand_init((unsigned long long)random_stream << 32 | seed, substream, 4ull * i, &state);
    words[i] = curand4(&state);
}

cudaError_t sample_random(uint32_t seed, uint32_t random_stream, uint64_t substream, unsigned n, uint4 *words,
                          cudaStream_t stream) {
    return launch(random_words, (n + 31) / 32, 32, 0, stream, nullptr, seed, random_stream, substream, n, words);
}

static __global__ void barriers_only(unsigned barriers, unsigned *out) {
    for (unsigned i = 0; i < barriers; i++)
        __syncthreads();
    if (threadIdx.x == 0)
        out[blockIdx.x] = barriers;
}

cudaError_t sample_barriers(unsigned barriers, unsigned blocks, unsigned *out, cudaStream_t stream) {
    return launch(barriers_only, blocks, 256, 0, stream, nullptr, barriers, out);
}
