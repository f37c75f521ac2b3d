// Optimizers, one element at a time: twin of host/cpu/optimizer.c, in its order of operations (here products and sums
// may be contracted to fused multiply-adds).
//
//   sgd    g += wd w;  v <- mu v + g;  w <- w - lr v           (v = g without momentum)
//   adam   g += wd w;  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
//          w <- w - lr / (1 - b1^t)  m / (sqrt(v) / sqrt(1 - b2^t) + eps)
//   adamw  w <- (1 - lr wd) w first, then as adam without wd
#ifndef SPT_KERNELS_OPTIMIZER_CUH
#define SPT_KERNELS_OPTIMIZER_CUH

#include <stddef.h>
#include <stdint.h>

#include "spectrain/model.h"

// A run's optimizer, and where its moments and counters are.
typedef struct spt_device_optimizer {
    float *parameters;          // the run's block
    uint64_t block;             // floats in it; moment i is at parameters + (1 + i) * block
    spt_run_counters *counters; // in the run's arena
    double rate, decay1, decay2;
    float lr, momentum, beta1, beta2, rest1, rest2, eps;
    float decay;   // added to the gradient, times the weight
    float shrink;  // multiplies the weight (adamw)
    uint32_t kind; // spt_optimizer_kind
    uint32_t moments;
} spt_device_optimizer;

// What changes from step to step. Written between steps, by spt_step_settle in batch.cu.
typedef struct spt_run_step {
    float step_size, correction; // adam: lr / (1 - b1^t) and sqrt(1 - b2^t)
    uint32_t active;             // the run takes part in this step
    uint32_t diverged;           // set by the loss; the step's update is then left out
} spt_run_step;

/** Update element `at` of a run's block from its gradient. */
static __device__ __forceinline__ void spt_optimizer_sgd(const spt_device_optimizer &o, uint64_t at, float gradient) {
    float *w = o.parameters + at;
    float weight = *w, g = gradient + o.decay * weight;
    if (o.moments > 0) {
        float *velocity = w + o.block;
        g = o.momentum * *velocity + g;
        *velocity = g;
    }
    *w = weight - o.lr * g;
}
static __device__ __forceinline__ void spt_optimizer_adam(const spt_device_optimizer &o, const spt_run_step &step,
                                                          uint64_t at, float gradient) {
    float *w = o.parameters + at, *first = w + o.block, *second = first + o.block;
    float weight = *w, g = gradient + o.decay * weight;
    float m = *first * o.beta1 + o.rest1 * g;
    float v = *second * o.beta2 + o.rest2 * g * g;
    *first = m;
    *second = v;
    *w = weight * o.shrink - step.step_size * m / (sqrtf(v) / step.correction + o.eps);
}
static __device__ __forceinline__ void spt_optimizer_update(const spt_device_optimizer &o, const spt_run_step &step,
                                                            uint64_t at, float gradient) {
    if (o.kind == SPT_OPTIMIZER_SGD)
        spt_optimizer_sgd(o, at, gradient);
    else
        spt_optimizer_adam(o, step, at, gradient);
}

#endif
