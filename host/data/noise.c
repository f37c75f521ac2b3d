/* Label noise: a fraction of the training labels replaced at random [G24], or permuted among themselves [Z21]. */
#include <math.h>
#include <stdlib.h>

#include "data/spec.h"
#include "spectrain/rng.h"

/* Substreams of SPT_STREAM_LABEL_NOISE: part of the promise that a seed gives the same bits. */
enum { CHOICE = 0, NEW_LABEL = 1, PERMUTATION = 2 };

static void draw_labels(uint32_t seed, size_t classes, const uint32_t *chosen, size_t n_chosen, int32_t *label) {
    for (size_t j = 0; j < n_chosen; j++) {
        double u = spt_random_unit(spt_random(seed, SPT_STREAM_LABEL_NOISE, NEW_LABEL, chosen[j]), 0);
        label[chosen[j]] = (int32_t)(u * (double)classes);
    }
}

/* chosen[j] gets the label of chosen[order[j]]. */
static void permute_labels(const uint32_t *chosen, const uint32_t *order, size_t n_chosen, const int32_t *before,
                           int32_t *label) {
    for (size_t j = 0; j < n_chosen; j++)
        label[chosen[j]] = before[order[j]];
}

spt_status spt_label_noise(spt_noise_kind kind, double fraction, uint32_t seed, size_t classes, int32_t *label,
                           size_t n, spt_error *err) {
    size_t n_chosen = (size_t)llround(fraction * (double)n);
    if (kind == SPT_NOISE_NONE || n_chosen == 0)
        return SPT_OK;
    uint32_t *chosen = malloc(n * sizeof *chosen);
    uint32_t *order = malloc(n_chosen * sizeof *order);
    int32_t *before = malloc(n_chosen * sizeof *before);
    uint64_t *scratch = malloc(2 * n * sizeof *scratch);
    spt_status status = SPT_OK;
    if (chosen == NULL || order == NULL || before == NULL || scratch == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "data.label_noise: out of memory for %zu examples", n);
        goto done;
    }
    spt_random_permutation(seed, SPT_STREAM_LABEL_NOISE, CHOICE, n, chosen, scratch);
    if (kind == SPT_NOISE_UNIFORM) {
        draw_labels(seed, classes, chosen, n_chosen, label);
    } else {
        for (size_t j = 0; j < n_chosen; j++)
            before[j] = label[chosen[j]];
        spt_random_permutation(seed, SPT_STREAM_LABEL_NOISE, PERMUTATION, n_chosen, order, scratch);
        permute_labels(chosen, order, n_chosen, before, label);
    }
done:
    free(chosen);
    free(order);
    free(before);
    free(scratch);
    return status;
}
