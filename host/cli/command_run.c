/* spectrain run: plan a sweep, train it, tell how it goes and what came out. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "cli/run_devices.h"
#include "cli/stop.h"
#include "cli/text.h"
#include "spectrain/shard.h"

/* NAME.h5 of the config in the current folder, NAME.shard-I-of-N.h5 for a shard, unless -o says otherwise (malloc'd).
 */
static spt_status output_path(const spt_options *options, const spt_sweep_summary *summary, char **out,
                              spt_error *err) {
    const char *stem = options->output != NULL ? options->output : summary->name;
    char place[64] = "";
    if (summary->shards > 0)
        snprintf(place, sizeof place, ".shard-%zu-of-%zu.h5", summary->shard, summary->shards);
    const char *suffix = options->output != NULL ? "" : summary->shards > 0 ? place : ".h5";
    size_t room = strlen(stem) + strlen(suffix) + 1;
    char *path = malloc(room);
    if (path == NULL)
        return spt_fail(err, SPT_ENOMEM, "output file's name: out of memory");
    snprintf(path, room, "%s%s", stem, suffix);
    *out = path;
    return SPT_OK;
}

static spt_status find_device(const spt_options *options, const spt_backend **backend, spt_device_info *info,
                              spt_error *err) {
    const char *name = options->backend != NULL ? options->backend : "auto";
    *backend = spt_backend_find(name);
    if (*backend == NULL)
        return spt_fail(err, SPT_EDEVICE, "--backend %s: this build has no such backend; see: spectrain devices", name);
    spt_device_options device_options = {.device = options->device > 0 ? options->device : 0,
                                         .threads = options->threads};
    spt_device *device = NULL;
    spt_status status = (*backend)->open(&device_options, &device, err);
    if (status != SPT_OK)
        return status;
    (*backend)->describe(device, info);
    (*backend)->close(device);
    return SPT_OK;
}

/* What will be done, where, and what it will take. */
static void announce(const spt_sweep *sweep, const spt_sweep_summary *summary, const char *path,
                     const spt_backend *backend, const spt_device_info *device, bool resume) {
    size_t epochs = spt_sweep_run_at(sweep, 0)->spec.train.epochs;
    char place[96] = "";
    if (summary->shards > 0)
        snprintf(place, sizeof place, " (of %s, shard %zu/%zu)", spt_text_count(summary->sweep_runs).s, summary->shard,
                 summary->shards);
    printf("%s: %s %s%s, %s parameters, %s epochs; into %s, about %s\n", summary->name,
           spt_text_count(summary->n_runs).s, summary->n_runs == 1 ? "run" : "runs", place,
           spt_text_count(summary->parameters).s, spt_text_count(epochs).s, path,
           spt_text_bytes(summary->file_bytes).s);
    printf("%s: %s", backend->name, device->name);
    if (strcmp(backend->name, "cpu") == 0)
        printf("; about %s%s", spt_text_seconds(spt_sweep_estimate_seconds(sweep, device->threads)).s,
               resume ? " from the start" : "");
    printf("\n");
    fflush(stdout);
}

static void warn_diverged(const spt_axes *axes, const spt_sweep_result *result) {
    size_t first = 0;
    while (first < result->n_runs && result->runs[first].status != SPT_RUN_DIVERGED)
        first++;
    if (first == result->n_runs)
        return;
    fprintf(stderr, "spectrain: warning: %zu of %zu runs diverged (first: run %zu", result->n_diverged, result->n_runs,
            result->runs[first].number);
    for (size_t a = 0; a < axes->n_axes; a++)
        fprintf(stderr, ", %s %s", axes->axes[a].key, spt_axes_value(axes, a, result->runs[first].number)->text);
    fprintf(stderr, ", step %" PRIu64 "); what came before is kept, later values are NaN\n",
            result->runs[first].diverged_step);
}

static spt_status print_results(const spt_sweep *sweep, const spt_sweep_result *result, const char *path,
                                spt_error *err) {
    size_t *parameters = calloc(result->n_runs, sizeof *parameters);
    if (parameters == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the results: out of memory");
    for (size_t r = 0; r < result->n_runs; r++)
        parameters[r] = spt_sweep_run_at(sweep, r)->parameters;
    printf("\n");
    spt_status status = spt_results_print(spt_sweep_axes(sweep), parameters, result, stdout, err);
    free(parameters);
    if (status != SPT_OK)
        return status;
    struct stat file;
    printf("\n%s: %s, %s (training %s, recording %s, storing %s)\n", path,
           stat(path, &file) == 0 ? spt_text_bytes((uint64_t)file.st_size).s : "gone", /* moved away already */
           spt_text_seconds(result->seconds).s, spt_text_seconds(result->train_seconds).s,
           spt_text_seconds(result->record_seconds).s, spt_text_seconds(result->store_seconds).s);
    return SPT_OK;
}

/* Straight to stderr: a long command would not fit into an error's message. */
static void tell_interrupted(const spt_options *options, const spt_sweep *sweep, const spt_progress_view *view) {
    uint64_t epochs = spt_sweep_run_at(sweep, 0)->spec.train.epochs;
    char *command = spt_options_resume_command(options);
    fprintf(stderr, "spectrain: interrupted at epoch %" PRIu64 " of %" PRIu64, view->told ? view->last.epoch : 0,
            epochs);
    if (view->told && view->last.n_groups > 1)
        fprintf(stderr, ", group %zu of %zu", view->last.group + 1, view->last.n_groups);
    fprintf(stderr, "; resume with: %s\n", command != NULL ? command : "the same command and --resume");
    free(command);
}

/* A run of hours is not lost because its last words were: the file is there. */
static void flush_or_warn(const char *path) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    if (errno != EPIPE) /* who left does not want to know */
        fprintf(stderr, "spectrain: warning: standard output: a write failed; the results are in %s\n", path);
    if (freopen("/dev/null", "w", stdout) == NULL)
        return; /* drops what could not be written, so that no later flush fails again */
}

static spt_status train(spt_sweep *sweep, const spt_options *options, const char *path, spt_error *err) {
    spt_progress_view view;
    spt_progress_view_init(&view, stderr, options->quiet);
    spt_sweep_options sweep_options = {
        .output = path,
        .backend = options->backend,
        .device = options->device > 0 ? options->device : 0,
        .threads = options->threads,
        .mode = options->resume  ? SPT_STORE_RESUME
                : options->force ? SPT_STORE_REPLACE
                                 : SPT_STORE_NEW,
        .progress = spt_progress_view_update,
        .user = &view,
        .stop = spt_stop_catch(),
    };
    spt_sweep_result result = {0};
    spt_status status = spt_sweep_run(sweep, &sweep_options, &result, err);
    spt_progress_view_end(&view);
    if (status == SPT_EINTERRUPTED) {
        tell_interrupted(options, sweep, &view);
        err->message[0] = '\0';
    } else if (status == SPT_OK && result.already_complete) {
        if (!options->quiet)
            printf("%s: complete already; nothing was done\n", path);
    } else if (status == SPT_OK) {
        warn_diverged(spt_sweep_axes(sweep), &result);
        if (!options->quiet)
            status = print_results(sweep, &result, path, err);
    }
    if (status == SPT_OK)
        flush_or_warn(path);
    spt_sweep_result_free(&result);
    return status;
}

static spt_status refuse_begun(const char *path, spt_error *err) {
    return spt_fail(
        err, SPT_EEXIST,
        "%s.devices: holds a sweep that was begun with --devices; that and --resume go on with it, that and "
        "--force start anew",
        path);
}

static spt_status run(const spt_options *options, spt_error *err) {
    spt_config *config = NULL;
    spt_sweep *sweep = NULL;
    char *path = NULL;
    spt_sweep_summary summary;
    const spt_backend *backend;
    spt_device_info device;
    spt_stop_ignore_output_signals();
    spt_status status = spt_options_config(options, &config, err);
    if (status == SPT_OK)
        status = spt_sweep_plan(config, &sweep, err);
    if (status == SPT_OK && options->shards > 0)
        status = spt_sweep_take_shard(sweep, options->shard, options->shards, err);
    if (status != SPT_OK)
        goto done;
    spt_sweep_summarize(sweep, &summary);
    status = output_path(options, &summary, &path, err);
    if (status == SPT_OK && options->devices != NULL) {
        status = spt_run_on_devices(options, sweep, path, err);
        if (status == SPT_OK)
            flush_or_warn(path);
        goto done;
    }
    if (status == SPT_OK && spt_node_is_begun(path))
        status = refuse_begun(path, err);
    if (status == SPT_OK)
        status = find_device(options, &backend, &device, err);
    if (status != SPT_OK)
        goto done;
    if (!options->quiet)
        announce(sweep, &summary, path, backend, &device, options->resume);
    status = train(sweep, options, path, err);
done:
    free(path);
    spt_sweep_free(sweep);
    spt_config_free(config);
    return status;
}

const spt_command spt_command_run = {
    .name = "run",
    .operand = "CONFIG",
    .synopsis = "CONFIG [-o FILE.h5] [--backend auto|cpu|cuda] [--device N | --devices all|N,N...] [--threads N] "
                "[--set KEY=VALUE]... "
                "[--shard I/N] [--resume] [--force] [--quiet]",
    .purpose = "train a sweep and keep what is measured in one HDF5 file",
    .manual =
        "CONFIG is a YAML file, or - for standard input.\n\n"
        "  -o, --output FILE.h5  the file to write; otherwise the config's name in the current folder\n"
        "  --backend NAME        auto (the best that has a device), cpu or cuda\n"
        "  --device N            which of the backend's devices, from 0\n"
        "  --devices all|N,N...  several of them, a process each: the sweep is cut into as many shards, in the folder\n"
        "                        FILE.h5.devices, and merged at the end; --resume goes on with any number of them\n"
        "  --threads N           threads of the cpu backend; otherwise all. Results do not depend on it\n"
        "  --set KEY=VALUE       put VALUE (YAML) in the place of a key: --set train.epochs=10, or of an axis:\n"
        "                        --set 'sweep.train.seed=[0, 1]'\n"
        "  --shard I/N           train shard I, 0 to N-1, of the N into which the sweep is cut, into a file of its "
        "own;\n"
        "                        spectrain merge puts them together\n"
        "  --resume              go on with an interrupted sweep, to the same bits; start it if there is none\n"
        "  --force               start anew even if there is a file or an unfinished sweep of that name\n"
        "  --quiet               say nothing but warnings and errors\n\n"
        "While it runs, the work is in the folder FILE.h5.part; FILE.h5 appears when it is whole. SIGINT, SIGTERM and\n"
        "SIGUSR1 save every run and leave with exit code 75; --resume then goes on. A second SIGINT ends it at once.\n",
    .options = SPT_TAKES_OUTPUT | SPT_TAKES_BACKEND | SPT_TAKES_DEVICE | SPT_TAKES_DEVICES | SPT_TAKES_THREADS |
               SPT_TAKES_SET | SPT_TAKES_SHARD | SPT_TAKES_RESUME | SPT_TAKES_FORCE | SPT_TAKES_QUIET,
    .run = run,
};
