/* Robustness to parameter noise (science.md, Rahaman et al. 2019, fig. 2): parameters moved along isotropic directions.
 * Twin of kernels/perturb.cuh, which says how the normals are made; sums go in the order of the block here, functions
 * are those of the C library in float64. The two agree to float32 rounding. */
#ifndef SPT_HOST_CPU_PERTURB_H
#define SPT_HOST_CPU_PERTURB_H

#include <stddef.h>
#include <stdint.h>

#include "spectrain/model.h"

/** Normals of a direction into z (block), gaps zero; their length. */
double spt_perturb_normals(const spt_model_spec *model, size_t block, uint32_t seed, uint64_t direction, float *z);

/** perturbed (block) = parameters + radius z / length. */
void spt_perturb(const float *parameters, size_t block, const float *z, double length, float radius, float *perturbed);

#endif
