/* How long a sweep will take: a few steps of a few of its networks on random data, and the planned FLOPs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "sweep/random_data.h"
#include "sweep/sweep_internal.h"

enum { SAMPLES = 5, EXAMPLES_MAX = 1024, EXAMPLES_MIN = 32 };
static const double SAMPLE_SECONDS = 0.03, SAMPLE_FLOPS = 2e9; /* a step of a huge network is cut to fewer examples */

/* Seconds a step of one run takes on one thread; NAN when it cannot be measured. */
static double time_steps(spt_device *device, const spt_backend *backend, const spt_sweep *sweep, size_t run,
                         size_t examples) {
    spt_run_spec spec = sweep->runs[run].spec;
    spec.train.batch = 0;
    spec.train.optimizer.lr = 1e-9; /* whatever the rate is, a run that diverges is frozen, and takes no time at all */
    spec.train.optimizer.weight_decay = 0.0;
    spt_dataset dataset = {0};
    spt_group *group = NULL;
    void *state = spt_memory_alloc(1, sweep->arenas[run].bytes);
    double seconds = NAN;
    spt_group_spec group_spec = {.dataset = &dataset, .n_runs = 1, .runs = &spec};
    if (state == NULL ||
        spt_random_dataset(&sweep->data_shapes[sweep->run_dataset[run]], examples, &dataset, NULL) != SPT_OK ||
        backend->group_create(device, &group_spec, &group, NULL) != SPT_OK)
        goto done;
    spt_arena_init(&spec.model, &spec.train.optimizer, spec.train.seed, state);
    if (backend->state_set(group, 0, state, NULL) != SPT_OK || backend->train(group, 1, NULL) != SPT_OK)
        goto done;
    uint64_t step = 1;
    for (uint64_t slice = 1;; slice *= 2) {
        double start = spt_clock();
        if (backend->train(group, step + slice, NULL) != SPT_OK)
            goto done;
        step += slice;
        double elapsed = spt_clock() - start;
        if (elapsed > SAMPLE_SECONDS) {
            seconds = elapsed / (double)slice;
            break;
        }
    }
done:
    if (group != NULL)
        backend->group_destroy(group);
    spt_random_dataset_free(&dataset);
    spt_memory_free(state);
    return seconds;
}

static size_t step_examples(const spt_sweep *sweep, size_t run) {
    size_t batch = sweep->runs[run].spec.train.batch, n = sweep->data_shapes[sweep->run_dataset[run]].train;
    return batch == 0 || batch > n ? n : batch;
}

static size_t measured_examples(double flops_per_example, size_t examples) {
    double most = fmin(fmax(SAMPLE_FLOPS / flops_per_example, EXAMPLES_MIN), EXAMPLES_MAX);
    return (double)examples < most ? examples : (size_t)most;
}

static double step_flops(const spt_sweep *sweep, size_t run) {
    return sweep->runs[run].train_flops / (double)sweep->runs[run].steps;
}

/* Runs whose costs of a step lie apart: the cheapest, the dearest, and some between. */
static size_t choose_samples(const spt_sweep *sweep, size_t *sample) {
    double low = INFINITY, high = 0;
    for (size_t r = 0; r < sweep->n_runs; r++) {
        low = fmin(low, step_flops(sweep, r));
        high = fmax(high, step_flops(sweep, r));
    }
    size_t n = 0;
    for (int s = 0; s < SAMPLES; s++) {
        double wanted = log(low) + (log(high) - log(low)) * s / (SAMPLES - 1);
        size_t best = 0;
        for (size_t r = 1; r < sweep->n_runs; r++)
            if (fabs(log(step_flops(sweep, r)) - wanted) < fabs(log(step_flops(sweep, best)) - wanted))
                best = r;
        if (n == 0 || step_flops(sweep, best) > step_flops(sweep, sample[n - 1]))
            sample[n++] = best;
    }
    return n;
}

/* Seconds of a step that takes `flops`: linear between the samples, proportional beyond them. */
static double interpolate(const double *flops, const double *seconds, size_t n, double wanted) {
    if (n == 1 || wanted >= flops[n - 1])
        return seconds[n - 1] * wanted / flops[n - 1];
    size_t i = 1;
    while (flops[i] < wanted)
        i++;
    double part = (wanted - flops[i - 1]) / (flops[i] - flops[i - 1]);
    return seconds[i - 1] + part * (seconds[i] - seconds[i - 1]);
}

double spt_sweep_estimate_seconds(const spt_sweep *sweep, size_t threads) {
    const spt_backend *cpu = spt_backend_find("cpu");
    spt_device_options options = {.threads = 1};
    spt_device *device = NULL;
    if (cpu == NULL || cpu->open(&options, &device, NULL) != SPT_OK)
        return NAN;
    size_t sample[SAMPLES];
    double flops[SAMPLES], seconds[SAMPLES];
    size_t n = choose_samples(sweep, sample);
    for (size_t s = 0; s < n; s++) {
        size_t examples = step_examples(sweep, sample[s]);
        flops[s] = step_flops(sweep, sample[s]);
        size_t measured = measured_examples(flops[s] / (double)examples, examples);
        seconds[s] = time_steps(device, cpu, sweep, sample[s], measured) * (double)examples / (double)measured;
    }
    cpu->close(device);
    for (size_t s = 0; s < n; s++)
        if (isnan(seconds[s])) /* this machine cannot take a step of it */
            return NAN;
    double total = 0, longest = 0;
    for (size_t r = 0; r < sweep->n_runs; r++) {
        double per_step = interpolate(flops, seconds, n, step_flops(sweep, r));
        double run = per_step * ((double)sweep->runs[r].steps + sweep->runs[r].record_flops / step_flops(sweep, r));
        total += run;
        longest = fmax(longest, run);
    }
    /* With fewer runs than threads the threads share a run. */
    size_t workers = threads > 0 ? threads : 1;
    return sweep->n_runs < workers ? total / (double)workers : fmax(total / (double)workers, longest);
}
