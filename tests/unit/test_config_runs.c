/* The settings of the runs of a sweep: each sees the values of its axes, and the config stays as it is. */
#include "unit/config_case.h"

#include "spectrain/dataset.h"

static void run_has_the_values_of_its_axes(void **state) {
    (void)state;
    spt_config *config = whole_config(MORE, "sweep: {model.width: [4, 16], train.optimizer.lr: [0.1, 0.2, 0.3], "
                                            "train.batch: [7, full], model.init: [he]}");
    spt_axes axes = axes_of(config);
    const double rates[] = {0.1, 0.2, 0.3};
    assert_int_equal(axes.n_runs, 12);
    for (size_t run = 0; run < axes.n_runs; run++) {
        spt_settings s = settings_of(config, &axes, run);
        assert_int_equal(s.model.width, run < 6 ? 4 : 16);
        assert_true(s.train.optimizer.lr == rates[run / 2 % 3]);
        assert_int_equal(s.train.batch, run % 2 == 0 ? 7 : 0);
        assert_int_equal(s.model.init, SPT_INIT_HE);
        assert_int_equal(s.train.epochs, 100);
        spt_settings_free(&s);
    }
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void axis_may_be_the_only_place_of_a_key_or_section(void **state) {
    (void)state;
    spt_config *config = whole_config(MODEL, "sweep: {model.width: [4], model.hidden_layers: [3]}");
    spt_axes axes = axes_of(config);
    spt_settings s = settings_of(config, &axes, 0);
    assert_true(s.model.width == 4 && s.model.hidden_layers == 3);
    spt_settings_free(&s);
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void data_sees_the_values_of_its_axes(void **state) {
    (void)state;
    spt_config *config = whole_config(MORE, "sweep: {data.seed: [1, 2], data.label_noise.fraction: [0.1, 0.2]}");
    set(config, "data.label_noise={kind: uniform}");
    spt_axes axes = axes_of(config);
    spt_settings s[4];
    for (size_t run = 0; run < 4; run++) {
        s[run] = settings_of(config, &axes, run);
        assert_int_equal(spt_data_spec_seed(s[run].data), 1 + run / 2);
        for (size_t before = 0; before < run; before++)
            assert_string_not_equal(spt_data_spec_key(s[run].data), spt_data_spec_key(s[before].data));
    }
    for (size_t run = 0; run < 4; run++)
        spt_settings_free(&s[run]);
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void config_itself_is_not_changed_by_its_runs(void **state) {
    (void)state;
    spt_error err = {0};
    char *before = NULL, *after = NULL;
    spt_config *config = whole_config(MORE, "sweep: {model.width: [4, 16], data.label_noise.fraction: [0.1]}");
    spt_axes axes = axes_of(config);
    assert_int_equal(spt_config_text(config, &before, &err), SPT_OK);
    for (size_t run = 0; run < axes.n_runs; run++) {
        spt_settings s;
        spt_config_settings(config, &axes, run, &s, &err); /* refused: label_noise has no kind */
        assert_null(s.data);
        assert_null(s.name);
    }
    assert_string_equal(err.message, "test.yaml:5: data.label_noise.kind: is missing; it is required");
    assert_int_equal(spt_config_text(config, &after, &err), SPT_OK);
    assert_string_equal(before, after);
    free(before);
    free(after);
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void value_of_an_axis_is_refused_where_the_sweep_lists_it(void **state) {
    (void)state;
    assert_settings_refused(MORE, "sweep:\n  model.width:\n    - 8\n    - 0\n", NULL,
                            "test.yaml:8: sweep.model.width: is 0; allowed: integers 1 to 16384");
    assert_settings_refused(MORE, "sweep:\n  model.width: {range: [16384, 16385, 1]}\n", NULL,
                            "test.yaml:6: sweep.model.width: is 16385; allowed: integers 1 to 16384");
    assert_settings_refused(MORE, NULL, "sweep.train.loss=[mse, hinge]",
                            "--set sweep.train.loss=[mse, hinge]: is hinge; allowed: cross_entropy, "
                            "mse, bce");
    assert_settings_refused(MORE, "sweep: {data.depth: [1]}", NULL,
                            "test.yaml:5: sweep.data.depth: is not a known key; allowed: source, train, test, seed, "
                            "path, label_noise, standardize, select, targets");
    assert_settings_refused(
        MORE, "sweep: {train.optimizer.kind: [sgd, adam]}", "train.optimizer.momentum=0.5",
        "--set train.optimizer.momentum=0.5: is not a key of adam; allowed: kind, lr, weight_decay, "
        "beta1, beta2, eps");
}

static void value_that_an_axis_decides_over_is_checked_too(void **state) {
    (void)state;
    assert_settings_refused(MODEL, "model: {hidden_layers: 2, width: wide}\n", "sweep.model.width=[4, 8]",
                            "test.yaml:3: model.width: is wide; allowed: integers 1 to 16384");
    assert_settings_refused(MODEL, "model: {hidden_layers: 2, width: [4]}\n",
                            "sweep={model.width: [4], train.seed: [1]}",
                            "test.yaml:3: model.width: is a list; allowed: integers 1 to 16384");
    assert_settings_refused(DATA, "data: {source: mnist1d, train: 20, label_noise: {kind: uniform, fraction: 1.5}}",
                            "sweep.data.label_noise.fraction=[0.1, 0.2]",
                            "test.yaml:2: data.label_noise.fraction: is 1.5; allowed: 0 to 1");
    assert_settings_refused(DATA, "data: {source: sinusoids, train: 5, frequencies: [1, -2]}",
                            "sweep.data.frequencies=[3]",
                            "test.yaml:2: data.frequencies.1: is -2; allowed: 0 to 1000000000");
}

static void value_that_an_axis_decides_over_need_not_fit_its_neighbours(void **state) {
    (void)state;
    static const char *const sweeps[] = {"{train.optimizer.kind: [sgd], train.optimizer.momentum: [0.5]}",
                                         "{train.optimizer.momentum: [0.5], train.optimizer.kind: [sgd]}"};
    for (size_t i = 0; i < 2; i++) {
        spt_config *config =
            whole_config(TRAIN, "train: {loss: mse, optimizer: {kind: adam, lr: 0.1}, batch: 5, epochs: 100}");
        char assignment[128];
        snprintf(assignment, sizeof assignment, "sweep=%s", sweeps[i]);
        set(config, assignment);
        spt_axes axes = axes_of(config);
        spt_settings s = settings_of(config, &axes, 0);
        assert_int_equal(s.train.optimizer.kind, SPT_OPTIMIZER_SGD);
        assert_true(s.train.optimizer.momentum == 0.5);
        spt_settings_free(&s);
        spt_axes_free(&axes);
        spt_config_free(config);
    }
}

static void text_on_an_axis_does_not_become_a_number(void **state) {
    (void)state;
    spt_error err = {0};
    spt_settings s;
    spt_config *config = whole_config(DATA, "data: {source: sinusoids, train: 5}");
    set(config, "sweep.data.frequencies=['3']");
    spt_axes axes = axes_of(config);
    assert_int_equal(spt_config_settings(config, &axes, 0, &s, &err), SPT_ECONFIG);
    assert_non_null(strstr(err.message, "--set sweep.data.frequencies=['3']: is the text \"3\"; allowed: "));
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void axis_cannot_lead_through_a_scalar(void **state) {
    (void)state;
    assert_settings_refused(DATA, "data: {source: mnist1d, train: 5, label_noise: 0.1}",
                            "sweep.data.label_noise.fraction=[0.1]",
                            "test.yaml:2: data.label_noise: is 0.1; allowed: a map, because there is "
                            "sweep.data.label_noise.fraction");
}

static void run_outside_of_the_sweep_is_refused(void **state) {
    (void)state;
    spt_error err = {0};
    spt_settings s;
    spt_config *config = whole_config(NAME, NULL);
    spt_axes axes = axes_of(config);
    assert_int_equal(spt_config_settings(config, &axes, 1, &s, &err), SPT_EINVAL);
    assert_string_equal(err.message, "run 1 of a sweep of 1 runs");
    spt_axes_free(&axes);
    spt_config_free(config);
}

/* Under AddressSanitizer this is also the proof that nothing is left behind; it must not take long. */
static void ten_thousand_runs_are_read(void **state) {
    (void)state;
    spt_config *config = whole_config(
        MORE,
        "probes: [{name: a, kind: line, split: train, points: 2, samples: 8, radius: 1}]\n"
        "sweep: {model.width: {range: [1, 100, 1]}, train.seed: {range: [0, 9, 1]}, data.seed: {range: [0, 9, 1]}}");
    spt_axes axes = axes_of(config);
    assert_int_equal(axes.n_runs, 10000);
    for (size_t run = 0; run < axes.n_runs; run++) {
        spt_settings s = settings_of(config, &axes, run);
        assert_int_equal(s.model.width, 1 + run / 100);
        assert_int_equal(s.train.seed, run / 10 % 10);
        assert_int_equal(spt_data_spec_seed(s.data), run % 10);
        spt_settings_free(&s);
    }
    spt_axes_free(&axes);
    spt_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_has_the_values_of_its_axes),
        cmocka_unit_test(axis_may_be_the_only_place_of_a_key_or_section),
        cmocka_unit_test(data_sees_the_values_of_its_axes),
        cmocka_unit_test(config_itself_is_not_changed_by_its_runs),
        cmocka_unit_test(value_of_an_axis_is_refused_where_the_sweep_lists_it),
        cmocka_unit_test(value_that_an_axis_decides_over_is_checked_too),
        cmocka_unit_test(value_that_an_axis_decides_over_need_not_fit_its_neighbours),
        cmocka_unit_test(text_on_an_axis_does_not_become_a_number),
        cmocka_unit_test(axis_cannot_lead_through_a_scalar),
        cmocka_unit_test(run_outside_of_the_sweep_is_refused),
        cmocka_unit_test(ten_thousand_runs_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
