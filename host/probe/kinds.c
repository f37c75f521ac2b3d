/* The probe kinds of this build. Each is one file of this folder. */
#include "probe/kind.h"

extern const spt_probe_kind spt_probe_kind_grid1d, spt_probe_kind_line;

const spt_probe_kind *const spt_probe_kinds[] = {&spt_probe_kind_grid1d, &spt_probe_kind_line, NULL};
