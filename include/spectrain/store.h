/* The store: one HDF5 file per sweep, always whole.
 *
 * While a sweep runs, what it produces goes to the folder FILE.h5.part/: `journal`, an append-only file of checksummed
 * entries (data sets, records, snapshots), and `state`, three checksummed slots per run for its arena, written in turn.
 * Both survive a kill at any byte, and a loss of power. FILE.h5 is assembled from the journal under another name,
 * closed, synced, and renamed. After the end of what HDF5 knows it carries a SHA-256 of all its bytes.
 *
 * One thread of the store's own does all writing while training goes on. Every put copies what it is given and returns;
 * a put blocks only while more than SPT_STORE_QUEUE_BYTES wait. A write error is kept and returned by the next call.
 * One thread calls a store at a time; HDF5 is used within spt_store_finish, _predict_bytes and the readers only. */
#ifndef SPECTRAIN_STORE_H
#define SPECTRAIN_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "dataset.h"
#include "error.h"
#include "model.h"
#include "probe.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPT_FORMAT_NAME       "spectrain"
#define SPT_FORMAT_VERSION    1
#define SPT_STORE_QUEUE_BYTES ((size_t)256 << 20)

enum { SPT_STORE_STATE_SLOTS = 3 }; /* arenas kept per run in FILE.h5.part/state */

/** The scalar metrics of a record, in the order in which they are stored. NaN where one does not apply. */
typedef enum spt_metric {
    SPT_METRIC_TRAIN_LOSS,
    SPT_METRIC_TRAIN_ERROR,
    SPT_METRIC_TEST_LOSS,
    SPT_METRIC_TEST_ERROR,
    SPT_METRIC_NOISY_FIT,       /* of the examples whose label changed: share predicted as the noisy label */
    SPT_METRIC_NOISY_CLEAN,     /* the same examples: share predicted as the true label */
    SPT_METRIC_CLEAN_FIT,       /* untouched examples: share predicted right */
    SPT_METRIC_LIPSCHITZ_BOUND, /* product of the layers' spectral norms */
    SPT_METRIC_COUNT
} spt_metric;

/** Name in the file ("train_loss"), long name and unit ("1"; a loss has the unit of its kind); static storage. */
const char *spt_metric_name(spt_metric metric);
const char *spt_metric_long_name(spt_metric metric);
const char *spt_metric_units(spt_metric metric);

/** Status of a run in /runs/status. */
typedef enum spt_run_status {
    SPT_RUN_MISSING = 0, /* not trained to the end in this file */
    SPT_RUN_DONE = 1,
    SPT_RUN_DIVERGED = 2 /* loss became non-finite; its values after that are NaN */
} spt_run_status;

/** The part of a sweep that a file is for. */
typedef struct spt_shard_place {
    size_t index, count;   /* shard index, from 0, of count */
    size_t sweep_runs;     /* runs of the whole sweep */
    const size_t *numbers; /* (runs of the shard) which of the sweep's they are, ascending */
} spt_shard_place;

/** What a file is for. All borrowed, and must live as long as the store. Runs are counted from 0 within the file. */
typedef struct spt_store_spec {
    const char *config;  /* YAML, as run */
    const char *backend; /* "cpu" */
    const char *device, *precision, *denormals;
    const spt_axes *axes;         /* of the whole sweep */
    const spt_shard_place *shard; /* NULL: the whole sweep */
    size_t n_runs;
    const spt_model_spec *models;    /* (n_runs) inputs and outputs set */
    const spt_arena *arenas;         /* (n_runs) */
    const uint64_t *steps_per_epoch; /* (n_runs) */
    const uint32_t *run_dataset;     /* (n_runs) which data set */
    size_t n_datasets;
    const spt_data_shape *data_shapes; /* (n_datasets) inputs, outputs, classes equal in all */
    bool keep_data;                    /* store x of both splits */
    spt_schedule records, snapshots;   /* epochs */
    size_t n_probes;
    const char *const *probe_names;
    const spt_probe_shape *probe_shapes; /* (n_probes) */
} spt_store_spec;

typedef struct spt_store spt_store;

typedef enum spt_store_mode {
    SPT_STORE_NEW,     /* refuse when FILE.h5 or FILE.h5.part is there */
    SPT_STORE_REPLACE, /* --force: start anew; an old FILE.h5 stays until the new one takes its place */
    SPT_STORE_RESUME   /* go on from FILE.h5.part; start anew when there is none */
} spt_store_mode;

/** Open a store for path. Takes the folder's lock until spt_store_close. With RESUME, *complete tells that FILE.h5 is
 *  there, complete and of the same config: then there is nothing to do, and *out is NULL.
 *  Errors: SPT_EINVAL path does not end in .h5, or is in no folder; SPT_EEXIST already there, or
 *  locked by another process; SPT_EMISMATCH resumed with another config, backend, device model, precision, software
 *  version or data; SPT_EIO not writable; SPT_ECORRUPT; SPT_ENOMEM. On error nothing is left behind that was not
 *  there before. */
spt_status spt_store_open(const char *path, const spt_store_spec *spec, spt_store_mode mode, spt_store **out,
                          bool *complete, spt_error *err);

/** The newest state of a run from which training can go on: every record and snapshot up to its step is in the journal.
 *  *found false: start from the beginning. state: arenas[run].bytes, caller's. */
spt_status spt_store_state_load(spt_store *store, size_t run, void *state, bool *found, spt_error *err);

/** A data set and its probes (n_probes of spec), before any record of a run that uses it. Labels, x (keep_data),
 * sha256, and the probes' dims and extras are kept. A data set already there must be the same: SPT_EMISMATCH. */
spt_status spt_store_put_dataset(spt_store *store, size_t dataset_index, const spt_dataset *dataset,
                                 const spt_probe *const *probes, spt_error *err);

/** One record of one run. metrics (SPT_METRIC_COUNT), norms (layers of the run), energy[p]
 * (probe_shapes[p].energy_size). */
spt_status spt_store_put_record(spt_store *store, size_t run, size_t record, const double *metrics, const double *norms,
                                const double *const *energy, spt_error *err);

/** One snapshot: weights out of an arena of that run. Scales of the NTK parameterisation are multiplied in, so that the
 *  file holds what nn.Linear computes with. */
spt_status spt_store_put_snapshot(spt_store *store, size_t run, size_t snapshot, const void *state, spt_error *err);

/** The arena of a run, after its records and snapshots up to that step. One that still waits when the next of the same
 *  run is put may be skipped. */
spt_status spt_store_put_state(spt_store *store, size_t run, const void *state, spt_error *err);

/** Say how far the sweep is, for spt_shards_look: fraction done, seconds to go (NaN: not known). What cannot be written
 *  is not. */
void spt_store_put_progress(spt_store *store, double fraction, double remaining);

/** Wait until all that was put is written and synced. */
spt_status spt_store_flush(spt_store *store, spt_error *err);

/** Flush, assemble FILE.h5, close, sync, rename. With complete = true the folder FILE.h5.part is removed after; with
 *  false (an interrupted sweep) the file holds what there is, complete = 0, and the folder stays for resume. What was
 *  recorded after a run diverged is left out. Time is linear in runs, memory is bounded.
 *  Errors: SPT_EINVAL complete, but something is missing; SPT_EIO; SPT_ECORRUPT; SPT_ENOMEM. The folder stays then. */
spt_status spt_store_finish(spt_store *store, bool complete, spt_error *err);

/** Stop the writer, give back the lock, free. Takes NULL. Without spt_store_finish the folder stays as it is, unless
 * this store made it and no record got into it. */
void spt_store_close(spt_store *store);

/** Seconds the writer thread has spent on checksums, writing and syncing. */
double spt_store_seconds(const spt_store *store);

/** Bytes that FILE.h5 will have, within 5 %. */
uint64_t spt_store_predict_bytes(const spt_store_spec *spec);

/* ---- a further probe for a finished file
 *
 * FILE.h5 is copied, the copy gets /probes/<name> with a dimension `snapshot` in the place of `record`, is closed,
 * synced and sealed, and takes the place of FILE.h5. Until then FILE.h5 is what it was. In between, the work is in the
 * folder FILE.h5.probe. */

typedef struct spt_addition spt_addition;

/** Begin: read every byte of FILE.h5 (spt_file_verify), lock it, copy it. spec describes the sweep of its config, and
 * the device that will compute; its probes and records are not looked at. *out: spt_addition_close. Errors: SPT_EINVAL
 * the file is not complete, a shard or virtual; SPT_EEXIST it has a probe of that name, another process adds one, or
 * FILE.h5.part is there; SPT_EMISMATCH other runs or snapshots; SPT_EIO, SPT_EDATA, SPT_ECORRUPT, SPT_ENOMEM. */
spt_status spt_addition_open(const char *path, const spt_store_spec *spec, const char *name, spt_addition **out,
                             spt_error *err);

/** A data set, and the probe made for it: its extras are kept. The data set's SHA-256 must be the file's, and its probe
 *  have as many energies as those before: else SPT_EMISMATCH. */
spt_status spt_addition_put_dataset(spt_addition *addition, size_t index, const spt_dataset *dataset,
                                    const spt_probe *probe, spt_error *err);

/** Weights of a run at a snapshot into parameters: a block as model.h lays it out for `model`; gaps are not touched.
 * The file's weights have the scales of the NTK parameterisation in them: model.init must be one without. *there: false
 *  when they are missing, because the run had diverged. Errors: SPT_ECORRUPT layers of other sizes; SPT_EIO. */
spt_status spt_addition_get_weights(spt_addition *addition, size_t run, size_t snapshot, const spt_model_spec *model,
                                    float *parameters, bool *there, spt_error *err);

/** Energies (energy_size) of a run at a snapshot; those that are never put read as NaN. */
spt_status spt_addition_put_energy(spt_addition *addition, size_t run, size_t snapshot, const double *energy,
                                   spt_error *err);

/** Put the copy in the place of FILE.h5. Errors: SPT_EEXIST FILE.h5 has been replaced by others since; SPT_EIO. */
spt_status spt_addition_finish(spt_addition *addition, spt_error *err);
/** Takes NULL. Without spt_addition_finish FILE.h5 stays as it is. */
void spt_addition_close(spt_addition *addition);

/* ---- reading */

typedef struct spt_file_info {
    char software_version[32], backend[16], device[128], precision[32], denormals[16], dataset_sha256[65], created[32];
    char *config; /* YAML */
    int format_version;
    bool complete;
    bool is_virtual; /* views of shards' files, which must stay where they are */
    uint64_t bytes;
    size_t shard, shards, sweep_runs; /* of a shard: which of how many, and runs of the whole sweep; shards 0: none */
    size_t *run_numbers;              /* (n_runs) in the sweep, ascending: 0, 1, 2 ... unless it is a shard */
    int8_t *status;                   /* (n_runs) spt_run_status */
    size_t n_runs, n_done, n_diverged, n_missing;
    size_t n_records, n_snapshots, n_probes, n_axes;
    char **probe_names; /* (n_probes) */
    char **axis_names;  /* (n_axes) */
} spt_file_info;

/** Errors: SPT_EIO cannot be opened; SPT_EDATA not a spectrain file; SPT_ECORRUPT damaged. Free: spt_file_info_free. */
spt_status spt_file_info_read(const char *path, spt_file_info *info, spt_error *err);
void spt_file_info_free(spt_file_info *info);

/** Whether the shards that a virtual file has views of are there, are what they were by their seals, and have no damage
 *  in their first MiB: HDF5 shows what it does not find there as missing, without a word. Of another file: SPT_OK.
 *  Errors: SPT_ECORRUPT with the shard's name; as spt_file_info_read. */
spt_status spt_file_check_shards(const char *path, spt_error *err);

/** Read every byte and compare with the SHA-256 at the end (a file that another program opened for writing has none);
 *  read every dataset (each chunk carries a Fletcher-32 checksum) and check shapes and dimension scales. Of a virtual
 *  file its shards are read.
 *  Errors: SPT_ECORRUPT with the first damaged dataset and the run that it belongs to; as spt_file_info_read. */
spt_status spt_file_verify(const char *path, spt_error *err);

#ifdef __cplusplus
}
#endif
#endif
