// Timing of kernels: what `spectrain bench` is told by this backend.
#ifndef SPT_KERNELS_BENCH_CUH
#define SPT_KERNELS_BENCH_CUH

#include <cuda_runtime.h>
#include <stdlib.h>

#include "error.cuh"
#include "group.cuh"
#include "spectrain/bench.h"

// What times are taken with. seconds: about how long to spend on one.
typedef struct spt_timer {
    cudaStream_t stream;
    cudaEvent_t start, end;
    double seconds;
} spt_timer;

/** Make a timer's events; release what was made, also after an error, with spt_timer_free. */
cudaError_t spt_timer_make(spt_timer *timer, cudaStream_t stream, double seconds);
void spt_timer_free(spt_timer *timer);

enum { SPT_TIMER_ROUNDS = 5, SPT_TIMER_REPEATS = 20 };

/** The median of n > 0 times, which are sorted on the way. */
double spt_timer_median(double *times, int n);
/** The graph of what was captured since spt_timer's stream began to capture. */
cudaError_t spt_timer_end_capture(const spt_timer *timer, cudaError_t captured, cudaGraphExec_t *graph);

/** Seconds that `count` calls of launch() take on the device, from the start of the first to the end of the last. */
template <typename Launch>
static cudaError_t spt_timer_take(const spt_timer *timer, int count, Launch launch, double *seconds) {
    float milliseconds = 0.0f;
    cudaError_t error = cudaEventRecord(timer->start, timer->stream);
    for (int i = 0; i < count && error == cudaSuccess; i++)
        error = launch();
    if (error == cudaSuccess)
        error = cudaEventRecord(timer->end, timer->stream);
    if (error == cudaSuccess)
        error = cudaEventSynchronize(timer->end);
    if (error == cudaSuccess)
        error = cudaEventElapsedTime(&milliseconds, timer->start, timer->end);
    *seconds = 1e-3 * milliseconds;
    return error;
}

/** Seconds of one work(), which launches into the timer's stream and waits for nothing: the median of five rounds.
 *  Several of it are captured in a graph, so that short kernels follow each other as they do in training; what alone
 *  takes as long as there are seconds is done twice and no more. */
template <typename Work>
static cudaError_t spt_timer_time(const spt_timer *timer, Work work, double *seconds) {
    double times[SPT_TIMER_ROUNDS];
    cudaGraphExec_t graph = NULL;
    cudaError_t error = spt_timer_take(timer, 1, work, seconds); // loads the kernels
    if (error == cudaSuccess)
        error = spt_timer_take(timer, 1, work, seconds);
    if (error != cudaSuccess || *seconds > timer->seconds)
        return error;
    error = cudaStreamBeginCapture(timer->stream, cudaStreamCaptureModeThreadLocal);
    if (error != cudaSuccess)
        return error;
    for (int i = 0; i < SPT_TIMER_REPEATS && error == cudaSuccess; i++)
        error = work();
    error = spt_timer_end_capture(timer, error, &graph);
    auto launch = [&]() { return cudaGraphLaunch(graph, timer->stream); };
    if (error == cudaSuccess)
        error = spt_timer_take(timer, 1, launch, seconds);
    const double launches = timer->seconds / SPT_TIMER_ROUNDS / (*seconds > 1e-7 ? *seconds : 1e-7);
    const int count = launches < 1.0 ? 1 : launches > 1e6 ? 1000000 : (int)launches;
    for (int round = 0; round < SPT_TIMER_ROUNDS && error == cudaSuccess; round++)
        error = spt_timer_take(timer, count, launch, &times[round]);
    if (error == cudaSuccess)
        *seconds = spt_timer_median(times, SPT_TIMER_ROUNDS) / count / SPT_TIMER_REPEATS;
    if (graph != NULL)
        (void)cudaGraphExecDestroy(graph);
    return error;
}

// A group whose kernels are timed, and who is told.
typedef struct spt_kernel_bench {
    spt_group *group;
    spt_timer timer;
    spt_measurement_fn tell;
    void *user;
} spt_kernel_bench;

/** Time work() and tell of it under the name in `m`, whose FLOPs and bytes are set. */
template <typename Work>
static cudaError_t spt_kernel_bench_time(const spt_kernel_bench *bench, spt_measurement m, Work work) {
    const cudaError_t error = spt_timer_time(&bench->timer, work, &m.seconds);
    if (error == cudaSuccess)
        bench->tell(&m, bench->user);
    return error;
}

/** A measurement to be taken: its name, printf-like, and its floor. */
spt_measurement spt_measurement_of(double flops, double bytes, const char *by, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** The kernels of probe p, on as many of its series at a time as 256 MiB of outputs allow. */
spt_status spt_cuda_bench_probe(const spt_kernel_bench *bench, size_t p, spt_error *err);
/** What probe p does beside a plain dft, on the networks that are there at a time. */
spt_status spt_cuda_bench_transforms(const spt_kernel_bench *bench, size_t p, spt_error *err);
spt_status spt_cuda_peaks(spt_device *device, double seconds, spt_peaks *peaks, spt_error *err);

extern "C" const spt_backend_bench spt_cuda_bench;

#endif
