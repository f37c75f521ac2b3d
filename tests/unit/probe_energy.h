/* Energies of hand-made networks on the CPU, and their outputs by another way: all in float64. */
#ifndef SPT_TESTS_PROBE_ENERGY_H
#define SPT_TESTS_PROBE_ENERGY_H

#include <math.h>

#include "cpu_group.h"
#include "probe_fixture.h"

static const double PI = 3.14159265358979323846;

/* Energies (energy_size) of a network with these parameters; the caller's to free. */
static inline double *energies_of(const spt_probe *probe, const spt_dataset *data, const spt_run_spec *run,
                                  const float *parameters, size_t threads) {
    const spt_probe *probes[] = {probe};
    spt_group_spec spec = {data, 1, run, 1, probes};
    spt_test_group t = open_group(&spec, threads);
    spt_arena arena = arena_of(run);
    float *state = initial_state(run);
    memcpy(state, parameters, arena.block * sizeof *state);
    assert_int_equal(cpu()->state_set(t.group, 0, state, NULL), SPT_OK);
    double *energy = calloc(probe->energy_size, sizeof *energy);
    assert_non_null(energy);
    spt_error err = {0};
    if (cpu()->probe(t.group, 0, energy, &err) != SPT_OK)
        fail_msg("%s", err.message);
    spt_memory_free(state);
    close_group(&t);
    return energy;
}

/* Outputs (outputs, rows) of a network with no hidden layer, or one, on a probe's float32 rows; the caller's. */
static inline double *outputs_of(const spt_probe *probe, const spt_run_spec *run, const float *parameters) {
    const size_t rows = probe->series * probe->samples, inputs = probe->inputs, outputs = probe->outputs;
    const size_t width = run->model.hidden_layers > 0 ? run->model.width : inputs;
    double *f = calloc(rows * outputs, sizeof *f), *hidden = calloc(width, sizeof *hidden);
    float *x = calloc(inputs, sizeof *x);
    assert_true(f != NULL && hidden != NULL && x != NULL && run->model.hidden_layers <= 1);
    spt_layer first = spt_model_layer(&run->model, 0), last = spt_model_layer(&run->model, run->model.hidden_layers);
    for (size_t i = 0; i < rows; i++) {
        spt_probe_rows(probe, i, 1, x);
        for (size_t h = 0; h < width; h++) {
            hidden[h] = run->model.hidden_layers > 0 ? (double)parameters[first.bias_offset + h] : (double)x[h];
            for (size_t j = 0; j < inputs && run->model.hidden_layers > 0; j++)
                hidden[h] += (double)parameters[first.weight_offset + h * inputs + j] * (double)x[j];
            if (run->model.hidden_layers > 0 && hidden[h] < 0.0)
                hidden[h] = 0.0;
        }
        for (size_t o = 0; o < outputs; o++) {
            f[o * rows + i] = (double)parameters[last.bias_offset + o];
            for (size_t h = 0; h < width; h++)
                f[o * rows + i] += (double)parameters[last.weight_offset + o * width + h] * hidden[h];
        }
    }
    free(hidden);
    free(x);
    return f;
}

#endif
