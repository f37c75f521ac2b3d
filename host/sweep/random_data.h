/* Examples that stand in for a sweep's data where only their number matters: for what takes time. */
#ifndef SPT_HOST_SWEEP_RANDOM_DATA_H
#define SPT_HOST_SWEEP_RANDOM_DATA_H

#include "spectrain/dataset.h"

/** n training examples of the shape's inputs, outputs and classes: inputs uniform in [-1/2, 1/2), labels in turn,
 *  targets zero. Release with spt_random_dataset_free, also after an error. Errors: SPT_ENOMEM. */
spt_status spt_random_dataset(const spt_data_shape *shape, size_t n, spt_dataset *dataset, spt_error *err);
void spt_random_dataset_free(spt_dataset *dataset);

#endif
