/* The most that this processor does: products of matrices that stay in each thread's cache, and copies of memory that
 * no cache holds. */
#include <cblas.h>
#include <omp.h>
#include <string.h>

#include "core/memory.h"
#include "core/rounds.h"
#include "cpu/group.h"
#include "spectrain/bench.h"

enum { SIDE = 512 };                                /* of a matrix: 1 MiB */
static const size_t COPY_BYTES = (size_t)256 << 20; /* all threads together */

typedef struct peak_space {
    size_t threads, floats; /* floats: of a thread, in each half of copies */
    float *matrix;          /* (threads, 3, SIDE, SIDE) */
    float *from, *to;       /* (threads, floats) */
} peak_space;

static spt_status multiply(void *context, uint64_t count, spt_error *err) {
    const peak_space *space = context;
    (void)err;
#pragma omp parallel num_threads((int)space->threads)
    {
        float *a = space->matrix + (size_t)omp_get_thread_num() * 3 * SIDE * SIDE;
        for (uint64_t i = 0; i < count; i++)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1.0f, a, SIDE, a + SIDE * SIDE,
                        SIDE, 0.0f, a + 2 * SIDE * SIDE, SIDE);
    }
    return SPT_OK;
}

static spt_status copy(void *context, uint64_t count, spt_error *err) {
    const peak_space *space = context;
    (void)err;
#pragma omp parallel num_threads((int)space->threads)
    {
        size_t at = (size_t)omp_get_thread_num() * space->floats;
        for (uint64_t i = 0; i < count; i++)
            memcpy(i % 2 ? space->from + at : space->to + at, i % 2 ? space->to + at : space->from + at,
                   space->floats * sizeof *space->from);
    }
    return SPT_OK;
}

static spt_status peaks_of(spt_device *device, double seconds, spt_peaks *peaks, spt_error *err) {
    peak_space space = {.threads = device->threads, .floats = COPY_BYTES / sizeof(float) / device->threads};
    space.matrix = spt_memory_alloc(device->threads, 3 * SIDE * SIDE * sizeof *space.matrix);
    space.from = spt_memory_alloc(device->threads, space.floats * sizeof *space.from);
    space.to = spt_memory_alloc(device->threads, space.floats * sizeof *space.to);
    spt_status status = SPT_OK;
    double product = 0, copied = 0;
    if (!space.matrix || !space.from || !space.to)
        status = spt_fail(err, SPT_ENOMEM, "cpu: measuring the peaks: no memory");
    for (size_t i = 0; status == SPT_OK && i < device->threads * 3 * SIDE * SIDE; i++)
        space.matrix[i] = (float)(i % 1021) / 1021.0f - 0.5f;
    if (status == SPT_OK)
        status = spt_rounds_time(multiply, &space, seconds, &product, err);
    if (status == SPT_OK)
        status = spt_rounds_time(copy, &space, seconds, &copied, err);
    if (status == SPT_OK) {
        double threads = (double)device->threads;
        peaks->flops = threads * 2.0 * SIDE * SIDE * SIDE / product;
        peaks->bytes = threads * 2.0 * (double)(space.floats * sizeof(float)) / copied;
    }
    spt_memory_free(space.matrix);
    spt_memory_free(space.from);
    spt_memory_free(space.to);
    return status;
}

const spt_backend_bench spt_cpu_bench = {.peaks = peaks_of};
