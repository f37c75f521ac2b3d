/* Spectral norms of every layer of every run; a part is a layer. */
#include <math.h>

#include "cpu/group.h"
#include "cpu/parts.h"

typedef struct spt_norms_task {
    size_t stride;
    double *norms; /* (n_runs, stride) */
} spt_norms_task;

static size_t count(const void *task, const spt_group *group, size_t run) {
    (void)task;
    return group->run[run].arena.layers;
}

static void compute(void *task, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *norm) {
    (void)task;
    spt_layer layer = spt_model_layer(&group->spec.runs[run].model, part);
    const float *parameters = (const float *)(const void *)group->run[run].state;
    *norm = layer.weight_scale *
            spt_spectral_norm(parameters + layer.weight_offset, layer.fan_out, layer.fan_in, &space->norm);
}

static void join(void *argument, spt_group *group, size_t run, size_t layers, spt_eval_space *space,
                 const double *norm) {
    (void)group, (void)space;
    const spt_norms_task *task = argument;
    for (size_t l = 0; l < task->stride; l++)
        task->norms[run * task->stride + l] = l < layers ? norm[l] : (double)NAN;
}

spt_status spt_cpu_spectral_norms(spt_group *group, size_t stride, double *norms, spt_error *err) {
    spt_norms_task task = {stride, norms};
    spt_parts parts = {.numbers = 1, .task = &task, .count = count, .compute = compute, .join = join};
    for (size_t r = 0; r < group->spec.n_runs; r++)
        if (group->run[r].arena.layers > parts.most)
            parts.most = group->run[r].arena.layers;
    if (stride < parts.most)
        return spt_fail(err, SPT_EINVAL, "spectral norms: a stride of %zu for runs of up to %zu layers", stride,
                        parts.most);
    spt_parts_run(group, &parts);
    return SPT_OK;
}
