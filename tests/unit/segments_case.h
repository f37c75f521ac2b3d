/* Networks on straight ways: corners collected, and the same network evaluated naively in float64. */
#ifndef SPT_TESTS_SEGMENTS_CASE_H
#define SPT_TESTS_SEGMENTS_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "cpu/segments.h"
#include "spectrain/rng.h"

/* A network with its parameters, and the memory of a walk. */
typedef struct segments_case {
    spt_model_spec model;
    spt_network network;
    float *parameters; /* (block) */
    double *space;
} segments_case;

/* Weights as a run begins with; zero them to set them by hand. */
static inline segments_case make_case(size_t inputs, size_t width, size_t hidden_layers, size_t outputs, spt_init init,
                                      uint32_t seed) {
    segments_case c = {.model = {inputs, width, hidden_layers, outputs, init}};
    spt_optimizer plain = {.kind = SPT_OPTIMIZER_SGD};
    spt_arena arena;
    assert_int_equal(spt_arena_layout(&c.model, &plain, &arena, NULL), SPT_OK);
    c.parameters = spt_memory_alloc(arena.bytes, 1);
    assert_non_null(c.parameters);
    spt_arena_init(&c.model, &plain, seed, c.parameters);
    spt_network_init(&c.network, &c.model);
    c.space = spt_memory_alloc(spt_segments_numbers(&c.model), sizeof *c.space);
    assert_non_null(c.space);
    return c;
}

/* All weights and biases zero. */
static inline segments_case blank_case(size_t inputs, size_t width, size_t hidden_layers, size_t outputs) {
    segments_case c = make_case(inputs, width, hidden_layers, outputs, SPT_INIT_PYTORCH, 0);
    spt_layer last = c.network.layer[hidden_layers];
    memset(c.parameters, 0, (last.bias_offset + last.fan_out) * sizeof *c.parameters);
    return c;
}

static inline void free_case(segments_case *c) {
    spt_memory_free(c->parameters);
    spt_memory_free(c->space);
}

static inline float *weight_of(segments_case *c, size_t l, size_t out, size_t in) {
    return c->parameters + c->network.layer[l].weight_offset + out * c->network.layer[l].fan_in + in;
}

static inline float *bias_of(segments_case *c, size_t l, size_t out) {
    return c->parameters + c->network.layer[l].bias_offset + out;
}

/* Normal numbers with the given deviation. */
static inline void random_point(uint32_t seed, uint64_t which, size_t inputs, double deviation, double *x) {
    spt_random_normal(seed, SPT_STREAM_DATA, which, 0, inputs, x);
    for (size_t j = 0; j < inputs; j++)
        x[j] *= deviation;
}

/* Corners of a walk: u (n), f (n, outputs). */
typedef struct corners {
    size_t outputs, n, capacity, between;
    double *u, *f;
} corners;

static inline void keep_corner(void *user, double u, const double *f) {
    corners *list = user;
    if (list->n == list->capacity) {
        list->capacity = 2 * list->capacity + 16;
        list->u = realloc(list->u, list->capacity * sizeof *list->u);
        list->f = realloc(list->f, list->capacity * list->outputs * sizeof *list->f);
        assert_non_null(list->u);
        assert_non_null(list->f);
    }
    list->u[list->n] = u;
    memcpy(list->f + list->n++ * list->outputs, f, list->outputs * sizeof *f);
}

static inline corners walk_case(const segments_case *c, const double *a, const double *b) {
    corners list = {.outputs = c->model.outputs};
    list.between = spt_segments_walk(&c->network, c->parameters, a, b, c->space, keep_corner, &list);
    return list;
}

static inline void free_corners(corners *list) {
    free(list->u);
    free(list->f);
}

/* Outputs at x, and whether each hidden unit is on: on (hidden_layers * width), may be NULL. */
static inline void evaluate_case(const segments_case *c, const double *x, double *f, unsigned char *on) {
    double layer[2][512];
    const double *in = x;
    for (size_t l = 0; l < c->network.n_layers; l++) {
        const spt_layer *shape = &c->network.layer[l];
        const int last = l + 1 == c->network.n_layers;
        double *out = last ? f : layer[l % 2];
        assert_true(shape->fan_out <= 512);
        for (size_t j = 0; j < shape->fan_out; j++) {
            const float *w = c->parameters + shape->weight_offset + j * shape->fan_in;
            double z = 0.0;
            for (size_t i = 0; i < shape->fan_in; i++)
                z += (double)w[i] * in[i];
            z = shape->weight_scale * z + shape->bias_scale * (double)c->parameters[shape->bias_offset + j];
            out[j] = last || z > 0.0 ? z : 0.0;
            if (!last && on != NULL)
                on[l * c->model.width + j] = z > 0.0;
        }
        in = out;
    }
}

/* x = a + u (b - a). */
static inline void point_between(const double *a, const double *b, size_t inputs, double u, double *x) {
    for (size_t j = 0; j < inputs; j++)
        x[j] = a[j] + u * (b[j] - a[j]);
}

/* A network of one input whose function on [0, 1] has 2^(hidden_layers - 1) teeth of height 1: tent maps, composed. A
 * layer's two units are relu(y) and relu(y - 1/2) of y = the tent of the layer below. */
static inline segments_case tents_case(size_t hidden_layers) {
    segments_case c = blank_case(1, 2, hidden_layers, 1);
    for (size_t l = 0; l < hidden_layers; l++)
        for (size_t j = 0; j < 2; j++) {
            *weight_of(&c, l, j, 0) = l == 0 ? 1.0f : 2.0f;
            if (l > 0)
                *weight_of(&c, l, j, 1) = -4.0f;
            *bias_of(&c, l, j) = j == 0 ? 0.0f : -0.5f;
        }
    *weight_of(&c, hidden_layers, 0, 0) = 2.0f;
    *weight_of(&c, hidden_layers, 0, 1) = -4.0f;
    return c;
}

#endif
