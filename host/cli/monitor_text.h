/* What `spectrain monitor` prints: of each run what a rule tells and what is true; of all runs how rules did. */
#ifndef SPT_HOST_CLI_MONITOR_TEXT_H
#define SPT_HOST_CLI_MONITOR_TEXT_H

#include <stdio.h>

#include "spectrain/monitor.h"

/** A rule's word on a run, and the truth. */
typedef struct spt_verdict {
    spt_prediction told;
    double known; /* epoch from which on the second descent was told; NaN */
    spt_truth truth;
} spt_verdict;

/** Of run `run`. Errors: SPT_ENOMEM. */
spt_status spt_verdict_find(const spt_monitor *monitor, size_t run, spt_rule rule, spt_verdict *verdict,
                            spt_error *err);

/** "3", or "3 (model.width 8, train.seed 1)" */
void spt_monitor_run_text(const spt_monitor_state *state, size_t number, char *text, size_t capacity);

/** One line: file, how far it is, where R is from. */
void spt_monitor_print_state(const char *path, const spt_monitor_state *state, FILE *stream);

/** A row for each run, then how the rule did over all. Errors: SPT_ENOMEM. */
spt_status spt_monitor_print_runs(const spt_monitor *monitor, spt_rule rule, FILE *stream, spt_error *err);

/** A row for each rule, over all runs; those that need R are left out where there is none. Errors: SPT_ENOMEM. */
spt_status spt_monitor_print_rules(const spt_monitor *monitor, FILE *stream, spt_error *err);

#endif
