/* Spectra of networks around a run's own: a probe's method, applied to parameters that are moved along random
 * directions. A part is a direction with all its norms; energies are added in the directions' order. */
#include "cpu/perturb.h"
#include "cpu/probe.h"

/* The probe without the perturbation. */
static spt_probe plain(const spt_probe *probe) {
    spt_probe base = *probe;
    base.energy_size = probe->energy_size / probe->perturb.n_norms;
    base.perturb = (spt_probe_perturbation){0};
    return base;
}

static spt_status check(const spt_probe *probe, spt_error *err) {
    const spt_probe_perturbation *p = &probe->perturb;
    if (p->directions == 0 || probe->energy_size % p->n_norms != 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu energies of %zu norms along %zu directions; at least 1 of each",
                        probe->name, probe->energy_size, p->n_norms, p->directions);
    if (spt_probe_transform_of(probe) == NULL)
        return spt_fail(err, SPT_EINVAL, "probe %s: its transform is not known on the cpu", probe->name);
    spt_probe base = plain(probe);
    return spt_probe_transform_of(&base)->check(&base, err);
}

static spt_status check_arrays(const spt_probe *probe, spt_error *err) {
    if (probe->perturb.norm == NULL)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu norms, and no array of them", probe->name,
                        probe->perturb.n_norms);
    spt_probe base = plain(probe);
    const spt_probe_method *method = spt_probe_transform_of(&base);
    return method->check_arrays != NULL ? method->check_arrays(&base, err) : SPT_OK;
}

static spt_probe_needs needs(const spt_probe *probe, const spt_run *run) {
    spt_probe base = plain(probe);
    spt_probe_needs needs = spt_probe_transform_of(&base)->needs(&base, run);
    needs.scratch = needs.parts * needs.numbers;
    needs.parameters = 2 * run->arena.block;
    needs.parts = probe->perturb.directions;
    needs.numbers = probe->energy_size;
    return needs;
}

static void compute(void *argument, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *energy) {
    const spt_probe_task *task = argument;
    const spt_probe_perturbation *p = &task->probe->perturb;
    const size_t block = group->run[run].arena.block;
    const float *own = (const float *)(const void *)group->run[run].state;
    float *z = space->parameters, *moved = z + block;
    spt_probe base = plain(task->probe);
    const spt_probe_method *method = spt_probe_transform_of(&base);
    const spt_probe_needs of_base = method->needs(&base, &group->run[run]);
    double length = spt_perturb_normals(group->run[run].model, block, p->seed, part, z);
    space->moved = moved;
    for (size_t r = 0; r < p->n_norms; r++) {
        spt_perturb(own, block, z, length, (float)p->norm[r], moved);
        spt_probe_task one = {
            .probe = &base, .plan = task->plan, .numbers = of_base.numbers, .energy = energy + r * base.energy_size};
        for (size_t q = 0; q < of_base.parts; q++)
            method->compute(&one, group, run, q, space, space->scratch + q * of_base.numbers);
        method->join(&one, group, run, of_base.parts, space, space->scratch);
    }
    space->moved = NULL;
}

static void join(void *argument, spt_group *group, size_t run, size_t n_parts, spt_eval_space *space,
                 const double *numbers) {
    (void)group, (void)space;
    const spt_probe_task *task = argument;
    double *energy = spt_probe_energies(task, run);
    for (size_t e = 0; e < task->probe->energy_size; e++) {
        double sum = 0.0;
        for (size_t d = 0; d < n_parts; d++)
            sum += numbers[d * task->numbers + e];
        energy[e] = sum / (double)n_parts;
    }
}

const spt_probe_method spt_probe_perturbed = {
    .check = check, .check_arrays = check_arrays, .needs = needs, .compute = compute, .join = join};
