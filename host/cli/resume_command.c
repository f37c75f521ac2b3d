/* The command that goes on with an interrupted run: its own options, without --force and with --resume. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/text.h"

/* Write ` word`, quoted; false when memory is short. */
static bool put_word(FILE *line, const char *word) {
    char *quoted = spt_text_shell_word(word);
    if (quoted == NULL)
        return false;
    bool first = ftell(line) == 0;
    fprintf(line, "%s%s", first ? "" : " ", quoted);
    free(quoted);
    return true;
}

static bool put_option(FILE *line, const char *option, const char *value) {
    return value == NULL || (put_word(line, option) && put_word(line, value));
}

static bool put_number(FILE *line, const char *option, long value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%ld", value);
    return put_option(line, option, digits);
}

/* A file name that starts with a dash would be read as an option. */
static bool put_operand(FILE *line, const char *operand) {
    if (operand[0] != '-' || operand[1] == '\0')
        return put_word(line, operand);
    size_t room = strlen(operand) + 3;
    char *path = malloc(room);
    if (path == NULL)
        return false;
    snprintf(path, room, "./%s", operand);
    bool ok = put_word(line, path);
    free(path);
    return ok;
}

static bool put_all(FILE *line, const spt_options *options) {
    bool ok = put_word(line, options->program) && put_word(line, "run") && put_operand(line, options->operand) &&
              put_option(line, "-o", options->output) && put_option(line, "--backend", options->backend);
    if (ok)
        ok = put_option(line, "--devices", options->devices);
    if (ok && options->device >= 0)
        ok = put_number(line, "--device", options->device);
    if (ok && options->threads > 0)
        ok = put_number(line, "--threads", (long)options->threads);
    if (ok && options->shards > 0) {
        char place[48];
        snprintf(place, sizeof place, "%zu/%zu", options->shard, options->shards);
        ok = put_option(line, "--shard", place);
    }
    for (size_t i = 0; ok && i < options->n_sets; i++)
        ok = put_option(line, "--set", options->sets[i]);
    if (ok && options->quiet)
        ok = put_word(line, "--quiet");
    if (ok)
        ok = put_word(line, "--resume");
    if (ok && strcmp(options->operand, "-") == 0)
        fputs(" < CONFIG", line);
    return ok;
}

char *spt_options_resume_command(const spt_options *options) {
    char *text = NULL;
    size_t length = 0;
    FILE *line = open_memstream(&text, &length);
    if (line == NULL)
        return NULL;
    bool ok = put_all(line, options);
    if (fclose(line) != 0 || !ok) {
        free(text);
        return NULL;
    }
    return text;
}
