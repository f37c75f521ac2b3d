/* Lines through examples: which examples, which directions, and the grid of t along each. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "probe/kind.h"
#include "spectrain/rng.h"

enum { MAX_POINTS = 1 << 24 };
#define MAX_RADIUS 1e18 /* keeps x + t v within float32's range */

static const char *const SPLITS[] = {
    [SPT_LINES_TRAIN] = "train", [SPT_LINES_NOISY] = "noisy", [SPT_LINES_TEST] = "test"};

static const char *const DIRECTIONS[] = {[SPT_DIRECTION_GIVEN] = "random", [SPT_DIRECTION_ADVERSARIAL] = "adversarial"};

spt_status spt_line_settings_read(const spt_node *item, spt_line_settings *settings, spt_error *err) {
    static const char *const REQUIRED[] = {"split", "points", "radius"};
    const spt_node *node = NULL;
    spt_status status = SPT_OK;
    for (size_t i = 0; i < sizeof REQUIRED / sizeof *REQUIRED && status == SPT_OK; i++)
        status = spt_node_require(item, REQUIRED[i], &node, err);
    size_t split = 0;
    if (status == SPT_OK)
        status = spt_node_choice(item, "split", SPLITS, sizeof SPLITS / sizeof *SPLITS, &split, err);
    if (status == SPT_OK)
        status = spt_node_size(item, "points", 1, MAX_POINTS, &settings->points, err);
    if (status == SPT_OK)
        status = spt_node_real(item, "radius", SPT_ABOVE_ZERO, MAX_RADIUS, &settings->radius, err);
    settings->split = (spt_line_split)split;
    size_t towards = SPT_DIRECTION_GIVEN;
    if (status == SPT_OK)
        status = spt_node_choice(item, "direction", DIRECTIONS, sizeof DIRECTIONS / sizeof *DIRECTIONS, &towards, err);
    settings->towards = (spt_direction)towards;
    return status;
}

/* among: what the examples are counted of. */
static spt_status enough_examples(const spt_line_settings *settings, spt_line_split among, size_t examples,
                                  spt_error *err) {
    static const char *const words[] = {[SPT_LINES_TRAIN] = "the train split has %zu examples",
                                        [SPT_LINES_NOISY] = "%zu training examples have a label that noise has changed",
                                        [SPT_LINES_TEST] = "the test split has %zu examples"};
    if (settings->points <= examples)
        return SPT_OK;
    char found[96];
    snprintf(found, sizeof found, words[among], examples);
    return spt_fail(err, SPT_EINVAL, "points is %zu, but %s; allowed: at most that many", settings->points, found);
}

spt_status spt_line_settings_shape(const spt_line_settings *settings, const spt_data_shape *data,
                                   spt_probe_shape *shape, spt_error *err) {
    shape->rows = settings->points * settings->samples;
    shape->series = settings->points;
    shape->samples = settings->samples;
    shape->towards = settings->towards;
    spt_probe_shape_extra(shape, settings->points, 0);
    spt_probe_shape_extra(shape, settings->points, data->inputs);
    if (settings->towards == SPT_DIRECTION_GIVEN)
        spt_probe_shape_extra(shape, settings->points, data->inputs);
    else
        shape->rows += 3 * settings->points; /* forward and back: two more products of the same size */
    if (settings->towards == SPT_DIRECTION_ADVERSARIAL && data->classes == 0 && data->outputs > 1)
        return spt_fail(err, SPT_EINVAL,
                        "direction is adversarial, and the data has %zu real targets; that takes classes, or one "
                        "output whose sign is the class",
                        data->outputs);
    if (settings->split == SPT_LINES_TEST)
        return enough_examples(settings, SPT_LINES_TEST, data->test, err);
    return enough_examples(settings, SPT_LINES_TRAIN, data->train, err);
}

static bool is_changed(const spt_split *split, size_t outputs, size_t i) {
    if (split->label != NULL)
        return split->label_true != NULL && split->label[i] != split->label_true[i];
    for (size_t o = 0; o < outputs && split->target_true != NULL; o++)
        if (split->target[i * outputs + o] != split->target_true[i * outputs + o])
            return true;
    return false;
}

/* The first `points` of a permutation of the split that qualify: distinct, and the same examples first however many are
 * taken. */
static spt_status choose_examples(const spt_line_settings *settings, const spt_split *split, spt_probe *probe,
                                  uint32_t seed, spt_error *err) {
    const size_t examples = split->n;
    uint32_t *permutation = malloc(examples * sizeof *permutation);
    uint64_t *scratch = malloc(2 * examples * sizeof *scratch);
    probe->example = malloc(probe->series * sizeof *probe->example);
    spt_status status = SPT_OK;
    if (permutation == NULL || scratch == NULL || probe->example == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "no memory to choose among %zu examples", examples);
        goto done;
    }
    spt_random_permutation(seed, SPT_STREAM_PROBE_DIRECTION, SPT_PROBE_SUBSTREAM_EXAMPLES, examples, permutation,
                           scratch);
    size_t qualified = 0;
    for (size_t i = 0; i < examples; i++)
        if (settings->split != SPT_LINES_NOISY || is_changed(split, probe->outputs, permutation[i])) {
            if (qualified < probe->series)
                probe->example[qualified] = (int32_t)permutation[i];
            qualified++;
        }
    status = enough_examples(settings, settings->split, qualified, err);
done:
    free(scratch);
    free(permutation);
    return status;
}

/* Independent normals scaled to length 1 are uniform on the sphere. */
static spt_status draw_directions(spt_probe *probe, uint32_t seed, spt_error *err) {
    const size_t inputs = probe->inputs;
    double *normal = malloc(inputs * sizeof *normal);
    if (normal == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for a direction of %zu inputs", inputs);
    for (size_t m = 0; m < probe->series; m++) {
        spt_random_normal(seed, SPT_STREAM_PROBE_DIRECTION, SPT_PROBE_SUBSTREAM_DIRECTIONS, (uint64_t)m * inputs,
                          inputs, normal);
        double square = 0.0;
        for (size_t j = 0; j < inputs; j++)
            square += normal[j] * normal[j];
        if (square == 0.0) /* one chance in 2^53 with one input, none with more: still a direction is wanted */
            square = normal[0] = 1.0;
        double norm = sqrt(square);
        for (size_t j = 0; j < inputs; j++)
            probe->direction[m * inputs + j] = (float)(normal[j] / norm);
    }
    free(normal);
    return SPT_OK;
}

static void describe(const spt_line_settings *settings, spt_probe *probe) {
    probe->extras[probe->n_extras++] =
        (spt_probe_extra){.name = "example",
                          .long_name = "which example of the split the line goes through",
                          .units = "1",
                          .n_dims = 1,
                          .dim_name = {"point"},
                          .dim_size = {probe->series},
                          .integer = probe->example};
    if (settings->towards == SPT_DIRECTION_GIVEN)
        probe->extras[probe->n_extras++] =
            (spt_probe_extra){.name = "direction",
                              .long_name = "direction of the line, drawn uniformly from the unit sphere",
                              .units = "1",
                              .n_dims = 2,
                              .dim_name = {"point", "input"},
                              .dim_size = {probe->series, probe->inputs},
                              .real = probe->direction};
    probe->extras[probe->n_extras++] =
        (spt_probe_extra){.name = "x",
                          .long_name = "the example that the line goes through, at t = 0",
                          .units = "input",
                          .n_dims = 2,
                          .dim_name = {"point", "input"},
                          .dim_size = {probe->series, probe->inputs},
                          .real = probe->origin};
    spt_probe_note_text(probe, "split", SPLITS[settings->split]);
    spt_probe_note_size(probe, "points", settings->points);
    if (settings->samples > 1)
        spt_probe_note_size(probe, "samples", settings->samples);
    spt_probe_note_text(probe, "direction", DIRECTIONS[settings->towards]);
    spt_probe_note_real(probe, "radius", settings->radius);
    spt_probe_note_text(probe, "radius_units", "input");
    spt_probe_note_real(probe, "cycles_per_input_unit", 1.0 / (2.0 * settings->radius)); /* of frequency 1 */
}

spt_status spt_probe_through_examples(const spt_line_settings *settings, const spt_dataset *dataset, uint32_t seed,
                                      spt_probe *probe, spt_error *err) {
    const spt_split *split = settings->split == SPT_LINES_TEST ? &dataset->test : &dataset->train;
    const size_t inputs = dataset->inputs;
    spt_status status =
        enough_examples(settings, settings->split == SPT_LINES_TEST ? SPT_LINES_TEST : SPT_LINES_TRAIN, split->n, err);
    if (status != SPT_OK)
        return status;
    probe->geometry = SPT_GEOMETRY_LINES;
    probe->towards = settings->towards;
    probe->series = settings->points;
    probe->samples = settings->samples;
    probe->t0 = -settings->radius;
    probe->dt = 2.0 * settings->radius / (double)settings->samples;
    probe->origin = spt_memory_alloc(settings->points * inputs, sizeof *probe->origin);
    probe->direction = spt_memory_alloc(settings->points * inputs, sizeof *probe->direction);
    if (probe->origin == NULL || probe->direction == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for %zu lines of %zu inputs", settings->points, inputs);
    status = choose_examples(settings, split, probe, seed, err);
    if (status == SPT_OK)
        status = draw_directions(probe, seed, err);
    if (status != SPT_OK)
        return status;
    for (size_t m = 0; m < settings->points; m++)
        memcpy(probe->origin + m * inputs, split->x + (size_t)probe->example[m] * inputs,
               inputs * sizeof *probe->origin);
    describe(settings, probe);
    return SPT_OK;
}
