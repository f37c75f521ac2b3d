/* The checked `data:` section, and the steps that follow a source, in this order: standardise, noise, hash. */
#ifndef SPT_HOST_DATA_SPEC_H
#define SPT_HOST_DATA_SPEC_H

#include "data/source.h"

typedef enum spt_noise_kind { SPT_NOISE_NONE, SPT_NOISE_UNIFORM, SPT_NOISE_PERMUTE } spt_noise_kind;
typedef enum spt_standardize { SPT_STANDARDIZE_NONE, SPT_STANDARDIZE_GLOBAL, SPT_STANDARDIZE_FEATURE } spt_standardize;

struct spt_data_spec {
    const spt_source *source;
    void *settings; /* the source's own */
    char *path;
    char *key;
    uint32_t seed;
    size_t train, test;
    spt_noise_kind noise;
    double noise_fraction;
    spt_standardize standardize;
};

/** What the source is asked for; borrows from spec. */
spt_source_request spt_data_spec_request(const spt_data_spec *spec);

/** Labels of exactly round(fraction n) examples, the first of a permutation of all: drawn anew from all classes, the
 * true one included, or permuted among themselves. A larger fraction chooses a superset; what an example draws anew
 * does not depend on fraction. label (n): true labels before, noisy ones after. Streams: SPT_STREAM_LABEL_NOISE of
 * seed, substream 0 which examples, 1 new labels (index = example), 2 the permutation of the chosen. Errors:
 * SPT_ENOMEM. */
spt_status spt_label_noise(spt_noise_kind kind, double fraction, uint32_t seed, size_t classes, int32_t *label,
                           size_t n, spt_error *err);

/** Mean 0 and (population) standard deviation 1 of training x, over all its numbers or for each feature; the same shift
 *  and scale for test. What is constant in training is only centred. Errors: SPT_ENOMEM. */
spt_status spt_standardize_splits(spt_standardize mode, size_t inputs, spt_split *train, spt_split *test,
                                  spt_error *err);

/** The hash of dataset.h into hex: 64 digits and a NUL. Errors: SPT_ENOMEM. */
spt_status spt_dataset_digest(const spt_dataset *dataset, char hex[65], spt_error *err);

#endif
