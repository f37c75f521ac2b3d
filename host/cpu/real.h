/* The number type of the computing core: float. The gradient test compiles the core a second time in double
 * (-DSPT_CPU_DOUBLE), so that central differences can see an error of one part in a million. */
#ifndef SPT_HOST_CPU_REAL_H
#define SPT_HOST_CPU_REAL_H

#include <cblas.h>
#include <stddef.h>

#ifdef SPT_CPU_DOUBLE
typedef double spt_real;
#define SPT_CBLAS_GEMM cblas_dgemm
#else
typedef float spt_real;
#define SPT_CBLAS_GEMM cblas_sgemm
#endif

/** C (m, n) = alpha op(A) op(B), row-major; lda, ldb, ldc are row lengths as stored. C is not read. */
static inline void spt_gemm(CBLAS_TRANSPOSE a_op, CBLAS_TRANSPOSE b_op, size_t m, size_t n, size_t k, double alpha,
                            const spt_real *a, size_t lda, const spt_real *b, size_t ldb, spt_real *c, size_t ldc) {
    SPT_CBLAS_GEMM(CblasRowMajor, a_op, b_op, (blasint)m, (blasint)n, (blasint)k, (spt_real)alpha, a, (blasint)lda, b,
                   (blasint)ldb, 0, c, (blasint)ldc);
}

#endif
