#include "core/eigen.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 1024 };

/* LAPACK, which OpenBLAS brings along; the lengths of the texts come last, as Fortran passes them. */
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info, size_t jobz_length, size_t uplo_length);

static spt_status check_size(size_t n, spt_error *err) {
    if (n > SPT_EIGEN_MOST)
        return spt_fail(err, SPT_EINVAL, "eigenvectors: a matrix of %zu rows; allowed: at most %d", n, SPT_EIGEN_MOST);
    return SPT_OK;
}

static void swap_rows(double *a, double *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* A sign is as good as the other to LAPACK; here one of them is right. */
static void fix_sign(double *vector, size_t n) {
    size_t largest = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(vector[i]) > fabs(vector[largest]))
            largest = i;
    if (n > 0 && vector[largest] < 0)
        for (size_t i = 0; i < n; i++)
            vector[i] = -vector[i];
}

spt_status spt_eigen_symmetric(double *matrix, size_t n, double *value, spt_error *err) {
    spt_status status = check_size(n, err);
    if (status != SPT_OK || n == 0)
        return status;
    size_t n_work = 1 + 6 * n + 2 * n * n, n_integers = 3 + 5 * n;
    double *work = malloc(n_work * sizeof *work);
    int *integers = malloc(n_integers * sizeof *integers);
    if (work == NULL || integers == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "eigenvectors: out of memory for a matrix of %zu rows", n);
        goto done;
    }
    const int rows = (int)n, work_size = (int)n_work, integers_size = (int)n_integers;
    int info = 0, threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
    dsyevd_("V", "L", &rows, matrix, &rows, value, work, &work_size, integers, &integers_size, &info, 1, 1);
    openblas_set_num_threads(threads);
    if (info != 0) {
        status = spt_fail(err, SPT_EINVAL, "eigenvectors: those of a matrix of %zu rows were not found (dsyevd: %d)", n,
                          info);
        goto done;
    }
    /* Fortran's columns are our rows; its smallest comes first. */
    for (size_t j = 0; j < n / 2; j++) {
        swap_rows(matrix + j * n, matrix + (n - 1 - j) * n, n);
        swap_rows(value + j, value + n - 1 - j, 1);
    }
    for (size_t j = 0; j < n; j++)
        fix_sign(matrix + j * n, n);
done:
    free(work);
    free(integers);
    return status;
}

/* gram holds inner products, its lower triangle at least; they become the kernel's values, in both. */
static void kernel_of_products(double *gram, size_t n, double sigma) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            double square = gram[i * n + i] + gram[j * n + j] - 2 * gram[i * n + j];
            gram[i * n + j] = gram[j * n + i] = exp(-fmax(square, 0) / (2 * sigma * sigma));
        }
    for (size_t i = 0; i < n; i++)
        gram[i * n + i] = 1;
}

spt_status spt_gram_gaussian(const float *x, size_t n, size_t inputs, double sigma, double *gram, spt_error *err) {
    spt_status status = check_size(n, err);
    if (status != SPT_OK || n == 0)
        return status;
    double *wide = malloc(n * inputs * sizeof *wide);
    if (wide == NULL)
        return spt_fail(err, SPT_ENOMEM, "Gram matrix: out of memory for %zu points", n);
    for (size_t i = 0; i < n * inputs; i++)
        wide[i] = (double)x[i];
    int threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)n, (int)inputs, 1.0, wide, (int)inputs, 0.0, gram,
                (int)n);
    openblas_set_num_threads(threads);
    kernel_of_products(gram, n, sigma);
    free(wide);
    return SPT_OK;
}

spt_status spt_gram_eigen(const float *x, size_t n, size_t inputs, double sigma, double *value, double *vector,
                          spt_error *err) {
    spt_status status = spt_gram_gaussian(x, n, inputs, sigma, vector, err);
    return status == SPT_OK ? spt_eigen_symmetric(vector, n, value, err) : status;
}

/* matrix (inputs, inputs): sum over rows of (x - mean)(x - mean)^T / n, lower triangle; block: BLOCK_ROWS rows. */
static void covariance(const float *x, size_t n, size_t inputs, const double *mean, double *block, double *matrix) {
    int threads = openblas_get_num_threads(), d = (int)inputs;
    openblas_set_num_threads(1);
    for (size_t first = 0; first < n; first += BLOCK_ROWS) {
        size_t rows = n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS;
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < inputs; j++)
                block[i * inputs + j] = (double)x[(first + i) * inputs + j] - mean[j];
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, d, (int)rows, 1.0 / (double)n, block, d,
                    first == 0 ? 0.0 : 1.0, matrix, d);
    }
    openblas_set_num_threads(threads);
}

/* LAPACK reads the lower triangle of columns, which are our rows: our upper one. */
static void mirror(double *matrix, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            matrix[j * n + i] = matrix[i * n + j];
}

spt_status spt_principal_components(const float *x, size_t n, size_t inputs, double *variance, double *component,
                                    spt_error *err) {
    spt_status status = check_size(inputs, err);
    if (status != SPT_OK)
        return status;
    double *mean = calloc(inputs, sizeof *mean), *block = malloc(BLOCK_ROWS * inputs * sizeof *block);
    if (mean == NULL || block == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "principal components: out of memory for %zu inputs", inputs);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < inputs; j++)
            mean[j] += (double)x[i * inputs + j];
    for (size_t j = 0; j < inputs; j++)
        mean[j] /= (double)n;
    covariance(x, n, inputs, mean, block, component);
    mirror(component, inputs);
    status = spt_eigen_symmetric(component, inputs, variance, err);
done:
    free(mean);
    free(block);
    return status;
}
