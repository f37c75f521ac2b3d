/* Source manifold: points along the petals curve, and a sum of sines of its parameter z as the target [R19].
 *
 * Training: z_m = m/N. Test: z_m = (m + 1/2)/M. Regression: the sum y(z) of waves.h. Classification: two classes on one
 * output, class 1 where y(z) > 0; BCE sees 0 and 1, MSE -1 and +1. */
#include <stdlib.h>

#include "data/petals.h"
#include "data/source.h"
#include "data/waves.h"

typedef enum task { REGRESSION, CLASSIFICATION } task;
static const char *const TASKS[] = {"regression", "classification"};

static const double PETALS_MAX = 1e6;

typedef struct settings {
    spt_waves waves;
    double petals;
    task task;
} settings;

static spt_status read(const spt_node *section, void *memory, spt_error *err) {
    settings *own = memory;
    const spt_node *value;
    size_t chosen = REGRESSION;
    spt_status status = spt_waves_read(section, &own->waves, err);
    if (status == SPT_OK)
        status = spt_node_require(section, "petals", &value, err);
    if (status == SPT_OK)
        status = spt_node_real(section, "petals", 0, PETALS_MAX, &own->petals, err);
    if (status == SPT_OK)
        status = spt_node_choice(section, "task", TASKS, 2, &chosen, err);
    own->task = (task)chosen;
    return status;
}

static void release(void *memory) {
    settings *own = memory;
    spt_waves_release(&own->waves);
}

static void describe(const void *memory, FILE *key) {
    const settings *own = memory;
    spt_waves_describe(&own->waves, key);
    fprintf(key, " petals=%.17g task=%s", own->petals, TASKS[own->task]);
}

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    (void)err;
    const settings *own = request->settings;
    *shape = (spt_data_shape){.train = request->train,
                              .test = request->test,
                              .inputs = 2,
                              .outputs = 1,
                              .classes = own->task == CLASSIFICATION ? 2 : 0,
                              .generated = true};
    return SPT_OK;
}

static void fill(const settings *own, const double *phase, double offset, spt_split *split) {
    for (size_t m = 0; m < split->n; m++) {
        double z = ((double)m + offset) / (double)split->n, y = spt_waves_at(&own->waves, phase, z);
        spt_petals_point(own->petals, z, split->x + 2 * m);
        if (split->label != NULL)
            split->label[m] = y > 0;
        else
            split->target[m] = (float)y;
    }
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    const settings *own = request->settings;
    dataset->inputs = 2;
    dataset->outputs = 1;
    dataset->classes = own->task == CLASSIFICATION ? 2 : 0;
    spt_status status = spt_split_alloc(dataset, &dataset->train, request->train, err);
    if (status == SPT_OK)
        status = spt_split_alloc(dataset, &dataset->test, request->test, err);
    if (status != SPT_OK)
        return status;
    double *phase = malloc(own->waves.n * sizeof *phase);
    if (phase == NULL)
        return spt_fail(err, SPT_ENOMEM, "data.phases: out of memory");
    spt_waves_phases(&own->waves, request->seed, phase);
    fill(own, phase, 0.0, &dataset->train);
    fill(own, phase, 0.5, &dataset->test);
    free(phase);
    return SPT_OK;
}

const spt_source spt_source_manifold = {
    .name = "manifold",
    .generated = true,
    .keys = (const char *const[]){SPT_WAVES_KEYS, "petals", "task", NULL},
    .settings_size = sizeof(settings),
    .read = read,
    .release = release,
    .describe = describe,
    .shape = shape_of,
    .make = make,
};
