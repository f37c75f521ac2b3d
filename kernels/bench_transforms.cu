// Times of what probes do beside a plain dft: parameters around a run, ends taken off, planes, products with a basis,
// folds. Each is launched as probe_energy.cu and perturbed.cu do, in the probe's own places, on as many networks as are
// there at a time.
#include <math.h>

#include "basis.cuh"
#include "bench.cuh"
#include "ends.cuh"
#include "probe_parts.cuh"

// What is timed: a chunk of a probe.
typedef struct chunk {
    const spt_kernel_bench *bench;
    spt_cuda_probe *p;
    size_t n;                      // networks
    double outputs;                // numbers that they have in it
    const spt_device_network *own; // the run that has the most parameters
    size_t run;
} chunk;

static chunk chunk_of(const spt_kernel_bench *bench, spt_cuda_probe *p) {
    chunk c = {bench, p, 0, 0.0, p->networks.host, 0};
    for (size_t r = 0; r < p->networks.n_runs; r++)
        if (spt_perturb_block(&p->networks.host[r]) > spt_perturb_block(c.own)) {
            c.own = &p->networks.host[r];
            c.run = r;
        }
    const size_t n_runs = p->networks.n_runs < p->cuts.slots ? p->networks.n_runs : p->cuts.slots;
    c.n = p->cuts.around > 0 ? spt_probe_at_a_time(&p->cuts, c.own) : n_runs;
    c.outputs = (double)(c.n * p->cuts.series * p->probe->outputs * p->probe->samples);
    return c;
}

static cudaError_t time_parameters(const chunk *c) {
    spt_cuda_probe *p = c->p;
    const size_t norms = p->probe->perturb.n_norms, radii = c->n < norms ? c->n : norms;
    const spt_perturbation perturbation = {p->probe->perturb.seed, 0,           (uint32_t)(c->n / radii),
                                           (uint32_t)radii,        p->radius_d, spt_perturb_block(c->own)};
    const double numbers = (double)perturbation.block, moved = (double)(c->n / radii * radii) * numbers;
    const double normals = (double)(c->n / radii) * numbers; // made twice, some 40 FLOP each
    return spt_kernel_bench_time(c->bench,
                                 spt_measurement_of(2.0 * moved + 80.0 * normals, 4.0 * (numbers + moved), "",
                                                    "probe %s, parameters", p->probe->name),
                                 [&]() {
                                     return spt_perturb(p->networks.device + c->run, &perturbation, p->length_d,
                                                        p->moved_d, c->bench->timer.stream);
                                 });
}

static cudaError_t time_ends(const chunk *c) {
    spt_cuda_probe *p = c->p;
    return spt_kernel_bench_time(
        c->bench, spt_measurement_of(4.0 * c->outputs, 8.0 * c->outputs, "", "probe %s, ends", p->probe->name), [&]() {
            return spt_ends_take_off(p->output_d, p->cuts.outputs, c->n, p->cuts.series * p->probe->outputs,
                                     p->probe->samples, c->bench->timer.stream);
        });
}

static cudaError_t time_plans(const chunk *c) {
    spt_cuda_probe *p = c->p;
    const bool plane = p->probe->transform == SPT_TRANSFORM_DFT2;
    const double length = (double)(plane ? spt_probe_n_rows(p->probe) : spt_probe_length(p->probe));
    return spt_kernel_bench_time(
        c->bench,
        spt_measurement_of(2.5 * c->outputs * log2(length), 4.0 * c->outputs + 8.0 * (double)(c->n * p->cuts.spectrum),
                           "cufft", "probe %s, transforms", p->probe->name),
        [&]() {
            return spt_probe_transform(p, c->n, p->cuts.series) == CUFFT_SUCCESS ? cudaSuccess : cudaErrorUnknown;
        });
}

static cudaError_t time_products(const chunk *c) {
    spt_cuda_probe *p = c->p;
    const double vectors = (double)p->probe->coefficients, rows = (double)spt_probe_n_rows(p->probe);
    return spt_kernel_bench_time(
        c->bench,
        spt_measurement_of(2.0 * c->outputs * vectors,
                           4.0 * (c->outputs + vectors * rows) + 8.0 * (double)(c->n * p->cuts.products), "",
                           "probe %s, products", p->probe->name),
        [&]() {
            return spt_basis_products(p->output_d, c->n * p->probe->outputs, p->basis_d, p->probe->coefficients,
                                      spt_probe_n_rows(p->probe), p->product_d, c->bench->timer.stream);
        });
}

static cudaError_t time_fold(const chunk *c) {
    spt_cuda_probe *p = c->p;
    const bool plane = p->probe->transform == SPT_TRANSFORM_DFT2;
    const double terms = (double)p->probe->fold.first[p->cuts.energies];
    const double numbers = (double)(c->n * p->probe->outputs) * terms;
    double *const energy = p->cuts.around > 0 ? p->slot_energy_d : p->energy_d;
    return spt_kernel_bench_time(
        c->bench,
        spt_measurement_of((plane ? 5.0 : 3.0) * numbers, 8.0 * numbers + 12.0 * terms, "", "probe %s, energies",
                           p->probe->name),
        [&]() {
            cudaStream_t stream = c->bench->timer.stream;
            return plane ? spt_fold_spectra(&p->fold, p->spectrum_d, p->probe->outputs, c->n, energy, stream)
                         : spt_fold_products(&p->fold, p->product_d, p->probe->outputs, c->n, energy, stream);
        });
}

spt_status spt_cuda_bench_transforms(const spt_kernel_bench *bench, size_t index, spt_error *err) {
    spt_cuda_probe *p = bench->group->probe[index];
    const chunk c = chunk_of(bench, p);
    const bool basis = p->probe->transform == SPT_TRANSFORM_BASIS;
    const spt_status status = spt_cuda_probe_start(p, bench->timer.stream, err); // numbers for what follows
    if (status != SPT_OK)
        return status;
    cudaError_t error = p->cuts.around > 0 ? time_parameters(&c) : cudaSuccess;
    if (error == cudaSuccess && p->probe->detrend == SPT_DETREND_ENDS)
        error = time_ends(&c);
    if (error == cudaSuccess && p->planned[0])
        error = time_plans(&c);
    if (error == cudaSuccess && basis)
        error = time_products(&c);
    if (error == cudaSuccess && spt_probe_is_folded(p->probe))
        error = time_fold(&c);
    return spt_cuda_check(error, "timing a probe's transform", err);
}
