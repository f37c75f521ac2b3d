/* The second descent starts when the noise is memorised: there is nothing left to bend the function for. The first one
 * ends when memorising begins. By noisy_fit where it is recorded, else by the training error. */
#include "monitor/rules.h"

static const double FIT_BEGUN = 0.3, FIT_DONE = 0.9; /* shares of the changed labels */
static const double ERROR_DONE = 0.04;               /* training error */

static void by_noisy_fit(const spt_curve *curve, spt_prediction *prediction) {
    size_t begun, done;
    prediction->phase = SPT_PHASE_DESCENT;
    if (spt_curve_stays_above(curve, 0, FIT_BEGUN, &begun)) {
        prediction->phase = SPT_PHASE_ASCENT;
        prediction->minimum = spt_curve_epoch(curve, begun);
    }
    if (spt_curve_stays_above(curve, 0, FIT_DONE, &done)) {
        prediction->phase = SPT_PHASE_SECOND;
        prediction->turn = spt_curve_epoch(curve, done);
    }
}

static void by_training_error(const spt_curve *curve, spt_prediction *prediction) {
    size_t done;
    prediction->phase = SPT_PHASE_DESCENT;
    if (spt_curve_stays_below(curve, 0, ERROR_DONE, &done)) {
        prediction->phase = SPT_PHASE_SECOND;
        prediction->turn = spt_curve_epoch(curve, done);
    }
}

spt_status spt_rule_memorised(const spt_training *training, spt_prediction *prediction, spt_error *err) {
    spt_curve fit, error = {0};
    spt_status status = spt_curve_make(training->epoch, training->noisy_fit, training->n, &fit, err);
    if (status == SPT_OK && fit.n < SPT_MONITOR_LEAST_RECORDS)
        status = spt_curve_make(training->epoch, training->train_error, training->n, &error, err);
    if (status == SPT_OK && fit.n >= SPT_MONITOR_LEAST_RECORDS)
        by_noisy_fit(&fit, prediction);
    else if (status == SPT_OK && error.n >= SPT_MONITOR_LEAST_RECORDS)
        by_training_error(&error, prediction);
    spt_curve_free(&fit);
    spt_curve_free(&error);
    return status;
}
