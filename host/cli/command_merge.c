/* spectrain merge: the shards of a sweep into one file. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/stop.h"
#include "cli/text.h"
#include "spectrain/shard.h"

/* The files to merge: operands, and what the folders among them hold. */
typedef struct file_list {
    char **paths;
    size_t n, capacity;
} file_list;

static void free_list(file_list *list) {
    for (size_t i = 0; i < list->n; i++)
        free(list->paths[i]);
    free(list->paths);
}

/* Takes path, which is malloc'd. */
static spt_status append(file_list *list, char *path, spt_error *err) {
    if (path != NULL && list->n == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        char **grown = realloc(list->paths, capacity * sizeof *grown);
        if (grown != NULL) {
            list->paths = grown;
            list->capacity = capacity;
        }
    }
    if (path == NULL || list->n == list->capacity) {
        free(path);
        return spt_fail(err, SPT_ENOMEM, "names of the shards: out of memory");
    }
    list->paths[list->n++] = path;
    return SPT_OK;
}

static bool ends_in_h5(const char *name) {
    size_t length = strlen(name);
    return length > 3 && name[0] != '.' && strcmp(name + length - 3, ".h5") == 0;
}

static spt_status append_folder(file_list *list, const char *folder, spt_error *err) {
    struct dirent **names = NULL;
    int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be listed: %s", folder, strerror(errno));
    spt_status status = SPT_OK;
    size_t before = list->n;
    for (int i = 0; i < n; i++) {
        if (status == SPT_OK && ends_in_h5(names[i]->d_name)) {
            size_t room = strlen(folder) + strlen(names[i]->d_name) + 2;
            char *path = malloc(room);
            if (path != NULL)
                snprintf(path, room, "%s/%s", folder, names[i]->d_name);
            status = append(list, path, err);
        }
        free(names[i]);
    }
    free(names);
    if (status == SPT_OK && list->n == before)
        status = spt_fail(err, SPT_EDATA, "%s: has no .h5 file in it; expected the files of run --shard", folder);
    return status;
}

static spt_status list_files(const spt_options *options, file_list *list, spt_error *err) {
    spt_status status = SPT_OK;
    for (size_t i = 0; i < options->n_operands && status == SPT_OK; i++) {
        struct stat facts;
        if (stat(options->operands[i], &facts) == 0 && S_ISDIR(facts.st_mode))
            status = append_folder(list, options->operands[i], err);
        else
            status = append(list, strdup(options->operands[i]), err);
    }
    return status;
}

static void warn(const spt_merge_report *report) {
    if (report->n_devices > 1)
        fprintf(stderr,
                "spectrain: warning: the shards were trained on %zu models of device; their runs are equal to "
                "rounding, not to the bit\n",
                report->n_devices);
}

/* With --complete it is an error, else a warning. */
static spt_status tell_missing(const spt_options *options, const spt_merge_report *report, spt_error *err) {
    if (report->n_missing == 0)
        return SPT_OK;
    fprintf(stderr, options->complete ? "spectrain: %s: " : "spectrain: warning: ", options->output);
    fprintf(stderr, "%zu of %zu runs are missing: ", report->n_missing, report->n_runs);
    spt_text_put_ranges(stderr, report->missing, report->n_missing);
    fprintf(stderr, "; finish their shards and merge again\n");
    if (!options->complete)
        return SPT_OK;
    err->message[0] = '\0'; /* told */
    return SPT_EDATA;
}

static spt_status merge(const spt_options *options, spt_error *err) {
    spt_merge_options merge_options = {.is_virtual = options->is_virtual, .force = options->force};
    spt_merge_report report = {0};
    file_list list = {0};
    spt_stop_ignore_output_signals();
    if (options->output == NULL)
        return spt_fail(err, SPT_EINVAL, "merge: -o FILE.h5 is missing: the name of the merged file");
    spt_status status = list_files(options, &list, err);
    if (status == SPT_OK)
        status =
            spt_shards_merge((const char *const *)list.paths, list.n, options->output, &merge_options, &report, err);
    if (status == SPT_OK) {
        warn(&report);
        if (!options->quiet)
            printf("%s: %s of %s runs from %zu %s, %zu diverged, %s%s\n", options->output,
                   spt_text_count(report.n_runs - report.n_missing).s, spt_text_count(report.n_runs).s, report.n_files,
                   report.n_files == 1 ? "shard" : "shards", report.n_diverged, spt_text_bytes(report.bytes).s,
                   options->is_virtual ? ", views of the shards, which must stay where they are" : "");
        status = tell_missing(options, &report, err);
    }
    spt_merge_report_free(&report);
    free_list(&list);
    return status;
}

const spt_command spt_command_merge = {
    .name = "merge",
    .operand = "SHARD",
    .operands_least = 1,
    .operands_most = SIZE_MAX,
    .synopsis = "SHARD... -o FILE.h5 [--virtual] [--complete] [--force] [--quiet]",
    .purpose = "put the shards of a sweep together into one file",
    .manual =
        "SHARD is a file of run --shard, or a folder of such files. Some may be missing: their runs are marked as\n"
        "missing, and told. A file of the same sweep that has the output's name is replaced when it loses no run.\n\n"
        "  -o, --output FILE.h5  the merged file: what the whole sweep would have left in one process, to the bit\n"
        "  --virtual             views of the shards instead of copies: at once, but they must stay where they are\n"
        "  --complete            exit code 1 where runs are missing; what there is is merged all the same\n"
        "  --force               replace whatever has the output's name\n"
        "  --quiet               say nothing but warnings and errors\n",
    .options = SPT_TAKES_OUTPUT | SPT_TAKES_VIRTUAL | SPT_TAKES_COMPLETE | SPT_TAKES_FORCE | SPT_TAKES_QUIET,
    .run = merge,
};
