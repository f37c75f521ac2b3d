/* A folder of shards, seen from outside: FILE.h5 tells what is through, FILE.h5.part what is under way. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spectrain/shard.h"
#include "store/io.h"
#include "store/output.h"
#include "store/progress.h"
#include "store/seal.h"

/* One shard as it was found. */
typedef struct finding {
    size_t shard, shards, sweep_runs;
    uint64_t config_sum;
    spt_shard_status status;
} finding;

/* What we wrote ends in a seal, whatever has become of its beginning. */
static bool is_sealed(const char *path) {
    char sum[65];
    return spt_seal_read(path, sum, NULL) == SPT_OK && sum[0] != '\0';
}

/* What FILE.h5 tells, if it is there. *found: it is a shard's. */
static spt_status look_at_file(const char *path, finding *f, bool *found, spt_error *err) {
    spt_file_info info;
    spt_error reason = {0};
    spt_status status = spt_file_info_read(path, &info, &reason);
    *found = status == SPT_OK && info.shards > 0;
    if (*found) {
        f->shard = info.shard;
        f->shards = info.shards;
        f->sweep_runs = info.sweep_runs;
        f->config_sum = spt_progress_sum(info.config);
        f->status.n_runs = info.n_runs;
        f->status.n_done = info.n_done;
        f->status.n_diverged = info.n_diverged;
        f->status.state = info.complete ? SPT_SHARD_DONE : SPT_SHARD_LOST;
        f->status.fraction = info.complete ? 1.0 : 0.0;
    }
    if (status == SPT_OK)
        spt_file_info_free(&info);
    bool is_other = status == SPT_EDATA && !is_sealed(path);
    if (status == SPT_OK || is_other || spt_look_at(path) == SPT_NOTHING)
        return SPT_OK;
    return spt_fail(err, status == SPT_EDATA ? SPT_ECORRUPT : status, "%s", reason.message);
}

/* What FILE.h5.part tells, if it is there. */
static void look_at_work(const char *path, finding *f, bool *found) {
    spt_output output;
    spt_kept_progress p;
    if (spt_output_init(&output, path, NULL) == SPT_OK && spt_look_at(output.folder) == SPT_FOLDER_THERE) {
        bool told = spt_progress_read(output.folder, &p) && p.shards > 0;
        bool taken = spt_lock_is_taken(output.folder);
        if (told && !*found) {
            f->shard = p.shard;
            f->shards = p.shards;
            f->sweep_runs = p.sweep_runs;
            f->config_sum = p.config_sum;
            f->status.n_runs = p.n_runs;
            *found = true;
        }
        if (*found && f->status.state != SPT_SHARD_DONE) {
            f->status.state = taken ? SPT_SHARD_RUNNING : SPT_SHARD_LOST;
            f->status.fraction = told ? p.fraction : 0.0;
            f->status.remaining = taken && told ? p.remaining : NAN;
            f->status.updated = told ? p.updated : 0;
            f->status.pid = told ? p.pid : 0;
            snprintf(f->status.host, sizeof f->status.host, "%s", told ? p.host : "");
        }
    }
    spt_output_free(&output);
}

static spt_status note(spt_shards_status *all, const finding *f, const char *path, uint64_t *config_sum,
                       spt_error *err) {
    if (all->shards == NULL) {
        all->shards = calloc(f->shards, sizeof *all->shards);
        if (all->shards == NULL)
            return spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu shards", path, f->shards);
        all->n_shards = f->shards;
        all->sweep_runs = f->sweep_runs;
        *config_sum = f->config_sum;
    }
    if (f->shards != all->n_shards || f->shard >= all->n_shards)
        return spt_fail(err, SPT_EMISMATCH,
                        "%s: is shard %zu/%zu, others there are of %zu; expected one cut in a folder", path, f->shard,
                        f->shards, all->n_shards);
    if (f->config_sum != *config_sum || f->sweep_runs != all->sweep_runs)
        return spt_fail(err, SPT_EMISMATCH,
                        "%s: is of another config than others there; expected one sweep in a folder", path);
    spt_shard_status *to = &all->shards[f->shard];
    if (to->path != NULL)
        return spt_fail(err, SPT_EMISMATCH, "%s: is shard %zu/%zu, as %s is", path, f->shard, f->shards, to->path);
    *to = f->status;
    to->path = strdup(path);
    return to->path != NULL ? SPT_OK : spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", path);
}

/* FILE.h5 of an entry FILE.h5 or FILE.h5.part; false: it is neither. *work: the second. */
static bool strip(const char *entry, char *name, size_t capacity, bool *work) {
    size_t length = strlen(entry);
    *work = length > 5 && strcmp(entry + length - 5, ".part") == 0;
    length -= *work ? 5 : 0;
    if (length <= 3 || length >= capacity || entry[0] == '.' || strncmp(entry + length - 3, ".h5", 3) != 0)
        return false;
    memcpy(name, entry, length);
    name[length] = '\0';
    return true;
}

static bool is_listed(struct dirent *const *entries, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(entries[i]->d_name, name) == 0)
            return true;
    return false;
}

/* Entry i of the folder: a file and the work beside it, once for both. */
static spt_status look_at_entry(const char *folder, struct dirent *const *entries, int i, spt_shards_status *all,
                                uint64_t *config_sum, spt_error *err) {
    char name[512];
    bool work, found = false;
    if (!strip(entries[i]->d_name, name, sizeof name, &work) || (work && is_listed(entries, i, name)))
        return SPT_OK;
    char *path = spt_io_path(folder, name);
    if (path == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder);
    finding f = {.status = {.remaining = NAN}};
    spt_error damage = {0};
    spt_status status = look_at_file(path, &f, &found, &damage);
    look_at_work(path, &f, &found);
    if (status == SPT_OK && !found) /* it may have been finished in between */
        status = look_at_file(path, &f, &found, &damage);
    if (status != SPT_OK && all->n_damaged++ == 0)
        all->damage = damage;
    status = SPT_OK;
    if (status == SPT_OK && found)
        status = note(all, &f, path, config_sum, err);
    free(path);
    return status;
}

static void add_up(spt_shards_status *all) {
    double sum = 0.0;
    all->end = NAN;
    for (size_t s = 0; s < all->n_shards; s++) {
        const spt_shard_status *shard = &all->shards[s];
        double end = shard->state == SPT_SHARD_RUNNING ? (double)shard->updated + shard->remaining : NAN;
        all->n_missing += shard->state == SPT_SHARD_MISSING;
        all->n_done += shard->state == SPT_SHARD_DONE;
        all->n_running += shard->state == SPT_SHARD_RUNNING;
        all->n_lost += shard->state == SPT_SHARD_LOST;
        if (!isnan(end) && (isnan(all->end) || end > all->end))
            all->end = end;
        sum += shard->fraction;
    }
    all->fraction = sum / (double)all->n_shards;
}

spt_status spt_shards_look(const char *folder, spt_shards_status *all, spt_error *err) {
    struct dirent **entries = NULL;
    uint64_t config_sum = 0;
    *all = (spt_shards_status){.end = NAN};
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    spt_status status = SPT_OK;
    for (int i = 0; i < n; i++)
        if (status == SPT_OK)
            status = look_at_entry(folder, entries, i, all, &config_sum, err);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    if (status == SPT_OK && all->n_shards == 0 && all->n_damaged > 0)
        status = spt_fail(err, all->damage.status, "%s", all->damage.message);
    if (status == SPT_OK && all->n_shards == 0)
        status = spt_fail(err, SPT_EDATA, "%s: holds no shard of a sweep; expected files of run --shard", folder);
    if (status == SPT_OK)
        add_up(all);
    else
        spt_shards_status_free(all);
    return status;
}

void spt_shards_status_free(spt_shards_status *all) {
    for (size_t s = 0; s < all->n_shards; s++)
        free(all->shards[s].path);
    free(all->shards);
    *all = (spt_shards_status){0};
}
