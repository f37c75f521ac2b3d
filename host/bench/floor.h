/* What the operations of a group cannot do without: FLOPs and bytes, summed over its runs. */
#ifndef SPT_HOST_BENCH_FLOOR_H
#define SPT_HOST_BENCH_FLOOR_H

#include "spectrain/bench.h"

typedef struct spt_work_floor {
    double flops, bytes;
} spt_work_floor;

/** A step of all runs: 2 (forward) and 4 (backward; the first layer 2) FLOPs per weight and example; parameters and
 *  moments read and written, and the examples of a batch read once for every seed. */
spt_work_floor spt_floor_step(const spt_group_spec *spec);
/** Forward passes of all runs at n points that each have to be read: 2 FLOPs per weight and point. */
spt_work_floor spt_floor_evaluation(const spt_group_spec *spec, size_t n);
/** Forward passes at the points of a probe, and the transforms: 5/2 N log2 N FLOPs for a real DFT of N numbers (other
 *  transforms are not counted), 4 for each energy that is summed. Bytes: parameters, and what the points are made of.
 */
spt_work_floor spt_floor_probe(const spt_group_spec *spec, const spt_probe *probe);
/** Parameters and moments of all runs, once. */
double spt_floor_state_bytes(const spt_group_spec *spec);

#endif
