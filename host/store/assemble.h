/* The parts of FILE.h5, each made by one file: assemble_*.c. design.md, "The file", says what they hold.
 *
 * All functions write through an spt_h5 and so do nothing once something has failed. The same functions make the file
 * that the prediction of its size is taken from (predict.c). */
#ifndef SPT_HOST_STORE_ASSEMBLE_H
#define SPT_HOST_STORE_ASSEMBLE_H

#include "spectrain/store.h"
#include "store/catalog.h"
#include "store/dataset_stream.h"
#include "store/h5.h"
#include "store/journal.h"

/** Make the file behind fd out of the journal. path is for messages. *bytes is its size. Errors: SPT_EIO, SPT_ECORRUPT,
 *  SPT_ENOMEM. */
spt_status spt_assemble(const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                        bool complete, int fd, const char *path, uint64_t *bytes, spt_error *err);

/** Make an HDF5 file behind fd of so many runs with what write writes; *bytes is its size. Errors: those of write;
 * SPT_EIO. */
spt_status spt_assemble_file(int fd, const char *path, size_t n_runs, void (*write)(spt_h5 *h, void *user), void *user,
                             uint64_t *bytes, spt_error *err);

/** The attribute dataset_sha256: of one data set its own sum; of several the SHA-256 of the digits of those that are
 *  there, in order; "" when none is. sums: (n) "" for one that is not there. Errors: SPT_ENOMEM. */
spt_status spt_assemble_sum(size_t n, const char (*sums)[65], char sum[65], spt_error *err);

/** A file that HDF5 makes with this file access list, in the format of HDF5 1.10, its times left out. */
void spt_assemble_create(spt_h5 *h, hid_t access, const char *name, size_t n_runs);

/* ---- root, /runs, /record, /snapshot: assemble_sweep.c */

void spt_assemble_root(spt_h5 *h, const spt_store_spec *spec, const char *dataset_sha256, const char *created,
                       bool complete);
void spt_assemble_schedules(spt_h5 *h, const spt_store_spec *spec);
/** status and diverged_step: (n_runs). */
void spt_assemble_runs(spt_h5 *h, const spt_store_spec *spec, const spt_run_status *status,
                       const uint64_t *diverged_step);

/** Scales "run" (numbers in the sweep), "record" and "snapshot" (epochs) in a group. */
void spt_assemble_run_scale(spt_h5 *h, spt_h5_group *group, const spt_store_spec *spec);
void spt_assemble_record_scale(spt_h5 *h, spt_h5_group *group, const spt_store_spec *spec);
void spt_assemble_snapshot_scale(spt_h5 *h, spt_h5_group *group, const spt_store_spec *spec);

/** Layers of the deepest run. */
size_t spt_assemble_max_layers(const spt_store_spec *spec);

/* ---- /data: assemble_data.c */

enum { SPT_DATA_ARRAYS = 5 };

typedef struct spt_data_output {
    spt_h5_group group;
    hid_t sha256, arrays[SPT_DATA_ARRAYS]; /* in the order of the stream; -1: not there */
} spt_data_output;

void spt_data_output_open(spt_h5 *h, const spt_store_spec *spec, spt_data_output *output);
/** The arrays of a data set, out of a stream that is at its arrays. */
void spt_data_output_fill(spt_h5 *h, const spt_store_spec *spec, spt_data_output *output, spt_kept_dataset *kept);
void spt_data_output_close(spt_h5 *h, spt_data_output *output);

/** The next array of the stream, (n) or (n, columns) of 4-byte values, into an array of the file, at dataset_index of
 * its first dimension unless that is SIZE_MAX; columns 0: it has no second dimension. array -1: skipped. */
void spt_assemble_copy(spt_h5 *h, spt_kept_dataset *kept, hid_t array, hid_t memory_type, size_t dataset_index,
                       size_t n, size_t columns);

/* ---- /probes: assemble_probes.c */

typedef struct spt_probe_output {
    spt_h5_group group;
    hid_t energy, extras[SPT_PROBE_MAX_EXTRAS];
    bool extra_is_integer[SPT_PROBE_MAX_EXTRAS];
} spt_probe_output;

/** The group `name` of one probe, with energies along run, `when` (record or snapshot) and the probe's dims. parent
 * NULL: name is a path in the file. */
void spt_probe_output_open(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *parent, const char *name,
                           const char *when, const spt_probe *probe, spt_probe_output *output);
void spt_probe_output_close(spt_h5 *h, spt_probe_output *output);

typedef struct spt_probes_output {
    spt_h5_group group;
    size_t n_probes;
    spt_probe_output *probes; /* (n_probes) */
} spt_probes_output;

/** Let the extras of a probe be as long as those of the same probe of another data set, where these are longer. */
void spt_assemble_widen_extras(spt_probe *probe, const spt_probe *other);

/** probes: (n of spec) as the first data set has them, dims of extras as large as in any; NULL: nothing is known yet,
 * and only the group is made. */
void spt_probes_output_open(spt_h5 *h, const spt_store_spec *spec, const spt_probe *probes, spt_probes_output *output);
/** The extras of a data set, out of a stream that is at them. */
void spt_probes_output_fill(spt_h5 *h, const spt_store_spec *spec, spt_probes_output *output, spt_kept_dataset *kept);
void spt_probes_output_close(spt_h5 *h, spt_probes_output *output);

/* ---- /metrics and the energies: assemble_records.c */

typedef struct spt_metrics_output {
    spt_h5_group group;
    hid_t metrics[SPT_METRIC_COUNT], spectral_norm;
} spt_metrics_output;

void spt_metrics_output_open(spt_h5 *h, const spt_store_spec *spec, spt_metrics_output *output);
void spt_metrics_output_close(spt_h5 *h, spt_metrics_output *output);

/** The records of all runs. */
void spt_assemble_records(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                          spt_metrics_output *metrics, spt_probes_output *probes);

/* ---- /weights: assemble_weights.c */

enum { SPT_LAYERS_MAX = 65 };

/** The arrays of a run's layers: weight (snapshot, fan_out, fan_in), bias (snapshot, fan_out). */
typedef struct spt_weight_arrays {
    size_t n_layers;
    spt_layer shape[SPT_LAYERS_MAX];
    hid_t weight[SPT_LAYERS_MAX], bias[SPT_LAYERS_MAX];
} spt_weight_arrays;

/** Gives the arrays of a run their values. */
typedef void (*spt_weights_fill)(spt_h5 *h, const spt_store_spec *spec, size_t run, const spt_weight_arrays *arrays,
                                 void *user);

/** /weights/<number in the sweep> for each run. */
void spt_assemble_weights(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal,
                          const spt_catalog *catalog);
/** One run, in the group /weights; fill NULL: the arrays stay empty. */
void spt_assemble_run_weights(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *weights, size_t run,
                              spt_weights_fill fill, void *user);

#endif
