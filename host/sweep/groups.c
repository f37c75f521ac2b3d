/* Groups: which runs are trained together, and what that takes. */
#include <stdlib.h>
#include <string.h>

#include "sweep/sweep_internal.h"

/* A group's records wait in host memory until they are handed to the store; this bounds them, and so the memory of a
 * sweep of any size. Results do not depend on it. */
static const uint64_t GROUP_RECORD_BYTES = (uint64_t)128 << 20;

static uint64_t record_bytes(const spt_sweep *sweep, size_t run) {
    uint64_t bytes = sweep->data_shapes[sweep->run_dataset[run]].train; /* one flag an example */
    for (size_t p = 0; p < sweep->settings.n_probes; p++)
        bytes += sweep->probe_shapes[p].energy_size * sizeof(double);
    return bytes + sweep->arenas[run].layers * sizeof(double);
}

uint64_t spt_sweep_run_bytes(const spt_sweep *sweep, size_t run) {
    return sweep->arenas[run].bytes + record_bytes(sweep, run);
}

uint64_t spt_sweep_dataset_bytes(const spt_sweep *sweep, size_t dataset) {
    const spt_data_shape *shape = &sweep->data_shapes[dataset];
    uint64_t columns = shape->inputs + (shape->classes > 0 ? 2 : 2 * shape->outputs);
    uint64_t bytes = ((uint64_t)shape->train + shape->test) * columns * sizeof(float);
    for (size_t p = 0; p < sweep->settings.n_probes; p++)
        bytes += sweep->probe_shapes[p].extra_bytes + sweep->probe_shapes[p].memory_bytes;
    return bytes;
}

void spt_sweep_free_groups(spt_sweep *sweep) {
    for (size_t g = 0; g < sweep->n_groups; g++)
        free(sweep->groups[g].runs);
    free(sweep->groups);
    sweep->groups = NULL;
    sweep->n_groups = 0;
}

static bool fit_together(const spt_sweep *sweep, size_t a, size_t b) {
    const spt_train_spec *x = &sweep->runs[a].spec.train, *y = &sweep->runs[b].spec.train;
    return sweep->run_dataset[a] == sweep->run_dataset[b] && x->batch == y->batch && x->loss == y->loss;
}

/* Groups as they grow. */
typedef struct open_group {
    spt_planned_group group;
    uint64_t bytes, record_bytes;
} open_group;

typedef struct open_groups {
    open_group *items;
    size_t n, capacity;
} open_groups;

static bool has_room(const spt_sweep *sweep, const open_group *open, size_t run, uint64_t memory_bytes) {
    return open->bytes + spt_sweep_run_bytes(sweep, run) <= memory_bytes &&
           open->record_bytes + record_bytes(sweep, run) <= GROUP_RECORD_BYTES;
}

/* The newest group that takes the run, or NULL. Runs of a kind come together, so the search is short. */
static open_group *find_group(const spt_sweep *sweep, const open_groups *open, size_t run, uint64_t memory_bytes) {
    enum { LOOK_BACK = 64 }; /* further back a group is not looked for: it costs at most one group more */
    size_t last = open->n > LOOK_BACK ? open->n - LOOK_BACK : 0;
    for (size_t g = open->n; g-- > last;)
        if (fit_together(sweep, open->items[g].group.runs[0], run) &&
            has_room(sweep, &open->items[g], run, memory_bytes))
            return &open->items[g];
    return NULL;
}

static open_group *new_group(const spt_sweep *sweep, open_groups *open, size_t run) {
    if (open->n == open->capacity) {
        size_t capacity = open->capacity == 0 ? 16 : 2 * open->capacity;
        open_group *grown = realloc(open->items, capacity * sizeof *grown);
        if (grown == NULL)
            return NULL;
        open->items = grown;
        open->capacity = capacity;
    }
    size_t dataset = sweep->run_dataset[run];
    open->items[open->n] = (open_group){.group.dataset = dataset, .bytes = spt_sweep_dataset_bytes(sweep, dataset)};
    return &open->items[open->n++];
}

static bool append_run(spt_sweep *sweep, open_group *open, size_t run) {
    spt_planned_group *group = &open->group;
    if ((group->n_runs & (group->n_runs - 1)) == 0) { /* grow at powers of two */
        size_t *grown = realloc(group->runs, (group->n_runs == 0 ? 1 : 2 * group->n_runs) * sizeof *grown);
        if (grown == NULL)
            return false;
        group->runs = grown;
    }
    group->runs[group->n_runs++] = run;
    group->train_flops += sweep->runs[run].train_flops;
    group->record_flops += sweep->runs[run].record_flops;
    open->bytes += spt_sweep_run_bytes(sweep, run);
    open->record_bytes += record_bytes(sweep, run);
    return true;
}

/* Runs by data set, and in each as they come: so that each data set, with its probes, is made once. (n_runs), the
 * caller's to free. */
static size_t *order_by_dataset(const spt_sweep *sweep) {
    size_t *order = calloc(sweep->n_runs, sizeof *order), *place = calloc(sweep->n_datasets + 1, sizeof *place);
    if (order != NULL && place != NULL) {
        for (size_t r = 0; r < sweep->n_runs; r++)
            place[sweep->run_dataset[r] + 1]++;
        for (size_t d = 0; d < sweep->n_datasets; d++)
            place[d + 1] += place[d];
        for (size_t r = 0; r < sweep->n_runs; r++)
            order[place[sweep->run_dataset[r]]++] = r;
    } else {
        free(order);
        order = NULL;
    }
    free(place);
    return order;
}

static bool fill_groups(spt_sweep *sweep, open_groups *open, uint64_t memory_bytes) {
    size_t *order = order_by_dataset(sweep);
    bool filled = order != NULL;
    for (size_t i = 0; i < sweep->n_runs && filled; i++) {
        size_t run = order[i];
        open_group *group = find_group(sweep, open, run, memory_bytes);
        if (group == NULL)
            group = new_group(sweep, open, run);
        filled = group != NULL && append_run(sweep, group, run);
        if (filled)
            sweep->runs[run].group = (size_t)(group - open->items);
    }
    free(order);
    return filled;
}

spt_status spt_sweep_make_groups(spt_sweep *sweep, uint64_t memory_bytes, spt_error *err) {
    spt_sweep_free_groups(sweep);
    open_groups open = {0};
    bool filled = fill_groups(sweep, &open, memory_bytes);
    if (filled)
        sweep->groups = calloc(open.n, sizeof *sweep->groups);
    bool kept = filled && sweep->groups != NULL;
    for (size_t g = 0; g < open.n; g++) {
        if (kept)
            sweep->groups[g] = open.items[g].group;
        else
            free(open.items[g].group.runs);
    }
    sweep->n_groups = kept ? open.n : 0;
    free(open.items);
    return kept ? SPT_OK : spt_fail(err, SPT_ENOMEM, "sweep of %zu runs: out of memory", sweep->n_runs);
}

void spt_sweep_summarize(const spt_sweep *sweep, spt_sweep_summary *summary) {
    *summary = (spt_sweep_summary){.name = sweep->settings.name,
                                   .shard = sweep->shard.index,
                                   .shards = sweep->shard.count,
                                   .sweep_runs = sweep->axes.n_runs,
                                   .n_runs = sweep->n_runs,
                                   .n_groups = sweep->n_groups,
                                   .n_datasets = sweep->n_datasets,
                                   .n_records = sweep->settings.records.n,
                                   .n_snapshots = sweep->settings.snapshots.n,
                                   .n_probes = sweep->settings.n_probes};
    uint64_t states = 0;
    for (size_t r = 0; r < sweep->n_runs; r++) {
        summary->parameters += sweep->runs[r].parameters;
        summary->train_flops += sweep->runs[r].train_flops;
        summary->record_flops += sweep->runs[r].record_flops;
        states += SPT_STORE_STATE_SLOTS * sweep->arenas[r].bytes;
    }
    for (size_t g = 0; g < sweep->n_groups; g++) {
        uint64_t bytes = spt_sweep_dataset_bytes(sweep, sweep->groups[g].dataset);
        for (size_t i = 0; i < sweep->groups[g].n_runs; i++)
            bytes += spt_sweep_run_bytes(sweep, sweep->groups[g].runs[i]);
        if (bytes > summary->memory_bytes)
            summary->memory_bytes = bytes;
    }
    spt_device_info info = {.name = "cpu", .precision = "float32", .denormals = "flushed"};
    spt_store_spec spec = spt_sweep_store_spec(sweep, "", "cpu", &info);
    char *text = NULL;
    if (spt_config_text(sweep->config, &text, NULL) == SPT_OK)
        spec.config = text;
    summary->file_bytes = spt_store_predict_bytes(&spec);
    summary->working_bytes = 2 * summary->file_bytes + states; /* the journal, and the file as it is assembled */
    free(text);
}
