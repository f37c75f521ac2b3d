#include "data/mnist1d.h"

#include <math.h>

enum {
    TEMPLATE = SPT_MNIST1D_TEMPLATE,
    PADDED = SPT_MNIST1D_PADDED,
    LENGTH = SPT_MNIST1D_LENGTH,
    PADDING_MIN = 36,
    PADDING_COUNT = 25, /* 36 .. 60 zeros */
    ROTATIONS = 48,
    SMOOTH_RADIUS = 8 /* four sigma */
};

static const double DIGITS[SPT_MNIST1D_CLASSES][TEMPLATE] = {
    {5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5},     {5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5},
    {5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5}, {5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5},
    {5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5},     {5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5},
    {5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5},     {5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5},
    {5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5},       {5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5},
};

void spt_mnist1d_template(size_t digit, double *out) {
    const double *in = DIGITS[digit];
    double mean = 0, variance = 0;
    for (size_t i = 0; i < TEMPLATE; i++)
        mean += in[i] / TEMPLATE;
    for (size_t i = 0; i < TEMPLATE; i++)
        variance += (in[i] - mean) * (in[i] - mean) / TEMPLATE;
    double deviation = sqrt(variance), first = (in[0] - mean) / deviation;
    for (size_t i = 0; i < TEMPLATE; i++)
        out[i] = ((in[i] - mean) / deviation - first) / 6.0;
}

/* Number i of numpy.linspace(0, 1, n), to the bit: whether a point falls on another decides which zeros stay exact. */
static double grid_point(size_t i, size_t n, double step) {
    return i == n - 1 ? 1.0 : (double)i * step;
}

void spt_mnist1d_resample(const double *in, size_t n, double *out, size_t m) {
    const double step_in = 1.0 / (double)(n - 1), step_out = 1.0 / (double)(m - 1);
    size_t j = 0; /* in[j] is the last number at or before the point */
    for (size_t i = 0; i < m; i++) {
        double t = grid_point(i, m, step_out);
        while (j + 1 < n && grid_point(j + 1, n, step_in) <= t)
            j++;
        double left = grid_point(j, n, step_in);
        if (j == n - 1) {
            out[i] = in[j];
        } else {
            double slope = (in[j + 1] - in[j]) / (grid_point(j + 1, n, step_in) - left);
            out[i] = slope * (t - left) + in[j];
        }
    }
}

/* Gaussian smoothing, sigma 2, cut at 8 samples, edges mirrored as d c b a | a b c d | d c b a. */
static void smooth(const double *in, double *out) {
    double weight[SMOOTH_RADIUS + 1], total = 0;
    for (int k = 0; k <= SMOOTH_RADIUS; k++) {
        weight[k] = exp(-0.5 / 4.0 * k * k);
        total += k == 0 ? weight[k] : 2 * weight[k];
    }
    double mirrored[PADDED + 2 * SMOOTH_RADIUS];
    for (int i = 0; i < PADDED; i++)
        mirrored[SMOOTH_RADIUS + i] = in[i];
    for (int k = 0; k < SMOOTH_RADIUS; k++) {
        mirrored[SMOOTH_RADIUS - 1 - k] = in[k];
        mirrored[SMOOTH_RADIUS + PADDED + k] = in[PADDED - 1 - k];
    }
    for (int i = 0; i < PADDED; i++) {
        const double *centre = mirrored + SMOOTH_RADIUS + i;
        double sum = weight[0] * centre[0];
        for (int k = 1; k <= SMOOTH_RADIUS; k++)
            sum += weight[k] * (centre[-k] + centre[k]);
        out[i] = sum / total;
    }
}

void spt_mnist1d_example(const double *template, const spt_mnist1d_draw *draw, double *example) {
    double padded[PADDED] = {0}, signal[PADDED], rotated[PADDED], noise[PADDED];

    size_t padding = PADDING_MIN + (size_t)(draw->u_padding * PADDING_COUNT);
    for (size_t i = 0; i < TEMPLATE; i++)
        padded[i] = template[i] + 1e-8; /* no number of a digit is an exact zero: zeros are what noise replaces */
    spt_mnist1d_resample(padded, TEMPLATE + padding, signal, PADDED);

    double scale = 1 + 0.4 * (draw->u_scale - 0.5);
    size_t shift = (size_t)(draw->u_translation * ROTATIONS);
    for (size_t i = 0; i < PADDED; i++)
        rotated[(i + shift) % PADDED] = signal[i] * scale;

    smooth(draw->correlated, noise);
    double slope = 0.75 * (draw->u_shear - 0.5);
    for (size_t i = 0; i < PADDED; i++) {
        double clean = rotated[i] != 0 ? rotated[i] : 0.25 * noise[i];
        double ramp = i == PADDED - 1 ? 0.5 : (double)i * (1.0 / (PADDED - 1)) - 0.5;
        signal[i] = clean + 0.02 * draw->independent[i] - slope * ramp;
    }
    spt_mnist1d_resample(signal, PADDED, example, LENGTH);
}
