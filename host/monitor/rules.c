#include "monitor/rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One a line. */
/* clang-format off */
static const struct {
    const char *name, *description;
    bool needs_share;
    spt_rule_fn tell;
} RULES[SPT_RULE_COUNT] = {
    [SPT_RULE_SHARE_PEAK] = {"share_peak", "R is at its peak", true, spt_rule_share_peak},
    [SPT_RULE_SHARE_FALL] = {"share_fall", "R has fallen 3 % from its peak", true, spt_rule_share_fall},
    [SPT_RULE_MEMORISED] = {"memorised", "90 % of the noisy labels are fitted", false, spt_rule_memorised},
    [SPT_RULE_LOSS_BEND] = {"loss_bend", "the training loss bends towards 0", false, spt_rule_loss_bend},
};
/* clang-format on */

const char *spt_rule_name(spt_rule rule) {
    return RULES[rule].name;
}

const char *spt_rule_description(spt_rule rule) {
    return RULES[rule].description;
}

bool spt_rule_needs_share(spt_rule rule) {
    return RULES[rule].needs_share;
}

spt_status spt_rule_find(const char *name, spt_rule *rule, spt_error *err) {
    char known[256] = "";
    for (int r = 0; r < SPT_RULE_COUNT; r++) {
        if (strcmp(RULES[r].name, name) == 0) {
            *rule = (spt_rule)r;
            return SPT_OK;
        }
        size_t end = strlen(known);
        snprintf(known + end, sizeof known - end, "%s%s", r > 0 ? ", " : "", RULES[r].name);
    }
    return spt_fail(err, SPT_EINVAL, "rule %s: unknown; known: %s", name, known);
}

spt_status spt_rule_tell(spt_rule rule, const spt_training *training, spt_prediction *prediction, spt_error *err) {
    *prediction = (spt_prediction){.phase = SPT_PHASE_UNKNOWN, .minimum = NAN, .turn = NAN};
    return RULES[rule].tell(training, prediction, err);
}

spt_status spt_rule_known(spt_rule rule, const spt_training *training, double *epoch, spt_error *err) {
    spt_training until = *training;
    *epoch = NAN;
    for (; until.n > 0; until.n--) {
        spt_prediction told;
        spt_status status = spt_rule_tell(rule, &until, &told, err);
        if (status != SPT_OK || told.phase != SPT_PHASE_SECOND)
            return status;
        *epoch = until.epoch[until.n - 1];
    }
    return SPT_OK;
}

/* The first of the last points that are all on one side of the level: sign 1 above, -1 below. */
static bool stays(const spt_curve *curve, size_t first, double level, double sign, size_t *point) {
    size_t at = curve->n;
    while (at > first && sign * (curve->smooth[at - 1] - level) >= 0)
        at--;
    *point = at;
    return at < curve->n && curve->x[curve->n - 1] - curve->x[at] >= SPT_RULE_PERSISTENCE;
}

bool spt_curve_stays_above(const spt_curve *curve, size_t first, double level, size_t *point) {
    return stays(curve, first, level, 1, point);
}

bool spt_curve_stays_below(const spt_curve *curve, size_t first, double level, size_t *point) {
    return stays(curve, first, level, -1, point);
}
