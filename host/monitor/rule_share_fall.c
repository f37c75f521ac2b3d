/* The second descent starts where R has fallen from its peak by FALL, and does not come back: R turns before test error
 * does, while the rest of the noise is being memorised. */
#include "monitor/rules.h"

static const double FALL = 0.03; /* of the peak; chosen on the epochs experiment: bench/results/monitor.md */

spt_status spt_rule_share_fall(const spt_training *training, spt_prediction *prediction, spt_error *err) {
    spt_curve curve;
    spt_status status = spt_curve_make(training->epoch, training->share, training->n, &curve, err);
    if (status == SPT_OK && curve.n >= SPT_MONITOR_LEAST_RECORDS) {
        size_t peak, turn;
        prediction->phase = SPT_PHASE_DESCENT;
        if (spt_share_find_peak(&curve, &peak) &&
            spt_curve_stays_below(&curve, peak, (1 - FALL) * curve.smooth[peak], &turn)) {
            prediction->phase = SPT_PHASE_SECOND;
            prediction->turn = spt_curve_epoch(&curve, turn);
        }
    }
    spt_curve_free(&curve);
    return status;
}
