#include "cpu/segments.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_LEAST = 16, /* corners of a block */
    ROWS_MOST = 128,
    BLOCK_NUMBERS = 32768, /* float64 of a block of a layer: a quarter of a megabyte */
    PANEL_NUMBERS = 65536, /* float64 weights at a time */
    LOOKS = 9,             /* points at which a layer's size is looked at */
    LANES = 16
};
static const double ZERO = 16.0 * DBL_EPSILON; /* of the sum of the terms' sizes: a pre-activation that is rounding */
static const double APART = 4.0 * DBL_EPSILON; /* in u: corners that are one */

/* Where a unit crosses zero within a segment. */
typedef struct crossing {
    double place; /* 0 to 1 from the segment's begin to its end */
    size_t unit;
} crossing;

enum { CROSSING_NUMBERS = (sizeof(crossing) + sizeof(double) - 1) / sizeof(double) };

/* One layer with a block of corners. */
typedef struct walk_layer {
    const spt_layer *shape;
    double *u;          /* (rows) */
    double *x;          /* (rows, fan_in) its inputs at the corners */
    double *z;          /* (rows, fan_out) its pre-activations */
    double *zero;       /* (fan_out) sizes that are rounding */
    crossing *crossing; /* (fan_out) of one segment; not of the last layer */
    size_t n;           /* corners in the block */
    size_t known;       /* 1: corner 0 is the last one of the block before, its z is there */
} walk_layer;

typedef struct walk {
    const float *parameters;
    size_t last; /* layer */
    size_t rows; /* corners of a block, at most */
    double *panel;
    walk_layer layer[SPT_NETWORK_LAYERS_MAX];
    spt_segments_sink sink;
    void *user;
    size_t corners;
} walk;

/* ---- memory, by the model's shape alone */

static size_t rows_of(const spt_layer *layer, size_t n_layers) {
    size_t widest = 1;
    for (size_t l = 0; l < n_layers; l++)
        widest = layer[l].fan_out > widest ? layer[l].fan_out : widest;
    size_t rows = BLOCK_NUMBERS / widest;
    return rows < ROWS_LEAST ? ROWS_LEAST : rows > ROWS_MOST ? ROWS_MOST : rows;
}

static size_t panel_of(const spt_layer *layer, size_t n_layers) {
    size_t most = PANEL_NUMBERS;
    for (size_t l = 0; l < n_layers; l++)
        most = layer[l].fan_in > most ? layer[l].fan_in : most;
    return most;
}

size_t spt_segments_numbers(const spt_model_spec *model) {
    spt_network network;
    spt_network_init(&network, model);
    size_t rows = rows_of(network.layer, network.n_layers), numbers = panel_of(network.layer, network.n_layers);
    for (size_t l = 0; l < network.n_layers; l++)
        numbers += rows * (1 + network.layer[l].fan_in + network.layer[l].fan_out) +
                   (1 + CROSSING_NUMBERS) * network.layer[l].fan_out;
    return numbers;
}

static void walk_init(walk *w, const spt_network *network, const float *parameters, double *space) {
    w->parameters = parameters;
    w->last = network->n_layers - 1;
    w->rows = rows_of(network->layer, network->n_layers);
    w->corners = 0;
    w->panel = space;
    double *next = space + panel_of(network->layer, network->n_layers);
    for (size_t l = 0; l <= w->last; l++) {
        const spt_layer *shape = &network->layer[l];
        walk_layer *layer = &w->layer[l];
        *layer = (walk_layer){.shape = shape, .u = next};
        layer->x = layer->u + w->rows;
        layer->z = layer->x + w->rows * shape->fan_in;
        layer->zero = layer->z + w->rows * shape->fan_out;
        layer->crossing = (crossing *)(void *)(layer->zero + shape->fan_out);
        next = layer->zero + (1 + CROSSING_NUMBERS) * shape->fan_out;
    }
}

/* ---- a layer's values */

/* Pre-activations of corners first .. n - 1. */
static void affine(walk *w, size_t l, size_t first, size_t n) {
    const walk_layer *layer = &w->layer[l];
    const size_t in = layer->shape->fan_in, out = layer->shape->fan_out;
    const float *weight = w->parameters + layer->shape->weight_offset;
    const float *bias = w->parameters + layer->shape->bias_offset;
    const size_t units = PANEL_NUMBERS / in > 0 ? PANEL_NUMBERS / in : 1;
    for (size_t j = 0; j < out; j += units) {
        size_t count = out - j < units ? out - j : units;
        for (size_t i = 0; i < count * in; i++)
            w->panel[i] = (double)weight[j * in + i];
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)(n - first), (blasint)count, (blasint)in,
                    layer->shape->weight_scale, layer->x + first * in, (blasint)in, w->panel, (blasint)in, 0.0,
                    layer->z + first * out + j, (blasint)out);
    }
    for (size_t i = first; i < n; i++)
        for (size_t j = 0; j < out; j++)
            layer->z[i * out + j] += layer->shape->bias_scale * (double)bias[j];
}

static void relu(const double *restrict z, size_t n, double *restrict x) {
    for (size_t j = 0; j < n; j++)
        x[j] = z[j] > 0.0 ? z[j] : 0.0;
}

static double sum_of_sizes(const float *row, size_t n) {
    float lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += fabsf(row[i + j]);
    double sum = 0.0;
    for (; i < n; i++)
        sum += (double)fabsf(row[i]);
    for (size_t j = 0; j < LANES; j++)
        sum += (double)lane[j];
    return sum;
}

/* What is rounding in each unit's pre-activation, from the sizes of the layer's inputs at some points of the way. */
static void measure_rounding(walk *w, const double *a, const double *b) {
    const size_t inputs = w->layer[0].shape->fan_in;
    for (size_t i = 0; i < LOOKS; i++)
        for (size_t j = 0; j < inputs; j++)
            w->layer[0].x[i * inputs + j] = a[j] + (double)i / (LOOKS - 1) * (b[j] - a[j]);
    for (size_t l = 0; l < w->last; l++) {
        const walk_layer *layer = &w->layer[l];
        const size_t in = layer->shape->fan_in, out = layer->shape->fan_out;
        double largest = 0.0;
        for (size_t i = 0; i < LOOKS * in; i++)
            largest = fmax(largest, fabs(layer->x[i]));
        for (size_t j = 0; j < out; j++) {
            double weights = sum_of_sizes(w->parameters + layer->shape->weight_offset + j * in, in);
            double bias = fabs((double)w->parameters[layer->shape->bias_offset + j]);
            layer->zero[j] = ZERO * (layer->shape->weight_scale * weights * largest + layer->shape->bias_scale * bias);
        }
        affine(w, l, 0, LOOKS);
        relu(layer->z, LOOKS * out, w->layer[l + 1].x);
    }
}

/* ---- from layer to layer */

static void flush(walk *w, size_t l);

/* Room for one more corner of layer l. */
static double *next_corner(walk *w, size_t l, double u) {
    walk_layer *layer = &w->layer[l];
    if (layer->n == w->rows)
        flush(w, l);
    layer->u[layer->n] = u;
    return layer->x + layer->n++ * layer->shape->fan_in;
}

static int by_place(const void *a, const void *b) {
    const crossing *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

/* Crossings between corners i and i + 1, by their place. */
static size_t find_crossings(const walk_layer *layer, size_t i) {
    const size_t width = layer->shape->fan_out;
    const double *begin = layer->z + i * width, *end = begin + width;
    const double length = layer->u[i + 1] - layer->u[i];
    size_t n = 0;
    for (size_t j = 0; j < width; j++) {
        if (!((begin[j] < 0.0 && end[j] > 0.0) || (begin[j] > 0.0 && end[j] < 0.0)))
            continue;
        double place = begin[j] / (begin[j] - end[j]);
        if (place * length > APART && (1.0 - place) * length > APART)
            layer->crossing[n++] = (crossing){place, j};
    }
    qsort(layer->crossing, n, sizeof *layer->crossing, by_place);
    return n;
}

/* Hand the corners after i, up to and with i + 1, to the layer above. */
static void hand_segment(walk *w, size_t l, size_t i) {
    const walk_layer *layer = &w->layer[l];
    const size_t width = layer->shape->fan_out, n = find_crossings(layer, i);
    const double *begin = layer->z + i * width, *end = begin + width;
    const double length = layer->u[i + 1] - layer->u[i];
    for (size_t c = 0; c < n;) {
        const double place = layer->crossing[c].place;
        double *x = next_corner(w, l + 1, layer->u[i] + place * length);
        for (size_t j = 0; j < width; j++) {
            double z = begin[j] + place * (end[j] - begin[j]);
            x[j] = z > 0.0 ? z : 0.0;
        }
        for (; c < n && (layer->crossing[c].place - place) * length <= APART; c++)
            x[layer->crossing[c].unit] = 0.0;
        w->corners++;
    }
    relu(end, width, next_corner(w, l + 1, layer->u[i + 1]));
}

/* Take the corners of layer l's block to the layer above, or to the sink; the last stays, to begin the next block. */
static void flush(walk *w, size_t l) {
    walk_layer *layer = &w->layer[l];
    const size_t out = layer->shape->fan_out, first = layer->known, n = layer->n;
    if (n == first)
        return;
    affine(w, l, first, n);
    if (l == w->last) {
        for (size_t i = first; i < n; i++)
            w->sink(w->user, layer->u[i], layer->z + i * out);
    } else {
        for (size_t i = first; i < n; i++)
            for (size_t j = 0; j < out; j++)
                if (fabs(layer->z[i * out + j]) <= layer->zero[j])
                    layer->z[i * out + j] = 0.0;
        if (first == 0)
            relu(layer->z, out, next_corner(w, l + 1, layer->u[0]));
        for (size_t i = 0; i + 1 < n; i++)
            hand_segment(w, l, i);
    }
    layer->u[0] = layer->u[n - 1];
    memmove(layer->z, layer->z + (n - 1) * out, out * sizeof *layer->z);
    layer->n = layer->known = 1;
}

size_t spt_segments_walk(const spt_network *network, const float *parameters, const double *a, const double *b,
                         double *space, spt_segments_sink sink, void *user) {
    walk w;
    walk_init(&w, network, parameters, space);
    w.sink = sink;
    w.user = user;
    measure_rounding(&w, a, b);
    const size_t inputs = network->layer[0].fan_in;
    memcpy(next_corner(&w, 0, 0.0), a, inputs * sizeof *a);
    memcpy(next_corner(&w, 0, 1.0), b, inputs * sizeof *b);
    for (size_t l = 0; l <= w.last; l++)
        flush(&w, l);
    return w.corners;
}
