/* The spectrum along a closed curve in the plane:
 * E_k = mean over outputs of |1/N sum_m f(gamma(m/N)) exp(-2 pi i k m / N)|^2, k = 0 .. N/2 - 1.
 *
 * gamma is the petals curve (data/petals.h) with `petals`, sampled at `samples` points; or, without these keys, the
 * curve that the training inputs lie on in their order, as those of source manifold do: then it follows a sweep over
 * data.petals, and standardised inputs.
 *
 * Unit: output^2; frequencies in cycles per turn. Normalised as grid1d: a component A sin(2 pi k z + phi) of f has
 * energy A^2 / 4 at k. Cost: 2 P N FLOP for P weights. Source: Rahaman et al. 2019, sect. 4, fig. 4. */
#include "core/memory.h"
#include "data/petals.h"
#include "probe/kind.h"

#define MAX_PETALS 1e6

typedef struct manifold_settings {
    size_t samples; /* N; 0: the training inputs */
    double petals;
} manifold_settings;

static const char *const KEYS[] = {"petals", "samples", NULL};

static spt_status manifold_read(const spt_node *item, void *out, spt_error *err) {
    manifold_settings *settings = out;
    const spt_node *samples = spt_node_find(item, "samples");
    if (spt_node_find(item, "petals") == NULL) {
        if (samples != NULL)
            return spt_node_fail(samples, err,
                                 "is for a curve with petals; without, the samples are the training inputs");
        return SPT_OK;
    }
    spt_status status = spt_node_real(item, "petals", 0.0, MAX_PETALS, &settings->petals, err);
    return status == SPT_OK ? spt_probe_read_samples(item, &settings->samples, err) : status;
}

static spt_status check_data(const manifold_settings *settings, size_t inputs, size_t train, spt_error *err) {
    if (settings->samples > 0 && inputs != 2)
        return spt_fail(err, SPT_EINVAL, "the petals curve is for data with 2 inputs; these have %zu", inputs);
    if (settings->samples == 0 && train < 2)
        return spt_fail(err, SPT_EINVAL, "%zu training inputs make no curve; allowed: at least 2, or petals", train);
    return SPT_OK;
}

static spt_status manifold_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const manifold_settings *settings = in;
    shape->rows = settings->samples > 0 ? settings->samples : data->train;
    shape->energy_size = shape->rows / 2;
    shape->n_dims = 1;
    shape->dim_size[0] = shape->energy_size;
    shape->geometry = SPT_GEOMETRY_POINTS;
    shape->series = 1;
    shape->samples = shape->rows;
    shape->memory_bytes = settings->samples * 2 * sizeof(float);
    return check_data(settings, data->inputs, data->train, err);
}

static spt_status make_points(const manifold_settings *settings, const spt_dataset *dataset, spt_probe *probe,
                              spt_error *err) {
    probe->geometry = SPT_GEOMETRY_POINTS;
    probe->series = 1;
    probe->samples = settings->samples;
    if (settings->samples == 0) {
        probe->samples = dataset->train.n;
        probe->points = dataset->train.x;
        return SPT_OK;
    }
    probe->points = probe->own_points = spt_memory_alloc(settings->samples * 2, sizeof *probe->own_points);
    if (probe->points == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for %zu points", settings->samples);
    for (size_t m = 0; m < settings->samples; m++)
        spt_petals_point(settings->petals, (double)m / (double)settings->samples, probe->own_points + 2 * m);
    return SPT_OK;
}

static spt_status manifold_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                                spt_error *err) {
    (void)seed; /* nothing is drawn */
    const manifold_settings *settings = in;
    spt_status status = check_data(settings, dataset->inputs, dataset->train.n, err);
    if (status == SPT_OK)
        status = make_points(settings, dataset, probe, err);
    if (status != SPT_OK)
        return status;
    double n = (double)probe->samples;
    probe->long_name = "energy of the outputs along a closed curve";
    probe->units = "output^2";
    probe->transform = SPT_TRANSFORM_DFT;
    probe->scale = 1.0 / (n * n);
    if (settings->samples > 0)
        spt_probe_note_real(probe, "petals", settings->petals);
    else
        spt_probe_note_text(probe, "curve", "training inputs in their order");
    spt_probe_note_size(probe, "samples", probe->samples);
    spt_probe_note_text(probe, "normalization", "|rfft / samples|^2");
    return spt_probe_frequency_dim(probe, probe->samples / 2, "cycles per turn", err);
}

const spt_probe_kind spt_probe_kind_manifold = {
    .name = "manifold",
    .keys = KEYS,
    .settings_size = sizeof(manifold_settings),
    .read = manifold_read,
    .shape = manifold_shape,
    .make = manifold_make,
};
