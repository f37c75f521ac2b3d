/* The settings of one run: every section read strictly, through the run's overlay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/number.h"
#include "config/overlay.h"
#include "config/schedule.h"
#include "spectrain/dataset.h"
#include "spectrain/probe.h"

enum { MAX_NAME = 100 /* bytes */, MAX_PROBES = 256 };

static const size_t MAX_LAYERS = 64, MAX_WIDTH = 16384, MAX_EPOCHS = 1000000000;
static const size_t DEFAULT_RECORDS = 40; /* log-spaced */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Section `key` of root: when it must be there, *section is set; else it may be NULL for an absent or empty one. */
static spt_status find_section(const spt_node *root, const char *key, const char *const *keys, size_t n_keys,
                               bool required, const spt_node **section, spt_error *err) {
    *section = spt_node_find(root, key);
    if (required && *section == NULL)
        return spt_node_require(root, key, section, err);
    if (!required && (*section == NULL || spt_tree_is_null(*section))) {
        *section = NULL;
        return SPT_OK;
    }
    return spt_node_only(*section, keys, n_keys, err);
}

static spt_status require_all(const spt_node *map, const char *const *keys, size_t n, spt_error *err) {
    const spt_node *value;
    spt_status status = SPT_OK;
    for (size_t i = 0; i < n && status == SPT_OK; i++)
        status = spt_node_require(map, keys[i], &value, err);
    return status;
}

/* ---- name */

static bool is_file_name(const char *name) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(name);
    return length > 0 && length <= MAX_NAME && strchr(first, name[0]) != NULL && strspn(name, rest) == length;
}

static spt_status read_name(const spt_node *root, char **name, spt_error *err) {
    spt_status status = spt_node_string(root, "name", name, err);
    if (status == SPT_OK && !is_file_name(*name))
        return spt_tree_fail_found(spt_node_find(root, "name"), err,
                                   "1 to 100 letters, digits, \"_\", \"-\" and \".\", not \"-\" or \".\" first");
    return status;
}

/* ---- model */

static spt_status read_model(const spt_node *root, spt_model_spec *model, spt_error *err) {
    static const char *const keys[] = {"hidden_layers", "width", "init"};
    const char *const inits[] = {spt_init_name(SPT_INIT_PYTORCH), spt_init_name(SPT_INIT_HE),
                                 spt_init_name(SPT_INIT_NTK)};
    const spt_node *section;
    size_t init = SPT_INIT_PYTORCH;
    spt_status status = find_section(root, "model", keys, COUNT(keys), true, &section, err);
    if (status == SPT_OK)
        status = require_all(section, keys, 2, err);
    if (status == SPT_OK)
        status = spt_node_size(section, "hidden_layers", 0, MAX_LAYERS, &model->hidden_layers, err);
    if (status == SPT_OK)
        status = spt_node_size(section, "width", 1, MAX_WIDTH, &model->width, err);
    if (status == SPT_OK)
        status = spt_node_choice(section, "init", inits, COUNT(inits), &init, err);
    model->init = (spt_init)init;
    return status;
}

/* ---- train */

/* Keys of another optimizer are known, but say something that would not happen. */
static spt_status refuse_others(const spt_node *section, spt_optimizer_kind kind, spt_error *err) {
    bool sgd = kind == SPT_OPTIMIZER_SGD;
    for (size_t i = 0; i < section->count; i++) {
        const char *key = section->entries[i].key;
        bool of_adam = strcmp(key, "beta1") == 0 || strcmp(key, "beta2") == 0 || strcmp(key, "eps") == 0;
        if (sgd ? of_adam : strcmp(key, "momentum") == 0)
            return spt_node_fail(section->entries[i].value, err,
                                 "is not a key of %s; allowed: kind, lr, weight_decay, %s", spt_optimizer_name(kind),
                                 sgd ? "momentum" : "beta1, beta2, eps");
    }
    return SPT_OK;
}

/* Defaults are PyTorch's; lr has none here. */
static spt_status read_optimizer(const spt_node *train, spt_optimizer *optimizer, spt_error *err) {
    static const char *const keys[] = {"kind", "lr", "momentum", "weight_decay", "beta1", "beta2", "eps"};
    const char *const kinds[] = {spt_optimizer_name(SPT_OPTIMIZER_SGD), spt_optimizer_name(SPT_OPTIMIZER_ADAM),
                                 spt_optimizer_name(SPT_OPTIMIZER_ADAMW)};
    const spt_node *section;
    size_t kind = 0;
    spt_status status = find_section(train, "optimizer", keys, COUNT(keys), true, &section, err);
    if (status == SPT_OK)
        status = require_all(section, keys, 2, err);
    if (status == SPT_OK)
        status = spt_node_choice(section, "kind", kinds, COUNT(kinds), &kind, err);
    if (status == SPT_OK)
        status = refuse_others(section, (spt_optimizer_kind)kind, err);
    if (status != SPT_OK)
        return status;
    *optimizer = (spt_optimizer){.kind = (spt_optimizer_kind)kind};
    if (kind != SPT_OPTIMIZER_SGD) {
        optimizer->beta1 = 0.9;
        optimizer->beta2 = 0.999;
        optimizer->eps = 1e-8;
        optimizer->weight_decay = kind == SPT_OPTIMIZER_ADAMW ? 0.01 : 0.0;
    }
    status = spt_node_real(section, "lr", SPT_ABOVE_ZERO, SPT_NO_BOUND, &optimizer->lr, err);
    if (status == SPT_OK)
        status = spt_node_real(section, "momentum", 0.0, SPT_BELOW_ONE, &optimizer->momentum, err);
    if (status == SPT_OK)
        status = spt_node_real(section, "weight_decay", 0.0, SPT_NO_BOUND, &optimizer->weight_decay, err);
    if (status == SPT_OK)
        status = spt_node_real(section, "beta1", 0.0, SPT_BELOW_ONE, &optimizer->beta1, err);
    if (status == SPT_OK)
        status = spt_node_real(section, "beta2", 0.0, SPT_BELOW_ONE, &optimizer->beta2, err);
    if (status == SPT_OK)
        status = spt_node_real(section, "eps", SPT_ABOVE_ZERO, SPT_NO_BOUND, &optimizer->eps, err);
    return status;
}

static spt_status read_batch(const spt_node *train, size_t *batch, spt_error *err) {
    const spt_node *node = spt_node_find(train, "batch");
    uint64_t examples;
    if (node->kind == SPT_NODE_SCALAR && strcmp(node->text, "full") == 0) {
        *batch = 0;
    } else if (node->kind == SPT_NODE_SCALAR && !node->quoted && spt_number_unsigned(node->text, &examples) &&
               examples >= 1 && examples <= UINT32_MAX) {
        *batch = (size_t)examples;
    } else {
        return spt_tree_fail_found(node, err, "integers 1 to 4294967295, full");
    }
    return SPT_OK;
}

static spt_status read_train(const spt_node *root, spt_train_spec *train, spt_error *err) {
    static const char *const keys[] = {"loss", "optimizer", "batch", "epochs", "seed"};
    const char *const losses[] = {spt_loss_name(SPT_LOSS_CROSS_ENTROPY), spt_loss_name(SPT_LOSS_MSE),
                                  spt_loss_name(SPT_LOSS_BCE)};
    const spt_node *section;
    size_t loss = 0;
    spt_status status = find_section(root, "train", keys, COUNT(keys), true, &section, err);
    if (status == SPT_OK)
        status = require_all(section, keys, 4, err);
    if (status == SPT_OK)
        status = spt_node_choice(section, "loss", losses, COUNT(losses), &loss, err);
    train->loss = (spt_loss)loss;
    if (status == SPT_OK)
        status = read_optimizer(section, &train->optimizer, err);
    if (status == SPT_OK)
        status = read_batch(section, &train->batch, err);
    if (status == SPT_OK)
        status = spt_node_size(section, "epochs", 1, MAX_EPOCHS, &train->epochs, err);
    if (status == SPT_OK)
        status = spt_node_u32(section, "seed", &train->seed, err);
    return status;
}

/* ---- record */

static spt_status read_record(const spt_node *root, spt_settings *settings, spt_error *err) {
    static const char *const keys[] = {"epochs", "weights", "data"};
    static const char *const keeps[] = {[SPT_KEEP_AUTO] = "auto", [SPT_KEEP_NO] = "false", [SPT_KEEP_YES] = "true"};
    const spt_node *section;
    size_t keep = SPT_KEEP_AUTO, last = settings->train.epochs;
    spt_status status = find_section(root, "record", keys, COUNT(keys), false, &section, err);
    if (status == SPT_OK)
        status = spt_schedule_read(section, "epochs", DEFAULT_RECORDS, last, &settings->records, err);
    if (status == SPT_OK)
        status = spt_schedule_read(section, "weights", 0, last, &settings->snapshots, err);
    if (status == SPT_OK)
        status = spt_node_choice(section, "data", keeps, COUNT(keeps), &keep, err);
    settings->keep_data = (spt_keep)keep;
    return status;
}

/* ---- probes */

static spt_status refuse_same_name(const spt_settings *settings, const spt_node *item, spt_error *err) {
    size_t last = settings->n_probes - 1;
    const char *name = spt_probe_spec_name(settings->probes[last]);
    for (size_t i = 0; i < last; i++)
        if (strcmp(spt_probe_spec_name(settings->probes[i]), name) == 0) {
            const spt_node *place = spt_node_find(item, "name");
            return spt_node_fail(place != NULL ? place : item, err,
                                 "is %s, as is that of probes.%zu; allowed: one probe of each name", name, i);
        }
    return SPT_OK;
}

static spt_status read_probes(const spt_node *root, spt_settings *settings, spt_error *err) {
    const spt_node *list = spt_node_find(root, "probes");
    if (list == NULL || spt_tree_is_null(list) || (list->kind == SPT_NODE_LIST && list->count == 0))
        return SPT_OK;
    if (list->kind != SPT_NODE_LIST) {
        return spt_tree_fail_found(list, err, "a list of maps with name and kind");
    }
    if (list->count > MAX_PROBES)
        return spt_node_fail(list, err, "has %zu items; allowed: at most %d", list->count, MAX_PROBES);
    settings->probes = calloc(list->count, sizeof *settings->probes);
    if (settings->probes == NULL)
        return spt_fail(err, SPT_ENOMEM, "probes: out of memory");
    for (size_t i = 0; i < list->count; i++) {
        const spt_node *item = list->entries[i].value;
        spt_status status = spt_probe_spec_read(item, &settings->probes[i], err);
        if (status != SPT_OK)
            return status;
        settings->n_probes++;
        status = refuse_same_name(settings, item, err);
        if (status != SPT_OK)
            return status;
    }
    return SPT_OK;
}

/* ---- all of it */

static spt_status read_settings(const spt_node *root, spt_settings *settings, spt_error *err) {
    static const char *const keys[] = {"name", "data", "model", "train", "record", "probes", "sweep"};
    spt_status status = spt_node_only(root, keys, COUNT(keys), err);
    if (status == SPT_OK)
        status = require_all(root, keys, 4, err);
    if (status == SPT_OK)
        status = read_name(root, &settings->name, err);
    if (status == SPT_OK)
        status = spt_data_spec_read(spt_node_find(root, "data"), &settings->data, err);
    if (status == SPT_OK)
        status = read_model(root, &settings->model, err);
    if (status == SPT_OK)
        status = read_train(root, &settings->train, err);
    if (status == SPT_OK)
        status = read_record(root, settings, err);
    if (status == SPT_OK)
        status = read_probes(root, settings, err);
    return status;
}

/* Whether a message is about this node, or a value in it. */
static bool is_about(const char *message, const spt_node *node) {
    char place[SPT_PLACE_CAPACITY], path[SPT_PATH_CAPACITY], start[SPT_PLACE_CAPACITY + SPT_PATH_CAPACITY + 4];
    spt_tree_place(node, place);
    spt_tree_path(node, path);
    size_t length = (size_t)snprintf(start, sizeof start, "%s: %s", place, path);
    return strncmp(message, start, length) == 0 && (message[length] == ':' || message[length] == '.');
}

/* An axis decides over the value in the section, which no run reads then; a mistake in it is one all the same. Read
 * with run 0's values of the other axes, and only an error in the value itself counts: with the axis it may be right
 * where it does not fit what is beside it. */
static spt_status check_decided(const spt_config *config, const spt_axes *axes, size_t a, spt_error *err) {
    const char *rest;
    const spt_node *node = spt_tree_follow(config->root, axes->axes[a].key, &rest), *root;
    spt_error found = {0};
    spt_pool pool = {0};
    spt_settings settings = {0};
    if (*rest != '\0' || spt_tree_is_null(node))
        return SPT_OK;
    spt_status status = spt_overlay_make(config, axes, 0, a, &pool, &root, &found);
    if (status == SPT_OK)
        status = read_settings(root, &settings, &found);
    spt_settings_free(&settings);
    spt_pool_free(&pool);
    if (status == SPT_ENOMEM || (status != SPT_OK && is_about(found.message, node)))
        return spt_fail(err, status, "%s", found.message);
    return SPT_OK;
}

spt_status spt_config_settings(const spt_config *config, const spt_axes *axes, size_t run, spt_settings *settings,
                               spt_error *err) {
    spt_pool pool = {0};
    const spt_node *root;
    *settings = (spt_settings){0};
    if (run >= axes->n_runs)
        return spt_fail(err, SPT_EINVAL, "run %zu of a sweep of %zu runs", run, axes->n_runs);
    spt_status status = spt_overlay_make(config, axes, run, SPT_OVERLAY_ALL, &pool, &root, err);
    if (status == SPT_OK)
        status = read_settings(root, settings, err);
    for (size_t a = 0; run == 0 && a < axes->n_axes && status == SPT_OK; a++)
        status = check_decided(config, axes, a, err);
    if (status != SPT_OK)
        spt_settings_free(settings);
    spt_pool_free(&pool);
    return status;
}

void spt_settings_free(spt_settings *settings) {
    if (settings == NULL)
        return;
    free(settings->name);
    spt_data_spec_free(settings->data);
    free(settings->records.epoch);
    free(settings->snapshots.epoch);
    for (size_t i = 0; i < settings->n_probes; i++)
        spt_probe_spec_free(settings->probes[i]);
    free(settings->probes);
    *settings = (spt_settings){0};
}
