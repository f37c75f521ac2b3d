/* The computing core compiled in double: its gradients against central differences, its training against PyTorch. What
 * is left to float32 is rounding. */
#include "torch_reference.h"

#include "cpu/network.h"
#include "cpu/optimizer.h"
#include "spectrain/rng.h"

_Static_assert(sizeof(spt_real) == sizeof(double), "compile with -DSPT_CPU_DOUBLE");

static double *reals(size_t n) {
    double *array = spt_memory_alloc(n, sizeof *array);
    assert_non_null(array);
    return array;
}

static spt_pass make_pass(const spt_model_spec *model, size_t rows) {
    size_t stride = spt_pass_stride(rows, model->width);
    return (spt_pass){.hidden = reals(model->hidden_layers * stride),
                      .slots = model->hidden_layers,
                      .slot_stride = stride,
                      .output = reals(rows * model->outputs),
                      .delta = {reals(rows * model->width), reals(rows * model->width)},
                      .loss_part = reals(spt_network_loss_parts(rows))};
}

static void free_pass(spt_pass *pass) {
    spt_memory_free(pass->hidden);
    spt_memory_free(pass->output);
    spt_memory_free(pass->delta[0]);
    spt_memory_free(pass->delta[1]);
    spt_memory_free(pass->loss_part);
}

static void fill_normal(double *x, size_t n, uint64_t which) {
    spt_random_normal(11, SPT_STREAM_DATA, which, 0, n, x);
}

/* Central differences of every parameter of one network on one batch. Relative to the norm of a tensor's gradient,
 * because an element near zero drowns in the difference's rounding, 1e-16 / h. With h = 1e-6 that is 1e-10, and the
 * third derivative's part h^2 is less; gradients are of order 1e-2. 1e-6 leaves room for both. */
static void compare_with_differences(const spt_model_spec *model, spt_loss loss, const spt_batch *batch) {
    const double h = 1e-6, tolerance = 1e-6;
    spt_optimizer plain = {.kind = SPT_OPTIMIZER_SGD};
    spt_arena arena;
    assert_int_equal(spt_arena_layout(model, &plain, &arena, NULL), SPT_OK);
    float *state = spt_memory_alloc(arena.bytes, 1);
    spt_arena_init(model, &plain, 5, state);
    double *parameters = reals(arena.block), *gradient = reals(arena.block), *unused = reals(arena.block);
    for (size_t i = 0; i < arena.block; i++)
        parameters[i] = (double)state[i];
    spt_network network;
    spt_network_init(&network, model);
    spt_pass pass = make_pass(model, batch->rows + 9); /* as for a larger batch, of which this is the rest */
    spt_team team;
    spt_team_init(&team, 1);
    spt_member alone = spt_team_join(&team, 0);
    assert_true(isfinite(spt_network_gradient(&alone, &network, loss, parameters, batch, &pass, gradient)));
    for (size_t t = 0; t < 2 * arena.layers; t++) {
        spt_tensor tensor = tensor_at(model, t);
        double difference = 0.0, size = 0.0;
        for (size_t i = tensor.block_offset; i < tensor.block_offset + tensor.count; i++) {
            double kept = parameters[i];
            parameters[i] = kept + h;
            double above = spt_network_gradient(&alone, &network, loss, parameters, batch, &pass, unused);
            parameters[i] = kept - h;
            double below = spt_network_gradient(&alone, &network, loss, parameters, batch, &pass, unused);
            parameters[i] = kept;
            double slope = (above - below) / (2.0 * h);
            difference += (slope - gradient[i]) * (slope - gradient[i]);
            size += slope * slope;
        }
        assert_true(size > 0.0);
        if (!(relative(difference, size) < tolerance))
            fail_msg("%s, %s, %zu hidden layers, tensor %zu: off by %g", spt_loss_name(loss),
                     spt_init_name(model->init), model->hidden_layers, t, relative(difference, size));
    }
    free_pass(&pass);
    spt_memory_free(state);
    spt_memory_free(parameters);
    spt_memory_free(gradient);
    spt_memory_free(unused);
}

static void gradients_equal_central_differences(void **state) {
    (void)state;
    enum { INPUTS = 7, WIDTH = 11, OUTPUTS = 4, ROWS = 23 };
    double x[ROWS * INPUTS];
    float target[ROWS * OUTPUTS];
    int32_t label[ROWS];
    fill_normal(x, ROWS * INPUTS, 1);
    for (size_t i = 0; i < ROWS * OUTPUTS; i++)
        target[i] = (float)(i * 7 % 16) / 16.0f;
    for (size_t i = 0; i < ROWS; i++)
        label[i] = (int32_t)(i * 3 % OUTPUTS);
    for (int loss = SPT_LOSS_CROSS_ENTROPY; loss <= SPT_LOSS_BCE; loss++)
        for (int init = SPT_INIT_PYTORCH; init <= SPT_INIT_NTK; init++)
            for (size_t depth = 0; depth <= 5; depth++)
                for (int labels = loss == SPT_LOSS_CROSS_ENTROPY; labels <= 1; labels++) {
                    spt_model_spec model = {INPUTS, WIDTH, depth, OUTPUTS, (spt_init)init};
                    spt_batch batch = {ROWS, x, {labels ? label : NULL, labels ? NULL : target}};
                    compare_with_differences(&model, (spt_loss)loss, &batch);
                }
}

static void so_do_those_of_one_output(void **state) {
    (void)state;
    enum { ROWS = 150 }; /* more than one part of the loss */
    double x[ROWS];
    int32_t label[ROWS];
    fill_normal(x, ROWS, 2);
    for (size_t i = 0; i < ROWS; i++)
        label[i] = x[i] > 0.3;
    for (int loss = SPT_LOSS_MSE; loss <= SPT_LOSS_BCE; loss++) {
        spt_model_spec model = {1, 20, 2, 1, SPT_INIT_PYTORCH};
        spt_batch batch = {ROWS, x, {label, NULL}};
        compare_with_differences(&model, (spt_loss)loss, &batch);
    }
}

/* A weighted sum of the outputs, differentiated with respect to the input. */
static double weighted_outputs(const spt_network *network, const double *parameters, const double *x, size_t rows,
                               const double *weight, const spt_pass *pass) {
    double sum = 0.0;
    spt_network_forward(NULL, network, parameters, x, rows, pass);
    for (size_t i = 0; i < rows * network->outputs; i++)
        sum += weight[i] * pass->output[i];
    return sum;
}

static void gradients_at_the_input_equal_central_differences(void **state) {
    (void)state;
    enum { INPUTS = 7, WIDTH = 11, OUTPUTS = 4, ROWS = 5 };
    const double h = 1e-6;
    double x[ROWS * INPUTS], weight[ROWS * OUTPUTS], gradient[ROWS * INPUTS];
    fill_normal(x, ROWS * INPUTS, 1);
    fill_normal(weight, ROWS * OUTPUTS, 2);
    for (int init = SPT_INIT_PYTORCH; init <= SPT_INIT_NTK; init++)
        for (size_t depth = 0; depth <= 5; depth++) {
            spt_model_spec model = {INPUTS, WIDTH, depth, OUTPUTS, (spt_init)init};
            spt_optimizer plain = {.kind = SPT_OPTIMIZER_SGD};
            spt_arena arena;
            assert_int_equal(spt_arena_layout(&model, &plain, &arena, NULL), SPT_OK);
            float *begin = spt_memory_alloc(arena.bytes, 1);
            spt_arena_init(&model, &plain, 5, begin);
            double *parameters = reals(arena.block), difference = 0.0, size = 0.0;
            for (size_t i = 0; i < arena.block; i++)
                parameters[i] = (double)begin[i];
            spt_network network;
            spt_network_init(&network, &model);
            spt_pass pass = make_pass(&model, ROWS);
            pass.slots = depth > 0 ? depth : 1;
            weighted_outputs(&network, parameters, x, ROWS, weight, &pass);
            memcpy(pass.output, weight, sizeof weight);
            spt_network_input_gradient(&network, parameters, ROWS, &pass, gradient);
            for (size_t i = 0; i < ROWS * INPUTS; i++) {
                double kept = x[i];
                x[i] = kept + h;
                double above = weighted_outputs(&network, parameters, x, ROWS, weight, &pass);
                x[i] = kept - h;
                double below = weighted_outputs(&network, parameters, x, ROWS, weight, &pass);
                x[i] = kept;
                double slope = (above - below) / (2.0 * h);
                difference += (slope - gradient[i]) * (slope - gradient[i]);
                size += slope * slope;
            }
            assert_true(size > 0.0);
            assert_true(relative(difference, size) < 1e-6); /* as above */
            free_pass(&pass);
            spt_memory_free(parameters);
            spt_memory_free(begin);
        }
}

/* ---- PyTorch */

static void gather(const spt_reference *r, const spt_reference_case *c, uint64_t step, double *x, int32_t *label,
                   float *target, spt_batch *batch) {
    uint32_t order[64];
    uint64_t scratch[128];
    size_t size = c->full ? r->n : r->batch, steps = spt_steps_per_epoch(r->n, size), first = step % steps * size;
    assert_true(r->n <= 64);
    spt_random_permutation(r->seed, SPT_STREAM_BATCH_ORDER, step / steps, r->n, order, scratch);
    size_t rows = r->n - first < size ? r->n - first : size;
    for (size_t i = 0; i < rows; i++) {
        size_t example = c->full ? i : order[first + i];
        for (size_t j = 0; j < r->inputs; j++)
            x[i * r->inputs + j] = (double)r->x[example * r->inputs + j];
        label[i] = r->label[example];
        memcpy(target + i * r->outputs, r->target + example * r->outputs, r->outputs * sizeof *target);
    }
    *batch = (spt_batch){rows, x, {c->labels ? label : NULL, c->labels ? NULL : target}};
}

/* Both sides in float64, with sums in another order: 1e-15 a step, and Adam's quotients. */
static void compare_with_pytorch(const spt_reference *r, const spt_reference_case *c, size_t index) {
    const double tolerance = 1e-11;
    spt_model_spec model = reference_model(r, c);
    spt_train_spec training = reference_training(r, c);
    spt_arena arena;
    assert_int_equal(spt_arena_layout(&model, &training.optimizer, &arena, NULL), SPT_OK);
    double *parameters = reals(arena.block), *moment = reals(2 * arena.block), *gradient = reals(arena.block);
    double *x = reals((size_t)r->n * r->inputs);
    float *target = spt_memory_alloc((size_t)r->n * r->outputs, sizeof *target);
    int32_t label[64];
    for (size_t t = 0; t < 2 * arena.layers; t++) {
        spt_tensor tensor = tensor_at(&model, t);
        for (size_t i = 0; i < tensor.count; i++)
            parameters[tensor.block_offset + i] = (double)r->initial[tensor.packed_offset + i];
    }
    spt_network network;
    spt_network_init(&network, &model);
    spt_pass pass = make_pass(&model, r->n);
    spt_team team;
    spt_team_init(&team, 1);
    spt_member alone = spt_team_join(&team, 0);
    uint64_t step = 0;
    for (size_t s = 0; s < r->n_snapshots; s++) {
        for (; step < r->step[s]; step++) {
            spt_batch batch;
            gather(r, c, step, x, label, target, &batch);
            double loss = spt_network_gradient(&alone, &network, training.loss, parameters, &batch, &pass, gradient);
            assert_true(isfinite(loss));
            spt_optimizer_update(&alone, &training.optimizer, step, arena.block, gradient, parameters, moment);
        }
        const double *expected = c->parameters + s * r->parameters;
        for (size_t t = 0; t < 2 * arena.layers; t++) {
            spt_tensor tensor = tensor_at(&model, t);
            double difference = 0.0, size = 0.0;
            for (size_t i = 0; i < tensor.count; i++) {
                double e = expected[tensor.packed_offset + i], found = parameters[tensor.block_offset + i];
                difference += (found - e) * (found - e);
                size += e * e;
            }
            if (!(relative(difference, size) < tolerance))
                fail_msg("case %zu, step %d, tensor %zu: off by %g", index, (int)r->step[s], t,
                         relative(difference, size));
        }
    }
    free_pass(&pass);
    spt_memory_free(parameters);
    spt_memory_free(moment);
    spt_memory_free(gradient);
    spt_memory_free(x);
    spt_memory_free(target);
}

static void every_loss_with_every_optimizer_is_pytorchs(void **state) {
    (void)state;
    spt_reference *r = read_reference();
    for (size_t c = 0; c < r->n_cases; c++)
        compare_with_pytorch(r, &r->cases[c], c);
    free_reference(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_central_differences),
        cmocka_unit_test(so_do_those_of_one_output),
        cmocka_unit_test(gradients_at_the_input_equal_central_differences),
        cmocka_unit_test(every_loss_with_every_optimizer_is_pytorchs),
    };
    openblas_set_num_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
