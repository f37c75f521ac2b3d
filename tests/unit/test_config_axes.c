/* `sweep:`: the values of axes, their product, and what cannot be swept. */
#include "unit/config_case.h"

#include <math.h>

/* The values of the only axis of `sweep: {KEY: VALUES}`. The caller's: spt_axes_free. */
static spt_axes one_axis(const char *key, const char *values) {
    char text[256];
    snprintf(text, sizeof text, "sweep:\n  %s: %s\n", key, values);
    spt_config *config = config_of(text);
    spt_axes axes = axes_of(config);
    assert_int_equal(axes.n_axes, 1);
    assert_string_equal(axes.axes[0].key, key);
    assert_int_equal(axes.axes[0].n_values, axes.n_runs);
    spt_config_free(config); /* axes keep what they need */
    return axes;
}

static void assert_integers(const char *key, const char *values, const int64_t *expected, size_t n) {
    spt_axes axes = one_axis(key, values);
    assert_int_equal(axes.n_runs, n);
    for (size_t i = 0; i < n; i++) {
        const spt_value *value = &axes.axes[0].values[i];
        assert_int_equal(value->kind, SPT_VALUE_INTEGER);
        assert_int_equal(value->integer, expected[i]);
        assert_true(value->real == (double)expected[i]);
        assert_int_equal(strtoll(value->text, NULL, 10), expected[i]);
    }
    spt_axes_free(&axes);
}

#define INTEGERS(key, values, ...)                                                                                     \
    assert_integers(key, values, (const int64_t[]){__VA_ARGS__},                                                       \
                    sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void assert_reals(const char *key, const char *values, const double *expected, const char *const *texts,
                         size_t n) {
    spt_axes axes = one_axis(key, values);
    assert_int_equal(axes.n_runs, n);
    for (size_t i = 0; i < n; i++) {
        const spt_value *value = &axes.axes[0].values[i];
        assert_int_equal(value->kind, SPT_VALUE_REAL);
        assert_true(value->real == expected[i]);
        assert_string_equal(value->text, texts[i]);
    }
    spt_axes_free(&axes);
}

static void config_without_axes_is_one_run(void **state) {
    (void)state;
    static const char *const texts[] = {"a: 1", "sweep:", "sweep: {}", "sweep: ~"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        spt_config *config = config_of(texts[i]);
        spt_axes axes = axes_of(config);
        assert_int_equal(axes.n_axes, 0);
        assert_int_equal(axes.n_runs, 1);
        spt_axes_free(&axes);
        spt_config_free(config);
    }
}

static void first_axis_is_slowest(void **state) {
    (void)state;
    spt_config *config =
        config_of("sweep: {train.loss: [mse, bce], model.width: [3, 5, 9], train.optimizer.lr: [0.1, 1e-2]}");
    spt_axes axes = axes_of(config);
    const int widths[] = {3, 5, 9};
    assert_int_equal(axes.n_axes, 3);
    assert_int_equal(axes.n_runs, 12);
    size_t run = 0;
    for (size_t loss = 0; loss < 2; loss++)
        for (size_t width = 0; width < 3; width++)
            for (size_t lr = 0; lr < 2; lr++, run++) {
                assert_string_equal(spt_axes_value(&axes, 0, run)->text, loss == 0 ? "mse" : "bce");
                assert_int_equal(spt_axes_value(&axes, 1, run)->integer, widths[width]);
                assert_true(spt_axes_value(&axes, 2, run)->real == (lr == 0 ? 0.1 : 0.01));
                assert_string_equal(spt_axes_value(&axes, 2, run)->text, lr == 0 ? "0.1" : "1e-2");
            }
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void lists_have_the_type_of_the_key(void **state) {
    (void)state;
    INTEGERS("train.seed", "[4294967295, 0]", 4294967295, 0);
    assert_reals("train.optimizer.lr", "[1, 0.5]", (const double[]){1.0, 0.5}, (const char *const[]){"1", "0.5"}, 2);
    spt_axes axes = one_axis("model.init", "[he, 'ntk']");
    assert_int_equal(axes.axes[0].values[1].kind, SPT_VALUE_TEXT);
    assert_string_equal(axes.axes[0].values[1].text, "ntk");
    spt_axes_free(&axes);
}

static void kind_of_a_source_s_own_key_is_what_its_values_share(void **state) {
    (void)state;
    INTEGERS("data.frequencies", "[3, 4]", 3, 4);
    assert_reals("data.frequencies", "[3, 0.5]", (const double[]){3.0, 0.5}, (const char *const[]){"3", "0.5"}, 2);
    spt_axes axes = one_axis("data.phases", "[random, 3]");
    assert_int_equal(axes.axes[0].values[0].kind, SPT_VALUE_TEXT);
    assert_int_equal(axes.axes[0].values[1].kind, SPT_VALUE_TEXT);
    spt_axes_free(&axes);
}

static void batch_may_be_full_among_integers(void **state) {
    (void)state;
    INTEGERS("train.batch", "[10, 100]", 10, 100);
    spt_axes axes = one_axis("train.batch", "[10, full]");
    for (int i = 0; i < 2; i++)
        assert_int_equal(axes.axes[0].values[i].kind, SPT_VALUE_TEXT);
    assert_string_equal(axes.axes[0].values[1].text, "full");
    spt_axes_free(&axes);
    assert_axes_refused("sweep: {train.batch: [1.5]}",
                        "test.yaml:1: sweep.train.batch.0: is 1.5; allowed: integers, full");
}

/* science.md, "Width sweep on MNIST-1D": 20 points, the first two of which are 2. */
static void geomspace_gives_the_widths_of_the_published_sweep(void **state) {
    (void)state;
    INTEGERS("model.width", "{geomspace: [2, 300, 20]}", 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 47, 61, 80, 104, 135,
             177, 230, 300);
}

/* Where numpy's dtype=int gives 7, 63, 127, because its powers of two come out a little below. */
static void geomspace_reaches_integers_that_rounding_just_misses(void **state) {
    (void)state;
    INTEGERS("model.width", "{geomspace: [1, 256, 9]}", 1, 2, 4, 8, 16, 32, 64, 128, 256);
    INTEGERS("train.seed", "{geomspace: [1, 1000000000, 10]}", 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
             100000000, 1000000000);
    INTEGERS("model.width", "{geomspace: [300, 2, 3]}", 300, 24, 2);
    INTEGERS("model.width", "{geomspace: [5, 9, 1]}", 5);
    INTEGERS("model.width", "{geomspace: [5, 5, 4]}", 5);
    INTEGERS("train.seed", "{geomspace: [999999999999, 1000000000000, 2]}", 999999999999, 1000000000000);
}

static void geomspace_of_reals_keeps_its_ends_and_round_values(void **state) {
    (void)state;
    assert_reals("train.optimizer.lr", "{geomspace: [1e-4, 0.1, 4]}", (const double[]){1e-4, 1e-3, 1e-2, 0.1},
                 (const char *const[]){"0.0001", "0.001", "0.01", "0.1"}, 4);
    assert_reals("train.optimizer.lr", "{geomspace: [0.12345678901234566, 1, 2]}",
                 (const double[]){0.12345678901234566, 1}, (const char *const[]){"0.12345678901234566", "1"}, 2);
}

static void linspace_has_equal_steps_and_both_ends(void **state) {
    (void)state;
    assert_reals("train.optimizer.lr", "{linspace: [0.1, 0.5, 5]}", (const double[]){0.1, 0.2, 0.3, 0.4, 0.5},
                 (const char *const[]){"0.1", "0.2", "0.3", "0.4", "0.5"}, 5);
    assert_reals("train.optimizer.lr", "{linspace: [3, 1, 3]}", (const double[]){3, 2, 1},
                 (const char *const[]){"3", "2", "1"}, 3);
    INTEGERS("model.width", "{linspace: [1, 4, 7]}", 1, 2, 3, 4);
    INTEGERS("train.seed", "{linspace: [0, 3, 31]}", 0, 1, 2, 3); /* 0.1 * 10 and the like do not come out below */
}

static void range_includes_its_end_when_a_step_lands_on_it(void **state) {
    (void)state;
    INTEGERS("train.seed", "{range: [0, 6, 2]}", 0, 2, 4, 6);
    INTEGERS("train.seed", "{range: [0, 7, 2]}", 0, 2, 4, 6);
    INTEGERS("model.width", "{range: [9, 1, -4]}", 9, 5, 1);
    INTEGERS("model.width", "{range: [4, 4, 1]}", 4);
    INTEGERS("data.frequencies", "{range: [1, 3, 1]}", 1, 2, 3);
}

static void range_of_reals_has_the_numbers_that_were_meant(void **state) {
    (void)state;
    assert_reals("data.label_noise.fraction", "{range: [0, 0.4, 0.1]}", (const double[]){0, 0.1, 0.2, 0.3, 0.4},
                 (const char *const[]){"0", "0.1", "0.2", "0.3", "0.4"}, 5);
    /* 0.3 / 0.1 is a little below 3 */
    assert_reals("data.shift", "{range: [0, 0.3, 0.1]}", (const double[]){0, 0.1, 0.2, 0.3},
                 (const char *const[]){"0", "0.1", "0.2", "0.3"}, 4);
    assert_reals("data.shift", "{range: [-0.3, 0.1, 0.1]}", (const double[]){-0.3, -0.2, -0.1, 0, 0.1},
                 (const char *const[]){"-0.3", "-0.2", "-0.1", "0", "0.1"}, 5);
    assert_reals("data.shift", "{range: [0, 0.12345678901234566, 0.04115226300411]}",
                 (const double[]){0, 0.04115226300411, 0.08230452600822, 0.12345678901234566},
                 (const char *const[]){"0", "0.04115226300411", "0.08230452600822", "0.12345678901234566"}, 4);
    assert_reals(
        "data.shift", "{range: [-1, 0, 0.1]}",
        (const double[]){-1, -0.9, -0.8, -0.7, -0.6, -0.5, -0.4, -0.3, -0.2, -0.1, 0},
        (const char *const[]){"-1", "-0.9", "-0.8", "-0.7", "-0.6", "-0.5", "-0.4", "-0.3", "-0.2", "-0.1", "0"}, 11);
}

static void unknown_and_fixed_keys_cannot_be_swept(void **state) {
    (void)state;
    const struct {
        const char *key, *message;
    } cases[] = {
        {"model.depth", "is not a known key; allowed: model.hidden_layers, model.width, model.init"},
        {"train.optimizer",
         "is not a known key; allowed: train.loss, train.batch, train.seed, train.optimizer.kind, and "
         "lr, momentum, weight_decay, beta1, beta2, eps of train.optimizer"},
        {"train.epochs", "cannot be swept: it is the same in all runs of a sweep"},
        {"data.source", "cannot be swept: it is the same in all runs of a sweep"},
        {"data.test", "cannot be swept: it is the same in all runs of a sweep"},
        {"data.path", "cannot be swept: it is the same in all runs of a sweep"},
        {"record.epochs",
         "cannot be swept; allowed: keys of model, train (not train.epochs) and data (not data.source, "
         "data.test, data.path)"},
        {"name",
         "cannot be swept; allowed: keys of model, train (not train.epochs) and data (not data.source, data.test, "
         "data.path)"},
        {"probes.0.samples", "cannot be swept; allowed: keys of model, train (not train.epochs) and data (not "
                             "data.source, data.test, data.path)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128], message[400];
        snprintf(text, sizeof text, "a: 1\nsweep:\n  %s: [1]\n", cases[i].key);
        snprintf(message, sizeof message, "test.yaml:3: sweep.%s: %s", cases[i].key, cases[i].message);
        assert_axes_refused(text, message);
    }
}

static void values_of_the_wrong_type_are_refused_at_their_line(void **state) {
    (void)state;
    assert_axes_refused("sweep:\n  model.width:\n    - 3\n    - 4.5\n",
                        "test.yaml:4: sweep.model.width.1: is 4.5; allowed: integers");
    assert_axes_refused("sweep: {train.seed: [0, '1']}",
                        "test.yaml:1: sweep.train.seed.1: is the text \"1\"; allowed: integers");
    assert_axes_refused("sweep: {train.optimizer.lr: [fast]}",
                        "test.yaml:1: sweep.train.optimizer.lr.0: is fast; allowed: numbers");
    assert_axes_refused("sweep: {train.loss: [[mse]]}", "test.yaml:1: sweep.train.loss.0: is a list; allowed: texts");
    assert_axes_refused("sweep: {data.phases: [~]}",
                        "test.yaml:1: sweep.data.phases.0: is empty; allowed: numbers, texts");
    assert_axes_refused("sweep: {train.loss: {range: [1, 2, 1]}}",
                        "test.yaml:1: sweep.train.loss: is a map; allowed: a list of texts");
}

static void what_is_neither_list_nor_generator_is_refused(void **state) {
    (void)state;
    static const char allowed[] = "a list, {geomspace: [first, last, how many]}, {linspace: [first, last, how many]}, "
                                  "{range: [first, last, step]}";
    char message[256];
    snprintf(message, sizeof message, "test.yaml:1: sweep.train.seed: is 3; allowed: %s", allowed);
    assert_axes_refused("sweep: {train.seed: 3}", message);
    snprintf(message, sizeof message, "test.yaml:1: sweep.train.seed: is an empty list; allowed: %s", allowed);
    assert_axes_refused("sweep: {train.seed: []}", message);
    snprintf(message, sizeof message, "test.yaml:1: sweep.train.seed: is empty; allowed: %s", allowed);
    assert_axes_refused("sweep: {train.seed: }", message);
    snprintf(message, sizeof message, "test.yaml:1: sweep.train.seed: is not a generator; allowed: %s", allowed);
    assert_axes_refused("sweep: {train.seed: {logspace: [0, 1, 2]}}", message);
    assert_axes_refused("sweep: {train.seed: {range: [0, 1, 1], geomspace: [1, 2, 3]}}", message);
    assert_axes_refused("sweep: {train.seed: {}}", message);
    assert_axes_refused("sweep: [1]", "test.yaml:1: sweep: is a list; allowed: a map from keys to lists or generators");
}

static void generators_check_their_arguments(void **state) {
    (void)state;
    const struct {
        const char *key, *values, *message;
    } cases[] = {
        {"model.width", "{geomspace: [2, 300]}", ".geomspace: is not three numbers; allowed: [first, last, how many]"},
        {"model.width", "{range: 3}", ".range: is not three numbers; allowed: [first, last, step]"},
        {"model.width", "{geomspace: [2, 300, x]}", ".geomspace.2: is x; allowed: numbers"},
        {"model.width", "{geomspace: [2.5, 300, 3]}", ".geomspace.0: is 2.5; allowed: integers, at most 10^12"},
        {"train.seed", "{range: [0, 1, 0.5]}", ".range.2: is 0.5; allowed: integers, at most 10^12"},
        {"model.width", "{geomspace: [0, 300, 3]}",
         ".geomspace: goes from 0 to 300; allowed: numbers above 0 with a finite ratio"},
        {"train.optimizer.lr", "{geomspace: [-1, 1, 3]}",
         ".geomspace: goes from -1 to 1; allowed: numbers above 0 with a finite ratio"},
        {"train.optimizer.lr", "{geomspace: [1e-300, 1e300, 3]}",
         ".geomspace: goes from 1e-300 to 1e300; allowed: numbers above 0 with a finite ratio"},
        {"model.width", "{geomspace: [1, 9, 0]}", ".geomspace.2: is 0; allowed: integers 1 to 1000000"},
        {"train.optimizer.lr", "{geomspace: [1, 9, 2.5]}", ".geomspace.2: is 2.5; allowed: integers 1 to 1000000"},
        {"model.width", "{geomspace: [1, 9, 1000001]}", ".geomspace.2: is 1000001; allowed: integers 1 to 1000000"},
        {"train.optimizer.lr", "{linspace: [1, 9]}",
         ".linspace: is not three numbers; allowed: [first, last, how many]"},
        {"train.optimizer.lr", "{linspace: [-1e308, 1e308, 3]}",
         ".linspace: goes from -1e308 to 1e308; allowed: numbers with a finite difference"},
        {"train.seed", "{range: [0, 1, 0]}", ".range: never gets from 0 to 1 in steps of 0"},
        {"train.seed", "{range: [5, 1, 1]}", ".range: never gets from 5 to 1 in steps of 1"},
        {"train.seed", "{range: [0, 1000000, 1]}", ".range: has more than 1000000 values"},
        {"data.shift", "{range: [-1e308, 1e308, 1]}", ".range: has more than 1000000 values"},
        {"train.seed", "{range: [0, 1000000000001, 1000000000001]}",
         ".range.1: is 1000000000001; allowed: integers, at most 10^12"},
        {"train.optimizer.lr", "{geomspace: [0.1, 0.1, 2]}", ": has the value 0.1 twice; allowed: each value once"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128], message[256];
        snprintf(text, sizeof text, "sweep: {%s: %s}", cases[i].key, cases[i].values);
        snprintf(message, sizeof message, "test.yaml:1: sweep.%s%s", cases[i].key, cases[i].message);
        assert_axes_refused(text, message);
    }
}

static void repeated_values_are_refused(void **state) {
    (void)state;
    assert_axes_refused("sweep: {train.seed: [2, 1, 3, 1]}",
                        "test.yaml:1: sweep.train.seed.3: is 1, as is item 1; allowed: each value once");
    assert_axes_refused("sweep: {train.optimizer.lr: [0.1, 1e-1]}",
                        "test.yaml:1: sweep.train.optimizer.lr.1: is 1e-1, as is item 0; allowed: each value once");
    assert_axes_refused("sweep: {train.loss: [mse, bce, mse]}",
                        "test.yaml:1: sweep.train.loss.2: is mse, as is item 0; allowed: each value once");
}

static void axis_inside_of_another_is_refused(void **state) {
    (void)state;
    assert_axes_refused("sweep:\n  data.label_noise: [1]\n  data.label_noise.fraction: [0.1]\n",
                        "test.yaml:3: sweep.data.label_noise.fraction: lies inside of another axis, data.label_noise");
}

static void more_than_ten_million_runs_are_refused(void **state) {
    (void)state;
    assert_axes_refused("a: 1\nsweep:\n  train.seed: {range: [1, 4000, 1]}\n  data.seed: {range: [1, 4000, 1]}\n",
                        "test.yaml:2: sweep: spans more than 10000000 runs; allowed: at most 10000000");
    /* 256^8 would be 2^64: a product that forgot to check would be 0 */
    char text[1024] = "sweep:\n";
    static const char *const keys[] = {"train.seed", "data.seed", "data.train", "model.width",
                                       "data.a",     "data.b",    "data.c",     "data.d"};
    for (size_t i = 0; i < 8; i++)
        sprintf(text + strlen(text), "  %s: {range: [1, 256, 1]}\n", keys[i]);
    assert_axes_refused(text, "test.yaml:1: sweep: spans more than 10000000 runs; allowed: at most 10000000");
    spt_config *config = config_of("sweep: {train.seed: {range: [1, 4000, 1]}, data.seed: {range: [1, 2500, 1]}}");
    spt_axes axes = axes_of(config);
    assert_int_equal(axes.n_runs, 10000000);
    assert_int_equal(spt_axes_value(&axes, 0, 9999999)->integer, 4000);
    assert_int_equal(spt_axes_value(&axes, 1, 9999999)->integer, 2500);
    assert_int_equal(spt_axes_value(&axes, 1, 2500)->integer, 1);
    spt_axes_free(&axes);
    spt_config_free(config);
}

/* ---- axes and --set */

static const char SWEPT[] = "model: {width: 64}\nsweep:\n  model.width: [2, 4]\n";

static void file_may_give_a_value_and_an_axis_for_one_key(void **state) {
    (void)state;
    spt_config *config = config_of(SWEPT);
    spt_axes axes = axes_of(config);
    assert_int_equal(axes.n_runs, 2);
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void assert_contradiction(const char *first, const char *second, const char *message) {
    spt_error err = {0};
    spt_axes axes;
    spt_config *config = config_of(SWEPT);
    set(config, first);
    if (second != NULL)
        set(config, second);
    assert_error(spt_config_axes(config, &axes, &err), &err, message);
    spt_config_free(config);
}

static void value_set_by_hand_contradicts_its_axis(void **state) {
    (void)state;
    assert_contradiction(
        "model.width=32", NULL,
        "--set model.width=32: is an axis of the sweep (test.yaml:3), which decides over it; to replace "
        "the axis: --set 'sweep.model.width=[32]'");
    assert_contradiction(
        "model={width: 32}", NULL,
        "--set model={width: 32}: model.width: is an axis of the sweep (test.yaml:3), which decides over "
        "it; to replace the axis: --set 'sweep.model.width=[32]'");
    assert_contradiction(
        "model.width=32", "sweep.model.width=[8, 9]",
        "--set model.width=32: is an axis of the sweep (--set sweep.model.width=[8, 9]), which decides "
        "over it; to replace the axis: --set 'sweep.model.width=[32]'");
}

static void axis_may_be_replaced_or_dropped_by_hand(void **state) {
    (void)state;
    spt_config *config = config_of(SWEPT);
    set(config, "sweep.model.width=[8, 9, 10]");
    set(config, "sweep.train.seed=[1]");
    spt_axes axes = axes_of(config);
    assert_int_equal(axes.n_axes, 2);
    assert_int_equal(axes.n_runs, 3);
    assert_int_equal(spt_axes_value(&axes, 0, 2)->integer, 10);
    spt_axes_free(&axes);
    set(config, "model.width=32");
    set(config, "sweep={}");
    axes = axes_of(config);
    assert_int_equal(axes.n_axes, 0);
    spt_axes_free(&axes);
    spt_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_without_axes_is_one_run),
        cmocka_unit_test(first_axis_is_slowest),
        cmocka_unit_test(lists_have_the_type_of_the_key),
        cmocka_unit_test(kind_of_a_source_s_own_key_is_what_its_values_share),
        cmocka_unit_test(batch_may_be_full_among_integers),
        cmocka_unit_test(geomspace_gives_the_widths_of_the_published_sweep),
        cmocka_unit_test(geomspace_reaches_integers_that_rounding_just_misses),
        cmocka_unit_test(linspace_has_equal_steps_and_both_ends),
        cmocka_unit_test(geomspace_of_reals_keeps_its_ends_and_round_values),
        cmocka_unit_test(range_includes_its_end_when_a_step_lands_on_it),
        cmocka_unit_test(range_of_reals_has_the_numbers_that_were_meant),
        cmocka_unit_test(unknown_and_fixed_keys_cannot_be_swept),
        cmocka_unit_test(values_of_the_wrong_type_are_refused_at_their_line),
        cmocka_unit_test(what_is_neither_list_nor_generator_is_refused),
        cmocka_unit_test(generators_check_their_arguments),
        cmocka_unit_test(repeated_values_are_refused),
        cmocka_unit_test(axis_inside_of_another_is_refused),
        cmocka_unit_test(more_than_ten_million_runs_are_refused),
        cmocka_unit_test(file_may_give_a_value_and_an_axis_for_one_key),
        cmocka_unit_test(value_set_by_hand_contradicts_its_axis),
        cmocka_unit_test(axis_may_be_replaced_or_dropped_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
