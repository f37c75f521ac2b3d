/* Noise of real targets: functions of the input [R19], and white noise. Definitions stand in spec.h. */
#include <math.h>
#include <stdlib.h>

#include "core/eigen.h"
#include "data/spec.h"
#include "spectrain/rng.h"

/* Substreams of SPT_STREAM_LABEL_NOISE, after those of noise.c: part of the promise that a seed gives the same bits. */
enum { DIRECTIONS = 3, WHITE = 4 };

typedef struct points {
    const float *x; /* (n, inputs) */
    size_t n, inputs;
} points;

/* sin(2 pi k s), its angle taken off whole turns before the sine sees it. */
static double wave(double frequency, double s) {
    const double two_pi = 6.283185307179586476925286766559;
    return sin(two_pi * fmod(frequency * s, 1.0));
}

static double along(const points *p, size_t i, const double *direction) {
    double sum = 0;
    for (size_t j = 0; j < p->inputs; j++)
        sum += direction[j] * (double)p->x[i * p->inputs + j];
    return sum;
}

static double length(const double *vector, size_t n) {
    double square = 0;
    for (size_t j = 0; j < n; j++)
        square += vector[j] * vector[j];
    return sqrt(square);
}

static void add_radial(const spt_noise *noise, const points *p, double *added) {
    for (size_t i = 0; i < p->n; i++) {
        double square = 0;
        for (size_t j = 0; j < p->inputs; j++)
            square += (double)p->x[i * p->inputs + j] * (double)p->x[i * p->inputs + j];
        added[i] = noise->amplitude * wave(noise->frequency, sqrt(square));
    }
}

/* Independent normals scaled to length 1 are uniform on the sphere. */
static spt_status add_plane_waves(const spt_noise *noise, uint32_t seed, const points *p, double *added) {
    double *direction = malloc(p->inputs * sizeof *direction);
    if (direction == NULL)
        return SPT_ENOMEM;
    for (size_t d = 0; d < noise->count; d++) {
        spt_random_normal(seed, SPT_STREAM_LABEL_NOISE, DIRECTIONS, (uint64_t)d * p->inputs, p->inputs, direction);
        double norm = length(direction, p->inputs);
        for (size_t j = 0; j < p->inputs; j++)
            direction[j] /= norm;
        for (size_t i = 0; i < p->n; i++)
            added[i] += noise->amplitude / (double)noise->count * wave(noise->frequency, along(p, i, direction));
    }
    free(direction);
    return SPT_OK;
}

static spt_status add_principal(const spt_noise *noise, const points *p, double *added, spt_error *err) {
    double *variance = malloc(p->inputs * sizeof *variance);
    double *component = malloc(p->inputs * p->inputs * sizeof *component);
    spt_status status = SPT_ENOMEM;
    if (variance != NULL && component != NULL)
        status = spt_principal_components(p->x, p->n, p->inputs, variance, component, err);
    for (size_t i = 0; i < p->n && status == SPT_OK; i++)
        added[i] = noise->amplitude * wave(noise->frequency, along(p, i, component + noise->component * p->inputs));
    free(variance);
    free(component);
    return status;
}

static spt_status add_kernel(const spt_noise *noise, const points *p, double *added, spt_error *err) {
    double *value = malloc(p->n * sizeof *value), *vector = NULL;
    if (p->n <= SPT_EIGEN_MOST)
        vector = malloc(p->n * p->n * sizeof *vector);
    spt_status status = SPT_ENOMEM;
    if (p->n > SPT_EIGEN_MOST)
        status = spt_fail(err, SPT_EINVAL, "kind kernel on %zu training examples; allowed: at most %d", p->n,
                          SPT_EIGEN_MOST);
    else if (value != NULL && vector != NULL)
        status = spt_gram_eigen(p->x, p->n, p->inputs, noise->sigma, value, vector, err);
    for (size_t j = 0; j < p->n && status == SPT_OK; j++) {
        double weight = noise->amplitude * pow((double)(j + 1) / (double)p->n, noise->power);
        for (size_t i = 0; i < p->n; i++)
            added[i] += weight * vector[j * p->n + i];
    }
    free(value);
    free(vector);
    return status;
}

static void add_white(const spt_noise *noise, uint32_t seed, float *target, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double draw;
        if (noise->kind == SPT_NOISE_GAUSSIAN) {
            spt_random_normal(seed, SPT_STREAM_LABEL_NOISE, WHITE, i, 1, &draw);
        } else {
            spt_random_uniform(seed, SPT_STREAM_LABEL_NOISE, WHITE, i, 1, &draw);
            draw = 2 * draw - 1;
        }
        target[i] = (float)((double)target[i] + noise->amplitude * draw);
    }
}

/* The noise of each example into added (n), zeroed. */
static spt_status add_function(const spt_noise *noise, uint32_t seed, const points *p, double *added, spt_error *err) {
    switch (noise->kind) {
    case SPT_NOISE_RADIAL:
        add_radial(noise, p, added);
        return SPT_OK;
    case SPT_NOISE_PLANE_WAVES:
        return add_plane_waves(noise, seed, p, added);
    case SPT_NOISE_PRINCIPAL:
        return add_principal(noise, p, added, err);
    case SPT_NOISE_KERNEL:
        return add_kernel(noise, p, added, err);
    default:
        return SPT_OK;
    }
}

spt_status spt_target_noise(const spt_noise *noise, uint32_t seed, const float *x, size_t inputs, float *target,
                            size_t outputs, size_t n, spt_error *err) {
    if (noise->kind == SPT_NOISE_NONE)
        return SPT_OK;
    if (noise->kind == SPT_NOISE_GAUSSIAN || noise->kind == SPT_NOISE_UNIFORM_REAL) {
        add_white(noise, seed, target, n * outputs);
        return SPT_OK;
    }
    spt_error why = {0};
    double *added = calloc(n, sizeof *added);
    spt_status status = SPT_ENOMEM;
    if (added != NULL)
        status = add_function(noise, seed, &(points){x, n, inputs}, added, &why);
    for (size_t i = 0; i < n && status == SPT_OK; i++)
        for (size_t j = 0; j < outputs; j++)
            target[i * outputs + j] = (float)((double)target[i * outputs + j] + added[i]);
    free(added);
    if (status == SPT_OK)
        return SPT_OK;
    return spt_fail(err, status, "data.label_noise: %s", why.message[0] != '\0' ? why.message : "out of memory");
}
