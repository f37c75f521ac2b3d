/* A data source: one file that implements this table, and one line in sources.c.
 *
 * A source hands out the clean examples; noise, standardisation, checks and the hash are common (dataset.c). */
#ifndef SPT_HOST_DATA_SOURCE_H
#define SPT_HOST_DATA_SOURCE_H

#include "config/node.h"
#include "spectrain/dataset.h"

/** What every source is given. Strings are borrowed. */
typedef struct spt_source_request {
    uint32_t seed;
    size_t train, test; /* examples wanted; SPT_SOURCE_ALL: all there are */
    const char *path;   /* data.path, or NULL */
    const void *settings;
} spt_source_request;

#define SPT_SOURCE_ALL SIZE_MAX

typedef struct spt_source {
    const char *name;
    bool generated;
    const char *const *keys; /* own keys in `data:`, beside the common ones; NULL-terminated */
    size_t settings_size;    /* bytes of its settings, zeroed before read */
    /** Take own keys out of the section and check them; NULL when there are none. */
    spt_status (*read)(const spt_node *section, void *settings, spt_error *err);
    void (*release)(void *settings); /* what read allocated; may be NULL */
    spt_status (*shape)(const spt_source_request *request, spt_data_shape *shape, spt_error *err);
    /** Fill dataset (zeroed): inputs, outputs, classes, and for both splits n, x, and label or target, malloc'd by
     *  spt_split_alloc. label_true and target_true stay NULL. On error the caller frees what is there. */
    spt_status (*make)(const spt_source_request *request, spt_dataset *dataset, spt_error *err);
} spt_source;

/** The sources, NULL-terminated; adding one is one line there. */
extern const spt_source *const spt_sources[];

/** Allocate x and label (classes > 0) or target of a split for n examples, using dataset->inputs, outputs, classes. */
spt_status spt_split_alloc(const spt_dataset *dataset, spt_split *split, size_t n, spt_error *err);

#endif
