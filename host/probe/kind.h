/* A probe kind: one file that implements this table, and one line in kinds.c.
 *
 * A kind turns its settings and a data set into an spt_probe: points and a transform, which backends know how to do. */
#ifndef SPT_HOST_PROBE_KIND_H
#define SPT_HOST_PROBE_KIND_H

#include "config/node.h"
#include "spectrain/probe.h"

typedef struct spt_probe_kind {
    const char *name;
    const char *const *keys; /* own keys of the item, beside name and kind; NULL-terminated */
    size_t settings_size;    /* bytes, zeroed before read */
    spt_status (*read)(const spt_node *item, void *settings, spt_error *err);
    void (*release)(void *settings); /* what read allocated; may be NULL */
    spt_status (*shape)(const void *settings, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err);
    /** Fill probe (zeroed; name, kind, inputs, outputs set). On error the caller frees what is there. */
    spt_status (*make)(const void *settings, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                       spt_error *err);
} spt_probe_kind;

/** The kinds, NULL-terminated; adding one is one line there. */
extern const spt_probe_kind *const spt_probe_kinds[];

/** Frequencies 0 .. size-1 as dim 0 of the probe, energy_size = size. Errors: SPT_ENOMEM. */
spt_status spt_probe_frequency_dim(spt_probe *probe, size_t size, const char *units, spt_error *err);

/** Add a setting to the probe's attributes, printed as "%s", "%zu" or "%.17g". */
void spt_probe_note_text(spt_probe *probe, const char *key, const char *text);
void spt_probe_note_size(spt_probe *probe, const char *key, size_t value);
void spt_probe_note_real(spt_probe *probe, const char *key, double value);

#endif
