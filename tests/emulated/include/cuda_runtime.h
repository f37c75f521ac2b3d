// Stand-in for CUDA's runtime: what the kernels of this project need, no more. tests/emulated/README.md says how it
// works.
#ifndef SPT_EMULATED_CUDA_RUNTIME_H
#define SPT_EMULATED_CUDA_RUNTIME_H

#ifndef SPT_EMULATED
#error "the emulated device needs -DSPT_EMULATED"
#endif
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "emulated/language.h"

#include "emulated/threads.h"

#include "emulated/arithmetic.h"

#include "emulated/runtime.h"

#include "emulated/launch.h"

#endif
