/* Eigenvectors of symmetric matrices, and the two matrices of data that need them: a kernel's Gram matrix and the
 * covariance. LAPACK's dsyevd in float64, on one thread of OpenBLAS (what the program had set is put back), so that the
 * bits do not depend on the number of threads. One thread calls at a time.
 *
 * Eigenvalues come largest first; eigenvector j is row j, of length 1, and its largest number in magnitude (the first
 * of equals) is positive. */
#ifndef SPT_HOST_CORE_EIGEN_H
#define SPT_HOST_CORE_EIGEN_H

#include <stddef.h>

#include "spectrain/error.h"

enum { SPT_EIGEN_MOST = 32000 }; /* rows: LAPACK's workspace sizes are 32-bit integers */

/** matrix (n, n): symmetric (one triangle is read) before, eigenvectors after. value (n), the caller's. Cost: about
 *  9 n^3 FLOP; memory 2 n^2 float64 more. Errors: SPT_EINVAL more than SPT_EIGEN_MOST rows, or no convergence (numbers
 *  that are not finite); SPT_ENOMEM. */
spt_status spt_eigen_symmetric(double *matrix, size_t n, double *value, spt_error *err);

/** The Gram matrix (n, n) of k(x, y) = exp(-||x - y||^2 / (2 sigma^2)) over x (n, inputs). Errors: SPT_ENOMEM;
 *  SPT_EINVAL as above. Source: Rahaman et al. 2019, notebook "MNIST with kernels". */
spt_status spt_gram_gaussian(const float *x, size_t n, size_t inputs, double sigma, double *gram, spt_error *err);

/** Eigenvalues value (n) and eigenvectors vector (n, n) of that matrix. */
spt_status spt_gram_eigen(const float *x, size_t n, size_t inputs, double sigma, double *value, double *vector,
                          spt_error *err);

/** Principal components of x (n, inputs): component (inputs, inputs), and the variance (inputs; population, about the
 *  mean) along each. Errors as above. */
spt_status spt_principal_components(const float *x, size_t n, size_t inputs, double *variance, double *component,
                                    spt_error *err);

#endif
