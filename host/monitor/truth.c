/* The turns of a curve of test error: what predictions are measured against. */
#include <math.h>

#include "monitor/curve.h"
#include "spectrain/monitor.h"

/* Of the level at the minimum: how much a rise and a fall must have. */
static const double LEAST_CHANGE = 0.02;
/* From the minimum to the maximum, in ln(epoch): what is shorter is a wiggle of the first epochs. */
static const double LEAST_ASCENT = 0.25;
/* The level after is the mean over so much of ln(epoch) at the end. */
static const double END_SPAN = 0.07;

const char *spt_phase_name(spt_phase phase) {
    static const char *const NAME[] = {"unknown", "descent", "ascent", "second"};
    return NAME[phase];
}

/* The lowest point that a maximum at `turn` can have risen from. */
static bool find_minimum(const spt_curve *curve, size_t turn, size_t *minimum) {
    size_t end = 0;
    while (end < turn && curve->x[end] <= curve->x[turn] - LEAST_ASCENT)
        end++;
    if (end == 0)
        return false;
    *minimum = spt_curve_lowest(curve, 0, end);
    return true;
}

/* Of all maxima with a rise before them and a fall after, the one of which the smaller of the two is largest; without a
 * fall, the one with the largest rise. */
static spt_phase find_turns(const spt_curve *curve, size_t *minimum, size_t *turn) {
    double most = -1, highest = -1;
    spt_phase phase = SPT_PHASE_DESCENT;
    for (size_t j = 1; j < curve->n; j++) {
        size_t i, after = spt_curve_lowest(curve, j, curve->n);
        if (!find_minimum(curve, j, &i))
            continue;
        double least = LEAST_CHANGE * curve->smooth[i];
        double rise = curve->smooth[j] - curve->smooth[i], fall = curve->smooth[j] - curve->smooth[after];
        if (!spt_curve_above(curve, j, i, least))
            continue;
        if (spt_curve_above(curve, j, after, least) && fmin(rise, fall) > most) {
            phase = SPT_PHASE_SECOND;
            most = fmin(rise, fall);
            *minimum = i;
            *turn = j;
        } else if (phase != SPT_PHASE_SECOND && rise > highest) {
            phase = SPT_PHASE_ASCENT;
            highest = rise;
            *minimum = i;
            *turn = j;
        }
    }
    return phase;
}

static double level_at_end(const spt_testing *testing, const double *level) {
    double sum = 0, last = 0;
    size_t n = 0;
    for (size_t i = testing->n; i-- > 0;) {
        if (!isfinite(level[i]) || !(testing->epoch[i] > 0))
            continue;
        if (n == 0)
            last = testing->epoch[i];
        if (log(last / testing->epoch[i]) > END_SPAN)
            break;
        sum += level[i];
        n++;
    }
    return n > 0 ? sum / (double)n : NAN;
}

static bool any_finite(const double *values, size_t n) {
    for (size_t i = 0; values != NULL && i < n; i++)
        if (isfinite(values[i]))
            return true;
    return false;
}

spt_status spt_truth_find(const spt_testing *testing, spt_truth *truth, spt_error *err) {
    spt_curve curve;
    size_t minimum = 0, turn = 0;
    *truth = (spt_truth){.minimum = NAN, .minimum_level = NAN, .turn = NAN, .turn_level = NAN, .after = NAN};
    truth->by_loss = !any_finite(testing->error, testing->n);
    const double *level = truth->by_loss ? testing->loss : testing->error;
    spt_status status = spt_curve_make(testing->epoch, level, testing->n, &curve, err);
    if (status == SPT_OK && curve.n >= SPT_MONITOR_LEAST_RECORDS)
        truth->phase = find_turns(&curve, &minimum, &turn);
    if (truth->phase >= SPT_PHASE_ASCENT) {
        truth->minimum = spt_curve_epoch(&curve, minimum);
        truth->minimum_level = curve.smooth[minimum];
    }
    if (truth->phase == SPT_PHASE_SECOND) {
        truth->turn = spt_curve_epoch(&curve, turn);
        truth->turn_level = curve.smooth[turn];
        truth->after = level_at_end(testing, level);
    }
    spt_curve_free(&curve);
    return status;
}
