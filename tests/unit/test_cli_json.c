/* JSON as the command line writes it. tests/cli/test_bench.py reads whole documents back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/json.h"

static char path[] = "/tmp/spectrain-json-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

static void assert_file(const char *expected) {
    char found[1024] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(found, 1, sizeof found - 1, file);
    found[length] = '\0';
    fclose(file);
    assert_string_equal(found, expected);
}

static void objects_arrays_and_their_commas_nest(void **state) {
    (void)state;
    spt_json *json = NULL;
    spt_error err;
    assert_int_equal(spt_json_open(path, &json, &err), SPT_OK);
    spt_json_text(json, "a", "x");
    spt_json_array(json, "b");
    spt_json_number(json, NULL, 1);
    spt_json_object(json, NULL);
    spt_json_end(json);
    spt_json_number(json, NULL, 2);
    spt_json_end(json);
    spt_json_number(json, "c", 0.5);
    assert_int_equal(spt_json_close(json, &err), SPT_OK);
    assert_file("{\n \"a\": \"x\",\n \"b\": [\n  1,\n  {},\n  2\n ],\n \"c\": 0.5\n}\n");
}

static void numbers_read_back_to_the_same_and_what_is_none_is_null(void **state) {
    (void)state;
    spt_json *json = NULL;
    spt_error err;
    assert_int_equal(spt_json_open(path, &json, &err), SPT_OK);
    spt_json_array(json, "n");
    spt_json_number(json, NULL, 0.1);
    spt_json_number(json, NULL, 1.0 / 3.0);
    spt_json_number(json, NULL, 1e300);
    spt_json_number(json, NULL, NAN);
    spt_json_number(json, NULL, -INFINITY);
    assert_int_equal(spt_json_close(json, &err), SPT_OK); /* ends what is open */
    assert_file("{\n \"n\": [\n  0.1,\n  0.3333333333333333,\n  1e+300,\n  null,\n  null\n ]\n}\n");
}

static void text_is_escaped(void **state) {
    (void)state;
    spt_json *json = NULL;
    spt_error err;
    assert_int_equal(spt_json_open(path, &json, &err), SPT_OK);
    spt_json_text(json, "a\"b", "c\\d\ne\x7f");
    assert_int_equal(spt_json_close(json, &err), SPT_OK);
    assert_file("{\n \"a\\\"b\": \"c\\\\d\\u000ae\\u007f\"\n}\n");
}

static void what_is_abandoned_is_taken_away(void **state) {
    (void)state;
    spt_json *json = NULL;
    spt_error err;
    assert_int_equal(spt_json_open(path, &json, &err), SPT_OK);
    spt_json_abandon(json);
    assert_int_equal(access(path, F_OK), -1);
}

static void without_a_file_nothing_is_written_and_nothing_fails(void **state) {
    (void)state;
    spt_json *json = NULL;
    spt_error err;
    assert_int_equal(spt_json_open(NULL, &json, &err), SPT_OK);
    assert_null(json);
    spt_json_object(json, "a");
    spt_json_array(json, "a");
    spt_json_number(json, "a", 1);
    spt_json_text(json, "a", "a");
    spt_json_end(json);
    spt_json_abandon(json);
    assert_int_equal(spt_json_close(json, &err), SPT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_arrays_and_their_commas_nest),
        cmocka_unit_test(numbers_read_back_to_the_same_and_what_is_none_is_null),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(what_is_abandoned_is_taken_away),
        cmocka_unit_test(without_a_file_nothing_is_written_and_nothing_fails),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
