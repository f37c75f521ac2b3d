/* Merging shards: FILE.h5 of a whole sweep out of the files of its shards.
 *
 * The whole's arrays are made by the functions that make them from a journal (assemble.h), with the plan of the whole
 * sweep; then rows are copied to where their runs' numbers say. A virtual file has views of the shards' arrays and
 * links to their weights instead. Memory: a staging area, two slabs, and some bytes a run, whatever the sizes. */
#ifndef SPT_HOST_STORE_MERGE_H
#define SPT_HOST_STORE_MERGE_H

#include <sys/stat.h>

#include "spectrain/store.h"
#include "store/assemble.h"
#include "store/h5_read.h"
#include "store/output.h"

/** A shard's file, and what is known of it before its arrays are read. */
typedef struct spt_merge_source {
    char *path;
    struct stat facts; /* when it was looked at first: it must not change while it is merged */
    char seal[65];     /* SHA-256 of its bytes, by its seal; "" without one */
    spt_file_info info;
    int64_t *parameters, *diverged;   /* (runs of the shard) */
    int64_t inputs, outputs, classes; /* of /data */
    bool has_x;
    size_t n_datasets, layers; /* layers: size of that dimension in /metrics */
    int64_t *train, *test;     /* (n_datasets) examples */
    char (*sums)[65];          /* (n_datasets) SHA-256 of a data set; "" of one that is not in this shard */
} spt_merge_source;

/** Look at a file: that it is a shard, whole, and what it is for. read_all: compare all its bytes with its seal, too.
 *  *source: spt_merge_source_close, also on error. Errors: SPT_EDATA not a shard; SPT_ECORRUPT; SPT_EIO; SPT_ENOMEM. */
spt_status spt_merge_source_open(const char *path, bool read_all, spt_merge_source *source, spt_error *err);
void spt_merge_source_close(spt_merge_source *source);

/** Open it to read its arrays (spt_h5_end after). Fails when it is no longer the file that it was. */
void spt_merge_source_begin(spt_h5 *in, const spt_merge_source *source, spt_error *err);

/** Its probes, as they lie there, for spt_probes_output_open: names, kinds, dims, attributes, extras without values.
 *  *probes: (n_probes of spec), spt_kept_probes_free, also after an error. */
void spt_merge_probes_read(spt_h5 *in, const spt_store_spec *spec, spt_probe **probes);
/** Let the extras of `probes` be as long as those of a further shard, where these are longer. */
void spt_merge_probes_widen(spt_h5 *in, const spt_store_spec *spec, spt_probe *probes);

/** A merge under way. */
typedef struct spt_merge {
    const spt_store_spec *spec;      /* of the whole sweep */
    const spt_merge_source *sources; /* (n_sources) that have no run in common */
    size_t n_sources;
    const spt_run_status *status;  /* (runs of the sweep) */
    const uint64_t *diverged_step; /* (runs of the sweep) */
    bool complete, is_virtual;
    const char *folder;               /* that the merged file will be in */
    size_t staging_bytes, slab_bytes; /* memory for rows that are gathered, and for what is copied at once */
} spt_merge;

/** Make the merged file behind fd. Errors: SPT_ECORRUPT a chunk of a shard does not have its checksum; SPT_EMISMATCH a
 *  shard's arrays are not what the sweep's plan says; SPT_EIO; SPT_ENOMEM. */
spt_status spt_merge_write(const spt_merge *merge, int fd, const char *path, uint64_t *bytes, spt_error *err);

/** The source that has data set d, the first of them; NULL: none. */
const spt_merge_source *spt_merge_dataset_source(const spt_merge *merge, size_t d);

/* ---- copying: merge_rows.c */

enum { SPT_MERGE_STAGING_BYTES = 64 << 20, SPT_MERGE_SLAB_BYTES = 16 << 20 };

/** A box of an array, taken in blocks of a bounded size (one element at least), last dimension fastest. */
typedef struct spt_merge_blocks {
    size_t rank;
    hsize_t first[SPT_H5_RANK], end[SPT_H5_RANK], block[SPT_H5_RANK];
    hsize_t start[SPT_H5_RANK], count[SPT_H5_RANK]; /* of the block at hand */
    bool begun;
} spt_merge_blocks;

/** Blocks of at most limit bytes of the box first .. end - 1 of elements of that many bytes. Dimensions from `whole` on
 * are not cut. */
void spt_merge_blocks_begin(spt_merge_blocks *blocks, size_t rank, const hsize_t *first, const hsize_t *end,
                            size_t element, size_t whole, size_t limit);
/** The next block, from the first; false behind the last. */
bool spt_merge_blocks_next(spt_merge_blocks *blocks);
/** Elements of the block at hand. */
size_t spt_merge_block_size(const spt_merge_blocks *blocks);
/** Read the block at hand out of an array of a shard; false when it cannot be read: its checksum is another. */
bool spt_merge_block_read(const spt_merge_blocks *blocks, hid_t array, hid_t type, void *values);

/** Arrays of the merged file that have a row for each run; the shards have them under the same path. */
typedef struct spt_merge_rows {
    size_t n, capacity;
    struct spt_merge_row_array *arrays;
    size_t staged_row_bytes;          /* of a run, in all arrays whose chunks hold several runs */
    size_t staging_limit, slab_limit; /* bytes; set before anything is added */
    void *slab;
    size_t slab_bytes;
} spt_merge_rows;

void spt_merge_rows_add(spt_h5 *h, spt_merge_rows *rows, hid_t array);
void spt_merge_rows_free(spt_merge_rows *rows);
/** Runs that one pass over the shards can take. */
size_t spt_merge_rows_at_once(const spt_merge_rows *rows, size_t n_runs);
/** A pass over runs first .. end - 1: begin, each of the sources that has some of them, end. */
void spt_merge_rows_begin(spt_h5 *h, spt_merge_rows *rows, size_t first, size_t end);
void spt_merge_rows_copy(spt_h5 *h, spt_merge_rows *rows, spt_h5 *in, const spt_merge_source *source, size_t first,
                         size_t end);
void spt_merge_rows_end(spt_h5 *h, spt_merge_rows *rows, size_t first, size_t end);

/** Copy what an array of a shard holds, as far as it goes, into the array of the same path; row SIZE_MAX: all, else
 * that of its first dimension. */
void spt_merge_copy_array(spt_h5 *h, hid_t array, spt_h5 *in, size_t row, size_t slab_limit);

/** What the weights of a run are copied from: user of spt_merge_copy_weights, a fill of spt_assemble_run_weights. */
typedef struct spt_merge_weights {
    spt_h5 *in;
    size_t slab_limit;
} spt_merge_weights;
void spt_merge_copy_weights(spt_h5 *h, const spt_store_spec *spec, size_t run, const spt_weight_arrays *arrays,
                            void *user);

/* ---- views: merge_virtual.c */

/** Make arrays of runs and of data views of the shards' (a layout of spt_h5; user: the spt_merge). */
bool spt_merge_map(spt_h5 *h, const char *group, const spt_h5_array *array, const hsize_t *dims, hid_t space,
                   hid_t creation, void *user);
/** Link the weights of all runs of a source into the group /weights. */
void spt_merge_link_weights(spt_h5 *h, const spt_merge *merge, const spt_merge_source *source, hid_t weights);
/** /shards: where the shards are, and what they were. */
void spt_merge_write_shards(spt_h5 *h, const spt_merge *merge);

/** Take over a failure in a source. */
void spt_merge_fail_as(spt_h5 *h, const spt_h5 *in);

#endif
