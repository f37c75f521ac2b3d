/* Groups: from a specification to memory, states and FFTW plans, and back. */
#include <math.h>
#include <pthread.h>

#include "core/memory.h"
#include "cpu/layout.h"
#include "cpu/probe.h"

/* FFTW plans in one thread at a time, whoever else in this process uses it through us. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

size_t spt_cpu_group_bytes(const spt_device *device, const spt_group_spec *spec) {
    spt_status status = SPT_OK;
    spt_slab slab = {0};
    spt_group group;
    spt_run *run = spt_cpu_group_check(spec, false, NULL) == SPT_OK ? spt_layout_measure(spec, &status, NULL) : NULL;
    if (run == NULL)
        return 0;
    spt_layout_cut(&slab, spec, run, device->threads, &group);
    spt_memory_free(run);
    return slab.used;
}

/* Plans are made with the first thread's arrays; all threads' have the same alignment. */
static spt_status plan_probes(spt_group *group, spt_error *err) {
    spt_status status = SPT_OK;
    spt_eval_space *space = &group->eval_space[0];
    pthread_mutex_lock(&planner);
    for (size_t p = 0; p < group->spec.n_probes && status == SPT_OK; p++) {
        const spt_probe *probe = group->spec.probes[p];
        const spt_probe_method *method = spt_probe_transform_of(probe);
        if (method->plan == NULL)
            continue;
        group->plan[p] = method->plan(probe, space->samples, space->spectrum);
        if (group->plan[p] == NULL)
            status = spt_fail(err, SPT_ENOMEM, "probe %s: FFTW has no plan for %zu series of %zu samples", probe->name,
                              probe->series, probe->samples);
    }
    pthread_mutex_unlock(&planner);
    return status;
}

static bool all_signs(const spt_split *split, size_t outputs) {
    if (split->target == NULL || outputs != 1)
        return false;
    for (size_t i = 0; i < split->n; i++)
        if (fabsf(split->target[i]) != 1.0f)
            return false;
    return true;
}

static void order_by_cost(spt_group *group) {
    for (size_t r = 0; r < group->spec.n_runs; r++)
        group->work[r] = (spt_work){r, group->run[r].flops, 1};
    spt_work_sort(group->work, group->spec.n_runs);
    for (size_t r = 0; r < group->spec.n_runs; r++)
        group->by_cost[r] = group->work[r].run;
}

spt_status spt_cpu_group_create(spt_device *device, const spt_group_spec *spec, spt_group **out, spt_error *err) {
    spt_status status = spt_cpu_group_check(spec, true, err);
    if (status != SPT_OK)
        return status;
    spt_run *run = spt_layout_measure(spec, &status, err);
    if (run == NULL)
        return status;
    spt_slab slab = {0};
    spt_group *group = spt_memory_alloc(1, sizeof *group);
    if (group == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "group: no memory");
        goto done;
    }
    spt_layout_cut(&slab, spec, run, device->threads, group);
    *group =
        (spt_group){.device = device, .spec = *spec, .batch = spt_layout_batch(spec), .loss = spec->runs[0].train.loss};
    group->memory = slab.used == SIZE_MAX ? NULL : spt_memory_alloc(slab.used, 1);
    if (group->memory == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "group of %zu runs: %zu MiB wanted, out of memory", spec->n_runs,
                          slab.used >> 20);
        group->spec.n_probes = 0; /* there is no plan to destroy */
        goto done;
    }
    slab = (spt_slab){.base = group->memory};
    spt_layout_cut(&slab, spec, run, device->threads, group);
    order_by_cost(group);
    group->signs[SPT_SPLIT_TRAIN] = all_signs(&spec->dataset->train, spec->dataset->outputs);
    group->signs[SPT_SPLIT_TEST] = all_signs(&spec->dataset->test, spec->dataset->outputs);
    status = plan_probes(group, err);
done:
    spt_memory_free(run);
    if (status == SPT_OK)
        *out = group;
    else
        spt_cpu_group_destroy(group);
    return status;
}

void spt_cpu_group_destroy(spt_group *group) {
    if (group == NULL)
        return;
    pthread_mutex_lock(&planner);
    for (size_t p = 0; p < group->spec.n_probes; p++)
        if (group->plan[p] != NULL)
            fftw_destroy_plan(group->plan[p]);
    pthread_mutex_unlock(&planner);
    spt_memory_free(group->memory);
    spt_memory_free(group);
}
