/* YAML text to a tree, event by event, with a stack of open collections. */
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "config/tree.h"

typedef struct parsing {
    yaml_parser_t *parser;
    spt_pool *pool;
    const spt_origin *origin;
    const char *text;
    size_t length;
    size_t max_depth, *n_nodes;
    spt_node *open[SPT_TREE_MAX_DEPTH]; /* the collections around the next value */
    size_t depth;
    char *key; /* of the next value, when the innermost is a map and its key was read */
    size_t key_line;
    spt_node *root;
    spt_error *err;
} parsing;

/* "FILE:LINE: " and words, before there is a node. */
static spt_status fail_line(const parsing *p, size_t line, const char *words) {
    spt_node place = {.origin = p->origin, .line = line};
    return spt_tree_fail_at(&place, "", p->err, "%s", words);
}

static spt_status fail_event(const parsing *p, const yaml_event_t *event, const char *words) {
    return fail_line(p, event->start_mark.line + 1, words);
}

static spt_status out_of_memory(const parsing *p) {
    return spt_fail(p->err, SPT_ENOMEM, "%s: out of memory", p->origin->name);
}

static spt_status fail_syntax(const parsing *p) {
    const yaml_parser_t *parser = p->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return out_of_memory(p);
    char words[256];
    const char *problem = parser->problem != NULL ? parser->problem : "unknown problem";
    if (parser->error == YAML_READER_ERROR) {
        size_t line = 1; /* the reader knows bytes only */
        for (size_t i = 0; i < parser->problem_offset && i < p->length; i++)
            line += p->text[i] == '\n';
        snprintf(words, sizeof words, "not YAML: %s (byte %zu); expected text in UTF-8", problem,
                 parser->problem_offset);
        return fail_line(p, line, words);
    }
    snprintf(words, sizeof words, "not YAML: %s (column %zu)", problem, parser->problem_mark.column + 1);
    return fail_line(p, parser->problem_mark.line + 1, words);
}

static spt_status take_key(parsing *p, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    const spt_node *map = p->open[p->depth - 1];
    if (length == 0)
        return fail_event(p, event, "an empty key");
    if (memchr(text, '\0', length) != NULL)
        return fail_event(p, event, "a key with a NUL character");
    if (map->count == SPT_TREE_MAX_KEYS)
        return fail_event(p, event, "a map of more than 256 keys");
    size_t before = spt_tree_index(map, text, length);
    if (before < map->count) {
        spt_node twin = {.origin = p->origin, .line = event->start_mark.line + 1, .parent = map, .key = text};
        if (p->origin->key != NULL)
            return spt_node_fail(&twin, p->err, "is there twice");
        return spt_node_fail(&twin, p->err, "is there twice; the first is on line %zu",
                             map->entries[before].value->line);
    }
    p->key = spt_pool_text(p->pool, text, length);
    p->key_line = event->start_mark.line + 1;
    return p->key != NULL ? SPT_OK : out_of_memory(p);
}

/* Hang a finished or just opened node where it belongs. */
static spt_status place_node(parsing *p, spt_node *node, const yaml_event_t *event) {
    if (p->depth == p->max_depth)
        return fail_event(p, event, "nesting deeper than 32 levels");
    if (++*p->n_nodes > SPT_TREE_MAX_NODES)
        return fail_event(p, event, "a document of more than 200000 values");
    if (p->depth == 0) {
        p->root = node;
        return SPT_OK;
    }
    if (p->key != NULL)
        node->line = p->key_line;
    bool appended = spt_tree_append(p->pool, p->open[p->depth - 1], p->key, node);
    p->key = NULL;
    return appended ? SPT_OK : out_of_memory(p);
}

static bool says_nothing(const char *text) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool expects_key(const parsing *p) {
    return p->depth > 0 && p->open[p->depth - 1]->kind == SPT_NODE_MAP && p->key == NULL;
}

static spt_status take_scalar(parsing *p, const yaml_event_t *event) {
    if (event->data.scalar.anchor != NULL)
        return fail_event(p, event, "anchors (&name) are not supported; write the value out where it is used");
    if (event->data.scalar.tag != NULL)
        return fail_event(p, event, "tags (!name) are not supported");
    if (expects_key(p))
        return take_key(p, event);
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(text, '\0', length) != NULL)
        return fail_event(p, event, "a text with a NUL character");
    spt_node *node = spt_tree_node(p->pool, SPT_NODE_SCALAR, p->origin, event->start_mark.line + 1);
    if (node == NULL)
        return out_of_memory(p);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    bool null = !node->quoted && says_nothing(text);
    node->text = null ? spt_pool_text(p->pool, "null", 4) : spt_pool_text(p->pool, text, length);
    return node->text != NULL ? place_node(p, node, event) : out_of_memory(p);
}

static spt_status open_collection(parsing *p, const yaml_event_t *event, spt_node_kind kind, const void *anchor,
                                  const void *tag, bool flow) {
    if (anchor != NULL)
        return fail_event(p, event, "anchors (&name) are not supported; write the value out where it is used");
    if (tag != NULL)
        return fail_event(p, event, "tags (!name) are not supported");
    if (expects_key(p))
        return fail_event(p, event, "a key that is not a text");
    spt_node *node = spt_tree_node(p->pool, kind, p->origin, event->start_mark.line + 1);
    if (node == NULL)
        return out_of_memory(p);
    node->flow = flow;
    spt_status status = place_node(p, node, event);
    if (status == SPT_OK)
        p->open[p->depth++] = node;
    return status;
}

static spt_status take_event(parsing *p, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return p->root == NULL ? SPT_OK : fail_event(p, event, "a second document; expected one");
    case YAML_ALIAS_EVENT:
        return fail_event(p, event, "aliases (*name) are not supported; write the value out where it is used");
    case YAML_SCALAR_EVENT:
        return take_scalar(p, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(p, event, SPT_NODE_LIST, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag,
                               event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
    case YAML_MAPPING_START_EVENT:
        return open_collection(p, event, SPT_NODE_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag,
                               event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        p->depth--;
        return SPT_OK;
    default:
        return SPT_OK;
    }
}

spt_status spt_tree_parse(spt_pool *pool, const spt_origin *origin, const char *text, size_t length, size_t max_depth,
                          size_t *n_nodes, spt_node **root, spt_error *err) {
    yaml_parser_t parser;
    parsing p = {.parser = &parser,
                 .pool = pool,
                 .origin = origin,
                 .text = text,
                 .length = length,
                 .max_depth = max_depth,
                 .n_nodes = n_nodes,
                 .err = err};
    if (length > SPT_TREE_MAX_BYTES)
        return fail_line(&p, 1, "more than 4 MiB; too large for a configuration");
    if (!yaml_parser_initialize(&parser))
        return out_of_memory(&p);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    spt_status status = SPT_OK;
    for (bool more = true; more && status == SPT_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = fail_syntax(&p);
            break;
        }
        status = take_event(&p, &event);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    *root = p.root;
    return status;
}
