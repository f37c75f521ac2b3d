/* A ReLU MLP, how it is trained, and the arena that holds all that a run is.
 *
 * inputs -> width -> ... -> width -> outputs, hidden_layers hidden layers, biases everywhere, linear output.
 * Layer l = 0 .. hidden_layers has weight (out, in), row-major as in PyTorch's nn.Linear, and bias (out). */
#ifndef SPECTRAIN_MODEL_H
#define SPECTRAIN_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spt_init {
    SPT_INIT_PYTORCH, /* W, b ~ U(-1/sqrt(fan_in), 1/sqrt(fan_in)), nn.Linear's default */
    SPT_INIT_HE,      /* W ~ N(0, 2/fan_in), b = 0 (He et al. 2015) */
    SPT_INIT_NTK      /* W, b ~ N(0, 1); a layer computes W x / sqrt(fan_in) + 0.1 b (Jacot et al. 2018) */
} spt_init;

typedef enum spt_loss {
    SPT_LOSS_CROSS_ENTROPY, /* softmax cross-entropy, mean over examples */
    SPT_LOSS_MSE,           /* mean over examples and outputs; classes become one-hot targets */
    SPT_LOSS_BCE            /* binary cross-entropy with logits, mean over examples and outputs; targets in [0, 1] */
} spt_loss;

typedef enum spt_optimizer_kind {
    SPT_OPTIMIZER_SGD,  /* g += wd w; v <- mu v + g; w <- w - lr v */
    SPT_OPTIMIZER_ADAM, /* bias-corrected, eps outside the root; g += wd w */
    SPT_OPTIMIZER_ADAMW /* as Adam, with decoupled decay: w <- w - lr wd w first */
} spt_optimizer_kind;

typedef struct spt_optimizer {
    spt_optimizer_kind kind;
    double lr;
    double momentum;     /* sgd */
    double weight_decay; /* all */
    double beta1, beta2; /* adam, adamw */
    double eps;          /* adam, adamw */
} spt_optimizer;

typedef struct spt_model_spec {
    size_t inputs;
    size_t width;
    size_t hidden_layers; /* 0 is a linear map */
    size_t outputs;
    spt_init init;
} spt_model_spec;

typedef struct spt_train_spec {
    spt_loss loss;
    spt_optimizer optimizer;
    size_t batch; /* examples a step; 0 is the full batch: one step an epoch */
    size_t epochs;
    uint32_t seed; /* initial weights and batch order */
} spt_train_spec;

/* ---- the arena: one run's state as one block of memory, the same on every backend, and what a checkpoint holds.
 *
 *   float   parameters[block]      layer 0 weight, layer 0 bias, layer 1 weight, ...: each tensor starts at a multiple
 * of SPT_ARENA_ALIGN floats; the gaps are zero and stay zero float   moment[moments][block] SGD with momentum:
 * velocity; Adam, AdamW: first and second moment; else none spt_run_counters               16 bytes
 *
 * Integers and floats are little-endian IEEE. A block of memory for an arena is aligned to 128 bytes. */

enum { SPT_ARENA_ALIGN = 32 }; /* floats: 128 bytes */

#define SPT_STEP_NONE UINT64_MAX

typedef struct spt_run_counters {
    uint64_t step;          /* optimizer steps done */
    uint64_t diverged_step; /* the step whose loss was not finite (its update was not applied); else SPT_STEP_NONE */
} spt_run_counters;

/** Where one layer lies in a block, in floats. */
typedef struct spt_layer {
    size_t fan_in, fan_out;
    size_t weight_offset; /* (fan_out, fan_in), row-major */
    size_t bias_offset;   /* (fan_out) */
    double weight_scale;  /* what multiplies W x in the forward pass: 1, or 1/sqrt(fan_in) for NTK */
    double bias_scale;    /* what multiplies b: 1, or 0.1 for NTK */
} spt_layer;

typedef struct spt_arena {
    size_t layers;          /* hidden_layers + 1 */
    size_t parameters;      /* weights and biases, padding not counted */
    size_t block;           /* floats in one block, padding counted */
    size_t moments;         /* blocks after the first: 0, 1 or 2 */
    size_t counters_offset; /* bytes */
    size_t bytes;           /* the whole arena */
} spt_arena;

/** Sizes of the arena of one run. Errors: SPT_EINVAL a zero inputs, width or outputs, or sizes that overflow. */
spt_status spt_arena_layout(const spt_model_spec *model, const spt_optimizer *optimizer, spt_arena *arena,
                            spt_error *err);

/** Layer l (0 .. hidden_layers) of the model. */
spt_layer spt_model_layer(const spt_model_spec *model, size_t l);

/** Number of weights and biases. */
size_t spt_model_parameters(const spt_model_spec *model);

/** Write the initial state into arena (arena->bytes bytes, aligned to 128, caller's): weights from stream INIT of seed,
 *  moments and counters zero, diverged_step SPT_STEP_NONE. Bits depend on (model, optimizer kind, seed) alone. */
void spt_arena_init(const spt_model_spec *model, const spt_optimizer *optimizer, uint32_t seed, void *state);

/** The counters at the end of a state. */
spt_run_counters *spt_arena_counters(const spt_arena *arena, void *state);

/** Steps in an epoch of n examples: ceil(n / batch), or 1 for the full batch. */
size_t spt_steps_per_epoch(size_t n, size_t batch);

const char *spt_init_name(spt_init init);
const char *spt_loss_name(spt_loss loss);
const char *spt_optimizer_name(spt_optimizer_kind kind);

#ifdef __cplusplus
}
#endif
#endif
