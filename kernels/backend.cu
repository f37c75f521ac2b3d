// CUDA's row of the backend table.
#include <string.h>

#include "bench.cuh"
#include "group.cuh"

static spt_status counters(spt_group *group, spt_run_counters *out, spt_error *err) {
    (void)err;
    memcpy(out, group->counters, group->spec.n_runs * sizeof *out);
    return SPT_OK;
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
    spt_cuda_spectral_norms,
    spt_cuda_probe_energy,
    spt_cuda_state_get,
    spt_cuda_state_set,
    counters,
    spt_cuda_train_begin,
    spt_cuda_record_begin,
    spt_cuda_record_wait,
    spt_cuda_record_state,
    &spt_cuda_bench,
};
