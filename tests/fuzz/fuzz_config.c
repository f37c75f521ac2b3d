/* Any bytes as a config: nothing may crash, leak or hang, and what is accepted must come back from its own text.
 *
 * Lines "#set KEY=VALUE" are comments to YAML; here each is also an assignment, as by --set. So one input holds both,
 * and the corpus can be read. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spectrain/config.h"
#include "tree_equal.h"

enum { MAX_ASSIGNMENTS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

/* A refusal says why in one line and leaves nothing behind. */
static bool accepted(spt_status status, const spt_error *err) {
    if (status == SPT_OK)
        return true;
    require(err->status == status && err->message[0] != '\0' && strchr(err->message, '\n') == NULL);
    return false;
}

static void assign(spt_config *config, const char *text, size_t size) {
    size_t n = 0;
    for (const char *line = text, *end = text + size; line < end && n < MAX_ASSIGNMENTS; n++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((newline != NULL ? newline : end) - line);
        if (length > 5 && memcmp(line, "#set ", 5) == 0) {
            spt_error err = {0};
            char *assignment = calloc(1, length - 4);
            require(assignment != NULL);
            memcpy(assignment, line + 5, length - 5);
            accepted(spt_config_set(config, assignment, &err), &err);
            free(assignment);
        }
        line += length + 1;
    }
}

static void round_trip(const spt_config *config) {
    spt_error err = {0};
    char *text = NULL, *again = NULL;
    spt_config *back = NULL;
    require(spt_config_text(config, &text, &err) == SPT_OK);
    if (strlen(text) <= SPT_TREE_MAX_BYTES) { /* escapes may make it longer than what was read */
        require(spt_config_parse("text", text, strlen(text), &back, &err) == SPT_OK);
        require(trees_equal(config->root, back->root));
        require(spt_config_text(back, &again, &err) == SPT_OK);
        require(strcmp(text, again) == 0);
    }
    spt_config_free(back);
    free(text);
    free(again);
}

static void read_run(const spt_config *config, const spt_axes *axes, size_t run) {
    spt_error err = {0};
    spt_settings settings;
    for (size_t a = 0; a < axes->n_axes; a++)
        require(spt_axes_value(axes, a, run)->text != NULL);
    if (accepted(spt_config_settings(config, axes, run, &settings, &err), &err)) {
        const spt_schedule *records = &settings.records;
        require(settings.data != NULL && settings.name != NULL && settings.train.epochs > 0);
        require(records->epoch[0] == 0 && records->epoch[records->n - 1] == settings.train.epochs);
        for (size_t i = 1; i < records->n; i++)
            require(records->epoch[i] > records->epoch[i - 1]);
    }
    spt_settings_free(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    spt_error err = {0};
    spt_axes axes;
    spt_config *config = NULL;
    if (!accepted(spt_config_parse("fuzz", (const char *)bytes, size, &config, &err), &err))
        return 0;
    assign(config, (const char *)bytes, size);
    round_trip(config);
    if (accepted(spt_config_axes(config, &axes, &err), &err)) {
        require(axes.n_runs > 0);
        read_run(config, &axes, 0);
        read_run(config, &axes, axes.n_runs / 2);
        read_run(config, &axes, axes.n_runs - 1);
    }
    spt_axes_free(&axes);
    spt_config_free(config);
    return 0;
}
