/* A data source: one file that implements this table, and one line in sources.def.
 *
 * A source hands out the clean examples; noise, standardisation, checks and the hash are common (dataset.c). */
#ifndef SPT_HOST_DATA_SOURCE_H
#define SPT_HOST_DATA_SOURCE_H

#include <stdio.h>

#include "config/node.h"
#include "spectrain/dataset.h"

/** What every source is given. Strings are borrowed. */
typedef struct spt_source_request {
    uint32_t seed;
    size_t train, test; /* examples wanted; SPT_SOURCE_ALL: all there are */
    const char *path;   /* data.path, or the source's default; NULL for a generated source */
    const void *settings;
} spt_source_request;

#define SPT_SOURCE_ALL SIZE_MAX

/* Of one split: then a permutation of both fits 32 bits. */
enum { SPT_MAX_EXAMPLES = 2147483647 };

/* Substreams of SPT_STREAM_DATA that belong to no example. */
#define SPT_DATA_ORDER  (UINT64_C(1) << 63)
#define SPT_DATA_PHASES (SPT_DATA_ORDER + 1)

typedef struct spt_source {
    const char *name;
    bool generated;           /* takes no path, and its shape needs no file */
    const char *default_path; /* NULL: data.path is required (unless generated) */
    const char *const *keys;  /* own keys in `data:`, beside the common ones; NULL-terminated */
    size_t settings_size;     /* bytes of its settings, zeroed before read; 0: read, release, describe are NULL */
    /** Take own keys out of the section and check them. On error the caller releases. */
    spt_status (*read)(const spt_node *section, void *settings, spt_error *err);
    void (*release)(void *settings); /* what read allocated; may be NULL */
    /** Write the settings to the spec's key: " name=value", defaults filled in, reals as %.17g. */
    void (*describe)(const void *settings, FILE *key);
    spt_status (*shape)(const spt_source_request *request, spt_data_shape *shape, spt_error *err);
    /** Fill dataset (zeroed): inputs, outputs, classes, and for both splits n, x, and label or target, allocated by
     *  spt_split_alloc. label_true and target_true stay NULL. On error the caller frees what is there. */
    spt_status (*make)(const spt_source_request *request, spt_dataset *dataset, spt_error *err);
} spt_source;

/** The sources, NULL-terminated; adding one is one line in sources.def. */
extern const spt_source *const spt_sources[];

/** Allocate x and label (classes > 0) or target of a split for n examples, using dataset->inputs, outputs, classes. */
spt_status spt_split_alloc(const spt_dataset *dataset, spt_split *split, size_t n, spt_error *err);

/** How many examples to take of `there` in file: *taken. SPT_EDATA, naming both numbers, when `wanted` (of data.`key`)
 *  are not there, a file for training holds none, or more than SPT_MAX_EXAMPLES would be taken. */
spt_status spt_source_take(const char *file, const char *key, size_t wanted, size_t there, size_t *taken,
                           spt_error *err);

/** SPT_EDATA, naming file and row, unless all labels are 0 .. classes-1; label[0] is row `first` of the file. */
spt_status spt_source_check_labels(const char *file, const int32_t *label, size_t n, size_t first, size_t classes,
                                   spt_error *err);

/** SPT_EDATA, naming file, split, row and column, unless all (n, columns) values are finite. */
spt_status spt_source_check_finite(const char *file, const char *name, const float *values, size_t n, size_t columns,
                                   spt_error *err);

/** SPT_EDATA when nothing is at path, it is not a regular file, or the system says no. *bytes may be NULL. */
spt_status spt_source_check_file(const char *path, uint64_t *bytes, spt_error *err);

/** "folder/name", malloc'd; NULL when out of memory. */
char *spt_source_join(const char *folder, const char *name);

#endif
