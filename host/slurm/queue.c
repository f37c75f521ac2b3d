/* Tasks are found by the names of their jobs, which hold the first shard that an array counts from: whoever submitted
 * them, and whatever became of that. */
#include "slurm/queue.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slurm/call.h"
#include "slurm/script.h"

spt_status spt_slurm_array_limit(size_t *limit, spt_error *err) {
    static const char *const ASK[] = {"scontrol", "show", "config", NULL};
    char *answer = NULL;
    spt_status status = spt_slurm_call(ASK, &answer, err);
    if (status != SPT_OK)
        return status;
    const char *line = strstr(answer, "\nMaxArraySize");
    line = line == NULL && strncmp(answer, "MaxArraySize", 12) == 0 ? answer : line;
    const char *value = line != NULL ? strchr(line, '=') : NULL;
    *limit = value != NULL ? strtoul(value + 1, NULL, 10) : 0;
    free(answer);
    if (value == NULL)
        return spt_fail(err, SPT_EIO, "scontrol show config: says no MaxArraySize");
    if (*limit < 2)
        return spt_fail(err, SPT_EIO, "scontrol show config: MaxArraySize is %zu: this cluster has no job arrays",
                        *limit);
    return SPT_OK;
}

/* A line of squeue: "41_3|NAME|RUNNING", "42|NAME.merge|PENDING". */
typedef struct queued {
    unsigned long job;
    bool is_task;
    size_t index; /* of the task */
    char name[256];
    bool waits;
} queued;

static bool read_line(const char *line, queued *entry) {
    char id[64], state[32];
    if (sscanf(line, "%63[^|\n]|%255[^|\n]|%31[^|\n]", id, entry->name, state) != 3)
        return false;
    char *rest;
    entry->job = strtoul(id, &rest, 10);
    entry->is_task = *rest == '_';
    entry->index = entry->is_task ? strtoul(rest + 1, NULL, 10) : 0;
    entry->waits = strcmp(state, "PENDING") == 0;
    return rest != id;
}

/* "--name=JOB,JOB.1001,...,JOB.merge" (malloc'd): of every array that there may be. */
static char *all_names(const char *job, size_t n_shards, size_t limit) {
    char *text = NULL, name[256];
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    fputs("--name=", out);
    for (size_t first = 0; first < n_shards; first += limit) {
        spt_slurm_array_name(job, first, name, sizeof name);
        fprintf(out, "%s,", name);
    }
    spt_slurm_merge_name(job, name, sizeof name);
    fputs(name, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void note(const queued *entry, const char *job, spt_submission *submission, unsigned long *last, FILE *after,
                 FILE *replaced) {
    char merge[256];
    spt_slurm_merge_name(job, merge, sizeof merge);
    bool is_merge = strcmp(entry->name, merge) == 0;
    if (!is_merge && entry->is_task) {
        const char *first = entry->name + strlen(job);
        size_t shard = entry->index + (*first == '.' ? strtoul(first + 1, NULL, 10) : 0);
        if (shard < submission->n_shards)
            submission->shards[shard] = SPT_SLURM_QUEUED;
    }
    if (is_merge && entry->waits)
        fprintf(replaced, "%s%lu", ftell(replaced) > 0 ? " " : "", entry->job);
    else if (entry->job != *last) /* tasks of one array come one after the other, or it is named twice */
        fprintf(after, ":%lu", entry->job);
    *last = entry->job;
}

spt_status spt_slurm_find_queued(const char *job, size_t limit, spt_submission *submission, spt_error *err) {
    char *names = all_names(job, submission->n_shards, limit), *answer = NULL, *lines = NULL;
    size_t length = 0;
    const char *const ask[] = {"squeue", "--noheader", "--array", "--format=%i|%j|%T", names, NULL};
    spt_status status =
        names != NULL ? spt_slurm_call(ask, &answer, err) : spt_fail(err, SPT_ENOMEM, "names of jobs: out of memory");
    FILE *after = open_memstream(&submission->after, &length),
         *replaced = open_memstream(&submission->replaced, &length);
    bool has_streams = after != NULL && replaced != NULL;
    unsigned long last = 0;
    for (char *line = status == SPT_OK && has_streams ? strtok_r(answer, "\n", &lines) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &lines)) {
        queued entry;
        if (read_line(line, &entry))
            note(&entry, job, submission, &last, after, replaced);
    }
    bool closed = after == NULL || fclose(after) == 0;
    closed = (replaced == NULL || fclose(replaced) == 0) && closed;
    if (status == SPT_OK && (!has_streams || !closed))
        status = spt_fail(err, SPT_ENOMEM, "jobs in the queue: out of memory");
    free(names);
    free(answer);
    return status;
}
