// Energies: |DFT|^2 summed over the series and outputs of a run. Twin of compute in host/cpu/probe.c.
//
// Map:    a block per (run, strip of 32 frequencies); its 16 warps share the series, each an unbroken part of them, a
//         lane a frequency.
// Shared: the warps' sums, 16 x 32 float64: a lane's column is read by consecutive threads, no conflicts.
// Bound:  8 bytes read for 4 FLOP: memory.
//
// Sums are float64. A warp adds series after series, and the outputs of each, in that order; then the warps' sums are
// added in their order. The parts depend on the count of series alone, which is the probe's, not the group's.
// (The CPU cuts the series where its caches end, and transforms in float64: the order differs, and the last bits.)
#include "spectra.cuh"

#include "launch.cuh"
#include "shared.cuh"

enum { STRIP = 32, PARTS = 16 };

static __global__ void __launch_bounds__(STRIP *PARTS)
    spectra_sum(const spt_spectra spectra, uint32_t strips, bool first, double *energy) {
    SPT_SHARED(double, sums, [PARTS][STRIP]);
    const uint32_t run = blockIdx.x / strips, lane = threadIdx.x % STRIP, part = threadIdx.x / STRIP;
    const uint32_t k = blockIdx.x % strips * STRIP + lane;
    const uint32_t length = (spectra.series + PARTS - 1) / PARTS, begin = part * length;
    const uint32_t end = begin + length < spectra.series ? begin + length : spectra.series;
    const uint64_t of_output = (uint64_t)spectra.series * spectra.bins;
    const cufftComplex *mine = spectra.spectrum + (uint64_t)run * spectra.outputs * of_output + k;
    double sum = 0.0;
    if (k < spectra.energy_size)
        for (uint32_t s = begin; s < end; s++)
            for (uint32_t j = 0; j < spectra.outputs; j++) {
                const cufftComplex f = mine[j * of_output + (uint64_t)s * spectra.bins];
                sum += (double)f.x * f.x + (double)f.y * f.y;
            }
    sums[part][lane] = sum;
    __syncthreads();
    if (part != 0 || k >= spectra.energy_size)
        return;
    double total = sums[0][lane];
    for (uint32_t p = 1; p < PARTS; p++)
        total += sums[p][lane];
    double *at = energy + (uint64_t)run * spectra.energy_size + k;
    *at = first ? total : *at + total;
}

cudaError_t spt_spectra_sum(const spt_spectra *spectra, size_t n_runs, bool first, double *energy,
                            cudaStream_t stream) {
    const uint32_t strips = spt_blocks(spectra->energy_size, STRIP);
    return spt_launch(spectra_sum, (unsigned)(n_runs * strips), STRIP * PARTS, 0, stream, *spectra, strips, first,
                      energy);
}
