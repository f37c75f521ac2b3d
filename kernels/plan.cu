#include "plan.cuh"

#include <stdlib.h>
#include <string.h>

enum {
    SLICED_FROM = 1024, // terms; sums of fewer are one chain
    SLICE = 512,        // terms of a slice when there are tiles to spare
    SLICE_STEP = 64,    // slices start at multiples: the bias gradient's blocks
    // Tiles of a product, slices counted, beyond which cutting has no use: a device is full, partial sums cost memory.
    // Of an activation only the columns are counted, because the rows change from batch to part of a split.
    WEIGHT_TILES = 128,
    COLUMN_TILES = 16
};

void spt_plan_restart(spt_plan *plan) {
    plan->n_problems = plan->n_tiles = plan->gradient_floats = 0;
    plan->use = SPT_DENSE_TRAINING;
    for (int use = 0; use < SPT_DENSE_USES; use++) {
        plan->slices[use].partial_floats = plan->slices[use].n_arrived = 0;
        plan->slices[use].uses_cublas = false;
    }
}

void spt_plan_free(spt_plan *plan) {
    free(plan->problem);
    free(plan->tile);
    plan->problem = NULL;
    plan->tile = NULL;
}

/** Room for one more in a table; false, and the plan is marked, when there is no memory. */
static bool grow(spt_plan *plan, void **table, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity)
        return true;
    const size_t wanted = *capacity > 0 ? 2 * *capacity : 256;
    void *grown = plan->out_of_memory ? NULL : realloc(*table, wanted * size);
    if (grown == NULL) {
        plan->out_of_memory = true;
        return false;
    }
    *table = grown;
    *capacity = wanted;
    return true;
}

static uint32_t tiles_along(uint32_t length, uint32_t tile) {
    return (length + tile - 1) / tile;
}

/** By the product's shape alone, so that a run's bits do not depend on its group. */
static void choose_slices(spt_phase_kind kind, uint32_t rows, spt_dense_problem *p) {
    const uint32_t k = p->k != 0 ? p->k : rows;
    p->slices = 1;
    p->slice_terms = k;
    if (k < SLICED_FROM || p->shape == SPT_TILE_CUBLAS)
        return;
    const uint32_t columns = tiles_along(p->n, 64);
    const uint64_t tiles = kind == SPT_PHASE_WEIGHT_GRADIENT ? (uint64_t)columns * tiles_along(p->m, 64) : columns;
    const uint64_t most = (kind == SPT_PHASE_WEIGHT_GRADIENT ? WEIGHT_TILES : COLUMN_TILES) / tiles;
    uint32_t slices = tiles_along(k, SLICE);
    if (slices > most)
        slices = most > 0 ? (uint32_t)most : 1;
    p->slice_terms = tiles_along(tiles_along(k, slices), SLICE_STEP) * SLICE_STEP;
    p->slices = tiles_along(k, p->slice_terms);
}

void spt_plan_add(spt_plan *plan, spt_phase_kind kind, size_t rows, spt_dense_problem p) {
    const uint32_t batch = (uint32_t)rows;
    p.shape = spt_dense_choose(plan->choice, kind, p.m != 0 ? p.m : batch, p.n, p.k != 0 ? p.k : batch);
    choose_slices(kind, batch, &p);
    if (p.shape == SPT_TILE_CUBLAS) {
        plan->slices[plan->use].uses_cublas = true;
        const size_t weights = (size_t)p.m * p.n;
        if (kind == SPT_PHASE_WEIGHT_GRADIENT && weights > plan->gradient_floats)
            plan->gradient_floats = weights;
        if (kind == SPT_PHASE_WEIGHT_GRADIENT)
            p.c = plan->gradient_d;
    }
    if (grow(plan, (void **)&plan->problem, plan->n_problems, &plan->problem_capacity, sizeof p))
        plan->problem[plan->n_problems++] = p;
}

/** What one tile costs, the longest first so that the short ones fill in; cuBLAS's problems last. */
static double cost_of(const spt_dense_problem *p) {
    uint32_t rows, columns;
    if (p->shape == SPT_TILE_CUBLAS)
        return -1.0;
    spt_dense_tile_size((spt_tile_shape)p->shape, &rows, &columns);
    return (double)rows * columns * p->slice_terms;
}

static int compare(const void *a, const void *b) {
    const spt_dense_problem *p = (const spt_dense_problem *)a, *q = (const spt_dense_problem *)b;
    const double p_cost = cost_of(p), q_cost = cost_of(q);
    if (p_cost != q_cost)
        return p_cost > q_cost ? -1 : 1;
    return p->run != q->run              ? (p->run < q->run ? -1 : 1)
           : p->weight_at < q->weight_at ? -1
                                         : p->weight_at > q->weight_at;
}

static size_t cut(spt_plan *plan, size_t index, uint32_t rows) {
    const spt_dense_problem *p = &plan->problem[index];
    const uint32_t m = p->m != 0 ? p->m : rows;
    uint32_t tile_rows, tile_columns;
    spt_dense_tile_size((spt_tile_shape)p->shape, &tile_rows, &tile_columns);
    for (uint32_t row = 0; row < m; row += tile_rows)
        for (uint32_t column = 0; column < p->n; column += tile_columns)
            for (uint32_t slice = 0; slice < p->slices; slice++)
                if (grow(plan, (void **)&plan->tile, plan->n_tiles, &plan->tile_capacity, sizeof *plan->tile))
                    plan->tile[plan->n_tiles++] = {(uint32_t)index, row, column, slice};
    return (size_t)tiles_along(m, tile_rows) * tiles_along(p->n, tile_columns);
}

void spt_plan_close(spt_plan *plan, size_t first, size_t rows, spt_dense_phase *phase) {
    memset(phase, 0, sizeof *phase);
    if (plan->out_of_memory)
        return;
    qsort(plan->problem + first, plan->n_problems - first, sizeof *plan->problem, compare);
    spt_plan_slices *slices = &plan->slices[plan->use];
    size_t partial = 0, arrived = 0, first_tile[2], end = plan->n_problems;
    while (end > first && plan->problem[end - 1].shape == SPT_TILE_CUBLAS)
        end--;
    for (int large = 0; large < 2; large++) {
        first_tile[large] = plan->n_tiles;
        for (size_t i = first; i < end; i++) {
            spt_dense_problem *p = &plan->problem[i];
            if ((p->shape == SPT_TILE_LARGE) != (large == 1))
                continue;
            const size_t tiles = cut(plan, i, (uint32_t)rows);
            if (p->slices > 1) {
                p->partial = slices->partial_d + partial;
                p->arrived = slices->arrived_d + arrived;
                partial += tiles * p->slices * spt_dense_partial_floats((spt_tile_shape)p->shape);
                arrived += tiles;
            }
        }
    }
    phase->use = plan->use;
    phase->problems = plan->problem_d;
    phase->compact = plan->tile_d + first_tile[0];
    phase->n_compact = (uint32_t)(first_tile[1] - first_tile[0]);
    phase->large = plan->tile_d + first_tile[1];
    phase->n_large = (uint32_t)(plan->n_tiles - first_tile[1]);
    phase->cublas = plan->problem + end;
    phase->n_cublas = (uint32_t)(plan->n_problems - end);
    if (partial > slices->partial_floats)
        slices->partial_floats = partial;
    if (arrived > slices->n_arrived)
        slices->n_arrived = arrived;
}
