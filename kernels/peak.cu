// What the device does at most: fused multiply-adds in registers, and copies in memory.
//
// Map:    multiply: eight chains a thread, 256 threads a block, eight blocks a multiprocessor. copy: 16 bytes a thread
//         at a time, as many blocks, each thread `count / threads` of them apart.
// Shared: none.
// Bound:  2 FLOP an instruction and lane, no memory; 32 bytes read and written for no FLOP.
#include <stdint.h>

#include "bench.cuh"
#include "launch.cuh"

enum { THREADS = 256, BLOCKS_A_PROCESSOR = 8, CHAINS = 8, STEPS = 16 };
static const size_t COPY_MOST = (size_t)512 << 20, COPY_LEAST = (size_t)1 << 20;

/** factor and offset keep every chain near 1. What is left is written only if it is what it cannot be. */
static __global__ void __launch_bounds__(THREADS)
    multiply_add(uint32_t rounds, float factor, float offset, float *out) {
    float chain[CHAINS];
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        chain[c] = 1.0f + 1e-3f * (float)(threadIdx.x + c);
    for (uint32_t round = 0; round < rounds; round++) {
#pragma unroll
        for (int step = 0; step < STEPS; step++)
#pragma unroll
            for (int c = 0; c < CHAINS; c++)
                chain[c] = fmaf(chain[c], factor, offset);
    }
    float sum = 0.0f;
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        sum += chain[c];
    if (sum == -1.0f)
        out[threadIdx.x] = sum;
}

static __global__ void __launch_bounds__(THREADS) copy(const float4 *from, float4 *to, uint64_t count) {
    const uint64_t threads = (uint64_t)gridDim.x * THREADS;
    for (uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += threads)
        to[i] = from[i];
}

/** Rounds are doubled until a launch takes long enough to be timed. */
static cudaError_t peak_flops(const spt_timer *timer, unsigned blocks, float *out, double *flops) {
    double seconds = 0.0;
    cudaError_t error = cudaSuccess;
    for (uint32_t rounds = 4; error == cudaSuccess; rounds *= 2) {
        auto launch = [&]() {
            return spt_launch(multiply_add, blocks, THREADS, 0, timer->stream, rounds, 0.999f, 0.001f, out);
        };
        error = spt_timer_take(timer, 1, launch, &seconds);
        if (error != cudaSuccess ||
            (seconds < timer->seconds / SPT_TIMER_ROUNDS && seconds < 0.05 && rounds < 1u << 28))
            continue;
        error = spt_timer_take(timer, 2, launch, &seconds);
        *flops = 2.0 * 2.0 * rounds * STEPS * CHAINS * THREADS * blocks / seconds;
        break;
    }
    return error;
}

/** bytes: of each half of the memory, several times what the cache holds where there is so much. */
static cudaError_t peak_bytes(const spt_timer *timer, unsigned blocks, const void *from, void *to, size_t bytes,
                              double *rate) {
    double seconds = 0.0;
    auto work = [&]() {
        return spt_launch(copy, blocks, THREADS, 0, timer->stream, (const float4 *)from, (float4 *)to,
                          (uint64_t)(bytes / sizeof(float4)));
    };
    const cudaError_t error = spt_timer_time(timer, work, &seconds);
    *rate = 2.0 * (double)bytes / seconds;
    return error;
}

/** Eight times the cache, but no more than an eighth of what is free. */
static cudaError_t copy_size(const spt_device *device, size_t *bytes) {
    size_t free_bytes = 0, total = 0;
    int cache = 0;
    cudaError_t error = cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, device->index);
    if (error == cudaSuccess)
        error = cudaMemGetInfo(&free_bytes, &total);
    *bytes = 8 * (size_t)(cache > 0 ? cache : 0);
    *bytes = *bytes > COPY_MOST ? COPY_MOST : *bytes < COPY_LEAST ? COPY_LEAST : *bytes;
    *bytes = *bytes > free_bytes / 8 ? free_bytes / 8 / sizeof(float4) * sizeof(float4) : *bytes;
    return error;
}

spt_status spt_cuda_peaks(spt_device *device, double seconds, spt_peaks *peaks, spt_error *err) {
    spt_timer timer = {};
    char *memory_d = NULL;
    int processors = 0;
    size_t bytes = 0;
    cudaError_t error = cudaSetDevice(device->index);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device->index);
    if (error == cudaSuccess)
        error = copy_size(device, &bytes);
    if (error == cudaSuccess)
        error = spt_timer_make(&timer, device->stream, seconds);
    if (error == cudaSuccess)
        error = cudaMalloc(&memory_d, 2 * bytes);
    if (error == cudaSuccess)
        error = cudaMemsetAsync(memory_d, 1, 2 * bytes, device->stream);
    const unsigned blocks = (unsigned)processors * BLOCKS_A_PROCESSOR;
    if (error == cudaSuccess)
        error = peak_flops(&timer, blocks, (float *)memory_d, &peaks->flops);
    if (error == cudaSuccess)
        error = peak_bytes(&timer, blocks, memory_d, memory_d + bytes, bytes, &peaks->bytes);
    (void)cudaFree(memory_d);
    spt_timer_free(&timer);
    return spt_cuda_check(error, "measuring the peaks", err);
}
