/* The file under HDF5 while we read one: no byte of a sealed file reaches HDF5 before its block's sum was compared.
 *
 * HDF5 trusts the heaps that texts of variable length and lists lie in: in 1.10 a flipped byte there can crash it. Here
 * the read fails instead, and HDF5 reports that as it reports a disk that does not read. A file without block sums (an
 * older one, or one that another program has written to) is read as it is.
 *
 * HDF5 opens with the same driver what a file leads to: the shards behind a virtual file. */
#ifndef SPT_HOST_STORE_H5_CHECKED_H
#define SPT_HOST_STORE_H5_CHECKED_H

#include <hdf5.h>

/** Register the driver; negative on failure. H5FDregister's counterpart when done: H5FDunregister. It needs no
 * settings: H5Pset_driver(access, driver, NULL). For reading only. */
hid_t spt_h5_checked_register(void);

#endif
