// The inside of a probe, between probe.cu, which makes it, and probe_energy.cu, which measures with it.
//
// The work is cut twice. Series: a chunk of them at a time, as many as keep a run's outputs within CHUNK_FLOATS; the
// sums of the chunks are added in their order. Runs: as many at a time as keep the buffers within CHUNK_BYTES. One plan
// transforms one chunk of one run, whatever the group: cuFFT may choose its algorithm by the size of a batch.
#ifndef SPT_KERNELS_PROBE_PARTS_CUH
#define SPT_KERNELS_PROBE_PARTS_CUH

#include <cufft.h>

#include "adversarial.cuh"
#include "probe.cuh"
#include "probe_forward.cuh"
#include "segments.cuh"

// How a probe is cut, by the probe alone but for the runs.
typedef struct spt_probe_cuts {
    size_t series; // of a chunk; the last may have fewer
    size_t runs;
    size_t bins;     // samples / 2 + 1
    size_t outputs;  // floats that the outputs of a chunk of one run take (segments: the energies of its lines): a
                     // multiple of 4, so that cuFFT finds every run's aligned
    size_t spectrum; // complex numbers, likewise
    size_t direction,
        gradient; // floats of a run's own directions in a chunk, and of what makes them; 0: they are given
} spt_probe_cuts;

struct spt_cuda_probe {
    const spt_probe *probe;
    spt_probe_networks networks;
    spt_probe_cuts cuts;
    size_t shared_bytes; // that a block of the device may have
    // device, own
    char *memory_d;
    spt_rows rows;
    double *energy_d;        // (n_runs, energy_size)
    spt_forward_run *runs_d; // (n_runs) as `runs`
    // device, the space
    float *output_d;             // (cuts.runs, outputs, series of a chunk * samples)
    cufftComplex *spectrum_d;    // (cuts.runs, outputs, series of a chunk, bins)
    float *wide_d;               // for networks that do not fit on chip
    spt_adversarial adversarial; // of a chunk of runs and of series
    spt_segments segments;       // likewise
    size_t segments_blocks;
    size_t wide_floats; // 0: there are none
    // host
    double *energy;        // (n_runs, energy_size) pinned
    spt_forward_run *runs; // (n_runs) of a chunk of runs after another, by path and falling width
    cufftHandle plan[2];   // of a whole chunk of series, and of what is left for the last
    bool planned[2];
};

/** The path of a network, by the device's shared memory. */
static inline spt_forward_path spt_probe_path(const spt_device_network *network, size_t shared_bytes) {
    return spt_forward_choose(network->width, shared_bytes);
}

// ---- probe_lines.cu
/** What directions of each run take; cuts->series is known. */
void spt_probe_lines_cut(const spt_probe *probe, const spt_probe_networks *networks, spt_probe_cuts *cuts);
/** Their places: direction (cuts.runs, cuts.direction), space (cuts.runs, cuts.gradient). */
void spt_probe_lines_init(spt_cuda_probe *p, float *direction, float *space);
/** Rows of `series` series from s on for n runs of p->runs, from `first` on, whose own directions are made if they have
 *  them. */
cudaError_t spt_probe_lines_of(spt_cuda_probe *p, size_t first, size_t n, size_t s, size_t series, spt_rows *rows,
                               cudaStream_t stream);

// ---- probe_segments.cu
/** Errors: SPT_EINVAL not lines, no energies. */
spt_status spt_probe_segments_check(const spt_probe *probe, spt_error *err);
/** Floats of what a line leaves. */
size_t spt_probe_segments_floats(const spt_probe *probe);
/** How many blocks walk at a time, in at most so many bytes if one fits, and what each takes; the cuts are known. */
void spt_probe_segments_measure(spt_cuda_probe *p, size_t processors, size_t bytes);
/** Energies of n runs of p->runs, from `first` on. */
spt_status spt_probe_segments_energy(spt_cuda_probe *p, size_t first, size_t n, cudaStream_t stream, spt_error *err);

/** Errors of CUDA and cuFFT, with the probe's name. */
spt_status spt_probe_check_cuda(const spt_probe *probe, cudaError_t error, const char *attempt, spt_error *err);
spt_status spt_probe_check_cufft(const spt_probe *probe, cufftResult result, const char *attempt, spt_error *err);

#endif
