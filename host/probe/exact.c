/* The spectrum along lines through examples without sampling: the Fourier coefficients of the piecewise-linear function
 * that a ReLU network is there, over the window [-r, r), from its corners.
 *
 *   c_k = 1/(2r) integral of f(x_m + t v_m) exp(-2 pi i k (t + r) / (2r)) dt,   E_k = mean over lines and outputs of
 *   |c_k|^2, k = 0 .. max_frequency
 *
 * Compared with `line` (unnormalised DFT of S samples, E'_k): E'_k is near S^2 E_k where k is far below S/2; exactly,
 * rfft_k / S = sum over all integers m of c_(k + m S), plus (f(-r) - f(r)) / (2 S) for the sample at the jump.
 *
 * detrend: ends   of the same less the straight line from f(-r) to f(r): without the jump where the window closes
 * amplitudes fall as 1/k^2, not as 1/k.
 *
 * Unit: output^2; frequencies in cycles per window 2 r. Parseval: c_0^2 and twice the others add up to the mean of f^2
 * over the window. Cost: about a corner for every second of U hidden units, so 2 P M U/2 FLOP in float64 for P weights
 * and M lines, and U/2 (14 + 4 C) a line and frequency for C outputs (cpu/segments.h, cpu/segments_spectrum.h).
 * Source: Rahaman et al. 2019, theorem 1 and its lemmas, on a line; lines as in Zhang, Xiong, Wu 2021. */
#include "probe/kind.h"

typedef struct exact_settings {
    spt_line_settings lines;
    size_t max_frequency;
    spt_detrend detrend;
} exact_settings;

enum { MAX_FREQUENCY = 1 << 16 };

static const char *const KEYS[] = {"split", "points", "radius", "direction", "max_frequency", "detrend", NULL};

static spt_status exact_read(const spt_node *item, void *out, spt_error *err) {
    exact_settings *settings = out;
    settings->lines.samples = 1;
    const spt_node *node = NULL;
    spt_status status = spt_line_settings_read(item, &settings->lines, err);
    if (status == SPT_OK)
        status = spt_node_require(item, "max_frequency", &node, err);
    if (status == SPT_OK)
        status = spt_node_size(item, "max_frequency", 1, MAX_FREQUENCY, &settings->max_frequency, err);
    if (status == SPT_OK)
        status = spt_probe_read_detrend(item, &settings->detrend, err);
    return status;
}

static spt_status exact_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const exact_settings *settings = in;
    shape->energy_size = settings->max_frequency + 1;
    shape->n_dims = 1;
    shape->dim_size[0] = shape->energy_size;
    shape->transform = SPT_TRANSFORM_SEGMENTS;
    shape->detrend = settings->detrend;
    shape->unit_rows = settings->lines.points; /* some corner for every second unit, in float64: twice the work */
    return spt_line_settings_shape(&settings->lines, data, shape, err);
}

static spt_status exact_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                             spt_error *err) {
    const exact_settings *settings = in;
    spt_status status = spt_probe_through_examples(&settings->lines, dataset, seed, probe, err);
    if (status != SPT_OK)
        return status;
    probe->long_name = "squared Fourier coefficients of the outputs along lines through examples";
    probe->units = "output^2";
    probe->transform = SPT_TRANSFORM_SEGMENTS;
    probe->scale = 1.0;
    probe->detrend = settings->detrend;
    spt_probe_note_size(probe, "max_frequency", settings->max_frequency);
    spt_probe_note_text(probe, "detrend", spt_detrend_name(settings->detrend));
    spt_probe_note_text(probe, "normalization", "|c_k|^2, about |rfft / samples|^2 of many samples");
    return spt_probe_frequency_dim(probe, settings->max_frequency + 1, "cycles per window", err);
}

const spt_probe_kind spt_probe_kind_exact = {
    .name = "exact",
    .keys = KEYS,
    .settings_size = sizeof(exact_settings),
    .read = exact_read,
    .shape = exact_shape,
    .make = exact_make,
};
