/* The text of a config reads back as the same tree: values, types, order. */
#include "unit/config_case.h"

#include "tree_equal.h"

/* The text. The caller's: free. */
static char *text_of(const spt_config *config) {
    spt_error err = {0};
    char *text = NULL;
    if (spt_config_text(config, &text, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return text;
}

static void assert_round_trip(const spt_config *config) {
    char *text = text_of(config);
    spt_config *back = config_of(text);
    char *again = text_of(back);
    if (!trees_equal(config->root, back->root))
        fail_msg("another tree comes back from:\n%s", text);
    assert_string_equal(text, again);
    free(text);
    free(again);
    spt_config_free(back);
}

static void main_job_of_the_design_comes_back(void **state) {
    (void)state;
    spt_config *config = config_of(
        "name: double-descent-mnist1d\n"
        "data:   {source: mnist1d, train: 4000, test: 12000, seed: 42, label_noise: {kind: uniform, fraction: 0.15}}\n"
        "model:  {hidden_layers: 2, width: 64, init: pytorch}\n"
        "train:  {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.01, momentum: 0.9}, batch: 100, epochs: 500, seed: "
        "0}\n"
        "record: {epochs: {logspace: 40}, weights: {logspace: 12}}\n"
        "probes: [{name: line_train, kind: line, split: train, points: 100, samples: 128, radius: 3.0}]\n"
        "sweep:\n"
        "  model.width: {geomspace: [2, 300, 20]}\n"
        "  train.seed: [0, 1, 2]\n");
    assert_round_trip(config);
    set(config, "sweep.train.seed=[0, 1]");
    set(config, "train.optimizer.weight_decay=1e-4");
    set(config, "probes.0.samples=256");
    assert_round_trip(config);
    spt_config_free(config);
}

static void text_is_what_a_person_would_write(void **state) {
    (void)state;
    static const char written[] = "name: trial # once\n\n"
                                  "data: {source: mnist1d, train: 5}\n"
                                  "probes:\n"
                                  "  - name: a\n"
                                  "    kind: line\n"
                                  "sweep:\n"
                                  "  train.seed: [0,1]\n"
                                  "  model.width:\n"
                                  "  - 3\n"
                                  "record:\n";
    spt_config *config = config_of(written);
    char *text = text_of(config);
    assert_string_equal(text, "name: trial\n"
                              "data: {source: mnist1d, train: 5}\n"
                              "probes:\n"
                              "- name: a\n"
                              "  kind: line\n"
                              "sweep:\n"
                              "  train.seed: [0, 1]\n"
                              "  model.width:\n"
                              "  - 3\n"
                              "record: null\n");
    free(text);
    spt_config_free(config);
}

static void quoted_scalars_stay_texts_and_plain_ones_do_not_become_texts(void **state) {
    (void)state;
    static const char *const scalars[] = {
        "1",
        "'1'",
        "\"1\"",
        "0.5",
        "'0.5'",
        "true",
        "'true'",
        "\"true\"",
        "null",
        "~",
        "",
        "'null'",
        "''",
        "'~'",
        "yes",
        "'a'",
        "a b",
        "' a '",
        "\"a\\nb\"",
        "\"\\t\"",
        "'a: b'",
        "'# a'",
        "a#b",
        "-1",
        "'-'",
        "\"\\e\"",
        "\"[1]\"",
        "'{}'",
        "'*a'",
        "'&a'",
        "'!a'",
        "'%a'",
        "'@a'",
        "'a, b'",
        "'? a'",
        "'---'",
        "'...'",
        "|\n  x\n  y\n",
        ">\n  x\n  y\n",
        "\"\\u2028\"",
        "\"\\N\"",
        "z\xc3\xbcrich",
        "\"\\ufeffa\"",
        "'<<'",
        "=",
        "a\n  b",
        "a\n\n  b",
        "\"\\xa0\"",
        "1e5",
        "'a\n\n  b'",
        "\"\xf0\x9f\x8c\x8d\"",
    };
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        char text[128];
        snprintf(text, sizeof text, "k: %s\nz: 1\n", scalars[i]);
        spt_config *config = config_of(text);
        assert_round_trip(config);
        spt_config_free(config);
    }
}

static void plain_texts_keep_their_value_in_braces_too(void **state) {
    (void)state;
    spt_config *config = config_of("a: b, c\nd: {e: f}\n");
    set(config, "d.g=h, i ] {"); /* plain on its own, but not inside of braces */
    assert_round_trip(config);
    spt_config_free(config);
}

static void long_and_odd_keys_come_back(void **state) {
    (void)state;
    char text[700];
    memset(text, 'k', 600);
    strcpy(text + 600, ": 1\n'a: b': 2\n'- c': 3\n\"d\\ne\": 4\nnull: 5\n1: 6\n'#': 7\n");
    spt_config *config = config_of(text);
    assert_round_trip(config);
    spt_config_free(config);
}

static void empty_lists_and_maps_come_back(void **state) {
    (void)state;
    spt_config *config = config_of("a: []\nb: {}\nc: [[], {}, [[]]]\nd:\n  - []\n  - {}\n  -\n  - - 1\n    - e: 2\n");
    assert_round_trip(config);
    spt_config_free(config);
    config = config_of("{}");
    assert_round_trip(config);
    spt_config_free(config);
}

static void deepest_document_comes_back(void **state) {
    (void)state;
    spt_config *config = config_of("a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    assert_int_equal(spt_tree_depth(config->root), 32);
    assert_round_trip(config);
    spt_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_job_of_the_design_comes_back),
        cmocka_unit_test(text_is_what_a_person_would_write),
        cmocka_unit_test(quoted_scalars_stay_texts_and_plain_ones_do_not_become_texts),
        cmocka_unit_test(plain_texts_keep_their_value_in_braces_too),
        cmocka_unit_test(long_and_odd_keys_come_back),
        cmocka_unit_test(empty_lists_and_maps_come_back),
        cmocka_unit_test(deepest_document_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
