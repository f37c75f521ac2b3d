/* The configuration: a YAML document, strictly read, and the sweep that it spans.
 *
 * Unknown keys, wrong types and values out of range are errors: "FILE:LINE: KEY: what is wrong; what is allowed". */
#ifndef SPECTRAIN_CONFIG_H
#define SPECTRAIN_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spt_config spt_config;         /* a document and its overrides */
typedef struct spt_node spt_node;             /* one YAML node; lives as long as its document */
typedef struct spt_data_spec spt_data_spec;   /* dataset.h */
typedef struct spt_probe_spec spt_probe_spec; /* probe.h */

/** Read a file, or text whose errors will name it `name`. *out is the caller's (spt_config_free).
 *  Errors: SPT_EIO cannot be read, SPT_ECONFIG not YAML, duplicate keys, nesting deeper than 32, ENOMEM. */
spt_status spt_config_load(const char *path, spt_config **out, spt_error *err);
spt_status spt_config_parse(const char *name, const char *text, size_t length, spt_config **out, spt_error *err);
void spt_config_free(spt_config *config);

/** Apply one override "dotted.key=value"; the value is YAML ("0.1", "[1, 2]", "{every: 5}"). A key that holds a dot
 *  itself is reached too: "sweep.train.seed=[0, 1]" replaces (or adds) the axis train.seed of `sweep`. */
spt_status spt_config_set(spt_config *config, const char *assignment, spt_error *err);

/** The document as it will be run, overrides applied, as YAML text (malloc'd, the caller's to free). */
spt_status spt_config_text(const spt_config *config, char **text, spt_error *err);

/* ---- the sweep: the product of its axes, first axis slowest */

typedef enum spt_value_kind { SPT_VALUE_INTEGER, SPT_VALUE_REAL, SPT_VALUE_TEXT } spt_value_kind;

typedef struct spt_value {
    spt_value_kind kind;
    int64_t integer;
    double real;      /* also set for an integer */
    const char *text; /* the scalar as written; lives as long as the axes */
} spt_value;

typedef struct spt_axis {
    char *key; /* "model.width" */
    size_t n_values;
    spt_value *values;
} spt_axis;

typedef struct spt_axes {
    size_t n_axes;
    spt_axis *axes;
    size_t n_runs; /* product of n_values; 1 without axes */
} spt_axes;

/** Expand `sweep:`. Lists, {geomspace: [a, b, n]} and {linspace: [a, b, n]} (for integer keys: fractions dropped, each
 *  integer once), {range: [a, b, step]} (a, a + step, ... up to b, b included when a step lands on it). All values of
 *  an axis have one kind.
 *  Allowed keys: model.*, train.* but not train.epochs, data.seed, data.train, data.label_noise.*,
 *  data.standardize and the source's own scalars; not data.source, data.test, data.path.
 *  An axis decides over the value in the section; when spt_config_set put that value there, the two contradict.
 *  Errors: SPT_ECONFIG unknown or forbidden key, empty axis, a value twice or of the wrong type, a contradiction, more
 *  than 10^7 runs; SPT_ENOMEM. *axes: spt_axes_free. */
spt_status spt_config_axes(const spt_config *config, spt_axes *axes, spt_error *err);
void spt_axes_free(spt_axes *axes);

/** The value of axis a in run r of the product. */
const spt_value *spt_axes_value(const spt_axes *axes, size_t a, size_t run);

/* ---- the settings of one run */

/** Epochs at which something is taken: sorted, unique, always with 0 and the last epoch. */
typedef struct spt_schedule {
    size_t n;
    uint64_t *epoch;
} spt_schedule;

typedef enum spt_keep { SPT_KEEP_AUTO, SPT_KEEP_NO, SPT_KEEP_YES } spt_keep;

typedef struct spt_settings {
    char *name;
    spt_data_spec *data;
    spt_model_spec model; /* inputs and outputs are 0 here: the dataset decides them */
    spt_train_spec train;
    spt_schedule records;   /* record.epochs */
    spt_schedule snapshots; /* record.weights */
    spt_keep keep_data;     /* record.data: store x in the file; auto: when the source generates it */
    size_t n_probes;
    spt_probe_spec **probes;
} spt_settings;

/** Settings of run `run` of the sweep (axes from spt_config_axes of the same config), every key checked; run 0 also
 *  checks the sections' values that axes decide over. *settings is filled; release with spt_settings_free. Errors:
 *  SPT_ECONFIG, with file, line and key; SPT_ENOMEM. */
spt_status spt_config_settings(const spt_config *config, const spt_axes *axes, size_t run, spt_settings *settings,
                               spt_error *err);
void spt_settings_free(spt_settings *settings);

#ifdef __cplusplus
}
#endif
#endif
