/* --set: one assignment, put into the tree where its dotted key leads. */
#include <stdio.h>
#include <string.h>

#include "config/number.h"
#include "config/tree.h"

typedef struct assignment {
    spt_config *config;
    const spt_origin *origin;
    size_t n_segments;
    char *segments[SPT_TREE_MAX_DEPTH]; /* of the key, from the root down */
    spt_node *value;
    spt_error *err;
} assignment;

/* Entry `index` of `parent` is what segment `level` stands for; index is parent's count when there is none yet. */
typedef struct destination {
    spt_node *parent;
    size_t index, level;
} destination;

static spt_status fail(const assignment *a, const char *words) {
    spt_node place = {.origin = a->origin};
    return spt_tree_fail_at(&place, "", a->err, "%s", words);
}

static spt_status out_of_memory(const assignment *a) {
    return spt_fail(a->err, SPT_ENOMEM, "--set %s: out of memory", a->origin->name);
}

static bool is_key(const char *key) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return key[0] != '\0' && key[0] != '.' && strstr(key, "..") == NULL && key[strlen(key) - 1] != '.' &&
           key[strspn(key, allowed)] == '\0';
}

/* Bytes of the first segment of what follows "sweep.". Keys of `sweep` hold dots: all of it is one key, unless it
 * begins with an axis that is there and goes on into it ("model.width.geomspace.2"). */
static size_t axis_length(const spt_node *sweep, const char *key) {
    for (size_t i = 0; i < (sweep != NULL ? sweep->count : 0); i++) {
        const char *axis = spt_node_entry_key(sweep, i);
        size_t length = strlen(axis);
        if (strncmp(key, axis, length) == 0 && key[length] == '.')
            return length;
    }
    return strlen(key);
}

/* Cut key, which is changed, at its dots. */
static spt_status split(assignment *a, char *key) {
    const spt_node *sweep = spt_node_find(a->config->root, "sweep");
    while (key != NULL) {
        if (a->n_segments == SPT_TREE_MAX_DEPTH - 1)
            return fail(a, "nesting deeper than 32 levels");
        bool axis = a->n_segments == 1 && strcmp(a->segments[0], "sweep") == 0;
        size_t length = axis ? axis_length(sweep, key) : strcspn(key, ".");
        a->segments[a->n_segments++] = key;
        bool more = key[length] == '.';
        key[length] = '\0';
        key = more ? key + length + 1 : NULL;
    }
    return SPT_OK;
}

static spt_status parse_value(assignment *a, const char *text) {
    spt_status status = spt_tree_parse(&a->config->pool, a->origin, text, strlen(text),
                                       SPT_TREE_MAX_DEPTH - a->n_segments, &a->config->n_nodes, &a->value, a->err);
    if (status == SPT_OK && a->value == NULL)
        return fail(a, "has no value; expected KEY=VALUE");
    return status;
}

static spt_status find_item(const assignment *a, const spt_node *list, const char *segment, size_t *index) {
    uint64_t i;
    if (spt_number_unsigned(segment, &i) && i < list->count) {
        *index = (size_t)i;
        return SPT_OK;
    }
    char path[SPT_PATH_CAPACITY], found[SPT_FOUND_CAPACITY], words[2 * SPT_PATH_CAPACITY];
    spt_tree_path(list, path);
    spt_tree_found(list, found);
    if (list->count == 0)
        snprintf(words, sizeof words, "%s is %s", path, found);
    else
        snprintf(words, sizeof words, "%s is %s; its items are 0 to %zu", path, found, list->count - 1);
    return fail(a, words);
}

static spt_status fail_scalar(const assignment *a, const spt_node *scalar) {
    char path[SPT_PATH_CAPACITY], place[SPT_PLACE_CAPACITY], found[SPT_FOUND_CAPACITY];
    char words[SPT_PATH_CAPACITY + SPT_PLACE_CAPACITY + SPT_FOUND_CAPACITY + 32];
    spt_tree_path(scalar, path);
    spt_tree_place(scalar, place);
    spt_tree_found(scalar, found);
    snprintf(words, sizeof words, "%s is %s (%s) and has no keys of its own", path, found, place);
    return fail(a, words);
}

/* Follow the key as far as the tree goes. */
static spt_status walk(const assignment *a, destination *to) {
    *to = (destination){.parent = a->config->root};
    for (;; to->level++) {
        const char *segment = a->segments[to->level];
        if (to->parent->kind == SPT_NODE_MAP) {
            to->index = spt_tree_index(to->parent, segment, strlen(segment));
        } else {
            spt_status status = find_item(a, to->parent, segment, &to->index);
            if (status != SPT_OK)
                return status;
        }
        if (to->index == to->parent->count || to->level + 1 == a->n_segments)
            return SPT_OK;
        spt_node *child = to->parent->entries[to->index].value;
        if (spt_tree_is_null(child)) /* "record:" with nothing in it becomes a section */
            return SPT_OK;
        if (child->kind == SPT_NODE_SCALAR)
            return fail_scalar(a, child);
        to->parent = child;
    }
}

/* Put the value there, inside a map for every segment that the tree does not have yet. */
static spt_status put(assignment *a, const destination *to) {
    spt_pool *pool = &a->config->pool;
    spt_node *parent = to->parent, *node = a->value;
    bool there = to->index < parent->count;
    if (!there && parent->count == SPT_TREE_MAX_KEYS)
        return fail(a, "a map of more than 256 keys");
    a->config->n_nodes += a->n_segments - 1 - to->level;
    if (a->config->n_nodes > SPT_TREE_MAX_NODES)
        return fail(a, "a document of more than 200000 values");
    for (size_t i = a->n_segments - 1; i > to->level; i--) {
        spt_node *map = spt_tree_node(pool, SPT_NODE_MAP, a->origin, 1);
        if (map == NULL || !spt_tree_append(pool, map, a->segments[i], node))
            return out_of_memory(a);
        node = map;
    }
    if (there)
        spt_tree_replace(parent, to->index, node);
    else if (!spt_tree_append(pool, parent, a->segments[to->level], node))
        return out_of_memory(a);
    return SPT_OK;
}

spt_status spt_config_set(spt_config *config, const char *text, spt_error *err) {
    spt_pool *pool = &config->pool;
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : 0, n_nodes = config->n_nodes;
    const char *name = spt_pool_text(pool, text, strlen(text));
    char *key = spt_pool_text(pool, text, length), *segments = spt_pool_text(pool, text, length);
    spt_origin *origin = spt_pool_alloc(pool, sizeof *origin);
    if (name == NULL || key == NULL || segments == NULL || origin == NULL)
        return spt_fail(err, SPT_ENOMEM, "--set %s: out of memory", text);
    *origin = (spt_origin){.name = name, .key = key};
    assignment a = {.config = config, .origin = origin, .err = err};
    if (equals == NULL)
        return fail(&a, "has no \"=\"; expected KEY=VALUE");
    if (!is_key(key))
        return fail(&a, "is not an assignment to a key; expected KEY=VALUE with a key like train.optimizer.lr");
    destination to;
    spt_status status = split(&a, segments);
    if (status == SPT_OK)
        status = parse_value(&a, equals + 1);
    if (status == SPT_OK)
        status = walk(&a, &to);
    if (status == SPT_OK)
        status = put(&a, &to);
    if (status != SPT_OK)
        config->n_nodes = n_nodes;
    return status;
}
