/* Monitor: where a run's second descent starts, told from its training alone; and the truth, from its test error.
 *
 * Functions over series come first, then a reader of the series of FILE.h5 or of a sweep that is still running. README,
 * "Monitor", says how well each rule tells, and where it fails. */
#ifndef SPECTRAIN_MONITOR_H
#define SPECTRAIN_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SPT_MONITOR_LEAST_RECORDS = 6 }; /* after epoch 0: with fewer nothing is told */

/** High-frequency share R = sum_{k>=1} E_k / sum_{k>=0} E_k of n energies. NaN where their sum is not positive and
 *  finite. Source: Zhang, Xiong, Wu 2021. */
double spt_high_share(const float *energy, size_t n);

/** What a run records about itself without a test example or a true label. Arrays (n), borrowed; NaN, or NULL for all
 *  of it: not known. */
typedef struct spt_training {
    size_t n;
    const double *epoch;       /* ascending; what was recorded at epoch 0 is not looked at */
    const double *share;       /* R of a spectrum along lines through training examples */
    const double *train_loss;  /* noise included */
    const double *train_error; /* noise included */
    const double *noisy_fit;   /* of the training examples whose label changed: share predicted as the noisy label */
} spt_training;

/** What the truth is taken from. Arrays (n), borrowed. */
typedef struct spt_testing {
    size_t n;
    const double *epoch;
    const double *error; /* NULL or all NaN, as in regression: the loss is taken */
    const double *loss;
} spt_testing;

/** How far a curve of test error has come, or is said to have come. */
typedef enum spt_phase {
    SPT_PHASE_UNKNOWN, /* too little is recorded, or not what is needed */
    SPT_PHASE_DESCENT, /* it has not left its first descent: it falls, or stays */
    SPT_PHASE_ASCENT,  /* it has risen from a minimum, and no second descent has begun */
    SPT_PHASE_SECOND   /* the second descent has begun */
} spt_phase;

/** "unknown", "descent", "ascent", "second"; static storage. */
const char *spt_phase_name(spt_phase phase);

/* ---- the truth */

typedef struct spt_truth {
    spt_phase phase;
    bool by_loss;                  /* told from the test loss */
    double minimum, minimum_level; /* epoch and level of the first descent's end; NaN before ASCENT */
    double turn, turn_level;       /* epoch and level of the maximum of the ascent; NaN unless SECOND */
    double after;                  /* mean level over the last 7 % of the epochs; NaN unless SECOND */
} spt_truth;

/** Look at a curve of test error, smoothed over ln(epoch). A rise counts when it takes a factor of 1.28 in epochs or
 *  more; a rise and a fall each count when they are 2 % of the minimum's level or more, and more than the noise of the
 *  curve explains. With several maxima, the one with the largest rise and fall is taken (the smaller of the two).
 *  Errors: SPT_ENOMEM. */
spt_status spt_truth_find(const spt_testing *testing, spt_truth *truth, spt_error *err);

/* ---- predictions */

typedef enum spt_rule {
    SPT_RULE_SHARE_PEAK, /* the peak of R */
    SPT_RULE_SHARE_FALL, /* R has fallen from its peak by a few per cent */
    SPT_RULE_MEMORISED,  /* the noise is memorised: noisy_fit, or without it the training error */
    SPT_RULE_LOSS_BEND,  /* the training loss bends down towards 0 */
    SPT_RULE_COUNT,
    SPT_RULE_DEFAULT = SPT_RULE_SHARE_FALL
} spt_rule;

/** Name, what it looks at in a few words (static storage), and whether it needs R. */
const char *spt_rule_name(spt_rule rule);
const char *spt_rule_description(spt_rule rule);
bool spt_rule_needs_share(spt_rule rule);
/** Errors: SPT_EINVAL with the names that are known. */
spt_status spt_rule_find(const char *name, spt_rule *rule, spt_error *err);

typedef struct spt_prediction {
    spt_phase phase;
    double minimum; /* epoch at which the first descent ends; NaN: not told */
    double turn;    /* epoch at which the second descent starts; NaN unless SECOND */
} spt_prediction;

/** What a rule tells of a run from its records so far. Errors: SPT_ENOMEM. */
spt_status spt_rule_tell(spt_rule rule, const spt_training *training, spt_prediction *prediction, spt_error *err);

/** The epoch of the first record from which on the rule, seeing no later ones, tells the second descent and does not
 *  take it back. NaN where it does not tell. Cost: as many calls of spt_rule_tell as there are records. Errors:
 *  SPT_ENOMEM. */
spt_status spt_rule_known(spt_rule rule, const spt_training *training, double *epoch, spt_error *err);

/** How a rule did over many runs. Zero-initialise it. Errors are ln(told / true) of the second descent's start. */
typedef struct spt_score {
    size_t n_runs;                        /* added: those with a truth */
    size_t n_seen;                        /* whose test error has a second descent */
    size_t n_told;                        /* of these, told */
    size_t n_false;                       /* told, though there is none */
    size_t n_within;                      /* of the told and seen, off by a factor of 1.5 at most */
    double sum, squares, absolute, worst; /* of the errors: sums, and the largest in size */
    double delay;                         /* sum of ln(known / true) */
} spt_score;

void spt_score_add(spt_score *score, const spt_truth *truth, const spt_prediction *prediction, double known);

/* ---- a sweep, finished or under way */

typedef struct spt_monitor spt_monitor;

/** Get ready to look at FILE.h5, or at what FILE.h5.part holds while a sweep is under way. probe: the name of the line
 *  probe to take R from; NULL: the first along lines through training examples (kinds line and exact). Nothing is read
 *  yet. *out: spt_monitor_close. Errors: SPT_ENOMEM. */
spt_status spt_monitor_open(const char *path, const char *probe, spt_monitor **out, spt_error *err);
/** Takes NULL. */
void spt_monitor_close(spt_monitor *monitor);

/** Read what is new. The sweep's files are opened for reading, not locked, and closed again; what its writer has not
 *  written whole is not seen. Errors: SPT_EIO neither the file nor a sweep under way is there; SPT_EMISMATCH a sweep
 *  under way of another version of the software; else as spt_file_info_read (store.h). After one, only close. */
spt_status spt_monitor_update(spt_monitor *monitor, spt_error *err);

typedef struct spt_monitor_state {
    bool complete; /* FILE.h5 is there and has every run to its end: nothing more will come */
    bool running;  /* a process is writing, as far as can be told from this host */
    const spt_axes *axes;
    size_t shard, shards;     /* shards 0: the whole sweep */
    size_t n_runs, n_records; /* n_runs 0: nothing was recorded yet; records are those of each run when it is done */
    size_t n_recorded, n_diverged; /* records of all runs so far; runs */
    const char *probe;             /* whose R it is; NULL: there is none */
    const char *other_probes;      /* names of those that R was not taken from, "a, b" */
} spt_monitor_state;

/** All of it is the monitor's, until the next update. */
void spt_monitor_look(const spt_monitor *monitor, spt_monitor_state *state);

typedef struct spt_monitored {
    size_t number; /* of the run in the sweep */
    bool diverged; /* its records end there */
    spt_training training;
    spt_testing testing;
} spt_monitored;

/** run: 0 .. n_runs - 1. The arrays are the monitor's, until the next update. */
void spt_monitor_run_at(const spt_monitor *monitor, size_t run, spt_monitored *monitored);

#ifdef __cplusplus
}
#endif
#endif
