/* The non-uniform DFT along a direction, over the training inputs:
 * E_k = mean over outputs of |1/n sum_i f(x_i) exp(-2 pi i k <p, x_i>)|^2 for given frequencies k, whole or not.
 *
 * p: `direction`, a vector scaled to length 1; or `component` j, the principal component j of the training inputs, 0
 * the one of most variance, its sign such that the number of largest magnitude (the first of equals) is positive.
 *
 * Unit: output^2; frequencies in cycles per input unit along p. Cost: 2 P n FLOP for P weights, and 4 K n an output for
 * K frequencies; memory: 8 K n bytes. Source: Rahaman et al. 2019, sect. 5 and appendix. */
#include <math.h>
#include <stdlib.h>

#include "core/eigen.h"
#include "core/memory.h"
#include "probe/kind.h"

enum { MAX_FREQUENCIES = 1 << 16 };
#define MAX_NUMBER 1e18

typedef struct nudft_settings {
    size_t n_frequencies;
    double *frequency;
    size_t inputs;     /* of direction; 0: a principal component */
    double *direction; /* (inputs), of length 1 */
    size_t component;
} nudft_settings;

static const char *const KEYS[] = {"direction", "component", "frequencies", NULL};

/* ---- settings */

static spt_status read_direction(const spt_node *item, nudft_settings *settings, spt_error *err) {
    const spt_node *direction = spt_node_find(item, "direction"), *component = spt_node_find(item, "component");
    if ((direction == NULL) == (component == NULL))
        return spt_node_fail(item, err, "has %s of direction and component; exactly one is required",
                             direction == NULL ? "none" : "both");
    if (component != NULL)
        return spt_node_size(item, "component", 0, SPT_EIGEN_MOST - 1, &settings->component, err);
    spt_status status =
        spt_node_reals(item, "direction", -MAX_NUMBER, MAX_NUMBER, &settings->direction, &settings->inputs, err);
    if (status != SPT_OK)
        return status;
    double square = 0.0;
    for (size_t j = 0; j < settings->inputs; j++)
        square += settings->direction[j] * settings->direction[j];
    if (!(square > 0.0))
        return spt_node_fail(direction, err, "has length 0; allowed: a vector that is not zero");
    for (size_t j = 0; j < settings->inputs; j++)
        settings->direction[j] /= sqrt(square);
    return SPT_OK;
}

static spt_status nudft_read(const spt_node *item, void *out, spt_error *err) {
    nudft_settings *settings = out;
    spt_status status = read_direction(item, settings, err);
    if (status == SPT_OK)
        status = spt_node_generated(item, "frequencies", -MAX_NUMBER, MAX_NUMBER, MAX_FREQUENCIES, &settings->frequency,
                                    &settings->n_frequencies, err);
    return status;
}

static void nudft_release(void *in) {
    nudft_settings *settings = in;
    free(settings->frequency);
    free(settings->direction);
}

/* ---- the probe */

static spt_status check_inputs(const nudft_settings *settings, size_t inputs, spt_error *err) {
    if (settings->inputs != 0 && settings->inputs != inputs)
        return spt_fail(err, SPT_EINVAL, "direction has %zu numbers; the data have %zu inputs", settings->inputs,
                        inputs);
    if (settings->inputs == 0 && settings->component >= inputs)
        return spt_fail(err, SPT_EINVAL, "component is %zu; the data have %zu inputs, allowed: 0 to %zu",
                        settings->component, inputs, inputs - 1);
    return SPT_OK;
}

static spt_status nudft_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const nudft_settings *settings = in;
    const size_t vectors = 2 * settings->n_frequencies;
    shape->rows = data->train;
    shape->energy_size = settings->n_frequencies;
    shape->n_dims = 1;
    shape->dim_size[0] = settings->n_frequencies;
    spt_probe_shape_extra(shape, data->inputs, 0);
    shape->geometry = SPT_GEOMETRY_POINTS;
    shape->transform = SPT_TRANSFORM_BASIS;
    shape->series = 1;
    shape->samples = data->train;
    shape->coefficients = shape->fold_terms = vectors;
    shape->memory_bytes = vectors * (data->train * sizeof(float) + sizeof(uint32_t) + sizeof(double));
    if (settings->inputs == 0) /* the covariance, and what its eigenvectors take */
        shape->memory_bytes += 3 * data->inputs * data->inputs * sizeof(double);
    return check_inputs(settings, data->inputs, err);
}

/* probe->direction, (inputs): the unit vector p. */
static spt_status choose_direction(const nudft_settings *settings, const spt_dataset *dataset, spt_probe *probe,
                                   spt_error *err) {
    const size_t inputs = dataset->inputs;
    double *variance = NULL, *component = NULL;
    spt_status status = SPT_OK;
    probe->direction = spt_memory_alloc(inputs, sizeof *probe->direction);
    if (settings->inputs == 0) {
        variance = spt_memory_alloc(inputs, sizeof *variance);
        component = spt_memory_alloc(inputs * inputs, sizeof *component);
    }
    if (probe->direction == NULL || (settings->inputs == 0 && (variance == NULL || component == NULL)))
        status = spt_fail(err, SPT_ENOMEM, "no memory for a direction of %zu inputs", inputs);
    else if (settings->inputs == 0)
        status = spt_principal_components(dataset->train.x, dataset->train.n, inputs, variance, component, err);
    if (status == SPT_OK) {
        const double *p = settings->inputs == 0 ? component + settings->component * inputs : settings->direction;
        for (size_t j = 0; j < inputs; j++)
            probe->direction[j] = (float)p[j];
    }
    spt_memory_free(variance);
    spt_memory_free(component);
    return status;
}

/* Vectors 2k and 2k + 1: cos and sin of 2 pi k <p, x>, p as the file keeps it. */
static void fill_basis(const nudft_settings *settings, const spt_dataset *dataset, spt_probe *probe) {
    const double two_pi = 6.283185307179586476925286766559;
    const size_t n = dataset->train.n, inputs = dataset->inputs;
    for (size_t i = 0; i < n; i++) {
        double along = 0.0;
        for (size_t j = 0; j < inputs; j++)
            along += (double)probe->direction[j] * (double)dataset->train.x[i * inputs + j];
        for (size_t k = 0; k < settings->n_frequencies; k++) {
            double turns = settings->frequency[k] * along, angle = two_pi * (turns - floor(turns));
            probe->basis[2 * k * n + i] = (float)cos(angle);
            probe->basis[(2 * k + 1) * n + i] = (float)sin(angle);
        }
    }
}

static spt_status describe(const nudft_settings *settings, spt_probe *probe, spt_error *err) {
    spt_status status = spt_probe_add_dim(probe, "frequency", "frequency along the direction", "cycles per input unit",
                                          settings->n_frequencies, err);
    if (status == SPT_OK)
        status = spt_probe_make_fold(probe, probe->coefficients, err);
    if (status != SPT_OK)
        return status;
    for (size_t k = 0; k < settings->n_frequencies; k++) {
        probe->dims[0].coordinate[k] = settings->frequency[k];
        probe->fold.first[k + 1] = 2 * (k + 1);
    }
    for (size_t i = 0; i < probe->coefficients; i++) {
        probe->fold.index[i] = (uint32_t)i;
        probe->fold.weight[i] = 1.0;
    }
    probe->long_name = "energy of the outputs on the training inputs, as waves along a direction";
    probe->units = "output^2";
    probe->n_extras = 1;
    probe->extras[0] = (spt_probe_extra){.name = "direction",
                                         .long_name = "direction of the waves, of length 1",
                                         .units = "1",
                                         .n_dims = 1,
                                         .dim_name = {"input"},
                                         .dim_size = {probe->inputs},
                                         .real = probe->direction};
    if (settings->inputs == 0)
        spt_probe_note_size(probe, "component", settings->component);
    spt_probe_note_size(probe, "examples", probe->samples);
    spt_probe_note_text(probe, "normalization", "|sum / examples|^2");
    return SPT_OK;
}

static spt_status nudft_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                             spt_error *err) {
    (void)seed; /* nothing is drawn */
    const nudft_settings *settings = in;
    const size_t n = dataset->train.n;
    spt_status status = check_inputs(settings, dataset->inputs, err);
    if (status == SPT_OK)
        status = choose_direction(settings, dataset, probe, err);
    if (status != SPT_OK)
        return status;
    probe->geometry = SPT_GEOMETRY_POINTS;
    probe->series = 1;
    probe->samples = n;
    probe->points = dataset->train.x;
    probe->transform = SPT_TRANSFORM_BASIS;
    probe->scale = 1.0 / ((double)n * (double)n);
    probe->coefficients = 2 * settings->n_frequencies;
    probe->basis = spt_memory_alloc(probe->coefficients * n, sizeof *probe->basis);
    if (probe->basis == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for %zu frequencies at %zu examples", settings->n_frequencies, n);
    fill_basis(settings, dataset, probe);
    return describe(settings, probe, err);
}

const spt_probe_kind spt_probe_kind_nudft = {
    .name = "nudft",
    .keys = KEYS,
    .settings_size = sizeof(nudft_settings),
    .read = nudft_read,
    .release = nudft_release,
    .shape = nudft_shape,
    .make = nudft_make,
};
