// What the emulated device refuses to compile; with neither macro all is well.
#include <cuda_runtime.h>

#include "shared.cuh"

__global__ void total(unsigned *count, float *sum) {
    SPT_SHARED(unsigned, one, );
    one = 1;
#ifdef FLOAT_ATOMIC
    atomicAdd(sum, 1.0f); // floats summed in an order that changes from run to run
#endif
#ifdef PLAIN_SHARED
    __shared__ float row[32]; // which could be neither poisoned nor had once a block
#endif
    *sum = (float)atomicAdd(count, one);
}
