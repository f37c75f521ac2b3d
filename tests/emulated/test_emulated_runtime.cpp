// The emulated device's host side: limits and errors of the runtime, failures that a test orders, streams and graphs,
// and the libraries.
#include <complex>
#include <cublas_v2.h>
#include <cufft.h>

#include "device_case.h"
#include "samples.cuh"

using namespace spt_emulated;

static int clean(void **) {
    heal();
    device = {0, 0, (size_t)1 << 24, 1, 4, 0};
    return 0;
}
/** What a test made, it has freed. */
static int all_freed(void **) {
    heal();
    return live_objects() == 0 ? 0 : -1;
}

static void memory_beyond_the_device_is_refused(void **) {
    device.memory = 1000;
    void *first, *second;
    size_t free_bytes, total;
    assert_done(cudaMalloc(&first, 600));
    assert_int_equal(cudaMalloc(&second, 401), cudaErrorMemoryAllocation);
    assert_null(second);
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    assert_done(cudaMemGetInfo(&free_bytes, &total));
    assert_int_equal(free_bytes, 400);
    assert_done(cudaMallocAsync(&second, 400, nullptr));
    assert_done(cudaFree(first));
    assert_done(cudaFreeAsync(second, nullptr));
    assert_done(cudaMemGetInfo(&free_bytes, &total));
    assert_int_equal(free_bytes, 1000);
}

static void what_was_not_allocated_is_not_freed(void **) {
    char *memory;
    assert_done(cudaMalloc(&memory, 64));
    assert_int_equal(cudaFree(memory + 16), cudaErrorInvalidValue);
    assert_int_equal(cudaFreeHost(memory), cudaErrorInvalidValue);
    assert_done(cudaFree(memory));
    assert_int_equal(cudaFree(memory), cudaErrorInvalidValue);
    assert_done(cudaFree(nullptr));
}

static void copies_say_their_direction_and_stay_inside(void **) {
    std::vector<float> x = numbers(16);
    on_device<float> x_d(x);
    float *pinned;
    assert_done(cudaMallocHost(&pinned, 64));
    assert_done(cudaMemcpy(pinned, x_d.data, 64, cudaMemcpyDefault));
    assert_memory_equal(pinned, x.data(), 64);
    assert_int_equal(cudaMemcpy(x.data(), x_d.data, 64, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(x_d.data, x.data(), 64, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy(x_d.data + 1, x.data(), 64, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemset(x_d.data, 0, 65), cudaErrorInvalidValue);
    assert_done(cudaFreeHost(pinned));
}

static void two_dimensional_copies_keep_the_pitch(void **) {
    std::vector<float> x = numbers(6), out(12, -99.0f);
    on_device<float> x_d(x);
    assert_done(cudaMemcpy2D(out.data(), 16, x_d.data, 8, 8, 3, cudaMemcpyDeviceToHost));
    for (int row = 0; row < 3; row++) {
        assert_memory_equal(&out[4 * row], &x[2 * row], 8);
        assert_true(out[4 * row + 2] == -99.0f && out[4 * row + 3] == -99.0f);
    }
    assert_int_equal(cudaMemcpy2D(out.data(), 16, x_d.data, 8, 8, 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpy2D(out.data(), 4, x_d.data, 8, 8, 2, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
}

static void empty_kernel() {}

static cudaLaunchConfig_t configured(dim3 grid, dim3 block, size_t dynamic_bytes) {
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = dynamic_bytes;
    return config;
}
static void asked_for(size_t dynamic_bytes, dim3 grid, dim3 block, cudaError_t expected) {
    cudaLaunchConfig_t config = configured(grid, block, dynamic_bytes);
    assert_string_equal(cudaGetErrorName(cudaLaunchKernelEx(&config, empty_kernel)), cudaGetErrorName(expected));
}

static void shared_memory_above_the_limit_is_refused(void **) {
    asked_for(48 * 1024, 1, 32, cudaSuccess);
    asked_for(48 * 1024 + 1, 1, 32, cudaErrorInvalidValue);
    auto opt_in = [](int bytes) {
        return cudaFuncSetAttribute(empty_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    };
    assert_int_equal(opt_in(227 * 1024 + 1), cudaErrorInvalidValue);
    assert_done(opt_in(227 * 1024));
    asked_for(227 * 1024, 1, 32, cudaSuccess);
    asked_for(227 * 1024 + 1, 1, 32, cudaErrorInvalidValue);
    assert_done(opt_in(48 * 1024));
}

static void impossible_shapes_of_a_launch_are_refused(void **) {
    asked_for(0, 1, 1024, cudaSuccess);
    asked_for(0, 1, 1025, cudaErrorInvalidConfiguration);
    asked_for(0, 1, dim3(32, 32, 2), cudaErrorInvalidConfiguration);
    asked_for(0, 0, 32, cudaErrorInvalidConfiguration);
    asked_for(0, dim3(1, 65536), 32, cudaErrorInvalidConfiguration);
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim = {4, 1, 1};
    cudaLaunchConfig_t config = configured(8, 32, 0);
    config.attrs = &attribute;
    config.numAttrs = 1;
    assert_done(cudaLaunchKernelEx(&config, empty_kernel));
    config.gridDim = 6;
    assert_int_equal(cudaLaunchKernelEx(&config, empty_kernel), cudaErrorInvalidClusterSize);
    config.gridDim = 16;
    attribute.val.clusterDim.x = 16;
    assert_int_equal(cudaLaunchKernelEx(&config, empty_kernel), cudaErrorInvalidClusterSize);
    assert_done(cudaFuncSetAttribute(empty_kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
    assert_done(cudaLaunchKernelEx(&config, empty_kernel));
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
    config.gridDim = 4 * 32 + 1; // more blocks than fit at once
    assert_int_equal(cudaLaunchKernelEx(&config, empty_kernel), cudaErrorCooperativeLaunchTooLarge);
}

static void an_ordered_failure_happens_once_at_its_call(void **) {
    void *memory;
    let_fail(ALLOCATION, 2, cudaErrorMemoryAllocation);
    assert_done(cudaMalloc(&memory, 8));
    assert_done(cudaMemset(memory, 0, 8));
    assert_done(cudaFree(memory));
    assert_int_equal(cudaMalloc(&memory, 8), cudaErrorMemoryAllocation);
    assert_done(cudaMalloc(&memory, 8));
    assert_done(cudaFree(memory));
}

static void a_lost_device_fails_every_call_but_frees(void **) {
    on_device<float> x_d(32);
    cudaStream_t stream;
    assert_done(cudaStreamCreate(&stream));
    let_fail(LAUNCH, 2, cudaErrorLaunchFailure, true);
    assert_done(sample_step(x_d.data, 32, 1.0f, stream));
    assert_int_equal(sample_step(x_d.data, 32, 1.0f, stream), cudaErrorLaunchFailure);
    assert_int_equal(cudaStreamSynchronize(stream), cudaErrorLaunchFailure);
    assert_int_equal(cudaGetLastError(), cudaErrorLaunchFailure);
    assert_int_equal(cudaGetLastError(), cudaErrorLaunchFailure);
    assert_int_equal(cudaStreamDestroy(stream), cudaErrorLaunchFailure); // freed all the same
}

static void a_machine_without_a_device_says_so(void **) {
    int count;
    device.devices = 0;
    assert_int_equal(cudaGetDeviceCount(&count), cudaErrorNoDevice);
    assert_int_equal(count, 0);
    assert_int_equal(cudaSetDevice(0), cudaErrorInvalidDevice);
}

static void the_device_describes_itself(void **) {
    cudaDeviceProp properties;
    int value;
    assert_done(cudaGetDeviceProperties(&properties, 0));
    assert_int_equal(properties.major, 9);
    assert_int_equal(properties.sharedMemPerBlockOptin, 227 * 1024);
    assert_done(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0));
    assert_int_equal(value, properties.multiProcessorCount);
    assert_int_equal(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 1), cudaErrorInvalidDevice);
}

static void a_capture_takes_in_streams_that_wait_for_it(void **) {
    std::vector<float> x(32, 1.0f);
    on_device<float> x_d(x);
    cudaStream_t first, second;
    cudaEvent_t forked, joined;
    cudaGraph_t graph;
    cudaGraphExec_t work;
    float *pinned;
    assert_done(cudaMallocHost(&pinned, 32 * sizeof(float)));
    assert_done(cudaStreamCreate(&first));
    assert_done(cudaStreamCreate(&second));
    assert_done(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming));
    assert_done(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming));
    assert_done(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
    void *memory;
    assert_int_equal(cudaMalloc(&memory, 8), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaStreamSynchronize(first), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaMemset(x_d.data, 0, 4), cudaErrorStreamCaptureUnsupported);
    assert_done(sample_step(x_d.data, 32, 2.0f, first));
    assert_done(cudaEventRecord(forked, first));
    assert_done(cudaStreamWaitEvent(second, forked));
    assert_done(cudaMemcpyAsync(pinned, x_d.data, 32 * sizeof(float), cudaMemcpyDeviceToHost, second));
    assert_done(cudaEventRecord(joined, second));
    assert_done(cudaStreamWaitEvent(first, joined));
    assert_done(cudaStreamEndCapture(first, &graph));
    assert_done(cudaStreamSynchronize(second)); // no longer captured
    assert_done(cudaGraphInstantiate(&work, graph));
    assert_done(cudaGraphDestroy(graph));
    assert_done(cudaGraphLaunch(work, first));
    assert_done(cudaGraphLaunch(work, first));
    assert_true(pinned[31] == 7.0f); // 2 (2 + 1) + 1, and copied after each step
    assert_int_equal(cudaStreamEndCapture(first, &graph), cudaErrorStreamCaptureUnmatched);
    assert_done(cudaGraphExecDestroy(work));
    assert_done(cudaEventDestroy(forked));
    assert_done(cudaEventDestroy(joined));
    assert_done(cudaStreamDestroy(first));
    assert_done(cudaStreamDestroy(second));
    assert_done(cudaFreeHost(pinned));
}

static float first_number(const on_device<float> &x_d) {
    float x;
    assert_done(cudaMemcpy(&x, x_d.data, sizeof x, cudaMemcpyDeviceToHost)); // in the default stream
    return x;
}

static void delayed_work_is_done_when_somebody_waits_for_it(void **) {
    on_device<float> x_d(std::vector<float>(32, 1.0f)), y_d(std::vector<float>(32, 1.0f));
    cudaStream_t blocking, independent;
    cudaEvent_t half;
    assert_done(cudaStreamCreate(&blocking));
    assert_done(cudaStreamCreateWithFlags(&independent, cudaStreamNonBlocking));
    assert_done(cudaEventCreateWithFlags(&half, cudaEventDisableTiming));
    for (unsigned delay = 1; delay < 9; delay++) {
        device.delay = delay;
        const float x = first_number(x_d), y = first_number(y_d);
        assert_done(sample_step(x_d.data, 32, 2.0f, independent));
        assert_done(cudaEventRecord(half, independent));
        assert_done(sample_step(x_d.data, 32, 3.0f, independent));
        assert_true(first_number(x_d) == x); // the default stream does not wait for it
        assert_done(cudaEventSynchronize(half));
        assert_true(first_number(x_d) == 2.0f * x + 1.0f || first_number(x_d) == 3.0f * (2.0f * x + 1.0f) + 1.0f);
        assert_done(cudaStreamSynchronize(independent));
        assert_true(first_number(x_d) == 3.0f * (2.0f * x + 1.0f) + 1.0f);
        assert_done(sample_step(y_d.data, 32, 2.0f, blocking));
        assert_true(first_number(y_d) == 2.0f * y + 1.0f); // it does for this one
        assert_done(cudaMemset(x_d.data, 0, 32 * sizeof(float)));
    }
    assert_done(cudaEventDestroy(half));
    assert_done(cudaStreamDestroy(blocking));
    assert_done(cudaStreamDestroy(independent));
}

static void streams_that_do_not_wait_for_the_default_one_see_its_copies_when_the_host_has_waited(void **) {
    cudaStream_t blocking, independent;
    assert_done(cudaStreamCreate(&blocking));
    assert_done(cudaStreamCreateWithFlags(&independent, cudaStreamNonBlocking));
    for (int wait = 0; wait < 5; wait++) {
        on_device<float> x_d(std::vector<float>(32, 1.0f)); // from pageable memory
        if (wait == 1)
            assert_done(cudaDeviceSynchronize());
        if (wait == 2)
            assert_done(cudaStreamSynchronize(nullptr));
        if (wait == 3)
            assert_done(sample_step(x_d.data, 32, 1.0f, nullptr)); // 1 + 1, and done before the call returns
        if (wait == 4)
            assert_done(sample_step(x_d.data, 32, 1.0f, blocking));
        assert_done(sample_step(x_d.data, 32, 2.0f, independent));
        assert_done(cudaStreamSynchronize(independent));
        const float expected[] = {1.0f, 3.0f, 3.0f, 5.0f, 5.0f}; // in 0 the copy comes last
        assert_true(first_number(x_d) == expected[wait]);
    }
    assert_done(cudaStreamDestroy(blocking));
    assert_done(cudaStreamDestroy(independent));
}

/** c (m, n) column-major = a b, whatever is transposed, in float64. */
static double entry_of(const std::vector<float> &a, int lda, bool ta, const std::vector<float> &b, int ldb, bool tb,
                       int k, int i, int j) {
    double sum = 0.0;
    for (int l = 0; l < k; l++)
        sum += (double)(ta ? a[(size_t)(i * lda + l)] : a[(size_t)(l * lda + i)]) *
               (double)(tb ? b[(size_t)(l * ldb + j)] : b[(size_t)(j * ldb + l)]);
    return sum;
}

static void matrix_products_are_cublas_column_major_ones(void **) {
    const int m = 5, n = 4, k = 3, lda = 6, ldb = 7, ldc = 8;
    std::vector<float> a = numbers(lda * 6), b = numbers(ldb * 6), c(ldc * n);
    on_device<float> a_d(a), b_d(b), c_d(c.size());
    cublasHandle_t handle;
    float alpha = 2.0f, beta = 0.0f;
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    for (int transposed = 0; transposed < 4; transposed++) {
        bool ta = transposed & 1, tb = transposed & 2;
        assert_done(cudaMemset(c_d.data, 0, c.size() * sizeof(float)));
        assert_int_equal(cublasSgemm(handle, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N, m, n, k,
                                     &alpha, a_d.data, lda, b_d.data, ldb, &beta, c_d.data, ldc),
                         CUBLAS_STATUS_SUCCESS);
        c_d.read(c.data());
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) // sums of three products of multiples of 1/64: exact
                assert_true((double)c[(size_t)(j * ldc + i)] == 2.0 * entry_of(a, lda, ta, b, ldb, tb, k, i, j));
    }
    assert_int_equal(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &alpha, a_d.data, m - 1, b_d.data, ldb,
                                 &beta, c_d.data, ldc),
                     CUBLAS_STATUS_INVALID_VALUE);
    let_fail(LIBRARY, 1, cudaErrorUnknown);
    assert_int_equal(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &alpha, a_d.data, lda, b_d.data, ldb, &beta,
                                 c_d.data, ldc),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(cublasDestroy(handle), CUBLAS_STATUS_SUCCESS);
}

static void transforms_are_cuffts_unnormalised_ones(void **) {
    int n[2] = {4, 6};
    const int batch = 3, points = 24, half = 4 * 4;
    std::vector<float> x = numbers(points * batch);
    on_device<float> x_d(x);
    on_device<cufftComplex> out_d(half * batch);
    cufftHandle plan;
    size_t work_bytes;
    assert_int_equal(cufftCreate(&plan), CUFFT_SUCCESS);
    assert_int_equal(cufftSetAutoAllocation(plan, 0), CUFFT_SUCCESS);
    assert_int_equal(cufftMakePlanMany(plan, 2, n, nullptr, 1, 0, nullptr, 1, 0, CUFFT_R2C, batch, &work_bytes),
                     CUFFT_SUCCESS);
    assert_int_equal(cufftExecR2C(plan, x_d.data, out_d.data), CUFFT_NO_WORKSPACE);
    on_device<char> area(work_bytes);
    assert_int_equal(cufftSetWorkArea(plan, area.data), CUFFT_SUCCESS);
    assert_int_equal(cufftExecR2C(plan, x_d.data, out_d.data), CUFFT_SUCCESS);
    std::vector<cufftComplex> out = out_d.read();
    for (int b = 0; b < batch; b++)
        for (int k = 0; k < half; k++) {
            std::complex<double> sum = 0.0;
            for (int p = 0; p < points; p++)
                sum += (double)x[(size_t)(b * points + p)] *
                       std::polar(1.0, -2.0 * M_PI * ((k / 4) * (p / 6) / 4.0 + (k % 4) * (p % 6) / 6.0));
            std::complex<double> got(out[(size_t)(b * half + k)].x, out[(size_t)(b * half + k)].y);
            assert_true(std::abs(got - sum) < 1e-4); // 24 terms below 17 in float32: 24 * 17 * 6e-8 and some
        }
    assert_int_equal(cufftDestroy(plan), CUFFT_SUCCESS);
    assert_int_equal(cufftDestroy(plan), CUFFT_INVALID_PLAN);
}

static void strided_transforms_read_and_write_their_layout(void **) {
    int n = 8, packed = 8, half = 5; // two series, interleaved in, one after the other out
    std::vector<float> x = numbers(16);
    on_device<float> x_d(x);
    on_device<cufftComplex> out_d(10);
    cufftHandle plan;
    assert_int_equal(cufftPlanMany(&plan, 1, &n, &packed, 2, 1, &half, 1, 5, CUFFT_R2C, 2), CUFFT_SUCCESS);
    assert_int_equal(cufftExecR2C(plan, x_d.data, out_d.data), CUFFT_SUCCESS);
    std::vector<cufftComplex> out = out_d.read();
    for (int series = 0; series < 2; series++) {
        float sum = 0.0f;
        for (int i = 0; i < 8; i++)
            sum += x[(size_t)(2 * i + series)];
        assert_true(out[(size_t)(5 * series)].x == sum && out[(size_t)(5 * series)].y == 0.0f); // exact
    }
    assert_int_equal(cufftDestroy(plan), CUFFT_SUCCESS);
    device.memory = 64; // the plan's own work area counts
    assert_int_equal(cufftPlanMany(&plan, 1, &n, nullptr, 1, 0, nullptr, 1, 0, CUFFT_R2C, 100), CUFFT_ALLOC_FAILED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, clean, all_freed)
    const struct CMUnitTest tests[] = {
        TEST(memory_beyond_the_device_is_refused),
        TEST(what_was_not_allocated_is_not_freed),
        TEST(copies_say_their_direction_and_stay_inside),
        TEST(two_dimensional_copies_keep_the_pitch),
        TEST(shared_memory_above_the_limit_is_refused),
        TEST(impossible_shapes_of_a_launch_are_refused),
        TEST(an_ordered_failure_happens_once_at_its_call),
        TEST(a_lost_device_fails_every_call_but_frees),
        TEST(a_machine_without_a_device_says_so),
        TEST(the_device_describes_itself),
        TEST(delayed_work_is_done_when_somebody_waits_for_it),
        TEST(a_capture_takes_in_streams_that_wait_for_it),
        TEST(streams_that_do_not_wait_for_the_default_one_see_its_copies_when_the_host_has_waited),
        TEST(matrix_products_are_cublas_column_major_ones),
        TEST(transforms_are_cuffts_unnormalised_ones),
        TEST(strided_transforms_read_and_write_their_layout),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
