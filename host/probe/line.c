/* The spectrum along lines through examples (Zhang, Xiong, Wu 2021, sect. 3):
 * E_k = mean over lines and outputs of |rfft_k|^2 of f(x_m + t v_m), unnormalised, k = 0 .. S/2. */
#include "probe/kind.h"

typedef struct line_kind_settings {
    spt_line_settings lines;
    size_t detrend; /* index into DETREND */
} line_kind_settings;

static const char *const DETREND[] = {"none"};
static const char *const KEYS[] = {"split", "points", "samples", "radius", "detrend", NULL};

static spt_status line_read(const spt_node *item, void *out, spt_error *err) {
    line_kind_settings *settings = out;
    spt_status status = spt_line_settings_read(item, &settings->lines, err);
    if (status == SPT_OK)
        status = spt_probe_read_samples(item, &settings->lines.samples, err);
    if (status == SPT_OK)
        status = spt_node_choice(item, "detrend", DETREND, sizeof DETREND / sizeof *DETREND, &settings->detrend, err);
    return status;
}

static spt_status line_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const line_kind_settings *settings = in;
    shape->energy_size = settings->lines.samples / 2 + 1;
    shape->n_dims = 1;
    shape->dim_size[0] = shape->energy_size;
    return spt_line_settings_shape(&settings->lines, data, shape, err);
}

static spt_status line_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                            spt_error *err) {
    const line_kind_settings *settings = in;
    spt_status status = spt_probe_through_examples(&settings->lines, dataset, seed, probe, err);
    if (status != SPT_OK)
        return status;
    probe->long_name = settings->lines.split == SPT_SPLIT_TRAIN
                           ? "energy of the outputs along lines through training examples"
                           : "energy of the outputs along lines through test examples";
    probe->units = "output^2";
    probe->transform = SPT_TRANSFORM_DFT;
    probe->scale = 1.0;
    spt_probe_note_text(probe, "detrend", DETREND[settings->detrend]);
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
