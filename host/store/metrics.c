/* Names of the metrics in the file. */
#include "spectrain/store.h"

static const struct {
    const char *name, *long_name, *units;
} METRICS[SPT_METRIC_COUNT] = {
    [SPT_METRIC_TRAIN_LOSS] = {"train_loss", "mean loss over the training examples, noise included", "1"},
    [SPT_METRIC_TRAIN_ERROR] = {"train_error", "share of training examples whose class is wrong, noise included", "1"},
    [SPT_METRIC_TEST_LOSS] = {"test_loss", "mean loss over the test examples", "1"},
    [SPT_METRIC_TEST_ERROR] = {"test_error", "share of test examples whose class is wrong", "1"},
    [SPT_METRIC_NOISY_FIT] = {"noisy_fit", "share of the examples with a changed label predicted as that label", "1"},
    [SPT_METRIC_NOISY_CLEAN] = {"noisy_clean", "share of the examples with a changed label predicted as their true one",
                                "1"},
    [SPT_METRIC_CLEAN_FIT] = {"clean_fit", "share of the examples with an unchanged label predicted right", "1"},
    [SPT_METRIC_LIPSCHITZ_BOUND] = {"lipschitz_bound", "product of the spectral norms of all layers", "1"},
};

const char *spt_metric_name(spt_metric metric) {
    return METRICS[metric].name;
}

const char *spt_metric_long_name(spt_metric metric) {
    return METRICS[metric].long_name;
}

const char *spt_metric_units(spt_metric metric) {
    return METRICS[metric].units;
}
