/* The largest singular value of a weight matrix: root of the largest eigenvalue of the Gram matrix of its smaller side,
 * in float64. (float32 weights have 24 bits, so their products are exact and the Gram matrix good to the sum's
 * rounding; the largest value loses nothing to the squaring, as small ones would.) */
#ifndef SPT_HOST_CPU_SPECTRAL_NORM_H
#define SPT_HOST_CPU_SPECTRAL_NORM_H

#include <stddef.h>

/** Memory for matrices whose smaller side is at most n; all the caller's. */
typedef struct spt_norm_space {
    double *panel;       /* (n, SPT_NORM_PANEL) */
    double *gram;        /* (n, n) */
    double *eigenvalues; /* (n) */
    double *work;        /* (spt_spectral_norm_work(n)) */
    int *integer_work;   /* (spt_spectral_norm_integer_work(n)) */
} spt_norm_space;

enum { SPT_NORM_PANEL = 64 }; /* of the longer side, converted to float64 at a time */

size_t spt_spectral_norm_work(size_t n);
size_t spt_spectral_norm_integer_work(size_t n);

/** Largest singular value of weight (out, in), row-major. NaN when an element is not finite. */
double spt_spectral_norm(const float *weight, size_t out, size_t in, const spt_norm_space *space);

#endif
