/* Submitting: what there is already, the jobs for what there is not, and sbatch. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slurm/call.h"
#include "slurm/folder.h"
#include "slurm/queue.h"
#include "slurm/script.h"
#include "slurm/words.h"
#include "spectrain/shard.h"
#include "store/io.h"
#include "store/lock.h"
#include "sweep/sweep_internal.h"

enum { JOB_NAME = 192 };

static spt_status check(const spt_sweep *sweep, const spt_slurm_options *options, spt_error *err) {
    uint32_t *shard = calloc(sweep->n_runs, sizeof *shard);
    spt_status status = shard != NULL ? spt_sweep_split(sweep, options->shards, shard, err)
                                      : spt_fail(err, SPT_ENOMEM, "%zu shards: out of memory", options->shards);
    free(shard);
    if (status == SPT_OK)
        status = spt_slurm_words_check(options->words, options->n_words, err);
    if (status == SPT_OK && (options->program[0] != '/' || access(options->program, X_OK) != 0))
        status = spt_fail(err, SPT_EINVAL, "%s: expected the absolute path of the spectrain program", options->program);
    return status;
}

/* Two sweeps of one name in two folders have jobs of two names; letters, digits and . _ - are all a name has. */
static void name_job(const spt_sweep *sweep, const char *folder, char job[JOB_NAME]) {
    snprintf(job, JOB_NAME, "%.160s.%08" PRIx32, sweep->settings.name, spt_io_crc(0, folder, strlen(folder)));
}

/* ---- what there is */

static spt_status find_slurm(size_t *limit, spt_error *err) {
    if (!spt_slurm_has("sbatch"))
        return spt_fail(err, SPT_EIO,
                        "sbatch: not found on PATH; submit needs Slurm: call it on a machine of the cluster");
    return spt_slurm_array_limit(limit, err);
}

/* A dry run goes on without Slurm's answers. */
static spt_status go_on_without(spt_submission *s, const spt_error *reason, spt_error *err) {
    s->unasked = strdup(reason->message);
    s->after = strdup("");
    s->replaced = strdup("");
    bool copied = s->unasked != NULL && s->after != NULL && s->replaced != NULL;
    return copied ? SPT_OK : spt_fail(err, SPT_ENOMEM, "%s: no memory for its jobs", s->folder);
}

/* The shards that have come to their end, or are with a process: what their files say is newer than the queue. */
static spt_status look_at_shards(spt_submission *s, spt_error *err) {
    spt_shards_status found;
    spt_error reason = {0};
    spt_status status = spt_shards_look(s->folder, &found, &reason);
    if (status == SPT_EDATA) /* no shard yet */
        return SPT_OK;
    if (status != SPT_OK)
        return spt_fail(err, status, "%s", reason.message);
    if (found.n_damaged > 0)
        status = spt_fail(err, found.damage.status, "%s", found.damage.message);
    else if (found.n_shards != s->n_shards)
        status = spt_fail(err, SPT_EMISMATCH, "%s: has shards of a cut into %zu, not %zu", s->folder, found.n_shards,
                          s->n_shards);
    for (size_t i = 0; i < s->n_shards && status == SPT_OK; i++) {
        if (found.shards[i].state == SPT_SHARD_DONE)
            s->shards[i] = SPT_SLURM_DONE;
        else if (found.shards[i].state == SPT_SHARD_RUNNING && s->shards[i] == SPT_SLURM_NEW)
            s->shards[i] = SPT_SLURM_TAKEN;
    }
    spt_shards_status_free(&found);
    return status;
}

static void count_shards(spt_submission *s) {
    s->n_new = s->n_queued = s->n_taken = s->n_done = 0;
    for (size_t i = 0; i < s->n_shards; i++) {
        s->n_new += s->shards[i] == SPT_SLURM_NEW;
        s->n_queued += s->shards[i] == SPT_SLURM_QUEUED;
        s->n_taken += s->shards[i] == SPT_SLURM_TAKEN;
        s->n_done += s->shards[i] == SPT_SLURM_DONE;
    }
}

/* ---- the jobs */

static spt_status add_job(spt_submission *s, const char *name, size_t n_tasks, char *script, spt_error *err) {
    spt_slurm_job *grown = realloc(s->jobs, (s->n_jobs + 1) * sizeof *grown);
    char *path = spt_io_path(s->folder, name);
    if (grown != NULL)
        s->jobs = grown;
    if (grown == NULL || path == NULL) {
        free(path);
        free(script);
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for its jobs", s->folder);
    }
    s->jobs[s->n_jobs++] = (spt_slurm_job){.path = path, .script = script, .n_tasks = n_tasks};
    return SPT_OK;
}

static spt_status make_jobs(const spt_slurm_sweep *of, size_t limit, spt_submission *s, spt_error *err) {
    spt_status status = SPT_OK;
    char *script = NULL;
    for (size_t first = 0; first < s->n_shards && status == SPT_OK; first += limit) {
        size_t end = s->n_shards - first > limit ? first + limit : s->n_shards, n_tasks = 0;
        char name[48];
        for (size_t i = first; i < end; i++)
            n_tasks += s->shards[i] == SPT_SLURM_NEW;
        if (n_tasks == 0)
            continue;
        snprintf(name, sizeof name, first > 0 ? "array+%zu.sbatch" : "array.sbatch", first);
        status = spt_slurm_array_script(of, s->shards, first, end, &script, err);
        if (status == SPT_OK)
            status = add_job(s, name, n_tasks, script, err);
    }
    if (status == SPT_OK)
        status = spt_slurm_merge_script(of, &script, err);
    return status == SPT_OK ? add_job(s, "merge.sbatch", 0, script, err) : status;
}

static spt_status make_folder(const char *folder, spt_error *err) {
    if (mkdir(folder, 0777) == 0 || errno == EEXIST)
        return SPT_OK;
    return spt_fail(err, SPT_EIO, "%s: cannot be made: %s", folder, strerror(errno));
}

static spt_status check_program(const spt_slurm_options *options, spt_error *err) {
    if (options->dry_run || options->cpus > 0 || spt_backend_find("cuda") != NULL)
        return SPT_OK;
    return spt_fail(err, SPT_EDEVICE,
                    "submit: a task asks for a GPU, which this build has no backend for; give --cpus N for CPU nodes, "
                    "or build with -DSPECTRAIN_CUDA=ON");
}

/* What one submission is about. */
typedef struct submitting {
    const spt_sweep *sweep;
    const spt_slurm_options *options;
    char *config;
    char job[JOB_NAME];
    size_t limit; /* MaxArraySize */
    bool begun;   /* the folder was there before */
    spt_lock lock;
} submitting;

/* Whether it may be done, before anything is made; then the folder's lock. */
static spt_status open_folder(submitting *now, spt_submission *s, spt_error *err) {
    spt_status status = spt_slurm_look_at_output(s->output, now->config, &s->complete, err);
    if (status == SPT_OK)
        status = spt_slurm_look_at_folder(s->folder, now->config, s->n_shards, &now->begun, err);
    if (status != SPT_OK || s->complete)
        return status;
    status = check_program(now->options, err);
    spt_error reason = {0};
    if (status == SPT_OK)
        status = find_slurm(&now->limit, &reason);
    if (reason.status != SPT_OK && now->options->dry_run) {
        now->limit = SPT_SLURM_ARRAY_LIMIT;
        return go_on_without(s, &reason, err);
    }
    if (reason.status != SPT_OK)
        return spt_fail(err, reason.status, "%s", reason.message);
    if (status != SPT_OK || now->options->dry_run)
        return status;
    status = make_folder(s->folder, err);
    if (status == SPT_OK)
        status = spt_lock_take(&now->lock, s->folder, err);
    if (status == SPT_OK) /* once more: others may have been here until now */
        status = spt_slurm_look_at_folder(s->folder, now->config, s->n_shards, &now->begun, err);
    return status;
}

/* The queue first: a task that ends in between is then found done. */
static spt_status make_scripts(const submitting *now, spt_submission *s, spt_error *err) {
    spt_status status = s->unasked != NULL ? SPT_OK : spt_slurm_find_queued(now->job, now->limit, s, err);
    if (status == SPT_OK && now->begun)
        status = look_at_shards(s, err);
    count_shards(s);
    const spt_slurm_sweep of = {.name = now->sweep->settings.name,
                                .job = now->job,
                                .output = s->output,
                                .folder = s->folder,
                                .options = now->options};
    return status == SPT_OK ? make_jobs(&of, now->limit, s, err) : status;
}

/* ---- sbatch */

static spt_status submit_job(spt_slurm_job *job, const char *dependency, spt_error *err) {
    const char *const plain[] = {"sbatch", "--parsable", job->path, NULL};
    const char *const after[] = {"sbatch", "--parsable", dependency, job->path, NULL};
    char *answer = NULL;
    spt_status status = spt_slurm_write_file(job->path, job->script, err);
    if (status == SPT_OK)
        status = spt_slurm_call(dependency != NULL ? after : plain, &answer, err);
    if (status != SPT_OK)
        return status;
    size_t digits = strspn(answer, "0123456789"); /* "41", "41;cluster" */
    if (digits == 0 || digits >= sizeof job->id)
        status = spt_fail(err, SPT_EIO, "sbatch: answered \"%.80s\", expected the number of a job", answer);
    else
        snprintf(job->id, sizeof job->id, "%.*s", (int)digits, answer);
    free(answer);
    return status;
}

/* "--dependency=afterany:40:41" of all arrays, and what was queued before (malloc'd). Not afterok: a merge that waits
 * for a task that has failed would wait for ever. A task that is queued again has not ended. */
static spt_status dependency_of(const spt_submission *s, char **text, spt_error *err) {
    size_t length = 0;
    *text = NULL;
    FILE *out = open_memstream(text, &length);
    if (out == NULL)
        return spt_fail(err, SPT_ENOMEM, "dependency of the merge: out of memory");
    fprintf(out, "--dependency=afterany%s", s->after);
    for (size_t j = 0; j + 1 < s->n_jobs; j++)
        fprintf(out, ":%s", s->jobs[j].id);
    return fclose(out) == 0 ? SPT_OK : spt_fail(err, SPT_ENOMEM, "dependency of the merge: out of memory");
}

/* One merge is enough. Where it cannot be cancelled, the new one finds its file and replaces it. */
static void cancel_replaced(const spt_submission *s) {
    char *ids = strdup(s->replaced), *rest = NULL;
    for (char *id = ids != NULL ? strtok_r(ids, " ", &rest) : NULL; id != NULL; id = strtok_r(NULL, " ", &rest)) {
        const char *const cancel[] = {"scancel", "--state=PENDING", id, NULL};
        char *answer = NULL;
        spt_slurm_call(cancel, &answer, NULL);
        free(answer);
    }
    free(ids);
}

static spt_status submit_all(spt_submission *s, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t j = 0; j + 1 < s->n_jobs && status == SPT_OK; j++)
        status = submit_job(&s->jobs[j], NULL, err);
    char *dependency = NULL;
    if (status == SPT_OK)
        status = dependency_of(s, &dependency, err);
    bool waits = s->n_jobs > 1 || s->after[0] != '\0';
    if (status == SPT_OK)
        status = submit_job(&s->jobs[s->n_jobs - 1], waits ? dependency : NULL, err);
    free(dependency);
    if (status == SPT_OK)
        cancel_replaced(s);
    return status;
}

/* With the lock. Where Slurm takes none of the jobs, another config or cut may be tried under the same name. */
static spt_status submit_to_slurm(const submitting *now, spt_submission *s, spt_error *err) {
    bool had_config = false;
    spt_status status = spt_slurm_write_config(s->folder, now->config, s->n_shards, &had_config, err);
    if (status == SPT_OK)
        status = submit_all(s, err);
    if (status != SPT_OK && !had_config && s->jobs[0].id[0] == '\0')
        spt_slurm_remove_config(s->folder);
    return status;
}

spt_status spt_slurm_submit(const spt_sweep *sweep, const spt_slurm_options *options, spt_submission *s,
                            spt_error *err) {
    submitting now = {.sweep = sweep, .options = options, .lock = {.fd = -1}};
    *s = (spt_submission){.n_shards = options->shards};
    spt_status status = check(sweep, options, err);
    if (status == SPT_OK)
        status = spt_config_text(sweep->config, &now.config, err);
    if (status == SPT_OK)
        status = spt_slurm_names(options->output, &s->output, &s->folder, err);
    if (status == SPT_OK && (s->shards = calloc(s->n_shards, sizeof *s->shards)) == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%zu shards: out of memory", s->n_shards);
    if (status != SPT_OK)
        goto done;
    name_job(sweep, s->folder, now.job);
    status = open_folder(&now, s, err);
    if (status == SPT_OK && !s->complete)
        status = make_scripts(&now, s, err);
    if (status == SPT_OK && !s->complete && !options->dry_run)
        status = submit_to_slurm(&now, s, err);
done:
    spt_lock_release(&now.lock);
    free(now.config);
    return status;
}

void spt_submission_free(spt_submission *s) {
    for (size_t j = 0; j < s->n_jobs; j++) {
        free(s->jobs[j].path);
        free(s->jobs[j].script);
    }
    free(s->jobs);
    free(s->output);
    free(s->folder);
    free(s->shards);
    free(s->after);
    free(s->replaced);
    free(s->unasked);
    *s = (spt_submission){0};
}
