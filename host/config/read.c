/* Typed reading of maps: presence, type, range, and the words that say what is allowed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/number.h"
#include "config/tree.h"
#include "core/memory.h"

enum { ALLOWED_CAPACITY = 640 };

/* "a, b, c", cut when it gets too long. */
static void join(const char *const *words, size_t n, char *text) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t more = strlen(words[i]) + 2;
        if (length + more + 5 > ALLOWED_CAPACITY) {
            memcpy(text + length, ", ...", 6);
            return;
        }
        length += (size_t)snprintf(text + length, ALLOWED_CAPACITY - length, "%s%s", i > 0 ? ", " : "", words[i]);
    }
}

spt_status spt_node_only(const spt_node *map, const char *const *allowed, size_t n, spt_error *err) {
    char keys[ALLOWED_CAPACITY];
    join(allowed, n, keys);
    if (map->kind != SPT_NODE_MAP) {
        char found[SPT_FOUND_CAPACITY];
        spt_tree_found(map, found);
        return spt_node_fail(map, err, "is %s; allowed: a map with the keys %s", found, keys);
    }
    for (size_t e = 0; e < map->count; e++) {
        size_t i = 0;
        while (i < n && strcmp(map->entries[e].key, allowed[i]) != 0)
            i++;
        if (i == n)
            return spt_node_fail(map->entries[e].value, err, "is not a known key; allowed: %s", keys);
    }
    return SPT_OK;
}

spt_status spt_node_require(const spt_node *map, const char *key, const spt_node **value, spt_error *err) {
    const spt_node *found = spt_node_find(map, key);
    if (found == NULL) {
        char path[SPT_PATH_CAPACITY], whole[2 * SPT_PATH_CAPACITY];
        spt_tree_path(map, path);
        snprintf(whole, sizeof whole, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        return spt_tree_fail_at(map, whole, err, "is missing; it is required");
    }
    *value = found;
    return SPT_OK;
}

static bool plain_scalar(const spt_node *node) {
    return node->kind == SPT_NODE_SCALAR && !node->quoted;
}

spt_status spt_node_as_size(const spt_node *node, size_t min, size_t max, size_t *out, spt_error *err) {
    uint64_t value;
    if (!plain_scalar(node) || !spt_number_unsigned(node->text, &value) || value < min || value > max) {
        char allowed[96];
        if (max == SIZE_MAX)
            snprintf(allowed, sizeof allowed, "integers of at least %zu", min);
        else
            snprintf(allowed, sizeof allowed, "integers %zu to %zu", min, max);
        return spt_tree_fail_found(node, err, allowed);
    }
    *out = (size_t)value;
    return SPT_OK;
}

spt_status spt_node_size(const spt_node *map, const char *key, size_t min, size_t max, size_t *out, spt_error *err) {
    const spt_node *node = spt_node_find(map, key);
    return node == NULL ? SPT_OK : spt_node_as_size(node, min, max, out, err);
}

spt_status spt_node_u32(const spt_node *map, const char *key, uint32_t *out, spt_error *err) {
    size_t value = *out;
    spt_status status = spt_node_size(map, key, 0, UINT32_MAX, &value, err);
    *out = (uint32_t)value;
    return status;
}

/* "0 to 1", "above 0", "above 0, below 1", "at least 2", "numbers". */
static void describe_range(double min, double max, char *text, size_t capacity) {
    char low[SPT_NUMBER_CAPACITY], high[SPT_NUMBER_CAPACITY];
    bool from = min > -SPT_NO_BOUND, to = max < SPT_NO_BOUND;
    bool above = min == SPT_ABOVE_ZERO, below = max == SPT_BELOW_ONE;
    spt_number_print(above ? 0.0 : min, low);
    spt_number_print(below ? 1.0 : max, high);
    if (from && to && !above && !below)
        snprintf(text, capacity, "%s to %s", low, high);
    else if (from && to)
        snprintf(text, capacity, "%s %s, %s %s", above ? "above" : "at least", low, below ? "below" : "at most", high);
    else if (from)
        snprintf(text, capacity, "numbers %s %s", above ? "above" : "of at least", low);
    else if (to)
        snprintf(text, capacity, "numbers %s %s", below ? "below" : "of at most", high);
    else
        snprintf(text, capacity, "numbers");
}

spt_status spt_node_as_real(const spt_node *node, double min, double max, double *out, spt_error *err) {
    double value;
    if (!plain_scalar(node) || !spt_number_real(node->text, &value) || value < min || value > max) {
        char allowed[128];
        describe_range(min, max, allowed, sizeof allowed);
        return spt_tree_fail_found(node, err, allowed);
    }
    *out = value;
    return SPT_OK;
}

spt_status spt_node_real(const spt_node *map, const char *key, double min, double max, double *out, spt_error *err) {
    const spt_node *node = spt_node_find(map, key);
    return node == NULL ? SPT_OK : spt_node_as_real(node, min, max, out, err);
}

spt_status spt_node_bool(const spt_node *map, const char *key, bool *out, spt_error *err) {
    const spt_node *node = spt_node_find(map, key);
    if (node == NULL)
        return SPT_OK;
    bool yes = plain_scalar(node) && strcmp(node->text, "true") == 0;
    bool no = plain_scalar(node) && strcmp(node->text, "false") == 0;
    if (!yes && !no)
        return spt_tree_fail_found(node, err, "true, false");
    *out = yes;
    return SPT_OK;
}

spt_status spt_node_choice(const spt_node *map, const char *key, const char *const *words, size_t n, size_t *out,
                           spt_error *err) {
    const spt_node *node = spt_node_find(map, key);
    if (node == NULL)
        return SPT_OK;
    if (node->kind == SPT_NODE_SCALAR)
        for (size_t i = 0; i < n; i++)
            if (strcmp(node->text, words[i]) == 0) {
                *out = i;
                return SPT_OK;
            }
    char allowed[ALLOWED_CAPACITY];
    join(words, n, allowed);
    return spt_tree_fail_found(node, err, allowed);
}

spt_status spt_node_string(const spt_node *map, const char *key, char **out, spt_error *err) {
    const spt_node *node = spt_node_find(map, key);
    if (node == NULL)
        return SPT_OK;
    if (node->kind != SPT_NODE_SCALAR || spt_tree_is_null(node))
        return spt_tree_fail_found(node, err, "a text");
    char *copy = spt_text_copy(node->text);
    if (copy == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: out of memory", key);
    *out = copy;
    return SPT_OK;
}

spt_status spt_node_reals(const spt_node *map, const char *key, double min, double max, double **out, size_t *n,
                          spt_error *err) {
    const spt_node *node = spt_node_find(map, key);
    if (node == NULL)
        return SPT_OK;
    bool list = node->kind == SPT_NODE_LIST;
    size_t count = list ? node->count : 1;
    if (node->kind == SPT_NODE_MAP || count == 0)
        return spt_tree_fail_found(node, err, "a number, or a list of at least one");
    double *values = calloc(count, sizeof *values);
    if (values == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: out of memory", key);
    for (size_t i = 0; i < count; i++) {
        spt_status status = spt_node_as_real(list ? node->entries[i].value : node, min, max, &values[i], err);
        if (status != SPT_OK) {
            free(values);
            return status;
        }
    }
    *out = values;
    *n = count;
    return SPT_OK;
}
