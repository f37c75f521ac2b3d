/* A data set and its probes as one stream of bytes, cut into pieces that become entries of the journal.
 *
 *   head      sha256, sizes; for each probe its names, dims with coordinates, extras (names, shapes), attributes
 *   arrays    labels: train true, train noisy, test; or targets the same; x of both splits (keep_data); each probe's
 *             extras in turn
 *
 * Integers are 64 bits, texts a length and bytes, arrays as in memory. */
#ifndef SPT_HOST_STORE_DATASET_STREAM_H
#define SPT_HOST_STORE_DATASET_STREAM_H

#include "spectrain/store.h"
#include "store/catalog.h"
#include "store/journal.h"

enum { SPT_PIECE_BYTES = 4 << 20 };

/** Takes one piece; last is true for the last one. */
typedef spt_status (*spt_piece_sink)(const void *bytes, size_t count, bool last, void *user, spt_error *err);

/** Send a data set to sink, piece by piece: the same arguments, the same bytes. Errors: sink's, SPT_ENOMEM. */
spt_status spt_dataset_stream_write(const spt_dataset *dataset, bool keep_data, const spt_probe *const *probes,
                                    size_t n_probes, spt_piece_sink sink, void *user, spt_error *err);

/** A data set as it is read back. Arrays are read in the order of the stream with spt_kept_read. */
typedef struct spt_kept_dataset {
    char sha256[65];
    size_t inputs, outputs, classes, train, test;
    bool has_x;
    size_t n_probes;
    spt_probe *probes; /* (n_probes): names, kind, units, dims, extras without data, attributes; all owned here */
    /* the rest of the stream */
    const spt_journal *journal;
    const spt_catalog_dataset *pieces;
    size_t index, piece, position, filled;
    unsigned char *entry; /* the piece being read, with its header */
} spt_kept_dataset;

/** Open data set `index`, which must be whole in the catalog, and read its head. *kept: spt_kept_close, also on error.
 *  Errors: SPT_ECORRUPT, SPT_EIO, SPT_ENOMEM. */
spt_status spt_kept_open(const spt_journal *journal, const spt_catalog *catalog, size_t index, spt_kept_dataset *kept,
                         spt_error *err);
void spt_kept_close(spt_kept_dataset *kept);

/** Say of an extra without values of which type they are: one of its two pointers is not NULL then. */
void spt_kept_set_type(spt_probe_extra *extra, bool integer);
/** Free probes whose names, texts and coordinates are their own: those of a kept data set, those of a file. */
void spt_kept_probes_free(spt_probe *probes, size_t n);

/** The next bytes of the arrays. Errors: SPT_ECORRUPT also when the stream ends. */
spt_status spt_kept_read(spt_kept_dataset *kept, void *bytes, size_t count, spt_error *err);

#endif
