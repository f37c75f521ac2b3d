/* YAML as a document: what is read, and what is refused with its line. */
#include "unit/config_case.h"

#include <unistd.h>

#include "config/node.h"
#include "config/tree.h"

#define REFUSED(text, message) assert_text_refused(text, sizeof(text) - 1, message)

static void maps_lists_and_scalars_keep_their_lines(void **state) {
    (void)state;
    spt_config *config = config_of("# a comment\na: 1\n\nb:\n  - x\n  - {c: 2}\n");
    const spt_node *b = spt_node_find(config->root, "b");
    assert_int_equal(spt_node_count(config->root), 2);
    assert_string_equal(spt_node_entry_key(config->root, 0), "a");
    assert_string_equal(spt_node_text(spt_node_entry_value(config->root, 0)), "1");
    assert_int_equal(spt_node_find(config->root, "a")->line, 2);
    assert_int_equal(spt_node_get_kind(b), SPT_NODE_LIST);
    assert_int_equal(b->line, 4);
    assert_int_equal(spt_node_item(b, 0)->line, 5);
    assert_int_equal(spt_node_find(spt_node_item(b, 1), "c")->line, 6);
    assert_null(spt_node_text(b));
    assert_null(spt_node_find(config->root, "c"));
    assert_null(spt_node_find(NULL, "a"));
    spt_config_free(config);
}

static void empty_documents_are_refused(void **state) {
    (void)state;
    REFUSED("", "test.yaml:1: is empty; expected a map of settings");
    REFUSED("# nothing\n", "test.yaml:1: is empty; expected a map of settings");
    REFUSED("--- ~", "test.yaml:1: the document is empty; expected a map of settings");
}

static void documents_that_are_not_a_map_are_refused(void **state) {
    (void)state;
    REFUSED("- 1\n", "test.yaml:1: the document is a list; expected a map of settings");
    REFUSED("\nname", "test.yaml:2: the document is name; expected a map of settings");
}

static void second_document_is_refused(void **state) {
    (void)state;
    REFUSED("a: 1\n---\nb: 2\n", "test.yaml:2: a second document; expected one");
}

static void broken_yaml_is_refused_with_line_and_column(void **state) {
    (void)state;
    REFUSED("a: 1\nb: [1, 2\n", "test.yaml:3: not YAML: did not find expected ',' or ']' (column 1)");
    REFUSED("a: 1\nb: c: d\n", "test.yaml:2: not YAML: mapping values are not allowed in this context (column 5)");
    REFUSED("a: \"x\n", "test.yaml:2: not YAML: found unexpected end of stream (column 1)");
    REFUSED("a:\n\t- 1\n", "test.yaml:2: not YAML: found character that cannot start any token (column 1)");
}

static void duplicate_key_is_refused_with_both_lines(void **state) {
    (void)state;
    REFUSED("a: 1\nb: {c: 1,\n    c: 2}\n", "test.yaml:3: b.c: is there twice; the first is on line 2");
    REFUSED("a: 1\n'a': 2\n", "test.yaml:2: a: is there twice; the first is on line 1");
}

static void keys_that_are_not_texts_are_refused(void **state) {
    (void)state;
    REFUSED("a: 1\n? [b]\n: 2\n", "test.yaml:2: a key that is not a text");
    REFUSED("a: 1\n? {b: c}\n: 2\n", "test.yaml:2: a key that is not a text");
    REFUSED("'': 1\n", "test.yaml:1: an empty key");
}

static void anchors_aliases_and_tags_are_refused(void **state) {
    (void)state;
    REFUSED("a: &x 1\n", "test.yaml:1: anchors (&name) are not supported; write the value out where it is used");
    REFUSED("a: &x [1]\n", "test.yaml:1: anchors (&name) are not supported; write the value out where it is used");
    REFUSED("a: 1\nb: *x\n", "test.yaml:2: aliases (*name) are not supported; write the value out where it is used");
    REFUSED("a: !!str 1\n", "test.yaml:1: tags (!name) are not supported");
    REFUSED("a: !new {}\n", "test.yaml:1: tags (!name) are not supported");
}

static void bytes_that_are_not_text_are_refused(void **state) {
    (void)state;
    REFUSED("a: 1\nb: \xff\n", "test.yaml:2: not YAML: invalid leading UTF-8 octet (byte 8); expected text in UTF-8");
    REFUSED("a: 1\nb: \0\n", "test.yaml:2: not YAML: control characters are not allowed (byte 8); expected text in "
                             "UTF-8");
    REFUSED("\x89HDF\r\n", "test.yaml:1: not YAML: invalid leading UTF-8 octet (byte 0); expected text in UTF-8");
    REFUSED("a: \"x\\0y\"\n", "test.yaml:1: a text with a NUL character");
    REFUSED("\"a\\0\": 1\n", "test.yaml:1: a key with a NUL character");
}

static void byte_order_mark_of_utf8_is_skipped(void **state) {
    (void)state;
    spt_config *config = config_of("\xef\xbb\xbfname: z\xc3\xbcrich\n");
    assert_string_equal(spt_node_text(spt_node_find(config->root, "name")), "z\xc3\xbcrich");
    spt_config_free(config);
}

/* Levels of nesting: the root map is the first, the innermost scalar the last. */
static char *nested(size_t levels) {
    char *text = calloc(1, 2 * levels + 8);
    assert_non_null(text);
    strcpy(text, "a: ");
    for (size_t i = 0; i < levels - 2; i++)
        strcat(text, "[");
    strcat(text, "1");
    for (size_t i = 0; i < levels - 2; i++)
        strcat(text, "]");
    return text;
}

static void nesting_is_allowed_to_32_levels(void **state) {
    (void)state;
    char *deep = nested(32), *deeper = nested(33), *abyss = nested(100000);
    spt_config *config = config_of(deep);
    assert_int_equal(spt_tree_depth(config->root), 32);
    assert_text_refused(deeper, strlen(deeper), "test.yaml:1: nesting deeper than 32 levels");
    assert_text_refused(abyss, strlen(abyss), "test.yaml:1: nesting deeper than 32 levels");
    spt_config_free(config);
    free(deep);
    free(deeper);
    free(abyss);
}

static void documents_beyond_all_use_are_refused(void **state) {
    (void)state;
    size_t bytes = ((size_t)4 << 20) + 2;
    char *text = malloc(bytes);
    assert_non_null(text);
    memset(text, '#', bytes);
    assert_text_refused(text, bytes, "test.yaml:1: more than 4 MiB; too large for a configuration");

    size_t length = (size_t)sprintf(text, "a: [");
    for (int i = 0; i < 200000; i++)
        length += (size_t)sprintf(text + length, "1,");
    length += (size_t)sprintf(text + length, "]");
    assert_text_refused(text, length, "test.yaml:1: a document of more than 200000 values");

    length = 0;
    for (int i = 0; i < 257; i++)
        length += (size_t)sprintf(text + length, "k%d: 1\n", i);
    assert_text_refused(text, length, "test.yaml:257: a map of more than 256 keys");
    free(text);
}

static void file_is_read_and_named_in_errors(void **state) {
    (void)state;
    char path[] = "/tmp/spectrain-config-XXXXXX", message[256];
    int file = mkstemp(path);
    assert_true(file >= 0);
    spt_error err = {0};
    spt_config *config = NULL;
    assert_int_equal(write(file, "a: 1\n", 5), 5);
    assert_int_equal(spt_config_load(path, &config, &err), SPT_OK);
    assert_string_equal(spt_node_text(spt_node_find(config->root, "a")), "1");
    spt_config_free(config);
    assert_int_equal(write(file, "a: 2\n", 5), 5);
    close(file);
    snprintf(message, sizeof message, "%s:2: a: is there twice; the first is on line 1", path);
    assert_error(spt_config_load(path, &config, &err), &err, message);
    unlink(path);
}

static void file_that_cannot_be_read_is_named_with_the_reason(void **state) {
    (void)state;
    spt_error err = {0};
    spt_config *config = NULL;
    assert_int_equal(spt_config_load("/nowhere/test.yaml", &config, &err), SPT_EIO);
    assert_string_equal(err.message, "/nowhere/test.yaml: cannot be read: No such file or directory");
    assert_int_equal(spt_config_load("/", &config, &err), SPT_EIO);
    assert_string_equal(err.message, "/: cannot be read: Is a directory");
    assert_null(config);
}

static void free_takes_null(void **state) {
    (void)state;
    spt_config_free(NULL);
    spt_axes_free(NULL);
    spt_settings_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_lists_and_scalars_keep_their_lines),
        cmocka_unit_test(empty_documents_are_refused),
        cmocka_unit_test(documents_that_are_not_a_map_are_refused),
        cmocka_unit_test(second_document_is_refused),
        cmocka_unit_test(broken_yaml_is_refused_with_line_and_column),
        cmocka_unit_test(duplicate_key_is_refused_with_both_lines),
        cmocka_unit_test(keys_that_are_not_texts_are_refused),
        cmocka_unit_test(anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(bytes_that_are_not_text_are_refused),
        cmocka_unit_test(byte_order_mark_of_utf8_is_skipped),
        cmocka_unit_test(nesting_is_allowed_to_32_levels),
        cmocka_unit_test(documents_beyond_all_use_are_refused),
        cmocka_unit_test(file_is_read_and_named_in_errors),
        cmocka_unit_test(file_that_cannot_be_read_is_named_with_the_reason),
        cmocka_unit_test(free_takes_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
