#include "data/waves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"
#include "spectrain/rng.h"

static const double FREQUENCY_MAX = 1e9, AMPLITUDE_MAX = 1e9, PHASE_MAX = 1e9;

/* The amplitudes: one number for all components, or a list with one for each; default 1. */
static spt_status read_amplitudes(const spt_node *section, spt_waves *own, spt_error *err) {
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

static spt_status read_phases(const spt_node *section, spt_waves *own, spt_error *err) {
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

spt_status spt_waves_read(const spt_node *section, spt_waves *own, spt_error *err) {
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

void spt_waves_release(spt_waves *own) {
    free(own->frequency);
    free(own->amplitude);
    free(own->phase);
}

static void describe_list(FILE *key, const char *name, const double *values, size_t n) {
    fprintf(key, " %s=", name);
    for (size_t i = 0; i < n; i++)
        fprintf(key, "%s%.17g", i > 0 ? "," : "", values[i]);
}

void spt_waves_describe(const spt_waves *own, FILE *key) {
    describe_list(key, "frequencies", own->frequency, own->n);
    describe_list(key, "amplitudes", own->amplitude, own->n);
    if (own->phase != NULL)
        describe_list(key, "phases", own->phase, own->n);
    else
        fprintf(key, " phases=random");
}

void spt_waves_phases(const spt_waves *own, uint32_t seed, double *phase) {
    if (own->phase != NULL)
        memcpy(phase, own->phase, own->n * sizeof *phase);
    else
        spt_random_uniform(seed, SPT_STREAM_DATA, SPT_DATA_PHASES, 0, own->n, phase);
}

/* Phase in turns, taken off whole ones before the sine sees it: exact for high frequencies too. */
double spt_waves_at(const spt_waves *own, const double *phase, double t) {
    const double two_pi = 6.283185307179586476925286766559;
    double y = 0;
    for (size_t i = 0; i < own->n; i++)
        y += own->amplitude[i] * sin(two_pi * fmod(own->frequency[i] * t + phase[i], 1.0));
    return y;
}
