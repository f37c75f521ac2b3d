// Spectral norms of every layer of every run. Twin of host/cpu/norms.c and host/cpu/spectral_norm.h.
#ifndef SPT_KERNELS_SPECTRAL_NORM_CUH
#define SPT_KERNELS_SPECTRAL_NORM_CUH

#include <cuda_runtime.h>
#include <stddef.h>

#include "network.cuh"

/** float64 numbers of space for the norms of n_runs networks of up to `stride` layers: at most
 *  4 max(fan_in, fan_out) a layer. networks: host copy of the table. */
size_t spt_spectral_norms_space(const spt_device_network *networks_host, size_t n_runs, size_t stride);

/** Largest singular value of weight_scale W of every layer of every run, into norms (n_runs, stride): layer l of run r
 *  at r * stride + l; NaN past a run's layers, and for weights that are not finite. stride: at least the layers of the
 *  deepest run. networks_d and networks_host are the same table; the latter's pointers are device memory but for
 *  `layers`. space and norms are device memory, float64. Nothing waits for the host.
 *
 *  By Lanczos' iteration in float64 until the residual says that a singular value of W lies within 1e-7, relative, of
 *  what is returned; after 512 steps it is returned anyway. Never above the norm but for rounding. Against LAPACK's
 *  value the error was at most 1.5e-7 in the tests, among them values that crowd towards the largest on all scales.
 *  Random matrices take some 30 to 45 steps at 300 x 300, 45 to 60 at 1,000 x 1,000. */
cudaError_t spt_spectral_norms(const spt_device_network *networks_d, const spt_device_network *networks_host,
                               size_t n_runs, size_t stride, double *space, double *norms, cudaStream_t stream);

#endif
