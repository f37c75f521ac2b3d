#include "config/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "config/number.h"
#include "config/tree.h"

enum { MAX_EPOCHS = 1000000 }; /* of one schedule */

static int compare_epochs(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Room for n epochs and, always, 0 and the last. */
static spt_status reserve(spt_schedule *schedule, size_t n, const char *key, spt_error *err) {
    schedule->n = 0;
    schedule->epoch = calloc(n + 2, sizeof *schedule->epoch);
    return schedule->epoch != NULL ? SPT_OK : spt_fail(err, SPT_ENOMEM, "record.%s: out of memory", key);
}

static void add(spt_schedule *schedule, uint64_t epoch) {
    schedule->epoch[schedule->n++] = epoch;
}

static void complete(spt_schedule *schedule, size_t last) {
    size_t unique = 0;
    add(schedule, 0);
    add(schedule, last);
    qsort(schedule->epoch, schedule->n, sizeof *schedule->epoch, compare_epochs);
    for (size_t i = 0; i < schedule->n; i++)
        if (i == 0 || schedule->epoch[i] != schedule->epoch[i - 1])
            schedule->epoch[unique++] = schedule->epoch[i];
    schedule->n = unique;
}

/* n integers from 1 to last, evenly spaced on a logarithmic scale before rounding. */
static void add_logarithmic(spt_schedule *schedule, size_t n, size_t last) {
    for (size_t i = 0; i < n; i++) {
        double exponent = n > 1 ? (double)i / (double)(n - 1) : 0.0;
        add(schedule, (uint64_t)llround(pow((double)last, exponent)));
    }
}

static spt_status read_list(const spt_node *list, const char *key, size_t last, spt_schedule *schedule,
                            spt_error *err) {
    spt_status status = reserve(schedule, list->count, key, err);
    for (size_t i = 0; i < list->count && status == SPT_OK; i++) {
        const spt_node *item = list->entries[i].value;
        uint64_t epoch;
        if (item->kind == SPT_NODE_SCALAR && !item->quoted && spt_number_unsigned(item->text, &epoch) &&
            epoch <= last) {
            add(schedule, epoch);
        } else {
            char found[SPT_FOUND_CAPACITY];
            spt_tree_found(item, found);
            status = spt_node_fail(item, err, "is %s; allowed: integers 0 to %zu (train.epochs)", found, last);
        }
    }
    return status;
}

static spt_status read_generator(const spt_node *map, const char *key, size_t last, spt_schedule *schedule,
                                 spt_error *err) {
    static const char *const generators[] = {"every", "logspace"};
    size_t every = 0, points = 0;
    spt_status status = spt_node_only(map, generators, 2, err);
    if (status == SPT_OK && map->count != 1)
        return spt_node_fail(map, err, "has %zu keys; allowed: one of every, logspace", map->count);
    if (status == SPT_OK)
        status = spt_node_size(map, "every", 1, SIZE_MAX, &every, err);
    if (status == SPT_OK)
        status = spt_node_size(map, "logspace", 1, MAX_EPOCHS, &points, err);
    if (status == SPT_OK && every > 0 && last / every > MAX_EPOCHS)
        return spt_node_fail(map, err, "takes %zu epochs; allowed: at most %d", last / every, MAX_EPOCHS);
    if (status == SPT_OK)
        status = reserve(schedule, every > 0 ? last / every : points, key, err);
    if (status != SPT_OK)
        return status;
    if (every > 0)
        for (size_t i = 1; i <= last / every; i++)
            add(schedule, i * every);
    else
        add_logarithmic(schedule, points, last);
    return SPT_OK;
}

spt_status spt_schedule_read(const spt_node *map, const char *key, size_t log_points, size_t last,
                             spt_schedule *schedule, spt_error *err) {
    const spt_node *node = spt_node_find(map, key);
    spt_status status = SPT_OK;
    if (node == NULL || spt_tree_is_null(node)) {
        status = reserve(schedule, log_points, key, err);
        if (status == SPT_OK)
            add_logarithmic(schedule, log_points, last);
    } else if (node->kind == SPT_NODE_LIST) {
        status = read_list(node, key, last, schedule, err);
    } else if (node->kind == SPT_NODE_MAP) {
        status = read_generator(node, key, last, schedule, err);
    } else {
        status = spt_tree_fail_found(node, err, "a list of epochs, {every: n}, {logspace: n}");
    }
    if (status == SPT_OK)
        complete(schedule, last);
    return status;
}
