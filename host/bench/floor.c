#include "bench/floor.h"

#include <math.h>

static double weights_of(const spt_model_spec *model) {
    double weights = 0;
    for (size_t l = 0; l <= model->hidden_layers; l++) {
        spt_layer layer = spt_model_layer(model, l);
        weights += (double)layer.fan_in * (double)layer.fan_out;
    }
    return weights;
}

/* Bytes of a run's parameters, and of its moments. */
static double parameter_bytes(const spt_run_spec *run) {
    return (double)(sizeof(float) * spt_model_parameters(&run->model));
}
static double moment_bytes(const spt_run_spec *run) {
    spt_arena arena;
    if (spt_arena_layout(&run->model, &run->train.optimizer, &arena, NULL) != SPT_OK)
        return 0;
    return (double)arena.moments * parameter_bytes(run);
}

static double all_parameter_bytes(const spt_group_spec *spec) {
    double bytes = 0;
    for (size_t r = 0; r < spec->n_runs; r++)
        bytes += parameter_bytes(&spec->runs[r]);
    return bytes;
}

static size_t distinct_seeds(const spt_group_spec *spec) {
    size_t n = 0;
    for (size_t r = 0; r < spec->n_runs; r++) {
        size_t before = 0;
        while (before < r && spec->runs[before].train.seed != spec->runs[r].train.seed)
            before++;
        n += before == r;
    }
    return n;
}

/* An example and what it is compared with. */
static double example_bytes(const spt_dataset *data) {
    return (double)(sizeof(float) * (data->inputs + (data->train.label != NULL ? 1 : data->outputs)));
}

spt_work_floor spt_floor_step(const spt_group_spec *spec) {
    const spt_dataset *data = spec->dataset;
    size_t batch = spec->runs[0].train.batch, rows = batch == 0 || batch > data->train.n ? data->train.n : batch;
    spt_work_floor floor = {0};
    for (size_t r = 0; r < spec->n_runs; r++) {
        spt_layer first = spt_model_layer(&spec->runs[r].model, 0);
        double all = weights_of(&spec->runs[r].model), of_first = (double)first.fan_in * (double)first.fan_out;
        floor.flops += (double)rows * (6.0 * all - 2.0 * of_first);
        floor.bytes += 2.0 * (parameter_bytes(&spec->runs[r]) + moment_bytes(&spec->runs[r]));
    }
    floor.bytes += (double)distinct_seeds(spec) * (double)rows * example_bytes(data);
    return floor;
}

static double forward_flops(const spt_group_spec *spec, double points) {
    double flops = 0;
    for (size_t r = 0; r < spec->n_runs; r++)
        flops += 2.0 * points * weights_of(&spec->runs[r].model);
    return flops;
}

spt_work_floor spt_floor_evaluation(const spt_group_spec *spec, size_t n) {
    return (spt_work_floor){.flops = forward_flops(spec, (double)n),
                            .bytes = all_parameter_bytes(spec) + (double)n * example_bytes(spec->dataset)};
}

/* Of one output of one network. */
static double transform_flops(const spt_probe *probe) {
    double series = (double)probe->series, rows = series * (double)probe->samples;
    double length = (double)spt_probe_length(probe);
    switch (probe->transform) {
    case SPT_TRANSFORM_DFT:
        return series * (2.5 * length * log2(length) + 4.0 * (length / 2.0 + 1.0));
    case SPT_TRANSFORM_DFT2:
        return 2.5 * rows * log2(rows) + 4.0 * (double)probe->coefficients;
    case SPT_TRANSFORM_BASIS:
        return 2.0 * (rows + 1.0) * (double)probe->coefficients;
    case SPT_TRANSFORM_SEGMENTS: /* by the number of corners, which the networks decide */
        break;
    }
    return 0.0;
}

spt_work_floor spt_floor_probe(const spt_group_spec *spec, const spt_probe *probe) {
    double rows = (double)probe->series * (double)probe->samples, runs = (double)spec->n_runs;
    double around = (double)probe->perturb.n_norms * (double)probe->perturb.directions;
    double networks = probe->perturb.n_norms > 0 ? around : 1.0; /* for each run */
    double transforms = runs * (double)probe->outputs * transform_flops(probe);
    spt_work_floor floor = {.flops = networks * (forward_flops(spec, rows) + transforms),
                            .bytes = all_parameter_bytes(spec)};
    double points = probe->geometry == SPT_GEOMETRY_LINES ? 2.0 * (double)probe->series : rows;
    floor.bytes += points * (double)(probe->inputs * sizeof(float));
    floor.bytes += runs * (double)(probe->energy_size * sizeof(double));
    return floor;
}

double spt_floor_state_bytes(const spt_group_spec *spec) {
    double bytes = 0;
    for (size_t r = 0; r < spec->n_runs; r++)
        bytes += parameter_bytes(&spec->runs[r]) + moment_bytes(&spec->runs[r]);
    return bytes;
}

double spt_measurement_floor(const spt_measurement *measurement, const spt_peaks *peaks) {
    return fmax(measurement->flops / peaks->flops, measurement->bytes / peaks->bytes); /* of a NaN, the other */
}
