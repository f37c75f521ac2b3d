/* Reading a file of ours: as h5.h, every function does nothing once one has failed. */
#ifndef SPT_HOST_STORE_H5_READ_H
#define SPT_HOST_STORE_H5_READ_H

#include "store/h5.h"

/** Open a file for reading (spt_h5_begin before, spt_h5_end after), so that HDF5 gets no byte of it that is not as it
 *  was written (h5_checked.h). Takes no lock. Errors: SPT_EIO cannot be opened, SPT_EDATA not HDF5, SPT_ECORRUPT
 * damaged.
 */
void spt_h5_open_to_read(spt_h5 *h);
/** The same without that check: to find what is damaged. No texts or lists of variable length may be read then. */
void spt_h5_open_unchecked(spt_h5 *h);

/** A text attribute (malloc'd, the caller's); NULL once something failed. */
char *spt_h5_get_text(spt_h5 *h, hid_t object, const char *key);
/** The same into room given, cut to fit. */
void spt_h5_get_text_into(spt_h5 *h, hid_t object, const char *key, char *text, size_t capacity);
int64_t spt_h5_get_integer(spt_h5 *h, hid_t object, const char *key);

/** Size of the one-dimensional array at path; 0 once something failed. */
size_t spt_h5_get_size(spt_h5 *h, const char *path);
/** A whole array of count elements at path. */
void spt_h5_get_values(spt_h5 *h, const char *path, hid_t memory_type, size_t count, void *values);

/** A block of the array at path, which must have rank dimensions and, from the second on, be as large as count. */
void spt_h5_get_block(spt_h5 *h, const char *path, hid_t memory_type, size_t rank, const hsize_t *start,
                      const hsize_t *count, void *values);
/** Text i of the one-dimensional array of texts at path (malloc'd); NULL once something failed. */
char *spt_h5_get_text_at(spt_h5 *h, const char *path, size_t i);

/** Names of the dimensions of an array: those of their scales. rank: how many there must be. */
enum { SPT_H5_NAME = 64 };
void spt_h5_get_dim_names(spt_h5 *h, hid_t array, size_t rank, char (*names)[SPT_H5_NAME]);

/** Name of link i of a group, in the order of names (malloc'd); NULL when there is none, or once something failed. */
char *spt_h5_get_link(spt_h5 *h, hid_t group, size_t i);

#endif
