/* The transforms dft2 and basis: coefficients over all rows of a probe, folded into energies.
 *
 * A part is some rows, and leaves their outputs; when all are there, one thread transforms output after output. Sums:
 * coefficient by coefficient in the order of the fold, then over outputs. */
#include <limits.h>

#include "cpu/probe.h"

enum { LANES = 8 }; /* of an inner product: row i goes to sum i % LANES, and the sums are added in order */

static size_t rows_of(const spt_probe *probe) {
    return probe->series * probe->samples;
}

static spt_status check_fold(const spt_probe *probe, spt_error *err) {
    const spt_fold *fold = &probe->fold;
    if (probe->energy_size == 0 || fold->first == NULL || fold->index == NULL || fold->weight == NULL)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu energies without a fold; expected one of at least 1",
                        probe->name, probe->energy_size);
    return SPT_OK;
}

static spt_status check_arrays(const spt_probe *probe, spt_error *err) {
    const spt_fold *fold = &probe->fold;
    for (size_t i = 0; i < fold->first[probe->energy_size]; i++)
        if (fold->index[i] >= probe->coefficients)
            return spt_fail(err, SPT_EINVAL, "probe %s: folds coefficient %lu of %zu", probe->name,
                            (unsigned long)fold->index[i], probe->coefficients);
    return SPT_OK;
}

static spt_status check_plane(const spt_probe *probe, spt_error *err) {
    if (probe->series == 0 || probe->samples == 0 || rows_of(probe) > INT_MAX)
        return spt_fail(err, SPT_EINVAL, "probe %s: a grid of %zu x %zu points; at least 1 x 1, at most %d in all",
                        probe->name, probe->series, probe->samples, INT_MAX);
    if (probe->coefficients != probe->series * (probe->samples / 2 + 1))
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu coefficients of a grid that has %zu", probe->name,
                        probe->coefficients, probe->series * (probe->samples / 2 + 1));
    return check_fold(probe, err);
}

static spt_status check_basis(const spt_probe *probe, spt_error *err) {
    if (probe->series == 0 || probe->samples == 0 || probe->coefficients == 0 || probe->basis == NULL)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu vectors over %zu rows; at least 1 of each", probe->name,
                        probe->coefficients, rows_of(probe));
    return check_fold(probe, err);
}

static spt_probe_needs needs_of_plane(const spt_probe *probe, const spt_run *run) {
    return (spt_probe_needs){.parts = (rows_of(probe) + run->eval_rows - 1) / run->eval_rows,
                             .numbers = run->eval_rows * probe->outputs,
                             .samples = rows_of(probe),
                             .spectrum = probe->coefficients};
}

static spt_probe_needs needs_of_basis(const spt_probe *probe, const spt_run *run) {
    spt_probe_needs needs = needs_of_plane(probe, run);
    needs.spectrum = (probe->coefficients + 1) / 2; /* they are real */
    return needs;
}

static fftw_plan plan(const spt_probe *probe, double *samples, fftw_complex *spectrum) {
    return fftw_plan_dft_r2c_2d((int)probe->series, (int)probe->samples, samples, spectrum, FFTW_ESTIMATE);
}

static void compute(void *argument, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *numbers) {
    const spt_probe_task *task = argument;
    const size_t most = group->run[run].eval_rows, first = part * most, left = rows_of(task->probe) - first;
    const size_t rows = left < most ? left : most;
    const spt_real *output = spt_probe_outputs(task->probe, group, run, first, rows, space);
    for (size_t i = 0; i < rows * task->probe->outputs; i++)
        numbers[i] = (double)output[i];
}

/* Output j on all rows into space->samples. */
static void gather(const spt_probe_task *task, const spt_run *run, size_t n_parts, size_t j, const double *numbers,
                   double *samples) {
    const size_t rows = rows_of(task->probe), outputs = task->probe->outputs;
    for (size_t p = 0; p < n_parts; p++) {
        size_t first = p * run->eval_rows, n = rows - first < run->eval_rows ? rows - first : run->eval_rows;
        for (size_t i = 0; i < n; i++)
            samples[first + i] = numbers[p * task->numbers + i * outputs + j];
    }
}

static void add_folded(const spt_probe *probe, const double *square, double *energy) {
    for (size_t e = 0; e < probe->energy_size; e++)
        for (size_t i = probe->fold.first[e]; i < probe->fold.first[e + 1]; i++)
            energy[e] += probe->fold.weight[i] * square[probe->fold.index[i]];
}

static double inner_product(const float *restrict vector, const double *restrict f, size_t n) {
    double sum[LANES] = {0}, total = 0.0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            sum[l] += (double)vector[i + l] * f[i + l];
    for (size_t l = 0; i < n; i++, l++)
        sum[l] += (double)vector[i] * f[i];
    for (size_t l = 0; l < LANES; l++)
        total += sum[l];
    return total;
}

/* Squared moduli of the coefficients of space->samples, in place of the spectrum. */
static const double *squares(const spt_probe_task *task, spt_eval_space *space) {
    const spt_probe *probe = task->probe;
    double *c = &space->spectrum[0][0];
    if (probe->transform == SPT_TRANSFORM_DFT2)
        fftw_execute_dft_r2c(task->plan, space->samples, space->spectrum);
    for (size_t k = 0; k < probe->coefficients; k++) {
        if (probe->transform == SPT_TRANSFORM_DFT2)
            c[k] = c[2 * k] * c[2 * k] + c[2 * k + 1] * c[2 * k + 1];
        else {
            double product = inner_product(probe->basis + k * rows_of(probe), space->samples, rows_of(probe));
            c[k] = product * product;
        }
    }
    return c;
}

static void join(void *argument, spt_group *group, size_t run, size_t n_parts, spt_eval_space *space,
                 const double *numbers) {
    const spt_probe_task *task = argument;
    const spt_probe *probe = task->probe;
    double *energy = spt_probe_energies(task, run);
    for (size_t e = 0; e < probe->energy_size; e++)
        energy[e] = 0.0;
    for (size_t j = 0; j < probe->outputs; j++) {
        gather(task, &group->run[run], n_parts, j, numbers, space->samples);
        add_folded(probe, squares(task, space), energy);
    }
    for (size_t e = 0; e < probe->energy_size; e++)
        energy[e] *= probe->scale / (double)probe->outputs;
}

const spt_probe_method spt_probe_plane = {.check = check_plane,
                                          .check_arrays = check_arrays,
                                          .needs = needs_of_plane,
                                          .plan = plan,
                                          .compute = compute,
                                          .join = join};

const spt_probe_method spt_probe_basis = {
    .check = check_basis, .check_arrays = check_arrays, .needs = needs_of_basis, .compute = compute, .join = join};
