/* A probe kind: one file that implements this table, and one line in kinds.def.
 *
 * A kind turns its settings and a data set into an spt_probe: points and a transform, which backends know how to do.
 * Its messages say what is wrong with the setting; "probe NAME: " is put before those of shape and make. */
#ifndef SPT_HOST_PROBE_KIND_H
#define SPT_HOST_PROBE_KIND_H

#include "config/node.h"
#include "spectrain/probe.h"

enum { SPT_PROBE_MAX_KEYS = 14 }; /* own keys of a kind, at most */

/** Substreams of SPT_STREAM_PROBE_DIRECTION. Part of the promise that a seed gives the same bits: never renumber. */
typedef enum spt_probe_substream {
    SPT_PROBE_SUBSTREAM_EXAMPLES = 0,  /* a permutation of the split: its first M are the examples lines go through */
    SPT_PROBE_SUBSTREAM_DIRECTIONS = 1 /* normals: number m * inputs + j is component j of direction m, unscaled */
} spt_probe_substream;

typedef struct spt_probe_kind {
    const char *name;
    const char *const *keys; /* own keys of the item, beside name and kind; NULL-terminated */
    size_t settings_size;    /* bytes, zeroed before read */
    spt_status (*read)(const spt_node *item, void *settings, spt_error *err);
    void (*release)(void *settings); /* what read allocated; may be NULL */
    spt_status (*shape)(const void *settings, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err);
    /** Fill probe (zeroed; name, kind, inputs, outputs set). On error the caller frees what is there. */
    spt_status (*make)(const void *settings, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                       spt_error *err);
} spt_probe_kind;

/** The kinds, NULL-terminated; adding one is one line in kinds.def. */
extern const spt_probe_kind *const spt_probe_kinds[];

/** The setting `samples`, required: even, 2 to 2^20. Errors: SPT_ECONFIG. */
spt_status spt_probe_read_samples(const spt_node *item, size_t *samples, spt_error *err);

/** A further dim of the probe, with room for its coordinate, which the caller fills; energy_size becomes that many
 * times as large (the first dim: size). Texts are static. Errors: SPT_ENOMEM. */
spt_status spt_probe_add_dim(spt_probe *probe, const char *name, const char *long_name, const char *units, size_t size,
                             spt_error *err);

/** Room for a fold of `terms` terms in all into energy_size energies, which the dims have set. Errors: SPT_ENOMEM. */
spt_status spt_probe_make_fold(spt_probe *probe, size_t terms, spt_error *err);

/** The setting `detrend`: none (the default) or ends; and its name. Errors: SPT_ECONFIG. */
spt_status spt_probe_read_detrend(const spt_node *item, spt_detrend *detrend, spt_error *err);
const char *spt_detrend_name(spt_detrend detrend);

/** Frequencies 0 .. size-1 as dim 0 of the probe, energy_size = size. units is static. Errors: SPT_ENOMEM. */
spt_status spt_probe_frequency_dim(spt_probe *probe, size_t size, const char *units, spt_error *err);

/** Add an extra to a probe's shape: first, or first x second numbers when second is not 0. */
void spt_probe_shape_extra(spt_probe_shape *shape, size_t first, size_t second);

/** Add a setting to the probe's attributes, printed as "%s", "%zu" or "%.17g". key is static. */
void spt_probe_note_text(spt_probe *probe, const char *key, const char *text);
void spt_probe_note_size(spt_probe *probe, const char *key, size_t value);
void spt_probe_note_real(spt_probe *probe, const char *key, double value);

/* ---- lines through examples (through_examples.c): a geometry that several kinds share */

/** Which examples lines go through. */
typedef enum spt_line_split {
    SPT_LINES_TRAIN,
    SPT_LINES_NOISY, /* training examples whose label, or target, noise has really changed */
    SPT_LINES_TEST
} spt_line_split;

/** What a kind that measures along lines through examples is told. */
typedef struct spt_line_settings {
    spt_line_split split;
    size_t points;  /* M lines, each through another example */
    size_t samples; /* S points a line, at t = -radius + 2 radius s / S; the end t = radius is not one of them. 1: the
                     * kind has no such setting */
    double radius;  /* in input units */
    spt_direction towards;
} spt_line_settings;

/** Read split, points, radius and direction; samples is the kind's to read or set. Errors: SPT_ECONFIG. */
spt_status spt_line_settings_read(const spt_node *item, spt_line_settings *settings, spt_error *err);

/** Rows and extras of the lines. Errors: SPT_EINVAL more points than the split has examples; of noisy ones, all that
 * can be said is that there are no more than training examples. */
spt_status spt_line_settings_shape(const spt_line_settings *settings, const spt_data_shape *data,
                                   spt_probe_shape *shape, spt_error *err);

/** Choose examples and directions, and set the probe's geometry (series = M, samples, t0, dt, origin, direction,
 *  example), extras (example, direction, x) and attributes of these settings. Examples are the first M of a permutation
 *  of the split that qualify, directions uniform on the unit sphere, line m the same whatever M is. Errors: SPT_EINVAL
 * as above, SPT_ENOMEM. */
spt_status spt_probe_through_examples(const spt_line_settings *settings, const spt_dataset *dataset, uint32_t seed,
                                      spt_probe *probe, spt_error *err);

#endif
