#include "cpu/spectral_norm.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* LAPACK's expert driver for symmetric matrices, under its Fortran name: OpenBLAS brings no C header for it. The three
 * lengths of the character arguments come last, as Fortran passes them. */
void dsyevr_(const char *job, const char *range, const char *triangle, const int *n, double *a, const int *lda,
             const double *lower, const double *upper, const int *first, const int *last, const double *tolerance,
             int *found, double *eigenvalues, double *vectors, const int *ldz, int *support, double *work,
             const int *work_size, int *integer_work, const int *integer_work_size, int *info, size_t job_length,
             size_t range_length, size_t triangle_length);

enum { WORK = 64, INTEGER_WORK = 10 }; /* numbers a row that dsyevr is given: it needs 26, and more for its blocks */

size_t spt_spectral_norm_work(size_t n) {
    return WORK * n;
}

/* integer_work, and 2 numbers that dsyevr may write for the support of the vectors */
size_t spt_spectral_norm_integer_work(size_t n) {
    return INTEGER_WORK * n + 2 * n;
}

/* Upper triangle of W W^T (out <= in) or W^T W, summed over panels of the longer side in their order. */
static void gram_of(const float *weight, size_t out, size_t in, const spt_norm_space *space) {
    bool wide = out <= in;
    size_t side = wide ? out : in, length = wide ? in : out;
    memset(space->gram, 0, side * side * sizeof *space->gram);
    for (size_t first = 0; first < length; first += SPT_NORM_PANEL) {
        size_t n = length - first < SPT_NORM_PANEL ? length - first : SPT_NORM_PANEL;
        if (wide) {
            for (size_t i = 0; i < side; i++)
                for (size_t j = 0; j < n; j++)
                    space->panel[i * n + j] = (double)weight[i * in + first + j];
        } else {
            for (size_t i = 0; i < n * in; i++)
                space->panel[i] = (double)weight[first * in + i];
        }
        cblas_dsyrk(CblasRowMajor, CblasUpper, wide ? CblasNoTrans : CblasTrans, (blasint)side, (blasint)n, 1.0,
                    space->panel, (blasint)(wide ? n : side), 1.0, space->gram, (blasint)side);
    }
}

static bool all_finite(const float *weight, size_t count) {
    /* inf * 0 and NaN * 0 are NaN, and NaN stays in the sum */
    float sum = 0.0f;
    for (size_t i = 0; i < count; i++)
        sum += weight[i] * 0.0f;
    return sum == 0.0f;
}

double spt_spectral_norm(const float *weight, size_t out, size_t in, const spt_norm_space *space) {
    if (!all_finite(weight, out * in))
        return (double)NAN;
    gram_of(weight, out, in, space);
    const int n = (int)(out <= in ? out : in), one = 1;
    const int work_size = WORK * n, integer_work_size = INTEGER_WORK * n;
    const double zero = 0.0;
    int found = 0, info = 0;
    double unused = 0.0;
    /* The upper triangle of rows is the lower one of columns. */
    dsyevr_("N", "I", "L", &n, space->gram, &n, &zero, &zero, &n, &n, &zero, &found, space->eigenvalues, &unused, &one,
            space->integer_work + integer_work_size, space->work, &work_size, space->integer_work, &integer_work_size,
            &info, 1, 1, 1);
    if (info != 0 || found != 1)
        return (double)NAN;
    return space->eigenvalues[0] > 0.0 ? sqrt(space->eigenvalues[0]) : 0.0;
}
