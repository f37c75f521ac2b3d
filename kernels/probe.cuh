// Probes on the device: outputs on a probe's points, their DFTs, their energies. Twin of host/cpu/probe.c.
//
// What a run's energies depend on: its parameters and the probe. The cuts into chunks, the plans and the order of sums
// are chosen by the probe alone, so that a run has the same bits alone and in any group.
//
// Agreement with the CPU: each energy within 1e-5 of the total energy (the sum over frequencies) of the run. Outputs
// are chains of float32 sums in another order, good to some 1e-6; a float32 DFT of N samples adds an error of the order
// of 6e-8 log2(N) of the root of the total energy to every |DFT|, hence at most some 2e-6 of the total to an energy.
#ifndef SPT_KERNELS_PROBE_CUH
#define SPT_KERNELS_PROBE_CUH

#include <cuda_runtime.h>
#include <stddef.h>

#include "network.cuh"
#include "spectrain/error.h"
#include "spectrain/probe.h"

typedef struct spt_cuda_probe spt_cuda_probe;

/** Bytes of device memory that a probe takes for a group of n_runs, cuFFT's own space and the space of networks too
 * wide to fit on chip (32 MiB up to a width of 32,768) not counted. 0 for a probe that create refuses. */
size_t spt_cuda_probe_bytes(const spt_probe *probe, size_t n_runs);

/** Make plans and buffers. probe is borrowed and must live as long as *out. *out: spt_cuda_probe_destroy.
 *  Errors: SPT_EINVAL a transform or a geometry that the device does not know; SPT_ENOMEM; SPT_EDEVICE. */
spt_status spt_cuda_probe_create(const spt_probe *probe, size_t n_runs, spt_cuda_probe **out, spt_error *err);

/** Energies of n_runs networks (at most as many as at create) into energy, host memory (n_runs, energy_size).
 *  networks_d and networks_host are the same table; the latter's pointers are device memory but for `layers`. Returns
 *  when the energies are there. Errors: SPT_EINVAL too many runs; SPT_ENOMEM the space of a wide network, which is made
 *  when the first is met and kept; SPT_EDEVICE. On error energy is untouched. */
spt_status spt_cuda_probe_energy(spt_cuda_probe *probe, const spt_device_network *networks_d,
                                 const spt_device_network *networks_host, size_t n_runs, cudaStream_t stream,
                                 double *energy, spt_error *err);

/** Takes NULL. */
void spt_cuda_probe_destroy(spt_cuda_probe *probe);

#endif
