// Probes on the device: outputs on a probe's points, their transforms, their energies; of the runs or of networks
// around them. Twin of host/cpu/probe.c.
//
// What a run's energies depend on: its parameters and the probe. The cuts into chunks, the plans and the order of sums
// are chosen by the probe alone, so that a run has the same bits alone and in any group.
//
// Agreement with the CPU: each energy within 1e-5 of the total energy (the sum over frequencies) of the run. Outputs
// are chains of float32 sums in another order, good to some 1e-6; a float32 DFT of N samples adds an error of the order
// of 6e-8 log2(N) of the root of the total energy to every |DFT|, hence at most some 2e-6 of the total to an energy.
// Where a transform leaves little of the outputs (series without the line through their ends, few waves of a basis) the
// total is that of the outputs: for a basis, the squares of the outputs' and the longest vector's lengths (basis.cuh).
#ifndef SPT_KERNELS_PROBE_CUH
#define SPT_KERNELS_PROBE_CUH

#include <cuda_runtime.h>
#include <stddef.h>

#include "network.cuh"
#include "spectrain/error.h"
#include "spectrain/probe.h"

typedef struct spt_cuda_probe spt_cuda_probe;

// Networks that a probe is for: the group's table on the device, and the host's copy of it, whose pointers are device
// memory but for `layers`; and the loss that they are trained with.
typedef struct spt_probe_networks {
    const spt_device_network *device, *host;
    size_t n_runs;
    spt_loss loss;
} spt_probe_networks;

// Device memory that a probe takes, in bytes.
typedef struct spt_probe_bytes {
    size_t own;   // its points, basis, fold, lists and energies
    size_t space; // while it runs, and what is there may be lost after: outputs, spectra, cuFFT's area, wide networks,
                  // perturbed parameters
} spt_probe_bytes;

/** What a probe takes for a group; of the networks the shapes alone count. cuFFT is asked by making the plans.
 *  Errors: as spt_cuda_probe_create. */
spt_status spt_cuda_probe_measure(const spt_probe *probe, const spt_probe_networks *networks, spt_probe_bytes *bytes,
                                  spt_error *err);

/** Make plans and buffers. probe, the tables of networks and space (as many bytes as measured, aligned to 256) are
 *  borrowed and must live as long as *out. *out: spt_cuda_probe_destroy. Errors: SPT_EINVAL a transform or a geometry
 *  that the device does not know; SPT_ENOMEM; SPT_EDEVICE. */
spt_status spt_cuda_probe_create(const spt_probe *probe, const spt_probe_networks *networks, void *space,
                                 spt_cuda_probe **out, spt_error *err);

/** Start measuring the energies of all networks; nothing waits for the host. Errors: SPT_EDEVICE. */
spt_status spt_cuda_probe_start(spt_cuda_probe *probe, cudaStream_t stream, spt_error *err);
/** When all that was started is done: energies into energy, host memory (n_runs, energy_size). */
void spt_cuda_probe_read(const spt_cuda_probe *probe, double *energy);

/** Takes NULL. Nothing that was started may be under way. */
void spt_cuda_probe_destroy(spt_cuda_probe *probe);

#endif
