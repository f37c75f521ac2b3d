/* The transform segments: along each line the corners (segments.c) and from them the coefficients
 * (segments_spectrum.c), in float64. A part is some lines; sums go over the part's lines, over the outputs of each,
 * then over the parts. */
#include <string.h>

#include "cpu/adversarial.h"
#include "cpu/segments.h"
#include "cpu/segments_spectrum.h"

enum { PARTS = 128 }; /* of a run, at most: each leaves all energies in memory */

static spt_status check(const spt_probe *probe, spt_error *err) {
    if (probe->geometry != SPT_GEOMETRY_LINES || probe->series == 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: exact spectra are taken along lines, at least one", probe->name);
    if (probe->energy_size == 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: no energies; at least 1", probe->name);
    return SPT_OK;
}

static size_t lines_of_part(const spt_probe *probe) {
    return (probe->series + PARTS - 1) / PARTS;
}

/* What a thread computes in: ends of the line, spectrum, walk. */
static size_t ends_numbers(const spt_probe *probe) {
    return 2 * probe->inputs;
}

static size_t spectrum_numbers(const spt_probe *probe) {
    return spt_segments_spectrum_numbers(probe->outputs, probe->energy_size - 1);
}

static spt_probe_needs needs(const spt_probe *probe, const spt_run *run) {
    const size_t lines = lines_of_part(probe);
    spt_probe_needs needs = {.parts = (probe->series + lines - 1) / lines,
                             .numbers = probe->energy_size,
                             .samples =
                                 ends_numbers(probe) + spectrum_numbers(probe) + spt_segments_numbers(run->model)};
    spt_adversarial_add_needs(probe, run, lines, &needs);
    return needs;
}

/* Line m from t0 to t0 + samples dt. */
static void set_ends(const spt_probe *probe, size_t m, double *a, double *b) {
    const float *origin = probe->origin + m * probe->inputs, *direction = probe->direction + m * probe->inputs;
    const double end = probe->t0 + (double)probe->samples * probe->dt;
    for (size_t j = 0; j < probe->inputs; j++) {
        a[j] = (double)origin[j] + probe->t0 * (double)direction[j];
        b[j] = (double)origin[j] + end * (double)direction[j];
    }
}

static void compute(void *argument, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *energy) {
    const spt_probe_task *task = argument;
    const spt_probe *probe = task->probe;
    const size_t of_part = lines_of_part(probe), first = part * of_part, left = probe->series - first;
    const size_t n = probe->energy_size;
    double *a = space->samples, *b = a + probe->inputs;
    double *of_spectrum = a + ends_numbers(probe), *of_walk = of_spectrum + spectrum_numbers(probe);
    spt_network network;
    spt_network_init(&network, group->run[run].model);
    memset(energy, 0, n * sizeof *energy);
    const spt_probe lines = spt_probe_lines(probe, group, run, first, of_part < left ? of_part : left, space);
    for (size_t m = 0; m < lines.series; m++) {
        spt_segments_spectrum c;
        spt_segments_spectrum_begin(&c, probe->outputs, n - 1, of_spectrum);
        set_ends(&lines, m, a, b);
        spt_segments_walk(&network, spt_probe_parameters(group, run, space), a, b, of_walk, spt_segments_spectrum_point,
                          &c);
        spt_segments_spectrum_end(&c, probe->detrend == SPT_DETREND_ENDS);
        for (size_t j = 0; j < probe->outputs; j++)
            for (size_t k = 0; k < n; k++)
                energy[k] += c.real[j * n + k] * c.real[j * n + k] + c.imag[j * n + k] * c.imag[j * n + k];
    }
}

const spt_probe_method spt_probe_segments = {
    .check = check, .needs = needs, .compute = compute, .join = spt_probe_join_mean};
