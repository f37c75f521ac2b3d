#include "config/tree.h"

#include <stdlib.h>
#include <string.h>

#include "config/number.h"

/* Every block is its own malloc, so that a sanitizer sees the bounds of each. */
struct spt_pool_block {
    struct spt_pool_block *before;
    max_align_t data[];
};

void *spt_pool_alloc(spt_pool *pool, size_t size) {
    struct spt_pool_block *block = calloc(1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->before = pool->last;
    pool->last = block;
    return block->data;
}

char *spt_pool_text(spt_pool *pool, const char *text, size_t length) {
    char *copy = spt_pool_alloc(pool, length + 1);
    if (copy != NULL)
        memcpy(copy, text, length);
    return copy;
}

void spt_pool_free(spt_pool *pool) {
    while (pool->last != NULL) {
        struct spt_pool_block *before = pool->last->before;
        free(pool->last);
        pool->last = before;
    }
}

spt_node *spt_tree_node(spt_pool *pool, spt_node_kind kind, const spt_origin *origin, size_t line) {
    spt_node *node = spt_pool_alloc(pool, sizeof *node);
    if (node != NULL) {
        node->kind = kind;
        node->origin = origin;
        node->line = line;
    }
    return node;
}

static void adopt(spt_node *parent, size_t i, const char *key, spt_node *value) {
    parent->entries[i] = (spt_entry){key, value};
    value->parent = parent;
    value->key = key;
    value->index = i;
}

bool spt_tree_append(spt_pool *pool, spt_node *parent, const char *key, spt_node *value) {
    if (parent->count == parent->capacity) {
        size_t capacity = parent->capacity == 0 ? 4 : 2 * parent->capacity;
        spt_entry *entries = spt_pool_alloc(pool, capacity * sizeof *entries);
        if (entries == NULL)
            return false;
        if (parent->count > 0)
            memcpy(entries, parent->entries, parent->count * sizeof *entries);
        parent->entries = entries;
        parent->capacity = capacity;
    }
    adopt(parent, parent->count++, key, value);
    return true;
}

void spt_tree_replace(spt_node *parent, size_t i, spt_node *value) {
    adopt(parent, i, parent->entries[i].key, value);
}

size_t spt_tree_index(const spt_node *map, const char *key, size_t length) {
    size_t i = 0;
    while (i < map->count && (strncmp(map->entries[i].key, key, length) != 0 || map->entries[i].key[length] != '\0'))
        i++;
    return i;
}

const spt_node *spt_tree_follow(const spt_node *node, const char *key, const char **rest) {
    while (*key != '\0' && node->kind == SPT_NODE_MAP) {
        size_t length = strcspn(key, "."), i = spt_tree_index(node, key, length);
        if (i == node->count)
            break;
        node = node->entries[i].value;
        key += length + (key[length] == '.');
    }
    *rest = key;
    return node;
}

size_t spt_tree_depth(const spt_node *node) {
    size_t below = 0;
    for (size_t i = 0; i < node->count; i++) {
        size_t depth = spt_tree_depth(node->entries[i].value);
        if (depth > below)
            below = depth;
    }
    return below + 1;
}

bool spt_tree_is_null(const spt_node *node) {
    return node->kind == SPT_NODE_SCALAR && !node->quoted && strcmp(node->text, "null") == 0;
}

bool spt_tree_is_typed(const spt_node *node) {
    double real;
    if (node->kind != SPT_NODE_SCALAR || node->quoted)
        return false;
    return strcmp(node->text, "null") == 0 || strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0 ||
           spt_number_real(node->text, &real);
}
