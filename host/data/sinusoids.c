/* Source sinusoids: regression of a sum of sines on [0, 1), the target of the spectral-bias experiments [R19].
 *
 * Training: t_m = m/N. Test: t_m = (m + 1/2)/M. y(t) as in waves.h. */
#include <stdlib.h>

#include "data/source.h"
#include "data/waves.h"

static spt_status read(const spt_node *section, void *memory, spt_error *err) {
    return spt_waves_read(section, memory, err);
}

static void release(void *memory) {
    spt_waves_release(memory);
}

static void describe(const void *memory, FILE *key) {
    spt_waves_describe(memory, key);
}

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    (void)err;
    *shape = (spt_data_shape){
        .train = request->train, .test = request->test, .inputs = 1, .outputs = 1, .classes = 0, .generated = true};
    return SPT_OK;
}

static void fill(const spt_waves *waves, const double *phase, double offset, spt_split *split) {
    for (size_t m = 0; m < split->n; m++) {
        double t = ((double)m + offset) / (double)split->n;
        split->x[m] = (float)t;
        split->target[m] = (float)spt_waves_at(waves, phase, t);
    }
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    const spt_waves *waves = request->settings;
    dataset->inputs = dataset->outputs = 1;
    spt_status status = spt_split_alloc(dataset, &dataset->train, request->train, err);
    if (status == SPT_OK)
        status = spt_split_alloc(dataset, &dataset->test, request->test, err);
    if (status != SPT_OK)
        return status;
    double *phase = malloc(waves->n * sizeof *phase);
    if (phase == NULL)
        return spt_fail(err, SPT_ENOMEM, "data.phases: out of memory");
    spt_waves_phases(waves, request->seed, phase);
    fill(waves, phase, 0.0, &dataset->train);
    fill(waves, phase, 0.5, &dataset->test);
    free(phase);
    return SPT_OK;
}

const spt_source spt_source_sinusoids = {
    .name = "sinusoids",
    .generated = true,
    .keys = (const char *const[]){SPT_WAVES_KEYS, NULL},
    .settings_size = sizeof(spt_waves),
    .read = read,
    .release = release,
    .describe = describe,
    .shape = shape_of,
    .make = make,
};
