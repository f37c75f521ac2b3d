/* The spectrum along lines through examples: E_k = mean over lines and outputs of |rfft_k|^2, k = 0 .. S/2, of
 * f(x_m + t v_m) at t = -r + 2 r s / S, s = 0 .. S-1.
 *
 * detrend: ends   of the same less the straight line from f(-r) to f(r). Seen as periodic f jumps where the window
 * closes, and its amplitudes fall as 1/k; without the jump only kinks remain, and they fall as 1/k^2. One point more a
 * line is evaluated, t = r.
 *
 * Unit: output^2, of an unnormalised DFT: sum over k (the mirrored ones too) is S times the sum of squares along a
 * line. Frequencies in cycles per window 2 r. Cost: 2 P M S FLOP for P weights. Source: Zhang, Xiong, Wu 2021, sect. 3
 * (S = 128, r = 0.5, M = 500 on training, noisy and test examples there, and no detrending). */
#include "probe/kind.h"

typedef struct line_kind_settings {
    spt_line_settings lines;
    spt_detrend detrend;
} line_kind_settings;

static const char *const KEYS[] = {"split", "points", "samples", "radius", "direction", "detrend", NULL};

static spt_status line_read(const spt_node *item, void *out, spt_error *err) {
    line_kind_settings *settings = out;
    spt_status status = spt_line_settings_read(item, &settings->lines, err);
    if (status == SPT_OK)
        status = spt_probe_read_samples(item, &settings->lines.samples, err);
    if (status == SPT_OK)
        status = spt_probe_read_detrend(item, &settings->detrend, err);
    return status;
}

static spt_status line_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const line_kind_settings *settings = in;
    shape->energy_size = settings->lines.samples / 2 + 1;
    shape->n_dims = 1;
    shape->dim_size[0] = shape->energy_size;
    spt_status status = spt_line_settings_shape(&settings->lines, data, shape, err);
    shape->detrend = settings->detrend;
    if (settings->detrend == SPT_DETREND_ENDS) {
        shape->rows += settings->lines.points;
        shape->samples++;
    }
    return status;
}

static spt_status line_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                            spt_error *err) {
    const line_kind_settings *settings = in;
    spt_status status = spt_probe_through_examples(&settings->lines, dataset, seed, probe, err);
    if (status != SPT_OK)
        return status;
    static const char *const names[] = {
        [SPT_LINES_TRAIN] = "energy of the outputs along lines through training examples",
        [SPT_LINES_NOISY] = "energy of the outputs along lines through training examples whose label was changed",
        [SPT_LINES_TEST] = "energy of the outputs along lines through test examples"};
    probe->long_name = names[settings->lines.split];
    probe->units = "output^2";
    probe->transform = SPT_TRANSFORM_DFT;
    probe->scale = 1.0;
    probe->detrend = settings->detrend;
    if (settings->detrend == SPT_DETREND_ENDS)
        probe->samples++; /* where the window closes */
    spt_probe_note_text(probe, "detrend", spt_detrend_name(settings->detrend));
    spt_probe_note_text(probe, "normalization", "|rfft|^2");
    return spt_probe_frequency_dim(probe, settings->lines.samples / 2 + 1, "cycles per window", err);
}

const spt_probe_kind spt_probe_kind_line = {
    .name = "line",
    .keys = KEYS,
    .settings_size = sizeof(line_kind_settings),
    .read = line_read,
    .shape = line_shape,
    .make = line_make,
};
