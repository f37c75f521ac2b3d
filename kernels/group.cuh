// The inside of the CUDA backend: a device, a group, and how a group lies in the device's memory.
#ifndef SPT_KERNELS_GROUP_CUH
#define SPT_KERNELS_GROUP_CUH

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <stddef.h>

#include "batch.cuh"
#include "dense.cuh"
#include "loss.cuh"
#include "network.cuh"
#include "plan.cuh"
#include "probe.cuh"
#include "spectrain/backend.h"

struct spt_device {
    int index;
    char name[128];
    int capability;             // 90 for sm_90
    cudaStream_t stream;        // training
    cudaStream_t record_stream; // records, and what else is measured
    cublasHandle_t blas;
    spt_dense_choice choice; // read when a group is made
};

// What is kept of one run on the host.
typedef struct spt_run {
    spt_arena arena;
    char *state_d;    // the arena: live state, no copy
    size_t seed_slot; // whose batch it sees
    // Of a batch, in the workspace: hidden layer l at hidden_d + l * slot, its gradient at delta_d + l * slot.
    size_t width_stride; // floats a row
    size_t slot;         // floats: batch * width_stride
    float *hidden_d, *delta_d, *output_d;
} spt_run;

enum { SPT_SPLITS = 2 };

// Runs that are evaluated at a time: as many as fit into a workspace of SPT_EVALUATION_BYTES, or one.
typedef struct spt_wave {
    size_t first_run, n_runs;
    size_t n_layers;                             // of its deepest run
    spt_dense_phase *forward[SPT_SPLITS];        // (n_layers)
    const spt_loss_problem *score_d[SPT_SPLITS]; // (n_runs)
} spt_wave;

// Host memory that the device can copy to and from while the host goes on.
typedef struct spt_staging {
    char *memory; // pinned
    size_t bytes;
    cudaEvent_t done[2]; // of its halves
} spt_staging;

// A record under way (record.cu).
typedef struct spt_recording {
    cudaEvent_t trained, copied, done; // training has come to the record; the states are copied; all is on the host
    bool under_way;
    spt_record wanted;
    // pinned: what comes from the device, all in one allocation
    char *memory;
    spt_score *sum[SPT_SPLITS];   // (n_runs)
    uint8_t *correct[SPT_SPLITS]; // (n_runs, examples)
    double *norms;                // (n_runs, n_layers)
} spt_recording;

struct spt_group {
    spt_device *device;
    spt_group_spec spec;
    spt_loss loss;
    size_t batch;     // examples of a full batch
    bool full;        // every step sees all examples, where they lie
    size_t eval_rows; // rows of a split that are evaluated at a time
    bool signs[2];    // a split's targets are one column of -1 and +1
    size_t n_layers;  // of the deepest run
    size_t x_stride, output_stride;
    size_t seeds; // distinct ones

    // host
    spt_run *run;                              // (n_runs)
    spt_run_counters *counters;                // (n_runs) as on the device
    uint32_t *seed;                            // (seeds)
    spt_dense_phase *forward, *input_gradient; // (n_layers) each; input gradients by distance from the output
    spt_dense_phase weight_gradient;
    spt_wave *wave;              // (n_waves)
    size_t n_waves, wave_runs;   // wave_runs: of the largest
    spt_plan plan;               // tables of all phases, as on the device
    spt_device_network *network; // (n_runs) as network_d: of the states that a record sees; `layers` are host memory
    spt_device_layer *layer;     // (n_all_layers)
    size_t n_all_layers;
    spt_staging staging;
    spt_recording recording;
    bool begun; // training, by train_begin: counters are not read yet

    // device, all of it in one allocation
    char *memory_d;
    size_t bytes;
    spt_examples split_d[SPT_SPLITS];
    int32_t *label_true_d[SPT_SPLITS];
    float *target_true_d[SPT_SPLITS];
    spt_examples batch_d; // (seeds, batch); the training split itself when full
    uint32_t *seed_d, *permutation_d;
    uint64_t *key_d;
    bool ordered; // permutation_d is that of `epoch`
    uint64_t epoch;
    spt_device_layer *layer_d;
    spt_device_network *network_d;     // (n_runs)
    spt_device_optimizer *optimizer_d; // (n_runs)
    spt_run_step *run_step_d;          // (n_runs)
    spt_run_counters *counters_d;      // (n_runs) collected
    uint64_t *step_d;
    spt_loss_problem *loss_d; // (n_runs) of training, then of the waves' splits
    float *workspace_d;       // activations of a batch of every run
    // ... of a record, which sees the states as they were when it began:
    char *shadow_d;       // (state_bytes) copy of the runs' arenas, laid out as they are
    size_t state_bytes;   // of all arenas, from the first run's state_d on
    void *record_space_d; // activations of a part of a split of a wave; then vectors of norms; then each probe's space
    size_t record_bytes;  // the most that one of them takes
    spt_score *part_d;    // (wave_runs, parts of the larger split)
    spt_score *sum_d;     // (wave_runs)
    uint8_t *correct_d;   // (wave_runs, examples of the larger split)
    double *norms_d;      // (n_runs, n_layers)
    // of training and of recording, when cuBLAS takes a problem there
    void *blas_space_d[SPT_DENSE_USES];
    size_t blas_bytes[SPT_DENSE_USES];

    // One step and several of a full batch, and the short one that ends an epoch: captured once, launched many times.
    bool graphs_made;
    cudaGraphExec_t one, several, short_one;

    spt_cuda_probe **probe; // (n_probes)
    size_t probe_bytes;     // of device memory that they take beside
    double **energy;        // (n_probes) places for those of a call
};

static inline size_t spt_padded(size_t floats) {
    return (floats + 3) / 4 * 4;
}

/** Errors: SPT_EINVAL runs, data or probes that do not fit together. Twin of host/cpu/check.c. */
spt_status spt_cuda_group_check(const spt_group_spec *spec, spt_error *err);

size_t spt_cuda_group_bytes(const spt_device *device, const spt_group_spec *spec);
spt_status spt_cuda_group_create(spt_device *device, const spt_group_spec *spec, spt_group **out, spt_error *err);
void spt_cuda_group_destroy(spt_group *group);

size_t spt_cuda_count(void);
spt_status spt_cuda_open(const spt_device_options *options, spt_device **out, spt_error *err);
void spt_cuda_close(spt_device *device);
void spt_cuda_describe(const spt_device *device, spt_device_info *info);

spt_status spt_cuda_train(spt_group *group, uint64_t step, spt_error *err);
spt_status spt_cuda_train_begin(spt_group *group, uint64_t step, spt_error *err);
spt_status spt_cuda_state_get(spt_group *group, size_t run, void *state, spt_error *err);
spt_status spt_cuda_state_set(spt_group *group, size_t run, const void *state, spt_error *err);

// ---- record.cu
cudaError_t spt_recording_make(spt_group *group);
/** Copy the states for a record, as they are when training has come here; training goes on when they are copied. */
cudaError_t spt_recording_copy(spt_group *group);
void spt_recording_free(spt_group *group);
spt_status spt_cuda_record_begin(spt_group *group, const spt_record *record, spt_error *err);
spt_status spt_cuda_record_wait(spt_group *group, spt_error *err);
spt_status spt_cuda_record_state(spt_group *group, size_t run, void *state, spt_error *err);
spt_status spt_cuda_evaluate(spt_group *group, spt_split_name split, spt_evaluation *out, spt_error *err);
spt_status spt_cuda_spectral_norms(spt_group *group, size_t stride, double *norms, spt_error *err);
spt_status spt_cuda_probe_energy(spt_group *group, size_t p, double *energy, spt_error *err);

/** Start evaluating all runs on a split; nothing waits for the host. Sums and flags go to group->recording. */
cudaError_t spt_evaluation_start(spt_group *group, spt_split_name split, bool with_flags);
/** When that is done: loss, error and, where there is a place, flags of every run. */
void spt_evaluation_read(const spt_group *group, spt_split_name split, spt_evaluation *out);

/** Copy through pinned memory; return when done. */
cudaError_t spt_cuda_copy_out(spt_group *group, cudaStream_t stream, void *to, const void *from_d, size_t bytes);
cudaError_t spt_cuda_copy_in(spt_group *group, void *to_d, const void *from, size_t bytes);

/** A phase's tiles and its cuBLAS problems. */
cudaError_t spt_cuda_phase(spt_group *group, spt_phase_kind kind, const spt_dense_phase *phase,
                           const spt_dense_batch *batch, cudaStream_t stream);
/** All launches of one step of `rows` examples: forward, loss, backward with the update, counters. */
cudaError_t spt_cuda_step(spt_group *group, size_t rows);

extern "C" const spt_backend spt_backend_cuda;

#endif
