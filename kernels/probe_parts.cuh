// The inside of a probe, between probe_cuts.cu, which cuts it, probe.cu, which makes it, probe_energy.cu, which
// measures with it, and perturbed.cu, which does so around each run.
//
// The work is cut twice. Series: of a dft a chunk of them at a time, as many as keep a network's outputs within
// CHUNK_FLOATS (probe_cuts.cu); the sums of the chunks are added in their order. Networks: as many at a time as keep
// the buffers within SPT_PROBE_CHUNK_BYTES. One plan transforms one chunk of one run, whatever the group: cuFFT may
// choose its algorithm by the size of a batch. Networks around a run are many and small: one plan takes a number of
// them that the probe decides.
#ifndef SPT_KERNELS_PROBE_PARTS_CUH
#define SPT_KERNELS_PROBE_PARTS_CUH

#include <cufft.h>

#include "adversarial.cuh"
#include "fold.cuh"
#include "perturb.cuh"
#include "probe.cuh"
#include "probe_forward.cuh"
#include "segments.cuh"

enum { SPT_PROBE_CHUNK_BYTES = 1 << 28 }; // of buffers

// How a probe is cut, by the probe alone but for the networks.
typedef struct spt_probe_cuts {
    size_t energies; // of one network: the probe's energy_size without the norms of a perturbation
    size_t around;   // networks around each run that are measured instead of it; 0: the run's own
    size_t series;   // of a chunk; the last may have fewer
    size_t slots;    // networks at a time, a multiple of `unit`
    size_t unit;     // of a plan
    size_t bins;     // length of a transform / 2 + 1
    size_t outputs; // floats that the outputs of a chunk of one network take (segments: the energies of its lines): the
                    // first of every plan is aligned to 16 bytes, as cuFFT likes it
    size_t spectrum;            // complex numbers; those of every plan follow each other
    size_t products;            // float64 numbers: inner products with a basis
    size_t direction, gradient; // floats of a network's own directions in a chunk, and of what makes them; 0: they are
                                // given
    size_t moved, lengths;      // floats of the parameters of all networks around a run that are there at a time, and
                                // float64 numbers of what spt_perturb wants
} spt_probe_cuts;

struct spt_cuda_probe {
    const spt_probe *probe;
    spt_probe_networks networks;
    spt_probe_cuts cuts;
    size_t shared_bytes; // that a block of the device may have
    // device, own
    char *memory_d;
    spt_rows rows;
    spt_device_fold fold;
    float *basis_d;          // (coefficients, rows)
    double *energy_d;        // (n_runs, energy_size)
    spt_forward_run *runs_d; // as `runs`
    float *radius_d;         // (norms)
    // device, the space
    float *output_d;             // (slots, outputs, series of a chunk * samples)
    cufftComplex *spectrum_d;    // (slots, outputs, series of a chunk, bins)
    double *product_d;           // (slots, outputs, coefficients)
    float *wide_d;               // for networks that do not fit on chip
    spt_adversarial adversarial; // of a chunk of networks and of series
    spt_segments segments;       // likewise
    size_t segments_blocks;
    size_t wide_floats;            // 0: there are none
    float *moved_d;                // (networks, the run's block)
    double *length_d;              // space of spt_perturb
    spt_device_network *network_d; // (slots) of the moved parameters
    double *slot_energy_d;         // (slots, cuts.energies)
    // host
    double *energy;        // (n_runs, energy_size) pinned
    spt_forward_run *runs; // (n_runs) of a chunk of runs after another, by path and falling width; or, of networks
                           // around a run, (slots) as they are
    cufftHandle plan[2];   // of a whole chunk of series, and of what is left for the last
    bool planned[2];
};

// Networks that are measured together.
typedef struct spt_probe_batch {
    const spt_device_network *networks; // table on the device
    const spt_forward_run *runs_d;      // (n) which of the table, and their slots
    const spt_forward_run *runs;        // the same on the host
    const spt_device_network *host;     // their host copies, as runs say; or
    const spt_device_network *alike;    // one that stands for all of them
    size_t n;
    double *energy_d; // (n, cuts.energies) by slot
} spt_probe_batch;

/** The path of a network, by the device's shared memory. */
static inline spt_forward_path spt_probe_path(const spt_device_network *network, size_t shared_bytes) {
    return spt_forward_choose(network->width, shared_bytes);
}

static inline size_t spt_probe_n_rows(const spt_probe *probe) {
    return probe->series * probe->samples;
}
static inline bool spt_probe_is_folded(const spt_probe *probe) {
    return probe->transform == SPT_TRANSFORM_DFT2 || probe->transform == SPT_TRANSFORM_BASIS;
}

// ---- probe_cuts.cu

/** Reads no array. Errors: SPT_EINVAL a probe that the device does not know, or sizes that do not go together. */
spt_status spt_probe_check(const spt_probe *probe, spt_error *err);
/** Errors: SPT_EINVAL numbers in the probe's arrays that are out of range. */
spt_status spt_probe_check_arrays(const spt_probe *probe, spt_error *err);
spt_probe_cuts spt_probe_cut(const spt_probe *probe, const spt_probe_networks *networks);
/** Networks around a run of this shape that are there at a time, at least 1. */
size_t spt_probe_at_a_time(const spt_probe_cuts *cuts, const spt_device_network *network);

// ---- probe_energy.cu: sums of squares, neither scaled nor divided

/** Start measuring the energies of networks. */
spt_status spt_probe_measure(spt_cuda_probe *p, const spt_probe_batch *batch, cudaStream_t stream, spt_error *err);
/** DFTs of `series` series of the outputs of n networks, in the stream that the plans have, as many networks at a time
 *  as a plan takes: where there are fewer, what is in the places of the others is transformed too, and nobody looks at
 *  it. */
cufftResult spt_probe_transform(const spt_cuda_probe *p, size_t n, size_t series);

// ---- probe_lines.cu

/** What directions of each network take; cuts->series is known. */
void spt_probe_lines_cut(const spt_probe *probe, const spt_probe_networks *networks, spt_probe_cuts *cuts);
/** Their places: direction (slots, cuts.direction), space (slots, cuts.gradient). */
void spt_probe_lines_init(spt_cuda_probe *p, float *direction, float *space);
/** Rows of `series` series from s on for some networks, whose own directions are made if they have them. */
cudaError_t spt_probe_lines_of(spt_cuda_probe *p, const spt_probe_batch *batch, size_t s, size_t series, spt_rows *rows,
                               cudaStream_t stream);

// ---- probe_segments.cu

/** Errors: SPT_EINVAL not lines, too many energies. */
spt_status spt_probe_segments_check(const spt_probe *probe, spt_error *err);
/** Floats of what a line leaves, of so many energies. */
size_t spt_probe_segments_floats(size_t energies);
/** How many blocks walk at a time, in at most so many bytes if one fits, and what each takes; the cuts are known. */
void spt_probe_segments_measure(spt_cuda_probe *p, size_t processors, size_t bytes);
/** spt_probe_measure of this transform. */
spt_status spt_probe_segments_energy(spt_cuda_probe *p, const spt_probe_batch *batch, cudaStream_t stream,
                                     spt_error *err);

// ---- perturbed.cu

/** Start measuring networks around each run, whose energies are added up over the directions. */
spt_status spt_probe_measure_around(spt_cuda_probe *p, cudaStream_t stream, spt_error *err);

/** Errors of CUDA and cuFFT, with the probe's name. */
spt_status spt_probe_check_cuda(const spt_probe *probe, cudaError_t error, const char *attempt, spt_error *err);
spt_status spt_probe_check_cufft(const spt_probe *probe, cufftResult result, const char *attempt, spt_error *err);

#endif
