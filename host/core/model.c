#include "spectrain/model.h"

#include <math.h>
#include <string.h>

#include "spectrain/rng.h"

enum { COUNTER_BYTES = 128 }; /* the counters' place in the arena, padded to SPT_ARENA_ALIGN floats */

static const char *const INIT_NAMES[] = {"pytorch", "he", "ntk"};
static const char *const LOSS_NAMES[] = {"cross_entropy", "mse", "bce"};
static const char *const OPTIMIZER_NAMES[] = {"sgd", "adam", "adamw"};

const char *spt_init_name(spt_init init) {
    return INIT_NAMES[init];
}
const char *spt_loss_name(spt_loss loss) {
    return LOSS_NAMES[loss];
}
const char *spt_optimizer_name(spt_optimizer_kind kind) {
    return OPTIMIZER_NAMES[kind];
}

static size_t padded(size_t floats) {
    return (floats + SPT_ARENA_ALIGN - 1) / SPT_ARENA_ALIGN * SPT_ARENA_ALIGN;
}

/* Floats of the layers before l: all hidden layers after the first have one shape. */
static size_t block_before(const spt_model_spec *m, size_t l) {
    size_t first_out = m->hidden_layers > 0 ? m->width : m->outputs;
    size_t floats = 0;
    if (l > 0)
        floats += padded(first_out * m->inputs) + padded(first_out);
    if (l > 1) {
        size_t middle = l <= m->hidden_layers ? l - 1 : m->hidden_layers - 1;
        floats += middle * (padded(m->width * m->width) + padded(m->width));
    }
    if (l > m->hidden_layers && m->hidden_layers > 0)
        floats += padded(m->outputs * m->width) + padded(m->outputs);
    return floats;
}

spt_layer spt_model_layer(const spt_model_spec *m, size_t l) {
    spt_layer layer = {.fan_in = l == 0 ? m->inputs : m->width,
                       .fan_out = l == m->hidden_layers ? m->outputs : m->width,
                       .weight_offset = block_before(m, l),
                       .weight_scale = 1.0,
                       .bias_scale = 1.0};
    layer.bias_offset = layer.weight_offset + padded(layer.fan_out * layer.fan_in);
    if (m->init == SPT_INIT_NTK) {
        layer.weight_scale = 1.0 / sqrt((double)layer.fan_in);
        layer.bias_scale = 0.1;
    }
    return layer;
}

size_t spt_model_parameters(const spt_model_spec *m) {
    size_t count = 0;
    for (size_t l = 0; l <= m->hidden_layers; l++) {
        spt_layer layer = spt_model_layer(m, l);
        count += layer.fan_out * (layer.fan_in + 1);
    }
    return count;
}

spt_status spt_arena_layout(const spt_model_spec *m, const spt_optimizer *optimizer, spt_arena *arena, spt_error *err) {
    const size_t limit = (size_t)1 << 24; /* its square times 64 layers still fits in size_t */
    if (m->inputs == 0 || m->width == 0 || m->outputs == 0)
        return spt_fail(err, SPT_EINVAL, "model: inputs %zu, width %zu, outputs %zu; each must be at least 1",
                        m->inputs, m->width, m->outputs);
    if (m->inputs > limit || m->width > limit || m->outputs > limit || m->hidden_layers > 64)
        return spt_fail(err, SPT_EINVAL,
                        "model: inputs %zu, width %zu, outputs %zu, hidden_layers %zu; at most 2^24, and 64 layers",
                        m->inputs, m->width, m->outputs, m->hidden_layers);
    arena->layers = m->hidden_layers + 1;
    arena->parameters = spt_model_parameters(m);
    arena->block = block_before(m, m->hidden_layers + 1);
    arena->moments = optimizer->kind != SPT_OPTIMIZER_SGD ? 2 : (optimizer->momentum != 0.0 ? 1 : 0);
    arena->counters_offset = (1 + arena->moments) * arena->block * sizeof(float);
    arena->bytes = arena->counters_offset + COUNTER_BYTES;
    return SPT_OK;
}

spt_run_counters *spt_arena_counters(const spt_arena *arena, void *state) {
    return (spt_run_counters *)(void *)((char *)state + arena->counters_offset);
}

/* U(-bound, bound). Exact up to the last product, so every machine gets the same bits. */
static void fill_uniform(uint32_t seed, uint64_t substream, size_t count, float bound, float *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t word = spt_random(seed, SPT_STREAM_INIT, substream, i / 4).word[i % 4];
        out[i] = (float)((int32_t)(word >> 8) - (1 << 23)) * 0x1p-23f * bound;
    }
}

static void fill_normal(uint32_t seed, uint64_t substream, size_t count, double deviation, float *out) {
    for (size_t i = 0; i < count; i++) {
        double z;
        spt_random_normal(seed, SPT_STREAM_INIT, substream, i, 1, &z);
        out[i] = (float)(deviation * z);
    }
}

void spt_arena_init(const spt_model_spec *m, const spt_optimizer *optimizer, uint32_t seed, void *state) {
    spt_arena arena;
    if (spt_arena_layout(m, optimizer, &arena, NULL) != SPT_OK)
        return;
    memset(state, 0, arena.bytes);
    float *parameters = state;
    for (size_t l = 0; l < arena.layers; l++) {
        spt_layer layer = spt_model_layer(m, l);
        size_t weights = layer.fan_out * layer.fan_in;
        float *weight = parameters + layer.weight_offset, *bias = parameters + layer.bias_offset;
        float bound = (float)(1.0 / sqrt((double)layer.fan_in));
        switch (m->init) {
        case SPT_INIT_PYTORCH:
            fill_uniform(seed, 2 * l, weights, bound, weight);
            fill_uniform(seed, 2 * l + 1, layer.fan_out, bound, bias);
            break;
        case SPT_INIT_HE:
            fill_normal(seed, 2 * l, weights, sqrt(2.0 / (double)layer.fan_in), weight);
            break;
        case SPT_INIT_NTK:
            fill_normal(seed, 2 * l, weights, 1.0, weight);
            fill_normal(seed, 2 * l + 1, layer.fan_out, 1.0, bias);
            break;
        }
    }
    spt_arena_counters(&arena, state)->diverged_step = SPT_STEP_NONE;
}

size_t spt_steps_per_epoch(size_t n, size_t batch) {
    if (batch == 0 || batch >= n)
        return 1;
    return (n + batch - 1) / batch;
}
