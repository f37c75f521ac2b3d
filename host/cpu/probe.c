/* Spectra of every run: the outputs on a probe's rows, and the real DFT over the samples of each series and output. */
#include "cpu/group.h"
#include "cpu/parts.h"

#include <string.h>

typedef struct spt_probe_task {
    const spt_probe *probe;
    fftw_plan plan;
    double *energy; /* (n_runs, energy_size) */
} spt_probe_task;

size_t spt_probe_series_of_part(const spt_run *run, const spt_probe *probe) {
    return probe->samples < run->eval_rows ? run->eval_rows / probe->samples : 1;
}

size_t spt_probe_parts(const spt_run *run, const spt_probe *probe) {
    size_t series = spt_probe_series_of_part(run, probe);
    return (probe->series + series - 1) / series;
}

static size_t count(const void *task, const spt_group *group, size_t run) {
    return spt_probe_parts(&group->run[run], ((const spt_probe_task *)task)->probe);
}

/* Outputs on rows first .. first + rows - 1 of the probe into space->series (outputs, rows). */
static void outputs_at(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t rows,
                       spt_eval_space *space) {
    const spt_run *r = &group->run[run];
    spt_network network;
    spt_network_init(&network, &group->spec.runs[run].model);
    spt_pass pass = space->pass;
    pass.slot_stride = spt_pass_stride(r->eval_rows, network.width);
    for (size_t begin = 0; begin < rows; begin += r->eval_rows) {
        size_t n = rows - begin < r->eval_rows ? rows - begin : r->eval_rows;
        spt_probe_rows(probe, first + begin, n, space->x);
        spt_network_forward(NULL, &network, (const spt_real *)(const void *)r->state, space->x, n, &pass);
        for (size_t j = 0; j < probe->outputs; j++)
            for (size_t i = 0; i < n; i++)
                space->series[j * rows + begin + i] = (double)pass.output[i * probe->outputs + j];
    }
}

/* Sum of |DFT|^2 over the part's series, and over the outputs of each, in that order. */
static void compute(void *argument, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *energy) {
    const spt_probe_task *task = argument;
    const spt_probe *probe = task->probe;
    size_t of_part = spt_probe_series_of_part(&group->run[run], probe);
    size_t first = part * of_part, series = probe->series - first < of_part ? probe->series - first : of_part;
    size_t rows = series * probe->samples;
    outputs_at(probe, group, run, first * probe->samples, rows, space);
    memset(energy, 0, probe->energy_size * sizeof *energy);
    for (size_t s = 0; s < series; s++)
        for (size_t j = 0; j < probe->outputs; j++) {
            /* A copy, because FFTW wants the alignment that it planned with. */
            memcpy(space->samples, space->series + j * rows + s * probe->samples,
                   probe->samples * sizeof *space->samples);
            fftw_execute_dft_r2c(task->plan, space->samples, space->spectrum);
            const double *restrict f = &space->spectrum[0][0];
            for (size_t k = 0; k < probe->energy_size; k++)
                energy[k] += f[2 * k] * f[2 * k] + f[2 * k + 1] * f[2 * k + 1];
        }
}

static void join(void *argument, spt_group *group, size_t run, size_t n_parts, const double *numbers) {
    (void)group;
    const spt_probe_task *task = argument;
    const spt_probe *probe = task->probe;
    double *energy = task->energy + run * probe->energy_size;
    double factor = probe->scale / ((double)probe->series * (double)probe->outputs);
    for (size_t k = 0; k < probe->energy_size; k++) {
        double sum = 0.0;
        for (size_t p = 0; p < n_parts; p++)
            sum += numbers[p * probe->energy_size + k];
        energy[k] = factor * sum;
    }
}

spt_status spt_cpu_probe(spt_group *group, size_t p, double *energy, spt_error *err) {
    if (p >= group->spec.n_probes)
        return spt_fail(err, SPT_EINVAL, "probe %zu: there are %zu", p, group->spec.n_probes);
    const spt_probe *probe = group->spec.probes[p];
    spt_probe_task task = {probe, group->plan[p], energy};
    spt_parts parts = {.numbers = probe->energy_size, .task = &task, .count = count, .compute = compute, .join = join};
    for (size_t r = 0; r < group->spec.n_runs; r++)
        if (spt_probe_parts(&group->run[r], probe) > parts.most)
            parts.most = spt_probe_parts(&group->run[r], probe);
    spt_parts_run(group, &parts);
    return SPT_OK;
}
