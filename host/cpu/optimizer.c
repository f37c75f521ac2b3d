#include "cpu/optimizer.h"

#include <math.h>

enum { CHUNK = 8192 }; /* parameters a member takes at a time */

static void sgd(const spt_optimizer *o, size_t count, const spt_real *restrict g, spt_real *restrict w,
                spt_real *restrict v) {
    const spt_real lr = (spt_real)o->lr, momentum = (spt_real)o->momentum, decay = (spt_real)o->weight_decay;
    if (v == NULL) {
        for (size_t i = 0; i < count; i++)
            w[i] -= lr * (g[i] + decay * w[i]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= lr * v[i];
    }
}

static void adam(const spt_optimizer *o, uint64_t step, size_t count, const spt_real *restrict g, spt_real *restrict w,
                 spt_real *restrict m, spt_real *restrict v) {
    const double t = (double)step + 1.0;
    const spt_real step_size = (spt_real)(o->lr / (1.0 - pow(o->beta1, t)));
    const spt_real correction = (spt_real)sqrt(1.0 - pow(o->beta2, t)), eps = (spt_real)o->eps;
    const spt_real beta1 = (spt_real)o->beta1, beta2 = (spt_real)o->beta2;
    const spt_real rest1 = (spt_real)(1.0 - o->beta1), rest2 = (spt_real)(1.0 - o->beta2);
    const int decoupled = o->kind == SPT_OPTIMIZER_ADAMW;
    const spt_real shrink = (spt_real)(decoupled ? 1.0 - o->lr * o->weight_decay : 1.0);
    const spt_real decay = (spt_real)(decoupled ? 0.0 : o->weight_decay);
    for (size_t i = 0; i < count; i++) {
        spt_real weight = w[i] * shrink, gradient = g[i] + decay * w[i];
        m[i] = m[i] * beta1 + rest1 * gradient;
        v[i] = v[i] * beta2 + rest2 * gradient * gradient;
#ifdef SPT_CPU_DOUBLE
        spt_real root = sqrt(v[i]);
#else
        spt_real root = sqrtf(v[i]);
#endif
        w[i] = weight - step_size * m[i] / (root / correction + eps);
    }
}

void spt_optimizer_update(const spt_member *member, const spt_optimizer *optimizer, uint64_t step, size_t count,
                          const spt_real *gradient, spt_real *parameters, spt_real *moment) {
    for (size_t chunk = 0; chunk * CHUNK < count; chunk++) {
        if (!spt_team_owns(member, chunk))
            continue;
        size_t first = chunk * CHUNK, n = count - first < CHUNK ? count - first : CHUNK;
        const spt_real *g = gradient + first;
        spt_real *w = parameters + first;
        if (optimizer->kind == SPT_OPTIMIZER_SGD)
            sgd(optimizer, n, g, w, optimizer->momentum != 0.0 ? moment + first : NULL);
        else
            adam(optimizer, step, n, g, w, moment + first, moment + count + first);
    }
}
