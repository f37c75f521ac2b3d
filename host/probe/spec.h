/* What a checked item of `probes:` is, for the files of this folder. */
#ifndef SPT_HOST_PROBE_SPEC_H
#define SPT_HOST_PROBE_SPEC_H

#include "probe/kind.h"

struct spt_probe_spec {
    const spt_probe_kind *kind;
    char *name;
    void *settings; /* kind->settings_size bytes, the kind's own */
};

/** The kind's error with the probe's name before it; returns its status. */
spt_status spt_probe_spec_fail(const spt_probe_spec *spec, const spt_error *cause, spt_error *err);

#endif
