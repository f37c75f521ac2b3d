/* A sweep on several devices of one machine: shards handed out to processes, watched, merged. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "core/clock.h"
#include "store/io.h"
#include "store/output.h"
#include "store/progress.h"
#include "sweep/node.h"
#include "sweep/sweep_internal.h"

static const struct timespec LOOK = {.tv_nsec = 100000000}; /* between two looks at the workers */

typedef enum shard_state { WAITING, RUNNING, DONE, INTERRUPTED, FAILED } shard_state;

/* A device of those that were given. */
typedef struct device_seat {
    long pid; /* of its worker; 0: none */
    size_t shard;
    bool lost; /* a worker has failed on it */
} device_seat;

typedef struct supervisor {
    const spt_node_options *options;
    spt_node_folder folder;
    char *config_path;
    shard_state *shards; /* (n_shards of the folder) */
    double *fractions;   /* (n_shards) of each, done when it was heard of last */
    device_seat *seats;  /* (n_devices) */
    double started;
    bool stopping; /* the workers have been told */
} supervisor;

static size_t count(const supervisor *s, shard_state state) {
    size_t n = 0;
    for (size_t i = 0; i < s->folder.n_shards; i++)
        n += s->shards[i] == state;
    return n;
}

static spt_worker worker_at(const supervisor *s, size_t device, size_t shard) {
    return (spt_worker){.shard = shard,
                        .shards = s->folder.n_shards,
                        .device = s->options->devices[device],
                        .config = s->config_path,
                        .output = s->folder.shards[shard]};
}

/* ---- handing out */

/* Whether somebody is at a shard: a worker of a process that was killed may still be saving it. */
static bool is_held(const supervisor *s, size_t shard) {
    spt_output output;
    bool held = spt_output_init(&output, s->folder.shards[shard], NULL) == SPT_OK && spt_lock_is_taken(output.folder);
    spt_output_free(&output);
    return held;
}

static spt_status seat_worker(supervisor *s, size_t device, size_t shard, spt_error *err) {
    device_seat *seat = &s->seats[device];
    spt_worker worker = worker_at(s, device, shard);
    spt_status status = s->options->start(&worker, &seat->pid, s->options->user, err);
    if (status == SPT_OK) {
        seat->shard = shard;
        s->shards[shard] = RUNNING;
    } else
        seat->pid = 0;
    return status;
}

/* The next shards to the devices that are free. */
static spt_status seat_workers(supervisor *s, spt_error *err) {
    spt_status status = SPT_OK;
    size_t shard = 0;
    for (size_t d = 0; d < s->options->n_devices && status == SPT_OK; d++) {
        if (s->seats[d].pid != 0 || s->seats[d].lost)
            continue;
        while (shard < s->folder.n_shards && (s->shards[shard] != WAITING || is_held(s, shard)))
            shard++;
        if (shard == s->folder.n_shards)
            break;
        status = seat_worker(s, d, shard, err);
    }
    return status;
}

/* Whether shards wait for a device that has not failed. */
static bool has_more(const supervisor *s) {
    bool seats = false;
    for (size_t d = 0; d < s->options->n_devices; d++)
        seats = seats || !s->seats[d].lost;
    return seats && count(s, WAITING) > 0;
}

static void tell_all(const supervisor *s, int number) {
    for (size_t d = 0; d < s->options->n_devices; d++)
        if (s->seats[d].pid != 0)
            kill((pid_t)s->seats[d].pid, number);
}

/* Those that have left. */
static void reap(supervisor *s) {
    for (size_t d = 0; d < s->options->n_devices; d++) {
        device_seat *seat = &s->seats[d];
        int wait_status = 0;
        if (seat->pid == 0 || waitpid((pid_t)seat->pid, &wait_status, WNOHANG) != (pid_t)seat->pid)
            continue;
        bool exited = WIFEXITED(wait_status);
        bool done = exited && WEXITSTATUS(wait_status) == 0 && spt_node_shard_is_done(&s->folder, seat->shard);
        /* The signal kills one that has not yet begun to listen. */
        bool interrupted = exited ? WEXITSTATUS(wait_status) == s->options->interrupted_code
                                  : WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGTERM;
        s->shards[seat->shard] = done ? DONE : interrupted ? INTERRUPTED : FAILED;
        seat->lost = !done && !interrupted;
        seat->pid = 0;
        spt_worker worker = worker_at(s, d, seat->shard);
        if (s->options->ended != NULL)
            s->options->ended(&worker, wait_status, interrupted, s->options->user);
    }
}

/* ---- progress */

static void report(const supervisor *s) {
    spt_node_progress progress = {.n_shards = s->folder.n_shards,
                                  .n_done = count(s, DONE),
                                  .n_running = count(s, RUNNING),
                                  .elapsed = spt_clock() - s->started,
                                  .remaining = NAN};
    double sum = (double)progress.n_done, now = (double)time(NULL);
    bool known = count(s, WAITING) == 0; /* until then nothing tells how long those will take */
    for (size_t i = 0; i < s->folder.n_shards; i++) {
        spt_kept_progress kept;
        spt_output output;
        bool told = s->shards[i] != DONE && spt_output_init(&output, s->folder.shards[i], NULL) == SPT_OK &&
                    spt_progress_read(output.folder, &kept);
        if (s->shards[i] != DONE)
            spt_output_free(&output);
        if (told) /* one that is just leaving has removed its note */
            s->fractions[i] = kept.fraction;
        sum += s->shards[i] != DONE ? s->fractions[i] : 0.0;
        if (s->shards[i] != RUNNING)
            continue;
        double left = told ? fmax(0.0, (double)kept.updated + kept.remaining - now) : NAN;
        known = known && told && !isnan(kept.remaining);
        progress.remaining = isnan(progress.remaining) ? left : fmax(progress.remaining, left);
    }
    progress.fraction = sum / (double)s->folder.n_shards;
    if (!known)
        progress.remaining = NAN;
    if (s->options->progress != NULL)
        s->options->progress(&progress, s->options->user);
}

/* ---- the whole */

/* Until no worker is left: all shards are done, or those that are not cannot be. */
static spt_status supervise(supervisor *s, spt_error *err) {
    const volatile sig_atomic_t *stop = s->options->stop;
    spt_status status = SPT_OK;
    for (;;) {
        bool asked = stop != NULL && *stop != 0;
        if (status == SPT_OK && !asked)
            status = seat_workers(s, err);
        if ((asked || status != SPT_OK) && !s->stopping) {
            s->stopping = true;
            tell_all(s, SIGTERM);
        }
        report(s);
        if (count(s, RUNNING) == 0 && (s->stopping || !has_more(s)))
            return status;
        nanosleep(&LOOK, NULL);
        reap(s);
    }
}

static spt_status judge(const supervisor *s, spt_node_result *result, spt_error *err) {
    result->n_shards = s->folder.n_shards;
    result->n_done = count(s, DONE);
    result->n_failed = count(s, FAILED);
    if (result->n_done == result->n_shards)
        return SPT_OK;
    if (result->n_failed > 0 && !(s->options->stop != NULL && *s->options->stop != 0))
        return spt_fail(err, SPT_EDEVICE, "%s: %zu of %zu shards failed, %zu are done; --resume goes on",
                        s->folder.path, result->n_failed, result->n_shards, result->n_done);
    return spt_fail(err, SPT_EINTERRUPTED, "%s: interrupted, %zu of %zu shards are done", s->folder.path,
                    result->n_done, result->n_shards);
}

/* Whether FILE.h5 is the complete file of this config; what else it is, as an error. */
static spt_status compare_file(const char *output, const char *config, spt_error *err) {
    spt_file_info info;
    spt_status status = spt_file_info_read(output, &info, err);
    if (status != SPT_OK)
        return status;
    if (strcmp(info.config, config) != 0)
        status = spt_fail(err, SPT_EMISMATCH, "%s: is of another config; --force starts anew", output);
    else if (!info.complete || info.shards > 0)
        status =
            spt_fail(err, SPT_EEXIST, "%s: is not a complete file of the whole sweep; --force starts anew", output);
    spt_file_info_free(&info);
    return status;
}

/* A merge that was killed leaves the folder too, but no journal. */
static spt_status check_one_device(const char *folder, spt_error *err) {
    char *journal = spt_io_path(folder, "journal");
    bool begun = journal == NULL || spt_look_at(journal) != SPT_NOTHING;
    free(journal);
    if (!begun)
        return SPT_OK;
    return spt_fail(err, SPT_EEXIST,
                    "%s: holds a sweep that was begun without --devices; --resume without it goes on, or remove it",
                    folder);
}

/* What lies under the names that we need. A FILE.h5 beside the folder is an older one, which --force let stay until the
 * new one is whole, or the new one itself: *complete. */
static spt_status check_names(const supervisor *s, const char *config, bool *complete, spt_error *err) {
    const spt_node_options *o = s->options;
    spt_output output;
    spt_status status = spt_output_init(&output, o->output, err);
    if (status == SPT_OK)
        status = spt_output_check(&output, err);
    if (status == SPT_OK)
        status = check_one_device(output.folder, err);
    bool there = status == SPT_OK && spt_look_at(output.path) != SPT_NOTHING;
    if (there && o->mode == SPT_STORE_NEW)
        status = spt_fail(err, SPT_EEXIST, "%s: is there already; --resume goes on, --force starts anew", output.path);
    if (there && o->mode == SPT_STORE_RESUME) {
        status = compare_file(output.path, config, err);
        *complete = status == SPT_OK;
        if (spt_node_folder_is_there(&s->folder))
            status = SPT_OK;
    }
    spt_output_free(&output);
    return status;
}

static spt_status open_supervisor(supervisor *s, const char *config, size_t n_runs, spt_error *err) {
    const spt_node_options *o = s->options;
    spt_status status =
        spt_node_folder_open(&s->folder, config, o->n_devices < n_runs ? o->n_devices : n_runs, o->mode, err);
    if (status != SPT_OK)
        return status;
    s->config_path = spt_io_path(s->folder.path, "config.yaml");
    s->shards = calloc(s->folder.n_shards + 1, sizeof *s->shards);
    s->fractions = calloc(s->folder.n_shards + 1, sizeof *s->fractions);
    s->seats = calloc(o->n_devices + 1, sizeof *s->seats);
    if (s->config_path == NULL || s->shards == NULL || s->fractions == NULL || s->seats == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu shards", s->folder.path, s->folder.n_shards);
    for (size_t i = 0; i < s->folder.n_shards; i++)
        s->shards[i] = spt_node_shard_is_done(&s->folder, i) ? DONE : WAITING;
    return SPT_OK;
}

spt_status spt_node_run(const spt_sweep *sweep, const spt_node_options *options, spt_node_result *result,
                        spt_error *err) {
    *result = (spt_node_result){0};
    supervisor s = {.options = options, .folder = {.lock = {.fd = -1}}, .started = spt_clock()};
    char *config = NULL;
    if (sweep->shard.count > 0 || options->n_devices == 0)
        return spt_fail(err, SPT_EINVAL, "devices: a whole sweep is trained on one device or more");
    spt_status status = spt_config_text(sweep->config, &config, err);
    if (status == SPT_OK)
        status = spt_node_folder_init(&s.folder, options->output, err);
    if (status == SPT_OK)
        status = check_names(&s, config, &result->already_complete, err);
    if (status == SPT_OK && result->already_complete && !spt_node_folder_is_there(&s.folder))
        goto done;
    if (status == SPT_OK)
        status = open_supervisor(&s, config, sweep->n_runs, err);
    if (status == SPT_OK && !result->already_complete)
        status = supervise(&s, err);
    if (status == SPT_OK && !result->already_complete)
        status = judge(&s, result, err);
    if (status == SPT_OK && !result->already_complete)
        status = spt_shards_merge((const char *const *)s.folder.shards, s.folder.n_shards, options->output,
                                  &(spt_merge_options){.force = options->mode != SPT_STORE_NEW}, &result->report, err);
    /* FILE.h5 is whole (a resumed sweep may have been killed between that and this), or there is nothing to resume. */
    if (spt_lock_is_held(&s.folder.lock) && (status == SPT_OK || spt_node_folder_is_empty(&s.folder)))
        spt_node_folder_remove(&s.folder);
done:
    spt_node_folder_close(&s.folder);
    free(s.config_path);
    free(s.shards);
    free(s.fractions);
    free(s.seats);
    free(config);
    return status;
}

void spt_node_result_free(spt_node_result *result) {
    spt_merge_report_free(&result->report);
    *result = (spt_node_result){0};
}

bool spt_node_is_begun(const char *output) {
    spt_node_folder folder;
    bool begun = spt_node_folder_init(&folder, output, NULL) == SPT_OK && spt_node_folder_is_there(&folder);
    spt_node_folder_close(&folder);
    return begun;
}
