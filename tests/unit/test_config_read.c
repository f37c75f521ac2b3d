/* Typed reading: which scalar is which, ranges, and the words of refusal. */
#include "unit/config_case.h"

#include <locale.h>
#include <math.h>

#include "config/node.h"
#include "config/number.h"
#include "config/tree.h"

static spt_config *config;
static spt_error err;

/* `k: SCALAR` at line 2 of a map m. */
static const spt_node *map_with(const char *scalar) {
    char text[256];
    spt_config_free(config);
    config = NULL;
    snprintf(text, sizeof text, "m:\n  k: %s\n", scalar);
    config = config_of(text);
    err = (spt_error){0};
    return spt_node_find(config->root, "m");
}

static int forget(void **state) {
    (void)state;
    spt_config_free(config);
    config = NULL;
    return 0;
}

static void missing_keys_leave_the_defaults(void **state) {
    (void)state;
    const spt_node *maps[] = {map_with("1"), NULL};
    for (int i = 0; i < 2; i++) {
        size_t size = 7, choice = 6, n = 5;
        uint32_t u32 = 4;
        double real = 3.0, *reals = NULL;
        bool yes = true;
        char *text = NULL;
        const char *const words[] = {"a"};
        assert_int_equal(spt_node_size(maps[i], "x", 0, 1, &size, &err), SPT_OK);
        assert_int_equal(spt_node_u32(maps[i], "x", &u32, &err), SPT_OK);
        assert_int_equal(spt_node_real(maps[i], "x", 0, 1, &real, &err), SPT_OK);
        assert_int_equal(spt_node_bool(maps[i], "x", &yes, &err), SPT_OK);
        assert_int_equal(spt_node_choice(maps[i], "x", words, 1, &choice, &err), SPT_OK);
        assert_int_equal(spt_node_string(maps[i], "x", &text, &err), SPT_OK);
        assert_int_equal(spt_node_reals(maps[i], "x", 0, 1, &reals, &n, &err), SPT_OK);
        assert_true(size == 7 && choice == 6 && n == 5 && u32 == 4 && real == 3.0 && yes && !text && !reals);
    }
}

static void integers_are_decimal_and_in_range(void **state) {
    (void)state;
    const struct {
        const char *scalar;
        size_t value;
    } good[] = {{"0", 0}, {"16384", 16384}, {"+3", 3}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t value = 99;
        assert_int_equal(spt_node_size(map_with(good[i].scalar), "k", 0, 16384, &value, &err), SPT_OK);
        assert_int_equal(value, good[i].value);
    }
    static const char *const bad[] = {
        "-1", "16385", "3.0", "1e3", "0x10", "1_000", "007", "one", "3 4", "-x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[160];
        size_t value = 99;
        snprintf(message, sizeof message, "test.yaml:2: m.k: is %s; allowed: integers 0 to 16384", bad[i]);
        assert_error(spt_node_size(map_with(bad[i]), "k", 0, 16384, &value, &err), &err, message);
        assert_int_equal(value, 99);
    }
    size_t value;
    assert_error(spt_node_size(map_with("1"), "k", 2, SIZE_MAX, &value, &err), &err,
                 "test.yaml:2: m.k: is 1; allowed: integers of at least 2");
}

static void what_is_not_a_plain_scalar_is_no_number(void **state) {
    (void)state;
    size_t value;
    double real;
    assert_error(spt_node_size(map_with("'3'"), "k", 0, 9, &value, &err), &err,
                 "test.yaml:2: m.k: is the text \"3\"; allowed: integers 0 to 9");
    assert_error(spt_node_real(map_with("\"3\""), "k", 0, 9, &real, &err), &err,
                 "test.yaml:2: m.k: is the text \"3\"; allowed: 0 to 9");
    assert_error(spt_node_size(map_with("[3]"), "k", 0, 9, &value, &err), &err,
                 "test.yaml:2: m.k: is a list; allowed: integers 0 to 9");
    assert_error(spt_node_size(map_with("[]"), "k", 0, 9, &value, &err), &err,
                 "test.yaml:2: m.k: is an empty list; allowed: integers 0 to 9");
    assert_error(spt_node_real(map_with("{a: 3}"), "k", 0, 9, &real, &err), &err,
                 "test.yaml:2: m.k: is a map; allowed: 0 to 9");
    assert_error(spt_node_real(map_with(""), "k", 0, 9, &real, &err), &err,
                 "test.yaml:2: m.k: is empty; allowed: 0 to 9");
}

static void seeds_have_32_bits(void **state) {
    (void)state;
    uint32_t seed = 1;
    assert_int_equal(spt_node_u32(map_with("4294967295"), "k", &seed, &err), SPT_OK);
    assert_int_equal(seed, UINT32_MAX);
    assert_error(spt_node_u32(map_with("4294967296"), "k", &seed, &err), &err,
                 "test.yaml:2: m.k: is 4294967296; allowed: integers 0 to 4294967295");
    assert_int_equal(seed, UINT32_MAX);
}

static void reals_have_the_value_that_is_written(void **state) {
    (void)state;
    const struct {
        const char *scalar;
        double value;
    } good[] = {{"3", 3}, {"-0.5", -0.5}, {".5", 0.5}, {"5.", 5}, {"+1e-3", 1e-3}, {"1E+2", 100}, {"2.5e1", 25}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double value = 99;
        assert_int_equal(spt_node_real(map_with(good[i].scalar), "k", -SPT_NO_BOUND, SPT_NO_BOUND, &value, &err),
                         SPT_OK);
        assert_true(value == good[i].value);
    }
    static const char *const bad[] = {"fast",  ".inf", "-.inf", ".nan", "nan", "inf", "1e999",
                                      "0x1p3", "1e",   "1.2.3", ".",    "1,5", "--1", "true"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[160];
        double value = 99;
        snprintf(message, sizeof message, "test.yaml:2: m.k: is %s; allowed: numbers", bad[i]);
        assert_error(spt_node_real(map_with(bad[i]), "k", -SPT_NO_BOUND, SPT_NO_BOUND, &value, &err), &err, message);
        assert_true(value == 99);
    }
}

static void ranges_of_reals_are_told_in_words(void **state) {
    (void)state;
    const struct {
        double min, max;
        const char *scalar, *allowed;
    } cases[] = {
        {0, 1, "1.5", "0 to 1"},
        {0, 0.25, "-0.1", "0 to 0.25"},
        {SPT_ABOVE_ZERO, SPT_NO_BOUND, "0", "numbers above 0"},
        {SPT_ABOVE_ZERO, INFINITY, "0", "numbers above 0"},
        {2, SPT_NO_BOUND, "1", "numbers of at least 2"},
        {-SPT_NO_BOUND, -1, "0", "numbers of at most -1"},
        {0, SPT_BELOW_ONE, "1", "at least 0, below 1"},
        {SPT_ABOVE_ZERO, SPT_BELOW_ONE, "0", "above 0, below 1"},
        {SPT_ABOVE_ZERO, 8, "9", "above 0, at most 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[160];
        double value = 99;
        snprintf(message, sizeof message, "test.yaml:2: m.k: is %s; allowed: %s", cases[i].scalar, cases[i].allowed);
        assert_error(spt_node_real(map_with(cases[i].scalar), "k", cases[i].min, cases[i].max, &value, &err), &err,
                     message);
    }
}

static void booleans_are_true_and_false(void **state) {
    (void)state;
    bool value = false;
    assert_int_equal(spt_node_bool(map_with("true"), "k", &value, &err), SPT_OK);
    assert_true(value);
    assert_int_equal(spt_node_bool(map_with("false"), "k", &value, &err), SPT_OK);
    assert_false(value);
    assert_error(spt_node_bool(map_with("yes"), "k", &value, &err), &err,
                 "test.yaml:2: m.k: is yes; allowed: true, false");
    assert_error(spt_node_bool(map_with("'true'"), "k", &value, &err), &err,
                 "test.yaml:2: m.k: is the text \"true\"; allowed: true, false");
}

static void choices_list_the_words(void **state) {
    (void)state;
    const char *const words[] = {"sgd", "adam"};
    size_t choice = 9;
    assert_int_equal(spt_node_choice(map_with("adam"), "k", words, 2, &choice, &err), SPT_OK);
    assert_int_equal(choice, 1);
    assert_int_equal(spt_node_choice(map_with("'sgd'"), "k", words, 2, &choice, &err), SPT_OK);
    assert_int_equal(choice, 0);
    assert_error(spt_node_choice(map_with("Adam"), "k", words, 2, &choice, &err), &err,
                 "test.yaml:2: m.k: is Adam; allowed: sgd, adam");
    assert_error(spt_node_choice(map_with("[sgd]"), "k", words, 2, &choice, &err), &err,
                 "test.yaml:2: m.k: is a list; allowed: sgd, adam");
}

static void texts_are_copied(void **state) {
    (void)state;
    char *text = NULL;
    assert_int_equal(spt_node_string(map_with("a b"), "k", &text, &err), SPT_OK);
    assert_string_equal(text, "a b");
    free(text);
    assert_int_equal(spt_node_string(map_with("''"), "k", &text, &err), SPT_OK);
    assert_string_equal(text, "");
    free(text);
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        assert_error(spt_node_string(map_with(nothing[i]), "k", &text, &err), &err,
                     "test.yaml:2: m.k: is empty; allowed: a text");
    assert_error(spt_node_string(map_with("{}"), "k", &text, &err), &err,
                 "test.yaml:2: m.k: is a map; allowed: a text");
}

static void lists_of_reals_may_be_one_scalar(void **state) {
    (void)state;
    double *values = NULL;
    size_t n = 0;
    assert_int_equal(spt_node_reals(map_with("[1, 2.5, -3]"), "k", -9, 9, &values, &n, &err), SPT_OK);
    assert_int_equal(n, 3);
    assert_true(values[0] == 1.0 && values[1] == 2.5 && values[2] == -3.0);
    free(values);
    assert_int_equal(spt_node_reals(map_with("4"), "k", -9, 9, &values, &n, &err), SPT_OK);
    assert_int_equal(n, 1);
    assert_true(values[0] == 4.0);
    free(values);
    assert_error(spt_node_reals(map_with("[1, 10]"), "k", -9, 9, &values, &n, &err), &err,
                 "test.yaml:2: m.k.1: is 10; allowed: -9 to 9");
    assert_error(spt_node_reals(map_with("[]"), "k", -9, 9, &values, &n, &err), &err,
                 "test.yaml:2: m.k: is an empty list; allowed: a number, or a list of at least one");
}

static void unknown_key_is_refused_with_the_known_ones(void **state) {
    (void)state;
    const char *const keys[] = {"width", "init"};
    assert_error(spt_node_only(map_with("1"), keys, 2, &err), &err,
                 "test.yaml:2: m.k: is not a known key; allowed: width, init");
    assert_error(spt_node_only(spt_node_find(map_with("1"), "k"), keys, 2, &err), &err,
                 "test.yaml:2: m.k: is 1; allowed: a map with the keys width, init");
    assert_int_equal(spt_node_only(map_with("1"), (const char *const[]){"j", "k"}, 2, &err), SPT_OK);
}

static void required_key_is_named_when_it_is_missing(void **state) {
    (void)state;
    const spt_node *value = NULL;
    assert_error(spt_node_require(map_with("1"), "lr", &value, &err), &err,
                 "test.yaml:1: m.lr: is missing; it is required");
    assert_error(spt_node_require(config->root, "name", &value, &err), &err,
                 "test.yaml:1: name: is missing; it is required");
    assert_int_equal(spt_node_require(map_with("1"), "k", &value, &err), SPT_OK);
    assert_string_equal(spt_node_text(value), "1");
}

static void messages_are_one_line_without_control_characters_and_bounded(void **state) {
    (void)state;
    size_t value;
    assert_error(spt_node_size(map_with("\"a\\n\\e[31mb\""), "k", 0, 9, &value, &err), &err,
                 "test.yaml:2: m.k: is the text \"a  [31mb\"; allowed: integers 0 to 9");
    char name[2000];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    spt_config *long_name = NULL;
    err = (spt_error){0};
    assert_int_equal(spt_config_parse(name, "", 0, &long_name, &err), SPT_ECONFIG);
    assert_true(strlen(err.message) < SPT_ERROR_CAPACITY);
    assert_int_equal(spt_config_parse(name, "a: 1", 4, &long_name, &err), SPT_OK);
    spt_node_fail(spt_node_find(long_name->root, "a"), &err, "is wrong; allowed: 2");
    assert_non_null(strstr(err.message, "...:1: a: is wrong; allowed: 2"));
    spt_config_free(long_name);
}

static void long_scalars_are_cut_between_characters(void **state) {
    (void)state;
    char scalar[200] = "";
    size_t value;
    for (int i = 0; i < 60; i++)
        strcat(scalar, "\xc3\xa9");
    spt_node_size(map_with(scalar), "k", 0, 9, &value, &err);
    const char *dots = strstr(err.message, "...");
    assert_non_null(dots);
    assert_memory_equal(dots - 2, "\xc3\xa9", 2);
}

/* Lengths around the room that a message has for a path, in one key and in the next. */
static void long_paths_are_cut(void **state) {
    (void)state;
    for (size_t length = 1; length < 400; length++) {
        char text[1024] = "", *end = text;
        memset(end, 'k', length);
        end += length;
        strcpy(end, ": {a\xc3\xa9: {bcd: 1}}");
        spt_config *c = config_of(text);
        const spt_node *node = spt_node_entry_value(c->root, 0);
        node = spt_node_entry_value(spt_node_entry_value(node, 0), 0);
        spt_node_fail(node, &err, "is odd");
        assert_non_null(strstr(err.message, length < 200 ? ".a\xc3\xa9.bcd: is odd" : ": is odd"));
        assert_true(strlen(err.message) < 300);
        spt_config_free(c);
    }
}

static void later_checks_fail_at_the_key_or_the_axis(void **state) {
    (void)state;
    spt_config *c = config_of("train:\n  batch: 9\nsweep:\n  model.width: [1, 2]\n");
    err = (spt_error){0};
    assert_error(spt_config_fail(c, "train.batch", &err, "is %d", 9), &err, "test.yaml:2: train.batch: is 9");
    assert_error(spt_config_fail(c, "train.loss", &err, "is odd"), &err, "test.yaml:1: train.loss: is odd");
    assert_error(spt_config_fail(c, "model.width", &err, "is odd"), &err, "test.yaml:4: sweep.model.width: is odd");
    assert_error(spt_config_fail(c, "data.seed", &err, "is odd"), &err, "test.yaml:1: data.seed: is odd");
    set(c, "train.batch=12");
    assert_error(spt_config_fail(c, "train.batch", &err, "is %d", 12), &err, "--set train.batch=12: is 12");
    set(c, "data={}");
    assert_error(spt_config_fail(c, "data.seed", &err, "is odd"), &err, "--set data={}: data.seed: is odd");
    spt_config_free(c);
}

static void numbers_do_not_depend_on_the_locale(void **state) {
    (void)state;
    static const char *const comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8", "de_DE"};
    bool found = false;
    for (size_t i = 0; i < sizeof comma / sizeof *comma && !found; i++)
        found = setlocale(LC_ALL, comma[i]) != NULL;
    double value = 0.0;
    char text[SPT_NUMBER_CAPACITY];
    bool read = spt_number_real("1.5", &value);
    spt_number_print(2.25, text);
    setlocale(LC_ALL, "C");
    assert_true(read && value == 1.5);
    assert_string_equal(text, "2.25");
    if (!found)
        skip(); /* no locale with another decimal point is installed here */
}

static void printed_numbers_read_back_as_themselves(void **state) {
    (void)state;
    const double values[] = {0.1, 1.0 / 3.0, 1e300, 5e-324, -0.0, 123456789.0, 0.1 + 0.2, DBL_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[SPT_NUMBER_CAPACITY];
        double back = 7.0;
        spt_number_print(values[i], text);
        assert_true(spt_number_real(text, &back));
        assert_memory_equal(&back, &values[i], sizeof back);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(missing_keys_leave_the_defaults, forget),
        cmocka_unit_test_teardown(integers_are_decimal_and_in_range, forget),
        cmocka_unit_test_teardown(what_is_not_a_plain_scalar_is_no_number, forget),
        cmocka_unit_test_teardown(seeds_have_32_bits, forget),
        cmocka_unit_test_teardown(reals_have_the_value_that_is_written, forget),
        cmocka_unit_test_teardown(ranges_of_reals_are_told_in_words, forget),
        cmocka_unit_test_teardown(booleans_are_true_and_false, forget),
        cmocka_unit_test_teardown(choices_list_the_words, forget),
        cmocka_unit_test_teardown(texts_are_copied, forget),
        cmocka_unit_test_teardown(lists_of_reals_may_be_one_scalar, forget),
        cmocka_unit_test_teardown(unknown_key_is_refused_with_the_known_ones, forget),
        cmocka_unit_test_teardown(required_key_is_named_when_it_is_missing, forget),
        cmocka_unit_test_teardown(messages_are_one_line_without_control_characters_and_bounded, forget),
        cmocka_unit_test_teardown(long_scalars_are_cut_between_characters, forget),
        cmocka_unit_test(long_paths_are_cut),
        cmocka_unit_test(later_checks_fail_at_the_key_or_the_axis),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(printed_numbers_read_back_as_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
