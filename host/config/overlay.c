#include "config/overlay.h"

#include <string.h>

/* A copy of a map that shares its entries' values. They keep the original as their parent, whose place and path are the
 * copy's as well. */
static spt_node *copy_map(spt_pool *pool, const spt_node *map) {
    spt_node *copy = spt_tree_node(pool, SPT_NODE_MAP, map->origin, map->line);
    spt_entry *entries = spt_pool_alloc(pool, (map->count + 1) * sizeof *entries);
    if (copy == NULL || entries == NULL)
        return NULL;
    if (map->count > 0)
        memcpy(entries, map->entries, map->count * sizeof *entries);
    *copy = *map;
    copy->copied = true;
    copy->entries = entries;
    copy->capacity = map->count + 1;
    return copy;
}

/* The map at key (of length bytes) of parent, itself a copy; as a copy, made now or for an earlier axis. place: that of
 * the axis. */
static spt_status enter(spt_pool *pool, spt_node *parent, const char *key, size_t length, const spt_node *place,
                        spt_node **map, spt_error *err) {
    size_t i = spt_tree_index(parent, key, length);
    spt_node *child = i < parent->count ? parent->entries[i].value : NULL, *copy;
    if (child != NULL && child->copied) {
        *map = child;
        return SPT_OK;
    }
    if (child != NULL && child->kind == SPT_NODE_MAP) {
        copy = copy_map(pool, child);
        if (copy != NULL)
            spt_tree_replace(parent, i, copy);
    } else if (child == NULL || spt_tree_is_null(child)) {
        copy = spt_tree_node(pool, SPT_NODE_MAP, place->origin, place->line);
        const char *own_key = spt_pool_text(pool, key, length);
        if (copy == NULL || own_key == NULL)
            copy = NULL;
        else if (child != NULL)
            spt_tree_replace(parent, i, copy);
        else if (!spt_tree_append(pool, parent, own_key, copy))
            copy = NULL;
        if (copy != NULL)
            copy->copied = true;
    } else {
        char found[SPT_FOUND_CAPACITY], path[SPT_PATH_CAPACITY];
        spt_tree_found(child, found);
        spt_tree_path(place, path);
        return spt_node_fail(child, err, "is %s; allowed: a map, because there is %s", found, path);
    }
    *map = copy;
    return copy != NULL ? SPT_OK : spt_fail(err, SPT_ENOMEM, "sweep: out of memory");
}

/* Put a value where the axis's key leads. It keeps its place in `sweep`, so that a message about it leads there. */
static spt_status apply(spt_pool *pool, spt_node *root, const spt_node *axis, size_t v, const spt_value *value,
                        spt_error *err) {
    const spt_node *place = axis->kind == SPT_NODE_LIST ? axis->entries[v].value : axis;
    spt_node *map = root, *node = spt_tree_node(pool, SPT_NODE_SCALAR, place->origin, place->line);
    if (node == NULL)
        return spt_fail(err, SPT_ENOMEM, "sweep: out of memory");
    node->text = value->text;
    node->quoted = place->quoted;
    const char *key = axis->key;
    for (const char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1) {
        spt_status status = enter(pool, map, key, (size_t)(dot - key), axis, &map, err);
        if (status != SPT_OK)
            return status;
    }
    size_t i = spt_tree_index(map, key, strlen(key));
    if (i < map->count)
        map->entries[i].value = node;
    else if (!spt_tree_append(pool, map, key, node))
        return spt_fail(err, SPT_ENOMEM, "sweep: out of memory");
    node->parent = axis->parent;
    node->key = axis->key;
    return SPT_OK;
}

spt_status spt_overlay_make(const spt_config *config, const spt_axes *axes, size_t run, size_t without, spt_pool *pool,
                            const spt_node **root, spt_error *err) {
    *root = config->root;
    if (axes->n_axes == 0)
        return SPT_OK;
    const spt_node *sweep = spt_node_find(config->root, "sweep");
    spt_node *copy = copy_map(pool, config->root);
    if (copy == NULL)
        return spt_fail(err, SPT_ENOMEM, "sweep: out of memory");
    *root = copy;
    size_t stride = axes->n_runs;
    for (size_t a = 0; a < axes->n_axes; a++) {
        const spt_axis *axis = &axes->axes[a];
        stride /= axis->n_values;
        size_t v = run / stride % axis->n_values;
        if (a == without)
            continue;
        const spt_node *node = spt_node_find(sweep, axis->key);
        if (node == NULL || (node->kind == SPT_NODE_LIST && v >= node->count))
            return spt_fail(err, SPT_EINVAL, "%s: axes of another configuration", axis->key);
        spt_status status = apply(pool, copy, node, v, &axis->values[v], err);
        if (status != SPT_OK)
            return status;
    }
    return SPT_OK;
}
