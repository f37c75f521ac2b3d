/* --set: where an assignment goes, and what it may not do. */
#include "unit/config_case.h"

#include "config/node.h"
#include "config/tree.h"

static const char TEXT[] =
    "train:\n  batch: 100\n  optimizer: {lr: 0.1}\nprobes:\n  - {name: a, samples: 8}\n  - {name: "
    "b}\nsweep:\n  model.width: {geomspace: [2, 300, 20]}\n  train.seed: [0, 1]\nrecord:\n";

/* The text of the scalar that a chain of keys (or "#i" for items) leads to. */
static const char *text_at(const spt_node *node, const char *const *keys) {
    for (; *keys != NULL && node != NULL; keys++)
        node = (*keys)[0] == '#' ? spt_node_item(node, (size_t)atoi(*keys + 1)) : spt_node_find(node, *keys);
    return node != NULL ? spt_node_text(node) : NULL;
}

#define AT(config, ...) text_at((config)->root, (const char *const[]){__VA_ARGS__, NULL})

static void scalar_is_replaced(void **state) {
    (void)state;
    spt_config *config = config_of(TEXT);
    set(config, "train.optimizer.lr=0.25");
    assert_string_equal(AT(config, "train", "optimizer", "lr"), "0.25");
    assert_string_equal(AT(config, "train", "batch"), "100");
    set(config, "train.optimizer.lr=0.5");
    assert_string_equal(AT(config, "train", "optimizer", "lr"), "0.5");
    assert_int_equal(spt_node_count(spt_node_find(config->root, "train")), 2);
    spt_config_free(config);
}

static void value_is_yaml(void **state) {
    (void)state;
    spt_config *config = config_of(TEXT);
    set(config, "record={epochs: {every: 5}}");
    assert_string_equal(AT(config, "record", "epochs", "every"), "5");
    set(config, "a=x=y");
    assert_string_equal(AT(config, "a"), "x=y");
    set(config, "a=[1, {b: 2}]");
    assert_string_equal(AT(config, "a", "#1", "b"), "2");
    set(config, "a='3'");
    assert_false(spt_tree_is_typed(spt_node_find(config->root, "a")));
    spt_config_free(config);
}

static void missing_sections_are_made(void **state) {
    (void)state;
    spt_config *config = config_of(TEXT);
    set(config, "data.label_noise.fraction=0.2");
    assert_string_equal(AT(config, "data", "label_noise", "fraction"), "0.2");
    set(config, "record.epochs.every=3"); /* `record:` is there, with nothing in it */
    assert_string_equal(AT(config, "record", "epochs", "every"), "3");
    spt_config_free(config);
}

static void items_of_lists_are_reached_by_number(void **state) {
    (void)state;
    spt_config *config = config_of(TEXT);
    set(config, "probes.0.samples=256");
    set(config, "probes.1={name: c, samples: 2}");
    assert_string_equal(AT(config, "probes", "#0", "samples"), "256");
    assert_string_equal(AT(config, "probes", "#1", "name"), "c");
    spt_config_free(config);
    assert_set_refused(TEXT, "probes.2.samples=1", "--set probes.2.samples=1: probes is a list; its items are 0 to 1");
    assert_set_refused(TEXT, "probes.x=1", "--set probes.x=1: probes is a list; its items are 0 to 1");
    assert_set_refused("a: []", "a.0=1", "--set a.0=1: a is an empty list");
}

static void what_follows_sweep_is_one_key(void **state) {
    (void)state;
    spt_config *config = config_of(TEXT);
    set(config, "sweep.train.seed=[7, 8, 9]");
    set(config, "sweep.train.optimizer.lr=[0.1]");
    const spt_node *sweep = spt_node_find(config->root, "sweep");
    assert_int_equal(spt_node_count(sweep), 3);
    assert_int_equal(spt_node_count(spt_node_find(sweep, "train.seed")), 3);
    assert_string_equal(AT(config, "sweep", "train.optimizer.lr", "#0"), "0.1");
    spt_config_free(config);
    config = config_of("a: 1");
    set(config, "sweep.train.seed=[0, 1]");
    assert_string_equal(AT(config, "sweep", "train.seed", "#1"), "1");
    spt_config_free(config);
}

static void values_inside_of_an_axis_are_reached(void **state) {
    (void)state;
    spt_config *config = config_of(TEXT);
    set(config, "sweep.model.width.geomspace.2=5");
    set(config, "sweep.train.seed.0=3");
    assert_string_equal(AT(config, "sweep", "model.width", "geomspace", "#2"), "5");
    assert_string_equal(AT(config, "sweep", "train.seed", "#0"), "3");
    assert_int_equal(spt_node_count(spt_node_find(config->root, "sweep")), 2);
    spt_config_free(config);
}

static void assignments_without_key_or_value_are_refused(void **state) {
    (void)state;
    assert_set_refused(TEXT, "train.batch", "--set train.batch: has no \"=\"; expected KEY=VALUE");
    assert_set_refused(TEXT, "train.batch=", "--set train.batch=: has no value; expected KEY=VALUE");
    assert_set_refused(TEXT, "train.batch= # none", "--set train.batch= # none: has no value; expected KEY=VALUE");
    static const char *const bad[] = {"=1", ".a=1", "a.=1", "a..b=1", "a b=1", "\xff=1", "a\nb=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[160];
        snprintf(message, sizeof message,
                 "--set %s: is not an assignment to a key; expected KEY=VALUE with a key like train.optimizer.lr",
                 i == 6 ? "a b=1" : bad[i]);
        assert_set_refused(TEXT, bad[i], message);
    }
}

static void value_that_is_not_yaml_is_refused(void **state) {
    (void)state;
    assert_set_refused(TEXT, "a=[1", "--set a=[1: not YAML: did not find expected ',' or ']' (column 1)");
    assert_set_refused(TEXT, "a=&x 1",
                       "--set a=&x 1: anchors (&name) are not supported; write the value out where it is used");
    assert_set_refused(TEXT, "a={b: 1, b: 2}", "--set a={b: 1, b: 2}: b: is there twice");
}

static void scalar_does_not_become_a_section(void **state) {
    (void)state;
    assert_set_refused(TEXT, "train.batch.size=3",
                       "--set train.batch.size=3: train.batch is 100 (test.yaml:2) and has no keys of its own");
    spt_error err = {0};
    spt_config *config = config_of(TEXT);
    set(config, "train.loss=mse");
    assert_error(spt_config_set(config, "train.loss.kind=mse", &err), &err,
                 "--set train.loss.kind=mse: train.loss is mse (--set train.loss=mse) and has no keys of its own");
    spt_config_free(config);
}

static void refused_assignment_changes_nothing(void **state) {
    (void)state;
    static const char *const bad[] = {"x.y=[1", "train.batch.z=1", "probes.7=1", "train.loss="};
    spt_error err = {0};
    spt_config *config = config_of(TEXT);
    char *before = NULL, *after = NULL;
    size_t n_nodes = config->n_nodes;
    assert_int_equal(spt_config_text(config, &before, &err), SPT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(spt_config_set(config, bad[i], &err), SPT_ECONFIG);
    assert_int_equal(spt_config_text(config, &after, &err), SPT_OK);
    assert_string_equal(before, after);
    assert_int_equal(config->n_nodes, n_nodes);
    free(before);
    free(after);
    spt_config_free(config);
}

static void bounds_of_a_document_hold_for_assignments(void **state) {
    (void)state;
    spt_error err = {0};
    spt_config *config = config_of("a: 1");
    set(config, "b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b=1"); /* 31 keys, 32 levels */
    assert_int_equal(spt_tree_depth(config->root), 32);
    assert_int_equal(spt_config_set(config, "c.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b=[1]", &err),
                     SPT_ECONFIG);
    assert_non_null(strstr(err.message, "nesting deeper than 32 levels"));
    assert_int_equal(spt_config_set(config, "d.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b=1", &err),
                     SPT_ECONFIG);
    assert_non_null(strstr(err.message, "nesting deeper than 32 levels"));
    for (int i = 0; i < 254; i++) {
        char assignment[32];
        snprintf(assignment, sizeof assignment, "k%d=1", i);
        set(config, assignment);
    }
    assert_error(spt_config_set(config, "one.more=1", &err), &err, "--set one.more=1: a map of more than 256 keys");
    spt_config_free(config);
}

static void errors_about_a_value_name_the_assignment(void **state) {
    (void)state;
    spt_error err = {0};
    spt_config *config = config_of(TEXT);
    double lr;
    size_t every;
    set(config, "train.optimizer.lr=fast");
    const spt_node *train = spt_node_find(config->root, "train");
    assert_error(spt_node_real(spt_node_find(train, "optimizer"), "lr", 0, 1, &lr, &err), &err,
                 "--set train.optimizer.lr=fast: is fast; allowed: 0 to 1");
    set(config, "record={epochs: {every: 0}}");
    const spt_node *epochs = spt_node_find(spt_node_find(config->root, "record"), "epochs");
    assert_error(spt_node_size(epochs, "every", 1, 9, &every, &err), &err,
                 "--set record={epochs: {every: 0}}: record.epochs.every: is 0; allowed: integers 1 to 9");
    spt_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar_is_replaced),
        cmocka_unit_test(value_is_yaml),
        cmocka_unit_test(missing_sections_are_made),
        cmocka_unit_test(items_of_lists_are_reached_by_number),
        cmocka_unit_test(what_follows_sweep_is_one_key),
        cmocka_unit_test(values_inside_of_an_axis_are_reached),
        cmocka_unit_test(assignments_without_key_or_value_are_refused),
        cmocka_unit_test(value_that_is_not_yaml_is_refused),
        cmocka_unit_test(scalar_does_not_become_a_section),
        cmocka_unit_test(refused_assignment_changes_nothing),
        cmocka_unit_test(bounds_of_a_document_hold_for_assignments),
        cmocka_unit_test(errors_about_a_value_name_the_assignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
