// Energies out of squared moduli, added up as the fold says.
//
// Map:    a thread an energy of a network; the outputs one after another, of each the terms in the fold's order, which
//         is the CPU's.
// Shared: none.
// Bound:  memory: of every term and output a coefficient of 8 bytes, and 12 of the fold, which the networks share in
// the
//         L2 cache; 4 FLOP. Where a few energies have many terms each (rings of a grid) the chain of their additions
//         takes longer: 400 terms of 10 outputs some 0.2 ms, the 65,536 points that they come from are 0.7 GFLOP of a
//         network of 5,000 weights.
#include "fold.cuh"

#include "launch.cuh"

enum { THREADS = 128 };

static __device__ __forceinline__ double square(cufftComplex c) {
    return (double)c.x * c.x + (double)c.y * c.y;
}
static __device__ __forceinline__ double square(double c) {
    return c * c;
}

template <typename Number>
static __global__ void __launch_bounds__(THREADS)
    fold_sum(const spt_device_fold fold, const Number *number, uint32_t outputs, uint64_t n, double *energy) {
    const uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n)
        return;
    const uint32_t e = (uint32_t)(i % fold.energies);
    const Number *of_output = number + i / fold.energies * outputs * fold.coefficients;
    const uint64_t first = fold.first[e], end = fold.first[e + 1];
    double sum = 0.0;
    for (uint32_t j = 0; j < outputs; j++, of_output += fold.coefficients)
        for (uint64_t t = first; t < end; t++)
            sum += fold.weight[t] * square(of_output[fold.index[t]]);
    energy[i] = sum;
}

cudaError_t spt_fold_spectra(const spt_device_fold *fold, const cufftComplex *spectrum, size_t outputs, size_t n,
                             double *energy, cudaStream_t stream) {
    const size_t threads = n * fold->energies;
    return spt_launch(fold_sum<cufftComplex>, spt_blocks(threads, THREADS), THREADS, 0, stream, *fold, spectrum,
                      (uint32_t)outputs, (uint64_t)threads, energy);
}

cudaError_t spt_fold_products(const spt_device_fold *fold, const double *product, size_t outputs, size_t n,
                              double *energy, cudaStream_t stream) {
    const size_t threads = n * fold->energies;
    return spt_launch(fold_sum<double>, spt_blocks(threads, THREADS), THREADS, 0, stream, *fold, product,
                      (uint32_t)outputs, (uint64_t)threads, energy);
}
