/* The CPU backend, as a program uses it, follows PyTorch for 50 steps of every loss with every optimizer. */
#include "torch_reference.h"

#include "spectrain/backend.h"

/* float32 against float64: a step's gradient is good to some 1e-7, Adam's quotient of two small numbers a little less,
 * and 50 steps add up. A wrong formula is off by 1e-2 or more. Relative to a tensor's norm, because single weights pass
 * 0. */
static const double TOLERANCE = 1e-5;

static void follow(const spt_reference *r, const spt_reference_case *c, size_t index, size_t threads) {
    const spt_backend *cpu = spt_backend_find("cpu");
    spt_dataset data = {.inputs = r->inputs, .outputs = r->outputs, .classes = c->labels ? r->outputs : 0};
    data.train =
        (spt_split){.n = r->n, .x = r->x, .label = c->labels ? r->label : NULL, .target = c->labels ? NULL : r->target};
    spt_run_spec run = {reference_model(r, c), reference_training(r, c)};
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_device_options options = {.threads = threads};
    spt_device *device = NULL;
    spt_group *group = NULL;
    spt_error err = {0};
    spt_arena arena;
    assert_int_equal(cpu->open(&options, &device, &err), SPT_OK);
    assert_int_equal(cpu->group_create(device, &spec, &group, &err), SPT_OK);
    assert_int_equal(spt_arena_layout(&run.model, &run.train.optimizer, &arena, &err), SPT_OK);
    assert_int_equal(arena.parameters, r->parameters);

    float *state = spt_memory_alloc(arena.bytes, 1);
    spt_arena_init(&run.model, &run.train.optimizer, 0, state);
    for (size_t t = 0; t < 2 * arena.layers; t++) {
        spt_tensor tensor = tensor_at(&run.model, t);
        memcpy(state + tensor.block_offset, r->initial + tensor.packed_offset, tensor.count * sizeof *state);
    }
    assert_int_equal(cpu->state_set(group, 0, state, &err), SPT_OK);
    for (size_t s = 0; s < r->n_snapshots; s++) {
        assert_int_equal(cpu->train(group, r->step[s], &err), SPT_OK);
        assert_int_equal(cpu->state_get(group, 0, state, &err), SPT_OK);
        const double *expected = c->parameters + s * r->parameters;
        for (size_t t = 0; t < 2 * arena.layers; t++) {
            spt_tensor tensor = tensor_at(&run.model, t);
            double difference = 0.0, size = 0.0;
            for (size_t i = 0; i < tensor.count; i++) {
                double e = expected[tensor.packed_offset + i];
                difference +=
                    ((double)state[tensor.block_offset + i] - e) * ((double)state[tensor.block_offset + i] - e);
                size += e * e;
            }
            if (!(relative(difference, size) < TOLERANCE))
                fail_msg("case %zu, step %d, tensor %zu: off by %g", index, (int)r->step[s], t,
                         relative(difference, size));
        }
    }
    spt_memory_free(state);
    cpu->group_destroy(group);
    cpu->close(device);
}

static void every_loss_with_every_optimizer_follows_pytorch(void **state) {
    (void)state;
    spt_reference *r = read_reference();
    for (size_t c = 0; c < r->n_cases; c++)
        follow(r, &r->cases[c], c, 1 + c % 2);
    free_reference(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_loss_with_every_optimizer_follows_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
