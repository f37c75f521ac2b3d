/* The spectrum in the eigenbasis of a Gaussian kernel over the training inputs (Rahaman et al. 2019, notebook "MNIST
 * with kernels"; sigma = 1.25, 2,000 images, bins of 20 there).
 *
 *   K_{i l} = exp(-||x_i - x_l||^2 / (2 sigma^2)) over the first `points` training inputs
 *   u_j     = its eigenvectors, of length 1, by falling eigenvalue
 *   E_b     = mean over outputs and over the eigenvectors j = b bin .. (b + 1) bin - 1 of <u_j, f(X)>^2
 *
 * The last bin may be shorter.
 *
 * Kept beside it: the mean eigenvalue of each bin, and the same energies of the target, with label noise and without,
 * so that plots can be relative. The target of a class is 1 on its output and 0 elsewhere; of two classes on one
 * output, -1 and +1.
 *
 * Unit: output^2, of a sum over the n points: the energies times their bins' sizes add up to the mean over outputs of
 * ||f(X)||^2. Eigenvectors are rounded to float32, which moves an energy by some 1e-15 of the whole.
 * Cost: once a data set n^2 d + 9 n^3 FLOP on one thread (whatever the number of threads: the bits are the same) and
 * 28 n^2 + 8 n d bytes, of which 4 n^2 stay; a record 2 P n FLOP for P weights and 2 n^2 an output. */
#include "core/eigen.h"
#include "core/memory.h"
#include "probe/kind.h"

enum { DEFAULT_BIN = 20 };
#define MAX_SIGMA 1e18

typedef struct kernel_settings {
    double sigma;       /* in input units */
    size_t bin, points; /* points 0: all training inputs */
} kernel_settings;

static const char *const KEYS[] = {"sigma", "bin", "points", NULL};

static spt_status kernel_read(const spt_node *item, void *out, spt_error *err) {
    kernel_settings *settings = out;
    const spt_node *node;
    settings->bin = DEFAULT_BIN;
    spt_status status = spt_node_require(item, "sigma", &node, err);
    if (status == SPT_OK)
        status = spt_node_real(item, "sigma", SPT_ABOVE_ZERO, MAX_SIGMA, &settings->sigma, err);
    if (status == SPT_OK)
        status = spt_node_size(item, "bin", 1, SPT_EIGEN_MOST, &settings->bin, err);
    if (status == SPT_OK)
        status = spt_node_size(item, "points", 1, SPT_EIGEN_MOST, &settings->points, err);
    return status;
}

static spt_status count_points(const kernel_settings *settings, size_t train, size_t *n, spt_error *err) {
    *n = settings->points > 0 ? settings->points : train;
    if (*n > train)
        return spt_fail(err, SPT_EINVAL,
                        "points is %zu, but there are %zu training examples; allowed: at most that many", *n, train);
    if (*n > SPT_EIGEN_MOST)
        return spt_fail(err, SPT_EINVAL, "takes all %zu training examples; allowed: points up to %d", *n,
                        (int)SPT_EIGEN_MOST);
    return SPT_OK;
}

static spt_status kernel_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const kernel_settings *settings = in;
    size_t n;
    spt_status status = count_points(settings, data->train, &n, err);
    if (status != SPT_OK)
        return status;
    const size_t bins = (n + settings->bin - 1) / settings->bin;
    shape->rows = n;
    shape->energy_size = bins;
    shape->n_dims = 1;
    shape->dim_size[0] = bins;
    for (size_t i = 0; i < 3; i++)
        spt_probe_shape_extra(shape, bins, 0);
    shape->geometry = SPT_GEOMETRY_POINTS;
    shape->transform = SPT_TRANSFORM_BASIS;
    shape->series = 1;
    shape->samples = shape->coefficients = shape->fold_terms = n;
    shape->memory_bytes = n * n * (sizeof(float) + 3 * sizeof(double)) + n * data->inputs * sizeof(double) +
                          n * (sizeof(uint32_t) + sizeof(double));
    return SPT_OK;
}

/* ---- the basis */

static spt_status make_basis(const kernel_settings *settings, const spt_dataset *dataset, spt_probe *probe,
                             double *eigenvalue, spt_error *err) {
    const size_t n = probe->samples;
    double *vector = spt_memory_alloc(n * n, sizeof *vector);
    probe->coefficients = n;
    probe->basis = spt_memory_alloc(n * n, sizeof *probe->basis);
    spt_status status = SPT_OK;
    if (vector == NULL || probe->basis == NULL)
        status = spt_fail(err, SPT_ENOMEM, "no memory for a kernel over %zu points", n);
    else
        status = spt_gram_eigen(dataset->train.x, n, dataset->inputs, settings->sigma, eigenvalue, vector, err);
    for (size_t i = 0; i < n * n && status == SPT_OK; i++)
        probe->basis[i] = (float)vector[i];
    spt_memory_free(vector);
    return status;
}

static spt_status make_bins(const kernel_settings *settings, spt_probe *probe, spt_error *err) {
    const size_t n = probe->samples, bins = (n + settings->bin - 1) / settings->bin;
    spt_status status =
        spt_probe_add_dim(probe, "frequency", "first eigenvector of the bin, by falling eigenvalue", "1", bins, err);
    if (status == SPT_OK)
        status = spt_probe_make_fold(probe, n, err);
    if (status != SPT_OK)
        return status;
    for (size_t b = 0; b < bins; b++) {
        size_t begin = b * settings->bin, end = n - begin < settings->bin ? n : begin + settings->bin;
        probe->dims[0].coordinate[b] = (double)begin;
        probe->fold.first[b + 1] = end;
        for (size_t j = begin; j < end; j++) {
            probe->fold.index[j] = (uint32_t)j;
            probe->fold.weight[j] = 1.0 / (double)(end - begin);
        }
    }
    return SPT_OK;
}

/* ---- what the network is to learn, in the same basis */

/* Output o of the target of example i: see above. */
static double target_at(const spt_dataset *dataset, const int32_t *label, const float *target, size_t i, size_t o) {
    if (target != NULL)
        return (double)target[i * dataset->outputs + o];
    if (dataset->outputs == 1)
        return label[i] > 0 ? 1.0 : -1.0;
    return (size_t)label[i] == o ? 1.0 : 0.0;
}

/* Energies (bins) of the target, as those of a network. y: (n) to work in. */
static void target_energies(const spt_dataset *dataset, const int32_t *label, const float *target,
                            const spt_probe *probe, double *y, float *energies) {
    const size_t n = probe->samples, outputs = dataset->outputs;
    for (size_t b = 0; b < probe->energy_size; b++)
        energies[b] = 0.0f;
    for (size_t o = 0; o < outputs; o++) {
        for (size_t i = 0; i < n; i++)
            y[i] = target_at(dataset, label, target, i, o);
        for (size_t b = 0; b < probe->energy_size; b++) {
            double sum = 0.0;
            for (size_t j = probe->fold.first[b]; j < probe->fold.first[b + 1]; j++) {
                double product = 0.0;
                for (size_t i = 0; i < n; i++)
                    product += (double)probe->basis[j * n + i] * y[i];
                sum += probe->fold.weight[j] * product * product;
            }
            energies[b] += (float)(sum / (double)outputs);
        }
    }
}

static void bin_eigenvalues(const spt_probe *probe, const double *eigenvalue, float *mean) {
    for (size_t b = 0; b < probe->energy_size; b++) {
        double sum = 0.0;
        for (size_t j = probe->fold.first[b]; j < probe->fold.first[b + 1]; j++)
            sum += probe->fold.weight[j] * eigenvalue[j];
        mean[b] = (float)sum;
    }
}

static spt_status make_extras(const spt_dataset *dataset, const double *eigenvalue, spt_probe *probe, spt_error *err) {
    static const char *const names[][3] = {
        {"eigenvalue", "mean eigenvalue of the bin", "1"},
        {"target_energy", "energy of the training targets in the bin", "output^2"},
        {"target_true_energy", "energy of the training targets before noise in the bin", "output^2"},
    };
    const spt_split *train = &dataset->train;
    const size_t bins = probe->energy_size;
    double *y = spt_memory_alloc(probe->samples, sizeof *y);
    probe->own_extras = spt_memory_alloc(3 * bins, sizeof *probe->own_extras);
    spt_status status = SPT_OK;
    if (y == NULL || probe->own_extras == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "no memory for %zu bins", bins);
        goto done;
    }
    bin_eigenvalues(probe, eigenvalue, probe->own_extras);
    target_energies(dataset, train->label, train->target, probe, y, probe->own_extras + bins);
    target_energies(dataset, train->label_true != NULL ? train->label_true : train->label,
                    train->target_true != NULL ? train->target_true : train->target, probe, y,
                    probe->own_extras + 2 * bins);
    probe->n_extras = 3;
    for (size_t i = 0; i < 3; i++)
        probe->extras[i] = (spt_probe_extra){.name = names[i][0],
                                             .long_name = names[i][1],
                                             .units = names[i][2],
                                             .n_dims = 1,
                                             .dim_name = {"frequency"},
                                             .dim_size = {bins},
                                             .real = probe->own_extras + i * bins};
done:
    spt_memory_free(y);
    return status;
}

static spt_status kernel_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                              spt_error *err) {
    (void)seed; /* nothing is drawn */
    const kernel_settings *settings = in;
    spt_status status = count_points(settings, dataset->train.n, &probe->samples, err);
    if (status != SPT_OK)
        return status;
    probe->long_name = "energy of the outputs on the training inputs, in the eigenbasis of a Gaussian kernel";
    probe->units = "output^2";
    probe->geometry = SPT_GEOMETRY_POINTS;
    probe->series = 1;
    probe->points = dataset->train.x;
    probe->transform = SPT_TRANSFORM_BASIS;
    probe->scale = 1.0;
    spt_probe_note_real(probe, "sigma", settings->sigma);
    spt_probe_note_size(probe, "bin", settings->bin);
    spt_probe_note_size(probe, "points", probe->samples);
    spt_probe_note_text(probe, "normalization", "mean over the bin of <u, f>^2");
    double *eigenvalue = spt_memory_alloc(probe->samples, sizeof *eigenvalue);
    if (eigenvalue == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for %zu eigenvalues", probe->samples);
    status = make_basis(settings, dataset, probe, eigenvalue, err);
    if (status == SPT_OK)
        status = make_bins(settings, probe, err);
    if (status == SPT_OK)
        status = make_extras(dataset, eigenvalue, probe, err);
    spt_memory_free(eigenvalue);
    return status;
}

const spt_probe_kind spt_probe_kind_kernel = {
    .name = "kernel",
    .keys = KEYS,
    .settings_size = sizeof(kernel_settings),
    .read = kernel_read,
    .shape = kernel_shape,
    .make = kernel_make,
};
