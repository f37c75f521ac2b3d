/* Options and operands of the commands, strictly read. */
#ifndef SPT_HOST_CLI_OPTIONS_H
#define SPT_HOST_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "spectrain/config.h"
#include "spectrain/error.h"

typedef struct spt_command spt_command; /* command.h */

/* Which options a command takes; --help goes with all. */
enum {
    SPT_TAKES_OUTPUT = 1 << 0,
    SPT_TAKES_BACKEND = 1 << 1,
    SPT_TAKES_DEVICE = 1 << 2,
    SPT_TAKES_THREADS = 1 << 3,
    SPT_TAKES_SET = 1 << 4,
    SPT_TAKES_RESUME = 1 << 5,
    SPT_TAKES_FORCE = 1 << 6,
    SPT_TAKES_QUIET = 1 << 7,
    SPT_TAKES_VERIFY = 1 << 8,
    SPT_TAKES_JSON = 1 << 9,
    SPT_TAKES_SECONDS = 1 << 10,
    SPT_TAKES_SHARD = 1 << 11,
    SPT_TAKES_SHARDS = 1 << 12,
    SPT_TAKES_PROBE = 1 << 13,
    SPT_TAKES_VIRTUAL = 1 << 14,
    SPT_TAKES_RULE = 1 << 15,
    SPT_TAKES_FOLLOW = 1 << 16,
    SPT_TAKES_COMPLETE = 1 << 17,
    SPT_TAKES_CPUS = 1 << 18,
    SPT_TAKES_DRY_RUN = 1 << 19,
    SPT_TAKES_DEVICES = 1 << 21,
    SPT_TAKES_WORDS = 1 << 20 /* what stands behind "--" is another program's */
};

/** As read; strings are argv's. */
typedef struct spt_options {
    const char *program; /* argv[0] */
    const char *operand; /* CONFIG or FILE.h5: the first of the operands, NULL without one */
    size_t n_operands;
    const char **operands; /* (n_operands) */
    const char *output;    /* NULL: not given */
    const char *backend;   /* NULL: not given */
    int device;            /* -1: not given */
    const char *devices;   /* all, or numbers with commas between; NULL: not given */
    size_t threads;        /* 0: not given */
    const char *json;      /* NULL: not given */
    const char *rule;      /* NULL: not given */
    const char *probe;     /* YAML, or a file of it; monitor: a name; NULL: not given */
    double seconds;        /* 0: not given */
    size_t shard, shards;  /* --shard SHARD/SHARDS, --shards SHARDS; shards 0: not given */
    size_t cpus;           /* 0: not given */
    size_t n_sets;
    const char **sets; /* (n_sets) assignments in their order */
    size_t n_words;
    const char *const *words; /* (n_words) behind "--", of a command that takes them */
    bool resume, force, quiet, verify, is_virtual, follow, complete, dry_run, help;
} spt_options;

/** Read argv of a command: argv[0] is its name, program the process's argv[0]. Options and operands may mix; "--" ends
 *  the options, and where the command takes words what it reads. *options: spt_options_free, also after an error.
 * Errors: SPT_EINVAL unknown option, missing or unexpected argument, a number that is none or out of range, --resume
 * with --force; SPT_ENOMEM. */
spt_status spt_options_read(const spt_command *command, const char *program, int argc, char **argv,
                            spt_options *options, spt_error *err);
void spt_options_free(spt_options *options);

/** Load the config that the operand names ("-": standard input) and apply the --set assignments in their order.
 *  *out: spt_config_free. */
spt_status spt_options_config(const spt_options *options, spt_config **out, spt_error *err);

/** The command that goes on with an interrupted `run`, as one line for a shell (malloc'd; NULL when memory is short).
 */
char *spt_options_resume_command(const spt_options *options);

#endif
