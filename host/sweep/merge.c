/* Merging: whether files are shards of one sweep, what that sweep is, and what is missing. host/store/merge.c does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spectrain/shard.h"
#include "spectrain/spectrain.h"
#include "store/identity.h"
#include "store/io.h"
#include "store/merge.h"
#include "store/seal.h"
#include "sweep/sweep_internal.h"

typedef struct merging {
    spt_merge_source *sources; /* (n) */
    size_t n;
    spt_config *config;
    spt_sweep *sweep;
    spt_data_shape *shapes; /* (data sets) */
    uint32_t *owner;        /* (runs of the sweep) 1 + the source that has the run; 0: none */
    spt_run_status *status; /* (runs of the sweep) */
    uint64_t *diverged_step;
    char *device; /* as the merged file names it */
} merging;

static void release(merging *m) {
    for (size_t i = 0; i < m->n; i++)
        spt_merge_source_close(&m->sources[i]);
    free(m->sources);
    spt_sweep_free(m->sweep);
    spt_config_free(m->config);
    free(m->shapes);
    free(m->owner);
    free(m->status);
    free(m->diverged_step);
    free(m->device);
}

/* ---- whether they belong together */

/* What must be the same, in words. The device may be another: runs on two models of device are reported. */
static char *identity_of(const spt_file_info *info) {
    spt_store_spec spec = {.config = info->config,
                           .backend = info->backend,
                           .device = "",
                           .precision = info->precision,
                           .denormals = info->denormals};
    return spt_identity_text_of(&spec, info->software_version);
}

static spt_status compare_identity(const char *path, const spt_file_info *info, const char *first_path,
                                   const spt_file_info *first, spt_error *err) {
    char *here = identity_of(info), *there = identity_of(first);
    spt_status status = SPT_OK;
    const char *a = here, *b = there;
    int a_length, b_length;
    if (here == NULL || there == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory for its config", path);
    else if (spt_identity_difference(&a, &a_length, &b, &b_length))
        status = spt_fail(err, SPT_EMISMATCH, "%s: is of another sweep than %s: here `%.*s`, there `%.*s`", path,
                          first_path, a_length, a, b_length, b);
    else if (info->sweep_runs != first->sweep_runs)
        status = spt_fail(err, SPT_EMISMATCH, "%s: is of a sweep of %zu runs, %s of one of %zu", path, info->sweep_runs,
                          first_path, first->sweep_runs);
    free(here);
    free(there);
    return status;
}

static spt_status compare_data(const spt_merge_source *s, const spt_merge_source *first, spt_error *err) {
    if (s->inputs != first->inputs || s->outputs != first->outputs || s->classes != first->classes ||
        s->has_x != first->has_x || s->n_datasets != first->n_datasets)
        return spt_fail(err, SPT_EMISMATCH, "%s: its data have another shape than those of %s", s->path, first->path);
    for (size_t d = 0; d < s->n_datasets; d++) {
        if (s->train[d] != first->train[d] || s->test[d] != first->test[d])
            return spt_fail(err, SPT_EMISMATCH, "%s: data set %zu has %lld + %lld examples, in %s it has %lld + %lld",
                            s->path, d, (long long)s->train[d], (long long)s->test[d], first->path,
                            (long long)first->train[d], (long long)first->test[d]);
    }
    return SPT_OK;
}

/* Every data set that two shards learnt from is the same in both. */
static spt_status compare_sums(const merging *m, spt_error *err) {
    for (size_t d = 0; d < m->sources[0].n_datasets; d++) {
        const spt_merge_source *first = NULL;
        for (size_t i = 0; i < m->n; i++) {
            const spt_merge_source *s = &m->sources[i];
            if (s->sums[d][0] == '\0')
                continue;
            if (first != NULL && strcmp(s->sums[d], first->sums[d]) != 0)
                return spt_fail(err, SPT_EMISMATCH, "%s: data set %zu has sha256 %.16s..., in %s it has %.16s...",
                                s->path, d, s->sums[d], first->path, first->sums[d]);
            first = s;
        }
    }
    return SPT_OK;
}

static int compare_sources(const void *a, const void *b) {
    const spt_merge_source *x = a, *y = b;
    size_t i = x->info.n_runs > 0 ? x->info.run_numbers[0] : 0, j = y->info.n_runs > 0 ? y->info.run_numbers[0] : 0;
    return i != j ? (i > j) - (i < j) : strcmp(x->path, y->path);
}

static spt_status open_sources(merging *m, const char *const *paths, size_t n, bool read_all, spt_error *err) {
    spt_status status = SPT_OK;
    m->sources = calloc(n, sizeof *m->sources);
    if (m->sources == NULL)
        return spt_fail(err, SPT_ENOMEM, "%zu shards: out of memory", n);
    for (size_t i = 0; i < n && status == SPT_OK; i++) {
        m->n = i + 1;
        status = spt_merge_source_open(paths[i], read_all, &m->sources[i], err);
        const spt_merge_source *s = &m->sources[i];
        if (status == SPT_OK && strcmp(s->info.software_version, spt_version()) != 0)
            status = spt_fail(err, SPT_EMISMATCH, "%s: was written by spectrain %s, this is %s; merge with that",
                              s->path, s->info.software_version, spt_version());
        if (status == SPT_OK && i > 0)
            status = compare_identity(s->path, &s->info, m->sources[0].path, &m->sources[0].info, err);
        if (status == SPT_OK && i > 0)
            status = compare_data(s, &m->sources[0], err);
    }
    if (status == SPT_OK)
        qsort(m->sources, m->n, sizeof *m->sources, compare_sources); /* in whatever order they were given */
    return status == SPT_OK ? compare_sums(m, err) : status;
}

/* ---- the sweep that they are of */

static spt_status plan_sweep(merging *m, spt_error *err) {
    const spt_merge_source *first = &m->sources[0];
    m->shapes = calloc(first->n_datasets + 1, sizeof *m->shapes);
    if (m->shapes == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for its plan", first->path);
    for (size_t d = 0; d < first->n_datasets; d++)
        m->shapes[d] = (spt_data_shape){.train = (size_t)first->train[d],
                                        .test = (size_t)first->test[d],
                                        .inputs = (size_t)first->inputs,
                                        .outputs = (size_t)first->outputs,
                                        .classes = (size_t)first->classes,
                                        .generated = first->has_x};
    spt_status status = spt_config_parse(first->path, first->info.config, strlen(first->info.config), &m->config, err);
    if (status == SPT_OK)
        status = spt_sweep_plan_known(m->config, m->shapes, first->n_datasets, &m->sweep, err);
    if (status == SPT_OK && m->sweep->n_runs != first->info.sweep_runs)
        status = spt_fail(err, SPT_EMISMATCH, "%s: says that its sweep has %zu runs, by its config it has %zu",
                          first->path, first->info.sweep_runs, m->sweep->n_runs);
    return status;
}

static spt_status place_runs(merging *m, const spt_merge_source *s, uint32_t owner, spt_error *err) {
    for (size_t i = 0; i < s->info.n_runs; i++) {
        size_t run = s->info.run_numbers[i];
        if (m->owner[run] != 0)
            return spt_fail(err, SPT_EMISMATCH, "%s: has run %zu of the sweep, which %s has too; each run once",
                            s->path, run, m->sources[m->owner[run] - 1].path);
        if ((uint64_t)s->parameters[i] != m->sweep->arenas[run].parameters)
            return spt_fail(err, SPT_EMISMATCH, "%s: run %zu has %lld parameters, by the config it has %zu", s->path,
                            run, (long long)s->parameters[i], m->sweep->arenas[run].parameters);
        if (s->info.status[i] != SPT_RUN_MISSING && s->info.status[i] != SPT_RUN_DONE &&
            s->info.status[i] != SPT_RUN_DIVERGED)
            return spt_fail(err, SPT_ECORRUPT, "%s: run %zu has status %d, which none has", s->path, run,
                            s->info.status[i]);
        m->owner[run] = owner;
        m->status[run] = (spt_run_status)s->info.status[i];
        m->diverged_step[run] = s->diverged[i] < 0 ? SPT_STEP_NONE : (uint64_t)s->diverged[i];
    }
    return SPT_OK;
}

static spt_status place_all(merging *m, spt_error *err) {
    size_t n = m->sweep->n_runs;
    m->owner = calloc(n + 1, sizeof *m->owner);
    m->status = calloc(n + 1, sizeof *m->status);
    m->diverged_step = calloc(n + 1, sizeof *m->diverged_step);
    if (m->owner == NULL || m->status == NULL || m->diverged_step == NULL)
        return spt_fail(err, SPT_ENOMEM, "merged sweep of %zu runs: out of memory", n);
    for (size_t r = 0; r < n; r++)
        m->diverged_step[r] = SPT_STEP_NONE;
    spt_status status = SPT_OK;
    for (size_t i = 0; i < m->n && status == SPT_OK; i++)
        status = place_runs(m, &m->sources[i], (uint32_t)(i + 1), err);
    return status;
}

/* The devices that the shards were trained on, each model once. */
static spt_status name_devices(merging *m, size_t *n_devices, spt_error *err) {
    size_t length = 0;
    FILE *out = open_memstream(&m->device, &length);
    if (out == NULL)
        return spt_fail(err, SPT_ENOMEM, "merged sweep: out of memory");
    for (size_t i = 0; i < m->n; i++) {
        bool known = false;
        for (size_t k = 0; k < i && !known; k++)
            known = spt_identity_same_device(m->sources[k].info.device, m->sources[i].info.device);
        if (!known)
            fprintf(out, "%s%s", (*n_devices)++ > 0 ? "; " : "", m->sources[i].info.device);
    }
    bool failed = ferror(out) != 0;
    return fclose(out) == 0 && !failed ? SPT_OK : spt_fail(err, SPT_ENOMEM, "merged sweep: out of memory");
}

/* ---- the output */

/* A probe of a file that was added to it when it was finished. */
static const char *added_probe(const merging *m, const spt_file_info *info) {
    for (size_t i = 0; i < info->n_probes; i++) {
        bool planned = false;
        for (size_t p = 0; p < m->sweep->settings.n_probes; p++)
            planned = planned || strcmp(info->probe_names[i], m->sweep->probe_names[p]) == 0;
        if (!planned)
            return info->probe_names[i];
    }
    return NULL;
}

/* A file that is there may be replaced when it is of the same sweep, and has nothing that the new one has not. */
static spt_status compare_output(const merging *m, const char *output, spt_error *err) {
    spt_file_info info;
    spt_error reason = {0};
    if (spt_file_info_read(output, &info, &reason) != SPT_OK)
        return spt_fail(err, SPT_EEXIST, "%s; --force replaces it", reason.message);
    spt_status status = SPT_OK;
    size_t lost = SIZE_MAX;
    for (size_t r = 0; r < info.n_runs && lost == SIZE_MAX; r++) {
        size_t run = info.run_numbers[r];
        bool had = info.status[r] != SPT_RUN_MISSING;
        if (run >= m->sweep->n_runs || (had && m->status[run] == SPT_RUN_MISSING))
            lost = run;
    }
    if (compare_identity(output, &info, m->sources[0].path, &m->sources[0].info, &reason) != SPT_OK)
        status = spt_fail(err, SPT_EEXIST, "%s; --force replaces it", reason.message);
    else if (info.shards > 0)
        status = spt_fail(err, SPT_EEXIST, "%s: is itself a shard; --force replaces it", output);
    else if (lost != SIZE_MAX)
        status = spt_fail(err, SPT_EEXIST,
                          "%s: is there already, with run %zu, which none of the shards has to its "
                          "end; --force replaces it",
                          output, lost);
    const char *added = status == SPT_OK ? added_probe(m, &info) : NULL;
    if (added != NULL)
        status = spt_fail(err, SPT_EEXIST,
                          "%s: is there already, with probe %s, which was added to it; --force "
                          "replaces it",
                          output, added);
    spt_file_info_free(&info);
    return status;
}

static spt_status check_output(const merging *m, const spt_output *output, const spt_merge_options *options,
                               spt_error *err) {
    struct stat there;
    spt_status status = spt_output_check(output, err);
    if (status != SPT_OK)
        return status;
    bool is_there = stat(output->path, &there) == 0;
    for (size_t i = 0; i < m->n && is_there; i++)
        if (there.st_ino == m->sources[i].facts.st_ino && there.st_dev == m->sources[i].facts.st_dev)
            return spt_fail(err, SPT_EINVAL, "%s: is one of the shards; give the merged file a name of its own",
                            output->path);
    return is_there && !options->force ? compare_output(m, output->path, err) : SPT_OK;
}

/* With the lock: what a sweep has left there is not touched. */
static spt_status check_folder(const spt_output *output, spt_error *err) {
    char *journal = spt_io_path(output->folder, "journal");
    bool unfinished = journal == NULL || spt_look_at(journal) != SPT_NOTHING;
    free(journal);
    if (!unfinished)
        return SPT_OK;
    return spt_fail(err, SPT_EEXIST, "%s: holds an unfinished sweep; go on with it, or give another name",
                    output->folder);
}

typedef struct merged_file {
    spt_merge merge;
    uint64_t bytes;
} merged_file;

static spt_status fill(int fd, const char *path, uint64_t *bytes, void *user, spt_error *err) {
    merged_file *file = user;
    spt_status status = spt_merge_write(&file->merge, fd, path, bytes, err);
    file->bytes = *bytes;
    return status;
}

static spt_status write_output(const merging *m, const char *path, const spt_merge_options *options,
                               spt_merge_report *report, spt_error *err) {
    const spt_file_info *info = &m->sources[0].info;
    spt_device_info device = {0};
    snprintf(device.precision, sizeof device.precision, "%s", info->precision);
    snprintf(device.denormals, sizeof device.denormals, "%s", info->denormals);
    spt_store_spec spec = spt_sweep_store_spec(m->sweep, info->config, info->backend, &device);
    spec.device = m->device;
    spt_output output;
    spt_status status = spt_output_init(&output, path, err);
    if (status == SPT_OK)
        status = check_output(m, &output, options, err);
    if (status == SPT_OK)
        status = spt_output_lock(&output, err);
    if (status == SPT_OK)
        status = check_folder(&output, err);
    if (status == SPT_OK) /* again: another may have merged just now, more than we have */
        status = check_output(m, &output, options, err);
    merged_file file = {.merge = {.spec = &spec,
                                  .sources = m->sources,
                                  .n_sources = m->n,
                                  .status = m->status,
                                  .diverged_step = m->diverged_step,
                                  .complete = report->complete,
                                  .is_virtual = options->is_virtual,
                                  .folder = output.parent,
                                  .staging_bytes = SPT_MERGE_STAGING_BYTES,
                                  .slab_bytes = SPT_MERGE_SLAB_BYTES}};
    if (status == SPT_OK)
        status = spt_output_publish(&output, fill, &file, err);
    if (status == SPT_OK)
        spt_output_remove_folder(&output);
    else
        spt_output_abandon(&output);
    spt_output_free(&output);
    report->bytes = file.bytes + spt_seal_size(file.bytes);
    return status;
}

/* ---- */

static spt_status fill_report(const merging *m, spt_merge_report *report, spt_error *err) {
    report->n_files = m->n;
    report->n_runs = m->sweep->n_runs;
    report->missing = calloc(m->sweep->n_runs + 1, sizeof *report->missing);
    if (report->missing == NULL)
        return spt_fail(err, SPT_ENOMEM, "merged sweep: out of memory");
    for (size_t r = 0; r < m->sweep->n_runs; r++) {
        report->n_done += m->status[r] == SPT_RUN_DONE;
        report->n_diverged += m->status[r] == SPT_RUN_DIVERGED;
        if (m->status[r] == SPT_RUN_MISSING)
            report->missing[report->n_missing++] = r;
    }
    report->complete = report->n_missing == 0;
    return SPT_OK;
}

spt_status spt_shards_merge(const char *const *paths, size_t n_paths, const char *output,
                            const spt_merge_options *options, spt_merge_report *report, spt_error *err) {
    merging m = {0};
    *report = (spt_merge_report){0};
    if (n_paths == 0 || n_paths >= UINT32_MAX)
        return spt_fail(err, SPT_EINVAL, "merge: %zu shards; expected one or more", n_paths);
    spt_status status = open_sources(&m, paths, n_paths, !options->is_virtual, err);
    if (status == SPT_OK)
        status = plan_sweep(&m, err);
    if (status == SPT_OK)
        status = place_all(&m, err);
    if (status == SPT_OK)
        status = name_devices(&m, &report->n_devices, err);
    if (status == SPT_OK)
        status = fill_report(&m, report, err);
    if (status == SPT_OK)
        status = write_output(&m, output, options, report, err);
    release(&m);
    return status;
}

void spt_merge_report_free(spt_merge_report *report) {
    free(report->missing);
    *report = (spt_merge_report){0};
}
