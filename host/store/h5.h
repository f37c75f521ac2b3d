/* HDF5 as the store uses it: groups that own their dimension scales, chunked arrays with checksums, one kept error.
 *
 * Every function here does nothing once one has failed, so that code reads as a list of what is made; the error is
 * looked at at the end (h->status). HDF5 is not safe for threads: one thread at a time, in the whole process.
 *
 * Every dimension of every array has a scale, a dataset of the dimension's name in the array's group or in one above
 * it, linked both ways by the attributes of the HDF5 Dimension Scale Specification. They are written here rather than
 * by H5DSattach_scale, which rewrites the list of all users of a scale for each new one. */
#ifndef SPT_HOST_STORE_H5_H
#define SPT_HOST_STORE_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spectrain/error.h"
#include "store/h5_driver.h"

struct spt_h5;
struct spt_h5_array;

enum { SPT_H5_FILLS = 3, SPT_H5_FIXED_MAX = 64 };

/** What making objects needs, made once for a file instead of once for each of them: a sweep of 10,000 runs has some
 *  200,000 objects, and a third of the time that these took went into lists of properties, spaces and types that were
 *  made and thrown away. -1: not needed so far. Managed by h5_made.c. */
typedef struct spt_h5_made {
    hid_t group;                       /* creation of groups */
    hid_t array[SPT_H5_FILLS];         /* creation of chunked arrays: of reals, of integers, of anything else */
    hid_t space;                       /* simple; whoever uses it sets its extent */
    hid_t fixed[SPT_H5_FIXED_MAX + 1]; /* text of that many bytes with its end */
} spt_h5_made;

/** Lays out an array in another way than in chunks; false: it does not. */
typedef bool (*spt_h5_layout)(struct spt_h5 *h, const char *group, const struct spt_h5_array *array,
                              const hsize_t *dims, hid_t space, hid_t creation, void *user);

typedef struct spt_h5 {
    hid_t file;
    char *path;          /* for messages; owned */
    spt_h5_file *driver; /* tells why writing failed; NULL for a file in memory */
    hid_t checked;       /* of a file that is read: h5_checked.h; -1: none */
    hid_t text;          /* variable-length UTF-8 */
    hid_t references;    /* variable-length list of object references: DIMENSION_LIST */
    hid_t user;          /* {dataset, dimension}: REFERENCE_LIST */
    hid_t scalar;        /* dataspace */
    spt_h5_made made;
    spt_h5_layout layout; /* NULL: all arrays are chunked */
    void *layout_user;
    bool dry;           /* arrays are made but not written, to see what the rest of a file takes */
    uint64_t unwritten; /* bytes that the arrays made so far take when they are written in full */
    spt_status failure; /* what a failing call of HDF5 means: SPT_EIO; SPT_ECORRUPT for a file that is read */
    spt_status status;
    spt_error *err;
    H5E_auto2_t print; /* HDF5's own error printing, given back at the end */
    void *print_user;
} spt_h5;

typedef struct spt_h5_user {
    hobj_ref_t dataset;
    int dimension;
} spt_h5_user;

typedef struct spt_h5_scale {
    char name[64];
    hid_t dataset;
    hsize_t size;
    hobj_ref_t reference;
    size_t n_users, capacity;
    spt_h5_user *users;
} spt_h5_scale;

enum { SPT_H5_SCALES = 16, SPT_H5_RANK = 5 };

typedef struct spt_h5_group {
    hid_t id;
    struct spt_h5_group *parent; /* NULL: the file */
    size_t n_scales;
    spt_h5_scale scales[SPT_H5_SCALES];
} spt_h5_group;

/** An array to be made. */
typedef struct spt_h5_array {
    const char *name;
    hid_t type; /* in the file */
    size_t rank;
    const char *dims[SPT_H5_RANK]; /* names of scales; they give the sizes */
    size_t lead;                   /* so many first dimensions are read one by one: they are 1 in a chunk */
    const char *long_name, *units;
} spt_h5_array;

/** Begin and end: handlers and types. file stays -1 until made. end closes all, and returns the first error. */
void spt_h5_begin(spt_h5 *h, const char *path, spt_error *err);
spt_status spt_h5_end(spt_h5 *h);

/** Keep HDF5's reason for a call that just failed. */
void spt_h5_fail(spt_h5 *h);
/** Keep an error of our own. */
void spt_h5_fail_with(spt_h5 *h, spt_status status, const char *what);

/** Groups. Closing one writes the lists of users of its scales. parent NULL: in the file itself. */
void spt_h5_group_open(spt_h5 *h, spt_h5_group *group, spt_h5_group *parent, const char *name);
void spt_h5_group_close(spt_h5 *h, spt_h5_group *group);

/** A scale with its coordinate (size values of memory_type). */
void spt_h5_scale_create(spt_h5 *h, spt_h5_group *group, const char *name, size_t size, hid_t type, hid_t memory_type,
                         const void *values, const char *long_name, const char *units);
/** A scale 0 .. size-1. */
void spt_h5_scale_count(spt_h5 *h, spt_h5_group *group, const char *name, size_t size, const char *long_name);
/** A scale of that name in the group or above; NULL when there is none. */
const spt_h5_scale *spt_h5_scale_find(const spt_h5_group *group, const char *name);

/** Arrays; missing values read as NaN, -1 or "". -1 once something failed. */
hid_t spt_h5_array_create(spt_h5 *h, spt_h5_group *group, const spt_h5_array *array);
/** A block of it; start NULL: all of it. */
void spt_h5_array_write(spt_h5 *h, hid_t array, hid_t memory_type, size_t rank, const hsize_t *start,
                        const hsize_t *count, const void *values);
void spt_h5_array_close(spt_h5 *h, hid_t array);

/** Attributes of a group, an array or the file. */
void spt_h5_put_text(spt_h5 *h, hid_t object, const char *key, const char *text);
void spt_h5_put_integer(spt_h5 *h, hid_t object, const char *key, int64_t value);
void spt_h5_put_list(spt_h5 *h, hid_t object, const char *key, hid_t type, hid_t memory_type, size_t count,
                     const void *values);
void spt_h5_put_real(spt_h5 *h, hid_t object, const char *key, double value);

/* ---- h5_made.c; each returns what is to be closed by spt_h5_made_close alone, -1 once something failed */

void spt_h5_made_init(spt_h5_made *made);
void spt_h5_made_close(spt_h5_made *made);
/** No times, so that two files of one sweep are equal; all attributes in the header, where they are checksummed. */
hid_t spt_h5_made_group(spt_h5 *h);
/** The same, with a checksum of each chunk where the type can have one, and missing values as NaN, -1 or "". Its chunk
 * is the last user's: it must be set. */
hid_t spt_h5_made_array(spt_h5 *h, hid_t type);
hid_t spt_h5_made_space(spt_h5 *h, size_t rank, const hsize_t *dims);
/** Text of length bytes with its end, at most SPT_H5_FIXED_MAX. */
hid_t spt_h5_made_fixed(spt_h5 *h, size_t length);

/** Chunk of an array: whole when small; else the lead dimensions one by one, in pieces of at most 1 MiB. */
void spt_h5_chunk(size_t rank, const hsize_t *dims, size_t element_bytes, size_t lead, hsize_t *chunk);
/** Bytes in the file of an array's chunks, with their checksums and index. */
uint64_t spt_h5_storage(size_t rank, const hsize_t *dims, size_t element_bytes, size_t lead);

#endif
