/* Microseconds a training step takes on one thread of the CPU backend, width by width: the main job's networks (40
 * inputs, 2 hidden layers, 10 classes, batch 100, SGD with momentum). Prints "width us_per_step gflops" lines.
 *   bench_cpu_steps [WIDTH...] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "spectrain/spectrain.h"

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char CONFIG[] =
    "name: steps\n"
    "data: {source: mnist1d, train: 4000, test: 1000, seed: 42}\n"
    "model: {hidden_layers: 2, width: 64}\n"
    "train: {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.01, momentum: 0.9}, batch: 100, "
    "epochs: 1000000}\n";

/* Time whole epochs for at least a third of a second; the best of three, since others use the machine too. */
static spt_status time_width(size_t width, spt_error *err) {
    spt_config *config = NULL;
    spt_sweep *sweep = NULL;
    spt_settings settings = {0};
    spt_dataset *data = NULL;
    spt_device *device = NULL;
    spt_group *group = NULL;
    void *state = NULL;
    char assignment[64];
    snprintf(assignment, sizeof assignment, "model.width=%zu", width);
    const spt_backend *cpu = spt_backend_find("cpu");
    spt_device_options options = {.threads = 1};
    spt_status status = spt_config_parse("steps", CONFIG, sizeof CONFIG - 1, &config, err);
    if (status || (status = spt_config_set(config, assignment, err)) ||
        (status = spt_sweep_plan(config, &sweep, err)) ||
        (status = spt_config_settings(config, spt_sweep_axes(sweep), 0, &settings, err)) ||
        (status = spt_dataset_make(settings.data, &data, err)) || (status = cpu->open(&options, &device, err)))
        goto done;
    const spt_run_spec *run = &spt_sweep_run_at(sweep, 0)->spec;
    spt_group_spec spec = {.dataset = data, .n_runs = 1, .runs = run};
    spt_arena arena;
    if ((status = spt_arena_layout(&run->model, &run->train.optimizer, &arena, err)) ||
        (status = cpu->group_create(device, &spec, &group, err)))
        goto done;
    state = aligned_alloc(128, (arena.bytes + 127) / 128 * 128);
    if (state == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "width %zu: out of memory", width);
        goto done;
    }
    spt_arena_init(&run->model, &run->train.optimizer, run->train.seed, state);
    if ((status = cpu->state_set(group, 0, state, err)))
        goto done;
    uint64_t step = 0, slice = 40;
    double best = 1e9;
    for (int repeat = 0; repeat < 3;) {
        double start = seconds_now();
        if ((status = cpu->train(group, step += slice, err)))
            goto done;
        double elapsed = seconds_now() - start;
        if (elapsed < 0.33) {
            slice *= 2;
            continue;
        }
        best = elapsed / (double)slice < best ? elapsed / (double)slice : best;
        repeat++;
    }
    double flops = spt_sweep_run_at(sweep, 0)->train_flops / (double)spt_sweep_run_at(sweep, 0)->steps;
    printf("%zu %.2f %.2f\n", width, 1e6 * best, 1e-9 * flops / best);
    fflush(stdout);
done:
    free(state);
    if (group != NULL)
        cpu->group_destroy(group);
    if (device != NULL)
        cpu->close(device);
    spt_dataset_free(data);
    spt_settings_free(&settings);
    spt_sweep_free(sweep);
    spt_config_free(config);
    return status;
}

int main(int argc, char **argv) {
    static const size_t WIDTHS[] = {2, 4, 9, 21, 36, 61, 104, 177, 300};
    spt_error err = {0};
    size_t n = argc > 1 ? (size_t)argc - 1 : sizeof WIDTHS / sizeof *WIDTHS;
    for (size_t i = 0; i < n; i++) {
        size_t width = argc > 1 ? (size_t)strtoul(argv[i + 1], NULL, 10) : WIDTHS[i];
        if (time_width(width, &err) != SPT_OK) {
            fprintf(stderr, "bench_cpu_steps: %s\n", err.message);
            return 1;
        }
    }
    return 0;
}
