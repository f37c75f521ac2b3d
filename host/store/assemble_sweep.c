/* What describes a sweep in FILE.h5: the root's attributes, /runs, /record and /snapshot. */
#include <stdio.h>
#include <stdlib.h>

#include "spectrain/spectrain.h"
#include "store/assemble.h"
#include "store/pack.h"

static void *allocate(spt_h5 *h, size_t count, size_t size) {
    void *memory = calloc(count + 1, size);
    if (memory == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for what describes the runs");
    return memory;
}

void spt_assemble_root(spt_h5 *h, const spt_store_spec *spec, const char *dataset_sha256, const char *created,
                       bool complete) {
    spt_h5_put_text(h, h->file, "format", SPT_FORMAT_NAME);
    spt_h5_put_integer(h, h->file, "format_version", SPT_FORMAT_VERSION);
    spt_h5_put_text(h, h->file, "software_version", spt_version());
    spt_h5_put_text(h, h->file, "config", spec->config);
    spt_h5_put_text(h, h->file, "backend", spec->backend);
    spt_h5_put_text(h, h->file, "device", spec->device);
    spt_h5_put_text(h, h->file, "precision", spec->precision);
    spt_h5_put_text(h, h->file, "denormals", spec->denormals);
    spt_h5_put_text(h, h->file, "dataset_sha256", dataset_sha256);
    spt_h5_put_text(h, h->file, "created", created);
    spt_h5_put_integer(h, h->file, "complete", complete);
    if (spec->shard != NULL) {
        spt_h5_put_integer(h, h->file, "shard", (int64_t)spec->shard->index);
        spt_h5_put_integer(h, h->file, "shards", (int64_t)spec->shard->count);
        spt_h5_put_integer(h, h->file, "sweep_runs", (int64_t)spec->shard->sweep_runs);
    }
    spt_h5_put_text(h, h->file, "schema",
                    "a sweep of networks: /runs has their settings, /metrics and /probes what was measured at each "
                    "record, /weights what each layer was at each snapshot, /data what they learnt from; dimensions "
                    "are named scales; missing values are NaN or -1");
}

size_t spt_assemble_max_layers(const spt_store_spec *spec) {
    size_t layers = 1;
    for (size_t r = 0; r < spec->n_runs; r++)
        layers = spec->arenas[r].layers > layers ? spec->arenas[r].layers : layers;
    return layers;
}

/* ---- scales */

void spt_assemble_run_scale(spt_h5 *h, spt_h5_group *group, const spt_store_spec *spec) {
    int64_t *numbers = allocate(h, spec->n_runs, sizeof *numbers);
    for (size_t r = 0; numbers != NULL && r < spec->n_runs; r++)
        numbers[r] = (int64_t)spt_run_number(spec, r);
    if (numbers != NULL)
        spt_h5_scale_create(h, group, "run", spec->n_runs, H5T_STD_I64LE, H5T_NATIVE_INT64, numbers,
                            "run, in the order of the sweep", "1");
    free(numbers);
}

void spt_assemble_record_scale(spt_h5 *h, spt_h5_group *group, const spt_store_spec *spec) {
    spt_h5_scale_create(h, group, "record", spec->records.n, H5T_STD_I64LE, H5T_NATIVE_INT64, spec->records.epoch,
                        "epochs done at the record", "epoch");
}

void spt_assemble_snapshot_scale(spt_h5 *h, spt_h5_group *group, const spt_store_spec *spec) {
    spt_h5_scale_create(h, group, "snapshot", spec->snapshots.n, H5T_STD_I64LE, H5T_NATIVE_INT64, spec->snapshots.epoch,
                        "epochs done at the snapshot", "epoch");
}

/* ---- /record, /snapshot */

static bool same_steps(const spt_store_spec *spec) {
    for (size_t r = 1; r < spec->n_runs; r++)
        if (spec->steps_per_epoch[r] != spec->steps_per_epoch[0])
            return false;
    return true;
}

/* Epochs and steps of one schedule; steps have a dimension `run` where runs differ in steps per epoch. */
static void write_schedule(spt_h5 *h, const spt_store_spec *spec, const char *name, const spt_schedule *schedule,
                           void (*scale)(spt_h5 *, spt_h5_group *, const spt_store_spec *)) {
    char epoch_text[64], step_text[64];
    snprintf(epoch_text, sizeof epoch_text, "epochs done at the %s", name);
    snprintf(step_text, sizeof step_text, "optimizer steps done at the %s", name);
    bool same = same_steps(spec);
    spt_h5_group group;
    spt_h5_group_open(h, &group, NULL, name);
    scale(h, &group, spec);
    if (!same)
        spt_assemble_run_scale(h, &group, spec);

    spt_h5_array epoch = {
        .name = "epoch", .type = H5T_STD_I64LE, .rank = 1, .dims = {name}, .long_name = epoch_text, .units = "epoch"};
    hid_t array = spt_h5_array_create(h, &group, &epoch);
    spt_h5_array_write(h, array, H5T_NATIVE_INT64, 1, NULL, NULL, schedule->epoch);
    spt_h5_array_close(h, array);

    spt_h5_array step = {.name = "step", .type = H5T_STD_I64LE, .long_name = step_text, .units = "step"};
    if (!same)
        step.dims[step.rank++] = "run";
    step.dims[step.rank++] = name;
    array = spt_h5_array_create(h, &group, &step);
    uint64_t *row = allocate(h, schedule->n, sizeof *row);
    for (size_t r = 0; row != NULL && r < (same ? 1 : spec->n_runs); r++) {
        for (size_t i = 0; i < schedule->n; i++)
            row[i] = schedule->epoch[i] * spec->steps_per_epoch[r];
        const hsize_t start[] = {r, 0}, count[] = {1, schedule->n};
        spt_h5_array_write(h, array, H5T_NATIVE_INT64, step.rank, same ? start + 1 : start, same ? count + 1 : count,
                           row);
    }
    free(row);
    spt_h5_array_close(h, array);
    spt_h5_group_close(h, &group);
}

void spt_assemble_schedules(spt_h5 *h, const spt_store_spec *spec) {
    write_schedule(h, spec, "record", &spec->records, spt_assemble_record_scale);
    write_schedule(h, spec, "snapshot", &spec->snapshots, spt_assemble_snapshot_scale);
}

/* ---- /runs */

static hid_t open_run_array(spt_h5 *h, spt_h5_group *group, const char *name, hid_t type, const char *long_name,
                            const char *units) {
    spt_h5_array array = {
        .name = name, .type = type, .rank = 1, .dims = {"run"}, .long_name = long_name, .units = units};
    return spt_h5_array_create(h, group, &array);
}

static spt_value_kind axis_kind(const spt_axis *axis) {
    spt_value_kind kind = SPT_VALUE_INTEGER;
    for (size_t v = 0; v < axis->n_values; v++)
        if (axis->values[v].kind > kind)
            kind = axis->values[v].kind; /* integer < real < text: what holds one holds those before */
    return kind;
}

/* The value of one axis in each run. `axis` counts the axes from the slowest. */
static void write_axis(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *group, size_t a) {
    const spt_axis *axis = &spec->axes->axes[a];
    spt_value_kind kind = axis_kind(axis);
    size_t n = spec->n_runs;
    void *values = allocate(h, n, 8);
    if (values == NULL)
        return;
    for (size_t r = 0; r < n; r++) {
        const spt_value *value = spt_axes_value(spec->axes, a, spt_run_number(spec, r));
        if (kind == SPT_VALUE_INTEGER)
            ((int64_t *)values)[r] = value->integer;
        else if (kind == SPT_VALUE_REAL)
            ((double *)values)[r] = value->real;
        else
            ((const char **)values)[r] = value->text;
    }
    hid_t type = kind == SPT_VALUE_INTEGER ? H5T_STD_I64LE : (kind == SPT_VALUE_REAL ? H5T_IEEE_F64LE : h->text);
    hid_t memory =
        kind == SPT_VALUE_INTEGER ? H5T_NATIVE_INT64 : (kind == SPT_VALUE_REAL ? H5T_NATIVE_DOUBLE : h->text);
    hid_t array = open_run_array(h, group, axis->key, type, axis->key, "1");
    spt_h5_put_integer(h, array, "axis", (int64_t)a);
    spt_h5_array_write(h, array, memory, 1, NULL, NULL, values);
    spt_h5_array_close(h, array);
    free(values);
}

static void write_status(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *group, const spt_run_status *status) {
    static const int8_t flags[] = {SPT_RUN_MISSING, SPT_RUN_DONE, SPT_RUN_DIVERGED};
    int8_t *values = allocate(h, spec->n_runs, sizeof *values);
    if (values == NULL)
        return;
    for (size_t r = 0; r < spec->n_runs; r++)
        values[r] = (int8_t)status[r];
    hid_t array = open_run_array(h, group, "status", H5T_STD_I8LE, "whether the run was trained to its end", "1");
    spt_h5_put_list(h, array, "flag_values", H5T_STD_I8LE, H5T_NATIVE_INT8, 3, flags);
    spt_h5_put_text(h, array, "flag_meanings", "missing done diverged");
    spt_h5_array_write(h, array, H5T_NATIVE_INT8, 1, NULL, NULL, values);
    spt_h5_array_close(h, array);
    free(values);
}

void spt_assemble_runs(spt_h5 *h, const spt_store_spec *spec, const spt_run_status *status,
                       const uint64_t *diverged_step) {
    size_t n = spec->n_runs;
    spt_h5_group group;
    spt_h5_group_open(h, &group, NULL, "runs");
    spt_assemble_run_scale(h, &group, spec);
    for (size_t a = 0; a < spec->axes->n_axes; a++)
        write_axis(h, spec, &group, a);
    write_status(h, spec, &group, status);
    int64_t *values = allocate(h, n, sizeof *values);
    if (values != NULL) {
        for (size_t r = 0; r < n; r++)
            values[r] = (int64_t)spec->arenas[r].parameters;
        hid_t array = open_run_array(h, &group, "parameters", H5T_STD_I64LE, "number of weights and biases", "1");
        spt_h5_array_write(h, array, H5T_NATIVE_INT64, 1, NULL, NULL, values);
        spt_h5_array_close(h, array);

        array = open_run_array(h, &group, "dataset", H5T_STD_I32LE, "which data set the run learns from", "1");
        spt_h5_array_write(h, array, H5T_NATIVE_UINT32, 1, NULL, NULL, spec->run_dataset);
        spt_h5_array_close(h, array);

        for (size_t r = 0; r < n; r++)
            values[r] = diverged_step[r] == SPT_STEP_NONE ? -1 : (int64_t)diverged_step[r];
        array = open_run_array(h, &group, "diverged_step", H5T_STD_I64LE,
                               "step whose loss was not finite, after which all values are missing; -1: none", "step");
        spt_h5_array_write(h, array, H5T_NATIVE_INT64, 1, NULL, NULL, values);
        spt_h5_array_close(h, array);
    }
    free(values);
    spt_h5_group_close(h, &group);
}
