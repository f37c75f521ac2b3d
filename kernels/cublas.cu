// The dense layers that cuBLAS computes, one problem after the other: those that spt_dense_choose gives it, by shape
// alone. What tiles fuse (dense.cu) follows here as passes over C.
//
// Map:    a thread an element of C; a thread a bias for the bias gradient.
// Shared: none.
// Bound:  memory: 8 bytes an element for bias and ReLU, 12 for the mask, 12 to 28 for the update; 4 B out for biases.
#include "error.cuh"
#include "group.cuh"
#include "launch.cuh"

enum { THREADS = 256, BIAS_BLOCK = 64 };

static __global__ void __launch_bounds__(THREADS) add_bias(const spt_dense_problem p, uint32_t rows) {
    const uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    const uint32_t row = (uint32_t)(i / p.n), column = (uint32_t)(i % p.n);
    if (row >= rows)
        return;
    float *y = p.c + (size_t)row * p.c_stride + column;
    const float z = *y + p.bias_scale * p.bias[column];
    *y = p.relu && z < 0.0f ? 0.0f : z;
}

static __global__ void __launch_bounds__(THREADS) mask_gradient(const spt_dense_problem p, uint32_t rows) {
    const uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    const uint32_t row = (uint32_t)(i / p.n), column = (uint32_t)(i % p.n);
    const size_t at = (size_t)row * p.c_stride + column;
    if (row < rows && !(p.mask[at] > 0.0f))
        p.c[at] = 0.0f;
}

static __global__ void __launch_bounds__(THREADS)
    update_weights(const spt_dense_problem p, const spt_device_optimizer *optimizer, const spt_run_step *step) {
    const uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    const spt_run_step s = step[p.run];
    if (i < (uint64_t)p.m * p.n && s.active && !s.diverged)
        spt_optimizer_update(optimizer[p.run], s, p.weight_at + i, p.c[i]);
}

/** Rows in order within blocks of 64, then over blocks, as in tiles and on the CPU. */
static __global__ void __launch_bounds__(THREADS)
    update_biases(const spt_dense_problem p, uint32_t rows, const spt_device_optimizer *optimizer,
                  const spt_run_step *step) {
    const uint32_t column = blockIdx.x * THREADS + threadIdx.x;
    const spt_run_step s = step[p.run];
    if (column >= p.m || !s.active || s.diverged)
        return;
    float sum = 0.0f;
    for (uint32_t block = 0; block < rows; block += BIAS_BLOCK) {
        float part = 0.0f;
        for (uint32_t row = block; row < rows && row < block + BIAS_BLOCK; row++)
            part += p.a[(size_t)row * p.a_stride + column];
        sum += part;
    }
    spt_optimizer_update(optimizer[p.run], s, p.bias_at + column, p.bias_scale * sum);
}

/** C of a problem. cuBLAS counts by columns: what it sees are the transposes, C^T = B^T A^T. */
static cublasStatus_t multiply(cublasHandle_t blas, spt_phase_kind kind, const spt_dense_problem *p,
                               const spt_dense_batch *batch) {
    const int m = (int)(p->m != 0 ? p->m : batch->rows), n = (int)p->n, k = (int)(p->k != 0 ? p->k : batch->rows);
    const float zero = 0.0f;
    const float *a = p->a + (p->is_data ? (size_t)batch->first_row * p->a_stride : 0);
    return cublasSgemm(blas, kind == SPT_PHASE_FORWARD ? CUBLAS_OP_T : CUBLAS_OP_N,
                       kind == SPT_PHASE_WEIGHT_GRADIENT ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k, &p->scale, p->b,
                       (int)p->b_stride, a, (int)p->a_stride, &zero, p->c, (int)p->c_stride);
}

static cudaError_t finish(spt_phase_kind kind, const spt_dense_problem *p, const spt_dense_batch *batch,
                          cudaStream_t stream) {
    const size_t rows = p->m != 0 ? p->m : batch->rows;
    const unsigned blocks = spt_blocks(rows * p->n, THREADS);
    if (kind == SPT_PHASE_FORWARD)
        return spt_launch(add_bias, blocks, THREADS, 0, stream, *p, batch->rows);
    if (kind == SPT_PHASE_INPUT_GRADIENT)
        return spt_launch(mask_gradient, blocks, THREADS, 0, stream, *p, batch->rows);
    cudaError_t error = spt_launch(update_weights, blocks, THREADS, 0, stream, *p, batch->optimizer, batch->step);
    if (error == cudaSuccess)
        error = spt_launch(update_biases, spt_blocks(p->m, THREADS), THREADS, 0, stream, *p, batch->rows,
                           batch->optimizer, batch->step);
    return error;
}

/** The handle in the stream and with the workspace of that use. */
static cudaError_t choose_stream(spt_group *group, spt_dense_use use, cudaStream_t stream) {
    cublasHandle_t blas = group->device->blas;
    const bool chosen =
        cublasSetStream(blas, stream) == CUBLAS_STATUS_SUCCESS && // forgets the workspace
        cublasSetWorkspace(blas, group->blas_space_d[use], group->blas_bytes[use]) == CUBLAS_STATUS_SUCCESS;
    return chosen ? cudaSuccess : cudaErrorUnknown;
}

cudaError_t spt_cuda_phase(spt_group *group, spt_phase_kind kind, const spt_dense_phase *phase,
                           const spt_dense_batch *batch, cudaStream_t stream) {
    cudaError_t error = spt_dense_launch(kind, phase, batch, stream);
    if (phase->n_cublas > 0 && error == cudaSuccess)
        error = choose_stream(group, phase->use, stream);
    for (uint32_t i = 0; i < phase->n_cublas && error == cudaSuccess; i++) {
        if (multiply(group->device->blas, kind, &phase->cublas[i], batch) != CUBLAS_STATUS_SUCCESS)
            error = cudaErrorUnknown;
        else
            error = finish(kind, &phase->cublas[i], batch, stream);
    }
    return error;
}
