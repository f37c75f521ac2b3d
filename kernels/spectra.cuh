// Energies out of the DFTs of a probe's outputs.
#ifndef SPT_KERNELS_SPECTRA_CUH
#define SPT_KERNELS_SPECTRA_CUH

#include <cuda_runtime.h>
#include <cufft.h>
#include <stddef.h>
#include <stdint.h>

// DFTs of some series of every run of a chunk: spectrum (runs, outputs, series, bins).
typedef struct spt_spectra {
    const cufftComplex *spectrum;
    uint32_t outputs, series, bins;
    uint32_t energy_size; // of the bins, those that are kept: the first
} spt_spectra;

/** Sum of |DFT|^2 over series and outputs, per run and frequency, into energy (n_runs, energy_size): set when these are
 *  the first series of the probe, else added to what is there. */
cudaError_t spt_spectra_sum(const spt_spectra *spectra, size_t n_runs, bool first, double *energy, cudaStream_t stream);

#endif
