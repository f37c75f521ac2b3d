/* One example of MNIST-1D, apart from its random numbers: template in, 40 numbers out.
 *
 * The steps, their order and their rounding are those of the authors' Python package (Greydanus and Kobak, "Scaling
 * down deep learning with MNIST-1D"), so that the same draws give the same numbers. */
#ifndef SPT_HOST_DATA_MNIST1D_H
#define SPT_HOST_DATA_MNIST1D_H

#include <stddef.h>

enum {
    SPT_MNIST1D_CLASSES = 10,
    SPT_MNIST1D_TEMPLATE = 12, /* numbers of a template */
    SPT_MNIST1D_PADDED = 72,   /* of a padded template, at most and after the first resampling */
    SPT_MNIST1D_LENGTH = 40    /* of an example */
};

/** The random numbers of one example. The u are uniform in [0, 1), the noises N(0, 1). */
typedef struct spt_mnist1d_draw {
    double u_padding, u_scale, u_translation, u_shear;
    double correlated[SPT_MNIST1D_PADDED], independent[SPT_MNIST1D_PADDED];
} spt_mnist1d_draw;

/** The processed template of a digit 0..9 into out (SPT_MNIST1D_TEMPLATE). */
void spt_mnist1d_template(size_t digit, double *out);

/** An example before the set is centred and scaled: example (SPT_MNIST1D_LENGTH). */
void spt_mnist1d_example(const double *template, const spt_mnist1d_draw *draw, double *example);

/** Linear resampling of n >= 2 numbers to m >= 2, both ends kept: numpy.interp on numpy.linspace grids. */
void spt_mnist1d_resample(const double *in, size_t n, double *out, size_t m);

#endif
