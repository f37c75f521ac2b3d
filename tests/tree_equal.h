/* Whether two trees say the same: kinds, keys and their order, and scalars with their meaning (3 is not "3"). */
#ifndef SPT_TESTS_TREE_EQUAL_H
#define SPT_TESTS_TREE_EQUAL_H

#include <string.h>

#include "config/tree.h"

static inline bool trees_equal(const spt_node *a, const spt_node *b) {
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == SPT_NODE_SCALAR)
        return strcmp(a->text, b->text) == 0 && spt_tree_is_typed(a) == spt_tree_is_typed(b);
    for (size_t i = 0; i < a->count; i++) {
        if (a->kind == SPT_NODE_MAP && strcmp(a->entries[i].key, b->entries[i].key) != 0)
            return false;
        if (!trees_equal(a->entries[i].value, b->entries[i].value))
            return false;
    }
    return true;
}

#endif
