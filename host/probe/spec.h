/* What a checked item of `probes:` is, for the files of this folder. */
#ifndef SPT_HOST_PROBE_SPEC_H
#define SPT_HOST_PROBE_SPEC_H

#include "probe/kind.h"

struct spt_probe_spec {
    const spt_probe_kind *kind;
    char *name;
    void *settings; /* kind->settings_size bytes, the kind's own */
    spt_probe_at at;
    spt_probe_perturbation perturb; /* seed not set */
};

/* ---- what all kinds have (perturb.c): keys `at` and `perturb` */

spt_status spt_probe_read_common(const spt_node *item, spt_probe_spec *spec, spt_error *err);
/** What they do to the shape, and to the probe, that the kind has made. Errors: SPT_EINVAL no dimension left for the
 *  norms, SPT_ENOMEM. */
spt_status spt_probe_shape_common(const spt_probe_spec *spec, spt_probe_shape *shape, spt_error *err);
spt_status spt_probe_make_common(const spt_probe_spec *spec, uint32_t seed, spt_probe *probe, spt_error *err);

/** The kind's error with the probe's name before it; returns its status. */
spt_status spt_probe_spec_fail(const spt_probe_spec *spec, const spt_error *cause, spt_error *err);

#endif
