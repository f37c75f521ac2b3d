// Inner products of outputs with the vectors of a basis: the transform basis. Twin of inner_product in
// host/cpu/folded.c.
#ifndef SPT_KERNELS_BASIS_CUH
#define SPT_KERNELS_BASIS_CUH

#include <cuda_runtime.h>
#include <stddef.h>

/** product[i, j] = sum over the rows r of f[i, r] basis[j, r]: f (n, rows), basis (vectors, rows), float32; product (n,
 *  vectors) float64; all are device memory. rows: at most 2^26. A product depends on the two alone, not on n.
 *
 *  Each 128 terms are one chain of float32 fused multiply-adds, and these are added in float64: a product is within 128
 *  x 6e-8 of the length of f times the length of the vector of the exact one; some 3e-7 where roundings are random. */
cudaError_t spt_basis_products(const float *f, size_t n, const float *basis, size_t vectors, size_t rows,
                               double *product, cudaStream_t stream);

#endif
