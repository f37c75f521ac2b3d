/* The backend's table: what it refuses, what it measures, and what happens to a run that diverges. */
#include <math.h>
#include <unistd.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "cpu_group.h"

/* ---- finding and opening */

static void cpu_is_found_by_name_and_auto_finds_a_backend(void **state) {
    (void)state;
    assert_string_equal(cpu()->name, "cpu");
    assert_non_null(spt_backend_find("auto"));
    assert_null(spt_backend_find("abacus"));
    bool listed = false;
    for (const spt_backend *const *b = spt_backends(); *b != NULL; b++)
        listed = listed || *b == cpu();
    assert_true(listed);
    assert_int_equal(cpu()->count(), 1);
}

static void a_device_tells_its_name_threads_and_memory(void **state) {
    (void)state;
    spt_device *device = NULL;
    spt_device_options options = {.threads = 3};
    spt_device_info info;
    assert_int_equal(cpu()->open(&options, &device, NULL), SPT_OK);
    cpu()->describe(device, &info);
    assert_int_equal(info.threads, 3);
    assert_non_null(strstr(info.name, ", 3 threads, OpenBLAS "));
    assert_string_equal(info.precision, "float32");
    double physical = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    assert_true(info.memory_free > (size_t)1 << 20 && (double)info.memory_free <= physical);
    cpu()->close(device);
    options.threads = 0;
    assert_int_equal(cpu()->open(&options, &device, NULL), SPT_OK);
    cpu()->describe(device, &info);
    assert_true(info.threads >= 1);
    cpu()->close(device);
}

static void a_second_device_and_a_thousand_threads_are_refused(void **state) {
    (void)state;
    spt_device *device = NULL;
    spt_error err = {0};
    spt_device_options options = {.device = 1};
    assert_int_equal(cpu()->open(&options, &device, &err), SPT_EDEVICE);
    assert_string_equal(err.message, "cpu: no device 1; there is one, 0");
    options = (spt_device_options){.threads = 1000};
    assert_int_equal(cpu()->open(&options, &device, &err), SPT_EINVAL);
    assert_string_equal(err.message, "cpu: 1000 threads; at most 128");
}

/* ---- refusals */

static void expect_refused(const spt_group_spec *spec, spt_status status, const char *message) {
    spt_device *device = NULL;
    spt_device_options options = {.threads = 1};
    spt_group *group = NULL;
    spt_error err = {0};
    assert_int_equal(cpu()->open(&options, &device, NULL), SPT_OK);
    assert_int_equal(cpu()->group_create(device, spec, &group, &err), status);
    assert_string_equal(err.message, message);
    cpu()->close(device);
}

static void runs_that_do_not_fit_are_refused_by_number(void **state) {
    (void)state;
    spt_dataset data = make_data(4, 3, 3, 10);
    spt_run_spec run[2] = {run_of(&data, 8, 1, 5, 0), run_of(&data, 8, 1, 5, 1)};
    spt_group_spec spec = {.dataset = &data, .n_runs = 2, .runs = run};
    run[1].model.inputs = 5;
    expect_refused(&spec, SPT_EINVAL, "run 1: a model of 5 inputs and 3 outputs, the data has 4 and 3");
    run[1] = run[0];
    run[1].train.batch = 6;
    expect_refused(&spec, SPT_EINVAL, "run 1: batch 6, the group's first run has 5");
    run[1] = run[0];
    run[1].train.loss = SPT_LOSS_MSE;
    expect_refused(&spec, SPT_EINVAL, "run 1: loss mse, the group's first run has cross_entropy");
    run[1] = run[0];
    run[1].model.width = 0;
    expect_refused(&spec, SPT_EINVAL, "model: inputs 4, width 0, outputs 3; each must be at least 1");
    spec.n_runs = 0;
    expect_refused(&spec, SPT_EINVAL, "group: no runs");
    free_data(&data);
}

static void data_that_the_loss_cannot_use_is_refused(void **state) {
    (void)state;
    spt_dataset data = make_data(4, 3, 0, 10);
    spt_run_spec run = run_of(&data, 8, 1, 5, 0);
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    run.train.loss = SPT_LOSS_CROSS_ENTROPY;
    expect_refused(&spec, SPT_EINVAL, "loss: cross_entropy needs class labels, the data has targets");
    run.train.loss = SPT_LOSS_MSE;
    float *target = data.test.target;
    data.test.target = NULL;
    expect_refused(&spec, SPT_EINVAL, "data: training examples have targets, the test examples do not");
    data.test.target = target;
    data.train.n = 0;
    expect_refused(&spec, SPT_EINVAL, "data: no training examples");
    free_data(&data);
}

static void a_probe_that_the_backend_cannot_evaluate_is_refused_by_name(void **state) {
    (void)state;
    spt_dataset data = make_data(4, 3, 3, 10);
    spt_run_spec run = run_of(&data, 8, 1, 5, 0);
    spt_probe probe = {.name = "lines",
                       .kind = "later",
                       .geometry = SPT_GEOMETRY_POINTS,
                       .inputs = 4,
                       .outputs = 3,
                       .series = 1,
                       .samples = 8,
                       .transform = (spt_transform)(SPT_TRANSFORM_SEGMENTS + 1),
                       .energy_size = 5};
    const spt_probe *probes[] = {&probe};
    spt_group_spec spec = {&data, 1, &run, 1, probes};
    expect_refused(&spec, SPT_EINVAL, "probe lines: kind later has a transform that the cpu backend does not know");
    probe.transform = SPT_TRANSFORM_SEGMENTS;
    expect_refused(&spec, SPT_EINVAL, "probe lines: exact spectra are taken along lines, at least one");
    probe.transform = SPT_TRANSFORM_DFT;
    probe.energy_size = 6;
    expect_refused(&spec, SPT_EINVAL, "probe lines: 6 energies from 8 samples; 1 to 5");
    probe.inputs = 3;
    expect_refused(&spec, SPT_EINVAL, "probe lines: made for 3 inputs and 3 outputs, the data has 4 and 3");
    free_data(&data);
}

/* AddressSanitizer, where the tests run under it: what cannot be allocated is NULL, as from the C library. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void more_memory_than_there_is_is_an_error(void **state) {
    (void)state;
    spt_dataset data = make_data(4, 3, 3, 10);
    spt_run_spec run = run_of(&data, (size_t)1 << 24, 64, 5, 0);
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_device *device = NULL;
    spt_device_options options = {.threads = 1};
    spt_group *group = NULL;
    spt_error err = {0};
    assert_int_equal(cpu()->open(&options, &device, NULL), SPT_OK);
    assert_true(cpu()->group_bytes(device, &spec) > (size_t)1 << 50);
    assert_int_equal(cpu()->group_create(device, &spec, &group, &err), SPT_ENOMEM);
    assert_non_null(strstr(err.message, "group of 1 runs: "));
    cpu()->close(device);
    free_data(&data);
}

static void memory_of_many_small_runs_is_little_more_than_their_state(void **state) {
    (void)state;
    enum { RUNS = 10000 };
    spt_dataset data = make_data(40, 10, 10, 4000);
    spt_run_spec *run = calloc(RUNS, sizeof *run);
    assert_non_null(run);
    for (size_t r = 0; r < RUNS; r++)
        run[r] = run_of(&data, 16, 2, 100, (uint32_t)r);
    spt_group_spec spec = {.dataset = &data, .n_runs = RUNS, .runs = run};
    spt_device *device = NULL;
    spt_device_options options = {.threads = 2};
    assert_int_equal(cpu()->open(&options, &device, NULL), SPT_OK);
    size_t states = RUNS * arena_of(&run[0]).bytes, bytes = cpu()->group_bytes(device, &spec);
    assert_true(bytes > states && bytes < states + states / 5);
    cpu()->close(device);
    free(run);
    free_data(&data);
}

/* ---- evaluation against naive float64 */

/* Logits of one row by plain sums. */
static void naive_logits(const spt_run_spec *run, const float *parameters, const float *x, double *logits) {
    double a[512], b[512];
    for (size_t i = 0; i < run->model.inputs; i++)
        a[i] = (double)x[i];
    for (size_t l = 0; l <= run->model.hidden_layers; l++) {
        spt_layer layer = spt_model_layer(&run->model, l);
        for (size_t o = 0; o < layer.fan_out; o++) {
            double sum = 0.0;
            for (size_t i = 0; i < layer.fan_in; i++)
                sum += (double)parameters[layer.weight_offset + o * layer.fan_in + i] * a[i];
            b[o] = layer.weight_scale * sum + layer.bias_scale * (double)parameters[layer.bias_offset + o];
            if (l < run->model.hidden_layers && b[o] < 0.0)
                b[o] = 0.0;
        }
        memcpy(a, b, layer.fan_out * sizeof *a);
    }
    memcpy(logits, a, run->model.outputs * sizeof *logits);
}

static void cross_entropy_error_and_flags_equal_a_naive_evaluation(void **state) {
    (void)state;
    enum { N = 1100, CLASSES = 6 };
    spt_dataset data = make_data(20, CLASSES, CLASSES, N);
    data.train.label_true = spt_memory_alloc(N, sizeof *data.train.label_true);
    for (size_t i = 0; i < N; i++)
        data.train.label_true[i] = (int32_t)((size_t)data.train.label[i] + (i % 4 == 0)) % CLASSES;
    spt_run_spec run = run_of(&data, 300, 2, 100, 3);
    run.model.init = SPT_INIT_NTK;
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_test_group t = open_group(&spec, 2);
    train_to(&t, 20);
    float *parameters = state_of(&t, &run, 0);
    uint8_t correct[N];
    spt_evaluation evaluation = {.correct = correct};
    assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TRAIN, &evaluation, NULL), SPT_OK);
    double loss = 0.0, wrong = 0.0;
    for (size_t i = 0; i < N; i++) {
        double z[CLASSES], sum = 0.0;
        naive_logits(&run, parameters, data.train.x + i * 20, z);
        int32_t best = 0;
        for (int32_t j = 0; j < CLASSES; j++) {
            sum += exp(z[j]);
            if (z[j] > z[best])
                best = j;
        }
        loss += log(sum) - z[data.train.label[i]];
        wrong += best != data.train.label[i];
        int expected = (best == data.train.label[i]) | (best == data.train.label_true[i]) << 1;
        assert_int_equal(correct[i], expected);
    }
    assert_true(wrong > 0 && wrong < N);
    /* logits of order 1 in float32 after two sums over 300: 1e-6 each, averaged over 1,100 examples */
    assert_true(fabs(evaluation.loss - loss / N) < 1e-6);
    assert_true(evaluation.error == wrong / N);
    spt_memory_free(parameters);
    spt_memory_free(data.train.label_true);
    close_group(&t);
    free_data(&data);
}

static void mse_and_bce_equal_a_naive_evaluation(void **state) {
    (void)state;
    for (int outputs = 1; outputs <= 3; outputs += 2)
        for (int loss = SPT_LOSS_MSE; loss <= SPT_LOSS_BCE; loss++) {
            spt_dataset data = make_data(7, (size_t)outputs, 0, 300);
            spt_run_spec run = run_of(&data, 20, 1, 0, 3);
            run.train.loss = (spt_loss)loss;
            spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
            spt_test_group t = open_group(&spec, 1);
            float *parameters = state_of(&t, &run, 0);
            spt_evaluation evaluation = {0};
            assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TEST, &evaluation, NULL), SPT_OK);
            double sum = 0.0, wrong = 0.0;
            for (size_t i = 0; i < data.test.n; i++) {
                double z[3];
                naive_logits(&run, parameters, data.test.x + i * 7, z);
                for (int j = 0; j < outputs; j++) {
                    double target = (double)data.test.target[i * (size_t)outputs + (size_t)j];
                    double p = 1.0 / (1.0 + exp(-z[j]));
                    sum += loss == SPT_LOSS_MSE ? (z[j] - target) * (z[j] - target)
                                                : -target * log(p) - (1.0 - target) * log(1.0 - p);
                    wrong += (z[j] > 0.0) != (target > 0.5);
                }
            }
            double n = (double)data.test.n * outputs;
            assert_true(fabs(evaluation.loss - sum / n) < 1e-6); /* float32 logits of order 1 */
            if (loss == SPT_LOSS_BCE && outputs == 1)
                assert_true(evaluation.error == wrong / n);
            else
                assert_true(isnan(evaluation.error)); /* targets that name no class */
            spt_memory_free(parameters);
            close_group(&t);
            free_data(&data);
        }
}

static void mse_on_signs_has_an_error_and_flags(void **state) {
    (void)state;
    spt_dataset data = make_data(3, 1, 0, 64);
    for (size_t i = 0; i < 64; i++)
        data.train.target[i] = data.train.x[3 * i] > 0 ? 1.0f : -1.0f;
    data.train.target_true = spt_memory_alloc(64, sizeof *data.train.target_true);
    spt_run_spec run = run_of(&data, 30, 1, 0, 1);
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_test_group t = open_group(&spec, 1);
    train_to(&t, 400);
    for (size_t i = 0; i < 64; i++)
        data.train.target_true[i] = i < 32 ? data.train.target[i] : -data.train.target[i];
    uint8_t correct[64];
    spt_evaluation evaluation = {.correct = correct};
    assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TRAIN, &evaluation, NULL), SPT_OK);
    assert_true(evaluation.error == 0.0);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(correct[i], i < 32 ? 3 : 1);
    assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TEST, &evaluation, NULL), SPT_OK);
    assert_true(isnan(evaluation.error)); /* the test targets are not signs */
    spt_memory_free(data.train.target_true);
    close_group(&t);
    free_data(&data);
}

static void an_empty_split_is_not_a_number(void **state) {
    (void)state;
    spt_dataset data = make_data(3, 2, 2, 10);
    data.test.n = 0;
    spt_run_spec run = run_of(&data, 4, 1, 5, 1);
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_test_group t = open_group(&spec, 2);
    spt_evaluation evaluation = {0};
    assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TEST, &evaluation, NULL), SPT_OK);
    assert_true(isnan(evaluation.loss) && isnan(evaluation.error));
    close_group(&t);
    free_data(&data);
}

/* ---- training */

static void training_lowers_the_loss_of_every_loss_and_optimizer(void **state) {
    (void)state;
    spt_dataset data = make_data(10, 3, 3, 200);
    for (int loss = SPT_LOSS_CROSS_ENTROPY; loss <= SPT_LOSS_BCE; loss++) {
        spt_run_spec run[3];
        for (int kind = 0; kind < 3; kind++) {
            run[kind] = run_of(&data, 40, 2, 64, 1);
            run[kind].train.loss = (spt_loss)loss;
            run[kind].train.optimizer =
                (spt_optimizer){(spt_optimizer_kind)kind, kind == 0 ? 0.1 : 0.002, 0.9, 0.0, 0.9, 0.999, 1e-8};
        }
        spt_group_spec spec = {.dataset = &data, .n_runs = 3, .runs = run};
        spt_test_group t = open_group(&spec, 2);
        spt_evaluation before[3] = {0}, after[3] = {0};
        assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TRAIN, before, NULL), SPT_OK);
        train_to(&t, 400);
        assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TRAIN, after, NULL), SPT_OK);
        for (int kind = 0; kind < 3; kind++) {
            assert_true(after[kind].loss < 0.5 * before[kind].loss);
            assert_true(after[kind].error < 0.2);
        }
        close_group(&t);
    }
    free_data(&data);
}

static void a_diverged_run_is_frozen_and_the_others_go_on(void **state) {
    (void)state;
    spt_dataset data = make_data(10, 3, 0, 50);
    for (size_t threads = 1; threads <= 4; threads++) {
        spt_run_spec run[] = {run_of(&data, 20, 2, 20, 1), run_of(&data, 260, 2, 20, 2), run_of(&data, 20, 2, 20, 3)};
        run[1].train.optimizer.lr = 1e12;
        spt_group_spec spec = {.dataset = &data, .n_runs = 3, .runs = run};
        spt_test_group t = open_group(&spec, threads);
        spt_run_counters counters[3];
        train_to(&t, 30);
        assert_int_equal(cpu()->counters(t.group, counters, NULL), SPT_OK);
        uint64_t at = counters[1].diverged_step;
        assert_true(at > 0 && at < 30 && counters[1].step == at);
        assert_true(counters[0].step == 30 && counters[0].diverged_step == SPT_STEP_NONE);
        assert_true(counters[2].step == 30 && counters[2].diverged_step == SPT_STEP_NONE);
        void *frozen = state_of(&t, &run[1], 1), *healthy = state_of(&t, &run[0], 0);
        train_to(&t, 60);
        void *later = state_of(&t, &run[1], 1);
        assert_memory_equal(frozen, later, arena_of(&run[1]).bytes);

        /* Its state is the one before the step that failed; the neighbour's is that of a run alone. */
        spt_test_group again = open_group(&spec, 1);
        train_to(&again, at);
        void *before = state_of(&again, &run[1], 1);
        assert_memory_equal(before, frozen, arena_of(&run[1]).counters_offset);
        assert_int_equal(cpu()->counters(again.group, counters, NULL), SPT_OK);
        assert_true(counters[1].diverged_step == SPT_STEP_NONE);
        spt_group_spec single = {.dataset = &data, .n_runs = 1, .runs = &run[0]};
        spt_test_group alone = open_group(&single, 1);
        train_to(&alone, 30);
        void *expected = state_of(&alone, &run[0], 0);
        assert_memory_equal(healthy, expected, arena_of(&run[0]).bytes);
        close_group(&t);
        close_group(&again);
        close_group(&alone);
        spt_memory_free(frozen);
        spt_memory_free(healthy);
        spt_memory_free(later);
        spt_memory_free(before);
        spt_memory_free(expected);
    }
    free_data(&data);
}

static void norms_of_a_diverged_run_are_not_a_number(void **state) {
    (void)state;
    spt_dataset data = make_data(3, 2, 2, 10);
    spt_run_spec run = run_of(&data, 4, 1, 5, 1);
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_test_group t = open_group(&spec, 1);
    float *broken = initial_state(&run);
    broken[1] = INFINITY;
    assert_int_equal(cpu()->state_set(t.group, 0, broken, NULL), SPT_OK);
    double norms[3];
    assert_int_equal(cpu()->spectral_norms(t.group, 3, norms, NULL), SPT_OK);
    assert_true(isnan(norms[0]) && norms[1] > 0.0 && isnan(norms[2]));
    spt_memory_free(broken);
    close_group(&t);
    free_data(&data);
}

static void indices_out_of_range_are_refused(void **state) {
    (void)state;
    spt_dataset data = make_data(3, 2, 2, 10);
    spt_run_spec run = run_of(&data, 4, 1, 5, 1);
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_test_group t = open_group(&spec, 1);
    spt_error err = {0};
    char bytes[8];
    double number;
    assert_int_equal(cpu()->state_get(t.group, 1, bytes, &err), SPT_EINVAL);
    assert_string_equal(err.message, "run 1: the group has 1");
    assert_int_equal(cpu()->state_set(t.group, 1, bytes, &err), SPT_EINVAL);
    assert_int_equal(cpu()->probe(t.group, 0, &number, &err), SPT_EINVAL);
    assert_string_equal(err.message, "probe 0: there are 0");
    assert_int_equal(cpu()->spectral_norms(t.group, 1, &number, &err), SPT_EINVAL);
    assert_string_equal(err.message, "spectral norms: a stride of 1 for runs of up to 2 layers");
    close_group(&t);
    free_data(&data);
}

/* ---- denormals */

static void denormals_are_flushed_at_work_and_kept_for_the_caller(void **state) {
    (void)state;
#if defined(__SSE2__)
    unsigned before = _mm_getcsr();
    spt_dataset data = make_data(2, 1, 0, 4);
    spt_run_spec run = run_of(&data, 3, 0, 0, 1);
    run.train.optimizer = (spt_optimizer){.kind = SPT_OPTIMIZER_SGD, .momentum = 0.5};
    spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
    spt_test_group t = open_group(&spec, 2);
    memset(data.train.x, 0, 8 * sizeof *data.train.x); /* no gradient for the weights */
    float *in = initial_state(&run);
    in[arena_of(&run).block] = 1e-38f; /* velocity: half of it is a denormal */
    assert_int_equal(cpu()->state_set(t.group, 0, in, NULL), SPT_OK);
    train_to(&t, 1);
    float *out = state_of(&t, &run, 0);
    assert_true(out[arena_of(&run).block] == 0.0f);
    assert_int_equal(_mm_getcsr() & 0x8040u, before & 0x8040u);
    spt_device_info info;
    cpu()->describe(t.device, &info);
    assert_string_equal(info.denormals, "flushed");
    volatile float half = 0.5f;
    assert_true(in[arena_of(&run).block] * half != 0.0f);
    spt_memory_free(in);
    spt_memory_free(out);
    close_group(&t);
    free_data(&data);
#else
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_is_found_by_name_and_auto_finds_a_backend),
        cmocka_unit_test(a_device_tells_its_name_threads_and_memory),
        cmocka_unit_test(a_second_device_and_a_thousand_threads_are_refused),
        cmocka_unit_test(runs_that_do_not_fit_are_refused_by_number),
        cmocka_unit_test(data_that_the_loss_cannot_use_is_refused),
        cmocka_unit_test(a_probe_that_the_backend_cannot_evaluate_is_refused_by_name),
        cmocka_unit_test(more_memory_than_there_is_is_an_error),
        cmocka_unit_test(memory_of_many_small_runs_is_little_more_than_their_state),
        cmocka_unit_test(cross_entropy_error_and_flags_equal_a_naive_evaluation),
        cmocka_unit_test(mse_and_bce_equal_a_naive_evaluation),
        cmocka_unit_test(mse_on_signs_has_an_error_and_flags),
        cmocka_unit_test(an_empty_split_is_not_a_number),
        cmocka_unit_test(training_lowers_the_loss_of_every_loss_and_optimizer),
        cmocka_unit_test(a_diverged_run_is_frozen_and_the_others_go_on),
        cmocka_unit_test(norms_of_a_diverged_run_are_not_a_number),
        cmocka_unit_test(indices_out_of_range_are_refused),
        cmocka_unit_test(denormals_are_flushed_at_work_and_kept_for_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
