/* Source mnist1d: ten one-dimensional "digits", moved, scaled, sheared and buried in noise; made, not loaded.
 *
 * Example i draws from substream i alone, so that its numbers do not depend on how many are made; which class it has,
 * and the final centring and scaling, do. Training takes the first examples, test the next. */
#include "data/mnist1d.h"

#include <math.h>
#include <stdlib.h>

#include "data/source.h"
#include "spectrain/rng.h"

/* Numbers of an example's substream: four uniform ones, then from the same positions on the normal ones. */
enum { FIRST_CORRELATED = 4, FIRST_INDEPENDENT = FIRST_CORRELATED + SPT_MNIST1D_PADDED };

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    (void)err;
    *shape = (spt_data_shape){.train = request->train,
                              .test = request->test,
                              .inputs = SPT_MNIST1D_LENGTH,
                              .outputs = SPT_MNIST1D_CLASSES,
                              .classes = SPT_MNIST1D_CLASSES,
                              .generated = true};
    return SPT_OK;
}

static void make_example(uint32_t seed, uint64_t i, const double *template, float *x) {
    spt_mnist1d_draw draw;
    double u[4], example[SPT_MNIST1D_LENGTH];
    spt_random_uniform(seed, SPT_STREAM_DATA, i, 0, 4, u);
    draw.u_padding = u[0];
    draw.u_scale = u[1];
    draw.u_translation = u[2];
    draw.u_shear = u[3];
    spt_random_normal(seed, SPT_STREAM_DATA, i, FIRST_CORRELATED, SPT_MNIST1D_PADDED, draw.correlated);
    spt_random_normal(seed, SPT_STREAM_DATA, i, FIRST_INDEPENDENT, SPT_MNIST1D_PADDED, draw.independent);
    spt_mnist1d_example(template, &draw, example);
    for (size_t j = 0; j < SPT_MNIST1D_LENGTH; j++)
        x[j] = (float)example[j];
}

/* Mean 0 and standard deviation 1 over all numbers of both splits together. */
static void centre_and_scale(spt_split *const splits[2]) {
    double sum = 0, squares = 0, count = 0;
    for (int s = 0; s < 2; s++) {
        count += (double)splits[s]->n * SPT_MNIST1D_LENGTH;
        for (size_t i = 0; i < splits[s]->n * SPT_MNIST1D_LENGTH; i++)
            sum += (double)splits[s]->x[i];
    }
    double mean = sum / count;
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < splits[s]->n * SPT_MNIST1D_LENGTH; i++)
            squares += ((double)splits[s]->x[i] - mean) * ((double)splits[s]->x[i] - mean);
    double deviation = sqrt(squares / count);
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < splits[s]->n * SPT_MNIST1D_LENGTH; i++)
            splits[s]->x[i] = (float)(((double)splits[s]->x[i] - mean) / deviation);
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    spt_split *const splits[2] = {&dataset->train, &dataset->test};
    size_t n = request->train + request->test;
    uint32_t *order = NULL;
    uint64_t *scratch = NULL;
    double templates[SPT_MNIST1D_CLASSES][SPT_MNIST1D_TEMPLATE];

    dataset->inputs = SPT_MNIST1D_LENGTH;
    dataset->outputs = dataset->classes = SPT_MNIST1D_CLASSES;
    spt_status status = spt_split_alloc(dataset, &dataset->train, request->train, err);
    if (status == SPT_OK)
        status = spt_split_alloc(dataset, &dataset->test, request->test, err);
    if (status != SPT_OK)
        return status;
    order = malloc(n * sizeof *order);
    scratch = malloc(2 * n * sizeof *scratch);
    if (order == NULL || scratch == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "data: out of memory for the order of %zu examples", n);
        goto done;
    }
    for (size_t digit = 0; digit < SPT_MNIST1D_CLASSES; digit++)
        spt_mnist1d_template(digit, templates[digit]);

    /* Counts of the classes differ by one at most: a permutation of 0..n-1, modulo ten. */
    spt_random_permutation(request->seed, SPT_STREAM_DATA, SPT_DATA_ORDER, n, order, scratch);
    for (size_t i = 0; i < n; i++) {
        spt_split *split = i < request->train ? &dataset->train : &dataset->test;
        size_t row = i < request->train ? i : i - request->train;
        size_t digit = order[i] % SPT_MNIST1D_CLASSES;
        split->label[row] = (int32_t)digit;
        make_example(request->seed, i, templates[digit], split->x + row * SPT_MNIST1D_LENGTH);
    }
    centre_and_scale(splits);

done:
    free(order);
    free(scratch);
    return status;
}

const spt_source spt_source_mnist1d = {
    .name = "mnist1d",
    .generated = true,
    .keys = (const char *const[]){NULL},
    .shape = shape_of,
    .make = make,
};
