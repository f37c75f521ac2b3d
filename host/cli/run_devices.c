#include "cli/run_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "cli/text.h"
#include "spectrain/shard.h"

enum { DEVICES_MAX = 1024, LINE_BYTES = 512, WORDS = 16 };
static const double LIVE_SECONDS = 0.2, PLAIN_SECONDS = 30.0;

/* What the callbacks know. */
typedef struct devices_run {
    const spt_options *options;
    const char *backend;
    int devices[DEVICES_MAX];
    size_t n_devices;
    FILE *words[DEVICES_MAX]; /* by device number: what its worker has written to stderr */
    spt_progress_view view;   /* the terminal alone; the lines are our own */
    spt_node_progress last;
} devices_run;

/* ---- which devices */

static spt_status read_list(const char *text, size_t there, devices_run *run, spt_error *err) {
    bool used[DEVICES_MAX] = {false};
    const char *at = text;
    do {
        char *end = NULL;
        unsigned long number = strtoul(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end != ',' && *end != '\0') || number >= DEVICES_MAX)
            return spt_fail(err, SPT_EINVAL, "--devices: is \"%s\"; allowed: all, or numbers such as 0,2", text);
        if (used[number])
            return spt_fail(err, SPT_EINVAL, "--devices: is \"%s\"; device %lu is in it twice", text, number);
        if (number >= there)
            return spt_fail(err, SPT_EDEVICE, "--devices: %s: no device %lu; there %s %zu, from 0", run->backend,
                            number, there == 1 ? "is" : "are", there);
        used[number] = true;
        run->devices[run->n_devices++] = (int)number;
        at = *end == ',' ? end + 1 : NULL;
    } while (at != NULL);
    return SPT_OK;
}

static spt_status find_devices(devices_run *run, spt_error *err) {
    const char *name = run->options->backend != NULL ? run->options->backend : "auto";
    const spt_backend *backend = spt_backend_find(name);
    if (backend == NULL)
        return spt_fail(err, SPT_EDEVICE, "--backend %s: this build has no such backend; see: spectrain devices", name);
    run->backend = backend->name;
    if (strcmp(backend->name, "cpu") == 0)
        return spt_fail(err, SPT_EINVAL,
                        "--devices: the cpu backend is one device, which takes all processors already; leave it away, "
                        "or cut the sweep with --shard");
    size_t there = backend->count();
    if (there == 0)
        return spt_fail(err, SPT_EDEVICE, "--devices: %s: there is no device; see: spectrain devices", backend->name);
    if (strcmp(run->options->devices, "all") != 0)
        return read_list(run->options->devices, there, run, err);
    for (size_t d = 0; d < there && d < DEVICES_MAX; d++)
        run->devices[run->n_devices++] = (int)d;
    return SPT_OK;
}

/* ---- workers */

/* The worker's command. Its numbers are in texts. */
static void list_words(const devices_run *run, const spt_worker *worker, char (*texts)[48], const char **words) {
    size_t n = 0;
    snprintf(texts[0], sizeof texts[0], "%d", worker->device);
    snprintf(texts[1], sizeof texts[1], "%zu/%zu", worker->shard, worker->shards);
    snprintf(texts[2], sizeof texts[2], "%zu", run->options->threads);
    const char *const always[] = {run->options->program,
                                  "run",
                                  worker->config,
                                  "-o",
                                  worker->output,
                                  "--backend",
                                  run->backend,
                                  "--device",
                                  texts[0],
                                  "--shard",
                                  texts[1],
                                  "--resume",
                                  "--quiet"};
    for (; n < sizeof always / sizeof *always; n++)
        words[n] = always[n];
    if (run->options->threads > 0) {
        words[n++] = "--threads";
        words[n++] = texts[2];
    }
    words[n] = NULL;
}

/* In the child. A group of its own: an interrupt at the terminal is for the parent, who passes on one signal. */
static void become_worker(const char *const *words, int log, pid_t parent) {
    int null = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
        dup2(null, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        execv("/proc/self/exe", (char *const *)(uintptr_t)words);
    _exit(127);
}

static spt_status start_worker(const spt_worker *worker, long *pid, void *user, spt_error *err) {
    devices_run *run = user;
    char texts[3][48];
    const char *words[WORDS + 1];
    list_words(run, worker, texts, words);
    FILE *log = tmpfile();
    if (log == NULL || fcntl(fileno(log), F_SETFD, FD_CLOEXEC) != 0) {
        if (log != NULL)
            fclose(log);
        return spt_fail(err, SPT_EIO, "device %d: no temporary file for its messages: %s", worker->device,
                        strerror(errno));
    }
    fflush(NULL); /* the child has copies of what waits in our streams */
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        become_worker(words, fileno(log), parent);
    if (child < 0) {
        fclose(log);
        return spt_fail(err, SPT_EIO, "device %d: no process for it: %s", worker->device, strerror(errno));
    }
    run->words[worker->device] = log;
    *pid = child;
    return SPT_OK;
}

/* The last line of a log that is the program's own, or the last of all, without its end and the program's name. */
static void last_words(FILE *log, char line[LINE_BYTES]) {
    static const char name[] = "spectrain: ";
    char next[LINE_BYTES];
    bool own = false;
    line[0] = '\0';
    rewind(log);
    while (fgets(next, sizeof next, log) != NULL) {
        next[strcspn(next, "\n")] = '\0';
        bool is_own = strncmp(next, name, sizeof name - 1) == 0;
        if (next[0] != '\0' && (is_own || !own))
            snprintf(line, LINE_BYTES, "%s", is_own ? next + sizeof name - 1 : next);
        own = own || is_own;
    }
}

static void worker_ended(const spt_worker *worker, int wait_status, bool interrupted, void *user) {
    devices_run *run = user;
    FILE *log = run->words[worker->device];
    bool done = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    if (!done && !interrupted) {
        char line[LINE_BYTES];
        last_words(log, line);
        if (run->view.line_open)
            fputs("\n", stderr);
        run->view.line_open = false;
        fprintf(stderr, "spectrain: warning: device %d, shard %zu/%zu: ", worker->device, worker->shard,
                worker->shards);
        if (WIFSIGNALED(wait_status))
            fprintf(stderr, "killed by signal %d (%s); what it had recorded is safe\n", WTERMSIG(wait_status),
                    strsignal(WTERMSIG(wait_status)));
        else
            fprintf(stderr, "exit code %d%s%s\n", WEXITSTATUS(wait_status), line[0] != '\0' ? ": " : "", line);
    }
    fclose(log);
    run->words[worker->device] = NULL;
}

/* ---- what is told */

static void show_progress(const spt_node_progress *p, void *user) {
    devices_run *run = user;
    spt_progress_view *view = &run->view;
    double since = p->elapsed - view->shown_at;
    bool news = !view->shown || p->n_done != run->last.n_done;
    run->last = *p;
    if (view->quiet || (!news && since < (view->live ? LIVE_SECONDS : PLAIN_SECONDS)))
        return;
    fprintf(stderr, "%s%3.0f %%  %zu of %zu shards done, %zu running", view->live ? "\r" : "",
            floor(100.0 * p->fraction), p->n_done, p->n_shards, p->n_running);
    if (!isnan(p->remaining))
        fprintf(stderr, "  %s left", spt_text_seconds(p->remaining).s);
    fputs(view->live ? "\x1b[K" : "\n", stderr);
    fflush(stderr);
    view->line_open = view->live;
    view->shown = true;
    view->shown_at = p->elapsed;
}

static void announce(const devices_run *run, const spt_sweep *sweep, const char *path) {
    spt_sweep_summary summary;
    spt_sweep_summarize(sweep, &summary);
    printf("%s: %s runs, %s parameters; into %s, about %s\n%s: %zu %s:", summary.name, spt_text_count(summary.n_runs).s,
           spt_text_count(summary.parameters).s, path, spt_text_bytes(summary.file_bytes).s, run->backend,
           run->n_devices, run->n_devices == 1 ? "device" : "devices");
    for (size_t d = 0; d < run->n_devices; d++)
        printf("%s %d", d > 0 ? "," : "", run->devices[d]);
    if (summary.n_runs < run->n_devices)
        printf("; there are only %zu runs, the other devices stay idle", summary.n_runs);
    printf("\n");
    fflush(stdout);
}

static void tell_interrupted(const devices_run *run) {
    char *command = spt_options_resume_command(run->options);
    fprintf(stderr, "spectrain: interrupted, %zu of %zu shards done; resume with: %s\n", run->last.n_done,
            run->last.n_shards, command != NULL ? command : "the same command and --resume");
    free(command);
}

static void tell_results(const spt_options *options, const spt_node_result *result, const char *path) {
    const spt_merge_report *report = &result->report;
    if (report->n_diverged > 0)
        fprintf(stderr,
                "spectrain: warning: %zu of %zu runs diverged; what came before is kept, later values are NaN\n",
                report->n_diverged, report->n_runs);
    if (report->n_devices > 1)
        fprintf(stderr,
                "spectrain: warning: the devices are of %zu models; their runs are equal to rounding, not to the bit\n",
                report->n_devices);
    if (options->quiet)
        return;
    if (result->already_complete)
        printf("%s: complete already; nothing was done\n", path);
    else
        printf("%s: %s runs from %zu shards, %zu diverged, %s\n", path, spt_text_count(report->n_runs).s,
               report->n_files, report->n_diverged, spt_text_bytes(report->bytes).s);
}

spt_status spt_run_on_devices(const spt_options *options, const spt_sweep *sweep, const char *path, spt_error *err) {
    if (options->device >= 0 || options->shards > 0)
        return spt_fail(err, SPT_EINVAL,
                        "run: --devices cuts the sweep itself and gives each device a part; leave %s away",
                        options->device >= 0 ? "--device" : "--shard");
    devices_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return spt_fail(err, SPT_ENOMEM, "run: out of memory");
    run->options = options;
    spt_progress_view_init(&run->view, stderr, options->quiet);
    spt_node_result result = {0};
    spt_status status = find_devices(run, err);
    if (status != SPT_OK)
        goto done;
    if (!options->quiet)
        announce(run, sweep, path);
    spt_node_options node = {.output = path,
                             .n_devices = run->n_devices,
                             .devices = run->devices,
                             .mode = options->resume  ? SPT_STORE_RESUME
                                     : options->force ? SPT_STORE_REPLACE
                                                      : SPT_STORE_NEW,
                             .start = start_worker,
                             .ended = worker_ended,
                             .progress = show_progress,
                             .user = run,
                             .interrupted_code = SPT_EXIT_INTERRUPTED,
                             .stop = spt_stop_catch()};
    status = spt_node_run(sweep, &node, &result, err);
    if (run->view.line_open)
        fputs("\n", stderr);
    run->last.n_done = result.n_done;
    run->last.n_shards = result.n_shards;
    if (status == SPT_EINTERRUPTED) {
        tell_interrupted(run);
        err->message[0] = '\0';
    } else if (status == SPT_OK)
        tell_results(options, &result, path);
done:
    spt_node_result_free(&result);
    free(run);
    return status;
}
