/* The sources by name, for the table in sources.c. */
#ifndef SPT_HOST_DATA_SOURCES_H
#define SPT_HOST_DATA_SOURCES_H

#include "data/source.h"

extern const spt_source spt_source_mnist1d;
extern const spt_source spt_source_sinusoids;
extern const spt_source spt_source_manifold;
extern const spt_source spt_source_idx;
extern const spt_source spt_source_fashion_mnist;
extern const spt_source spt_source_cifar10;
extern const spt_source spt_source_hdf5;

#endif
