/* What may be swept, and how an axis writes its values. */
#ifndef SPT_HOST_CONFIG_AXES_H
#define SPT_HOST_CONFIG_AXES_H

#include "config/tree.h"

enum { SPT_AXES_MAX_RUNS = 10000000, SPT_AXES_MAX_VALUES = 1000000 /* of one axis */ };

typedef enum spt_axis_type {
    SPT_AXIS_INTEGER,
    SPT_AXIS_INTEGER_OR_TEXT, /* train.batch: 100, full */
    SPT_AXIS_REAL,
    SPT_AXIS_TEXT,
    SPT_AXIS_ANY /* a key of the data source: the kind that all values have */
} spt_axis_type;

/** The type of the key that axis, an entry of `sweep`, is about. Errors: SPT_ECONFIG no such key, or not to be swept.
 */
spt_status spt_axis_key_type(const spt_node *axis, spt_axis_type *type, spt_error *err);

/** The values of an axis into out, whose key is set: a list or a generator. values is malloc'd, in one block with the
 *  texts. Errors: SPT_ECONFIG, SPT_ENOMEM. */
spt_status spt_axis_expand(const spt_node *axis, spt_axis_type type, spt_axis *out, spt_error *err);

#endif
