/* The commands: one file each, all of the form of spt_command.run. */
#ifndef SPT_HOST_CLI_COMMAND_H
#define SPT_HOST_CLI_COMMAND_H

#include "cli/options.h"
#include "spectrain/error.h"

/** What the process leaves with. */
enum {
    SPT_EXIT_DONE = 0,
    SPT_EXIT_FAILED = 1,
    SPT_EXIT_USAGE = 2,       /* bad usage or configuration */
    SPT_EXIT_INTERRUPTED = 75 /* EX_TEMPFAIL of sysexits.h: run it again, with --resume */
};

struct spt_command {
    const char *name;
    const char *operand;                  /* "CONFIG", "FILE.h5"; NULL: takes none */
    size_t operands_least, operands_most; /* both 0: one operand, or none without a name for it */
    const char *synopsis;                 /* what stands behind the name in the usage line */
    const char *purpose;                  /* one line */
    const char *manual;                   /* what --help says further */
    unsigned options;                     /* SPT_TAKES_... */
    /** Do it. An error whose message is empty has been told already. */
    spt_status (*run)(const spt_options *options, spt_error *err);
};

extern const spt_command spt_command_run;
extern const spt_command spt_command_plan;
extern const spt_command spt_command_submit;
extern const spt_command spt_command_merge;
extern const spt_command spt_command_info;
extern const spt_command spt_command_probe;
extern const spt_command spt_command_monitor;
extern const spt_command spt_command_bench;
extern const spt_command spt_command_devices;

#endif
