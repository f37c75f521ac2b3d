/* A configuration from a file or a text. */
#include "spectrain/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/tree.h"

spt_status spt_config_parse(const char *name, const char *text, size_t length, spt_config **out, spt_error *err) {
    spt_status status = SPT_ENOMEM;
    spt_config *config = calloc(1, sizeof *config);
    if (config == NULL)
        goto memory;
    spt_origin *origin = spt_pool_alloc(&config->pool, sizeof *origin);
    if (origin == NULL)
        goto memory;
    config->name = spt_pool_text(&config->pool, name, strlen(name));
    if (config->name == NULL)
        goto memory;
    origin->name = config->name;
    status =
        spt_tree_parse(&config->pool, origin, text, length, SPT_TREE_MAX_DEPTH, &config->n_nodes, &config->root, err);
    if (status == SPT_OK && config->root == NULL)
        status = spt_fail(err, SPT_ECONFIG, "%s:1: is empty; expected a map of settings", name);
    else if (status == SPT_OK && config->root->kind != SPT_NODE_MAP) {
        char found[SPT_FOUND_CAPACITY];
        spt_tree_found(config->root, found);
        status = spt_node_fail(config->root, err, "the document is %s; expected a map of settings", found);
    }
    if (status != SPT_OK) {
        spt_config_free(config);
        return status;
    }
    *out = config;
    return SPT_OK;
memory:
    spt_config_free(config);
    return spt_fail(err, SPT_ENOMEM, "%s: out of memory", name);
}

/* All of a stream, at most one byte more than a document may have, so that the parser sees when it is too large. */
static char *read_stream(FILE *stream, size_t *length) {
    size_t capacity = (size_t)SPT_TREE_MAX_BYTES + 1;
    char *text = malloc(capacity);
    if (text != NULL)
        *length = fread(text, 1, capacity, stream);
    return text;
}

spt_status spt_config_load(const char *path, spt_config **out, spt_error *err) {
    size_t length = 0;
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return spt_fail(err, SPT_EIO, "%s: cannot be read: %s", path, strerror(errno));
    errno = 0;
    char *text = read_stream(stream, &length);
    int reason = !ferror(stream) ? 0 : errno != 0 ? errno : EIO;
    fclose(stream);
    spt_status status = SPT_OK;
    if (text == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: out of memory", path);
    else if (reason != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be read: %s", path, strerror(reason));
    else
        status = spt_config_parse(path, text, length, out, err);
    free(text);
    return status;
}

void spt_config_free(spt_config *config) {
    if (config == NULL)
        return;
    spt_pool_free(&config->pool);
    free(config);
}
