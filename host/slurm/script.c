#include "slurm/script.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slurm/words.h"

enum { SECONDS_TO_SAVE = 90 }; /* before the time limit; Slurm may be late by 60 */

void spt_slurm_array_name(const char *job, size_t first, char *name, size_t capacity) {
    snprintf(name, capacity, first > 0 ? "%s.%zu" : "%s", job, first);
}

void spt_slurm_merge_name(const char *job, char *name, size_t capacity) {
    snprintf(name, capacity, "%s.merge", job);
}

/* ---- the options */

/* Where a job's output goes: Slurm replaces %a there, and takes %% for %. False when memory is short. */
static bool put_log(FILE *script, const char *folder, const char *name) {
    char *pattern = malloc(2 * strlen(folder) + strlen(name) + 2), *end = pattern;
    if (pattern == NULL)
        return false;
    for (const char *c = folder; *c != '\0'; c++) {
        *end++ = *c;
        if (*c == '%')
            *end++ = '%';
    }
    sprintf(end, "/%s", name);
    fputs("#SBATCH --output=", script);
    spt_slurm_word_put(script, pattern);
    fputc('\n', script);
    free(pattern);
    return true;
}

/* --array=0-3,7: the new shards from first on. */
static void put_indexes(FILE *script, const spt_slurm_state *shards, size_t first, size_t end) {
    const char *separator = "#SBATCH --array=";
    size_t next;
    for (size_t s = first; s < end; s = next) {
        for (next = s; next < end && shards[next] == SPT_SLURM_NEW; next++)
            continue;
        if (next == s) {
            next++;
            continue;
        }
        fprintf(script, "%s%zu", separator, s - first);
        if (next > s + 1)
            fprintf(script, "-%zu", next - 1 - first);
        separator = ",";
    }
    fputc('\n', script);
}

/* VARIABLE='TEXT', whatever the text has in it. */
static void put_assignment(FILE *script, const char *variable, const char *text) {
    fprintf(script, "%s='", variable);
    for (const char *c = text; *c != '\0'; c++)
        fprintf(script, *c == '\'' ? "'\\''" : "%c", *c);
    fputs("'\n", script);
}

/* ---- the work */

/* USR1 comes before the time limit, and before a preemption where the cluster sends it; TERM when the task is
 * cancelled, preempted or queued again by others. Whoever cancels a task wants it gone. */
static const char TASK[] =
    "shard=$((first + SLURM_ARRAY_TASK_ID))\n"
    "task=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID # not SLURM_JOB_ID: that of the last task is the whole array's\n"
    "echo \"== $(date '+%F %T') shard $shard/$shards: task $task on ${SLURMD_NODENAME:-$(hostname)},\" \\\n"
    "    \"start $((${SLURM_RESTART_COUNT:-0} + 1))\"\n"
    "signal='' run='' again=''\n"
    "pass() { # a signal: to the program, which saves its shard and leaves with 75\n"
    "    signal=$1 again=yes\n"
    "    [ -z \"$run\" ] || kill -USR1 \"$run\" 2>/dev/null\n"
    "}\n"
    "trap 'pass USR1' USR1\n"
    "trap 'pass TERM' TERM\n"
    "\"$program\" run \"$folder/config.yaml\" -o \"$folder/$shard.h5\" --shard \"$shard/$shards\" --resume \\\n"
    "    $device &\n"
    "run=$!\n"
    "[ -z \"$signal\" ] || kill -USR1 \"$run\" 2>/dev/null\n"
    "again=yes\n"
    "while [ -n \"$again\" ]; do # a signal ends the wait, not the program\n"
    "    again=''\n"
    "    wait \"$run\"\n"
    "    code=$?\n"
    "done\n"
    "is_preempted() { scontrol show job \"$task\" 2>/dev/null | grep -q 'PreemptTime=[0-9]'; }\n"
    "if [ \"$code\" -eq 75 ] && { [ \"$signal\" != TERM ] || is_preempted; }; then\n"
    "    echo \"== $(date '+%F %T') saved; the task is queued again\"\n"
    "    scontrol requeue \"$task\"\n"
    "fi\n"
    "exit \"$code\"\n";

static const char MERGE[] =
    "echo \"== $(date '+%F %T') merge on ${SLURMD_NODENAME:-$(hostname)}\"\n"
    "\"$program\" merge \"$folder\" -o \"$output\" --complete\n"
    "code=$?\n"
    "[ \"$code\" -eq 0 ] || echo \"== spectrain info '$folder' tells which shards are missing, their logs why; the same"
    " spectrain submit takes them up\"\n"
    "exit \"$code\"\n";

static spt_status close_script(FILE *stream, bool complete, char **script, spt_error *err) {
    bool failed = !complete || ferror(stream) != 0;
    if (fclose(stream) == 0 && !failed)
        return SPT_OK;
    free(*script);
    *script = NULL;
    return spt_fail(err, SPT_ENOMEM, "script of a job: out of memory");
}

spt_status spt_slurm_array_script(const spt_slurm_sweep *sweep, const spt_slurm_state *shards, size_t first, size_t end,
                                  char **script, spt_error *err) {
    const spt_slurm_options *options = sweep->options;
    size_t length = 0;
    char name[256], log[48];
    *script = NULL;
    FILE *out = open_memstream(script, &length);
    if (out == NULL)
        return spt_fail(err, SPT_ENOMEM, "script of a job: out of memory");
    spt_slurm_array_name(sweep->job, first, name, sizeof name);
    snprintf(log, sizeof log, first > 0 ? "%zu+%%a.log" : "%%a.log", first);
    fprintf(out,
            "#!/bin/bash\n# spectrain submit: the sweep %s in %zu shards, one a task\n"
            "#SBATCH --job-name=%s\n",
            sweep->name, options->shards, name);
    put_indexes(out, shards, first, end);
    bool complete = put_log(out, sweep->folder, log);
    fprintf(out,
            "#SBATCH --open-mode=append\n#SBATCH --requeue\n#SBATCH --signal=B:USR1@%d\n"
            "#SBATCH --ntasks=1\n",
            SECONDS_TO_SAVE);
    if (options->cpus > 0)
        fprintf(out, "#SBATCH --cpus-per-task=%zu\n", options->cpus);
    else if (!spt_slurm_words_ask_for_gpus(options->words, options->n_words))
        fputs("#SBATCH --gres=gpu:1\n", out);
    spt_slurm_words_put(out, options->words, options->n_words, false);
    fputs("set -u\n", out);
    put_assignment(out, "program", options->program);
    put_assignment(out, "folder", sweep->folder);
    fprintf(out, "first=%zu shards=%zu\n", first, options->shards);
    if (options->cpus > 0)
        fprintf(out, "device='--backend cpu --threads %zu'\n", options->cpus);
    else
        fputs("device='--backend cuda'\n", out);
    fputs(TASK, out);
    return close_script(out, complete, script, err);
}

spt_status spt_slurm_merge_script(const spt_slurm_sweep *sweep, char **script, spt_error *err) {
    const spt_slurm_options *options = sweep->options;
    size_t length = 0;
    char name[256];
    *script = NULL;
    FILE *out = open_memstream(script, &length);
    if (out == NULL)
        return spt_fail(err, SPT_ENOMEM, "script of a job: out of memory");
    spt_slurm_merge_name(sweep->job, name, sizeof name);
    fprintf(out,
            "#!/bin/bash\n# spectrain submit: the %zu shards of the sweep %s into one file\n#SBATCH --job-name=%s\n",
            options->shards, sweep->name, name);
    bool complete = put_log(out, sweep->folder, "merge.log");
    fputs("#SBATCH --open-mode=append\n#SBATCH --requeue\n#SBATCH --ntasks=1\n", out);
    spt_slurm_words_put(out, options->words, options->n_words, true);
    fputs("set -u\n", out);
    put_assignment(out, "program", options->program);
    put_assignment(out, "folder", sweep->folder);
    put_assignment(out, "output", sweep->output);
    fputs(MERGE, out);
    return close_script(out, complete, script, err);
}
