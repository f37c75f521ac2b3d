/* The checked `data:` section, and the steps that follow a source, in this order: select, standardise, noise, hash. */
#ifndef SPT_HOST_DATA_SPEC_H
#define SPT_HOST_DATA_SPEC_H

#include "data/select.h"
#include "data/source.h"

typedef enum spt_noise_kind {
    SPT_NOISE_NONE,
    SPT_NOISE_UNIFORM, /* of classes: a fraction drawn anew */
    SPT_NOISE_PERMUTE,
    SPT_NOISE_RADIAL, /* of real targets: a function of the input */
    SPT_NOISE_PLANE_WAVES,
    SPT_NOISE_PRINCIPAL,
    SPT_NOISE_KERNEL,
    SPT_NOISE_GAUSSIAN, /* white: independent for each target */
    SPT_NOISE_UNIFORM_REAL,
    SPT_NOISE_KINDS
} spt_noise_kind;

/** `label_noise:`, checked. What a kind does not use is 0. */
typedef struct spt_noise {
    spt_noise_kind kind;
    double fraction;             /* classes */
    double amplitude, frequency; /* real targets */
    double sigma, power;         /* kernel */
    size_t count, component;     /* plane_waves, principal */
} spt_noise;

typedef enum spt_standardize { SPT_STANDARDIZE_NONE, SPT_STANDARDIZE_GLOBAL, SPT_STANDARDIZE_FEATURE } spt_standardize;

struct spt_data_spec {
    const spt_source *source;
    void *settings; /* the source's own */
    char *path;
    char *key;
    uint32_t seed;
    size_t train, test;
    bool test_is_train; /* test: clean_train */
    spt_selection selection;
    spt_noise noise;
    spt_standardize standardize;
};

/** What the source is asked for; borrows from spec. With `select` that is all there is: which of it is taken depends on
 *  the labels. */
spt_source_request spt_data_spec_request(const spt_data_spec *spec);

/** Labels of exactly round(fraction n) examples, the first of a permutation of all: drawn anew from all classes, the
 * true one included, or permuted among themselves. A larger fraction chooses a superset; what an example draws anew
 * does not depend on fraction. label (n): true labels before, noisy ones after. Streams: SPT_STREAM_LABEL_NOISE of
 * seed, substream 0 which examples, 1 new labels (index = example), 2 the permutation of the chosen. Errors:
 * SPT_ENOMEM. */
spt_status spt_label_noise(spt_noise_kind kind, double fraction, uint32_t seed, size_t classes, int32_t *label,
                           size_t n, spt_error *err);

/** Read `label_noise` of a `data:` section into *noise, zeroed. One spelling of nothing: what would change no label or
 *  target is SPT_NOISE_NONE. Errors: SPT_ECONFIG. */
spt_status spt_noise_read(const spt_node *section, spt_noise *noise, spt_error *err);
/** For the spec's key. */
void spt_noise_describe(const spt_noise *noise, FILE *key);
/** Whether the noise fits the data, named `name`; otherwise why not, into words (SPT_ERROR_CAPACITY). */
bool spt_noise_fits(const spt_noise *noise, const char *name, const spt_data_shape *shape, char *words);

/** Add noise of a real kind to target (n, outputs), x (n, inputs) as the network sees it. A function of x is the same
 *  for all outputs; white noise differs in each:
 *
 *    radial        A sin(2 pi k ||x||)
 *    plane_waves   A/count sum_j sin(2 pi k <d_j, x>)   d_j uniform on the unit sphere; more waves keep the first ones
 *    principal     A sin(2 pi k <p, x>)                 p: principal component of x, number 0 the largest
 *    kernel        A sum_j (j/n)^power u_j              u_j: unit eigenvectors of x's Gram matrix, j = 1..n, the
 *                                                       largest eigenvalue first (eigen.h)
 *    gaussian      N(0, A^2)
 *    uniform_real  U(-A, A)
 *
 *  Streams: SPT_STREAM_LABEL_NOISE of seed, substream 3 directions (index j inputs ...), 4 white noise (index = place
 * in target). Source: Rahaman et al. 2019, sect. 5 and notebooks. Errors: SPT_EINVAL more examples than eigenvectors
 * are found for; SPT_ENOMEM. */
spt_status spt_target_noise(const spt_noise *noise, uint32_t seed, const float *x, size_t inputs, float *target,
                            size_t outputs, size_t n, spt_error *err);

/** Mean 0 and (population) standard deviation 1 of training x, over all its numbers or for each feature; the same shift
 *  and scale for test. What is constant in training is only centred. Errors: SPT_ENOMEM. */
spt_status spt_standardize_splits(spt_standardize mode, size_t inputs, spt_split *train, spt_split *test,
                                  spt_error *err);

/** The hash of dataset.h into hex: 64 digits and a NUL. Errors: SPT_ENOMEM. */
spt_status spt_dataset_digest(const spt_dataset *dataset, char hex[65], spt_error *err);

#endif
