/* Cutting a sweep into shards: longest run first, to the shard that has the least. Twice the same cut needs arithmetic
 * that is the same everywhere: sums of doubles in one order, ties by number. */
#include <stdlib.h>
#include <string.h>

#include "spectrain/shard.h"
#include "sweep/sweep_internal.h"

static const double TOLERANCE = 0.02; /* of a shard's mean: so much imbalance a shared data set is worth */
enum { KNOWN_MAX = 16 };              /* shards remembered for a data set */

/* ---- shards as a heap, the least loaded on top */

typedef struct load {
    double cost;
    uint32_t shard;
} load;

typedef struct heap {
    load *items;    /* (n) */
    size_t *places; /* (n) of each shard in items */
    size_t n;
} heap;

static bool is_less(const load *a, const load *b) {
    return a->cost < b->cost || (a->cost == b->cost && a->shard < b->shard);
}

static void put_at(heap *h, size_t place, load item) {
    h->items[place] = item;
    h->places[item.shard] = place;
}

/* Give more to the shard at `place`: it can only sink. */
static void add_load(heap *h, size_t place, double cost) {
    load item = h->items[place];
    item.cost += cost;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < h->n && is_less(&h->items[child + 1], &h->items[child]))
            child++;
        if (child >= h->n || !is_less(&h->items[child], &item))
            break;
        put_at(h, place, h->items[child]);
        place = child;
    }
    put_at(h, place, item);
}

/* ---- runs, longest first */

typedef struct costed_run {
    double cost;
    size_t run;
} costed_run;

static int compare_costs(const void *a, const void *b) {
    const costed_run *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost > y->cost ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

/* The last few shards that got a run of a data set. */
typedef struct known_shards {
    uint32_t shard[KNOWN_MAX];
    size_t n; /* ever noted */
} known_shards;

static bool knows(const known_shards *known, uint32_t shard) {
    for (size_t i = 0; i < known->n && i < KNOWN_MAX; i++)
        if (known->shard[i] == shard)
            return true;
    return false;
}

/* The shard that a run goes to. */
static uint32_t choose(const heap *h, const known_shards *known, double tolerance) {
    const load *least = &h->items[0];
    if (known == NULL || knows(known, least->shard))
        return least->shard;
    const load *best = NULL;
    for (size_t i = 0; i < known->n && i < KNOWN_MAX; i++) {
        const load *item = &h->items[h->places[known->shard[i]]];
        if (item->cost <= least->cost + tolerance && (best == NULL || is_less(item, best)))
            best = item;
    }
    return best != NULL ? best->shard : least->shard;
}

static void deal(const spt_sweep *sweep, const costed_run *order, heap *h, known_shards *known, double tolerance,
                 uint32_t *shard) {
    for (size_t i = 0; i < sweep->n_runs; i++) {
        size_t run = order[i].run;
        known_shards *own = known != NULL ? &known[sweep->run_dataset[run]] : NULL;
        /* The first runs go to a shard each, so that none stays empty. */
        uint32_t to = i < h->n ? h->items[0].shard : choose(h, own, tolerance);
        shard[run] = to;
        add_load(h, h->places[to], order[i].cost);
        if (own != NULL && !knows(own, to))
            own->shard[own->n++ % KNOWN_MAX] = to;
    }
}

static spt_status check(const spt_sweep *sweep, size_t count, spt_error *err) {
    if (sweep->shard.count > 0)
        return spt_fail(err, SPT_EINVAL, "shard %zu/%zu: a shard is not cut again", sweep->shard.index,
                        sweep->shard.count);
    if (count == 0 || count > sweep->n_runs || count > UINT32_MAX)
        return spt_fail(err, SPT_EINVAL, "%zu shards of %zu runs: allowed are 1 to %zu, a run at least in each", count,
                        sweep->n_runs, sweep->n_runs);
    return SPT_OK;
}

spt_status spt_sweep_split(const spt_sweep *sweep, size_t count, uint32_t *shard, spt_error *err) {
    spt_status status = check(sweep, count, err);
    if (status != SPT_OK)
        return status;
    costed_run *order = calloc(sweep->n_runs, sizeof *order);
    heap h = {.items = calloc(count, sizeof *h.items), .places = calloc(count, sizeof *h.places), .n = count};
    known_shards *known = sweep->n_datasets > 1 ? calloc(sweep->n_datasets, sizeof *known) : NULL;
    if (order == NULL || h.items == NULL || h.places == NULL || (known == NULL && sweep->n_datasets > 1)) {
        status = spt_fail(err, SPT_ENOMEM, "%zu shards of %zu runs: out of memory", count, sweep->n_runs);
        goto done;
    }
    double total = 0.0;
    for (size_t r = 0; r < sweep->n_runs; r++) {
        order[r] = (costed_run){sweep->runs[r].cost, r};
        total += order[r].cost;
    }
    qsort(order, sweep->n_runs, sizeof *order, compare_costs);
    for (uint32_t s = 0; s < count; s++)
        put_at(&h, s, (load){0.0, s});
    deal(sweep, order, &h, known, TOLERANCE * total / (double)count, shard);
done:
    free(order);
    free(h.items);
    free(h.places);
    free(known);
    return status;
}

/* ---- a sweep of one shard's runs */

/* Move what belongs to run `from` to place `to`, which is not behind it. */
static void move_run(spt_sweep *sweep, size_t to, size_t from) {
    sweep->runs[to] = sweep->runs[from];
    sweep->models[to] = sweep->models[from];
    sweep->arenas[to] = sweep->arenas[from];
    sweep->steps_per_epoch[to] = sweep->steps_per_epoch[from];
    sweep->run_dataset[to] = sweep->run_dataset[from];
}

spt_status spt_sweep_take_shard(spt_sweep *sweep, size_t index, size_t count, spt_error *err) {
    spt_status status = check(sweep, count, err);
    if (status == SPT_OK && index >= count)
        status = spt_fail(err, SPT_EINVAL, "shard %zu/%zu: allowed are 0/%zu to %zu/%zu", index, count, count,
                          count - 1, count);
    if (status != SPT_OK)
        return status;
    uint32_t *shard = calloc(sweep->n_runs, sizeof *shard);
    size_t *numbers = calloc(sweep->n_runs, sizeof *numbers);
    if (shard == NULL || numbers == NULL)
        status = spt_fail(err, SPT_ENOMEM, "shard %zu/%zu: out of memory", index, count);
    if (status == SPT_OK)
        status = spt_sweep_split(sweep, count, shard, err);
    if (status != SPT_OK) {
        free(numbers);
        free(shard);
        return status;
    }
    size_t kept = 0, sweep_runs = sweep->n_runs;
    for (size_t r = 0; r < sweep_runs; r++) {
        if (shard[r] != index)
            continue;
        move_run(sweep, kept, r);
        numbers[kept++] = r;
    }
    free(shard);
    sweep->n_runs = kept;
    sweep->shard = (spt_shard_place){.index = index, .count = count, .sweep_runs = sweep_runs, .numbers = numbers};
    return spt_sweep_make_groups(sweep, NULL, err);
}
