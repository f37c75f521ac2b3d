/* Nodes as others see them: access, and errors that say where. */
#include "config/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/tree.h"

spt_node_kind spt_node_get_kind(const spt_node *node) {
    return node->kind;
}

const char *spt_node_text(const spt_node *node) {
    return node->kind == SPT_NODE_SCALAR ? node->text : NULL;
}

size_t spt_node_count(const spt_node *node) {
    return node->count;
}

const spt_node *spt_node_item(const spt_node *list, size_t i) {
    return list->entries[i].value;
}

const char *spt_node_entry_key(const spt_node *map, size_t i) {
    return map->entries[i].key;
}

const spt_node *spt_node_entry_value(const spt_node *map, size_t i) {
    return map->entries[i].value;
}

const spt_node *spt_node_find(const spt_node *map, const char *key) {
    if (map == NULL || map->kind != SPT_NODE_MAP)
        return NULL;
    size_t i = spt_tree_index(map, key, strlen(key));
    return i < map->count ? map->entries[i].value : NULL;
}

/* ---- words for messages */

/* End text, which is too long for capacity (> 3), with dots; not in the middle of a character of UTF-8. */
static void cut(char *text, size_t capacity) {
    size_t end = capacity - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--;
    memcpy(text + end, "...", 4);
}

static void print(char *text, size_t capacity, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void print(char *text, size_t capacity, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, capacity, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length >= capacity)
        cut(text, capacity);
}

void spt_tree_place(const spt_node *node, char *place) {
    const spt_origin *origin = node->origin;
    if (origin->key != NULL) {
        char assignment[SPT_PLACE_CAPACITY - 16];
        print(assignment, sizeof assignment, "%s", origin->name);
        snprintf(place, SPT_PLACE_CAPACITY, "--set %s", assignment);
    } else {
        char name[SPT_PLACE_CAPACITY - 32];
        print(name, sizeof name, "%s", origin->name);
        snprintf(place, SPT_PLACE_CAPACITY, "%s:%zu", name, node->line);
    }
}

void spt_tree_path(const spt_node *node, char *path) {
    const spt_node *chain[SPT_TREE_MAX_DEPTH + 2];
    size_t depth = 0, length = 0;
    for (; node != NULL && node->parent != NULL && depth < SPT_TREE_MAX_DEPTH + 2; node = node->parent)
        chain[depth++] = node;
    path[0] = '\0';
    while (depth-- > 0 && length < SPT_PATH_CAPACITY - 8) { /* room for what cut needs */
        const char *dot = length > 0 ? "." : "";
        if (chain[depth]->key != NULL)
            print(path + length, SPT_PATH_CAPACITY - length, "%s%s", dot, chain[depth]->key);
        else
            print(path + length, SPT_PATH_CAPACITY - length, "%s%zu", dot, chain[depth]->index);
        length += strlen(path + length);
    }
}

void spt_tree_found(const spt_node *node, char *found) {
    if (node->kind == SPT_NODE_LIST) {
        print(found, SPT_FOUND_CAPACITY, node->count == 0 ? "an empty list" : "a list");
    } else if (node->kind == SPT_NODE_MAP) {
        print(found, SPT_FOUND_CAPACITY, "a map");
    } else if (spt_tree_is_null(node)) {
        print(found, SPT_FOUND_CAPACITY, "empty");
    } else {
        char text[SPT_FOUND_CAPACITY - 16];
        print(text, sizeof text, "%s", node->text);
        snprintf(found, SPT_FOUND_CAPACITY, node->quoted ? "the text \"%s\"" : "%s", text);
    }
}

/* Control characters must not reach a terminal through a message. */
static spt_status fail_clean(const char *place, const char *key, spt_error *err, const char *format,
                             va_list arguments) {
    char words[SPT_ERROR_CAPACITY];
    vsnprintf(words, sizeof words, format, arguments);
    spt_fail(err, SPT_ECONFIG, "%s: %s%s%s", place, key, key[0] != '\0' ? ": " : "", words);
    if (err != NULL)
        for (char *c = err->message; *c != '\0'; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7F)
                *c = ' ';
    return SPT_ECONFIG;
}

spt_status spt_node_fail(const spt_node *node, spt_error *err, const char *format, ...) {
    char place[SPT_PLACE_CAPACITY], path[SPT_PATH_CAPACITY];
    spt_tree_place(node, place);
    spt_tree_path(node, path);
    /* An assignment names its key already. */
    if (node->origin->key != NULL && strcmp(node->origin->key, path) == 0)
        path[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    spt_status status = fail_clean(place, path, err, format, arguments);
    va_end(arguments);
    return status;
}

spt_status spt_tree_fail_at(const spt_node *node, const char *key, spt_error *err, const char *format, ...) {
    char place[SPT_PLACE_CAPACITY], path[SPT_PATH_CAPACITY];
    spt_tree_place(node, place);
    print(path, sizeof path, "%s", key);
    if (node->origin->key != NULL && strcmp(node->origin->key, path) == 0)
        path[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    spt_status status = fail_clean(place, path, err, format, arguments);
    va_end(arguments);
    return status;
}

spt_status spt_tree_fail_found(const spt_node *node, spt_error *err, const char *allowed) {
    char found[SPT_FOUND_CAPACITY];
    spt_tree_found(node, found);
    return spt_node_fail(node, err, "is %s; allowed: %s", found, allowed);
}

spt_status spt_config_fail(const spt_config *config, const char *key, spt_error *err, const char *format, ...) {
    char words[SPT_ERROR_CAPACITY];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    const spt_node *axis = spt_node_find(spt_node_find(config->root, "sweep"), key);
    const char *rest;
    if (axis != NULL)
        return spt_node_fail(axis, err, "%s", words);
    return spt_tree_fail_at(spt_tree_follow(config->root, key, &rest), key, err, "%s", words);
}
