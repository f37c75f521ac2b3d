/* The file under HDF5 while we write one: plain reads and writes, and the first error kept.
 *
 * HDF5's own driver reports a full disk as a failed close, after which the library can neither let go of the file nor
 * tell the reason. This one keeps the system's reason and then pretends that writes succeed, so that HDF5 always comes
 * to an end; the caller looks at the error and throws the file away. */
#ifndef SPT_HOST_STORE_H5_DRIVER_H
#define SPT_HOST_STORE_H5_DRIVER_H

#include <hdf5.h>

typedef struct spt_h5_file {
    int fd;       /* open for reading and writing, the caller's */
    int reason;   /* errno of the first failure; 0: none */
    haddr_t size; /* bytes: when HDF5 opens it, 0 for a new one; and when HDF5 has closed it */
} spt_h5_file;

/** Register the driver; negative on failure. H5FDunregister when done. */
hid_t spt_h5_driver_register(void);

/** A file access property list with the driver on file (borrowed until the HDF5 file is closed); negative on failure.
 */
hid_t spt_h5_driver_access(hid_t driver, spt_h5_file *file);

#endif
