/* The inside of the CPU backend: a device, a group, and the memory that threads compute in. */
#ifndef SPT_HOST_CPU_GROUP_H
#define SPT_HOST_CPU_GROUP_H

#include <fftw3.h>
#include <stdbool.h>
#include <stddef.h>

#include "cpu/batch.h"
#include "cpu/network.h"
#include "cpu/schedule.h"
#include "cpu/spectral_norm.h"
#include "cpu/team.h"
#include "spectrain/backend.h"

struct spt_device {
    size_t threads;
    char name[128];
};

/** What one team trains in, whichever run it has: sized for the largest of the group. */
typedef struct spt_train_space {
    spt_batcher batcher; /* remembers its permutation between slices */
    spt_pass pass;       /* slots and slot_stride are set for each run */
    spt_real *gradient;  /* a block */
} spt_train_space;

/** What one thread evaluates in. */
typedef struct spt_eval_space {
    spt_pass pass;   /* two slots */
    spt_real *x;     /* rows of a probe */
    double *series;  /* outputs of a part of a probe: (outputs, rows) */
    double *samples; /* what is transformed, and what comes of it */
    fftw_complex *spectrum;
    spt_real *parameters;  /* blocks that networks around a run's own are made in */
    double *scratch;       /* what parts of those leave */
    spt_real *gradient;    /* what adversarial directions are made in */
    float *direction;      /* those of some lines: (lines, inputs) */
    const spt_real *moved; /* evaluated instead of the run's own; NULL: none */
    spt_norm_space norm;
} spt_eval_space;

/** One run in the group. */
typedef struct spt_run {
    const spt_model_spec *model; /* the group's spec's */
    spt_arena arena;
    char *state;      /* the arena itself: live state, no copy */
    double flops;     /* of one step */
    size_t members;   /* threads that one step can keep busy */
    size_t eval_rows; /* rows of one part of an evaluation, by the model's shape alone */
} spt_run;

struct spt_group {
    spt_device *device;
    spt_group_spec spec;
    size_t batch; /* as in every run's spec */
    spt_loss loss;
    bool signs[2];  /* split's targets are one column of -1 and +1 */
    bool recording; /* a record has begun and was not waited for */

    spt_run *run;      /* (n_runs) */
    size_t *by_cost;   /* (n_runs) runs, most FLOPs first */
    spt_work *work;    /* (n_runs) train's queue */
    size_t *team_size; /* (threads) */
    spt_team *team;    /* (threads) */

    size_t n_train_spaces; /* as many as can be in use: the lesser of threads and runs */
    spt_train_space *train_space;
    size_t *free_space;         /* (n_train_spaces) stack */
    spt_eval_space *eval_space; /* (threads) */
    double *part;               /* results of the parts of the runs that are being evaluated */
    fftw_plan *plan;            /* (n_probes); NULL where the transform needs none */
    void *memory;               /* one block, that all of the above point into */
};

static inline spt_run_counters *spt_group_counters(const spt_group *group, size_t run) {
    return spt_arena_counters(&group->run[run].arena, group->run[run].state);
}

/* ---- the functions of the table, backend.h */

size_t spt_cpu_count(void);
spt_status spt_cpu_open(const spt_device_options *options, spt_device **out, spt_error *err);
void spt_cpu_close(spt_device *device);
void spt_cpu_describe(const spt_device *device, spt_device_info *info);

size_t spt_cpu_group_bytes(const spt_device *device, const spt_group_spec *spec);
spt_status spt_cpu_group_create(spt_device *device, const spt_group_spec *spec, spt_group **out, spt_error *err);
void spt_cpu_group_destroy(spt_group *group);

spt_status spt_cpu_train(spt_group *group, uint64_t step, spt_error *err);
spt_status spt_cpu_evaluate(spt_group *group, spt_split_name split, spt_evaluation *out, spt_error *err);
spt_status spt_cpu_spectral_norms(spt_group *group, size_t stride, double *norms, spt_error *err);
spt_status spt_cpu_probe(spt_group *group, size_t p, double *energy, spt_error *err);
spt_status spt_cpu_record_begin(spt_group *group, const spt_record *record, spt_error *err);
spt_status spt_cpu_record_wait(spt_group *group, spt_error *err);

/** Errors: SPT_EINVAL runs, data, loss and probes that do not fit together. arrays: read those of the probes, too. */
spt_status spt_cpu_group_check(const spt_group_spec *spec, bool arrays, spt_error *err);

/* ---- sizes that memory is laid out by */

/** Parts in which a split of n examples is evaluated for a run: by shapes alone. */
size_t spt_evaluate_parts(const spt_run *run, size_t n);

/** Bytes that this process may still take: what the system has available, within its control group's limit. */
size_t spt_memory_available(void);

extern const spt_backend spt_backend_cpu;
extern const spt_backend_bench spt_cpu_bench;

#endif
