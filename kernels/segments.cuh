// Exact spectra along lines (science.md, probe 7): where networks bend, and the Fourier coefficients that follow. Twin
// of host/cpu/segments_probe.c.
//
// Agreement with the CPU: both find the corners in float64 and sum in orders of their own, so energies differ by some
// 1e-15 of the total per corner. A unit that is zero but for rounding along a piece of the way may be zero here and not
// there, or the other way around: it makes corners then, but none that f shows.
#ifndef SPT_KERNELS_SEGMENTS_CUH
#define SPT_KERNELS_SEGMENTS_CUH

#include <cuda_runtime.h>
#include <stddef.h>

#include "network.cuh"
#include "probe_forward.cuh"

// Lines of some runs. All pointers are device memory.
typedef struct spt_segments {
    spt_rows rows;  // lines, the first at its origin; each from t0, `samples` samples of dt long
    uint32_t lines; // of a run
    uint32_t outputs, energies;
    bool ends;         // less the straight line through f at the ends of the window
    double *energy;    // (slots, lines, energies), written: sums over outputs of |c_k|^2
    uint32_t *corners; // (slots, lines), written: places where hidden units switch on or off
    double *space;     // (blocks, space_numbers)
    uint64_t space_numbers;
    uint32_t widest; // of all layers of all networks
} spt_segments;

/** float64 numbers of space that a block wants for lines of any of these networks (host copies), and their widest
 * layer.
 */
size_t spt_segments_space(const spt_device_network *networks, size_t n_networks, size_t energies, uint32_t *widest);

/** Blocks that keep a device of so many multiprocessors busy, at most one a line. */
size_t spt_segments_blocks(size_t lines, size_t processors);

/** Energies of every line of n_runs runs. networks, runs: device. A line's numbers depend on it and on the network's
 *  parameters alone, not on the blocks, the slot or what else is there. */
cudaError_t spt_segments_lines(const spt_device_network *networks, const spt_forward_run *runs, size_t n_runs,
                               const spt_segments *segments, size_t blocks, cudaStream_t stream);

/** Energies of the lines of each slot, added in their order: to energy (slots, energies), or, first, in its place. */
cudaError_t spt_segments_sum(const spt_segments *segments, size_t n_runs, bool first, double *energy,
                             cudaStream_t stream);

#endif
