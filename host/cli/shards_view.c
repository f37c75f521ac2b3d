#include "cli/shards_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/table.h"
#include "cli/text.h"

const char *spt_shard_state_name(spt_shard_state state) {
    static const char *const NAMES[] = {"missing", "done", "running", "lost"};
    return NAMES[state];
}

spt_shards_text spt_shards_counts(const spt_shards_status *status) {
    const size_t counts[] = {status->n_missing, status->n_done, status->n_running, status->n_lost};
    static const spt_shard_state ORDER[] = {SPT_SHARD_DONE, SPT_SHARD_RUNNING, SPT_SHARD_MISSING, SPT_SHARD_LOST};
    spt_shards_text text = {""};
    size_t end = 0;
    for (size_t i = 0; i < 4; i++)
        if (counts[ORDER[i]] > 0)
            end += (size_t)snprintf(text.s + end, sizeof text.s - end, "%s%zu %s", end > 0 ? ", " : "",
                                    counts[ORDER[i]], spt_shard_state_name(ORDER[i]));
    return text;
}

static void add_heads(spt_table *table) {
    static const char *const HEADS[] = {"shard", "state", "runs", "done", "left", "heard of"};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
        spt_table_add(table, "%s", HEADS[i]);
}

/* Seconds until a running shard is done, counted from now. */
static double left(const spt_shard_status *shard, double now) {
    return fmax(0.0, (double)shard->updated + shard->remaining - now);
}

static void add_row(spt_table *table, size_t index, size_t n, const spt_shard_status *shard, double now) {
    spt_table_add(table, "%zu/%zu", index, n);
    spt_table_add(table, "%s", spt_shard_state_name(shard->state));
    spt_table_add(table, shard->state == SPT_SHARD_MISSING ? "" : "%zu", shard->n_runs);
    spt_table_add(table, shard->state == SPT_SHARD_MISSING ? "" : "%.0f %%", floor(100.0 * shard->fraction));
    bool runs = shard->state == SPT_SHARD_RUNNING && !isnan(shard->remaining);
    spt_table_add(table, "%s", runs ? spt_text_seconds(left(shard, now)).s : "");
    if (shard->updated > 0) /* another machine's clock may go before ours */
        spt_table_add(table, "%s ago, process %ld on %s", spt_text_seconds(fmax(0.0, now - (double)shard->updated)).s,
                      shard->pid, shard->host);
    else
        spt_table_add(table, "%s", "");
}

static void print_end(const spt_shards_status *status, double now) {
    char text[64];
    struct tm local;
    time_t end = (time_t)status->end;
    if (status->n_running == 0)
        return;
    if (isnan(status->end)) {
        printf("expected end: not known yet\n");
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&end, &local));
    printf("expected end: %s, in %s%s\n", text, spt_text_seconds(fmax(0.0, status->end - now)).s,
           status->n_missing + status->n_lost > 0 ? ", of those that run" : "");
}

static spt_status print_table(const spt_shards_status *status, double now, spt_error *err) {
    spt_table *table = spt_table_new("llrrrl");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the shards: out of memory");
    add_heads(table);
    for (size_t s = 0; s < status->n_shards; s++)
        add_row(table, s, status->n_shards, &status->shards[s], now);
    spt_status result = spt_table_print(table, "  ", stdout, err);
    spt_table_free(table);
    return result;
}

spt_status spt_shards_print(const char *folder, bool verify, spt_error *err) {
    spt_shards_status status;
    spt_status result = spt_shards_look(folder, &status, err);
    if (result != SPT_OK)
        return result;
    double now = (double)time(NULL);
    printf("%s: %zu %s of %s runs: %s; %.0f %%\n", folder, status.n_shards, status.n_shards == 1 ? "shard" : "shards",
           spt_text_count(status.sweep_runs).s, spt_shards_counts(&status).s, floor(100.0 * status.fraction));
    result = print_table(&status, now, err);
    print_end(&status, now);
    if (status.n_damaged > 0) {
        printf("damaged: %zu %s; whose cannot be told, so their shards count as missing\n", status.n_damaged,
               status.n_damaged == 1 ? "file" : "files");
        fflush(stdout);
        result = spt_fail(err, status.damage.status, "%s", status.damage.message);
    }
    size_t n_verified = 0;
    for (size_t s = 0; s < status.n_shards && verify && result == SPT_OK; s++)
        if (status.shards[s].state == SPT_SHARD_DONE) {
            fflush(stdout);
            result = spt_file_verify(status.shards[s].path, err);
            n_verified++;
        }
    if (verify && result == SPT_OK)
        printf("verified: every byte of %zu %s was read, no damage\n", n_verified, n_verified == 1 ? "file" : "files");
    spt_shards_status_free(&status);
    return result;
}
