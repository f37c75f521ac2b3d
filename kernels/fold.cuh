// Energies as sums over coefficients: the transforms dft2 and basis (spectrain/probe.h). Twin of add_folded in
// host/cpu/folded.c.
#ifndef SPT_KERNELS_FOLD_CUH
#define SPT_KERNELS_FOLD_CUH

#include <cuda_runtime.h>
#include <cufft.h>
#include <stddef.h>
#include <stdint.h>

// spt_fold on the device.
typedef struct spt_device_fold {
    const uint64_t *first; // (energies + 1)
    const uint32_t *index; // (first[energies]), each less than coefficients
    const double *weight;
    uint32_t energies;
    uint64_t coefficients;
} spt_device_fold;

/** Sum over outputs of the fold of |c|^2, for n networks: spectrum (n, outputs, coefficients) into energy (n,
 * energies). All are device memory. A network's sums do not depend on n. */
cudaError_t spt_fold_spectra(const spt_device_fold *fold, const cufftComplex *spectrum, size_t outputs, size_t n,
                             double *energy, cudaStream_t stream);
/** The same of c^2: product (n, outputs, coefficients). */
cudaError_t spt_fold_products(const spt_device_fold *fold, const double *product, size_t outputs, size_t n,
                              double *energy, cudaStream_t stream);

#endif
