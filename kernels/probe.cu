// Probes of all runs of a group: outputs at the points (probe_forward.cu), cuFFT's real DFT over the samples of each
// series and output, and the energies (spectra.cu).
//
// The work is cut twice. Series: a chunk of them at a time, as many as keep a run's outputs within CHUNK_FLOATS; the
// sums of the chunks are added in their order. Runs: as many at a time as keep the buffers within CHUNK_BYTES. One plan
// transforms one chunk of one run, whatever the group: cuFFT may choose its algorithm by the size of a batch.
#include "probe.cuh"

#include <cufft.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.cuh"
#include "probe_forward.cuh"
#include "range.cuh"
#include "spectra.cuh"

enum { CHUNK_FLOATS = 1 << 22, CHUNK_BYTES = 1 << 28, ALIGN = 256 };

// How a probe is cut, by the probe alone but for the runs.
typedef struct probe_cuts {
    size_t series; // of a chunk; the last may have fewer
    size_t runs;
    size_t bins;     // samples / 2 + 1
    size_t outputs;  // floats that the outputs of a chunk of one run take: a multiple of 4, so that cuFFT finds every
                     // run's aligned
    size_t spectrum; // complex numbers, likewise
} probe_cuts;

// Where things lie in the one allocation, in bytes.
typedef struct probe_layout {
    size_t origin, direction, points, output, spectrum, energy, runs, bytes;
} probe_layout;

struct spt_cuda_probe {
    const spt_probe *probe;
    size_t n_runs;
    probe_cuts cuts;
    size_t shared_bytes; // that a block of the device may have
    char *memory_d;
    spt_rows rows;
    float *output_d;          // (cuts.runs, outputs, series of a chunk * samples)
    cufftComplex *spectrum_d; // (cuts.runs, outputs, series of a chunk, bins)
    double *energy_d;         // (n_runs, energy_size)
    spt_forward_run *runs_d;  // (n_runs)
    float *wide_d;            // for networks that do not fit on chip; NULL until one is met
    size_t wide_floats;
    // pinned
    double *energy;        // (n_runs, energy_size)
    spt_forward_run *runs; // (n_runs) of a chunk of runs after another, by path and falling width
    cufftHandle plan[2];   // of a whole chunk of series, and of what is left for the last
    bool planned[2];
    uint64_t *key; // (n_runs) that runs are sorted by
};

static spt_status check_probe(const spt_probe *probe, spt_error *err) {
    if (probe->transform != SPT_TRANSFORM_DFT)
        return spt_fail(err, SPT_EINVAL, "probe %s: transform %d is not known on the device; expected a dft",
                        probe->name, (int)probe->transform);
    if (probe->detrend != SPT_DETREND_NONE)
        return spt_fail(err, SPT_EINVAL, "probe %s: detrend %d is not known on the device; expected none", probe->name,
                        (int)probe->detrend);
    if (probe->geometry != SPT_GEOMETRY_LINES && probe->geometry != SPT_GEOMETRY_POINTS)
        return spt_fail(err, SPT_EINVAL, "probe %s: geometry %d is not known on the device", probe->name,
                        (int)probe->geometry);
    if (probe->series == 0 || probe->samples < 2 || probe->outputs == 0 || probe->samples > INT_MAX / 2 ||
        probe->outputs > INT_MAX / 2 || probe->energy_size > probe->samples / 2 + 1)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu series of %zu samples, %zu outputs, %zu energies", probe->name,
                        probe->series, probe->samples, probe->outputs, probe->energy_size);
    return SPT_OK;
}

static probe_cuts cuts_of(const spt_probe *probe, size_t n_runs) {
    const size_t of_series = probe->outputs * probe->samples;
    probe_cuts cuts = {};
    cuts.bins = probe->samples / 2 + 1;
    cuts.series = of_series < CHUNK_FLOATS ? CHUNK_FLOATS / of_series : 1;
    cuts.series = cuts.series < probe->series ? cuts.series : probe->series;
    cuts.outputs = (cuts.series * of_series + 3) / 4 * 4;
    cuts.spectrum = cuts.series * probe->outputs * cuts.bins;
    const size_t bytes = cuts.outputs * sizeof(float) + cuts.spectrum * sizeof(cufftComplex);
    cuts.runs = bytes < CHUNK_BYTES ? CHUNK_BYTES / bytes : 1;
    cuts.runs = cuts.runs < n_runs ? cuts.runs : n_runs;
    return cuts;
}

static size_t place(size_t *end, size_t count, size_t size) {
    const size_t at = *end;
    *end += (count * size + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

static probe_layout layout_of(const spt_probe *probe, const probe_cuts *cuts, size_t n_runs) {
    const bool lines = probe->geometry == SPT_GEOMETRY_LINES;
    const size_t line_floats = lines ? probe->series * probe->inputs : 0;
    probe_layout layout = {};
    layout.origin = place(&layout.bytes, line_floats, sizeof(float));
    layout.direction = place(&layout.bytes, line_floats, sizeof(float));
    layout.points = place(&layout.bytes, lines ? 0 : probe->series * probe->samples * probe->inputs, sizeof(float));
    layout.output = place(&layout.bytes, cuts->runs * cuts->outputs, sizeof(float));
    layout.spectrum = place(&layout.bytes, cuts->runs * cuts->spectrum, sizeof(cufftComplex));
    layout.energy = place(&layout.bytes, n_runs * probe->energy_size, sizeof(double));
    layout.runs = place(&layout.bytes, n_runs, sizeof(spt_forward_run));
    return layout;
}

size_t spt_cuda_probe_bytes(const spt_probe *probe, size_t n_runs) {
    if (check_probe(probe, NULL) != SPT_OK || n_runs == 0)
        return 0;
    const probe_cuts cuts = cuts_of(probe, n_runs);
    return layout_of(probe, &cuts, n_runs).bytes;
}

// ---- making one

static spt_status check_cuda(const spt_probe *probe, cudaError_t error, const char *attempt, spt_error *err) {
    char words[96];
    snprintf(words, sizeof words, "probe %s: %s", probe->name, attempt);
    return spt_cuda_check(error, words, err);
}

static spt_status check_cufft(const spt_probe *probe, cufftResult result, const char *attempt, spt_error *err) {
    char words[96];
    snprintf(words, sizeof words, "probe %s: %s", probe->name, attempt);
    return spt_cufft_check(result, words, err);
}

/** A plan for every real DFT of `series` series of one run. */
static spt_status make_plan(spt_cuda_probe *p, int which, size_t series, spt_error *err) {
    int samples = (int)p->probe->samples, bins = (int)p->cuts.bins;
    const cufftResult result = cufftPlanMany(&p->plan[which], 1, &samples, &samples, 1, samples, &bins, 1, bins,
                                             CUFFT_R2C, (int)(p->probe->outputs * series));
    p->planned[which] = result == CUFFT_SUCCESS;
    return check_cufft(p->probe, result, "plan", err);
}

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

static cudaError_t make_buffers(spt_cuda_probe *p) {
    const probe_layout layout = layout_of(p->probe, &p->cuts, p->n_runs);
    int device = 0, shared = 0;
    cudaError_t error = cudaGetDevice(&device);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (error == cudaSuccess)
        error = cudaMalloc((void **)&p->memory_d, layout.bytes);
    if (error == cudaSuccess)
        error = cudaHostAlloc((void **)&p->energy, p->n_runs * p->probe->energy_size * sizeof(double),
                              cudaHostAllocDefault);
    if (error == cudaSuccess)
        error = cudaHostAlloc((void **)&p->runs, p->n_runs * sizeof *p->runs, cudaHostAllocDefault);
    if (error != cudaSuccess)
        return error;
    p->shared_bytes = (size_t)shared;
    p->output_d = (float *)(p->memory_d + layout.output);
    p->spectrum_d = (cufftComplex *)(p->memory_d + layout.spectrum);
    p->energy_d = (double *)(p->memory_d + layout.energy);
    p->runs_d = (spt_forward_run *)(p->memory_d + layout.runs);
    return copy_points(p, &layout);
}

spt_status spt_cuda_probe_create(const spt_probe *probe, size_t n_runs, spt_cuda_probe **out, spt_error *err) {
    *out = NULL;
    spt_status status = check_probe(probe, err);
    if (status != SPT_OK)
        return status;
    if (n_runs == 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: no runs to probe", probe->name);
    spt_cuda_probe *p = (spt_cuda_probe *)calloc(1, sizeof *p);
    if (p == NULL)
        return spt_fail(err, SPT_ENOMEM, "probe %s: out of memory", probe->name);
    p->probe = probe;
    p->n_runs = n_runs;
    p->cuts = cuts_of(probe, n_runs);
    p->key = (uint64_t *)malloc(n_runs * sizeof *p->key);
    if (p->key == NULL)
        status = spt_fail(err, SPT_ENOMEM, "probe %s: no memory for %zu runs", probe->name, n_runs);
    if (status == SPT_OK)
        status = check_cuda(probe, make_buffers(p), "buffers", err);
    if (status == SPT_OK)
        status = make_plan(p, 0, p->cuts.series, err);
    if (status == SPT_OK && probe->series % p->cuts.series != 0)
        status = make_plan(p, 1, probe->series % p->cuts.series, err);
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
    (void)cudaFree(p->wide_d);
    (void)cudaFree(p->memory_d);
    (void)cudaFreeHost(p->energy);
    (void)cudaFreeHost(p->runs);
    free(p->key);
    free(p);
}

// ---- energies

static spt_forward_path path_of(const spt_cuda_probe *p, const spt_device_network *network) {
    return spt_forward_choose(network->width, p->shared_bytes);
}

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/** The runs of each chunk of runs in the order of their launches: paths together, and the widest first, so that the
 * last blocks are short. */
static void order_runs(spt_cuda_probe *p, const spt_device_network *networks, size_t n_runs) {
    const uint64_t widest = UINT64_C(1) << 24; // what a model may have
    for (size_t first = 0; first < n_runs; first += p->cuts.runs) {
        const size_t n = n_runs - first < p->cuts.runs ? n_runs - first : p->cuts.runs;
        for (size_t r = first; r < first + n; r++)
            p->key[r] = (uint64_t)(SPT_FORWARD_LAYERS - path_of(p, &networks[r])) << 60 |
                        (widest - networks[r].width) << 32 | r;
        qsort(p->key + first, n, sizeof *p->key, compare);
        for (size_t i = first; i < first + n; i++) {
            const uint32_t run = (uint32_t)p->key[i];
            p->runs[i] = {run, run - (uint32_t)first};
        }
    }
}

static spt_status make_wide_space(spt_cuda_probe *p, const spt_device_network *networks, size_t n_runs,
                                  spt_error *err) {
    size_t floats = 0;
    for (size_t r = 0; r < n_runs; r++) {
        if (path_of(p, &networks[r]) != SPT_FORWARD_LAYERS)
            continue;
        const size_t wanted = spt_forward_layers_floats(networks[r].width);
        floats = wanted > floats ? wanted : floats;
    }
    if (floats <= p->wide_floats)
        return SPT_OK;
    (void)cudaFree(p->wide_d);
    p->wide_d = NULL;
    p->wide_floats = 0;
    const spt_status status =
        check_cuda(p->probe, cudaMalloc((void **)&p->wide_d, floats * sizeof(float)), "space of wide networks", err);
    if (status == SPT_OK)
        p->wide_floats = floats;
    return status;
}

/** Outputs of n runs of p->runs, from `first` on, at `rows`. */
static cudaError_t evaluate(spt_cuda_probe *p, const spt_device_network *networks_d, const spt_device_network *networks,
                            size_t first, size_t n, const spt_rows *rows, cudaStream_t stream) {
    spt_range range("probe, forward pass");
    const spt_forward_output output = {p->output_d, p->cuts.outputs, rows->count};
    cudaError_t error = cudaSuccess;
    for (size_t begin = first, end; begin < first + n && error == cudaSuccess; begin = end) {
        const spt_device_network *widest = &networks[p->runs[begin].network];
        const spt_forward_path path = path_of(p, widest);
        if (path == SPT_FORWARD_LAYERS) {
            end = begin + 1;
            error = spt_forward_layers(networks_d, widest, p->runs[begin], rows, &output, p->wide_d, p->wide_floats,
                                       stream);
            continue;
        }
        for (end = begin + 1; end < first + n && path_of(p, &networks[p->runs[end].network]) == path;)
            end++;
        error =
            spt_forward_fused(path, networks_d, p->runs_d + begin, end - begin, widest->width, rows, &output, stream);
    }
    return error;
}

/** Energies of a chunk of runs, summed over the chunks of series. */
static spt_status chunk_energy(spt_cuda_probe *p, const spt_device_network *networks_d,
                               const spt_device_network *networks, size_t first, size_t n, cudaStream_t stream,
                               spt_error *err) {
    const spt_probe *probe = p->probe;
    spt_status status = SPT_OK;
    for (size_t s = 0; s < probe->series && status == SPT_OK; s += p->cuts.series) {
        const size_t series = probe->series - s < p->cuts.series ? probe->series - s : p->cuts.series;
        const cufftHandle plan = p->plan[series < p->cuts.series];
        spt_rows rows = p->rows;
        rows.first = (uint64_t)s * probe->samples;
        rows.count = (uint32_t)(series * probe->samples);
        status = check_cuda(probe, evaluate(p, networks_d, networks, first, n, &rows, stream), "forward pass", err);
        const size_t transforms = series * probe->outputs;
        for (size_t r = 0; r < n && status == SPT_OK; r++)
            status = check_cufft(
                probe,
                cufftExecR2C(plan, p->output_d + r * p->cuts.outputs, p->spectrum_d + r * transforms * p->cuts.bins),
                "transform", err);
        const spt_spectra spectra = {p->spectrum_d, (uint32_t)probe->outputs, (uint32_t)series, (uint32_t)p->cuts.bins,
                                     (uint32_t)probe->energy_size};
        if (status == SPT_OK)
            status = check_cuda(probe,
                                spt_spectra_sum(&spectra, n, s == 0, p->energy_d + first * probe->energy_size, stream),
                                "energies", err);
    }
    return status;
}

static spt_status set_streams(spt_cuda_probe *p, cudaStream_t stream, spt_error *err) {
    spt_status status = SPT_OK;
    for (int i = 0; i < 2 && status == SPT_OK; i++)
        if (p->planned[i])
            status = check_cufft(p->probe, cufftSetStream(p->plan[i], stream), "stream", err);
    return status;
}

spt_status spt_cuda_probe_energy(spt_cuda_probe *p, const spt_device_network *networks_d,
                                 const spt_device_network *networks_host, size_t n_runs, cudaStream_t stream,
                                 double *energy, spt_error *err) {
    const spt_probe *probe = p->probe;
    spt_range range(probe->name);
    const size_t numbers = n_runs * probe->energy_size;
    if (n_runs > p->n_runs)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu runs, made for %zu", probe->name, n_runs, p->n_runs);
    spt_status status = make_wide_space(p, networks_host, n_runs, err);
    if (status == SPT_OK)
        status = set_streams(p, stream, err);
    if (status != SPT_OK)
        return status;
    order_runs(p, networks_host, n_runs);
    status =
        check_cuda(probe, cudaMemcpyAsync(p->runs_d, p->runs, n_runs * sizeof *p->runs, cudaMemcpyHostToDevice, stream),
                   "list of runs", err);
    for (size_t first = 0; first < n_runs && status == SPT_OK; first += p->cuts.runs) {
        const size_t n = n_runs - first < p->cuts.runs ? n_runs - first : p->cuts.runs;
        status = chunk_energy(p, networks_d, networks_host, first, n, stream, err);
    }
    cudaError_t error = cudaSuccess;
    if (status == SPT_OK)
        error = cudaMemcpyAsync(p->energy, p->energy_d, numbers * sizeof(double), cudaMemcpyDeviceToHost, stream);
    const cudaError_t last = cudaStreamSynchronize(stream); // after an error too: p->runs is read until then
    if (status == SPT_OK)
        status = check_cuda(probe, error != cudaSuccess ? error : last, "energies", err);
    if (status != SPT_OK)
        return status;
    const double factor = probe->scale / ((double)probe->series * (double)probe->outputs);
    for (size_t i = 0; i < numbers; i++)
        energy[i] = factor * p->energy[i];
    return SPT_OK;
}
