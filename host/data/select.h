/* Which classes of a source's examples are taken, and what becomes of them: `select` and `targets`. */
#ifndef SPT_HOST_DATA_SELECT_H
#define SPT_HOST_DATA_SELECT_H

#include <stdio.h>

#include "data/source.h"

typedef enum spt_target_form {
    SPT_TARGETS_CLASSES, /* one output a class */
    SPT_TARGETS_BINARY,  /* two classes on one output: 0 and 1 for bce, -1 and +1 for mse */
    SPT_TARGETS_SIGNS    /* two classes as real targets -1 and +1, to which real noise can be added */
} spt_target_form;

typedef struct spt_selection {
    size_t n;       /* 0: all classes */
    int32_t *class; /* (n): becomes label 0, 1, ... in this order */
    spt_target_form form;
} spt_selection;

/** Read the two keys of a `data:` section into zeroed *selection. How many examples are there depends on their labels,
 *  so that `select` needs `train` and `test`; and it is for sources of files. On error too: spt_selection_release. */
spt_status spt_selection_read(const spt_node *section, const spt_source *source, spt_selection *selection,
                              spt_error *err);
void spt_selection_release(spt_selection *selection);

/** For the spec's key. */
void spt_selection_describe(const spt_selection *selection, FILE *key);

/** From the shape of the source, named `name`, to what is left of it, but for train and test. Errors: SPT_EINVAL a
 * class that is not there, real targets, not two classes. */
spt_status spt_selection_shape(const spt_selection *selection, const char *name, spt_data_shape *shape, spt_error *err);

/** Keep the first train and test examples of the selected classes (all, without `select`), give them their new labels
 * or targets, and set dataset's classes and outputs. Errors: as spt_selection_shape; SPT_EDATA fewer examples than
 * that; SPT_ENOMEM. */
spt_status spt_selection_apply(const spt_selection *selection, const char *name, size_t train, size_t test,
                               spt_dataset *dataset, spt_error *err);

#endif
