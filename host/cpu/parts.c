#include "cpu/parts.h"

#include <omp.h>

#include "cpu/denormals.h"

/* Runs whose parts are in memory at a time: enough to keep all threads busy, few enough for ten thousand runs. */
static size_t wave_of(size_t threads, size_t n_runs, size_t most) {
    const size_t tasks = 32 * threads;
    size_t wave = most > 0 ? (tasks + most - 1) / most : 1;
    if (wave < 2 * threads)
        wave = 2 * threads;
    return wave < n_runs ? wave : n_runs;
}

size_t spt_parts_space(size_t threads, size_t n_runs, size_t most, size_t numbers) {
    return wave_of(threads, n_runs, most) * most * numbers;
}

void spt_parts_run(spt_group *group, const spt_parts *parts) {
    const size_t n_runs = group->spec.n_runs, threads = group->device->threads;
    const size_t wave = wave_of(threads, n_runs, parts->most);
    const size_t busy = wave * parts->most < threads ? wave * parts->most : threads;
#pragma omp parallel num_threads((int)(busy > 0 ? busy : 1))
    {
        uint64_t denormals = spt_denormals_flush();
        spt_eval_space *space = &group->eval_space[omp_get_thread_num()];
        for (size_t first = 0; first < n_runs; first += wave) {
            size_t runs = n_runs - first < wave ? n_runs - first : wave;
#pragma omp for schedule(dynamic, 1)
            for (size_t i = 0; i < runs * parts->most; i++) {
                size_t run = group->by_cost[first + i / parts->most], part = i % parts->most;
                if (part < parts->count(parts->task, group, run))
                    parts->compute(parts->task, group, run, part, space, group->part + i * parts->numbers);
            }
#pragma omp for schedule(static)
            for (size_t r = 0; r < runs; r++) {
                size_t run = group->by_cost[first + r];
                parts->join(parts->task, group, run, parts->count(parts->task, group, run), space,
                            group->part + r * parts->most * parts->numbers);
            }
        }
        spt_denormals_restore(denormals);
    }
}
