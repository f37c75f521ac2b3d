/* The keys that an axis of a sweep may have. Those of the data source are for its reader to check. */
#include <string.h>

#include "config/axes.h"

typedef struct axis_key {
    const char *name;
    spt_axis_type type;
} axis_key;

static const axis_key KEYS[] = {
    {"model.hidden_layers", SPT_AXIS_INTEGER},
    {"model.width", SPT_AXIS_INTEGER},
    {"model.init", SPT_AXIS_TEXT},
    {"train.loss", SPT_AXIS_TEXT},
    {"train.batch", SPT_AXIS_INTEGER_OR_TEXT},
    {"train.seed", SPT_AXIS_INTEGER},
    {"train.optimizer.kind", SPT_AXIS_TEXT},
    {"train.optimizer.lr", SPT_AXIS_REAL},
    {"train.optimizer.momentum", SPT_AXIS_REAL},
    {"train.optimizer.weight_decay", SPT_AXIS_REAL},
    {"train.optimizer.beta1", SPT_AXIS_REAL},
    {"train.optimizer.beta2", SPT_AXIS_REAL},
    {"train.optimizer.eps", SPT_AXIS_REAL},
    {"data.seed", SPT_AXIS_INTEGER},
    {"data.train", SPT_AXIS_INTEGER},
    {"data.standardize", SPT_AXIS_TEXT},
    {"data.label_noise.kind", SPT_AXIS_TEXT},
    {"data.label_noise.fraction", SPT_AXIS_REAL},
};

static const char *const FIXED[] = {"train.epochs", "data.source", "data.test", "data.path"};

static bool begins(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

spt_status spt_axis_key_type(const spt_node *axis, spt_axis_type *type, spt_error *err) {
    const char *key = axis->key;
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
        if (strcmp(key, KEYS[i].name) == 0) {
            *type = KEYS[i].type;
            return SPT_OK;
        }
    for (size_t i = 0; i < sizeof FIXED / sizeof FIXED[0]; i++)
        if (strcmp(key, FIXED[i]) == 0)
            return spt_node_fail(axis, err, "cannot be swept: it is the same in all runs of a sweep");
    if (begins(key, "model."))
        return spt_node_fail(axis, err, "is not a known key; allowed: model.hidden_layers, model.width, model.init");
    if (begins(key, "train."))
        return spt_node_fail(axis, err,
                             "is not a known key; allowed: train.loss, train.batch, train.seed, train.optimizer.kind, "
                             "and lr, momentum, weight_decay, beta1, beta2, eps of train.optimizer");
    if (begins(key, "data.")) {
        *type = SPT_AXIS_ANY;
        return SPT_OK;
    }
    return spt_node_fail(axis, err,
                         "cannot be swept; allowed: keys of model, train (not train.epochs) and data (not data.source, "
                         "data.test, data.path)");
}
