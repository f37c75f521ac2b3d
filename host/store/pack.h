/* Payloads of records and snapshots: what a run hands over, as the journal keeps it, in float32.
 *
 *   record     metric[SPT_METRIC_COUNT], norm[layers], energy of probe 0, energy of probe 1, ...
 *   snapshot   layer 0 weight (out, in), layer 0 bias (out), layer 1 weight, ..., without gaps */
#ifndef SPT_HOST_STORE_PACK_H
#define SPT_HOST_STORE_PACK_H

#include <stddef.h>

#include "spectrain/store.h"

/** Bytes of a record of a run, and of a snapshot. */
size_t spt_record_bytes(const spt_store_spec *spec, size_t run);
size_t spt_snapshot_bytes(const spt_store_spec *spec, size_t run);

/** Fill payload (spt_record_bytes); arguments as in spt_store_put_record. */
void spt_record_pack(const spt_store_spec *spec, size_t run, const double *metrics, const double *norms,
                     const double *const *energy, void *payload);

/** Fill payload (spt_snapshot_bytes) from an arena; scales of the NTK parameterisation are multiplied in. */
void spt_snapshot_pack(const spt_store_spec *spec, size_t run, const void *state, void *payload);

/** The number of a run in the sweep: its index, unless the file is for a shard. */
size_t spt_run_number(const spt_store_spec *spec, size_t run);

/** Optimizer step at which a record or snapshot is due. */
uint64_t spt_record_step(const spt_store_spec *spec, size_t run, size_t record);
uint64_t spt_snapshot_step(const spt_store_spec *spec, size_t run, size_t snapshot);

#endif
