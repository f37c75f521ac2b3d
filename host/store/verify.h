/* The two halves of spt_file_verify: reading all that a file holds, and checking that its parts fit together. */
#ifndef SPT_HOST_STORE_VERIFY_H
#define SPT_HOST_STORE_VERIFY_H

#include "spectrain/store.h"
#include "store/h5_read.h"

/** Read every array below the root, chunk by chunk, and with `describe` also every attribute and the scales of every
 *  dimension. Fails at the first that is damaged, with its path and the runs that it belongs to. */
void spt_verify_objects(spt_h5 *h, const spt_file_info *info, bool describe);

/** A byte of the file has changed somewhere: SPT_ECORRUPT with the array that it is in, or saying that it is in none.
 * No texts are read (h5_checked.h). */
spt_status spt_verify_locate(const char *path, spt_error *err);

/** The shards that a virtual file has views of: they are there, are those that they were, and their first MiB, or with
 *  read_all the whole of them, has the bytes that it had. */
void spt_verify_shards(spt_h5 *h, bool read_all);

/** /weights: a group for each run, layers that fit together. */
void spt_verify_weights(spt_h5 *h, const spt_file_info *info);

#endif
