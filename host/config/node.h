/* YAML nodes with their place in the file, and the typed reading of maps that data sources and probes use.
 *
 * A reader's pattern: name the keys that are allowed (spt_node_only), then take each with its type, range and default.
 * What a reader is given lives as long as the call: for a run of a sweep it is an overlay. Keep values, not nodes.
 * All errors are SPT_ECONFIG in the form "FILE:LINE: data.label_noise.fraction: is 1.5; allowed: 0 to 1". */
#ifndef SPT_HOST_CONFIG_NODE_H
#define SPT_HOST_CONFIG_NODE_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spectrain/config.h"

typedef enum spt_node_kind { SPT_NODE_SCALAR, SPT_NODE_LIST, SPT_NODE_MAP } spt_node_kind;

spt_node_kind spt_node_get_kind(const spt_node *node);
/** The scalar's text; NULL unless a scalar. */
const char *spt_node_text(const spt_node *node);
/** Items of a list, entries of a map; 0 for a scalar. */
size_t spt_node_count(const spt_node *node);
const spt_node *spt_node_item(const spt_node *list, size_t i);
const char *spt_node_entry_key(const spt_node *map, size_t i);
const spt_node *spt_node_entry_value(const spt_node *map, size_t i);
/** The value of key, or NULL. map may be NULL (then NULL). */
const spt_node *spt_node_find(const spt_node *map, const char *key);

/** SPT_ECONFIG "FILE:LINE: dotted.key: ..." at node. */
spt_status spt_node_fail(const spt_node *node, spt_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** SPT_ECONFIG at the place of a dotted key ("train.batch"), for what only shows when keys and data meet: where the key
 *  is set, as an axis of `sweep` or in its section; else at the nearest section above it that is there. */
spt_status spt_config_fail(const spt_config *config, const char *key, spt_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Every key of map must be in allowed (n of them); the error lists them. Also fails when node is not a map. */
spt_status spt_node_only(const spt_node *map, const char *const *allowed, size_t n, spt_error *err);

/** Required keys: SPT_ECONFIG when map lacks one. */
spt_status spt_node_require(const spt_node *map, const char *key, const spt_node **value, spt_error *err);

/* Typed readers: if key is missing, *out keeps what the caller put there (the default). Bounds are inclusive. Reals
 * must be finite. A real that is a whole number is not an integer ("3.0" for an integer key is an error), and a number
 * in quotes is a text. map may be NULL: then every key is missing. */

/* Bounds of reals that are open, or absent; messages read "above 0", "below 1". */
#define SPT_ABOVE_ZERO DBL_MIN
#define SPT_BELOW_ONE  (1.0 - DBL_EPSILON / 2.0)
#define SPT_NO_BOUND   DBL_MAX /* min: -SPT_NO_BOUND */

spt_status spt_node_size(const spt_node *map, const char *key, size_t min, size_t max, size_t *out, spt_error *err);
spt_status spt_node_u32(const spt_node *map, const char *key, uint32_t *out, spt_error *err);
spt_status spt_node_real(const spt_node *map, const char *key, double min, double max, double *out, spt_error *err);
spt_status spt_node_bool(const spt_node *map, const char *key, bool *out, spt_error *err);
/** The same for a node in hand: an item of a list. */
spt_status spt_node_as_size(const spt_node *node, size_t min, size_t max, size_t *out, spt_error *err);
spt_status spt_node_as_real(const spt_node *node, double min, double max, double *out, spt_error *err);
/** One of n words; *out is its index. */
spt_status spt_node_choice(const spt_node *map, const char *key, const char *const *words, size_t n, size_t *out,
                           spt_error *err);
/** A copy of the text (malloc'd). *out keeps its value when the key is missing. */
spt_status spt_node_string(const spt_node *map, const char *key, char **out, spt_error *err);
/** A list of at least one real (malloc'd), or one scalar as a list of one; *out and *n keep their values when key is
 * missing. */
spt_status spt_node_reals(const spt_node *map, const char *key, double min, double max, double **out, size_t *n,
                          spt_error *err);

/** Required: at most `most` different reals from min to max (malloc'd), as a list or from a generator, {range: [a, b,
 *  step]} and the others that axes of `sweep` know. *out and *n are set on success alone. */
spt_status spt_node_generated(const spt_node *map, const char *key, double min, double max, size_t most, double **out,
                              size_t *n, spt_error *err);

#endif
