/* A whole network on a batch: logits forward, loss, and the gradient of every parameter. */
#ifndef SPT_HOST_CPU_NETWORK_H
#define SPT_HOST_CPU_NETWORK_H

#include "cpu/dense.h"
#include "cpu/loss.h"
#include "cpu/real.h"
#include "cpu/team.h"
#include "spectrain/model.h"

enum { SPT_NETWORK_LAYERS_MAX = 65 }; /* what spt_arena_layout allows */

/** A model's layers, looked up once. */
typedef struct spt_network {
    size_t n_layers, outputs;
    size_t width; /* of the hidden layers; 0 without any */
    spt_layer layer[SPT_NETWORK_LAYERS_MAX];
} spt_network;

void spt_network_init(spt_network *network, const spt_model_spec *model);

/** Where a pass through a network leaves its numbers; all the caller's. Hidden layer l is at hidden + (l % slots) *
 *  slot_stride: as many slots as hidden layers when a gradient is wanted, two otherwise. */
typedef struct spt_pass {
    spt_real *hidden;
    size_t slots, slot_stride; /* stride: at least rows * width */
    spt_real *output;          /* (rows, outputs): logits, then their gradient */
    spt_real *delta[2];        /* (rows, width) each; only for the gradient */
    double *loss_part;         /* (spt_network_loss_parts(rows)); only for the gradient */
} spt_pass;

/** Examples to learn from in one step. Borrowed. */
typedef struct spt_batch {
    size_t rows;
    const spt_real *x; /* (rows, inputs) */
    spt_targets targets;
} spt_batch;

size_t spt_network_loss_parts(size_t rows);

/** slot_stride for this many rows: slots begin at multiples of 128 bytes. */
static inline size_t spt_pass_stride(size_t rows, size_t width) {
    return (rows * width + SPT_ARENA_ALIGN - 1) / SPT_ARENA_ALIGN * SPT_ARENA_ALIGN;
}

/** Logits of x (rows, inputs) into pass->output. member NULL: one thread, uncut. */
void spt_network_forward(spt_member *member, const spt_network *network, const spt_real *parameters, const spt_real *x,
                         size_t rows, const spt_pass *pass);

/** Mean loss over the batch and its gradient (a block; its gaps are not touched). A loss that is not finite ends it:
 *  the gradient is then unspecified. All members call it and get the same loss; it ends with a barrier. */
double spt_network_gradient(spt_member *member, const spt_network *network, spt_loss loss, const spt_real *parameters,
                            const spt_batch *batch, const spt_pass *pass, spt_real *gradient);

/** Gradient with respect to x of a function of the outputs: after a forward pass of x with as many slots as hidden
 *  layers, and pass->output overwritten by that function's gradient (rows, outputs), dx (rows, inputs) is its gradient
 *  at x. One thread, uncut. */
void spt_network_input_gradient(const spt_network *network, const spt_real *parameters, size_t rows,
                                const spt_pass *pass, spt_real *dx);

#endif
