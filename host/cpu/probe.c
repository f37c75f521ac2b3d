/* Probes of every run: the outputs on a probe's rows, and the method that makes energies of them. */
#include "cpu/probe.h"

#include "cpu/adversarial.h"

#include "cpu/parts.h"

const spt_probe_method *spt_probe_transform_of(const spt_probe *probe) {
    switch (probe->transform) {
    case SPT_TRANSFORM_DFT:
        return &spt_probe_spectra;
    case SPT_TRANSFORM_DFT2:
        return &spt_probe_plane;
    case SPT_TRANSFORM_BASIS:
        return &spt_probe_basis;
    case SPT_TRANSFORM_SEGMENTS:
        return &spt_probe_segments;
    }
    return NULL;
}

const spt_probe_method *spt_probe_method_of(const spt_probe *probe) {
    return probe->perturb.n_norms > 0 ? &spt_probe_perturbed : spt_probe_transform_of(probe);
}

const spt_real *spt_probe_outputs(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t rows,
                                  spt_eval_space *space) {
    const spt_run *r = &group->run[run];
    spt_network network;
    spt_network_init(&network, &group->spec.runs[run].model);
    spt_pass pass = space->pass;
    pass.slot_stride = spt_pass_stride(r->eval_rows, network.width);
    if (probe->towards == SPT_DIRECTION_ADVERSARIAL) {
        const size_t line = first / probe->samples, end = (first + rows - 1) / probe->samples + 1;
        spt_probe lines = spt_probe_lines(probe, group, run, line, end - line, space);
        spt_probe_rows(&lines, first - line * probe->samples, rows, space->x);
    } else {
        spt_probe_rows(probe, first, rows, space->x);
    }
    spt_network_forward(NULL, &network, spt_probe_parameters(group, run, space), space->x, rows, &pass);
    return pass.output;
}

void spt_probe_join_mean(void *argument, spt_group *group, size_t run, size_t n_parts, spt_eval_space *space,
                         const double *numbers) {
    (void)group, (void)space;
    const spt_probe_task *task = argument;
    const spt_probe *probe = task->probe;
    double *energy = spt_probe_energies(task, run);
    double factor = probe->scale / ((double)probe->series * (double)probe->outputs);
    for (size_t k = 0; k < probe->energy_size; k++) {
        double sum = 0.0;
        for (size_t p = 0; p < n_parts; p++)
            sum += numbers[p * task->numbers + k];
        energy[k] = factor * sum;
    }
}

static size_t count(const void *argument, const spt_group *group, size_t run) {
    const spt_probe_task *task = argument;
    return spt_probe_method_of(task->probe)->needs(task->probe, &group->run[run]).parts;
}

spt_status spt_cpu_probe(spt_group *group, size_t p, double *energy, spt_error *err) {
    if (p >= group->spec.n_probes)
        return spt_fail(err, SPT_EINVAL, "probe %zu: there are %zu", p, group->spec.n_probes);
    const spt_probe *probe = group->spec.probes[p];
    const spt_probe_method *method = spt_probe_method_of(probe);
    spt_probe_task task = {.probe = probe, .plan = group->plan[p], .energy = energy, .stride = probe->energy_size};
    spt_parts parts = {.task = &task, .count = count, .compute = method->compute, .join = method->join};
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        spt_probe_needs needs = method->needs(probe, &group->run[r]);
        parts.most = needs.parts > parts.most ? needs.parts : parts.most;
        parts.numbers = needs.numbers > parts.numbers ? needs.numbers : parts.numbers;
    }
    task.numbers = parts.numbers;
    spt_parts_run(group, &parts);
    return SPT_OK;
}
