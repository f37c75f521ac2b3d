// A network as device code sees it: one entry a run in a group's table. Filled by group.cu, read by every kernel that
// runs a network. Layout of `parameters` is that of model.h's arena.
#ifndef SPT_KERNELS_NETWORK_CUH
#define SPT_KERNELS_NETWORK_CUH

#include <stdint.h>

#include "spectrain/model.h"

typedef struct spt_device_layer {
    uint32_t fan_in, fan_out;
    uint64_t weight_offset; // floats, from the start of the run's block; (fan_out, fan_in) row-major, 128-byte aligned
    uint64_t bias_offset;
    float weight_scale, bias_scale;              // y = weight_scale W x + bias_scale b
    double exact_weight_scale, exact_bias_scale; // before they are rounded
} spt_device_layer;

typedef struct spt_device_network {
    float *parameters;              // the run's block
    const spt_device_layer *layers; // (n_layers), device memory
    uint32_t n_layers;              // hidden layers + 1
    uint32_t inputs, outputs;
    uint32_t width; // of the hidden layers; 0 without any
} spt_device_network;

#endif
