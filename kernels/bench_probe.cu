// Times of the kernels that a probe is made of: forward passes by each path that the group's widths take, transforms,
// energies. As probe.cu launches them, on memory of their own. Exact spectra as they are; what else there is is timed
// by bench_transforms.cu.
#include <cufft.h>
#include <math.h>
#include <string.h>

#include "bench.cuh"
#include "probe_forward.cuh"
#include "spectra.cuh"

static const size_t OUTPUT_BYTES = (size_t)256 << 20;

// Memory of one measurement, all of it in one allocation, and what lies where.
typedef struct probe_space {
    char *memory_d;
    float *points, *origin, *direction, *output;
    cufftComplex *spectrum;
    double *energy;
    spt_forward_run *runs_d; // (n_runs) by path
    spt_forward_run *runs;   // host
    float *wide;
    size_t wide_floats;
    size_t series, run_floats, bins;
    cufftHandle plan;
    bool planned;
} probe_space;

static char *place(size_t *end, char *base, size_t bytes) {
    char *at = base + *end;
    *end += (bytes + 255) / 256 * 256;
    return at;
}

/** Give places from `base` on; returns their bytes. */
static size_t place_all(probe_space *s, char *base, const spt_probe *probe, size_t n_runs) {
    const size_t lines = probe->geometry == SPT_GEOMETRY_LINES ? s->series * probe->inputs * sizeof(float) : 0;
    size_t end = 0;
    s->origin = (float *)place(&end, base, lines);
    s->direction = (float *)place(&end, base, lines);
    s->points = (float *)place(&end, base, lines > 0 ? 0 : s->series * probe->samples * probe->inputs * sizeof(float));
    s->output = (float *)place(&end, base, n_runs * s->run_floats * sizeof(float));
    s->spectrum =
        (cufftComplex *)place(&end, base, n_runs * probe->outputs * s->series * s->bins * sizeof(*s->spectrum));
    s->energy = (double *)place(&end, base, n_runs * probe->energy_size * sizeof(double));
    s->runs_d = (spt_forward_run *)place(&end, base, n_runs * sizeof *s->runs_d);
    s->wide = (float *)place(&end, base, s->wide_floats * sizeof(float));
    return end;
}

static cudaError_t fill(const probe_space *s, const spt_probe *probe, size_t n_runs) {
    const size_t inputs = probe->inputs * sizeof(float);
    cudaError_t error = cudaMemcpy(s->runs_d, s->runs, n_runs * sizeof *s->runs, cudaMemcpyHostToDevice);
    if (error == cudaSuccess && probe->geometry == SPT_GEOMETRY_POINTS)
        return cudaMemcpy(s->points, probe->points, s->series * probe->samples * inputs, cudaMemcpyHostToDevice);
    if (error == cudaSuccess)
        error = cudaMemcpy(s->origin, probe->origin, s->series * inputs, cudaMemcpyHostToDevice);
    if (error == cudaSuccess)
        error = cudaMemcpy(s->direction, probe->direction, s->series * inputs, cudaMemcpyHostToDevice);
    return error;
}

/** The runs by path, and how many take each. */
static void sort_runs(probe_space *s, const spt_group *group, size_t shared_bytes, size_t *count) {
    size_t n = 0;
    memset(count, 0, (SPT_FORWARD_LAYERS + 1) * sizeof *count);
    for (int path = 0; path <= SPT_FORWARD_LAYERS; path++)
        for (size_t r = 0; r < group->spec.n_runs; r++)
            if (spt_forward_choose(group->network[r].width, shared_bytes) == (spt_forward_path)path) {
                s->runs[n] = {(uint32_t)r, (uint32_t)n};
                n++;
                count[path]++;
            }
}

static double weights_of(const spt_device_network *network) {
    double weights = 0.0;
    for (uint32_t l = 0; l < network->n_layers; l++)
        weights += (double)network->layers[l].fan_in * network->layers[l].fan_out;
    return weights;
}

static cudaError_t time_forward(const spt_kernel_bench *bench, const probe_space *s, const spt_probe *probe,
                                spt_forward_path path, size_t first, size_t n) {
    static const char *const NAMES[] = {"narrow", "medium", "wide", "widest", "by layers"};
    const spt_group *group = bench->group;
    const spt_rows rows = {probe->geometry == SPT_GEOMETRY_POINTS ? s->points : NULL,
                           s->origin,
                           s->direction,
                           0,
                           probe->t0,
                           probe->dt,
                           0,
                           (uint32_t)(s->series * probe->samples),
                           (uint32_t)probe->inputs,
                           (uint32_t)probe->samples};
    const spt_forward_output output = {s->output, s->run_floats, rows.count};
    const double points = probe->geometry == SPT_GEOMETRY_LINES ? 2.0 * (double)s->series : rows.count;
    double flops = 0.0, bytes = 4.0 * points * (double)probe->inputs;
    uint32_t width = 0;
    for (size_t i = first; i < first + n; i++) {
        const spt_device_network *network = &group->network[s->runs[i].network];
        flops += 2.0 * rows.count * weights_of(network);
        bytes += 4.0 * (weights_of(network) + (double)rows.count * network->outputs);
        width = network->width > width ? network->width : width;
    }
    const spt_measurement m =
        spt_measurement_of(flops, bytes, "", "probe %s, forward, %zu %s", probe->name, n, NAMES[path]);
    return spt_kernel_bench_time(bench, m, [&]() {
        cudaError_t error = cudaSuccess;
        if (path != SPT_FORWARD_LAYERS)
            return spt_forward_fused(path, group->network_d, s->runs_d + first, n, width, &rows, &output,
                                     bench->timer.stream);
        for (size_t i = first; i < first + n && error == cudaSuccess; i++)
            error = spt_forward_layers(group->network_d, &group->network[s->runs[i].network], s->runs[i], &rows,
                                       &output, s->wide, s->wide_floats, bench->timer.stream);
        return error;
    });
}

static cudaError_t time_spectra(const spt_kernel_bench *bench, const probe_space *s, const spt_probe *probe) {
    const size_t n_runs = bench->group->spec.n_runs, transforms = probe->outputs * s->series;
    const double numbers = (double)probe->samples, all = (double)(n_runs * transforms);
    cudaError_t error = spt_kernel_bench_time(
        bench,
        spt_measurement_of(2.5 * all * numbers * log2(numbers), all * (4.0 * numbers + 8.0 * (double)s->bins), "cufft",
                           "probe %s, transforms", probe->name),
        [&]() {
            for (size_t r = 0; r < n_runs; r++)
                if (cufftExecR2C(s->plan, s->output + r * s->run_floats, s->spectrum + r * transforms * s->bins) !=
                    CUFFT_SUCCESS)
                    return cudaErrorUnknown;
            return cudaSuccess;
        });
    const spt_spectra spectra = {s->spectrum, (uint32_t)probe->outputs, (uint32_t)s->series, (uint32_t)s->bins,
                                 (uint32_t)probe->energy_size};
    if (error == cudaSuccess)
        error = spt_kernel_bench_time(
            bench,
            spt_measurement_of(4.0 * all * (double)s->bins, 8.0 * all * (double)s->bins, "", "probe %s, energies",
                               probe->name),
            [&]() { return spt_spectra_sum(&spectra, n_runs, true, s->energy, bench->timer.stream); });
    return error;
}

static spt_status make_plan(probe_space *s, const spt_probe *probe, cudaStream_t stream, spt_error *err) {
    int samples = (int)probe->samples, bins = (int)s->bins;
    cufftResult result = cufftPlanMany(&s->plan, 1, &samples, &samples, 1, samples, &bins, 1, bins, CUFFT_R2C,
                                       (int)(probe->outputs * s->series));
    s->planned = result == CUFFT_SUCCESS;
    if (s->planned)
        result = cufftSetStream(s->plan, stream);
    return spt_cufft_check(result, "timing transforms", err);
}

/** How much of the probe, and where. */
static cudaError_t make_space(probe_space *s, const spt_group *group, const spt_probe *probe, size_t *count) {
    const size_t n_runs = group->spec.n_runs, of_series = probe->samples * probe->outputs;
    size_t most = OUTPUT_BYTES / sizeof(float) / of_series / n_runs;
    int shared = 0;
    s->series = most < 1 ? 1 : most < probe->series ? most : probe->series;
    s->run_floats = (s->series * of_series + 3) / 4 * 4;
    s->bins = probe->samples / 2 + 1;
    cudaError_t error = cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, group->device->index);
    s->runs = (spt_forward_run *)calloc(n_runs, sizeof *s->runs);
    if (s->runs == NULL)
        return cudaErrorMemoryAllocation;
    sort_runs(s, group, (size_t)shared, count);
    for (size_t i = n_runs - count[SPT_FORWARD_LAYERS]; i < n_runs; i++) {
        const size_t floats = spt_forward_layers_floats(group->network[s->runs[i].network].width);
        s->wide_floats = floats > s->wide_floats ? floats : s->wide_floats;
    }
    if (error == cudaSuccess)
        error = cudaMalloc(&s->memory_d, place_all(s, (char *)256, probe, n_runs)); // only counts: no place yet
    if (error == cudaSuccess) {
        (void)place_all(s, s->memory_d, probe, n_runs);
        error = fill(s, probe, n_runs);
    }
    if (error == cudaSuccess) // what is timed is in a stream that does not wait for the default one
        error = cudaDeviceSynchronize();
    return error;
}

/** Exact spectra: all of the probe, as it is measured. Of the corners only the ends of the lines are in the floor: how
 * many there are between is not known before. */
static spt_status time_lines(const spt_kernel_bench *bench, size_t p, spt_error *err) {
    const spt_group *group = bench->group;
    const spt_probe *probe = group->spec.probes[p];
    const size_t around = probe->perturb.n_norms * probe->perturb.directions;
    const double networks = around > 0 ? (double)around : 1.0; // of a run
    double flops = 0.0, bytes = 8.0 * (double)(probe->series * probe->inputs);
    for (size_t r = 0; r < group->spec.n_runs; r++) {
        const double weights = weights_of(&group->network[r]);
        flops += networks * 2.0 * 2.0 * (double)probe->series * weights;
        bytes += 4.0 * weights + 8.0 * (double)probe->energy_size;
    }
    spt_status status = SPT_OK;
    const cudaError_t error =
        spt_kernel_bench_time(bench, spt_measurement_of(flops, bytes, "", "probe %s, along lines", probe->name), [&]() {
            status = spt_cuda_probe_start(group->probe[p], bench->timer.stream, err);
            return status == SPT_OK ? cudaSuccess : cudaErrorUnknown;
        });
    return status != SPT_OK ? status : spt_cuda_check(error, "timing a probe", err);
}

spt_status spt_cuda_bench_probe(const spt_kernel_bench *bench, size_t p, spt_error *err) {
    const spt_probe *probe = bench->group->spec.probes[p];
    probe_space s = {};
    size_t count[SPT_FORWARD_LAYERS + 1], first = 0;
    const bool plain = probe->transform == SPT_TRANSFORM_DFT && probe->detrend == SPT_DETREND_NONE;
    if (probe->transform == SPT_TRANSFORM_SEGMENTS)
        return time_lines(bench, p, err);
    if (probe->perturb.n_norms > 0)
        return spt_cuda_bench_transforms(bench, p, err);
    spt_status status = SPT_OK;
    cudaError_t error = make_space(&s, bench->group, probe, count);
    if (plain && error == cudaSuccess)
        status = make_plan(&s, probe, bench->timer.stream, err);
    for (int path = 0; path <= SPT_FORWARD_LAYERS && error == cudaSuccess && status == SPT_OK; path++) {
        if (count[path] > 0)
            error = time_forward(bench, &s, probe, (spt_forward_path)path, first, count[path]);
        first += count[path];
    }
    if (plain && error == cudaSuccess && status == SPT_OK)
        error = time_spectra(bench, &s, probe);
    if (s.planned)
        (void)cufftDestroy(s.plan);
    (void)cudaFree(s.memory_d);
    free(s.runs);
    if (!plain && error == cudaSuccess && status == SPT_OK)
        status = spt_cuda_bench_transforms(bench, p, err);
    return status != SPT_OK ? status : spt_cuda_check(error, "timing a probe", err);
}
