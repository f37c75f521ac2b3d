/* Probes: ways to measure the spectrum of the function that a network computes. science.md, "Spectra".
 *
 * A probe is points, and a transform of the outputs there. Seven kinds fit into two geometries and four transforms, so
 * that a backend implements those, and a kind is one file on the host (host/probe/) that fills in this struct:
 *
 *   kind               geometry                       transform
 *   grid1d             lines: 1 line, t = m/N         dft            mean over outputs of |1/N sum|^2
 *   grid2d             lines: one a row               dft2           power, or its radial mean
 *   manifold           points along a curve           dft            mean over outputs of |1/N sum|^2
 *   line               lines through examples         dft            mean over lines and outputs, unnormalised
 *   kernel             points: training inputs        basis          eigenvectors of a Gram matrix, binned
 *   nudft              points: training inputs        basis          cos and sin of 2 pi k <p, x>
 *   exact              lines through examples         segments       closed form from breakpoints */
#ifndef SPECTRAIN_PROBE_H
#define SPECTRAIN_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "dataset.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spt_probe_spec spt_probe_spec; /* one item of `probes:`, checked */

typedef enum spt_geometry {
    SPT_GEOMETRY_LINES, /* row m * samples + s is origin[m] + (t0 + s dt) direction[m]; nothing stored */
    SPT_GEOMETRY_POINTS /* rows are stored: points (series * samples, inputs) */
} spt_geometry;

/** What becomes of the outputs f. Energies are scale times the mean over outputs (dft, segments: over series too) of
 *
 *   dft       |c_k|^2, c the real DFT over the samples of each series, k < energy_size <= spt_probe_length / 2 + 1
 *   dft2      the fold of |c|^2, c the real DFT over (series, samples): coefficient k_2 of the samples and k_1 of the
 *             series (0 .. series-1, the upper half are the negative ones) is number k_1 (samples / 2 + 1) + k_2
 *   basis     the fold of c^2, c_j = sum over all rows i of basis[j, i] f_i
 *   segments  |c_k|^2, c the exact Fourier coefficients of the piecewise linear restriction to each line, k <
 *             energy_size; the window is t0 to t0 + samples dt, and samples may be 1 */
typedef enum spt_transform {
    SPT_TRANSFORM_DFT,
    SPT_TRANSFORM_DFT2,
    SPT_TRANSFORM_BASIS,
    SPT_TRANSFORM_SEGMENTS
} spt_transform;

/** What is taken off the samples of each series before a dft, or off f on each line before segments. */
typedef enum spt_detrend {
    SPT_DETREND_NONE,
    SPT_DETREND_ENDS /* The straight line from the first sample to the last. The last is where the window closes: it is
                      * evaluated, but the DFT is over the samples before it. segments: the line through f at the ends
                      * of the window. */
} spt_detrend;

/** Energies out of many squared moduli: energy e is the sum of weight[i] times number index[i], i from first[e] to
 *  first[e + 1] - 1, in that order on every backend. */
typedef struct spt_fold {
    size_t *first;   /* (energy_size + 1), ascending from 0 */
    uint32_t *index; /* (first[energy_size]) which coefficient */
    double *weight;  /* (first[energy_size]) */
    size_t terms;    /* first[energy_size], or more */
} spt_fold;

/** Where lines go. */
typedef enum spt_direction {
    SPT_DIRECTION_GIVEN,      /* along `direction`, the same for all runs */
    SPT_DIRECTION_ADVERSARIAL /* along the gradient, at the line's origin, of the loss that the network would have if
                               * its predicted class were the label, scaled to length 1: of each run, as it is then.
                               * Along `direction` where that is zero. */
} spt_direction;

/** Networks around the run's own, instead of it: parameters theta + norm v (Rahaman et al. 2019, fig. 2). Energies have
 *  a first dim, the norms, and are means over isotropic unit directions v = z / |z| of the parameters (as in the arena,
 *  before the scales of the NTK parameterisation). z of direction d: kernels/perturb.cuh; stream PERTURBATION of seed,
 *  substream d, the same for all runs of one shape. */
typedef struct spt_probe_perturbation {
    size_t n_norms; /* 0: the run's own network */
    size_t directions;
    double *norm; /* (n_norms) */
    uint32_t seed;
} spt_probe_perturbation;

/** The records at which a probe is taken; its energies are NaN at the others. */
typedef enum spt_probe_at { SPT_PROBE_AT_ALL, SPT_PROBE_AT_LAST } spt_probe_at;

/** A named axis of the energies. coordinate (size) float64, e.g. frequencies, in `units`. */
typedef struct spt_probe_dim {
    const char *name; /* "frequency"; static */
    const char *long_name;
    const char *units;
    size_t size;
    double *coordinate;
} spt_probe_dim;

/** Something else the file keeps with a probe, the same for all runs: e.g. example (point), direction (point, input).
 */
typedef struct spt_probe_extra {
    const char *name;
    const char *long_name;
    const char *units;
    size_t n_dims;           /* 1 or 2 */
    const char *dim_name[2]; /* "point", "input" */
    size_t dim_size[2];
    const float *real; /* one of the two is set; both are borrowed from the probe */
    const int32_t *integer;
} spt_probe_extra;

typedef struct spt_probe_attribute {
    const char *key;
    char text[64]; /* "3", "3.0", "train" */
} spt_probe_attribute;

enum { SPT_PROBE_MAX_DIMS = 2, SPT_PROBE_MAX_EXTRAS = 4, SPT_PROBE_MAX_ATTRIBUTES = 12 };

typedef struct spt_probe {
    char name[64];
    const char *kind;
    const char *long_name; /* of the energy, e.g. "energy of the logits along lines through training examples" */
    const char *units;     /* "output^2" */

    spt_geometry geometry;
    size_t inputs, outputs;
    size_t series, samples; /* rows evaluated: series * samples */
    double t0, dt;          /* lines */
    float *origin;          /* (series, inputs), lines */
    float *direction;       /* (series, inputs), lines; nudft: (inputs) */
    spt_direction towards;  /* lines */
    const float *points;    /* (series * samples, inputs), points: the data set's, which must outlive the probe, or */
    float *own_points;      /* the probe's own; else NULL */

    spt_transform transform;
    spt_detrend detrend; /* dft, segments; none otherwise */
    double scale;        /* what squared moduli are multiplied by before the mean: 1/N^2 for grids, 1 for lines */
    size_t coefficients; /* dft2: series * (samples / 2 + 1); basis: its vectors */
    float *basis;        /* (coefficients, series * samples), basis */
    spt_fold fold;       /* dft2, basis */

    spt_probe_at at;
    spt_probe_perturbation perturb;

    size_t n_dims;
    spt_probe_dim dims[SPT_PROBE_MAX_DIMS];
    size_t energy_size; /* product of the dims */

    size_t n_extras;
    spt_probe_extra extras[SPT_PROBE_MAX_EXTRAS];
    size_t n_attributes;
    spt_probe_attribute attributes[SPT_PROBE_MAX_ATTRIBUTES];
    float *own_extras; /* numbers of extras that lie nowhere else; NULL when none */
    int32_t *example;  /* (series): which example of the split a line goes through; NULL when none */
} spt_probe;

/** Samples that the DFT of a series is over. */
static inline size_t spt_probe_length(const spt_probe *probe) {
    return probe->detrend == SPT_DETREND_ENDS ? probe->samples - 1 : probe->samples;
}

/** Read and check one item of `probes:`. *out: spt_probe_spec_free. Errors: SPT_ECONFIG. */
spt_status spt_probe_spec_read(const spt_node *item, spt_probe_spec **out, spt_error *err);
void spt_probe_spec_free(spt_probe_spec *spec);
const char *spt_probe_spec_name(const spt_probe_spec *spec);

/** Sizes of a probe without its data, for `plan`. */
typedef struct spt_probe_shape {
    size_t rows, energy_size, n_dims, dim_size[SPT_PROBE_MAX_DIMS]; /* rows: evaluated at a record */
    size_t unit_rows; /* further rows for each hidden unit: what corners cost, which units make */
    size_t n_extras, extra_size[SPT_PROBE_MAX_EXTRAS][2]; /* the second is 0 for one of one dimension */
    size_t extra_bytes;                                   /* of all extras in the file */
    spt_probe_at at;
    size_t memory_bytes; /* that the probe takes at most, extras aside: points, basis, fold, what making it takes */
    /* as in spt_probe; fold_terms: first[energy_size] of its fold */
    spt_geometry geometry;
    spt_transform transform;
    spt_detrend detrend;
    spt_direction towards;
    size_t series, samples, coefficients, fold_terms, norms, directions; /* the last two of perturb */
} spt_probe_shape;
spt_status spt_probe_spec_shape(const spt_probe_spec *spec, const spt_data_shape *data, spt_probe_shape *shape,
                                spt_error *err);

/** A probe of that shape for a backend's group_bytes: its arrays are there, but they may not be read. name is cut to
 * fit. */
void spt_probe_outline(const spt_probe_shape *shape, const spt_data_shape *data, const char *name, spt_probe *outline);

/** Make the probe for a dataset, which must outlive it: choose examples, draw directions (stream PROBE_DIRECTION of
 * seed = data.seed; PERTURBATION for those of parameters), fill dims. *out: spt_probe_free. Errors: SPT_EINVAL the
 * probe does not fit the data (inputs, too few examples); SPT_ENOMEM. */
spt_status spt_probe_make(const spt_probe_spec *spec, const spt_dataset *dataset, uint32_t seed, spt_probe **out,
                          spt_error *err);
void spt_probe_free(spt_probe *probe);

/** Rows first .. first + count - 1 of the probe's points into x (count, inputs). Twin of the device's generator:
 *  float32 arithmetic origin + t * direction with t = (float)(t0 + s dt), fused multiply-add. */
void spt_probe_rows(const spt_probe *probe, size_t first, size_t count, float *x);

#ifdef __cplusplus
}
#endif
#endif
