// Exact spectra of networks along lines, all of a line in one block. Twin of host/cpu/segments_probe.c.
//
// Map:    a block of 256 threads takes line after line of all runs, as many blocks as keep the device busy; lines of
//         the widest runs come first. Along a line: corners layer by layer, up to 32 of them at a time
//         (segments_walk.cuh): products by all threads (segments_product.cuh), crossings of a segment and the corners
//         they make by a warp; at the last layer the coefficients (segments_spectrum.cuh).
// Shared: 38,096 bytes: slabs of a product, 13,056; phases of 31 segments at 32 frequencies, 15,872; the state of 65
//         layers. All else is in global memory, bounded by the network's shape, and so in the L2 cache: x and z of a
//         layer, 512 width bytes, and what is touched of the crossings' lists.
// Bound:  2 P FLOP in float64 a corner, and 16 bytes of weights read for every 64 P FLOP from the L2 cache: arithmetic
//         where float64 is half as fast as float32 (sm_80, sm_90). A line has about as many corners as units that
//         switch along it, some h a hidden layer of width h; between its products a block waits at some ten barriers a
//         corner, so several blocks share a multiprocessor.
#include "segments.cuh"

#include "launch.cuh"
#include "segments_spectrum.cuh"
#include "segments_walk.cuh"
#include "shared.cuh"

enum { BLOCKS_A_PROCESSOR = 2, SUM_THREADS = 128 };

/** The ends of a line as corners 0 and 1 of the first layer, or, with looks, points of it as rows 0 .. LOOKS - 1. */
static __device__ void set_line(const spt_rows &rows, uint32_t line, walk_layer &layer, bool looks) {
    const float *const origin = rows.origin + (uint64_t)line * rows.inputs;
    const float *const direction = rows.direction + (uint64_t)line * rows.inputs;
    const double end = rows.t0 + (double)rows.samples * rows.dt;
    const uint32_t points = looks ? SEGMENTS_LOOKS : 2;
    for (uint32_t j = threadIdx.x; j < rows.inputs; j += SEGMENTS_THREADS) {
        const double a = (double)origin[j] + rows.t0 * (double)direction[j];
        const double b = (double)origin[j] + end * (double)direction[j];
        for (uint32_t i = 0; i < points; i++)
            layer.x[(uint64_t)i * rows.inputs + j] =
                i + 1 == points ? b : a + (double)i / (double)(points - 1) * (b - a);
    }
    if (threadIdx.x == 0 && !looks) {
        layer.u[0] = 0.0;
        layer.u[1] = 1.0;
        layer.n = 2;
    }
    __syncthreads();
}

static __global__ void __launch_bounds__(SEGMENTS_THREADS, BLOCKS_A_PROCESSOR)
    segments_lines(const spt_device_network *networks, const spt_forward_run *runs, const spt_segments s,
                   uint64_t n_lines) {
    SPT_SHARED(segments_slabs, slabs);
    SPT_SHARED(segments_phases, phases);
    SPT_SHARED(walk_layer, layers, [SEGMENTS_LAYERS_MOST]);
    SPT_SHARED(double, parts, [SEGMENTS_WARPS]);
    double *const space = s.space + blockIdx.x * s.space_numbers;
    double *const room = space + threadIdx.x / 32 * 2 * (uint64_t)s.widest;
    const walk_found found = {room, (uint32_t *)(room + s.widest)};
    const segments_spectrum spectrum =
        segments_spectrum_at(space + walk_found_numbers(s.widest), s.outputs, s.energies);
    double *const of_layers = spectrum.first + segments_spectrum_numbers(s.outputs, s.energies);
    for (uint64_t i = blockIdx.x; i < n_lines; i += gridDim.x) {
        const spt_forward_run run = runs[i / s.lines];
        const spt_device_network network = networks[run.network];
        const spt_rows rows = spt_rows_of(s.rows, run.slot);
        const uint32_t line = (uint32_t)(i % s.lines), last = network.n_layers - 1;
        const uint64_t at = (uint64_t)run.slot * s.lines + line;
        if (threadIdx.x == 0)
            walk_init(network, of_layers, layers);
        __syncthreads();
        set_line(rows, line, layers[0], true);
        walk_measure_rounding(layers, last, parts, slabs);
        set_line(rows, line, layers[0], false);
        const uint32_t corners = walk(layers, last, found, slabs, [&](const walk_layer &layer) {
            segments_spectrum_take(spectrum, layer.u, layer.z, layer.n, layer.known != 0, phases);
        });
        segments_spectrum_end(spectrum, layers[last].z, s.ends, s.energy + at * s.energies);
        if (threadIdx.x == 0)
            s.corners[at] = corners;
        __syncthreads(); // the layers are about to be another network's
    }
}

static __global__ void __launch_bounds__(SUM_THREADS)
    segments_sum(const spt_segments s, uint32_t blocks, bool first, double *energy) {
    const uint32_t slot = blockIdx.x / blocks, k = blockIdx.x % blocks * SUM_THREADS + threadIdx.x;
    if (k >= s.energies)
        return;
    const double *const lines = s.energy + (uint64_t)slot * s.lines * s.energies + k;
    double *const to = energy + (uint64_t)slot * s.energies + k;
    double sum = first ? 0.0 : *to;
    for (uint32_t m = 0; m < s.lines; m++)
        sum += lines[(uint64_t)m * s.energies];
    *to = sum;
}

// ---- the host's side

size_t spt_segments_space(const spt_device_network *networks, size_t n_networks, size_t energies, uint32_t *widest) {
    size_t most = 0;
    *widest = 0;
    for (size_t r = 0; r < n_networks; r++) {
        size_t numbers = segments_spectrum_numbers(networks[r].outputs, energies);
        for (uint32_t l = 0; l < networks[r].n_layers; l++) {
            const spt_device_layer *layer = &networks[r].layers[l];
            numbers += walk_layer_numbers(*layer, l + 1 == networks[r].n_layers);
            *widest = layer->fan_out > *widest ? layer->fan_out : *widest;
        }
        most = numbers > most ? numbers : most;
    }
    return most + walk_found_numbers(*widest);
}

size_t spt_segments_blocks(size_t lines, size_t processors) {
    const size_t blocks = BLOCKS_A_PROCESSOR * processors;
    return lines < blocks ? lines : blocks;
}

cudaError_t spt_segments_lines(const spt_device_network *networks, const spt_forward_run *runs, size_t n_runs,
                               const spt_segments *segments, size_t blocks, cudaStream_t stream) {
    return spt_launch(segments_lines, (unsigned)blocks, SEGMENTS_THREADS, 0, stream, networks, runs, *segments,
                      (uint64_t)n_runs * segments->lines);
}

cudaError_t spt_segments_sum(const spt_segments *segments, size_t n_runs, bool first, double *energy,
                             cudaStream_t stream) {
    const unsigned blocks = spt_blocks(segments->energies, SUM_THREADS);
    return spt_launch(segments_sum, (unsigned)n_runs * blocks, SUM_THREADS, 0, stream, *segments, blocks, first,
                      energy);
}
