/* Data: where examples come from, label noise, and what a run sees.
 *
 * Sources: mnist1d, sinusoids, manifold (built in); idx, cifar10, hdf5, fashion_mnist (files). */
#ifndef SPECTRAIN_DATASET_H
#define SPECTRAIN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spt_node spt_node;
typedef struct spt_data_spec spt_data_spec; /* the `data:` section, checked */
typedef enum spt_split_name { SPT_SPLIT_TRAIN, SPT_SPLIT_TEST } spt_split_name;

/** Examples of one split. Either labels (classes) or targets (regression) are there, the other is NULL. */
typedef struct spt_split {
    size_t n;
    float *x;            /* (n, inputs), 64-byte aligned, row-major */
    int32_t *label;      /* (n), 0 .. classes-1: what is trained on, noise included */
    int32_t *label_true; /* (n): before noise; equals label where nothing changed */
    float *target;       /* (n, outputs): regression, noise included */
    float *target_true;  /* (n, outputs): before noise */
} spt_split;

typedef struct spt_dataset {
    size_t inputs;   /* d */
    size_t outputs;  /* C: classes (or 1 for two of them: mse and bce), or columns of the target */
    size_t classes;  /* 0 for regression */
    bool generated;  /* made by a generator, so no file holds it */
    char sha256[65]; /* hex; see spt_dataset_make */
    spt_split train, test;
} spt_dataset;

/** Read and check a `data:` section (NULL: it is missing). *out: spt_data_spec_free. Opens no file. Errors:
 *  SPT_ECONFIG, SPT_ENOMEM. */
spt_status spt_data_spec_read(const spt_node *section, spt_data_spec **out, spt_error *err);
void spt_data_spec_free(spt_data_spec *spec);

/** A text that is equal for two specs only when they describe the same data and seed; how they are spelled does not
 *  matter (defaults filled in, numbers normalised). Lives with spec. */
const char *spt_data_spec_key(const spt_data_spec *spec);
/** The seed of data, label noise and probe directions. */
uint32_t spt_data_spec_seed(const spt_data_spec *spec);
/** Sizes the spec asks for: train and test examples, inputs, outputs, classes. Without opening files where the spec or
 *  the source determines them; otherwise the files' headers are read. For `plan`. */
typedef struct spt_data_shape {
    size_t train, test, inputs, outputs, classes;
    bool generated;
} spt_data_shape;
spt_status spt_data_spec_shape(const spt_data_spec *spec, spt_data_shape *shape, spt_error *err);

/** Load or generate, check (finite, labels in range), select classes, standardise, add noise to training, hash. *out:
 * spt_dataset_free. Same spec, same bits.
 *
 *  The hash is SHA-256 over, all little-endian: inputs, outputs, classes (uint64 each); then for train, and then for
 *  test: n (uint64), x (n, inputs) float32, and with classes label (n), label_true (n) int32, without target
 *  (n, outputs), target_true (n, outputs) float32.
 *
 *  Errors: SPT_EINVAL noise, classes or targets that do not fit the data; SPT_EDATA with the file and the row; SPT_EIO;
 * SPT_ENOMEM. */
spt_status spt_dataset_make(const spt_data_spec *spec, spt_dataset **out, spt_error *err);
void spt_dataset_free(spt_dataset *dataset);

#ifdef __cplusplus
}
#endif
#endif
