// Making a probe: how it is cut, what it takes, its points, plans and lists.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.cuh"
#include "probe_parts.cuh"

enum { CHUNK_FLOATS = 1 << 22, CHUNK_BYTES = 1 << 28, ALIGN = 256 };

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

static spt_status check_probe(const spt_probe *probe, spt_error *err) {
    if (probe->transform == SPT_TRANSFORM_SEGMENTS)
        return spt_probe_segments_check(probe, err);
    if (probe->transform != SPT_TRANSFORM_DFT)
        return spt_fail(err, SPT_EINVAL, "probe %s: transform %d is not known on the device; expected dft or segments",
                        probe->name, (int)probe->transform);
    if (probe->detrend != SPT_DETREND_NONE)
        return spt_fail(err, SPT_EINVAL, "probe %s: detrend %d is not known on the device; expected none", probe->name,
                        (int)probe->detrend);
    if (probe->towards == SPT_DIRECTION_ADVERSARIAL && probe->geometry != SPT_GEOMETRY_LINES)
        return spt_fail(err, SPT_EINVAL, "probe %s: directions of stored points; lines have directions", probe->name);
    if (probe->perturb.n_norms > 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: perturb is not known on the device", probe->name);
    if (probe->geometry != SPT_GEOMETRY_LINES && probe->geometry != SPT_GEOMETRY_POINTS)
        return spt_fail(err, SPT_EINVAL, "probe %s: geometry %d is not known on the device", probe->name,
                        (int)probe->geometry);
    if (probe->series == 0 || probe->samples < 2 || probe->outputs == 0 || probe->samples > INT_MAX / 2 ||
        probe->outputs > INT_MAX / 2 || probe->energy_size > probe->samples / 2 + 1)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu series of %zu samples, %zu outputs, %zu energies", probe->name,
                        probe->series, probe->samples, probe->outputs, probe->energy_size);
    return SPT_OK;
}

static spt_probe_cuts cuts_of(const spt_probe *probe, const spt_probe_networks *networks) {
    const size_t n_runs = networks->n_runs;
    const bool segments = probe->transform == SPT_TRANSFORM_SEGMENTS;
    const size_t of_series = segments ? spt_probe_segments_floats(probe) : probe->outputs * probe->samples;
    spt_probe_cuts cuts = {};
    cuts.bins = probe->samples / 2 + 1;
    cuts.series = of_series < CHUNK_FLOATS ? CHUNK_FLOATS / of_series : 1;
    cuts.series = cuts.series < probe->series ? cuts.series : probe->series;
    cuts.outputs = (cuts.series * of_series + 3) / 4 * 4;
    cuts.spectrum = segments ? 0 : cuts.series * probe->outputs * cuts.bins;
    spt_probe_lines_cut(probe, networks, &cuts);
    const size_t bytes =
        (cuts.outputs + cuts.direction + cuts.gradient) * sizeof(float) + cuts.spectrum * sizeof(cufftComplex);
    cuts.runs = bytes < CHUNK_BYTES ? CHUNK_BYTES / bytes : 1;
    cuts.runs = cuts.runs < n_runs ? cuts.runs : n_runs;
    return cuts;
}

// ---- what it takes

// Where things lie, in bytes: in its own allocation, and in the space.
typedef struct probe_layout {
    size_t origin, direction, points, energy, runs, own;
    size_t output, spectrum, area, wide, run_direction, gradient, walk, space;
} probe_layout;

static size_t place(size_t *end, size_t count, size_t size) {
    const size_t at = *end;
    *end += (count * size + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

static probe_layout layout_of(const spt_cuda_probe *p, size_t area_bytes) {
    const spt_probe *probe = p->probe;
    const spt_probe_cuts *cuts = &p->cuts;
    const size_t n_runs = p->networks.n_runs;
    const bool lines = probe->geometry == SPT_GEOMETRY_LINES;
    const size_t line_floats = lines ? probe->series * probe->inputs : 0;
    probe_layout layout = {};
    layout.origin = place(&layout.own, line_floats, sizeof(float));
    layout.direction = place(&layout.own, line_floats, sizeof(float));
    layout.points = place(&layout.own, lines ? 0 : probe->series * probe->samples * probe->inputs, sizeof(float));
    layout.energy = place(&layout.own, n_runs * probe->energy_size, sizeof(double));
    layout.runs = place(&layout.own, n_runs, sizeof(spt_forward_run));
    layout.output = place(&layout.space, cuts->runs * cuts->outputs, sizeof(float));
    layout.spectrum = place(&layout.space, cuts->runs * cuts->spectrum, sizeof(cufftComplex));
    layout.area = place(&layout.space, area_bytes, 1);
    layout.wide = place(&layout.space, p->wide_floats, sizeof(float));
    layout.run_direction = place(&layout.space, cuts->runs * cuts->direction, sizeof(float));
    layout.gradient = place(&layout.space, cuts->runs * cuts->gradient, sizeof(float));
    layout.walk = place(&layout.space, p->segments_blocks * p->segments.space_numbers, sizeof(double));
    return layout;
}

/** A plan for every real DFT of `series` series of one run, without its work area. */
static spt_status make_plan(spt_cuda_probe *p, int which, size_t series, size_t *area_bytes, spt_error *err) {
    int samples = (int)p->probe->samples, bins = (int)p->cuts.bins;
    size_t bytes = 0;
    cufftResult result = cufftCreate(&p->plan[which]);
    p->planned[which] = result == CUFFT_SUCCESS;
    if (result == CUFFT_SUCCESS)
        result = cufftSetAutoAllocation(p->plan[which], 0);
    if (result == CUFFT_SUCCESS)
        result = cufftMakePlanMany(p->plan[which], 1, &samples, &samples, 1, samples, &bins, 1, bins, CUFFT_R2C,
                                   (int)(p->probe->outputs * series), &bytes);
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
    spt_status status = check_probe(probe, err);
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
    p->cuts = cuts_of(probe, networks);
    int device = 0, shared = 0, processors = 0;
    cudaError_t error = cudaGetDevice(&device);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    status = spt_probe_check_cuda(probe, error, "asking what the device has", err);
    size_t area_bytes = 0;
    p->shared_bytes = (size_t)shared;
    if (probe->transform == SPT_TRANSFORM_SEGMENTS) {
        spt_probe_segments_measure(p, (size_t)processors, CHUNK_BYTES);
    } else {
        if (status == SPT_OK)
            status = make_plan(p, 0, p->cuts.series, &area_bytes, err);
        if (status == SPT_OK && probe->series % p->cuts.series != 0)
            status = make_plan(p, 1, probe->series % p->cuts.series, &area_bytes, err);
        p->wide_floats = wide_floats_of(networks, p->shared_bytes);
    }
    *layout = layout_of(p, area_bytes);
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
    for (size_t first = 0; first < n_runs; first += p->cuts.runs) {
        const size_t n = n_runs - first < p->cuts.runs ? n_runs - first : p->cuts.runs;
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
    p->wide_d = (float *)(space + layout->wide);
    p->segments.space = (double *)(space + layout->walk);
    spt_probe_lines_init(p, (float *)(space + layout->run_direction), (float *)(space + layout->gradient));
    error = copy_points(p, layout);
    if (error == cudaSuccess)
        error = cudaMemcpy(p->runs_d, p->runs, n_runs * sizeof *p->runs, cudaMemcpyHostToDevice);
    return error;
}

spt_status spt_cuda_probe_create(const spt_probe *probe, const spt_probe_networks *networks, void *space,
                                 spt_cuda_probe **out, spt_error *err) {
    spt_cuda_probe *p;
    probe_layout layout = {};
    spt_status status = begin(probe, networks, &p, &layout, err);
    if (status == SPT_OK && !order_runs(p))
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
