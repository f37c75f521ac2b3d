// Robustness to parameter noise (science.md, Rahaman et al. 2019, fig. 2): parameters moved along isotropic directions.
#ifndef SPT_KERNELS_PERTURB_CUH
#define SPT_KERNELS_PERTURB_CUH

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include "network.cuh"

// Perturbations of one network: theta + radius[i] v, for every direction v = first_direction .. and every radius.
//
// v = z / |z|, z the normals of a direction: element i of the run's block (arena layout, model.h) takes normal i % 4 of
// the words of (seed, SPT_STREAM_PERTURBATION, substream = direction, index = i / 4). Words 0 and 1 give normals 0 and
// 1 by Box-Muller, words 2 and 3 the others:
//     z0 = sqrt(-2 log u) cos(2 pi a),  z1 = sqrt(-2 log u) sin(2 pi a),  u = (word + 1/2) / 2^32,  a = (next word) /
//     2^32
// in float32. Padding has no part in v: it stays zero. The numbers depend on (seed, direction) alone, not on what else
// is in the call.
typedef struct spt_perturbation {
    uint32_t seed;
    uint64_t first_direction;
    uint32_t n_directions, n_radii;
    const float *radius; // (n_radii), device
    uint64_t block;      // floats in the run's block, padding counted; a multiple of 32
} spt_perturbation;

/** Floats of a network's block, padding counted, as in the arena; of the host's copy of an entry of the table. */
static inline size_t spt_perturb_block(const spt_device_network *network) {
    const spt_device_layer *last = &network->layers[network->n_layers - 1];
    return last->bias_offset + (last->fan_out + SPT_ARENA_ALIGN - 1) / SPT_ARENA_ALIGN * SPT_ARENA_ALIGN;
}

/** float64 numbers that spt_perturb wants as space. */
size_t spt_perturb_space(const spt_perturbation *perturbation);

/** Write perturbed parameters into perturbed (n_directions, n_radii, block), aligned to 16 bytes. network: an entry of
 * a table on the device; its parameters are not modified. space: spt_perturb_space float64 numbers. All but radius and
 *  the struct itself are device memory; no launch waits for the host. */
cudaError_t spt_perturb(const spt_device_network *network, const spt_perturbation *perturbation, double *space,
                        float *perturbed, cudaStream_t stream);

#endif
