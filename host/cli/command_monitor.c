/* spectrain monitor: where second descents start, told from training alone, and then the truth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/command.h"
#include "cli/monitor_text.h"
#include "cli/shards_follow.h"
#include "cli/shards_view.h"
#include "cli/text.h"
#include "spectrain/monitor.h"

enum { RUN_TEXT = 256 };
static const struct timespec BETWEEN_LOOKS = {.tv_sec = 0, .tv_nsec = 500000000};

/* What --rule asks for. */
typedef struct choice {
    bool all;
    spt_rule rule;
} choice;

static spt_status choose(const spt_options *options, choice *chosen, spt_error *err) {
    *chosen = (choice){.rule = SPT_RULE_DEFAULT};
    if (options->rule == NULL)
        return SPT_OK;
    chosen->all = strcmp(options->rule, "all") == 0;
    if (chosen->all && options->follow)
        return spt_fail(err, SPT_EINVAL, "monitor: --follow takes one rule; --rule all compares what is there");
    return chosen->all ? SPT_OK : spt_rule_find(options->rule, &chosen->rule, err);
}

/* R must be there for a rule that looks at it. */
static spt_status check_probe(const spt_options *options, const choice *chosen, const spt_monitor_state *state,
                              spt_error *err) {
    const char *others = state->other_probes[0] != '\0' ? state->other_probes : "none";
    if (state->probe != NULL)
        return SPT_OK;
    if (options->probe != NULL)
        return spt_fail(err, SPT_EINVAL,
                        "%s: no probe %s along lines through training examples (kind line or exact, split train, taken "
                        "at the records); other probes: %s",
                        options->operand, options->probe, others);
    if (chosen->all || !spt_rule_needs_share(chosen->rule))
        return SPT_OK;
    return spt_fail(err, SPT_EDATA,
                    "%s: no probe along lines through training examples (kind line or exact, split train), which rule "
                    "%s needs; --rule %s and --rule %s need none; other probes: %s",
                    options->operand, spt_rule_name(chosen->rule), spt_rule_name(SPT_RULE_MEMORISED),
                    spt_rule_name(SPT_RULE_LOSS_BEND), others);
}

static spt_status print_all(const spt_options *options, const choice *chosen, const spt_monitor *monitor,
                            spt_error *err) {
    spt_monitor_state state;
    spt_monitor_look(monitor, &state);
    spt_monitor_print_state(options->operand, &state, stdout);
    return chosen->all ? spt_monitor_print_rules(monitor, stdout, err)
                       : spt_monitor_print_runs(monitor, chosen->rule, stdout, err);
}

/* ---- --follow */

/* What was said last of each run, so that each line is news. */
typedef struct following {
    size_t n_runs;
    spt_phase *said;  /* (n_runs) */
    size_t *recorded; /* (n_runs) records when it was looked at last */
    bool *diverged;   /* (n_runs) */
} following;

static void following_free(following *f) {
    free(f->said);
    free(f->recorded);
    free(f->diverged);
    *f = (following){0};
}

/* Another sweep may have taken the place of the one before. */
static spt_status following_fit(following *f, size_t n_runs, spt_error *err) {
    if (f->said != NULL && f->n_runs == n_runs)
        return SPT_OK;
    following_free(f);
    f->said = calloc(n_runs + 1, sizeof *f->said);
    f->recorded = calloc(n_runs + 1, sizeof *f->recorded);
    f->diverged = calloc(n_runs + 1, sizeof *f->diverged);
    f->n_runs = n_runs;
    if (f->said == NULL || f->recorded == NULL || f->diverged == NULL)
        return spt_fail(err, SPT_ENOMEM, "monitor: no memory for %zu runs", n_runs);
    return SPT_OK;
}

static void say(const spt_monitor_state *state, const spt_monitored *m, const spt_prediction *told) {
    char run[RUN_TEXT];
    spt_monitor_run_text(state, m->number, run, sizeof run);
    printf("epoch %.0f: run %s: ", m->training.epoch[m->training.n - 1], run);
    if (told->phase == SPT_PHASE_SECOND)
        printf("second descent, since epoch %.4g", told->turn);
    else if (told->phase == SPT_PHASE_ASCENT)
        printf("ascent, since epoch %.4g", told->minimum);
    else
        printf("first descent");
    printf("\n");
}

static spt_status say_news(const spt_monitor *monitor, spt_rule rule, following *f, spt_error *err) {
    spt_monitor_state state;
    spt_monitor_look(monitor, &state);
    spt_status status = following_fit(f, state.n_runs, err);
    for (size_t r = 0; r < state.n_runs && status == SPT_OK; r++) {
        spt_monitored m;
        spt_prediction told;
        spt_monitor_run_at(monitor, r, &m);
        if (m.diverged && !f->diverged[r]) {
            char run[RUN_TEXT];
            spt_monitor_run_text(&state, m.number, run, sizeof run);
            printf("run %s: diverged\n", run);
            f->diverged[r] = true;
        }
        if (m.training.n == f->recorded[r])
            continue;
        f->recorded[r] = m.training.n;
        status = spt_rule_tell(rule, &m.training, &told, err);
        if (status == SPT_OK && told.phase != f->said[r]) {
            say(&state, &m, &told);
            f->said[r] = told.phase;
        }
    }
    fflush(stdout);
    return status;
}

static spt_status stopped(const char *path, spt_error *err) {
    char *word = spt_text_shell_word(path);
    spt_fail(err, SPT_EINTERRUPTED, "%s: the sweep was interrupted; go on with: spectrain run CONFIG -o %s --resume",
             path, word != NULL ? word : path);
    free(word);
    return SPT_EINTERRUPTED;
}

static spt_status follow(const spt_options *options, const choice *chosen, spt_monitor *monitor, spt_error *err) {
    following f = {0};
    spt_monitor_state state;
    spt_status status = SPT_OK;
    for (;;) {
        spt_monitor_look(monitor, &state);
        if (state.n_recorded > 0)
            status = check_probe(options, chosen, &state, err);
        if (status == SPT_OK)
            status = say_news(monitor, chosen->rule, &f, err);
        if (status != SPT_OK || state.complete || !state.running || ferror(stdout))
            break;
        nanosleep(&BETWEEN_LOOKS, NULL);
        status = spt_monitor_update(monitor, err);
        if (status != SPT_OK)
            break;
    }
    following_free(&f);
    if (status == SPT_OK)
        status = print_all(options, chosen, monitor, err);
    return status == SPT_OK && !state.complete ? stopped(options->operand, err) : status;
}

static spt_status show(const spt_options *options, const choice *chosen, const spt_monitor *monitor, spt_error *err) {
    spt_monitor_state state;
    spt_monitor_look(monitor, &state);
    if (state.n_recorded == 0)
        return spt_fail(err, SPT_EIO, "%s: nothing is recorded yet", options->operand);
    spt_status status = check_probe(options, chosen, &state, err);
    return status == SPT_OK ? print_all(options, chosen, monitor, err) : status;
}

/* A folder of shards: how they are. What rules tell is told of one shard's file. */
static spt_status look_at_folder(const spt_options *options, spt_error *err) {
    if (options->rule != NULL || options->probe != NULL)
        return spt_fail(err, SPT_EINVAL,
                        "%s: is a folder of shards; --rule and --probe are for the file of one of them",
                        options->operand);
    return options->follow ? spt_shards_follow(options->operand, err) : spt_shards_print(options->operand, false, err);
}

static spt_status monitor(const spt_options *options, spt_error *err) {
    struct stat facts;
    if (stat(options->operand, &facts) == 0 && S_ISDIR(facts.st_mode))
        return look_at_folder(options, err);
    choice chosen;
    spt_monitor *monitor = NULL;
    spt_status status = choose(options, &chosen, err);
    if (status == SPT_OK)
        status = spt_monitor_open(options->operand, options->probe, &monitor, err);
    if (status == SPT_OK)
        status = spt_monitor_update(monitor, err);
    if (status == SPT_OK)
        status = options->follow ? follow(options, &chosen, monitor, err) : show(options, &chosen, monitor, err);
    spt_monitor_close(monitor);
    return status;
}

const spt_command spt_command_monitor = {
    .name = "monitor",
    .operand = "FILE.h5",
    .synopsis = "FILE.h5 [--rule NAME|all] [--probe NAME] [--follow]",
    .purpose = "tell where second descents start, from training alone, and then the truth",
    .manual =
        "  --rule NAME   share_fall (default), share_peak, memorised or loss_bend: README, \"Monitor\"\n"
        "  --rule all    how well each rule tells, over all runs\n"
        "  --probe NAME  the line probe that R is taken from (default: the first through training examples)\n"
        "  --follow      while the sweep is running: a line when something new is told; the table at the end\n\n"
        "Epochs: `minimum` is where the first descent ends, `turn` where the second starts, `known` when the\n"
        "rule knew it. What stands behind `true` is from the test error, which the rules never see.\n"
        "FILE.h5 may also be a folder of shards: then it tells, as info does, how they are; --follow: when one gets\n"
        "into another state, and every minute, until all are done.\n"
        "A sweep under way is only read. Exit code 75: --follow found that the sweep had been interrupted.\n",
    .options = SPT_TAKES_PROBE | SPT_TAKES_RULE | SPT_TAKES_FOLLOW,
    .run = monitor,
};
