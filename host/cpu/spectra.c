/* The transform dft: the real DFT over the samples of each series and output, as energies. Twin of kernels/spectra.cu.
 *
 * A part is some series, with all their rows; sums go over the part's series, over the outputs of each, then over the
 * parts, always in that order. */
#include <limits.h>
#include <string.h>

#include "cpu/adversarial.h"

static spt_status check(const spt_probe *probe, spt_error *err) {
    size_t length = spt_probe_length(probe);
    if (probe->series == 0 || length == 0 || probe->samples > INT_MAX)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu series of %zu samples; at least 1 of each, at most %d samples",
                        probe->name, probe->series, length, INT_MAX);
    if (probe->energy_size == 0 || probe->energy_size > length / 2 + 1)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu energies from %zu samples; 1 to %zu", probe->name,
                        probe->energy_size, length, length / 2 + 1);
    return SPT_OK;
}

static size_t series_of_part(const spt_run *run, const spt_probe *probe) {
    return probe->samples < run->eval_rows ? run->eval_rows / probe->samples : 1;
}

static spt_probe_needs needs(const spt_probe *probe, const spt_run *run) {
    size_t series = series_of_part(run, probe), length = spt_probe_length(probe);
    spt_probe_needs needs = {.parts = (probe->series + series - 1) / series,
                             .numbers = probe->energy_size,
                             .rows = series * probe->samples,
                             .samples = length,
                             .spectrum = length / 2 + 1};
    spt_adversarial_add_needs(probe, run, run->eval_rows / probe->samples + 2, &needs); /* with both ends cut */
    return needs;
}

static fftw_plan plan(const spt_probe *probe, double *samples, fftw_complex *spectrum) {
    return fftw_plan_dft_r2c_1d((int)spt_probe_length(probe), samples, spectrum, FFTW_ESTIMATE);
}

/* Outputs on rows first .. first + rows - 1 of the probe into space->series (outputs, rows). */
static void outputs_at(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t rows,
                       spt_eval_space *space) {
    const size_t most = group->run[run].eval_rows;
    for (size_t begin = 0; begin < rows; begin += most) {
        size_t n = rows - begin < most ? rows - begin : most;
        const spt_real *output = spt_probe_outputs(probe, group, run, first + begin, n, space);
        for (size_t j = 0; j < probe->outputs; j++)
            for (size_t i = 0; i < n; i++)
                space->series[j * rows + begin + i] = (double)output[i * probe->outputs + j];
    }
}

/* The samples of one series that the DFT is over; a copy also because FFTW wants the alignment that it planned with. */
static void take_samples(const spt_probe *probe, const double *f, double *samples) {
    const size_t length = spt_probe_length(probe);
    memcpy(samples, f, length * sizeof *samples);
    if (probe->detrend == SPT_DETREND_ENDS) {
        const double rise = f[length] - f[0];
        for (size_t s = 0; s < length; s++)
            samples[s] -= f[0] + rise * ((double)s / (double)length);
    }
}

static void compute(void *argument, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *energy) {
    const spt_probe_task *task = argument;
    const spt_probe *probe = task->probe;
    size_t of_part = series_of_part(&group->run[run], probe);
    size_t first = part * of_part, series = probe->series - first < of_part ? probe->series - first : of_part;
    size_t rows = series * probe->samples;
    outputs_at(probe, group, run, first * probe->samples, rows, space);
    memset(energy, 0, probe->energy_size * sizeof *energy);
    for (size_t s = 0; s < series; s++)
        for (size_t j = 0; j < probe->outputs; j++) {
            take_samples(probe, space->series + j * rows + s * probe->samples, space->samples);
            fftw_execute_dft_r2c(task->plan, space->samples, space->spectrum);
            const double *restrict f = &space->spectrum[0][0];
            for (size_t k = 0; k < probe->energy_size; k++)
                energy[k] += f[2 * k] * f[2 * k] + f[2 * k + 1] * f[2 * k + 1];
        }
}

const spt_probe_method spt_probe_spectra = {
    .check = check, .needs = needs, .plan = plan, .compute = compute, .join = spt_probe_join_mean};
