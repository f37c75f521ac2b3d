// Spectra of networks around each run's own: a chunk of directions with all their norms at a time, or, where the norms
// of one direction are too many, some of those. Twin of host/cpu/perturbed.c.
//
// Map:    the table: a thread a network. The sums: a thread an energy of a norm, which adds direction after direction.
// Shared: none.
// Bound:  8 bytes an energy of every network: memory. Moving the parameters (perturb.cu) writes 4 bytes a parameter and
//         network, once, and the forward pass reads them: 10,000 networks of 270,000 parameters on 200 points are 2 x
//         10.8 GB and 1.1 TFLOP.
//
// The sum over directions goes on from chunk to chunk in their order: it does not depend on how many are in one.
#include "launch.cuh"
#include "probe_parts.cuh"
#include "range.cuh"

enum { THREADS = 128 };

static __global__ void __launch_bounds__(THREADS)
    perturbed_table(const spt_device_network *own, float *moved, uint64_t block, uint32_t n,
                    spt_device_network *networks) {
    const uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= n)
        return;
    spt_device_network network = *own;
    network.parameters = moved + i * block;
    networks[i] = network;
}

/** of_network (directions, numbers); sum (numbers). */
static __global__ void __launch_bounds__(THREADS)
    perturbed_add(const double *of_network, uint32_t directions, uint64_t numbers, bool first, double *sum) {
    const uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= numbers)
        return;
    double total = first ? 0.0 : sum[i];
    for (uint32_t d = 0; d < directions; d++)
        total += of_network[d * numbers + i];
    sum[i] = total;
}

// Networks that are measured together: n_radii norms from `radius` on, along n_directions directions from `direction`.
typedef struct some {
    size_t run, direction, n_directions, radius, n_radii;
} some;

static cudaError_t move(spt_cuda_probe *p, const some *s, size_t block, cudaStream_t stream) {
    spt_range range("probe, perturbed parameters");
    const spt_device_network *own = p->networks.device + s->run;
    const uint32_t n = (uint32_t)(s->n_directions * s->n_radii);
    const spt_perturbation perturbation = {p->probe->perturb.seed,    s->direction,
                                           (uint32_t)s->n_directions, (uint32_t)s->n_radii,
                                           p->radius_d + s->radius,   block};
    cudaError_t error = spt_perturb(own, &perturbation, p->length_d, p->moved_d, stream);
    if (error == cudaSuccess)
        error = spt_launch(perturbed_table, spt_blocks(n, THREADS), THREADS, 0, stream, own, p->moved_d,
                           (uint64_t)block, n, p->network_d);
    return error;
}

static spt_status measure(spt_cuda_probe *p, const some *s, cudaStream_t stream, spt_error *err) {
    const spt_probe *probe = p->probe;
    const spt_device_network *network = &p->networks.host[s->run];
    const size_t energies = p->cuts.energies, numbers = s->n_radii * energies;
    spt_probe_batch batch = {};
    batch.networks = p->network_d;
    batch.runs_d = p->runs_d;
    batch.runs = p->runs;
    batch.alike = network;
    batch.n = s->n_directions * s->n_radii;
    batch.energy_d = p->slot_energy_d;
    spt_status status =
        spt_probe_check_cuda(probe, move(p, s, spt_perturb_block(network), stream), "perturbed parameters", err);
    if (status == SPT_OK)
        status = spt_probe_measure(p, &batch, stream, err);
    if (status != SPT_OK)
        return status;
    double *const sum = p->energy_d + s->run * probe->energy_size + s->radius * energies;
    return spt_probe_check_cuda(probe,
                                spt_launch(perturbed_add, spt_blocks(numbers, THREADS), THREADS, 0, stream,
                                           p->slot_energy_d, (uint32_t)s->n_directions, (uint64_t)numbers,
                                           s->direction == 0, sum),
                                "energies", err);
}

spt_status spt_probe_measure_around(spt_cuda_probe *p, cudaStream_t stream, spt_error *err) {
    const spt_probe_perturbation *perturb = &p->probe->perturb;
    spt_status status = SPT_OK;
    for (size_t r = 0; r < p->networks.n_runs; r++) {
        const size_t n = spt_probe_at_a_time(&p->cuts, &p->networks.host[r]);
        const size_t radii = n < perturb->n_norms ? n : perturb->n_norms, directions = n / radii;
        some s = {r, 0, 0, 0, 0};
        for (s.direction = 0; s.direction < perturb->directions; s.direction += directions)
            for (s.radius = 0; s.radius < perturb->n_norms && status == SPT_OK; s.radius += radii) {
                const size_t left = perturb->directions - s.direction, norms_left = perturb->n_norms - s.radius;
                s.n_directions = directions < left ? directions : left;
                s.n_radii = radii < norms_left ? radii : norms_left;
                status = measure(p, &s, stream, err);
            }
    }
    return status;
}
