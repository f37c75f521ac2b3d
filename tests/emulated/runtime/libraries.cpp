// cuBLAS by the CPU's BLAS, cuFFT by FFTW. What a call would touch is checked first: those libraries are not sanitized.
#include "machine.h"

#include <cblas.h>
#include <fftw3.h>
#include <map>

#include "cublas_v2.h"
#include "cufft.h"

using namespace spt_emulated;

// ---- cuBLAS

struct cublasContext {
    cudaStream_t stream;
};

namespace spt_emulated {

struct product {
    bool transa, transb;
    int m, n, k, lda, ldb, ldc;
    float alpha, beta;
};

static void need(const char *what, const void *memory, size_t bytes, bool written = false) {
    if (bytes > 0 && !device_holds(memory, bytes, false))
        fault("%s touches %zu bytes at %p, which are not in one allocation of the device", what, bytes, memory);
    if (written)
        __tsan_write_range((void *)memory, bytes);
    else
        __tsan_read_range(memory, bytes);
}

static size_t extent(int rows, int columns, int leading) {
    return rows < 1 || columns < 1 ? 0 : ((size_t)(columns - 1) * (size_t)leading + (size_t)rows) * sizeof(float);
}

static bool valid(const product &p) {
    return p.m >= 0 && p.n >= 0 && p.k >= 0 && p.lda >= std::max(1, p.transa ? p.k : p.m) &&
           p.ldb >= std::max(1, p.transb ? p.n : p.k) && p.ldc >= std::max(1, p.m);
}

static void multiply(const product &p, const float *a, const float *b, float *c) {
    need("a matrix product", a, p.transa ? extent(p.k, p.m, p.lda) : extent(p.m, p.k, p.lda));
    need("a matrix product", b, p.transb ? extent(p.n, p.k, p.ldb) : extent(p.k, p.n, p.ldb));
    need("a matrix product", c, extent(p.m, p.n, p.ldc), true);
    if (p.m > 0 && p.n > 0)
        cblas_sgemm(CblasColMajor, p.transa ? CblasTrans : CblasNoTrans, p.transb ? CblasTrans : CblasNoTrans, p.m, p.n,
                    p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, c, p.ldc);
}

static cublasStatus_t blas_status(cudaError_t error, cublasStatus_t otherwise) {
    return error == cudaSuccess                 ? CUBLAS_STATUS_SUCCESS
           : error == cudaErrorMemoryAllocation ? CUBLAS_STATUS_ALLOC_FAILED
                                                : otherwise;
}

} // namespace spt_emulated

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
    entry in(LIBRARY);
    *handle = nullptr;
    if (in.error != cudaSuccess)
        return blas_status(in.error, CUBLAS_STATUS_NOT_INITIALIZED);
    *handle = new cublasContext();
    count_object(1);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    if (handle == nullptr)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    delete handle;
    count_object(-1);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t, void *workspace, size_t bytes) {
    return device_holds(workspace, bytes) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                           int k, const float *alpha, const float *a, int lda, const float *b, int ldb,
                           const float *beta, float *c, int ldc) {
    entry in(LIBRARY);
    product p = {transa == CUBLAS_OP_T, transb == CUBLAS_OP_T, m, n, k, lda, ldb, ldc, *alpha, *beta};
    if (in.error == cudaSuccess && !valid(p))
        return CUBLAS_STATUS_INVALID_VALUE;
    cudaError_t error = in.error != cudaSuccess ? in.error : submit(handle->stream, [=] {
        open_memory guard;
        multiply(p, a, b, c);
        return cudaSuccess;
    });
    return blas_status(error, CUBLAS_STATUS_EXECUTION_FAILED);
}

// ---- cuFFT

namespace spt_emulated {
struct transform {
    int rank, n[3], inembed[3], istride, idist, onembed[3], ostride, odist, batch; // batch 0: not made yet
    bool allocates;
    void *area, *own_area;
    cudaStream_t stream;
};
static std::map<cufftHandle, transform> plans;
static size_t area_bytes(const transform &t) {
    size_t numbers = (size_t)t.batch;
    for (int i = 0; i < t.rank; i++)
        numbers *= (size_t)t.n[i];
    return numbers * sizeof(float);
}
/** Elements from the first to the last that a layout touches. */
static size_t span(int rank, const int *n, const int *embed, int stride, int dist, int batch) {
    size_t last = 0;
    for (int i = 0; i < rank; i++)
        last = last * (size_t)embed[i] + (size_t)(n[i] - 1);
    return last * (size_t)stride + (size_t)(batch - 1) * (size_t)dist + 1;
}
} // namespace spt_emulated

cufftResult cufftCreate(cufftHandle *plan) {
    entry in(LIBRARY);
    static cufftHandle next;
    *plan = 0;
    if (in.error != cudaSuccess)
        return in.error == cudaErrorMemoryAllocation ? CUFFT_ALLOC_FAILED : CUFFT_SETUP_FAILED;
    plans[ *plan = ++next].allocates = true;
    count_object(1);
    return CUFFT_SUCCESS;
}
cufftResult cufftDestroy(cufftHandle plan) {
    entry in(ANY_CALL);
    auto found = plans.find(plan);
    if (found == plans.end())
        return CUFFT_INVALID_PLAN;
    cudaFree(found->second.own_area);
    plans.erase(found);
    count_object(-1);
    return CUFFT_SUCCESS;
}
static transform *find_plan(cufftHandle plan) {
    auto found = plans.find(plan);
    return found == plans.end() ? nullptr : &found->second;
}
cufftResult cufftSetAutoAllocation(cufftHandle plan, int allocate) {
    transform *t = find_plan(plan);
    return t == nullptr ? CUFFT_INVALID_PLAN : (t->allocates = allocate != 0, CUFFT_SUCCESS);
}
cufftResult cufftSetWorkArea(cufftHandle plan, void *area) {
    transform *t = find_plan(plan);
    return t == nullptr ? CUFFT_INVALID_PLAN : (t->area = area, CUFFT_SUCCESS);
}
cufftResult cufftSetStream(cufftHandle plan, cudaStream_t stream) {
    transform *t = find_plan(plan);
    return t == nullptr ? CUFFT_INVALID_PLAN : (t->stream = stream, CUFFT_SUCCESS);
}
cufftResult cufftMakePlanMany(cufftHandle plan, int rank, int *n, int *inembed, int istride, int idist, int *onembed,
                              int ostride, int odist, cufftType type, int batch, size_t *work_bytes) {
    entry in(LIBRARY);
    transform *t = find_plan(plan);
    if (t == nullptr || t->batch > 0)
        return CUFFT_INVALID_PLAN;
    if (type != CUFFT_R2C)
        return CUFFT_INVALID_TYPE;
    if (rank < 1 || rank > 3 || batch < 1)
        return CUFFT_INVALID_SIZE;
    t->rank = rank;
    bool packed = inembed == nullptr || onembed == nullptr; // then strides and distances are ignored
    int in_count = 1, out_count = 1;
    for (int i = 0; i < rank; i++) {
        int half = i == rank - 1 ? n[i] / 2 + 1 : n[i];
        t->n[i] = n[i];
        t->inembed[i] = packed ? n[i] : inembed[i];
        t->onembed[i] = packed ? half : onembed[i];
        in_count *= n[i];
        out_count *= half;
    }
    t->istride = packed ? 1 : istride;
    t->ostride = packed ? 1 : ostride;
    t->idist = packed ? in_count : idist;
    t->odist = packed ? out_count : odist;
    t->batch = batch;
    *work_bytes = area_bytes(*t);
    if (in.error != cudaSuccess || (t->allocates && cudaMalloc(&t->own_area, *work_bytes) != cudaSuccess))
        return CUFFT_ALLOC_FAILED;
    t->area = t->own_area;
    return CUFFT_SUCCESS;
}
cufftResult cufftPlanMany(cufftHandle *plan, int rank, int *n, int *inembed, int istride, int idist, int *onembed,
                          int ostride, int odist, cufftType type, int batch) {
    size_t work_bytes;
    cufftResult result = cufftCreate(plan);
    if (result == CUFFT_SUCCESS)
        result = cufftMakePlanMany(*plan, rank, n, inembed, istride, idist, onembed, ostride, odist, type, batch,
                                   &work_bytes);
    if (result != CUFFT_SUCCESS && *plan != 0)
        cufftDestroy(*plan);
    return result;
}
cufftResult cufftExecR2C(cufftHandle plan, cufftReal *in, cufftComplex *out) {
    entry now_in(LIBRARY);
    transform *found = find_plan(plan);
    if (found == nullptr || found->batch == 0)
        return CUFFT_INVALID_PLAN;
    if (now_in.error != cudaSuccess)
        return CUFFT_EXEC_FAILED;
    if ((uintptr_t)in % sizeof *out != 0 || (uintptr_t)out % sizeof *out != 0)
        return CUFFT_INVALID_VALUE;
    if (!device_holds(found->area, area_bytes(*found), false))
        return CUFFT_NO_WORKSPACE;
    transform t = *found;
    cudaError_t error = submit(t.stream, [=] {
        open_memory guard;
        int half[3] = {t.n[0], t.n[1], t.n[2]};
        half[t.rank - 1] = t.n[t.rank - 1] / 2 + 1;
        const size_t numbers = span(t.rank, t.n, t.inembed, t.istride, t.idist, t.batch);
        need("a transform", in, numbers * sizeof *in);
        if (never_written(in, numbers))
            fault("a transform reads memory that nothing has written");
        need("a transform", out, span(t.rank, half, t.onembed, t.ostride, t.odist, t.batch) * sizeof *out, true);
        __tsan_write_range(t.area, area_bytes(t));
        quiet here; // FFTW's own memory, on the host's stack too
        fftwf_plan p = fftwf_plan_many_dft_r2c(t.rank, t.n, t.batch, in, t.inembed, t.istride, t.idist,
                                               (fftwf_complex *)out, t.onembed, t.ostride, t.odist, FFTW_ESTIMATE);
        if (p == nullptr)
            return cudaErrorUnknown;
        fftwf_execute(p);
        fftwf_destroy_plan(p);
        fill_pattern(t.area, area_bytes(t)); // what a caller keeps there is lost
        return cudaSuccess;
    });
    return error == cudaSuccess ? CUFFT_SUCCESS : CUFFT_EXEC_FAILED;
}
