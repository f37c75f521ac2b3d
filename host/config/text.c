/* A configuration as YAML text that reads back as the same tree. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/tree.h"

/* Text as it grows; one byte is always left for the NUL. */
typedef struct growing_text {
    char *bytes;
    size_t length, capacity;
} growing_text;

static int write_bytes(void *target, unsigned char *bytes, size_t size) {
    growing_text *text = target;
    if (size >= text->capacity - text->length) {
        size_t capacity = 2 * text->capacity + size;
        char *grown = realloc(text->bytes, capacity);
        if (grown == NULL)
            return 0;
        text->bytes = grown;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
    return 1;
}

/* Whether text can stand without quotes wherever it comes: words, numbers, paths. All else goes into double quotes, the
 * only style in which no character is changed by folding. */
static bool is_plain(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-()=^~ ";
    size_t length = strlen(text);
    const char *first = text + (*text == '-' || *text == '+');
    first += *first == '.' || *first == '/';
    return length > 0 && *first != '\0' && strchr(letters, *first) != NULL && strspn(text, all) == length &&
           text[length - 1] != ' ';
}

static bool emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialized) {
    return initialized && yaml_emitter_emit(emitter, event);
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, bool quoted) {
    yaml_event_t event;
    yaml_scalar_style_t style = quoted || !is_plain(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
    return emit(
        emitter, &event,
        yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, style));
}

static bool emit_node(yaml_emitter_t *emitter, const spt_node *node) {
    yaml_event_t event;
    if (node->kind == SPT_NODE_SCALAR)
        return emit_scalar(emitter, node->text, node->quoted);
    bool list = node->kind == SPT_NODE_LIST;
    int started = list ? yaml_sequence_start_event_initialize(
                             &event, NULL, NULL, 1, node->flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE)
                       : yaml_mapping_start_event_initialize(
                             &event, NULL, NULL, 1, node->flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE);
    if (!emit(emitter, &event, started))
        return false;
    for (size_t i = 0; i < node->count; i++)
        if ((!list && !emit_scalar(emitter, node->entries[i].key, false)) ||
            !emit_node(emitter, node->entries[i].value))
            return false;
    return emit(emitter, &event,
                list ? yaml_sequence_end_event_initialize(&event) : yaml_mapping_end_event_initialize(&event));
}

static bool emit_document(yaml_emitter_t *emitter, const spt_node *root) {
    yaml_event_t event;
    return emit(emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
           emit(emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
           emit_node(emitter, root) && emit(emitter, &event, yaml_document_end_event_initialize(&event, 1)) &&
           emit(emitter, &event, yaml_stream_end_event_initialize(&event));
}

spt_status spt_config_text(const spt_config *config, char **out, spt_error *err) {
    yaml_emitter_t emitter;
    growing_text text = {.bytes = malloc(1024), .capacity = 1024};
    if (text.bytes == NULL || !yaml_emitter_initialize(&emitter)) {
        free(text.bytes);
        return spt_fail(err, SPT_ENOMEM, "%s: out of memory", config->name);
    }
    yaml_emitter_set_output(&emitter, write_bytes, &text);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1); /* no folding */
    bool emitted = emit_document(&emitter, config->root);
    yaml_emitter_delete(&emitter);
    if (!emitted) {
        free(text.bytes);
        return spt_fail(err, SPT_ENOMEM, "%s: out of memory", config->name);
    }
    text.bytes[text.length] = '\0';
    *out = text.bytes;
    return SPT_OK;
}
