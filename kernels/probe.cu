// Making a probe: what it takes, its points, plans and lists.
#include <stdio.h>
#include <stdlib.h>

#include "error.cuh"
#include "probe_parts.cuh"

enum { ALIGN = 256 };

spt_status spt_probe_check_cuda(const spt_probe *probe, cudaError_t error, const char *attempt, spt_error *err) {
    char words[96];
    snprintf(words, sizeof words, "probe %s: %s", probe->name, attempt);
    return spt_cuda_check(error, words, err);
}

spt_status spt_probe_check_cufft(const spt_probe *probe, cufftResult result, const char *attempt, spt_error *err) {
    char words[96];
    snprintf(words, sizeof words, "probe %s: %s", probe->name, attempt);
    return spt_cufft_check(result, words, err);
}

// ---- what it takes

// Where things lie, in bytes: in its own allocation, and in the space.
typedef struct probe_layout {
    size_t origin, direction, points, fold_first, fold_index, fold_weight, basis, energy, runs, radius, own;
    size_t output, spectrum, product, area, wide, run_direction, gradient, walk, moved, length, network, slot_energy,
        space;
} probe_layout;

static size_t place(size_t *end, size_t count, size_t size) {
    const size_t at = *end;
    *end += (count * size + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

/** How long the list of runs is: networks around a run need one of their slots. */
static size_t list_length(const spt_cuda_probe *p) {
    return p->cuts.around > 0 ? p->cuts.slots : p->networks.n_runs;
}

static void lay_own(const spt_cuda_probe *p, probe_layout *layout) {
    const spt_probe *probe = p->probe;
    const bool lines = probe->geometry == SPT_GEOMETRY_LINES, folded = spt_probe_is_folded(probe);
    const size_t line_floats = lines ? probe->series * probe->inputs : 0, rows = spt_probe_n_rows(probe);
    const size_t terms = folded ? probe->fold.terms : 0;
    size_t *const end = &layout->own;
    layout->origin = place(end, line_floats, sizeof(float));
    layout->direction = place(end, line_floats, sizeof(float));
    layout->points = place(end, lines ? 0 : rows * probe->inputs, sizeof(float));
    layout->fold_first = place(end, folded ? p->cuts.energies + 1 : 0, sizeof(uint64_t));
    layout->fold_index = place(end, terms, sizeof(uint32_t));
    layout->fold_weight = place(end, terms, sizeof(double));
    layout->basis = place(end, probe->transform == SPT_TRANSFORM_BASIS ? probe->coefficients * rows : 0, sizeof(float));
    layout->energy = place(end, p->networks.n_runs * probe->energy_size, sizeof(double));
    layout->runs = place(end, list_length(p), sizeof(spt_forward_run));
    layout->radius = place(end, probe->perturb.n_norms, sizeof(float));
}

static void lay_space(const spt_cuda_probe *p, size_t area_bytes, probe_layout *layout) {
    const spt_probe_cuts *cuts = &p->cuts;
    const size_t slots = cuts->slots, moved_slots = cuts->around > 0 ? slots : 0;
    size_t *const end = &layout->space;
    layout->output = place(end, slots * cuts->outputs, sizeof(float));
    layout->spectrum = place(end, slots * cuts->spectrum, sizeof(cufftComplex));
    layout->product = place(end, slots * cuts->products, sizeof(double));
    layout->area = place(end, area_bytes, 1);
    layout->wide = place(end, p->wide_floats, sizeof(float));
    layout->run_direction = place(end, slots * cuts->direction, sizeof(float));
    layout->gradient = place(end, slots * cuts->gradient, sizeof(float));
    layout->walk = place(end, p->segments_blocks * p->segments.space_numbers, sizeof(double));
    layout->moved = place(end, cuts->moved, sizeof(float));
    layout->length = place(end, cuts->lengths, sizeof(double));
    layout->network = place(end, moved_slots, sizeof(spt_device_network));
    layout->slot_energy = place(end, moved_slots * cuts->energies, sizeof(double));
}

/** A plan for every real DFT of `series` series of a unit of networks, without its work area. */
static spt_status make_plan(spt_cuda_probe *p, int which, size_t series, size_t *area_bytes, spt_error *err) {
    const bool plane = p->probe->transform == SPT_TRANSFORM_DFT2;
    const int samples = (int)p->probe->samples, lines = (int)series, batch = (int)(p->probe->outputs * p->cuts.unit);
    int length[2] = {lines, (int)spt_probe_length(p->probe)};
    int from[2] = {lines, samples}, to[2] = {lines, (int)p->cuts.bins};
    size_t bytes = 0;
    cufftResult result = cufftCreate(&p->plan[which]);
    p->planned[which] = result == CUFFT_SUCCESS;
    if (result == CUFFT_SUCCESS)
        result = cufftSetAutoAllocation(p->plan[which], 0);
    if (result == CUFFT_SUCCESS && plane)
        result = cufftMakePlanMany(p->plan[which], 2, length, from, 1, lines * from[1], to, 1, lines * to[1], CUFFT_R2C,
                                   batch, &bytes);
    else if (result == CUFFT_SUCCESS)
        result = cufftMakePlanMany(p->plan[which], 1, length + 1, from + 1, 1, from[1], to + 1, 1, to[1], CUFFT_R2C,
                                   lines * batch, &bytes);
    *area_bytes = bytes > *area_bytes ? bytes : *area_bytes;
    return spt_probe_check_cufft(p->probe, result, "plan", err);
}

static size_t wide_floats_of(const spt_probe_networks *networks, size_t shared_bytes) {
    size_t floats = 0;
    for (size_t r = 0; r < networks->n_runs; r++) {
        if (spt_probe_path(&networks->host[r], shared_bytes) != SPT_FORWARD_LAYERS)
            continue;
        const size_t wanted = spt_forward_layers_floats(networks->host[r].width);
        floats = wanted > floats ? wanted : floats;
    }
    return floats;
}

/** Everything about a probe but its memory. Release with spt_cuda_probe_destroy, also on error. */
static spt_status begin(const spt_probe *probe, const spt_probe_networks *networks, spt_cuda_probe **out,
                        probe_layout *layout, spt_error *err) {
    *out = NULL;
    spt_status status = spt_probe_check(probe, err);
    if (status != SPT_OK)
        return status;
    if (networks->n_runs == 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: no runs to probe", probe->name);
    spt_cuda_probe *p = (spt_cuda_probe *)calloc(1, sizeof *p);
    if (p == NULL)
        return spt_fail(err, SPT_ENOMEM, "probe %s: out of memory", probe->name);
    *out = p;
    p->probe = probe;
    p->networks = *networks;
    p->cuts = spt_probe_cut(probe, networks);
    int device = 0, shared = 0, processors = 0;
    cudaError_t error = cudaGetDevice(&device);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    status = spt_probe_check_cuda(probe, error, "asking what the device has", err);
    size_t area_bytes = 0;
    const bool has_plans = p->cuts.spectrum > 0;
    if (status == SPT_OK && has_plans)
        status = make_plan(p, 0, p->cuts.series, &area_bytes, err);
    if (status == SPT_OK && has_plans && probe->series % p->cuts.series != 0)
        status = make_plan(p, 1, probe->series % p->cuts.series, &area_bytes, err);
    p->shared_bytes = (size_t)shared;
    if (probe->transform == SPT_TRANSFORM_SEGMENTS)
        spt_probe_segments_measure(p, (size_t)processors, SPT_PROBE_CHUNK_BYTES);
    else
        p->wide_floats = wide_floats_of(networks, p->shared_bytes);
    lay_own(p, layout);
    lay_space(p, area_bytes, layout);
    return status;
}

spt_status spt_cuda_probe_measure(const spt_probe *probe, const spt_probe_networks *networks, spt_probe_bytes *bytes,
                                  spt_error *err) {
    spt_cuda_probe *p;
    probe_layout layout = {};
    const spt_status status = begin(probe, networks, &p, &layout, err);
    spt_cuda_probe_destroy(p);
    *bytes = {layout.own, layout.space};
    return status;
}

// ---- filling it

static cudaError_t copy_points(spt_cuda_probe *p, const probe_layout *layout) {
    const spt_probe *probe = p->probe;
    const size_t line_bytes = probe->series * probe->inputs * sizeof(float);
    float *const points = (float *)(p->memory_d + layout->points);
    float *const origin = (float *)(p->memory_d + layout->origin);
    float *const direction = (float *)(p->memory_d + layout->direction);
    p->rows = {};
    p->rows.t0 = probe->t0;
    p->rows.dt = probe->dt;
    p->rows.inputs = (uint32_t)probe->inputs;
    p->rows.samples = (uint32_t)probe->samples;
    if (probe->geometry == SPT_GEOMETRY_POINTS) {
        p->rows.points = points;
        return cudaMemcpy(points, probe->points, probe->samples * line_bytes, cudaMemcpyHostToDevice);
    }
    p->rows.origin = origin;
    p->rows.direction = direction;
    cudaError_t error = cudaMemcpy(origin, probe->origin, line_bytes, cudaMemcpyHostToDevice);
    if (error == cudaSuccess)
        error = cudaMemcpy(direction, probe->direction, line_bytes, cudaMemcpyHostToDevice);
    return error;
}

static cudaError_t put(void *to_d, const void *from, size_t count, size_t size) {
    return count > 0 ? cudaMemcpy(to_d, from, count * size, cudaMemcpyHostToDevice) : cudaSuccess;
}

static cudaError_t copy_fold(spt_cuda_probe *p, const probe_layout *layout) {
    const spt_fold *from = &p->probe->fold;
    const size_t energies = p->cuts.energies, terms = from->first[energies];
    static_assert(sizeof(*from->first) == sizeof(uint64_t), "copied as they are");
    uint64_t *const first = (uint64_t *)(p->memory_d + layout->fold_first);
    uint32_t *const index = (uint32_t *)(p->memory_d + layout->fold_index);
    double *const weight = (double *)(p->memory_d + layout->fold_weight);
    p->fold = {first, index, weight, (uint32_t)energies, p->probe->coefficients};
    cudaError_t error = put(first, from->first, energies + 1, sizeof *first);
    if (error == cudaSuccess)
        error = put(index, from->index, terms, sizeof *index);
    if (error == cudaSuccess)
        error = put(weight, from->weight, terms, sizeof *weight);
    return error;
}

/** What a transform or a perturbation reads beside the points. */
static cudaError_t copy_constants(spt_cuda_probe *p, const probe_layout *layout) {
    const spt_probe *probe = p->probe;
    const size_t norms = probe->perturb.n_norms;
    cudaError_t error = spt_probe_is_folded(probe) ? copy_fold(p, layout) : cudaSuccess;
    p->basis_d = (float *)(p->memory_d + layout->basis);
    if (error == cudaSuccess && probe->transform == SPT_TRANSFORM_BASIS)
        error = put(p->basis_d, probe->basis, probe->coefficients * spt_probe_n_rows(probe), sizeof(float));
    p->radius_d = (float *)(p->memory_d + layout->radius);
    if (error != cudaSuccess || norms == 0)
        return error;
    float *radius = (float *)malloc(norms * sizeof *radius);
    if (radius == NULL)
        return cudaErrorMemoryAllocation;
    for (size_t i = 0; i < norms; i++)
        radius[i] = (float)probe->perturb.norm[i];
    error = put(p->radius_d, radius, norms, sizeof *radius);
    free(radius);
    return error;
}

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/** The runs of each chunk of runs in the order of their launches: paths together, and the widest first, so that the
 * last blocks are short. */
static bool order_runs(spt_cuda_probe *p) {
    const uint64_t widest = UINT64_C(1) << 24; // what a model may have
    const size_t n_runs = p->networks.n_runs;
    uint64_t *key = (uint64_t *)malloc(n_runs * sizeof *key);
    p->runs = (spt_forward_run *)malloc(n_runs * sizeof *p->runs);
    if (key == NULL || p->runs == NULL) {
        free(key);
        return false;
    }
    for (size_t first = 0; first < n_runs; first += p->cuts.slots) {
        const size_t n = n_runs - first < p->cuts.slots ? n_runs - first : p->cuts.slots;
        for (size_t r = first; r < first + n; r++) {
            const spt_device_network *network = &p->networks.host[r];
            key[r] = (uint64_t)(SPT_FORWARD_LAYERS - spt_probe_path(network, p->shared_bytes)) << 60 |
                     (widest - network->width) << 32 | r;
        }
        qsort(key + first, n, sizeof *key, compare);
        for (size_t i = first; i < first + n; i++) {
            const uint32_t run = (uint32_t)key[i];
            p->runs[i] = {run, run - (uint32_t)first};
        }
    }
    free(key);
    return true;
}

/** The list of runs, or of the networks around one. */
static bool list_runs(spt_cuda_probe *p) {
    if (p->cuts.around == 0)
        return order_runs(p);
    p->runs = (spt_forward_run *)malloc(p->cuts.slots * sizeof *p->runs);
    for (size_t i = 0; p->runs != NULL && i < p->cuts.slots; i++)
        p->runs[i] = {(uint32_t)i, (uint32_t)i};
    return p->runs != NULL;
}

static cudaError_t make_buffers(spt_cuda_probe *p, const probe_layout *layout, char *space) {
    const size_t n_runs = p->networks.n_runs;
    cudaError_t error = cudaMalloc((void **)&p->memory_d, layout->own);
    if (error == cudaSuccess)
        error =
            cudaHostAlloc((void **)&p->energy, n_runs * p->probe->energy_size * sizeof(double), cudaHostAllocDefault);
    if (error != cudaSuccess)
        return error;
    p->energy_d = (double *)(p->memory_d + layout->energy);
    p->runs_d = (spt_forward_run *)(p->memory_d + layout->runs);
    p->output_d = (float *)(space + layout->output);
    p->spectrum_d = (cufftComplex *)(space + layout->spectrum);
    p->product_d = (double *)(space + layout->product);
    p->wide_d = (float *)(space + layout->wide);
    p->moved_d = (float *)(space + layout->moved);
    p->length_d = (double *)(space + layout->length);
    p->network_d = (spt_device_network *)(space + layout->network);
    p->slot_energy_d = (double *)(space + layout->slot_energy);
    p->segments.space = (double *)(space + layout->walk);
    spt_probe_lines_init(p, (float *)(space + layout->run_direction), (float *)(space + layout->gradient));
    error = copy_points(p, layout);
    if (error == cudaSuccess)
        error = copy_constants(p, layout);
    if (error == cudaSuccess)
        error = put(p->runs_d, p->runs, list_length(p), sizeof *p->runs);
    return error;
}

spt_status spt_cuda_probe_create(const spt_probe *probe, const spt_probe_networks *networks, void *space,
                                 spt_cuda_probe **out, spt_error *err) {
    spt_cuda_probe *p;
    probe_layout layout = {};
    spt_status status = begin(probe, networks, &p, &layout, err);
    if (status == SPT_OK)
        status = spt_probe_check_arrays(probe, err);
    if (status == SPT_OK && !list_runs(p))
        status = spt_fail(err, SPT_ENOMEM, "probe %s: no memory for %zu runs", probe->name, networks->n_runs);
    if (status == SPT_OK)
        status = spt_probe_check_cuda(probe, make_buffers(p, &layout, (char *)space), "buffers", err);
    for (int i = 0; i < 2 && status == SPT_OK; i++)
        if (p->planned[i])
            status = spt_probe_check_cufft(probe, cufftSetWorkArea(p->plan[i], (char *)space + layout.area),
                                           "work area", err);
    *out = NULL;
    if (status == SPT_OK)
        *out = p;
    else
        spt_cuda_probe_destroy(p);
    return status;
}

void spt_cuda_probe_destroy(spt_cuda_probe *p) {
    if (p == NULL)
        return;
    for (int i = 0; i < 2; i++)
        if (p->planned[i])
            (void)cufftDestroy(p->plan[i]);
    (void)cudaFree(p->memory_d);
    (void)cudaFreeHost(p->energy);
    free(p->runs);
    free(p);
}
