/* The probe kinds of this build, out of kinds.def. */
#include "probe/kind.h"

#define KIND(name) extern const spt_probe_kind spt_probe_kind_##name;
#include "probe/kinds.def"
#undef KIND

#define KIND(name) &spt_probe_kind_##name,
const spt_probe_kind *const spt_probe_kinds[] = {
#include "probe/kinds.def"
    NULL};
