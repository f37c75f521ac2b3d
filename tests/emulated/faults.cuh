// Kernels that are wrong, one fault each, by name; each also compiles with nvcc.
#ifndef SPT_TESTS_EMULATED_FAULTS_CUH
#define SPT_TESTS_EMULATED_FAULTS_CUH

#include <cuda_runtime.h>

enum { FAULT_BLOCK = 64 };

/** Launch the fault of that name on in (FAULT_BLOCK) and out (FAULT_BLOCK); cudaErrorInvalidValue when there is none.
 */
cudaError_t fault_launch(const char *name, float *in, float *out);

#endif
