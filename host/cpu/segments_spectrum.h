/* Fourier coefficients of a piecewise-linear function of u in [0, 1], in closed form from its corners.
 *
 *   c_k = integral over [0, 1] of f(u) exp(-2 pi i k u) du,   k = 0 .. highest
 *
 * c_0 is the sum of trapezoids. For k > 0, by parts, with w = 2 pi k and, of segment j, middle m_j, length h_j and step
 * d_j = f(end) - f(begin):
 *
 *   c_k = i/w (f(1) - f(0) - S_k),   S_k = sum over segments of d_j sin(pi k h_j) / (pi k h_j) exp(-i w m_j)
 *
 * Nothing is divided by a segment's length but the sine of it, so a short segment, however steep, costs no precision:
 * the error is some 1e-16 of the sum of |d_j|. The straight line through the ends has S_k = 0, so taking it off
 * removes f(1) - f(0) from c_k, and the line's mean from c_0.
 *
 * Cost: 14 + 4 outputs FLOP a segment and frequency. */
#ifndef SPT_HOST_CPU_SEGMENTS_SPECTRUM_H
#define SPT_HOST_CPU_SEGMENTS_SPECTRUM_H

#include <stdbool.h>
#include <stddef.h>

/** One function with `outputs` components on its way through. The arrays point into the caller's numbers. */
typedef struct spt_segments_spectrum {
    size_t outputs, highest;
    size_t points;               /* taken so far */
    double u;                    /* of the last point */
    double *first, *value;       /* (outputs) f at the first point and the last */
    double *step, *mean;         /* (outputs) */
    double *phase_real, *sine;   /* (highest + 1): what a segment's steps are multiplied by, and */
    double *phase_imag, *cosine; /* what that is made of */
    double *real, *imag;         /* (outputs, highest + 1): S_k, in the end c_k */
} spt_segments_spectrum;

/** float64 numbers that a spectrum wants. */
size_t spt_segments_spectrum_numbers(size_t outputs, size_t highest);

void spt_segments_spectrum_begin(spt_segments_spectrum *spectrum, size_t outputs, size_t highest, double *numbers);
/** The next corner: u from 0 to 1, rising. An spt_segments_sink. */
void spt_segments_spectrum_point(void *spectrum, double u, const double *f);
/** After the point u = 1: real and imag hold c_k. ends: of the function less the straight line through its ends. */
void spt_segments_spectrum_end(spt_segments_spectrum *spectrum, bool ends);

#endif
