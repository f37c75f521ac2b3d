/* Probes on the CPU: one method for each transform, chosen by probe.c. All cut their work by shapes alone. */
#ifndef SPT_HOST_CPU_PROBE_H
#define SPT_HOST_CPU_PROBE_H

#include "cpu/group.h"

/** What one run's part of a probe takes. Sizes of memory are of a thread's spt_eval_space. */
typedef struct spt_probe_needs {
    size_t parts;                /* of this run */
    size_t numbers;              /* doubles that a part leaves, at most */
    size_t rows;                 /* of `series` */
    size_t samples;              /* of `samples` */
    size_t spectrum;             /* of `spectrum` */
    size_t gradient, directions; /* of `gradient`, `direction` */
    size_t parameters;           /* of `parameters` */
    size_t scratch;              /* of `scratch` */
} spt_probe_needs;

typedef struct spt_probe_task {
    const spt_probe *probe;
    fftw_plan plan;
    size_t numbers; /* doubles from one part to the next */
    double *energy; /* (n_runs, stride) */
    size_t stride;  /* energy_size; 0: of one run, whichever */
} spt_probe_task;

static inline double *spt_probe_energies(const spt_probe_task *task, size_t run) {
    return task->energy + run * task->stride;
}

/** The parameters to evaluate: the run's own, or those that its thread has moved. */
static inline const spt_real *spt_probe_parameters(const spt_group *group, size_t run, const spt_eval_space *space) {
    return space->moved != NULL ? space->moved : (const spt_real *)(const void *)group->run[run].state;
}

/** A transform. compute and join are those of spt_parts; their task is an spt_probe_task. */
typedef struct spt_probe_method {
    /** Reads no array. Errors: SPT_EINVAL sizes that do not go together. */
    spt_status (*check)(const spt_probe *probe, spt_error *err);
    /** Errors: SPT_EINVAL numbers in the probe's arrays that are out of range. NULL: there is nothing to check. */
    spt_status (*check_arrays)(const spt_probe *probe, spt_error *err);
    spt_probe_needs (*needs)(const spt_probe *probe, const spt_run *run);
    /** FFTW's plan from samples to spectrum; the method has none when this is NULL. */
    fftw_plan (*plan)(const spt_probe *probe, double *samples, fftw_complex *spectrum);
    void (*compute)(void *task, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *numbers);
    void (*join)(void *task, spt_group *group, size_t run, size_t parts, spt_eval_space *space, const double *numbers);
} spt_probe_method;

extern const spt_probe_method spt_probe_spectra;   /* spectra.c: dft */
extern const spt_probe_method spt_probe_plane;     /* folded.c: dft2 */
extern const spt_probe_method spt_probe_basis;     /* folded.c: basis */
extern const spt_probe_method spt_probe_segments;  /* segments_probe.c: segments */
extern const spt_probe_method spt_probe_perturbed; /* perturbed.c: any of them, on moved parameters */

/** The join of methods whose parts leave sums over some series and all outputs: energies are the parts' sums, added in
 *  order, as means over both, times scale. */
void spt_probe_join_mean(void *task, spt_group *group, size_t run, size_t parts, spt_eval_space *space,
                         const double *numbers);

/** The method of the probe's transform, whose plan the probe has; NULL when this backend does not know it. And the one
 *  that the probe is taken by, which may apply the other many times. */
const spt_probe_method *spt_probe_transform_of(const spt_probe *probe);
const spt_probe_method *spt_probe_method_of(const spt_probe *probe);

/** The run's outputs on rows first .. first + rows - 1 of the probe, at most eval_rows of them: (rows, outputs), in the
 *  thread's space until its next pass. */
const spt_real *spt_probe_outputs(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t rows,
                                  spt_eval_space *space);

#endif
