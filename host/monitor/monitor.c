/* A sweep, finished or under way, that is looked at again and again. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "monitor/records.h"
#include "spectrain/monitor.h"
#include "store/lock.h"

struct spt_monitor {
    char *path, *folder, *probe; /* FILE.h5, FILE.h5.part; the probe asked for, NULL: any */
    spt_records records;
    spt_follower follower;
    bool any, complete, running;
};

double spt_high_share(const float *energy, size_t n) {
    double high = 0, total = n > 0 ? (double)energy[0] : 0;
    for (size_t k = 1; k < n; k++)
        high += (double)energy[k];
    total += high;
    return total > 0 && isfinite(total) ? high / total : NAN;
}

void spt_monitor_close(spt_monitor *monitor) {
    if (monitor == NULL)
        return;
    spt_records_free(&monitor->records);
    spt_follower_free(&monitor->follower);
    free(monitor->path);
    free(monitor->folder);
    free(monitor->probe);
    free(monitor);
}

spt_status spt_monitor_open(const char *path, const char *probe, spt_monitor **out, spt_error *err) {
    size_t bytes = strlen(path) + sizeof ".part";
    spt_monitor *monitor = calloc(1, sizeof *monitor);
    *out = NULL;
    if (monitor != NULL) {
        monitor->path = spt_text_copy(path);
        monitor->probe = spt_text_copy(probe);
        monitor->folder = malloc(bytes);
    }
    if (monitor == NULL || monitor->path == NULL || monitor->folder == NULL || (probe != NULL && !monitor->probe)) {
        spt_monitor_close(monitor);
        return spt_fail(err, SPT_ENOMEM, "%s: no memory to monitor it", path);
    }
    snprintf(monitor->folder, bytes, "%s.part", path);
    *out = monitor;
    return SPT_OK;
}

static bool is_there(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 || errno != ENOENT;
}

static spt_status from_file(spt_monitor *monitor, spt_error *err) {
    spt_records records;
    bool complete = false;
    spt_status status = spt_records_from_file(monitor->path, monitor->probe, &records, &complete, err);
    if (status != SPT_OK) {
        spt_records_free(&records);
        return status;
    }
    spt_records_free(&monitor->records);
    spt_follower_free(&monitor->follower);
    monitor->records = records;
    monitor->complete = complete;
    monitor->any = true;
    return SPT_OK;
}

/* The journal first: while there is one, FILE.h5 is what an earlier sweep left, or what this one had when it was
 * interrupted. When there is none any more, FILE.h5 is there: it takes its name before the journal goes. */
spt_status spt_monitor_update(spt_monitor *monitor, spt_error *err) {
    bool journal = false;
    monitor->running = spt_lock_may_be_held(monitor->folder);
    spt_status status =
        spt_records_from_journal(monitor->folder, monitor->probe, &monitor->follower, &monitor->records, &journal, err);
    if (status != SPT_OK)
        return status;
    if (journal) {
        monitor->any = true;
        return SPT_OK;
    }
    if (is_there(monitor->path))
        return from_file(monitor, err);
    if (monitor->running) /* it has begun, and has made nothing yet */
        return SPT_OK;
    if (is_there(monitor->folder))
        return spt_fail(err, SPT_EIO, "%s: holds a sweep that was interrupted before its first record",
                        monitor->folder);
    return spt_fail(err, SPT_EIO, "%s: %s", monitor->path, strerror(ENOENT));
}

void spt_monitor_look(const spt_monitor *monitor, spt_monitor_state *state) {
    const spt_records *records = &monitor->records;
    *state = (spt_monitor_state){.complete = monitor->complete,
                                 .running = monitor->running && !monitor->complete,
                                 .axes = &records->axes,
                                 .shard = records->shard,
                                 .shards = records->shards,
                                 .n_runs = records->n_runs,
                                 .n_records = records->n_records,
                                 .probe = records->probe[0] != '\0' ? records->probe : NULL,
                                 .other_probes = records->others};
    for (size_t r = 0; r < records->n_runs; r++) {
        state->n_recorded += records->recorded[r];
        state->n_diverged += records->diverged[r];
    }
}

void spt_monitor_run_at(const spt_monitor *monitor, size_t run, spt_monitored *monitored) {
    const spt_records *records = &monitor->records;
    size_t n = records->recorded[run];
    *monitored = (spt_monitored){
        .number = records->number[run],
        .diverged = records->diverged[run],
        .training = {.n = n,
                     .epoch = records->epoch,
                     .share = spt_records_of(records, SPT_SERIES_SHARE, run),
                     .train_loss = spt_records_of(records, SPT_SERIES_TRAIN_LOSS, run),
                     .train_error = spt_records_of(records, SPT_SERIES_TRAIN_ERROR, run),
                     .noisy_fit = spt_records_of(records, SPT_SERIES_NOISY_FIT, run)},
        .testing = {.n = n,
                    .epoch = records->epoch,
                    .error = spt_records_of(records, SPT_SERIES_TEST_ERROR, run),
                    .loss = spt_records_of(records, SPT_SERIES_TEST_LOSS, run)},
    };
}
