/* spectrain: train whole sweeps of ReLU MLPs, and see how they learn, frequency by frequency. This includes all
 * headers. */
#ifndef SPECTRAIN_SPECTRAIN_H
#define SPECTRAIN_SPECTRAIN_H

#include "backend.h"
#include "bench.h"
#include "config.h"
#include "dataset.h"
#include "error.h"
#include "model.h"
#include "monitor.h"
#include "probe.h"
#include "rng.h"
#include "shard.h"
#include "slurm.h"
#include "store.h"
#include "sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "0.1.0": of the library as built; static storage. */
const char *spt_version(void);

#ifdef __cplusplus
}
#endif
#endif
