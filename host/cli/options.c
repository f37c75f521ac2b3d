#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

enum { DEVICE_MAX = 1023, THREADS_MAX = 4096, SHARDS_MAX = 1000000, OPTIONS_TEXT = 256 };
static const double SECONDS_MIN = 1e-6, SECONDS_MAX = 3600.0;

/* Every option there is, one a line; a command takes those of its mask. */
/* clang-format off */
static const struct {
    const char *name;
    int letter; /* of the short form; a number above any character where there is none */
    int argument;
    unsigned mask;
} OPTIONS[] = {
    {"output", 'o', required_argument, SPT_TAKES_OUTPUT},
    {"backend", 256, required_argument, SPT_TAKES_BACKEND},
    {"device", 257, required_argument, SPT_TAKES_DEVICE},
    {"threads", 258, required_argument, SPT_TAKES_THREADS},
    {"set", 259, required_argument, SPT_TAKES_SET},
    {"resume", 260, no_argument, SPT_TAKES_RESUME},
    {"force", 261, no_argument, SPT_TAKES_FORCE},
    {"quiet", 262, no_argument, SPT_TAKES_QUIET},
    {"verify", 263, no_argument, SPT_TAKES_VERIFY},
    {"json", 264, required_argument, SPT_TAKES_JSON},
    {"seconds", 265, required_argument, SPT_TAKES_SECONDS},
    {"shard", 266, required_argument, SPT_TAKES_SHARD},
    {"shards", 267, required_argument, SPT_TAKES_SHARDS},
    {"probe", 268, required_argument, SPT_TAKES_PROBE},
    {"virtual", 269, no_argument, SPT_TAKES_VIRTUAL},
    {"rule", 270, required_argument, SPT_TAKES_RULE},
    {"follow", 271, no_argument, SPT_TAKES_FOLLOW},
    {"complete", 272, no_argument, SPT_TAKES_COMPLETE},
    {"cpus", 273, required_argument, SPT_TAKES_CPUS},
    {"dry-run", 274, no_argument, SPT_TAKES_DRY_RUN},
    {"devices", 275, required_argument, SPT_TAKES_DEVICES},
    {"help", 'h', no_argument, ~0U},
};
/* clang-format on */
enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

/* "--output, --backend, ..., --help" */
static void known_options(const spt_command *command, char text[OPTIONS_TEXT]) {
    size_t end = 0;
    text[0] = '\0';
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((OPTIONS[i].mask & command->options) != 0 || OPTIONS[i].mask == ~0U)
            end += (size_t)snprintf(text + end, OPTIONS_TEXT - end, "%s--%s", end > 0 ? ", " : "", OPTIONS[i].name);
}

static spt_status read_whole_number(const char *option, const char *text, long min, long max, long *out,
                                    spt_error *err) {
    errno = 0;
    long value = strtol(text, NULL, 10);
    bool digits_only = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
    if (!digits_only || errno == ERANGE || value < min || value > max)
        return spt_fail(err, SPT_EINVAL, "--%s: is \"%s\"; allowed: a whole number from %ld to %ld", option, text, min,
                        max);
    *out = value;
    return SPT_OK;
}

/* "I/N", I from 0. */
static spt_status read_shard(const char *text, size_t *shard, size_t *shards, spt_error *err) {
    unsigned long index, count;
    int end = 0;
    bool plain = text[strspn(text, "0123456789/")] == '\0'; /* no signs, no spaces */
    errno = 0;
    if (!plain || sscanf(text, "%lu/%lu%n", &index, &count, &end) != 2 || text[end] != '\0' || errno == ERANGE ||
        count > SHARDS_MAX || index >= count)
        return spt_fail(err, SPT_EINVAL, "--shard: is \"%s\"; allowed: I/N, shard I = 0 to N-1 of N = 1 to %d", text,
                        SHARDS_MAX);
    *shard = index;
    *shards = count;
    return SPT_OK;
}

static spt_status read_backend(const char *text, const char **out, spt_error *err) {
    if (strcmp(text, "auto") != 0 && strcmp(text, "cpu") != 0 && strcmp(text, "cuda") != 0)
        return spt_fail(err, SPT_EINVAL, "--backend: is \"%s\"; allowed: auto, cpu, cuda", text);
    *out = text;
    return SPT_OK;
}

static spt_status read_seconds(const char *text, double *out, spt_error *err) {
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= SECONDS_MIN && value <= SECONDS_MAX))
        return spt_fail(err, SPT_EINVAL, "--seconds: is \"%s\"; allowed: a number from %g to %g", text, SECONDS_MIN,
                        SECONDS_MAX);
    *out = value;
    return SPT_OK;
}

/* -o and --json: the names of files. */
static spt_status read_path(const char *option, const char *kind, const char *text, const char **out, spt_error *err) {
    if (text[0] == '\0')
        return spt_fail(err, SPT_EINVAL, "--%s: is empty; expected the name of a file, %s", option, kind);
    *out = text;
    return SPT_OK;
}

static spt_status take(spt_options *options, unsigned mask, const char *argument, spt_error *err) {
    spt_status status = SPT_OK;
    long number = 0;
    switch (mask) {
    case SPT_TAKES_OUTPUT:
        status = read_path("output", "FILE.h5", argument, &options->output, err);
        break;
    case SPT_TAKES_PROBE:
        options->probe = argument;
        break;
    case SPT_TAKES_RULE:
        options->rule = argument;
        break;
    case SPT_TAKES_FOLLOW:
        options->follow = true;
        break;
    case SPT_TAKES_COMPLETE:
        options->complete = true;
        break;
    case SPT_TAKES_CPUS:
        status = read_whole_number("cpus", argument, 1, THREADS_MAX, &number, err);
        options->cpus = (size_t)number;
        break;
    case SPT_TAKES_DRY_RUN:
        options->dry_run = true;
        break;
    case SPT_TAKES_JSON:
        status = read_path("json", "FILE.json", argument, &options->json, err);
        break;
    case SPT_TAKES_SECONDS:
        status = read_seconds(argument, &options->seconds, err);
        break;
    case SPT_TAKES_BACKEND:
        status = read_backend(argument, &options->backend, err);
        break;
    case SPT_TAKES_DEVICE:
        status = read_whole_number("device", argument, 0, DEVICE_MAX, &number, err);
        options->device = (int)number;
        break;
    case SPT_TAKES_DEVICES:
        options->devices = argument;
        break;
    case SPT_TAKES_THREADS:
        status = read_whole_number("threads", argument, 1, THREADS_MAX, &number, err);
        options->threads = (size_t)number;
        break;
    case SPT_TAKES_SET:
        options->sets[options->n_sets++] = argument;
        break;
    case SPT_TAKES_RESUME:
        options->resume = true;
        break;
    case SPT_TAKES_FORCE:
        options->force = true;
        break;
    case SPT_TAKES_QUIET:
        options->quiet = true;
        break;
    case SPT_TAKES_VIRTUAL:
        options->is_virtual = true;
        break;
    case SPT_TAKES_SHARD:
        status = read_shard(argument, &options->shard, &options->shards, err);
        break;
    case SPT_TAKES_SHARDS:
        status = read_whole_number("shards", argument, 1, SHARDS_MAX, &number, err);
        options->shards = (size_t)number;
        break;
    case SPT_TAKES_VERIFY:
        options->verify = true;
        break;
    default:
        options->help = true;
    }
    return status;
}

/* What getopt_long refused, from what it left behind: optopt is 0 for a long option that it does not know. */
static spt_status refused(const spt_command *command, int code, char **argv, spt_error *err) {
    for (size_t i = 0; i < OPTION_COUNT && optopt != 0; i++)
        if (OPTIONS[i].letter == optopt && (OPTIONS[i].mask & command->options) != 0) {
            if (code == ':')
                return spt_fail(err, SPT_EINVAL, "%s: --%s: its argument is missing; usage: spectrain %s %s",
                                command->name, OPTIONS[i].name, command->name, command->synopsis);
            return spt_fail(err, SPT_EINVAL, "%s: %s: takes no argument", command->name, argv[optind - 1]);
        }
    char known[OPTIONS_TEXT];
    known_options(command, known);
    if (optopt > 0 && optopt < 256)
        return spt_fail(err, SPT_EINVAL, "%s: unknown option -%c; known: %s", command->name, optopt, known);
    return spt_fail(err, SPT_EINVAL, "%s: unknown option %s; known: %s", command->name, argv[optind - 1], known);
}

static spt_status check(const spt_command *command, size_t n_operands, char **operands, spt_options *options,
                        spt_error *err) {
    size_t one = command->operand != NULL ? 1 : 0;
    size_t least = command->operands_most > 0 ? command->operands_least : one;
    size_t most = command->operands_most > 0 ? command->operands_most : one;
    if (options->help)
        return SPT_OK;
    if (n_operands < least)
        return spt_fail(err, SPT_EINVAL, "%s: %s is missing; usage: spectrain %s %s", command->name, command->operand,
                        command->name, command->synopsis);
    if (n_operands > most)
        return spt_fail(err, SPT_EINVAL, "%s: unexpected argument \"%s\"; usage: spectrain %s %s", command->name,
                        operands[most], command->name, command->synopsis);
    if (options->resume && options->force)
        return spt_fail(err, SPT_EINVAL,
                        "%s: --resume goes on with what is there, --force starts anew; give one of them",
                        command->name);
    for (size_t i = 0; i < n_operands; i++)
        options->operands[options->n_operands++] = operands[i];
    options->operand = n_operands > 0 ? operands[0] : NULL;
    return SPT_OK;
}

/* What stands before "--"; the rest goes into options->words of a command that takes them. */
static int leave_words(const spt_command *command, int argc, char **argv, spt_options *options) {
    for (int i = 0; i < argc && (command->options & SPT_TAKES_WORDS) != 0; i++)
        if (strcmp(argv[i], "--") == 0) {
            options->n_words = (size_t)(argc - i - 1);
            options->words = (const char *const *)(argv + i + 1);
            return i;
        }
    return argc;
}

spt_status spt_options_read(const spt_command *command, const char *program, int argc, char **argv,
                            spt_options *options, spt_error *err) {
    struct option known[OPTION_COUNT + 1] = {{0}};
    char letters[2 * OPTION_COUNT + 2] = ":"; /* the colon: tell a missing argument from an unknown option */
    size_t n_known = 0, end = 1;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (OPTIONS[i].mask != ~0U && (OPTIONS[i].mask & command->options) == 0)
            continue;
        known[n_known++] =
            (struct option){.name = OPTIONS[i].name, .has_arg = OPTIONS[i].argument, .val = OPTIONS[i].letter};
        if (OPTIONS[i].letter < 256) {
            letters[end++] = (char)OPTIONS[i].letter;
            if (OPTIONS[i].argument == required_argument)
                letters[end++] = ':';
        }
    }

    *options = (spt_options){.program = program, .device = -1};
    argc = leave_words(command, argc, argv, options);
    options->sets = calloc((size_t)argc + 1, sizeof *options->sets); /* no more of them than arguments */
    options->operands = calloc((size_t)argc + 1, sizeof *options->operands);
    if (options->sets == NULL || options->operands == NULL)
        return spt_fail(err, SPT_ENOMEM, "options: out of memory");

    spt_status status = SPT_OK;
    opterr = 0;
    optind = 0; /* glibc: forget an earlier argv */
    for (int code; status == SPT_OK && (code = getopt_long(argc, argv, letters, known, NULL)) != -1;) {
        if (code == '?' || code == ':')
            return refused(command, code, argv, err);
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (OPTIONS[i].letter == code)
                status = take(options, OPTIONS[i].mask, optarg, err);
    }
    return status == SPT_OK ? check(command, (size_t)(argc - optind), argv + optind, options, err) : status;
}

void spt_options_free(spt_options *options) {
    free(options->sets);
    free(options->operands);
    options->sets = options->operands = NULL;
}
