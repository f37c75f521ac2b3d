/* How a rule did over many runs. */
#include <math.h>

#include "spectrain/monitor.h"

static const double WITHIN = 1.5; /* a factor in epochs */

void spt_score_add(spt_score *score, const spt_truth *truth, const spt_prediction *prediction, double known) {
    if (truth->phase == SPT_PHASE_UNKNOWN)
        return;
    bool seen = truth->phase == SPT_PHASE_SECOND, told = prediction->phase == SPT_PHASE_SECOND;
    score->n_runs++;
    score->n_seen += seen;
    score->n_false += told && !seen;
    if (!told || !seen)
        return;
    double error = log(prediction->turn / truth->turn);
    score->n_told++;
    score->n_within += fabs(error) <= log(WITHIN);
    score->sum += error;
    score->squares += error * error;
    score->absolute += fabs(error);
    if (fabs(error) > fabs(score->worst))
        score->worst = error;
    score->delay += log(known / truth->turn);
}
