/* spectrain info: what a file holds, whether it is complete, and whether it is sound. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/axes.h"
#include "cli/command.h"
#include "cli/shards_view.h"
#include "cli/table.h"
#include "cli/text.h"
#include "spectrain/store.h"

enum { NAMES_TEXT = 256 };

/* Whether FILE.h5.part, where an unfinished sweep keeps its work, is there. */
static bool is_unfinished(const char *path) {
    size_t room = strlen(path) + sizeof ".part";
    char *folder = malloc(room);
    if (folder == NULL)
        return false;
    snprintf(folder, room, "%s.part", path);
    struct stat found;
    bool there = stat(folder, &found) == 0 && S_ISDIR(found.st_mode);
    free(folder);
    return there;
}

static spt_status check_there(const char *path, spt_error *err) {
    struct stat found;
    if (stat(path, &found) == 0 || errno != ENOENT)
        return SPT_OK; /* whatever else may be wrong, the reader tells */
    if (!is_unfinished(path))
        return spt_fail(err, SPT_EIO, "%s: %s", path, strerror(ENOENT));
    char *word = spt_text_shell_word(path);
    spt_fail(err, SPT_EIO,
             "%s: not there yet: %s.part holds an unfinished sweep; go on with: spectrain run CONFIG -o %s --resume",
             path, path, word != NULL ? word : path);
    free(word);
    return SPT_EIO;
}

static void join_names(char *const *names, size_t n, char text[NAMES_TEXT]) {
    size_t end = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n && end < NAMES_TEXT; i++)
        end += (size_t)snprintf(text + end, NAMES_TEXT - end, "%s%s", i > 0 ? ", " : "", names[i]);
}

static spt_status print_facts(const spt_file_info *info, spt_error *err) {
    spt_table *table = spt_table_new("ll");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the file: out of memory");
    char names[NAMES_TEXT];
    spt_table_add(table, "written");
    spt_table_add(table, "%s by spectrain %s, format %d", info->created, info->software_version, info->format_version);
    spt_table_add(table, "backend");
    spt_table_add(table, "%s: %s; %s, denormals %s", info->backend, info->device, info->precision, info->denormals);
    spt_table_add(table, "data");
    spt_table_add(table, "sha256 %s", info->dataset_sha256);
    if (info->shards > 0) {
        spt_table_add(table, "shard");
        spt_table_add(table, "%zu/%zu: %zu of the sweep's %zu runs", info->shard, info->shards, info->n_runs,
                      info->sweep_runs);
    }
    spt_table_add(table, "runs");
    spt_table_add(table, "%zu: %zu done, %zu diverged, %zu missing", info->n_runs, info->n_done, info->n_diverged,
                  info->n_missing);
    if (info->is_virtual) {
        spt_table_add(table, "values");
        spt_table_add(table, "views of shards, which must stay where they are");
    }
    spt_table_add(table, "records");
    spt_table_add(table, "%zu", info->n_records);
    spt_table_add(table, "snapshots");
    spt_table_add(table, "%zu", info->n_snapshots);
    join_names(info->probe_names, info->n_probes, names);
    spt_table_add(table, "probes");
    spt_table_add(table, "%s", info->n_probes > 0 ? names : "none");
    spt_status status = spt_table_print(table, "  ", stdout, err);
    spt_table_free(table);
    return status;
}

/* The axes' values stand in the config that the file keeps. */
static spt_status print_axes(const spt_file_info *info, const char *path, spt_error *err) {
    if (info->n_axes == 0)
        return SPT_OK;
    spt_config *config = NULL;
    spt_axes axes = {0};
    spt_status status = spt_config_parse(path, info->config, strlen(info->config), &config, NULL);
    if (status == SPT_OK)
        status = spt_config_axes(config, &axes, NULL);
    printf("axes\n");
    if (status == SPT_OK)
        status = spt_axes_print(&axes, "  ", stdout, err);
    else { /* a config that this version reads no longer: the names are in the file as well */
        for (size_t a = 0; a < info->n_axes; a++)
            printf("  %s\n", info->axis_names[a]);
        status = SPT_OK;
    }
    spt_axes_free(&axes);
    spt_config_free(config);
    return status;
}

static void print_state(const spt_file_info *info, const char *path) {
    printf("%s: %s, %s\n", path, info->complete ? "complete" : "not complete", spt_text_bytes(info->bytes).s);
    if (!is_unfinished(path))
        return;
    if (info->complete)
        printf("  another sweep is under way for this name, in %s.part\n", path);
    else {
        char *word = spt_text_shell_word(path);
        printf("  go on with: spectrain run CONFIG -o %s --resume\n", word != NULL ? word : path);
        free(word);
    }
}

static spt_status info(const spt_options *options, spt_error *err) {
    const char *path = options->operand;
    spt_file_info file = {.config = NULL};
    struct stat found;
    if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return spt_shards_print(path, options->verify, err);
    spt_status status = check_there(path, err);
    if (status != SPT_OK)
        return status;
    status = spt_file_info_read(path, &file, err);
    if (status != SPT_OK)
        return status;
    print_state(&file, path);
    status = print_facts(&file, err);
    if (status == SPT_OK)
        status = print_axes(&file, path, err);
    if (status == SPT_OK && file.is_virtual) {
        fflush(stdout);
        status = spt_file_check_shards(path, err);
    }
    if (status == SPT_OK && options->verify) {
        fflush(stdout);
        status = spt_file_verify(path, err);
        if (status == SPT_OK)
            printf("verified: every byte was read, no damage\n");
    }
    spt_file_info_free(&file);
    return status;
}

const spt_command spt_command_info = {
    .name = "info",
    .operand = "FILE.h5",
    .synopsis = "FILE.h5 [--verify]",
    .purpose = "tell what a file holds, and whether it is complete",
    .manual =
        "FILE.h5 may also be a folder of shards: then it tells which are done, running, missing or lost (begun, but\n"
        "no process goes on with them), and when those that run will be done.\n\n"
        "  --verify  read every byte and check it; exit code 1 if the file is damaged\n",
    .options = SPT_TAKES_VERIFY,
    .run = info,
};
