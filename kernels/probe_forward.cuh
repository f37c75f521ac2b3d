// Outputs of networks at the points of a probe, where cuFFT's batched plans read them.
#ifndef SPT_KERNELS_PROBE_FORWARD_CUH
#define SPT_KERNELS_PROBE_FORWARD_CUH

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include "network.cuh"
#include "rows.cuh"

// How a run's network is evaluated: by its width, and by the shared memory that a block of the device may have.
typedef enum spt_forward_path {
    SPT_FORWARD_NARROW, // width <= 32:  128 rows a block
    SPT_FORWARD_MEDIUM, // width <= 192: 64 rows
    SPT_FORWARD_WIDE,   // 64 rows;  width <= 352 with 227 KiB of shared memory, 224 with 163
    SPT_FORWARD_WIDEST, // 32 rows;  width <= 688 with 227 KiB, 464 with 163
    SPT_FORWARD_LAYERS  // any width: layer by layer through global memory
} spt_forward_path;
enum { SPT_FORWARD_FUSED = SPT_FORWARD_LAYERS }; // paths of one launch for all layers

// Where outputs go: output j of row i of a run at slot * run_floats + j * rows + i.
typedef struct spt_forward_output {
    float *at;
    uint64_t run_floats;
    uint32_t rows; // of all series and samples at hand, as in spt_rows
} spt_forward_output;

// A run to be evaluated: its network, and its place among the outputs.
typedef struct spt_forward_run {
    uint32_t network, slot;
} spt_forward_run;

/** The path for a width (0: no hidden layer), given the bytes of shared memory that a block may have. */
spt_forward_path spt_forward_choose(uint32_t width, size_t shared_bytes);

/** Evaluate n_runs networks of one fused path in one launch. width: of the widest of them. runs: device. */
cudaError_t spt_forward_fused(spt_forward_path path, const spt_device_network *networks, const spt_forward_run *runs,
                              size_t n_runs, uint32_t width, const spt_rows *rows, const spt_forward_output *output,
                              cudaStream_t stream);

/** Floats of space that spt_forward_layers does well with for networks of this width; the least is 64 rows of each of
 *  its halves, 128 width. */
size_t spt_forward_layers_floats(uint32_t width);
/** Evaluate one network of any width, as many rows at a time as the space has room for, each layer a launch. network:
 *  host copy of the entry of the table. space: (space_floats). */
cudaError_t spt_forward_layers(const spt_device_network *networks, const spt_device_network *network,
                               spt_forward_run run, const spt_rows *rows, const spt_forward_output *output,
                               float *space, size_t space_floats, cudaStream_t stream);

#endif
