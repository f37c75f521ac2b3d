/* The settings of a run: defaults, ranges, and every refusal with its line and key. */
#include "unit/config_case.h"

#include "spectrain/dataset.h"
#include "spectrain/probe.h"

/* ---- what is read */

static void smallest_config_has_the_defaults(void **state) {
    (void)state;
    spt_settings s = whole_settings(NAME, NULL, NULL);
    assert_string_equal(s.name, "trial");
    assert_non_null(s.data);
    assert_true(s.model.inputs == 0 && s.model.outputs == 0 && s.model.hidden_layers == 2 && s.model.width == 8);
    assert_int_equal(s.model.init, SPT_INIT_PYTORCH);
    assert_int_equal(s.train.loss, SPT_LOSS_CROSS_ENTROPY);
    assert_int_equal(s.train.optimizer.kind, SPT_OPTIMIZER_SGD);
    assert_true(s.train.optimizer.lr == 0.1 && s.train.optimizer.momentum == 0.0);
    assert_true(s.train.optimizer.weight_decay == 0.0);
    assert_true(s.train.batch == 5 && s.train.epochs == 100 && s.train.seed == 0);
    assert_int_equal(s.snapshots.n, 2);
    assert_true(s.snapshots.epoch[0] == 0 && s.snapshots.epoch[1] == 100);
    assert_int_equal(s.keep_data, SPT_KEEP_AUTO);
    assert_int_equal(s.n_probes, 0);
    spt_settings_free(&s);
}

static void optimizers_have_pytorch_s_defaults(void **state) {
    (void)state;
    spt_settings adam = whole_settings(NAME, NULL, "train.optimizer={kind: adam, lr: 1e-3}");
    spt_settings adamw = whole_settings(NAME, NULL, "train.optimizer={kind: adamw, lr: 1e-3}");
    const spt_optimizer *o = &adam.train.optimizer, *w = &adamw.train.optimizer;
    assert_int_equal(o->kind, SPT_OPTIMIZER_ADAM);
    assert_true(o->lr == 1e-3 && o->beta1 == 0.9 && o->beta2 == 0.999 && o->eps == 1e-8 && o->weight_decay == 0.0);
    assert_int_equal(w->kind, SPT_OPTIMIZER_ADAMW);
    assert_true(w->lr == 1e-3 && w->beta1 == 0.9 && w->beta2 == 0.999 && w->eps == 1e-8 && w->weight_decay == 0.01);
    spt_settings_free(&adam);
    spt_settings_free(&adamw);
}

static void every_key_is_read(void **state) {
    (void)state;
    static const char text[] =
        "name: all-keys_1.0\n"
        "data: {source: mnist1d, train: 30, test: 10, seed: 42, label_noise: {kind: uniform, fraction: 0.15}}\n"
        "model: {hidden_layers: 0, width: 16384, init: ntk}\n"
        "train: {loss: bce, optimizer: {kind: sgd, lr: 0.5, momentum: 0.9, weight_decay: 1e-4}, batch: full,\n"
        "        epochs: 7, seed: 4294967295}\n"
        "record: {epochs: [3, 1], weights: {every: 3}, data: true}\n"
        "probes:\n"
        "  - {name: line_train, kind: line, split: train, points: 4, samples: 8, radius: 3.0}\n"
        "  - {name: line_test, kind: line, split: test, points: 2, samples: 16, radius: 0.5}\n";
    spt_config *config = config_of(text);
    spt_axes axes = axes_of(config);
    spt_settings s = settings_of(config, &axes, 0);
    assert_string_equal(s.name, "all-keys_1.0");
    assert_int_equal(spt_data_spec_seed(s.data), 42);
    assert_true(s.model.hidden_layers == 0 && s.model.width == 16384 && s.model.init == SPT_INIT_NTK);
    assert_true(s.train.loss == SPT_LOSS_BCE && s.train.batch == 0 && s.train.epochs == 7);
    assert_true(s.train.seed == UINT32_MAX);
    assert_true(s.train.optimizer.momentum == 0.9 && s.train.optimizer.weight_decay == 1e-4);
    assert_int_equal(s.records.n, 4);
    assert_int_equal(s.snapshots.n, 4);
    assert_int_equal(s.keep_data, SPT_KEEP_YES);
    assert_int_equal(s.n_probes, 2);
    assert_string_equal(spt_probe_spec_name(s.probes[0]), "line_train");
    assert_string_equal(spt_probe_spec_name(s.probes[1]), "line_test");
    spt_settings_free(&s);
    spt_axes_free(&axes);
    spt_config_free(config);
}

static void sections_with_nothing_in_them_are_as_if_absent(void **state) {
    (void)state;
    spt_settings s = whole_settings(MORE, "record:\nprobes: ~\nsweep:\n", NULL);
    spt_settings t = whole_settings(MORE, "record: {epochs: , weights: ~}\nprobes: []\nsweep: {}\n", NULL);
    assert_true(s.records.n == t.records.n && s.snapshots.n == 2 && t.snapshots.n == 2);
    assert_true(s.n_probes == 0 && t.n_probes == 0);
    spt_settings_free(&s);
    spt_settings_free(&t);
}

/* ---- what is refused */

static void required_keys_are_named_when_they_are_missing(void **state) {
    (void)state;
    assert_settings_refused(NAME, "", NULL, "test.yaml:2: name: is missing; it is required");
    assert_settings_refused(DATA, "", NULL, "test.yaml:1: data: is missing; it is required");
    assert_settings_refused(MODEL, "", NULL, "test.yaml:1: model: is missing; it is required");
    assert_settings_refused(TRAIN, "", NULL, "test.yaml:1: train: is missing; it is required");
    assert_settings_refused(DATA, "data: {source: mnist1d}", NULL,
                            "test.yaml:2: data.train: is missing; it is required");
    assert_settings_refused(MODEL, "model: {width: 1}", NULL,
                            "test.yaml:3: model.hidden_layers: is missing; it is required");
    assert_settings_refused(MODEL, "model: {hidden_layers: 1}", NULL,
                            "test.yaml:3: model.width: is missing; it is required");
    const struct {
        const char *train, *key;
    } cases[] = {
        {"{optimizer: {kind: sgd, lr: 1}, batch: 1, epochs: 1}", "loss"},
        {"{loss: mse, batch: 1, epochs: 1}", "optimizer"},
        {"{loss: mse, optimizer: {kind: sgd, lr: 1}, epochs: 1}", "batch"},
        {"{loss: mse, optimizer: {kind: sgd, lr: 1}, batch: 1}", "epochs"},
        {"{loss: mse, optimizer: {lr: 1}, batch: 1, epochs: 1}", "optimizer.kind"},
        {"{loss: mse, optimizer: {kind: sgd}, batch: 1, epochs: 1}", "optimizer.lr"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[160], message[160];
        snprintf(line, sizeof line, "train: %s", cases[i].train);
        snprintf(message, sizeof message, "test.yaml:4: train.%s: is missing; it is required", cases[i].key);
        assert_settings_refused(TRAIN, line, NULL, message);
    }
}

static void unknown_keys_are_refused_with_the_known_ones(void **state) {
    (void)state;
    assert_settings_refused(
        MORE, "modle: {}", NULL,
        "test.yaml:5: modle: is not a known key; allowed: name, data, model, train, record, probes, "
        "sweep");
    assert_settings_refused(MODEL, "model: {hidden_layers: 1, width: 1, depth: 3}", NULL,
                            "test.yaml:3: model.depth: is not a known key; allowed: hidden_layers, width, init");
    assert_settings_refused(MORE, NULL, "train.lr=0.1",
                            "--set train.lr=0.1: is not a known key; allowed: loss, optimizer, batch, epochs, seed");
    assert_settings_refused(MORE, NULL, "train.optimizer.nesterov=true",
                            "--set train.optimizer.nesterov=true: is not a known key; allowed: kind, lr, momentum, "
                            "weight_decay, beta1, beta2, eps");
    assert_settings_refused(MORE, "record: {metrics: []}", NULL,
                            "test.yaml:5: record.metrics: is not a known key; allowed: epochs, weights, data");
    assert_settings_refused(DATA, "data: {source: mnist1d, train: 5, size: 3}", NULL,
                            "test.yaml:2: data.size: is not a known key; allowed: source, train, test, seed, path, "
                            "label_noise, standardize, select, targets");
}

static void sections_must_be_maps(void **state) {
    (void)state;
    assert_settings_refused(MODEL, "model: 3", NULL,
                            "test.yaml:3: model: is 3; allowed: a map with the keys hidden_layers, width, init");
    assert_settings_refused(
        TRAIN, "train:", NULL,
        "test.yaml:4: train: is empty; allowed: a map with the keys loss, optimizer, batch, epochs, "
        "seed");
    assert_settings_refused(MORE, NULL, "train.optimizer=adam",
                            "--set train.optimizer=adam: is adam; allowed: a map with the keys kind, lr, momentum, "
                            "weight_decay, beta1, beta2, eps");
    assert_settings_refused(MORE, "record: [1]", NULL,
                            "test.yaml:5: record: is a list; allowed: a map with the keys epochs, weights, data");
}

static void values_out_of_range_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"model.hidden_layers=65", "is 65; allowed: integers 0 to 64"},
        {"model.width=0", "is 0; allowed: integers 1 to 16384"},
        {"model.width=16385", "is 16385; allowed: integers 1 to 16384"},
        {"model.width=3.0", "is 3.0; allowed: integers 1 to 16384"},
        {"model.init=xavier", "is xavier; allowed: pytorch, he, ntk"},
        {"train.loss=hinge", "is hinge; allowed: cross_entropy, mse, bce"},
        {"train.batch=0", "is 0; allowed: integers 1 to 4294967295, full"},
        {"train.batch=all", "is all; allowed: integers 1 to 4294967295, full"},
        {"train.batch=[5]", "is a list; allowed: integers 1 to 4294967295, full"},
        {"train.epochs=0", "is 0; allowed: integers 1 to 1000000000"},
        {"train.epochs=1e3", "is 1e3; allowed: integers 1 to 1000000000"},
        {"train.epochs=1000000001", "is 1000000001; allowed: integers 1 to 1000000000"},
        {"train.seed=-1", "is -1; allowed: integers 0 to 4294967295"},
        {"train.seed=4294967296", "is 4294967296; allowed: integers 0 to 4294967295"},
        {"train.optimizer.kind=rmsprop", "is rmsprop; allowed: sgd, adam, adamw"},
        {"train.optimizer.lr=0", "is 0; allowed: numbers above 0"},
        {"train.optimizer.lr=1e-999", "is 1e-999; allowed: numbers above 0"},
        {"train.optimizer.lr=.inf", "is .inf; allowed: numbers above 0"},
        {"train.optimizer.momentum=1", "is 1; allowed: at least 0, below 1"},
        {"train.optimizer.weight_decay=-1e-9", "is -1e-9; allowed: numbers of at least 0"},
        {"record.data=yes", "is yes; allowed: auto, false, true"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[200];
        snprintf(message, sizeof message, "--set %s: %s", cases[i][0], cases[i][1]);
        assert_settings_refused(MORE, NULL, cases[i][0], message);
    }
    static const char adam[] = "train: {loss: mse, optimizer: {kind: adam, lr: 1}, batch: 1, epochs: 1}";
    assert_settings_refused(TRAIN, adam, "train.optimizer.beta1=1",
                            "--set train.optimizer.beta1=1: is 1; allowed: at least 0, below 1");
    assert_settings_refused(TRAIN, adam, "train.optimizer.beta2=-0.1",
                            "--set train.optimizer.beta2=-0.1: is -0.1; allowed: at least 0, below 1");
    assert_settings_refused(TRAIN, adam, "train.optimizer.eps=0",
                            "--set train.optimizer.eps=0: is 0; allowed: numbers above 0");
}

static void keys_of_another_optimizer_are_refused(void **state) {
    (void)state;
    static const char adam[] = "train: {loss: mse, optimizer: {kind: adam, lr: 1, momentum: 0}, batch: 1, epochs: 1}";
    assert_settings_refused(TRAIN, adam, NULL,
                            "test.yaml:4: train.optimizer.momentum: is not a key of adam; allowed: kind, lr, "
                            "weight_decay, beta1, beta2, eps");
    static const char *const keys[] = {"beta1", "beta2", "eps"};
    for (size_t i = 0; i < 3; i++) {
        char assignment[64], message[160];
        snprintf(assignment, sizeof assignment, "train.optimizer.%s=0.5", keys[i]);
        snprintf(message, sizeof message, "--set %s: is not a key of sgd; allowed: kind, lr, weight_decay, momentum",
                 assignment);
        assert_settings_refused(MORE, NULL, assignment, message);
    }
}

static void name_must_do_as_a_file_name(void **state) {
    (void)state;
    static const char allowed[] = "allowed: 1 to 100 letters, digits, \"_\", \"-\" and \".\", not \"-\" or \".\" first";
    static const char *const bad[] = {"a/b", "../x", ".hidden", "-o", "a b", "z\xc3\xbcrich"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[64], message[256];
        snprintf(line, sizeof line, "name: %s", bad[i]);
        snprintf(message, sizeof message, "test.yaml:1: name: is %s; %s", bad[i], allowed);
        assert_settings_refused(NAME, line, NULL, message);
    }
    assert_settings_refused(NAME, "name: ''", NULL,
                            "test.yaml:1: name: is the text \"\"; allowed: 1 to 100 letters, digits, \"_\", \"-\" and "
                            "\".\", not \"-\" or \".\" first");
    assert_settings_refused(NAME, "name:", NULL, "test.yaml:1: name: is empty; allowed: a text");
    assert_settings_refused(NAME, "name: [a]", NULL, "test.yaml:1: name: is a list; allowed: a text");
    spt_settings s = whole_settings(NAME, "name: 2024", NULL); /* reads like a number, and is a fine name */
    assert_string_equal(s.name, "2024");
    spt_settings_free(&s);
}

static void probes_are_checked_one_by_one(void **state) {
    (void)state;
    assert_settings_refused(MORE, "probes: {name: a}", NULL,
                            "test.yaml:5: probes: is a map; allowed: a list of maps with name and kind");
    assert_settings_refused(
        MORE, "probes:\n  - {name: a, kind: line, split: train, points: 2, samples: 8, radius: 1}\n  - {name: b}", NULL,
        "test.yaml:7: probes.1.kind: is missing; it is required");
    assert_settings_refused(
        MORE,
        "probes:\n  - {name: a, kind: line, split: train, points: 2, samples: 8, radius: 1}\n  - {name: a, kind: line, "
        "split: train, points: 2, "
        "samples: 8, radius: 1}",
        NULL, "test.yaml:7: probes.1.name: is a, as is that of probes.0; allowed: one probe of each name");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_config_has_the_defaults),
        cmocka_unit_test(optimizers_have_pytorch_s_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(sections_with_nothing_in_them_are_as_if_absent),
        cmocka_unit_test(required_keys_are_named_when_they_are_missing),
        cmocka_unit_test(unknown_keys_are_refused_with_the_known_ones),
        cmocka_unit_test(sections_must_be_maps),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(keys_of_another_optimizer_are_refused),
        cmocka_unit_test(name_must_do_as_a_file_name),
        cmocka_unit_test(probes_are_checked_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
