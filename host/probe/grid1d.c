/* The spectrum on a regular grid over [0, 1) of a network with one input:
 * E_k = mean over outputs of |1/N sum_m f(m/N) exp(-2 pi i k m / N)|^2, k = 0 .. N/2 - 1.
 *
 * Unit: output^2; frequencies in cycles per input unit. A component A sin(2 pi k t + phi) of f has energy A^2 / 4 at k.
 * Cost: 2 P N FLOP for P weights. Source: Rahaman et al. 2019, fig. 1. */
#include "core/memory.h"
#include "probe/kind.h"

typedef struct grid1d_settings {
    size_t samples; /* N, even */
} grid1d_settings;

static const char *const KEYS[] = {"samples", NULL};

static spt_status grid1d_read(const spt_node *item, void *out, spt_error *err) {
    grid1d_settings *settings = out;
    return spt_probe_read_samples(item, &settings->samples, err);
}

static spt_status one_input(size_t inputs, spt_error *err) {
    if (inputs != 1)
        return spt_fail(err, SPT_EINVAL, "grid1d is for data with 1 input; these have %zu", inputs);
    return SPT_OK;
}

static spt_status grid1d_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const grid1d_settings *settings = in;
    shape->rows = settings->samples;
    shape->series = 1;
    shape->samples = settings->samples;
    shape->energy_size = settings->samples / 2;
    shape->n_dims = 1;
    shape->dim_size[0] = shape->energy_size;
    return one_input(data->inputs, err);
}

static spt_status grid1d_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                              spt_error *err) {
    (void)seed; /* nothing is drawn */
    const grid1d_settings *settings = in;
    spt_status status = one_input(dataset->inputs, err);
    if (status != SPT_OK)
        return status;
    double n = (double)settings->samples;
    probe->long_name = "energy of the outputs on a regular grid";
    probe->units = "output^2";
    probe->geometry = SPT_GEOMETRY_LINES;
    probe->series = 1;
    probe->samples = settings->samples;
    probe->t0 = 0.0;
    probe->dt = 1.0 / n;
    probe->origin = spt_memory_alloc(1, sizeof *probe->origin);
    probe->direction = spt_memory_alloc(1, sizeof *probe->direction);
    if (probe->origin == NULL || probe->direction == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for a line");
    probe->direction[0] = 1.0f;
    probe->transform = SPT_TRANSFORM_DFT;
    probe->scale = 1.0 / (n * n);
    spt_probe_note_size(probe, "samples", settings->samples);
    spt_probe_note_text(probe, "normalization", "|rfft / samples|^2");
    return spt_probe_frequency_dim(probe, settings->samples / 2, "cycles per input unit", err);
}

const spt_probe_kind spt_probe_kind_grid1d = {
    .name = "grid1d",
    .keys = KEYS,
    .settings_size = sizeof(grid1d_settings),
    .read = grid1d_read,
    .shape = grid1d_shape,
    .make = grid1d_make,
};
