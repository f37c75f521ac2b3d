/* Source sinusoids: regression of a sum of sines on [0, 1), the target of the spectral-bias experiments [R19].
 *
 * Training: t_m = m/N. Test: t_m = (m + 1/2)/M. y(t) = sum_i A_i sin(2 pi k_i t + 2 pi phi_i). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources.h"
#include "spectrain/rng.h"

typedef struct settings {
    size_t n; /* components */
    double *frequency, *amplitude;
    double *phase; /* in turns; NULL: random, from the data seed */
} settings;

static const double FREQUENCY_MAX = 1e9, AMPLITUDE_MAX = 1e9, PHASE_MAX = 1e9;

/* The amplitudes: one number for all components, or a list with one for each; default 1. */
static spt_status read_amplitudes(const spt_node *section, settings *own, spt_error *err) {
    const spt_node *node = spt_node_find(section, "amplitudes");
    size_t n = 0;
    spt_status status = spt_node_reals(section, "amplitudes", -AMPLITUDE_MAX, AMPLITUDE_MAX, &own->amplitude, &n, err);
    if (status != SPT_OK)
        return status;
    if (node != NULL && spt_node_get_kind(node) == SPT_NODE_LIST) {
        if (n != own->n)
            return spt_node_fail(node, err, "has %zu numbers; expected one, or as many as frequencies: %zu", n, own->n);
        return SPT_OK;
    }
    double all = node != NULL ? own->amplitude[0] : 1.0;
    free(own->amplitude);
    own->amplitude = malloc(own->n * sizeof *own->amplitude);
    if (own->amplitude == NULL)
        return spt_fail(err, SPT_ENOMEM, "data.amplitudes: out of memory");
    for (size_t i = 0; i < own->n; i++)
        own->amplitude[i] = all;
    return SPT_OK;
}

static spt_status read_phases(const spt_node *section, settings *own, spt_error *err) {
    const spt_node *node = spt_node_find(section, "phases");
    if (node == NULL || (spt_node_text(node) != NULL && strcmp(spt_node_text(node), "random") == 0))
        return SPT_OK;
    if (spt_node_get_kind(node) != SPT_NODE_LIST)
        return spt_node_fail(node, err, "expected `random`, or a list of phases in turns, one for each frequency");
    size_t n = 0;
    spt_status status = spt_node_reals(section, "phases", -PHASE_MAX, PHASE_MAX, &own->phase, &n, err);
    if (status == SPT_OK && n != own->n)
        status = spt_node_fail(node, err, "has %zu numbers; expected as many as frequencies: %zu", n, own->n);
    return status;
}

static spt_status read(const spt_node *section, void *memory, spt_error *err) {
    settings *own = memory;
    const spt_node *node;
    spt_status status = spt_node_require(section, "frequencies", &node, err);
    if (status == SPT_OK)
        status = spt_node_reals(section, "frequencies", 0, FREQUENCY_MAX, &own->frequency, &own->n, err);
    if (status == SPT_OK && own->n == 0)
        status = spt_node_fail(node, err, "is empty; expected at least one frequency");
    if (status == SPT_OK)
        status = read_amplitudes(section, own, err);
    if (status == SPT_OK)
        status = read_phases(section, own, err);
    return status;
}

static void release(void *memory) {
    settings *own = memory;
    free(own->frequency);
    free(own->amplitude);
    free(own->phase);
}

static void describe_list(FILE *key, const char *name, const double *values, size_t n) {
    fprintf(key, " %s=", name);
    for (size_t i = 0; i < n; i++)
        fprintf(key, "%s%.17g", i > 0 ? "," : "", values[i]);
}

static void describe(const void *memory, FILE *key) {
    const settings *own = memory;
    describe_list(key, "frequencies", own->frequency, own->n);
    describe_list(key, "amplitudes", own->amplitude, own->n);
    if (own->phase != NULL)
        describe_list(key, "phases", own->phase, own->n);
    else
        fprintf(key, " phases=random");
}

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    (void)err;
    *shape = (spt_data_shape){
        .train = request->train, .test = request->test, .inputs = 1, .outputs = 1, .classes = 0, .generated = true};
    return SPT_OK;
}

/* Phase in turns, taken off whole ones before the sine sees it: exact for high frequencies too. */
static double target(const settings *own, const double *phase, double t) {
    const double two_pi = 6.283185307179586476925286766559;
    double y = 0;
    for (size_t i = 0; i < own->n; i++)
        y += own->amplitude[i] * sin(two_pi * fmod(own->frequency[i] * t + phase[i], 1.0));
    return y;
}

static void fill(const settings *own, const double *phase, double offset, spt_split *split) {
    for (size_t m = 0; m < split->n; m++) {
        double t = ((double)m + offset) / (double)split->n;
        split->x[m] = (float)t;
        split->target[m] = (float)target(own, phase, t);
    }
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    const settings *own = request->settings;
    dataset->inputs = dataset->outputs = 1;
    spt_status status = spt_split_alloc(dataset, &dataset->train, request->train, err);
    if (status == SPT_OK)
        status = spt_split_alloc(dataset, &dataset->test, request->test, err);
    if (status != SPT_OK)
        return status;
    double *random = malloc(own->n * sizeof *random);
    if (random == NULL)
        return spt_fail(err, SPT_ENOMEM, "data.phases: out of memory");
    spt_random_uniform(request->seed, SPT_STREAM_DATA, SPT_DATA_PHASES, 0, own->n, random);
    const double *phase = own->phase != NULL ? own->phase : random;
    fill(own, phase, 0.0, &dataset->train);
    fill(own, phase, 0.5, &dataset->test);
    free(random);
    return SPT_OK;
}

const spt_source spt_source_sinusoids = {
    .name = "sinusoids",
    .generated = true,
    .keys = (const char *const[]){"frequencies", "amplitudes", "phases", NULL},
    .settings_size = sizeof(settings),
    .read = read,
    .release = release,
    .describe = describe,
    .shape = shape_of,
    .make = make,
};
