// State and results between host and device, through pinned memory: while one half of it is on its way, the host
// empties or fills the other.
#include <string.h>

#include "error.cuh"
#include "group.cuh"
#include "range.cuh"

static size_t part_of(size_t bytes, size_t first, size_t half) {
    return bytes - first < half ? bytes - first : half;
}

cudaError_t spt_cuda_copy_out(spt_group *group, cudaStream_t stream, void *to, const void *from_d, size_t bytes) {
    spt_range range("copy out");
    const spt_staging *s = &group->staging;
    const size_t half = s->bytes / 2, parts = (bytes + half - 1) / half;
    cudaError_t error = cudaSuccess;
    for (size_t i = 0; i <= parts && error == cudaSuccess; i++) {
        if (i < parts) {
            error = cudaMemcpyAsync(s->memory + i % 2 * half, (const char *)from_d + i * half,
                                    part_of(bytes, i * half, half), cudaMemcpyDeviceToHost, stream);
            if (error == cudaSuccess)
                error = cudaEventRecord(s->done[i % 2], stream);
        }
        if (i > 0 && error == cudaSuccess) {
            const size_t last = i - 1;
            error = cudaEventSynchronize(s->done[last % 2]);
            if (error == cudaSuccess)
                memcpy((char *)to + last * half, s->memory + last % 2 * half, part_of(bytes, last * half, half));
        }
    }
    return error;
}

cudaError_t spt_cuda_copy_in(spt_group *group, void *to_d, const void *from, size_t bytes) {
    spt_range range("copy in");
    const spt_staging *s = &group->staging;
    const size_t half = s->bytes / 2, parts = (bytes + half - 1) / half;
    cudaError_t error = cudaSuccess;
    for (size_t i = 0; i < parts && error == cudaSuccess; i++) {
        if (i >= 2)
            error = cudaEventSynchronize(s->done[i % 2]);
        if (error != cudaSuccess)
            break;
        memcpy(s->memory + i % 2 * half, (const char *)from + i * half, part_of(bytes, i * half, half));
        error = cudaMemcpyAsync((char *)to_d + i * half, s->memory + i % 2 * half, part_of(bytes, i * half, half),
                                cudaMemcpyHostToDevice, group->device->stream);
        if (error == cudaSuccess)
            error = cudaEventRecord(s->done[i % 2], group->device->stream);
    }
    return error == cudaSuccess ? cudaStreamSynchronize(group->device->stream) : error;
}

static spt_status check_index(const spt_group *group, size_t run, spt_error *err) {
    if (run >= group->spec.n_runs)
        return spt_fail(err, SPT_EINVAL, "run %zu: the group has %zu", run, group->spec.n_runs);
    return spt_cuda_check(cudaSetDevice(group->device->index), "choosing the device", err);
}

spt_status spt_cuda_state_get(spt_group *group, size_t run, void *state, spt_error *err) {
    spt_status status = check_index(group, run, err);
    if (status != SPT_OK)
        return status;
    const spt_run *r = &group->run[run];
    return spt_cuda_check(spt_cuda_copy_out(group, group->device->stream, state, r->state_d, r->arena.bytes),
                          "copying a run's state out", err);
}

spt_status spt_cuda_record_state(spt_group *group, size_t run, void *state, spt_error *err) {
    spt_status status = check_index(group, run, err);
    if (status != SPT_OK)
        return status;
    const char *from_d = group->shadow_d + (group->run[run].state_d - group->run[0].state_d);
    return spt_cuda_check(
        spt_cuda_copy_out(group, group->device->record_stream, state, from_d, group->run[run].arena.bytes),
        "copying a record's state out", err);
}

spt_status spt_cuda_state_set(spt_group *group, size_t run, const void *state, spt_error *err) {
    spt_status status = check_index(group, run, err);
    if (status != SPT_OK)
        return status;
    const spt_run *r = &group->run[run];
    status =
        spt_cuda_check(spt_cuda_copy_in(group, r->state_d, state, r->arena.bytes), "copying a run's state in", err);
    if (status == SPT_OK)
        memcpy(&group->counters[run], (const char *)state + r->arena.counters_offset, sizeof group->counters[run]);
    return status;
}
