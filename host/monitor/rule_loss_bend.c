/* The second descent starts where the training loss bends towards 0: over ln(epoch) it falls fastest while noise is
 * being memorised, and has nothing left to fall by after. The bend is where the second difference of the loss, over
 * SPAN to both sides, is largest, provided that little of the loss is left there. */
#include "monitor/rules.h"

static const double SPAN = 0.25; /* of ln(epoch) */
static const double LEFT = 0.2;  /* of the largest loss: more than that left is a bend of another kind */

/* The curve at x, straight between points; x lies within. *from: the point to look from, and where it was found. */
static double value_at(const spt_curve *curve, double x, size_t *from) {
    while (*from + 2 < curve->n && curve->x[*from + 1] < x)
        (*from)++;
    size_t i = *from;
    double part = (x - curve->x[i]) / (curve->x[i + 1] - curve->x[i]);
    return curve->smooth[i] + part * (curve->smooth[i + 1] - curve->smooth[i]);
}

static bool find_bend(const spt_curve *curve, size_t *bend) {
    double most = 0, largest = curve->smooth[spt_curve_highest(curve, 0, curve->n)];
    for (size_t i = 0, before = 0, after = 0; i < curve->n; i++) {
        double x = curve->x[i];
        if (x - SPAN < curve->x[0] || x + SPAN > curve->x[curve->n - 1])
            continue;
        double second = value_at(curve, x - SPAN, &before) + value_at(curve, x + SPAN, &after) - 2 * curve->smooth[i];
        if (second > most) {
            most = second;
            *bend = i;
        }
    }
    return most > 0 && curve->smooth[*bend] <= LEFT * largest;
}

spt_status spt_rule_loss_bend(const spt_training *training, spt_prediction *prediction, spt_error *err) {
    spt_curve curve;
    spt_status status = spt_curve_make(training->epoch, training->train_loss, training->n, &curve, err);
    if (status == SPT_OK && curve.n >= SPT_MONITOR_LEAST_RECORDS) {
        size_t bend = 0;
        prediction->phase = SPT_PHASE_DESCENT;
        if (find_bend(&curve, &bend)) {
            prediction->phase = SPT_PHASE_SECOND;
            prediction->turn = spt_curve_epoch(&curve, bend);
        }
    }
    spt_curve_free(&curve);
    return status;
}
