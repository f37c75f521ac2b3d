// Kernels that are right, for the tests of the emulated device; each also compiles with nvcc. All pointers are the
// device's, matrices row-major. Each call is one launch.
#ifndef SPT_TESTS_EMULATED_SAMPLES_CUH
#define SPT_TESTS_EMULATED_SAMPLES_CUH

#include <cuda_runtime.h>
#include <stdint.h>

/** out (blocks): sums of x (n) over the block's strided elements: shuffles within warps, then shared memory. */
cudaError_t sample_sum(const float *x, unsigned n, float *out, unsigned blocks, cudaStream_t stream);
/** out (columns, rows) = transpose of x (rows, columns), by tiles in static shared memory. */
cudaError_t sample_transpose(const float *x, unsigned rows, unsigned columns, float *out, cudaStream_t stream);
/** c (m, n) = a (m, k) b (k, n) of any size: 64 x 64 tiles, two stages of cp.async with zero-filled edges. */
cudaError_t sample_product(const float *a, const float *b, float *c, unsigned m, unsigned n, unsigned k,
                           cudaStream_t stream);
/** out[i] = factor x[i] over slabs of 256, n a multiple of 4: bulk copies on a ring of two mbarriers. */
cudaError_t sample_scale_bulk(const float *x, unsigned n, float factor, float *out, cudaStream_t stream);
/** out (1) = sum of x (n): each block of one cluster of `blocks` sums a part, the first reads all partial sums. */
cudaError_t sample_cluster_sum(const float *x, unsigned n, double *out, unsigned blocks, cudaStream_t stream);
/** x[i] = x[(i + 1) % n], in place, all blocks of the grid in step; n = blocks * 64. */
cudaError_t sample_rotate(float *x, unsigned blocks, cudaStream_t stream);
/** Threads count themselves by value: counts (4) of i % 4 for i < n, with integer atomics. */
cudaError_t sample_count(unsigned n, unsigned *counts, cudaStream_t stream);
/** x[i] = factor x[i] + 1. */
cudaError_t sample_step(float *x, unsigned n, float factor, cudaStream_t stream);
/** words (n, 4): what spt_random gives for indices 0..n-1. */
cudaError_t sample_random(uint32_t seed, uint32_t random_stream, uint64_t substream, unsigned n, uint4 *words,
                          cudaStream_t stream);
/** out (blocks): thread 0 of each block after `barriers` barriers of 256 threads, to time them. */
cudaError_t sample_barriers(unsigned barriers, unsigned blocks, unsigned *out, cudaStream_t stream);

#endif
