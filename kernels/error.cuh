// Errors of CUDA and its libraries as an spt_error: one line that names what was attempted, as in
// "cuda: training step: an illegal memory access was encountered (cudaErrorIllegalAddress)".
#ifndef SPT_KERNELS_ERROR_CUH
#define SPT_KERNELS_ERROR_CUH

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cufft.h>

#include "spectrain/error.h"

/** SPT_OK for cudaSuccess. SPT_ENOMEM when memory ran out, SPT_EDEVICE otherwise. The runtime's own note of the error
 *  is taken back, so that one failure is not reported twice (a lost device goes on reporting itself). */
static inline spt_status spt_cuda_check(cudaError_t error, const char *attempt, spt_error *err) {
    if (error == cudaSuccess)
        return SPT_OK;
    (void)cudaGetLastError();
    return spt_fail(err, error == cudaErrorMemoryAllocation ? SPT_ENOMEM : SPT_EDEVICE, "cuda: %s: %s (%s)", attempt,
                    cudaGetErrorString(error), cudaGetErrorName(error));
}

static inline spt_status spt_cublas_check(cublasStatus_t status, const char *attempt, spt_error *err) {
    if (status == CUBLAS_STATUS_SUCCESS)
        return SPT_OK;
    return spt_fail(err, status == CUBLAS_STATUS_ALLOC_FAILED ? SPT_ENOMEM : SPT_EDEVICE, "cublas: %s: status %d",
                    attempt, (int)status);
}

static inline spt_status spt_cufft_check(cufftResult result, const char *attempt, spt_error *err) {
    if (result == CUFFT_SUCCESS)
        return SPT_OK;
    return spt_fail(err, result == CUFFT_ALLOC_FAILED ? SPT_ENOMEM : SPT_EDEVICE, "cufft: %s: result %d", attempt,
                    (int)result);
}

#endif
