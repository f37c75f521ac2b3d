/* spectrain submit: a sweep's shards as a Slurm job array, and their merge. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"
#include "spectrain/spectrain.h"

/* This program, wherever it was found: the tasks run the same. */
static spt_status find_program(char **path, spt_error *err) {
    *path = realpath("/proc/self/exe", NULL);
    return *path != NULL
               ? SPT_OK
               : spt_fail(err, SPT_EIO, "submit: this program's own path cannot be told: %s", strerror(errno));
}

static spt_status check(const spt_options *options, spt_error *err) {
    if (options->output == NULL)
        return spt_fail(err, SPT_EINVAL, "submit: -o FILE.h5 is missing: the name of the merged file");
    if (options->shards == 0)
        return spt_fail(err, SPT_EINVAL, "submit: --shards N is missing: into how many tasks the sweep is cut");
    return SPT_OK;
}

/* ---- what is told */

static void print_state(const spt_submission *s, spt_slurm_state state, const char *words) {
    size_t *numbers = calloc(s->n_shards, sizeof *numbers), n = 0;
    if (numbers == NULL)
        return;
    for (size_t i = 0; i < s->n_shards; i++)
        if (s->shards[i] == state)
            numbers[n++] = i;
    if (n > 0) {
        printf("  %s: ", words);
        spt_text_put_ranges(stdout, numbers, n);
        printf("\n");
    }
    free(numbers);
}

static void print_shards(const spt_submission *s) {
    print_state(s, SPT_SLURM_DONE, "shards done already");
    print_state(s, SPT_SLURM_QUEUED, "shards queued or running already");
    print_state(s, SPT_SLURM_TAKEN, "shards that another process is training (the merge does not wait for it)");
}

static void print_jobs(const spt_submission *s) {
    for (size_t j = 0; j < s->n_jobs; j++) {
        const spt_slurm_job *job = &s->jobs[j];
        if (job->id[0] != '\0' && job->n_tasks > 0)
            printf("  job %s: %s %s\n", job->id, spt_text_count(job->n_tasks).s,
                   job->n_tasks == 1 ? "shard" : "shards, one a task");
        else if (job->id[0] != '\0')
            printf("  job %s: the merge%s, into %s\n", job->id,
                   s->n_jobs > 1 || s->after[0] != '\0' ? ", when they are through" : "", s->output);
    }
    if (s->replaced[0] != '\0')
        printf("  cancelled for it, earlier merges: %s\n", s->replaced);
}

static void print_submission(const spt_sweep *sweep, const spt_submission *s) {
    spt_sweep_summary summary;
    spt_sweep_summarize(sweep, &summary);
    printf("%s: %s %s in %s %s\n", summary.name, spt_text_count(summary.n_runs).s, summary.n_runs == 1 ? "run" : "runs",
           spt_text_count(s->n_shards).s, s->n_shards == 1 ? "shard" : "shards");
    print_shards(s);
    print_jobs(s);
    char *word = spt_text_shell_word(s->folder);
    printf("look at it with: spectrain info %s\n", word != NULL ? word : s->folder);
    free(word);
}

/* Scripts as sbatch would get them; what is said about them is a comment. */
static void print_scripts(const spt_submission *s) {
    for (size_t j = 0; j < s->n_jobs; j++) {
        bool is_merge = s->jobs[j].n_tasks == 0;
        bool waits = is_merge && (s->n_jobs > 1 || s->after[0] != '\0');
        char *word = spt_text_shell_word(s->jobs[j].path);
        printf("%s# sbatch %s%s", j > 0 ? "\n" : "", waits ? "--dependency=afterany" : "", waits ? s->after : "");
        for (size_t k = 0; k < j && waits; k++)
            printf(":JOB%zu", k + 1);
        printf("%s%s\n", waits ? " " : "", word != NULL ? word : s->jobs[j].path);
        free(word);
        fputs(s->jobs[j].script, stdout);
    }
}

static void warn(const spt_options *options, const spt_submission *s) {
    if (s->unasked != NULL)
        fprintf(stderr, "spectrain: warning: Slurm was not asked what is queued, nor how long an array may be: %s\n",
                s->unasked);
    if (options->cpus == 0 && spt_backend_find("cuda") == NULL)
        fprintf(stderr,
                "spectrain: warning: this build has no backend for GPUs, which the tasks would ask for; --cpus N "
                "asks for CPU nodes\n");
}

/* ---- */

static spt_status submit_sweep(const spt_sweep *sweep, const spt_options *options, const char *program,
                               spt_error *err) {
    const spt_slurm_options slurm = {.program = program,
                                     .output = options->output,
                                     .shards = options->shards,
                                     .cpus = options->cpus,
                                     .n_words = options->n_words,
                                     .words = options->words,
                                     .dry_run = options->dry_run};
    spt_submission submission;
    spt_status status = spt_slurm_submit(sweep, &slurm, &submission, err);
    if (status == SPT_OK && submission.complete)
        printf("%s: complete already; nothing was submitted\n", submission.output);
    else if (status == SPT_OK && options->dry_run) {
        warn(options, &submission);
        print_scripts(&submission);
    } else if (status == SPT_OK)
        print_submission(sweep, &submission);
    else if (submission.n_jobs > 0 && submission.jobs[0].id[0] != '\0') {
        print_jobs(&submission);
        fprintf(stderr, "spectrain: warning: these jobs are queued already; the same command goes on from there\n");
    }
    spt_submission_free(&submission);
    return status;
}

static spt_status submit(const spt_options *options, spt_error *err) {
    spt_config *config = NULL;
    spt_sweep *sweep = NULL;
    char *program = NULL;
    spt_status status = check(options, err);
    if (status == SPT_OK)
        status = spt_options_config(options, &config, err);
    if (status == SPT_OK)
        status = spt_sweep_plan(config, &sweep, err);
    if (status == SPT_OK)
        status = find_program(&program, err);
    if (status == SPT_OK)
        status = submit_sweep(sweep, options, program, err);
    free(program);
    spt_sweep_free(sweep);
    spt_config_free(config);
    return status;
}

const spt_command spt_command_submit = {
    .name = "submit",
    .operand = "CONFIG",
    .synopsis = "CONFIG -o FILE.h5 --shards N [--cpus N] [--set KEY=VALUE]... [--dry-run] [-- SBATCH OPTIONS]",
    .purpose = "train a sweep on a Slurm cluster, as a job array, and merge it",
    .manual =
        "CONFIG is a YAML file, or - for standard input.\n\n"
        "  -o, --output FILE.h5  the merged file; the work, the scripts and a log of each task are in FILE.h5.shards\n"
        "  --shards N            into how many tasks the sweep is cut; spectrain plan --shards N shows the cut\n"
        "  --cpus N              of a task, on nodes without a GPU; otherwise each task has one GPU\n"
        "  --set KEY=VALUE       put VALUE (YAML) in the place of a key, as for run\n"
        "  --dry-run             print the scripts, and submit nothing\n"
        "  -- SBATCH OPTIONS     further options of sbatch: -- --time=4:00:00 --account=physics; they win over ours.\n"
        "                        The merge gets those that say whose it is, where it may run and for how long\n\n"
        "90 seconds before its time limit, and when it is preempted, a task saves its shard and is queued again. The\n"
        "merge waits for all tasks; where one has failed, it writes what there is and fails. The same command once "
        "more\n"
        "takes up what is missing, and nothing that is done, queued or running.\n",
    .options =
        SPT_TAKES_OUTPUT | SPT_TAKES_SHARDS | SPT_TAKES_CPUS | SPT_TAKES_SET | SPT_TAKES_DRY_RUN | SPT_TAKES_WORDS,
    .run = submit,
};
