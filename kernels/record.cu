// Records: both splits, spectral norms, probes and states of all runs, measured while training goes on.
//
//   training  .. step | trained |                 wait for `copied` | step ..
//   recording         wait for `trained` | copy states | copied | splits, norms, probes, results to the host | done
//
// A record has a stream, a copy of the states and room of its own: what training and a record both touch while both run
// is read by both. Training waits for the copy alone (2 x 6.8 MB for the 57 runs of the main job: some 10 us), and for
// a record before that is not done. One record is under way at a time; its results wait in pinned memory until the host
// comes for them, states in the copy. Measuring at once is beginning and waiting.
//
// What it can win, main job (57 runs, 856,000 parameters, 500 epochs of 40 steps, 35 records; 28,800 rows a record):
//   records   35 x 28,800 rows x 2 FLOP a parameter = 1.7 TFLOP, 15 % of 11.4 TFLOP of training's. On the device 3 to
//             5 ms each: 49 GFLOP of large batches, 2 to 3 ms; Lanczos' chains on a few multiprocessors, 1 to 2 ms.
//   host      7 MB of states copied twice, 57 x 4,000 flags counted: 2 to 3 ms a record.
//   training  20,000 steps, each bound by the latency of its launches, 40 to 60 us: 0.8 to 1.2 s, the device half idle.
// So 35 x (6 to 8 ms) = 0.2 to 0.3 s of some 1.2 s, a fifth, becomes work in gaps. Where training is faster the share
// is larger; where a record has more FLOPs than the training between two (a record every epoch with 500 lines of 128
// points: 7 times) the records' own time stays. Not measured yet.
#include <math.h>

#include "error.cuh"
#include "group.cuh"
#include "layout.cuh"
#include "range.cuh"
#include "spectral_norm.cuh"

// ---- memory

cudaError_t spt_recording_make(spt_group *group) {
    spt_recording *recording = &group->recording;
    const size_t n_runs = group->spec.n_runs;
    cudaEvent_t *const events[] = {&recording->trained, &recording->copied, &recording->done};
    cudaError_t error = cudaSuccess;
    for (size_t i = 0; i < sizeof events / sizeof events[0] && error == cudaSuccess; i++)
        error = cudaEventCreateWithFlags(events[i], cudaEventDisableTiming);
    const size_t sums = n_runs * sizeof(spt_score), norms = n_runs * group->n_layers * sizeof(double);
    const size_t train = n_runs * spt_layout_split(group, SPT_SPLIT_TRAIN)->n;
    const size_t test = n_runs * spt_layout_split(group, SPT_SPLIT_TEST)->n;
    if (error == cudaSuccess)
        error = cudaMallocHost(&recording->memory, 2 * sums + norms + train + test);
    if (error != cudaSuccess)
        return error;
    char *at = recording->memory;
    recording->sum[SPT_SPLIT_TRAIN] = (spt_score *)at;
    recording->sum[SPT_SPLIT_TEST] = (spt_score *)(at += sums);
    recording->norms = (double *)(at += sums);
    recording->correct[SPT_SPLIT_TRAIN] = (uint8_t *)(at += norms);
    recording->correct[SPT_SPLIT_TEST] = (uint8_t *)(at += train);
    return cudaSuccess;
}

void spt_recording_free(spt_group *group) {
    const spt_recording *recording = &group->recording;
    cudaEvent_t const events[] = {recording->trained, recording->copied, recording->done};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i] != NULL)
            (void)cudaEventDestroy(events[i]);
    if (recording->memory != NULL)
        (void)cudaFreeHost(recording->memory);
}

// ---- one record

cudaError_t spt_recording_copy(spt_group *group) {
    const spt_recording *recording = &group->recording;
    cudaStream_t training = group->device->stream, stream = group->device->record_stream;
    cudaError_t error = cudaEventRecord(recording->trained, training);
    if (error == cudaSuccess)
        error = cudaStreamWaitEvent(stream, recording->trained, 0);
    if (error == cudaSuccess)
        error = cudaMemcpyAsync(group->shadow_d, group->run[0].state_d, group->state_bytes, cudaMemcpyDeviceToDevice,
                                stream);
    if (error == cudaSuccess)
        error = cudaEventRecord(recording->copied, stream);
    if (error == cudaSuccess)
        error = cudaStreamWaitEvent(training, recording->copied, 0);
    return error;
}

static cudaError_t start_evaluation(spt_group *group, spt_split_name split, const spt_evaluation *wanted) {
    bool with_flags = false;
    if (wanted == NULL)
        return cudaSuccess;
    for (size_t r = 0; r < group->spec.n_runs; r++)
        with_flags = with_flags || wanted[r].correct != NULL;
    return spt_evaluation_start(group, split, with_flags);
}

static cudaError_t start_norms(spt_group *group) {
    spt_range range("spectral norms");
    const size_t n_runs = group->spec.n_runs;
    cudaStream_t stream = group->device->record_stream;
    cudaError_t error = spt_spectral_norms(group->network_d, group->network, n_runs, group->n_layers,
                                           (double *)group->record_space_d, group->norms_d, stream);
    if (error == cudaSuccess)
        error = cudaMemcpyAsync(group->recording.norms, group->norms_d, n_runs * group->n_layers * sizeof(double),
                                cudaMemcpyDeviceToHost, stream);
    return error;
}

static spt_status check_begin(const spt_group *group, const spt_record *record, spt_error *err) {
    if (group->recording.under_way)
        return spt_fail(err, SPT_EINVAL, "record: one is under way, and must be waited for first");
    if (record->norms != NULL && record->stride < group->n_layers)
        return spt_fail(err, SPT_EINVAL, "spectral norms: a stride of %zu for runs of up to %zu layers", record->stride,
                        group->n_layers);
    return SPT_OK;
}

spt_status spt_cuda_record_begin(spt_group *group, const spt_record *record, spt_error *err) {
    spt_recording *recording = &group->recording;
    spt_status status = check_begin(group, record, err);
    if (status == SPT_OK)
        status = spt_cuda_check(cudaSetDevice(group->device->index), "choosing the device", err);
    if (status == SPT_OK)
        status = spt_cuda_check(spt_recording_copy(group), "copying states for a record", err);
    if (status == SPT_OK)
        status = spt_cuda_check(start_evaluation(group, SPT_SPLIT_TRAIN, record->train), "evaluation", err);
    if (status == SPT_OK)
        status = spt_cuda_check(start_evaluation(group, SPT_SPLIT_TEST, record->test), "evaluation", err);
    if (status == SPT_OK && record->norms != NULL)
        status = spt_cuda_check(start_norms(group), "spectral norms", err);
    for (size_t p = 0; p < group->spec.n_probes && status == SPT_OK && record->energy != NULL; p++)
        if (record->energy[p] != NULL)
            status = spt_cuda_probe_start(group->probe[p], group->device->record_stream, err);
    if (status == SPT_OK)
        status = spt_cuda_check(cudaEventRecord(recording->done, group->device->record_stream), "record", err);
    if (status == SPT_OK) {
        recording->wanted = *record;
        recording->under_way = true;
    }
    return status;
}

static void read_norms(const spt_group *group, size_t stride, double *norms) {
    for (size_t r = 0; r < group->spec.n_runs; r++)
        for (size_t l = 0; l < stride; l++)
            norms[r * stride + l] = l < group->n_layers ? group->recording.norms[r * group->n_layers + l] : (double)NAN;
}

spt_status spt_cuda_record_wait(spt_group *group, spt_error *err) {
    spt_range range("waiting for a record");
    const spt_record *wanted = &group->recording.wanted;
    if (!group->recording.under_way)
        return spt_fail(err, SPT_EINVAL, "record: none is under way");
    group->recording.under_way = false;
    const spt_status status = spt_cuda_check(cudaEventSynchronize(group->recording.done), "record", err);
    if (status != SPT_OK)
        return status;
    if (wanted->train != NULL)
        spt_evaluation_read(group, SPT_SPLIT_TRAIN, wanted->train);
    if (wanted->test != NULL)
        spt_evaluation_read(group, SPT_SPLIT_TEST, wanted->test);
    if (wanted->norms != NULL)
        read_norms(group, wanted->stride, wanted->norms);
    for (size_t p = 0; p < group->spec.n_probes && wanted->energy != NULL; p++)
        if (wanted->energy[p] != NULL)
            spt_cuda_probe_read(group->probe[p], wanted->energy[p]);
    return SPT_OK;
}

// ---- measuring at once

static spt_status measure(spt_group *group, const spt_record *record, spt_error *err) {
    spt_status status = spt_cuda_record_begin(group, record, err);
    return status == SPT_OK ? spt_cuda_record_wait(group, err) : status;
}

spt_status spt_cuda_evaluate(spt_group *group, spt_split_name split, spt_evaluation *out, spt_error *err) {
    spt_record record = {};
    *(split == SPT_SPLIT_TRAIN ? &record.train : &record.test) = out;
    return measure(group, &record, err);
}

spt_status spt_cuda_spectral_norms(spt_group *group, size_t stride, double *norms, spt_error *err) {
    spt_record record = {};
    record.norms = norms;
    record.stride = stride;
    return measure(group, &record, err);
}

spt_status spt_cuda_probe_energy(spt_group *group, size_t p, double *energy, spt_error *err) {
    if (p >= group->spec.n_probes)
        return spt_fail(err, SPT_EINVAL, "probe %zu: there are %zu", p, group->spec.n_probes);
    double **wanted = group->energy;
    for (size_t i = 0; i < group->spec.n_probes; i++)
        wanted[i] = i == p ? energy : NULL;
    spt_record record = {};
    record.energy = wanted;
    return measure(group, &record, err);
}
