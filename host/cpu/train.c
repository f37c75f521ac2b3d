/* Training: steps of one run by one team, and the runs of a group by all threads. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "cpu/denormals.h"
#include "cpu/group.h"
#include "cpu/optimizer.h"

static const double SLICE_FLOPS = 1e9; /* of one run before another may have the thread: about 12 ms */

/* Steps of `run` until its counter is `end` or its loss is not finite. All members of a team call it with the same
 * arguments; when it returns, the state is whole and the space free. */
static void train_run(spt_member *member, spt_group *group, size_t run, uint64_t end, spt_train_space *space) {
    const spt_run *r = &group->run[run];
    const spt_run_spec *spec = &group->spec.runs[run];
    spt_real *parameters = (spt_real *)(void *)r->state, *moment = parameters + r->arena.block;
    spt_run_counters *counters = spt_group_counters(group, run);
    spt_network network;
    spt_network_init(&network, &spec->model);
    spt_pass pass = space->pass;
    pass.slots = spec->model.hidden_layers;
    pass.slot_stride = spt_pass_stride(group->batch, network.width);
    spt_batcher batcher = space->batcher;
    uint64_t step = counters->step, diverged_step = SPT_STEP_NONE;
    if (member->index == 0) /* another run's gradient may lie in the gaps of this one's block */
        memset(space->gradient, 0, r->arena.block * sizeof *space->gradient);
    spt_team_barrier(member);

    for (; step < end; step++) {
        spt_batch batch = spt_batcher_take(member, &batcher, spec->train.seed, step);
        double loss = spt_network_gradient(member, &network, group->loss, parameters, &batch, &pass, space->gradient);
        if (!isfinite(loss)) {
            diverged_step = step;
            break;
        }
        spt_optimizer_update(member, &spec->train.optimizer, step, r->arena.block, space->gradient, parameters, moment);
        spt_team_barrier(member);
    }
    if (member->index == 0) {
        counters->step = step;
        counters->diverged_step = diverged_step;
        space->batcher = batcher;
    }
    spt_team_barrier(member);
}

/* The queue of runs without a team, and the spaces that no team has. */
typedef struct spt_pool {
    spt_work *queue;
    size_t n_queued;
    size_t *free_space;
    size_t n_free;
} spt_pool;

/* Where a slice that starts at `step` ends: after SLICE_FLOPS, and at the end of an epoch when that is not far, because
 * the next run needs its own permutation. */
static uint64_t slice_end(const spt_group *group, size_t run, uint64_t step, uint64_t end) {
    double steps = SLICE_FLOPS / group->run[run].flops + 1.0;
    if (steps >= (double)(end - step))
        return end;
    uint64_t slice = step + (uint64_t)steps;
    uint64_t epoch = spt_steps_per_epoch(group->spec.dataset->train.n, group->batch);
    if ((double)epoch <= steps)
        slice = (slice + epoch - 1) / epoch * epoch;
    return slice < end ? slice : end;
}

static double flops_left(const spt_group *group, size_t run, uint64_t end) {
    const spt_run_counters *counters = spt_group_counters(group, run);
    if (counters->diverged_step != SPT_STEP_NONE || counters->step >= end)
        return 0.0;
    return group->run[run].flops * (double)(end - counters->step);
}

static void train_from_pool(spt_group *group, spt_pool *pool, uint64_t end) {
    spt_team alone;
    spt_team_init(&alone, 1);
    spt_member member = spt_team_join(&alone, 0);
    for (;;) {
        bool found = false;
        spt_work work = {0};
        size_t space = 0;
#pragma omp critical(spt_cpu_pool)
        if (pool->n_queued > 0) {
            found = true;
            work = spt_work_take(pool->queue, &pool->n_queued);
            space = pool->free_space[--pool->n_free];
        }
        if (!found)
            return; /* what is left is in other threads' hands */
        uint64_t step = spt_group_counters(group, work.run)->step;
        train_run(&member, group, work.run, slice_end(group, work.run, step, end), &group->train_space[space]);
        work.flops = flops_left(group, work.run, end);
#pragma omp critical(spt_cpu_pool)
        {
            pool->free_space[pool->n_free++] = space;
            if (work.flops > 0.0)
                spt_work_put(pool->queue, &pool->n_queued, work);
        }
    }
}

/* What is left to do, most first, into group->work. Returns the number of runs; *useful: threads they can keep busy. */
static size_t list_work(spt_group *group, uint64_t end, size_t *useful) {
    size_t n = 0;
    *useful = 0;
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        double flops = flops_left(group, r, end);
        if (flops > 0.0) {
            group->work[n++] = (spt_work){r, flops, group->run[r].members};
            *useful += group->run[r].members;
        }
    }
    spt_work_sort(group->work, n);
    return n;
}

/* One thread's part: first in its team, if it has one, then from the pool. Teams take the first threads in order. */
static void work_as(size_t thread, spt_group *group, size_t n_teams, spt_pool *pool, uint64_t end) {
    size_t first = 0, t = 0;
    while (t < n_teams && thread >= first + group->team_size[t])
        first += group->team_size[t++];
    if (t < n_teams) {
        spt_member member = spt_team_join(&group->team[t], thread - first);
        train_run(&member, group, group->work[t].run, end, &group->train_space[t]);
        if (member.index == 0) {
#pragma omp critical(spt_cpu_pool)
            pool->free_space[pool->n_free++] = t;
        }
    }
    train_from_pool(group, pool, end);
}

spt_status spt_cpu_train(spt_group *group, uint64_t step, spt_error *err) {
    (void)err;
    size_t useful, n_teams = 0, n_work = list_work(group, step, &useful);
    if (n_work == 0)
        return SPT_OK;
    size_t threads = group->device->threads < useful ? group->device->threads : useful;
    spt_pool pool = {.free_space = group->free_space};
#pragma omp parallel num_threads((int)threads)
    {
        uint64_t denormals = spt_denormals_flush();
#pragma omp single
        { /* here, because the runtime may give fewer threads than were asked for */
            n_teams = spt_work_allot(group->work, n_work, (size_t)omp_get_num_threads(), group->team_size);
            for (size_t t = 0; t < n_teams; t++)
                spt_team_init(&group->team[t], group->team_size[t]);
            for (size_t s = group->n_train_spaces; s > n_teams; s--)
                pool.free_space[pool.n_free++] = s - 1;
            pool.queue = group->work + n_teams;
            pool.n_queued = n_work - n_teams;
        }
        work_as((size_t)omp_get_thread_num(), group, n_teams, &pool, step);
        spt_denormals_restore(denormals);
    }
    return SPT_OK;
}
