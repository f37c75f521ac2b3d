/* The config that a command is given: a file or standard input, and the --set assignments on top. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

static const size_t STDIN_MAX = (size_t)16 << 20; /* bytes: no config is that long, but an endless pipe is */

static spt_status read_stdin(char **text, size_t *length, spt_error *err) {
    size_t capacity = 0, used = 0;
    char *buffer = NULL;
    for (;;) {
        if (used == capacity) {
            capacity = 2 * capacity + 4096;
            char *larger = realloc(buffer, capacity);
            if (larger == NULL) {
                free(buffer);
                return spt_fail(err, SPT_ENOMEM, "standard input: out of memory after %zu bytes", used);
            }
            buffer = larger;
        }
        size_t count = fread(buffer + used, 1, capacity - used, stdin);
        used += count;
        if (count == 0 || used > STDIN_MAX)
            break;
    }
    spt_status status = SPT_OK;
    if (ferror(stdin))
        status = spt_fail(err, SPT_EIO, "standard input: cannot be read: %s", strerror(errno));
    else if (used > STDIN_MAX)
        status = spt_fail(err, SPT_ECONFIG, "standard input: longer than %zu bytes; expected a YAML config", STDIN_MAX);
    if (status != SPT_OK) {
        free(buffer);
        return status;
    }
    *text = buffer;
    *length = used;
    return SPT_OK;
}

spt_status spt_options_config(const spt_options *options, spt_config **out, spt_error *err) {
    spt_config *config = NULL;
    spt_status status;
    if (strcmp(options->operand, "-") == 0) {
        char *text = NULL;
        size_t length = 0;
        status = read_stdin(&text, &length, err);
        if (status == SPT_OK)
            status = spt_config_parse("standard input", text, length, &config, err);
        free(text);
    } else
        status = spt_config_load(options->operand, &config, err);
    for (size_t i = 0; i < options->n_sets && status == SPT_OK; i++)
        status = spt_config_set(config, options->sets[i], err);
    if (status != SPT_OK) {
        spt_config_free(config);
        return status;
    }
    *out = config;
    return SPT_OK;
}
