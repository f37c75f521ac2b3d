/* How much memory a group takes, told from shapes: before data sets and probes are made. */
#ifndef SPT_HOST_SWEEP_GROUP_MEMORY_H
#define SPT_HOST_SWEEP_GROUP_MEMORY_H

#include "sweep/sweep_internal.h"

/** A data set and the probes of a sweep without their arrays. */
typedef struct spt_group_outline {
    spt_dataset dataset;
    spt_probe *probes; /* (n_probes) */
    spt_probe **probe; /* (n_probes) pointers to them */
} spt_group_outline;

/** Release with spt_group_outline_free. Errors: SPT_ENOMEM. */
spt_status spt_group_outline_make(const spt_sweep *sweep, size_t dataset, spt_group_outline *outline, spt_error *err);
void spt_group_outline_free(spt_group_outline *outline);

/** Bytes that a record of run r takes on the host until it is handed to the store. */
uint64_t spt_sweep_record_bytes(const spt_sweep *sweep, size_t run);
/** Bytes that a data set and its probes take on the host. */
uint64_t spt_sweep_dataset_bytes(const spt_sweep *sweep, size_t dataset);

/** Set host_bytes and device_bytes of a group, whose dataset and runs are set. outline: of that data set; specs
 *  (n_runs) of its runs. Without a backend the runs' states count on the host, and what training takes does not. */
void spt_group_measure(const spt_sweep *sweep, const spt_group_place *place, const spt_group_outline *outline,
                       const spt_run_spec *specs, spt_planned_group *group);

/** Whether a group that was measured fits into what is free; true where nothing is known of that. */
bool spt_group_fits(const spt_group_place *place, const spt_planned_group *group);

#endif
