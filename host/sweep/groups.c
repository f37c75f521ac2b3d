/* Groups: which runs are trained together. Runs that may be go by data set, batch and loss, and in each kind as they
 * come; what does not fit into memory at once is cut into further groups. Results do not depend on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/group_memory.h"

/* A group's records wait in host memory until they are handed to the store; this bounds them, and so the memory of a
 * sweep of any size. */
static const uint64_t GROUP_RECORD_BYTES = (uint64_t)128 << 20;

void spt_sweep_free_groups(spt_sweep *sweep) {
    for (size_t g = 0; g < sweep->n_groups; g++)
        free(sweep->groups[g].runs);
    free(sweep->groups);
    sweep->groups = NULL;
    sweep->n_groups = 0;
}

/* ---- the order */

typedef struct sorted_run {
    size_t dataset, batch, run;
    spt_loss loss;
} sorted_run;

static bool fit_together(const sorted_run *a, const sorted_run *b) {
    return a->dataset == b->dataset && a->batch == b->batch && a->loss == b->loss;
}

static int compare(const void *a, const void *b) {
    const sorted_run *x = a, *y = b;
    if (x->dataset != y->dataset) /* so that each data set, with its probes, is made once */
        return x->dataset < y->dataset ? -1 : 1;
    if (x->batch != y->batch)
        return x->batch < y->batch ? -1 : 1;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

static sorted_run *sort_runs(const spt_sweep *sweep) {
    sorted_run *order = calloc(sweep->n_runs, sizeof *order);
    for (size_t r = 0; r < sweep->n_runs && order != NULL; r++) {
        const spt_train_spec *train = &sweep->runs[r].spec.train;
        order[r] = (sorted_run){sweep->run_dataset[r], train->batch, r, train->loss};
    }
    if (order != NULL)
        qsort(order, sweep->n_runs, sizeof *order, compare);
    return order;
}

/* ---- the cut */

/* Runs in their order, cut from the front. */
typedef struct cutting {
    spt_sweep *sweep;
    const spt_group_place *place;
    const sorted_run *order;
    size_t *runs;        /* (n_runs) in that order */
    spt_run_spec *specs; /* (n_runs) likewise */
    spt_group_outline outline;
} cutting;

static void measure(const cutting *c, size_t first, size_t n, spt_planned_group *group) {
    *group = (spt_planned_group){.dataset = c->order[first].dataset, .n_runs = n, .runs = c->runs + first};
    spt_group_measure(c->sweep, c->place, &c->outline, c->specs + first, group);
}

static bool fits(const cutting *c, size_t first, size_t n) {
    spt_planned_group group;
    measure(c, first, n, &group);
    return spt_group_fits(c->place, &group);
}

/* Runs from `first` on that go together and whose records may wait together: one at least. */
static size_t most_together(const cutting *c, size_t first) {
    uint64_t bytes = 0;
    size_t end = first;
    for (; end < c->sweep->n_runs && fit_together(&c->order[first], &c->order[end]); end++) {
        bytes += spt_sweep_record_bytes(c->sweep, c->runs[end]);
        if (end > first && bytes > GROUP_RECORD_BYTES)
            break;
    }
    return end - first;
}

/* The most runs from `first` on that fit, or one: more runs never take less. */
static size_t cut(const cutting *c, size_t first) {
    size_t too_many = most_together(c, first) + 1, fitting = 0;
    for (size_t n = too_many - 1; fitting + 1 < too_many; n = fitting + (too_many - fitting) / 2)
        *(fits(c, first, n) ? &fitting : &too_many) = n;
    return fitting > 0 ? fitting : 1;
}

static bool append(cutting *c, size_t first, size_t n, size_t *capacity) {
    spt_sweep *sweep = c->sweep;
    if (sweep->n_groups == *capacity) {
        size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
        spt_planned_group *grown = realloc(sweep->groups, wanted * sizeof *grown);
        if (grown == NULL)
            return false;
        sweep->groups = grown;
        *capacity = wanted;
    }
    spt_planned_group *group = &sweep->groups[sweep->n_groups];
    measure(c, first, n, group);
    group->runs = malloc(n * sizeof *group->runs);
    if (group->runs == NULL)
        return false;
    memcpy(group->runs, c->runs + first, n * sizeof *group->runs);
    for (size_t i = 0; i < n; i++) {
        spt_planned_run *run = &sweep->runs[group->runs[i]];
        group->train_flops += run->train_flops;
        group->record_flops += run->record_flops;
        run->group = sweep->n_groups;
    }
    sweep->n_groups++;
    return true;
}

static spt_status cut_all(cutting *c, spt_error *err) {
    spt_status status = SPT_OK;
    size_t capacity = 0;
    for (size_t first = 0, n; first < c->sweep->n_runs && status == SPT_OK; first += n) {
        if (first == 0 || c->order[first].dataset != c->order[first - 1].dataset) {
            spt_group_outline_free(&c->outline);
            status = spt_group_outline_make(c->sweep, c->order[first].dataset, &c->outline, err);
            if (status != SPT_OK)
                return status;
        }
        n = cut(c, first);
        if (!append(c, first, n, &capacity))
            status = spt_fail(err, SPT_ENOMEM, "sweep of %zu runs: out of memory", c->sweep->n_runs);
    }
    return status;
}

spt_status spt_sweep_make_groups(spt_sweep *sweep, const spt_group_place *place, spt_error *err) {
    spt_sweep_free_groups(sweep);
    const spt_group_place nowhere = {0};
    sorted_run *order = sort_runs(sweep);
    cutting c = {.sweep = sweep,
                 .place = place != NULL ? place : &nowhere,
                 .order = order,
                 .runs = calloc(sweep->n_runs, sizeof *c.runs),
                 .specs = calloc(sweep->n_runs, sizeof *c.specs)};
    spt_status status = SPT_OK;
    if (order == NULL || c.runs == NULL || c.specs == NULL)
        status = spt_fail(err, SPT_ENOMEM, "sweep of %zu runs: out of memory", sweep->n_runs);
    for (size_t i = 0; i < sweep->n_runs && status == SPT_OK; i++) {
        c.runs[i] = order[i].run;
        c.specs[i] = sweep->runs[order[i].run].spec;
    }
    if (status == SPT_OK)
        status = cut_all(&c, err);
    spt_group_outline_free(&c.outline);
    free(order);
    free(c.runs);
    free(c.specs);
    if (status != SPT_OK)
        spt_sweep_free_groups(sweep);
    return status;
}

/* ---- runs that fit nowhere */

static double mebibytes(uint64_t bytes) {
    return (double)bytes / 1048576.0;
}

/* "run 3 (model.width 16384, train.seed 1)" */
static void name_run(const spt_sweep *sweep, size_t run, char *name, size_t capacity) {
    const spt_axes *axes = &sweep->axes;
    size_t number = sweep->runs[run].number;
    int length = snprintf(name, capacity, "run %zu", number);
    for (size_t a = 0; a < axes->n_axes && length > 0 && (size_t)length < capacity; a++)
        length += snprintf(name + length, capacity - (size_t)length, "%s%s %s", a == 0 ? " (" : ", ", axes->axes[a].key,
                           spt_axes_value(axes, a, number)->text);
    if (axes->n_axes > 0 && length > 0 && (size_t)length < capacity)
        snprintf(name + length, capacity - (size_t)length, ")");
}

spt_status spt_sweep_check_groups(const spt_sweep *sweep, const spt_group_place *place, spt_error *err) {
    for (size_t g = 0; g < sweep->n_groups; g++) {
        const spt_planned_group *group = &sweep->groups[g];
        if (spt_group_fits(place, group))
            continue;
        char name[256];
        name_run(sweep, group->runs[0], name, sizeof name);
        uint64_t bytes = place->info.memory_is_host ? group->host_bytes : group->device_bytes;
        return spt_fail(err, SPT_ENOMEM, "%s: takes %.1f MiB of memory, %.1f MiB are free on %s", name,
                        mebibytes(bytes), mebibytes(place->info.memory_free), place->info.name);
    }
    return SPT_OK;
}
