// Directions in which networks change their mind: the gradient at x of the loss that a network would have if the class
// that it predicts there were the label, scaled to length 1 (science.md, probe 4; Zhang, Xiong and Wu 2021). They
// differ from run to run and from record to record, so they are made as lines are evaluated. Twin of
// host/cpu/adversarial.h.
#ifndef SPT_KERNELS_ADVERSARIAL_CUH
#define SPT_KERNELS_ADVERSARIAL_CUH

#include <cuda_runtime.h>
#include <stddef.h>

#include "network.cuh"
#include "probe_forward.cuh"

// Lines of some runs. All pointers are device memory.
typedef struct spt_adversarial {
    spt_loss loss;
    uint32_t lines, inputs, outputs;
    uint32_t width, n_layers; // at least those of every network
    const float *origin;      // (lines, inputs)
    const float *given;       // (lines, inputs) taken where the gradient is zero or not finite
    float *direction;         // (slots, lines, inputs), written
    float *space;             // (slots, spt_adversarial_floats)
    uint64_t space_floats;    // of a slot
} spt_adversarial;

/** Floats of space that the directions of so many lines of one run want: its activations on a batch of them. */
size_t spt_adversarial_floats(const spt_device_network *network, size_t lines);

/** Directions of n_runs runs. networks, runs: device. A run's directions depend on its parameters, the loss and the
 *  lines alone, not on the slot or the other runs. */
cudaError_t spt_adversarial_directions(const spt_device_network *networks, const spt_forward_run *runs, size_t n_runs,
                                       const spt_adversarial *adversarial, cudaStream_t stream);

#endif
