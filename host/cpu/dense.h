/* One dense layer: y = scale x W^T + bias_scale b, with or without ReLU, and its gradients.
 *
 * Each function does the tiles of the calling member and has no barrier: y, or the gradients, are whole when all
 * members have come through. A NULL member does everything in one piece, without cutting. */
#ifndef SPT_HOST_CPU_DENSE_H
#define SPT_HOST_CPU_DENSE_H

#include <stdbool.h>

#include "cpu/real.h"
#include "cpu/team.h"
#include "spectrain/model.h"

/** y (rows, fan_out) from x (rows, fan_in) and the layer's place in `parameters` (a block, model.h). NaN passes through
 *  ReLU, so that a diverged network shows. */
void spt_dense_forward(const spt_member *member, const spt_layer *layer, const spt_real *parameters, const spt_real *x,
                       size_t rows, bool relu, spt_real *y);

/** Gradients of the weight and the bias into their places in `gradient` (a block), and, unless dx is NULL, dx (rows,
 *  fan_in) masked by x > 0: x is then the ReLU output of the layer below. dy (rows, fan_out) is the gradient at y
 *  (with ReLU: already masked).
 *
 *  Sums over the batch, by shape alone: weight as the GEMM does it; bias in blocks of 64 rows, each in row order, then
 *  over blocks. A layer narrower than 64 sums R = 128 / fan_out such series, rows r, r + R, ..., and then those. */
void spt_dense_backward(const spt_member *member, const spt_layer *layer, const spt_real *parameters, const spt_real *x,
                        size_t rows, const spt_real *dy, spt_real *gradient, spt_real *dx);

/** dx alone, on one thread, uncut. x NULL: not masked, as at the network's input. */
void spt_dense_input_gradient(const spt_layer *layer, const spt_real *parameters, const spt_real *x, size_t rows,
                              const spt_real *dy, spt_real *dx);

/** How many members this layer can keep busy at a time, forward or backward; 0 for a small one. */
size_t spt_dense_members(const spt_layer *layer, size_t rows);

#endif
