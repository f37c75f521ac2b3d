/* What the command line says of a sweep's axes: their values in one line, and which runs differ in their seeds alone.
 */
#ifndef SPT_HOST_CLI_AXES_H
#define SPT_HOST_CLI_AXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "spectrain/config.h"

/** train.seed and data.seed: runs that differ only there are repetitions. */
bool spt_axis_is_seed(const spt_axis *axis);

/** Sets of repetitions: the product of the axes that are no seeds; 1 without such axes. */
size_t spt_axes_settings(const spt_axes *axes);
/** Which of them a run belongs to, 0 .. spt_axes_settings - 1, in the order of the sweep. */
size_t spt_axes_setting_of(const spt_axes *axes, size_t run);

/** The values as "2 3 4 5 ... 230 300", at most `columns` characters, into text (columns + 1). The first and the last
 *  stay as long as there is room for them. */
void spt_axis_values_text(const spt_axis *axis, size_t columns, char *text);

/** A table of the axes, one a line: key, number of values, values. Writes nothing without axes. Errors: SPT_ENOMEM. */
spt_status spt_axes_print(const spt_axes *axes, const char *indent, FILE *stream, spt_error *err);

#endif
