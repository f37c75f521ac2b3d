// CUDA's row of the backend table.
#include <string.h>

#include "bench.cuh"
#include "error.cuh"
#include "group.cuh"
#include "range.cuh"
#include "spectral_norm.cuh"

static spt_status counters(spt_group *group, spt_run_counters *out, spt_error *err) {
    (void)err;
    memcpy(out, group->counters, group->spec.n_runs * sizeof *out);
    return SPT_OK;
}

static spt_status spectral_norms(spt_group *group, size_t stride, double *norms, spt_error *err) {
    spt_range range("spectral norms");
    if (stride < group->n_layers)
        return spt_fail(err, SPT_EINVAL, "spectral norms: a stride of %zu for runs of up to %zu layers", stride,
                        group->n_layers);
    spt_status status = spt_cuda_check(cudaSetDevice(group->device->index), "choosing the device", err);
    if (status != SPT_OK)
        return status;
    return spt_cuda_spectral_norms(group->network_d, group->network, group->spec.n_runs, stride, group->device->stream,
                                   norms, err);
}

static spt_status probe(spt_group *group, size_t p, double *energy, spt_error *err) {
    if (p >= group->spec.n_probes)
        return spt_fail(err, SPT_EINVAL, "probe %zu: there are %zu", p, group->spec.n_probes);
    spt_status status = spt_cuda_check(cudaSetDevice(group->device->index), "choosing the device", err);
    if (status != SPT_OK)
        return status;
    return spt_cuda_probe_energy(group->probe[p], group->network_d, group->network, group->spec.n_runs,
                                 group->device->stream, energy, err);
}

const spt_backend spt_backend_cuda = {
    "cuda",
    spt_cuda_count,
    spt_cuda_open,
    spt_cuda_close,
    spt_cuda_describe,
    spt_cuda_group_bytes,
    spt_cuda_group_create,
    spt_cuda_group_destroy,
    spt_cuda_train,
    spt_cuda_evaluate,
    spectral_norms,
    probe,
    spt_cuda_state_get,
    spt_cuda_state_set,
    counters,
    &spt_cuda_bench,
};
