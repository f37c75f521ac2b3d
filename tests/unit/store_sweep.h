/* A fabricated sweep for the tests of the store: specs, data, probes and values that are functions of their place, so
 * that what comes out can be compared with what went in. Nothing is trained. */
#ifndef SPT_TESTS_STORE_SWEEP_H
#define SPT_TESTS_STORE_SWEEP_H

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/memory.h"
#include "spectrain/spectrain.h"
#include "store/io.h"

/* What a sweep is like; zeros are replaced by small defaults. */
typedef struct sweep_shape {
    size_t n_runs, n_records, n_snapshots, n_datasets, n_probes;
    size_t inputs, width, outputs, train, test;
    size_t frequencies, points;
    bool regression, keep_data, two_dims, uneven_steps, text_axis, same_width;
    uint32_t diverged_run; /* 1 + the run that diverges after half of its steps; 0: none */
} sweep_shape;

typedef struct made_sweep {
    sweep_shape shape;
    spt_store_spec spec;
    spt_axes axes;
    spt_axis axis[3];
    spt_model_spec *models;
    spt_arena *arenas;
    uint64_t *steps_per_epoch;
    uint32_t *run_dataset;
    spt_data_shape *data_shapes;
    spt_dataset *datasets;
    spt_probe **probes; /* (n_datasets * n_probes) */
    const char **probe_names;
    spt_probe_shape *probe_shapes;
    char config[2048];
    size_t energy_size;
    size_t *numbers;       /* of a shard: of its runs in the sweep; NULL: all */
    spt_shard_place place; /* of a shard */
} made_sweep;

static const spt_optimizer SWEEP_OPTIMIZER = {.kind = SPT_OPTIMIZER_SGD, .lr = 0.1, .momentum = 0.9};

static inline size_t or_default(size_t value, size_t otherwise) {
    return value > 0 ? value : otherwise;
}

/* ---- making */

static inline spt_schedule make_schedule(size_t n) {
    spt_schedule schedule = {.n = n, .epoch = calloc(n, sizeof(uint64_t))};
    for (size_t i = 0; i < n; i++)
        schedule.epoch[i] = i * (i + 1) / 2;
    return schedule;
}

/* Records and snapshots end at the same epoch. */
static inline void make_schedules(made_sweep *s) {
    s->spec.records = make_schedule(s->shape.n_records);
    s->spec.snapshots = make_schedule(s->shape.n_snapshots);
    s->spec.snapshots.epoch[s->shape.n_snapshots - 1] = s->spec.records.epoch[s->shape.n_records - 1];
}

static inline void make_axes(made_sweep *s) {
    size_t n = s->shape.n_runs;
    static char names[64][16];
    s->axes = (spt_axes){.n_axes = s->shape.text_axis ? 3 : 1, .axes = s->axis, .n_runs = n};
    for (size_t a = 0; a < s->axes.n_axes; a++) {
        static const char *const keys[] = {"model.width", "train.optimizer.lr", "model.init"};
        bool only = a == 0; /* the others have one value */
        s->axis[a] = (spt_axis){.key = spt_text_copy(keys[a]), .n_values = only ? n : 1};
        s->axis[a].values = calloc(s->axis[a].n_values, sizeof(spt_value));
        for (size_t v = 0; v < s->axis[a].n_values; v++) {
            int64_t whole = (int64_t)(s->shape.width + (s->shape.same_width ? 0 : v % 5));
            snprintf(names[v % 64], sizeof names[0], "%d", (int)whole);
            s->axis[a].values[v] = a == 0   ? (spt_value){SPT_VALUE_INTEGER, whole, (double)whole, names[v % 64]}
                                   : a == 1 ? (spt_value){SPT_VALUE_REAL, 0, 0.1, "0.1"}
                                            : (spt_value){SPT_VALUE_TEXT, 0, 0, "pytorch \xc3\xa4"};
        }
    }
}

static inline void make_runs(made_sweep *s) {
    size_t n = s->shape.n_runs;
    s->models = calloc(n, sizeof *s->models);
    s->arenas = calloc(n, sizeof *s->arenas);
    s->steps_per_epoch = calloc(n, sizeof *s->steps_per_epoch);
    s->run_dataset = calloc(n, sizeof *s->run_dataset);
    for (size_t r = 0; r < n; r++) {
        s->models[r] = (spt_model_spec){.inputs = s->shape.inputs,
                                        .width = s->shape.width + (s->shape.same_width ? 0 : r % 5),
                                        .hidden_layers = s->shape.same_width ? 2 : 1 + r % 2,
                                        .outputs = s->shape.outputs};
        assert_int_equal(spt_arena_layout(&s->models[r], &SWEEP_OPTIMIZER, &s->arenas[r], NULL), SPT_OK);
        s->steps_per_epoch[r] = s->shape.uneven_steps ? 2 + r % 3 : 2;
        s->run_dataset[r] = (uint32_t)(r % s->shape.n_datasets);
    }
}

static inline void make_split(const made_sweep *s, spt_split *split, size_t n, size_t d, bool noise) {
    split->n = n;
    split->x = spt_memory_alloc(n * s->shape.inputs, sizeof *split->x);
    for (size_t i = 0; i < n * s->shape.inputs; i++)
        split->x[i] = (float)(i % 1000) + 0.25f * (float)d;
    if (s->shape.regression) {
        split->target = calloc(n * s->shape.outputs + 1, sizeof *split->target);
        split->target_true = calloc(n * s->shape.outputs + 1, sizeof *split->target_true);
        for (size_t i = 0; i < n * s->shape.outputs; i++) {
            split->target_true[i] = (float)i + 0.5f * (float)d;
            split->target[i] = split->target_true[i] + (noise ? 0.125f : 0.0f);
        }
        return;
    }
    split->label = calloc(n + 1, sizeof *split->label);
    split->label_true = calloc(n + 1, sizeof *split->label_true);
    for (size_t i = 0; i < n; i++) {
        split->label_true[i] = (int32_t)((i + d) % s->shape.outputs);
        split->label[i] = noise && i % 3 == 0 ? 0 : split->label_true[i];
    }
}

static inline void make_datasets(made_sweep *s) {
    size_t n = s->shape.n_datasets;
    s->data_shapes = calloc(n, sizeof *s->data_shapes);
    s->datasets = calloc(n, sizeof *s->datasets);
    for (size_t d = 0; d < n; d++) {
        spt_data_shape *shape = &s->data_shapes[d];
        *shape = (spt_data_shape){.train = s->shape.train - d, /* several differ in size */
                                  .test = s->shape.test,
                                  .inputs = s->shape.inputs,
                                  .outputs = s->shape.outputs,
                                  .classes = s->shape.regression ? 0 : s->shape.outputs};
        spt_dataset *dataset = &s->datasets[d];
        *dataset = (spt_dataset){.inputs = shape->inputs, .outputs = shape->outputs, .classes = shape->classes};
        make_split(s, &dataset->train, shape->train, d, true);
        make_split(s, &dataset->test, shape->test, d, false);
        memset(dataset->sha256, 'a' + (int)(d % 6), 64);
    }
}

static inline spt_probe *make_probe(const made_sweep *s, size_t p, size_t d) {
    spt_probe *probe = calloc(1, sizeof *probe);
    size_t f = s->shape.frequencies, points = s->shape.points, inputs = s->shape.inputs;
    snprintf(probe->name, sizeof probe->name, "%s", s->probe_names[p]);
    probe->kind = p % 2 == 0 ? "line" : "grid1d";
    probe->long_name = "energy of the outputs along lines through training examples";
    probe->units = "output^2";
    probe->n_dims = s->shape.two_dims ? 2 : 1;
    probe->energy_size = s->energy_size;
    for (size_t i = 0; i < probe->n_dims; i++) {
        probe->dims[i] = (spt_probe_dim){.name = i == 0 ? "frequency" : "frequency_x",
                                         .long_name = "frequency",
                                         .units = "cycles per window",
                                         .size = f + i};
        probe->dims[i].coordinate = calloc(f + i, sizeof(double));
        for (size_t k = 0; k < f + i; k++)
            probe->dims[i].coordinate[k] = 0.5 * (double)k;
    }
    if (points > 0 && p % 2 == 0) {
        probe->example = calloc(points, sizeof *probe->example);
        probe->direction = calloc(points * inputs, sizeof *probe->direction);
        for (size_t m = 0; m < points; m++)
            probe->example[m] = (int32_t)(m + d);
        for (size_t m = 0; m < points * inputs; m++)
            probe->direction[m] = (float)m + 0.5f * (float)d;
        probe->n_extras = 2;
        probe->extras[0] =
            (spt_probe_extra){"example", "which example", "1", 1, {"point", NULL}, {points, 0}, NULL, probe->example};
        probe->extras[1] = (spt_probe_extra){"direction",      "direction of the line", "1", 2, {"point", "input"},
                                             {points, inputs}, probe->direction,        NULL};
    }
    static const char *const line[][2] = {{"split", "train"},        {"points", "100"},
                                          {"samples", "128"},        {"radius", "3.5"},
                                          {"radius_units", "input"}, {"cycles_per_input_unit", "0.14285714285714285"},
                                          {"detrend", "none"},       {"normalization", "|rfft|^2"}};
    static const char *const grid[][2] = {{"samples", "200"}, {"normalization", "|rfft / samples|^2"}};
    for (size_t n = probe->n_extras > 0 ? 8 : 2; probe->n_attributes < n; probe->n_attributes++) {
        spt_probe_attribute *attribute = &probe->attributes[probe->n_attributes];
        const char *const *setting = probe->n_extras > 0 ? line[probe->n_attributes] : grid[probe->n_attributes];
        attribute->key = setting[0];
        strcpy(attribute->text, setting[1]);
    }
    return probe;
}

static inline void make_probes(made_sweep *s) {
    static const char *const names[] = {"line_train", "grid", "line_test", "fine"};
    size_t n = s->shape.n_probes;
    s->energy_size = s->shape.frequencies * (s->shape.two_dims ? s->shape.frequencies + 1 : 1);
    s->probe_names = calloc(n + 1, sizeof *s->probe_names);
    s->probe_shapes = calloc(n + 1, sizeof *s->probe_shapes);
    s->probes = calloc(n * s->shape.n_datasets + 1, sizeof *s->probes);
    for (size_t p = 0; p < n; p++) {
        s->probe_names[p] = names[p % 4];
        for (size_t d = 0; d < s->shape.n_datasets; d++)
            s->probes[d * n + p] = make_probe(s, p, d);
        const spt_probe *probe = s->probes[p];
        s->probe_shapes[p] = (spt_probe_shape){.rows = 1000, .energy_size = s->energy_size, .n_dims = probe->n_dims};
        for (size_t i = 0; i < probe->n_dims; i++)
            s->probe_shapes[p].dim_size[i] = probe->dims[i].size;
        s->probe_shapes[p].n_extras = probe->n_extras;
        for (size_t i = 0; i < probe->n_extras; i++)
            memcpy(s->probe_shapes[p].extra_size[i], probe->extras[i].dim_size, sizeof probe->extras[i].dim_size);
    }
}

static inline made_sweep *make_sweep(sweep_shape shape) {
    made_sweep *s = calloc(1, sizeof *s);
    s->shape = shape;
    s->shape.n_runs = or_default(shape.n_runs, 3);
    s->shape.n_records = or_default(shape.n_records, 4);
    s->shape.n_snapshots = or_default(shape.n_snapshots, 3);
    s->shape.n_datasets = or_default(shape.n_datasets, 1);
    s->shape.inputs = or_default(shape.inputs, 5);
    s->shape.width = or_default(shape.width, 3);
    s->shape.outputs = or_default(shape.outputs, 2);
    s->shape.train = or_default(shape.train, 12);
    s->shape.test = shape.test == SIZE_MAX ? 0 : or_default(shape.test, 7);
    s->shape.frequencies = or_default(shape.frequencies, 6);
    make_axes(s);
    make_runs(s);
    make_schedules(s);
    make_datasets(s);
    make_probes(s);
    snprintf(s->config, sizeof s->config,
             "name: fabricated\nmodel: {width: %zu}\ntrain: {seed: 0}\nsweep:\n  model.width: [2, 3]\n",
             s->shape.width);
    s->spec.config = s->config;
    s->spec.backend = "fabricated";
    s->spec.device = "Some processor, 2 threads, Some BLAS";
    s->spec.precision = "float32";
    s->spec.denormals = "flushed";
    s->spec.axes = &s->axes;
    s->spec.n_runs = s->shape.n_runs;
    s->spec.models = s->models;
    s->spec.arenas = s->arenas;
    s->spec.steps_per_epoch = s->steps_per_epoch;
    s->spec.run_dataset = s->run_dataset;
    s->spec.n_datasets = s->shape.n_datasets;
    s->spec.data_shapes = s->data_shapes;
    s->spec.keep_data = s->shape.keep_data;
    s->spec.n_probes = s->shape.n_probes;
    s->spec.probe_names = s->probe_names;
    s->spec.probe_shapes = s->probe_shapes;
    return s;
}

static inline void free_sweep(made_sweep *s) {
    for (size_t i = 0; i < s->shape.n_probes * s->shape.n_datasets; i++) {
        spt_probe *probe = s->probes[i];
        for (size_t d = 0; d < probe->n_dims; d++)
            free(probe->dims[d].coordinate);
        free(probe->example);
        free(probe->direction);
        free(probe);
    }
    for (size_t d = 0; d < s->shape.n_datasets; d++) {
        spt_split *splits[] = {&s->datasets[d].train, &s->datasets[d].test};
        for (int i = 0; i < 2; i++) {
            spt_memory_free(splits[i]->x);
            free(splits[i]->label);
            free(splits[i]->label_true);
            free(splits[i]->target);
            free(splits[i]->target_true);
        }
    }
    for (size_t a = 0; a < s->axes.n_axes; a++) {
        free(s->axis[a].key);
        free(s->axis[a].values);
    }
    free(s->spec.records.epoch);
    free(s->spec.snapshots.epoch);
    free(s->probes);
    free(s->probe_names);
    free(s->probe_shapes);
    free(s->datasets);
    free(s->data_shapes);
    free(s->models);
    free(s->arenas);
    free(s->steps_per_epoch);
    free(s->run_dataset);
    free(s);
}

/* ---- shards */

/* The runs of a sweep whose numbers leave this remainder, borrowing from s; free_shard. */
static inline made_sweep *make_shard(const made_sweep *s, size_t index, size_t count) {
    made_sweep *part = malloc(sizeof *part);
    *part = *s;
    size_t n = 0, most = s->shape.n_runs;
    part->numbers = calloc(most + 1, sizeof *part->numbers);
    part->models = calloc(most + 1, sizeof *part->models);
    part->arenas = calloc(most + 1, sizeof *part->arenas);
    part->steps_per_epoch = calloc(most + 1, sizeof *part->steps_per_epoch);
    part->run_dataset = calloc(most + 1, sizeof *part->run_dataset);
    for (size_t r = index; r < most; r += count, n++) {
        part->numbers[n] = r;
        part->models[n] = s->models[r];
        part->arenas[n] = s->arenas[r];
        part->steps_per_epoch[n] = s->steps_per_epoch[r];
        part->run_dataset[n] = s->run_dataset[r];
    }
    part->shape.n_runs = part->spec.n_runs = n;
    part->place = (spt_shard_place){.index = index, .count = count, .sweep_runs = most, .numbers = part->numbers};
    part->spec.shard = &part->place;
    part->spec.models = part->models;
    part->spec.arenas = part->arenas;
    part->spec.steps_per_epoch = part->steps_per_epoch;
    part->spec.run_dataset = part->run_dataset;
    return part;
}

static inline void free_shard(made_sweep *part) {
    free(part->numbers);
    free(part->models);
    free(part->arenas);
    free(part->steps_per_epoch);
    free(part->run_dataset);
    free(part);
}

static inline size_t number_of(const made_sweep *s, size_t run) {
    return s->numbers != NULL ? s->numbers[run] : run;
}

/* ---- values as functions of their place; all exact in float32 */

static inline double metric_value(size_t run, size_t record, size_t metric) {
    if (metric == SPT_METRIC_NOISY_FIT && run == 1)
        return NAN; /* some metrics do not apply */
    return (double)(run % 512) + (double)record / 64.0 + (double)metric / 1024.0;
}

static inline double norm_value(size_t run, size_t record, size_t layer) {
    return 1.0 + (double)layer + (double)(run % 512) / 1024.0 + (double)record / 64.0;
}

static inline double energy_value(size_t run, size_t record, size_t probe, size_t k) {
    return (double)((run * 131 + record * 17 + probe * 5 + k) % 65536) / 8.0;
}

/* The step whose loss is not finite. */
static inline uint64_t diverged_step(const made_sweep *s, size_t run) {
    uint64_t last = s->spec.records.epoch[s->spec.records.n - 1] * s->steps_per_epoch[run];
    return s->shape.diverged_run == number_of(s, run) + 1 ? last / 2 : SPT_STEP_NONE;
}

/* The arena of a run after a number of steps. */
static inline void fill_state(const made_sweep *s, size_t run, uint64_t step, void *state) {
    const spt_arena *arena = &s->arenas[run];
    memset(state, 0, arena->bytes);
    float *parameters = state;
    for (size_t i = 0; i < (1 + arena->moments) * arena->block; i++)
        parameters[i] = (float)((i + step * 7 + number_of(s, run) * 3) % 4096) / 16.0f;
    spt_run_counters *counters = spt_arena_counters(arena, state);
    counters->step = step < diverged_step(s, run) ? step : diverged_step(s, run);
    counters->diverged_step = step > diverged_step(s, run) ? diverged_step(s, run) : SPT_STEP_NONE;
}

static inline void *alloc_state(const made_sweep *s, size_t run) {
    return spt_memory_alloc(1, s->arenas[run].bytes);
}

/* ---- putting */

static inline spt_status put_dataset(spt_store *store, const made_sweep *s, size_t d, spt_error *err) {
    return spt_store_put_dataset(store, d, &s->datasets[d],
                                 (const spt_probe *const *)(s->probes + d * s->shape.n_probes), err);
}

static inline spt_status put_record(spt_store *store, const made_sweep *s, size_t run, size_t record, spt_error *err) {
    double metrics[SPT_METRIC_COUNT], norms[65];
    double **energy = calloc(s->shape.n_probes + 1, sizeof *energy);
    size_t number = number_of(s, run);
    for (size_t m = 0; m < SPT_METRIC_COUNT; m++)
        metrics[m] = metric_value(number, record, m);
    for (size_t l = 0; l < s->arenas[run].layers; l++)
        norms[l] = norm_value(number, record, l);
    for (size_t p = 0; p < s->shape.n_probes; p++) {
        energy[p] = calloc(s->energy_size, sizeof **energy);
        for (size_t k = 0; k < s->energy_size; k++)
            energy[p][k] = energy_value(number, record, p, k);
    }
    spt_status status = spt_store_put_record(store, run, record, metrics, norms, (const double *const *)energy, err);
    for (size_t p = 0; p < s->shape.n_probes; p++)
        free(energy[p]);
    free(energy);
    return status;
}

/* Go on with a run from where the store stands, to its end or until `events` records were put: record, snapshot, state
 * at each due step, as a sweep does it. */
static inline spt_status put_run(spt_store *store, const made_sweep *s, size_t run, size_t events, spt_error *err) {
    void *state = alloc_state(s, run);
    bool found = false;
    spt_status status = spt_store_state_load(store, run, state, &found, err);
    const spt_run_counters *counters = spt_arena_counters(&s->arenas[run], state);
    uint64_t at = found ? counters->step : 0;
    bool over = found && counters->diverged_step != SPT_STEP_NONE;
    size_t snapshot = 0, put = 0;
    for (size_t i = 0; i < s->spec.records.n && status == SPT_OK && put < events && !over; i++) {
        uint64_t epoch = s->spec.records.epoch[i], step = epoch * s->steps_per_epoch[run];
        while (snapshot < s->spec.snapshots.n && s->spec.snapshots.epoch[snapshot] < epoch)
            snapshot++;
        if (found && step <= at)
            continue;
        put++;
        fill_state(s, run, step, state);
        over = counters->diverged_step != SPT_STEP_NONE;
        if (!over)
            status = put_record(store, s, run, i, err);
        bool due = snapshot < s->spec.snapshots.n && s->spec.snapshots.epoch[snapshot] == epoch;
        if (status == SPT_OK && due && !over)
            status = spt_store_put_snapshot(store, run, snapshot, state, err);
        if (status == SPT_OK)
            status = spt_store_put_state(store, run, state, err);
    }
    spt_memory_free(state);
    return status;
}

static inline spt_status put_all(spt_store *store, const made_sweep *s, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t d = 0; d < s->shape.n_datasets && status == SPT_OK; d++) {
        bool used = false;
        for (size_t r = 0; r < s->shape.n_runs; r++)
            used = used || s->run_dataset[r] == d;
        if (used)
            status = put_dataset(store, s, d, err);
    }
    for (size_t r = 0; r < s->shape.n_runs && status == SPT_OK; r++)
        status = put_run(store, s, r, SIZE_MAX, err);
    return status;
}

/* ---- files */

static inline char *make_folder_in(const char *parent) {
    static char name[256];
    snprintf(name, sizeof name, "%s/spectrain-store-XXXXXX", parent);
    assert_non_null(mkdtemp(name));
    return name;
}

static inline char *make_folder(void) {
    return make_folder_in(getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
}

/* For thousands of small stores: in memory, where there is such a place, syncing costs nothing. */
static inline char *make_folder_in_memory(void) {
    return access("/dev/shm", W_OK | X_OK) == 0 ? make_folder_in("/dev/shm") : make_folder();
}

/* Remove a folder and what is in it, two levels deep. */
static inline void remove_tree(const char *path) {
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *name = spt_io_path(path, entry->d_name);
        if (unlink(name) != 0)
            remove_tree(name);
        free(name);
    }
    if (folder != NULL)
        closedir(folder);
    rmdir(path);
}

/* Files and folders in a folder. */
static inline size_t count_names(const char *name) {
    DIR *opened = opendir(name);
    size_t n = 0;
    while (opened != NULL && readdir(opened) != NULL)
        n++;
    if (opened != NULL)
        closedir(opened);
    return n > 2 ? n - 2 : 0;
}

static inline bool is_there(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0;
}

static inline uint64_t size_of(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 ? (uint64_t)facts.st_size : 0;
}

#define assert_ok(status, err)                                                                                         \
    do {                                                                                                               \
        if ((status) != SPT_OK)                                                                                        \
            fail_msg("%s", (err).message);                                                                             \
    } while (0)

/* A whole sweep into path. */
static inline void write_sweep(const char *path, const made_sweep *s, spt_store_mode mode) {
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, mode, &store, &complete, &err), err);
    assert_false(complete);
    assert_ok(put_all(store, s, &err), err);
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
}

#endif
