/* The CPU's row of the backend table. */
#include <string.h>

#include "cpu/group.h"

static spt_status check_index(const spt_group *group, size_t run, spt_error *err) {
    if (run >= group->spec.n_runs)
        return spt_fail(err, SPT_EINVAL, "run %zu: the group has %zu", run, group->spec.n_runs);
    return SPT_OK;
}

static spt_status state_get(spt_group *group, size_t run, void *state, spt_error *err) {
    spt_status status = check_index(group, run, err);
    if (status == SPT_OK)
        memcpy(state, group->run[run].state, group->run[run].arena.bytes);
    return status;
}

static spt_status state_set(spt_group *group, size_t run, const void *state, spt_error *err) {
    spt_status status = check_index(group, run, err);
    if (status == SPT_OK)
        memcpy(group->run[run].state, state, group->run[run].arena.bytes);
    return status;
}

static spt_status counters(spt_group *group, spt_run_counters *out, spt_error *err) {
    (void)err;
    for (size_t r = 0; r < group->spec.n_runs; r++)
        out[r] = *spt_group_counters(group, r);
    return SPT_OK;
}

/* All of it is left to train. */
static spt_status train_begin(spt_group *group, uint64_t step, spt_error *err) {
    (void)group, (void)step, (void)err;
    return SPT_OK;
}

const spt_backend spt_backend_cpu = {
    .name = "cpu",
    .count = spt_cpu_count,
    .open = spt_cpu_open,
    .close = spt_cpu_close,
    .describe = spt_cpu_describe,
    .group_bytes = spt_cpu_group_bytes,
    .group_create = spt_cpu_group_create,
    .group_destroy = spt_cpu_group_destroy,
    .train = spt_cpu_train,
    .evaluate = spt_cpu_evaluate,
    .spectral_norms = spt_cpu_spectral_norms,
    .probe = spt_cpu_probe,
    .state_get = state_get,
    .state_set = state_set,
    .counters = counters,
    .train_begin = train_begin,
    .record_begin = spt_cpu_record_begin,
    .record_wait = spt_cpu_record_wait,
    .record_state = state_get, /* nothing has been trained since */
    .bench = &spt_cpu_bench,
};
