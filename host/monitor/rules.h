/* The rules: each is one file, rule_*.c, and one line in the table of rules.c. */
#ifndef SPT_HOST_MONITOR_RULES_H
#define SPT_HOST_MONITOR_RULES_H

#include "monitor/curve.h"
#include "spectrain/monitor.h"

/** Fill *prediction, which says UNKNOWN and NaN so far. Errors: SPT_ENOMEM. */
typedef spt_status (*spt_rule_fn)(const spt_training *training, spt_prediction *prediction, spt_error *err);

spt_status spt_rule_share_peak(const spt_training *training, spt_prediction *prediction, spt_error *err);
spt_status spt_rule_share_fall(const spt_training *training, spt_prediction *prediction, spt_error *err);
spt_status spt_rule_memorised(const spt_training *training, spt_prediction *prediction, spt_error *err);
spt_status spt_rule_loss_bend(const spt_training *training, spt_prediction *prediction, spt_error *err);

/** The point where R is largest, if R has risen to it: by 1 % of it at least, and by more than noise. */
bool spt_share_find_peak(const spt_curve *curve, size_t *peak);

/** The first point from `first` on from which the curve stays at or above the level to its end, and does so over
 *  SPT_RULE_PERSISTENCE of ln(epoch) at least. */
#define SPT_RULE_PERSISTENCE 0.1
bool spt_curve_stays_above(const spt_curve *curve, size_t first, double level, size_t *point);
bool spt_curve_stays_below(const spt_curve *curve, size_t first, double level, size_t *point);

#endif
