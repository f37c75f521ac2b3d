/* A folder of the MNIST family: four IDX files, each plain or compressed with gzip. */
#ifndef SPT_HOST_DATA_IDX_H
#define SPT_HOST_DATA_IDX_H

#include "data/source.h"

/** Sizes from the headers of the image files, labels not opened. test = 0: its files may be missing. */
spt_status spt_idx_folder_shape(const spt_source_request *request, size_t classes, spt_data_shape *shape,
                                spt_error *err);
spt_status spt_idx_folder_make(const spt_source_request *request, size_t classes, spt_dataset *dataset, spt_error *err);

#endif
