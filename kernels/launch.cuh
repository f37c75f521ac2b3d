// The one way in which kernels are launched. It returns the launch's own error (a bad configuration, no image for this
// device); what goes wrong inside a kernel shows at the next synchronisation.
#ifndef SPT_KERNELS_LAUNCH_CUH
#define SPT_KERNELS_LAUNCH_CUH

#include <cuda_runtime.h>
#include <stddef.h>

/** Launch `kernel` with `shared` bytes of dynamic shared memory. A grid of no blocks is no launch, and no error. */
template <typename... Parameters, typename... Arguments>
static inline cudaError_t spt_launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared,
                                     cudaStream_t stream, Arguments... arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0)
        return cudaSuccess;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared;
    config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

/** Blocks of `size` that cover `count`. */
static inline unsigned spt_blocks(size_t count, size_t size) {
    return (unsigned)((count + size - 1) / size);
}

#endif
