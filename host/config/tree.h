/* The tree behind spt_node: how nodes are held and made. Internal to host/config; others read through node.h.
 *
 * Nodes live in a pool and are freed with it, all at once. A tree is built once and then only read, except by
 * spt_config_set; what a run of a sweep sees instead of it is an overlay (overlay.h) that shares its nodes. */
#ifndef SPT_HOST_CONFIG_TREE_H
#define SPT_HOST_CONFIG_TREE_H

#include "config/node.h"

/* Bounds of a document, far above what a sweep needs, so that no text makes reading slow or large. */
enum {
    SPT_TREE_MAX_DEPTH = 32,
    SPT_TREE_MAX_NODES = 200000,
    SPT_TREE_MAX_KEYS = 256, /* of one map */
    SPT_TREE_MAX_BYTES = 4 << 20
};

/* ---- memory: blocks that are freed together */

typedef struct spt_pool {
    struct spt_pool_block *last;
} spt_pool;

/** size zeroed bytes that live until spt_pool_free; NULL when out of memory. */
void *spt_pool_alloc(spt_pool *pool, size_t size);
/** A NUL-terminated copy of length bytes. */
char *spt_pool_text(spt_pool *pool, const char *text, size_t length);
void spt_pool_free(spt_pool *pool);

/* ---- nodes */

/** Where a node was written: a line of a file, or a --set (then lines mean nothing). */
typedef struct spt_origin {
    const char *name; /* the file's name, or the assignment: "train.lr=0.1" */
    const char *key;  /* of an assignment: its key, "train.lr"; NULL for a file */
} spt_origin;

typedef struct spt_entry {
    const char *key; /* NULL in a list */
    spt_node *value;
} spt_entry;

struct spt_node {
    spt_node_kind kind;
    bool quoted; /* scalar: was in quotes (or a block), so it is a text even when it reads like a number */
    bool flow;   /* list, map: written in brackets or braces; kept for printing */
    bool copied; /* map: belongs to an overlay, which may change it */
    size_t line; /* of the key in a map, else of the value; from 1 */
    const spt_origin *origin;
    const spt_node *parent; /* NULL for the root */
    const char *key;        /* in the parent: its key; NULL in a list */
    size_t index;           /* in the parent */
    const char *text;       /* scalar; an absent value is the plain text "null" */
    size_t count;           /* list, map */
    size_t capacity;
    spt_entry *entries;
};

struct spt_config {
    spt_pool pool;
    const char *name; /* of the file */
    spt_node *root;   /* a map */
    size_t n_nodes;
};

/** Parse length bytes of YAML at `origin` into a tree of at most max_depth levels (<= SPT_TREE_MAX_DEPTH); *n_nodes is
 *  counted on. *root is NULL when there is nothing but space and comments.
 *  Errors: SPT_ECONFIG not YAML, not one document, beyond the bounds above; SPT_ENOMEM. */
spt_status spt_tree_parse(spt_pool *pool, const spt_origin *origin, const char *text, size_t length, size_t max_depth,
                          size_t *n_nodes, spt_node **root, spt_error *err);

/** A new node without content. NULL when out of memory. */
spt_node *spt_tree_node(spt_pool *pool, spt_node_kind kind, const spt_origin *origin, size_t line);

/** Add value to a list (key NULL) or a map, and make parent its parent; key is borrowed and lives as long. false when
 *  out of memory. */
bool spt_tree_append(spt_pool *pool, spt_node *parent, const char *key, spt_node *value);

/** Replace entry i of parent by value. */
void spt_tree_replace(spt_node *parent, size_t i, spt_node *value);

/** Index of the key of `length` bytes in map, or map's count. */
size_t spt_tree_index(const spt_node *map, const char *key, size_t length);

/** The node that a dotted key leads to through the maps below node, or the last one on the way that is there; *rest is
 *  what of the key is left then: "" when all of it was found. */
const spt_node *spt_tree_follow(const spt_node *node, const char *key, const char **rest);

/** Levels below and including node: 1 for a scalar. */
size_t spt_tree_depth(const spt_node *node);

/** A node that says nothing: `key:`, `~` or null. */
bool spt_tree_is_null(const spt_node *node);

/** Not in quotes and with a meaning other than its text: a number, true, false, null. */
bool spt_tree_is_typed(const spt_node *node);

/* ---- words for messages */

enum { SPT_PLACE_CAPACITY = 320, SPT_PATH_CAPACITY = 256, SPT_FOUND_CAPACITY = 96 };

/** "FILE:LINE" or "--set ASSIGNMENT" into place (SPT_PLACE_CAPACITY). */
void spt_tree_place(const spt_node *node, char *place);
/** The dotted key of node into path (SPT_PATH_CAPACITY); list items by number: "probes.0.samples". */
void spt_tree_path(const spt_node *node, char *path);
/** What a node is, for "is ...": `3`, `the text "3"`, `a list`, `a map`, `empty`; into found (SPT_FOUND_CAPACITY). */
void spt_tree_found(const spt_node *node, char *found);
/** SPT_ECONFIG "... is FOUND; allowed: ALLOWED" at node. */
spt_status spt_tree_fail_found(const spt_node *node, spt_error *err, const char *allowed);
/** SPT_ECONFIG at the place of node, for another key than its own. */
spt_status spt_tree_fail_at(const spt_node *node, const char *key, spt_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
