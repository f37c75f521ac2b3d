/* The second descent starts where R is largest: from there on the network grows smoother between training examples.
 * Told once R has fallen from there by more than noise. Source: Zhang, Xiong, Wu 2021, who see both peaks together. */
#include "monitor/rules.h"

static const double LEAST = 0.01; /* of the peak: a rise or fall that counts */

bool spt_share_find_peak(const spt_curve *curve, size_t *peak) {
    *peak = spt_curve_highest(curve, 0, curve->n);
    return spt_curve_above(curve, *peak, spt_curve_lowest(curve, 0, *peak + 1), LEAST * curve->smooth[*peak]);
}

spt_status spt_rule_share_peak(const spt_training *training, spt_prediction *prediction, spt_error *err) {
    spt_curve curve;
    spt_status status = spt_curve_make(training->epoch, training->share, training->n, &curve, err);
    if (status == SPT_OK && curve.n >= SPT_MONITOR_LEAST_RECORDS) {
        size_t peak;
        prediction->phase = SPT_PHASE_DESCENT;
        if (spt_share_find_peak(&curve, &peak) &&
            spt_curve_above(&curve, peak, spt_curve_lowest(&curve, peak, curve.n), LEAST * curve.smooth[peak])) {
            prediction->phase = SPT_PHASE_SECOND;
            prediction->turn = spt_curve_epoch(&curve, peak);
        }
    }
    spt_curve_free(&curve);
    return status;
}
