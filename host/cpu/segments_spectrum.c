#include "cpu/segments_spectrum.h"

#include <math.h>
#include <string.h>

enum { FINE = 16 }; /* turns by k = 0 .. 15 and by multiples of 16 are computed; the others are products of two */
static const double TWO_PI = 6.283185307179586476925286766559;

size_t spt_segments_spectrum_numbers(size_t outputs, size_t highest) {
    return 4 * outputs + (highest + 1) * (4 + 2 * outputs);
}

void spt_segments_spectrum_begin(spt_segments_spectrum *s, size_t outputs, size_t highest, double *numbers) {
    const size_t n = highest + 1;
    *s = (spt_segments_spectrum){.outputs = outputs, .highest = highest};
    s->first = numbers;
    s->value = s->first + outputs;
    s->step = s->value + outputs;
    s->mean = s->step + outputs;
    s->phase_real = s->mean + outputs;
    s->phase_imag = s->phase_real + n;
    s->cosine = s->phase_imag + n;
    s->sine = s->cosine + n;
    s->real = s->sine + n;
    s->imag = s->real + outputs * n;
    memset(s->mean, 0, outputs * sizeof *s->mean);
    memset(s->real, 0, 2 * outputs * n * sizeof *s->real);
}

/* cos and sin of 2 pi k u; the product is reduced without rounding. */
static void turn(double *cosine, double *sine, size_t k, double u) {
    double turns = (double)k * u, rest = fma((double)k, u, -turns);
    double angle = TWO_PI * (turns - rint(turns) + rest);
    cosine[k] = cos(angle);
    sine[k] = sin(angle);
}

/* cos and sin of 2 pi k u for k = 0 .. n - 1. */
static void turn_all(double *restrict cosine, double *restrict sine, size_t n, double u) {
    for (size_t k = 0; k < FINE && k < n; k++)
        turn(cosine, sine, k, u);
    for (size_t first = FINE; first < n; first += FINE) {
        turn(cosine, sine, first, u);
        const double a = cosine[first], b = sine[first];
        const size_t count = n - first < FINE ? n - first : FINE;
        for (size_t k = 1; k < count; k++) {
            cosine[first + k] = a * cosine[k] - b * sine[k];
            sine[first + k] = a * sine[k] + b * cosine[k];
        }
    }
}

/* Add the steps of a segment to S_k, k > 0. */
static void add_segment(spt_segments_spectrum *s, double middle, double length) {
    const size_t n = s->highest + 1;
    bool any = false;
    for (size_t j = 0; j < s->outputs; j++)
        any = any || s->step[j] != 0.0; /* NaN is one */
    if (!any)
        return;
    turn_all(s->cosine, s->sine, n, 0.5 * length);
    turn_all(s->phase_real, s->phase_imag, n, middle);
    for (size_t k = 1; k < n; k++) {
        const double factor = s->sine[k] / (0.5 * TWO_PI * (double)k * length);
        s->phase_real[k] *= factor;
        s->phase_imag[k] *= -factor;
    }
    for (size_t j = 0; j < s->outputs; j++) {
        const double step = s->step[j];
        double *restrict real = s->real + j * n, *restrict imag = s->imag + j * n;
        for (size_t k = 1; k < n; k++) {
            real[k] += step * s->phase_real[k];
            imag[k] += step * s->phase_imag[k];
        }
    }
}

void spt_segments_spectrum_point(void *spectrum, double u, const double *f) {
    spt_segments_spectrum *s = spectrum;
    const double length = u - s->u;
    if (s->points == 0) {
        memcpy(s->first, f, s->outputs * sizeof *f);
    } else if (length > 0.0) {
        for (size_t j = 0; j < s->outputs; j++) {
            s->step[j] = f[j] - s->value[j];
            s->mean[j] += 0.5 * length * (f[j] + s->value[j]);
        }
        add_segment(s, 0.5 * (u + s->u), length);
    }
    memcpy(s->value, f, s->outputs * sizeof *f);
    s->u = u;
    s->points++;
}

void spt_segments_spectrum_end(spt_segments_spectrum *s, bool ends) {
    const size_t n = s->highest + 1;
    for (size_t j = 0; j < s->outputs; j++) {
        double *real = s->real + j * n, *imag = s->imag + j * n;
        const double rise = ends ? 0.0 : s->value[j] - s->first[j];
        real[0] = s->mean[j] - (ends ? 0.5 * (s->first[j] + s->value[j]) : 0.0);
        imag[0] = 0.0;
        for (size_t k = 1; k < n; k++) {
            const double w = TWO_PI * (double)k, sum = real[k];
            real[k] = imag[k] / w;
            imag[k] = (rise - sum) / w;
        }
    }
}
