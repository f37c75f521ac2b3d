#include "slurm/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spectrain/spectrain.h"
#include "store/io.h"
#include "store/output.h"

/* ---- names */

spt_status spt_slurm_names(const char *path, char **output, char **folder, spt_error *err) {
    spt_output named;
    *output = *folder = NULL;
    spt_status status = spt_output_init(&named, path, err);
    if (status == SPT_OK)
        status = spt_output_check(&named, err);
    if (status == SPT_OK) {
        char *parent = realpath(named.parent, NULL);
        const char *slash = strrchr(path, '/');
        *output = parent != NULL ? spt_io_path(strcmp(parent, "/") == 0 ? "" : parent, slash != NULL ? slash + 1 : path)
                                 : NULL;
        size_t room = *output != NULL ? strlen(*output) + sizeof ".shards" : 0;
        *folder = *output != NULL ? malloc(room) : NULL;
        if (*folder != NULL)
            snprintf(*folder, room, "%s.shards", *output);
        else
            status = spt_fail(err, SPT_ENOMEM, "%s: no memory for its absolute name", path);
        free(parent);
    }
    if (status == SPT_OK && (*output)[strcspn(*output, "\\\n\r")] != '\0')
        status = spt_fail(err, SPT_EINVAL, "%s: has a backslash or a line break in it; Slurm takes no such log names",
                          *output);
    spt_output_free(&named);
    return status;
}

/* ---- FILE.h5 */

static spt_status look_at_work(const char *output, spt_error *err) {
    size_t room = strlen(output) + sizeof ".part/journal";
    char *journal = malloc(room);
    if (journal == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", output);
    snprintf(journal, room, "%s.part/journal", output);
    bool is_there = spt_look_at(journal) != SPT_NOTHING;
    free(journal);
    return is_there ? spt_fail(err, SPT_EEXIST,
                               "%s.part: holds an unfinished sweep; go on with it (spectrain run --resume), or give "
                               "another name",
                               output)
                    : SPT_OK;
}

spt_status spt_slurm_look_at_output(const char *output, const char *config, bool *complete, spt_error *err) {
    *complete = false;
    spt_status status = look_at_work(output, err);
    if (status != SPT_OK || spt_look_at(output) == SPT_NOTHING)
        return status;
    spt_file_info info;
    spt_error reason = {0};
    if (spt_file_info_read(output, &info, &reason) != SPT_OK)
        return spt_fail(err, SPT_EEXIST, "%s; remove it, or give another name", reason.message);
    if (info.shards > 0 || strcmp(info.config, config) != 0)
        status = spt_fail(err, SPT_EEXIST, "%s: is there already, and is %s; give another name", output,
                          info.shards > 0 ? "a shard" : "of another config");
    else
        *complete = info.complete;
    spt_file_info_free(&info);
    return status;
}

/* ---- the folder */

enum { HEAD_CAPACITY = 128 };

static void write_head(size_t shards, char head[HEAD_CAPACITY]) {
    snprintf(head, HEAD_CAPACITY, "# spectrain %s, %zu shards\n", spt_version(), shards);
}

static char *config_path(const char *folder) {
    return spt_io_path(folder, "config.yaml");
}

/* All of a file (malloc'd); NULL: it cannot be read. */
static char *read_file(const char *path) {
    int fd = spt_io_open(path, O_RDONLY, 0);
    if (fd < 0)
        return NULL;
    off_t bytes = lseek(fd, 0, SEEK_END);
    char *text = bytes >= 0 ? malloc((size_t)bytes + 1) : NULL;
    size_t got = 0;
    if (text != NULL && spt_io_read(fd, path, text, (size_t)bytes, 0, &got, NULL) != SPT_OK) {
        free(text);
        text = NULL;
    }
    if (text != NULL)
        text[got] = '\0';
    close(fd);
    return text;
}

static spt_status compare_config(const char *folder, const char *text, const char *config, size_t shards,
                                 spt_error *err) {
    char version[32];
    size_t cut = 0;
    const char *rest = strchr(text, '\n');
    if (rest == NULL || sscanf(text, "# spectrain %31[^,], %zu shards", version, &cut) != 2)
        return spt_fail(err, SPT_EMISMATCH, "%s/config.yaml: is not as submit wrote it", folder);
    if (strcmp(version, spt_version()) != 0)
        return spt_fail(err, SPT_EMISMATCH, "%s: was begun with spectrain %s, this is %s; go on with that", folder,
                        version, spt_version());
    if (cut != shards)
        return spt_fail(err, SPT_EMISMATCH, "%s: the sweep is cut into %zu shards there, not %zu; give --shards %zu",
                        folder, cut, shards, cut);
    if (strcmp(rest + 1, config) != 0)
        return spt_fail(err, SPT_EMISMATCH,
                        "%s: is of another config, which is config.yaml there; give another output's name", folder);
    return SPT_OK;
}

spt_status spt_slurm_look_at_folder(const char *folder, const char *config, size_t shards, bool *begun,
                                    spt_error *err) {
    spt_presence there = spt_look_at(folder);
    *begun = there == SPT_FOLDER_THERE;
    if (there == SPT_NOTHING)
        return SPT_OK;
    if (!*begun)
        return spt_fail(err, SPT_EEXIST, "%s: is there, and is not a folder", folder);
    char *path = config_path(folder), *text = path != NULL ? read_file(path) : NULL;
    spt_status status = SPT_OK;
    if (path == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder);
    else if (text != NULL)
        status = compare_config(folder, text, config, shards, err);
    else if (spt_look_at(path) != SPT_NOTHING)
        status = spt_fail(err, SPT_EIO, "%s: cannot be read", path);
    else {
        spt_shards_status found;
        if (spt_shards_look(folder, &found, NULL) == SPT_OK) {
            spt_shards_status_free(&found);
            status = spt_fail(err, SPT_EEXIST, "%s: has shards, but no config.yaml: not from submit", folder);
        }
    }
    free(text);
    free(path);
    return status;
}

spt_status spt_slurm_write_file(const char *path, const char *text, spt_error *err) {
    size_t room = strlen(path) + sizeof ".new";
    char *aside = malloc(room);
    if (aside == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", path);
    snprintf(aside, room, "%s.new", path);
    int fd = spt_io_open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    spt_status status = SPT_OK;
    if (fd < 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be created: %s", aside, strerror(errno));
    if (status == SPT_OK)
        status = spt_io_write(fd, aside, text, strlen(text), 0, err);
    if (status == SPT_OK)
        status = spt_io_sync(fd, aside, err);
    if (fd >= 0 && close(fd) != 0 && status == SPT_OK)
        status = spt_fail(err, SPT_EIO, "%s: closing failed: %s", aside, strerror(errno));
    if (status == SPT_OK && rename(aside, path) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be renamed to %s: %s", aside, path, strerror(errno));
    if (status != SPT_OK && fd >= 0)
        unlink(aside);
    free(aside);
    return status;
}

spt_status spt_slurm_write_config(const char *folder, const char *config, size_t shards, bool *had, spt_error *err) {
    char head[HEAD_CAPACITY], *path = config_path(folder);
    write_head(shards, head);
    size_t room = strlen(head) + strlen(config) + 1;
    char *text = malloc(room);
    spt_status status = SPT_OK;
    if (path == NULL || text == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory for its config.yaml", folder);
    else if (!(*had = spt_look_at(path) != SPT_NOTHING)) {
        snprintf(text, room, "%s%s", head, config);
        status = spt_slurm_write_file(path, text, err);
    }
    free(text);
    free(path);
    return status;
}

void spt_slurm_remove_config(const char *folder) {
    char *path = config_path(folder);
    if (path != NULL)
        unlink(path);
    free(path);
}
