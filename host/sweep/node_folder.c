#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/io.h"
#include "store/output.h"
#include "sweep/node.h"

#define SUFFIX ".devices"

spt_status spt_node_folder_init(spt_node_folder *folder, const char *output, spt_error *err) {
    size_t room = strlen(output) + sizeof SUFFIX;
    *folder = (spt_node_folder){.path = malloc(room), .lock = {.fd = -1}};
    if (folder->path == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", output);
    snprintf(folder->path, room, "%s" SUFFIX, output);
    return SPT_OK;
}

void spt_node_folder_close(spt_node_folder *folder) {
    spt_lock_release(&folder->lock);
    for (size_t s = 0; folder->shards != NULL && s < folder->n_shards; s++)
        free(folder->shards[s]);
    free(folder->shards);
    free(folder->path);
    *folder = (spt_node_folder){.lock = {.fd = -1}};
}

bool spt_node_folder_is_there(const spt_node_folder *folder) {
    return spt_look_at(folder->path) != SPT_NOTHING;
}

/* ---- what is in it */

/* Whether a name is that of a shard's file or of the work on it. */
static bool is_shard(const char *name, size_t *n_shards) {
    unsigned long shard, count;
    int end = 0;
    bool named = sscanf(name, "%lu-of-%lu.h5%n", &shard, &count, &end) == 2 && end > 0 && shard < count;
    *n_shards = named ? count : 0;
    return named && (name[end] == '\0' || strcmp(name + end, ".part") == 0);
}

/* The cut of the shards that are there; 0: none is. */
static size_t cut_of(const char *path) {
    DIR *entries = opendir(path);
    size_t cut = 0, n;
    for (const struct dirent *entry; entries != NULL && cut == 0 && (entry = readdir(entries)) != NULL;)
        if (is_shard(entry->d_name, &n))
            cut = n;
    if (entries != NULL)
        closedir(entries);
    return cut;
}

bool spt_node_folder_is_empty(const spt_node_folder *folder) {
    return cut_of(folder->path) == 0;
}

static spt_status name_shards(spt_node_folder *folder, size_t n, spt_error *err) {
    folder->shards = calloc(n + 1, sizeof *folder->shards);
    folder->n_shards = folder->shards != NULL ? n : 0;
    bool all = folder->shards != NULL;
    for (size_t s = 0; s < n && all; s++) {
        char name[64];
        snprintf(name, sizeof name, "%zu-of-%zu.h5", s, n);
        folder->shards[s] = spt_io_path(folder->path, name);
        all = folder->shards[s] != NULL;
    }
    return all ? SPT_OK : spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu shards", folder->path, n);
}

bool spt_node_shard_is_done(const spt_node_folder *folder, size_t shard) {
    spt_file_info info;
    if (spt_look_at(folder->shards[shard]) == SPT_NOTHING ||
        spt_file_info_read(folder->shards[shard], &info, NULL) != SPT_OK)
        return false;
    bool complete = info.complete;
    spt_file_info_free(&info);
    return complete;
}

/* ---- the config */

/* Whether the config that is there is `text`; *there: one is. */
static spt_status compare_config(const char *path, const char *text, bool *there, spt_error *err) {
    size_t length = strlen(text), got = 0;
    int fd = spt_io_open(path, O_RDONLY, 0);
    *there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? SPT_OK : spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    char *kept = malloc(length + 2);
    spt_status status = kept == NULL ? spt_fail(err, SPT_ENOMEM, "%s: no memory to read it", path)
                                     : spt_io_read(fd, path, kept, length + 1, 0, &got, err);
    if (status == SPT_OK && (got != length || memcmp(kept, text, length) != 0))
        status = spt_fail(err, SPT_EMISMATCH,
                          "%s: is of another config; resume with the one that it was begun with, or --force starts "
                          "anew",
                          path);
    free(kept);
    close(fd);
    return status;
}

/* Whole or not at all, for a resumed sweep is compared with it. */
static spt_status write_config(const char *folder, const char *path, const char *text, spt_error *err) {
    char *unfinished = spt_io_path(folder, "config.new");
    if (unfinished == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder);
    int fd = spt_io_open(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    spt_status status = fd >= 0 ? spt_io_write(fd, unfinished, text, strlen(text), 0, err)
                                : spt_fail(err, SPT_EIO, "%s: cannot be created: %s", unfinished, strerror(errno));
    if (status == SPT_OK)
        status = spt_io_sync(fd, unfinished, err);
    if (fd >= 0)
        close(fd);
    if (status == SPT_OK && rename(unfinished, path) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be renamed: %s", unfinished, strerror(errno));
    free(unfinished);
    return status;
}

static spt_status put_config(const spt_node_folder *folder, const char *text, spt_error *err) {
    bool there = false;
    char *path = spt_io_path(folder->path, "config.yaml");
    if (path == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder->path);
    spt_status status = compare_config(path, text, &there, err);
    if (status == SPT_OK && !there)
        status = write_config(folder->path, path, text, err);
    free(path);
    return status;
}

/* ---- removing */

/* A file, or the work on a shard: a folder of files. */
static void remove_entry(const char *folder, const char *name) {
    char *path = spt_io_path(folder, name);
    DIR *entries = path != NULL && unlink(path) != 0 ? opendir(path) : NULL;
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        char *inner = spt_io_path(path, entry->d_name);
        if (inner != NULL && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(inner);
        free(inner);
    }
    if (entries != NULL) {
        closedir(entries);
        rmdir(path);
    }
    free(path);
}

static void remove_contents(const char *path) {
    struct dirent **entries = NULL;
    size_t cut;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (is_shard(entries[i]->d_name, &cut) || strcmp(entries[i]->d_name, "config.new") == 0)
            remove_entry(path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    remove_entry(path, "config.yaml"); /* last: without it nothing is left to be gone on with */
}

void spt_node_folder_remove(spt_node_folder *folder) {
    remove_contents(folder->path);
    spt_lock_remove(&folder->lock, folder->path);
    rmdir(folder->path);
}

/* ---- opening */

spt_status spt_node_folder_open(spt_node_folder *folder, const char *config, size_t n_shards, spt_store_mode mode,
                                spt_error *err) {
    bool made = mkdir(folder->path, 0777) == 0;
    if (!made && errno != EEXIST)
        return spt_fail(err, SPT_EIO, "%s: cannot be made: %s", folder->path, strerror(errno));
    spt_status status = spt_lock_take(&folder->lock, folder->path, err);
    if (status == SPT_OK && !made && mode == SPT_STORE_NEW)
        status = spt_fail(err, SPT_EEXIST,
                          "%s: is there already, left by an interrupted sweep; --resume goes on, --force starts anew",
                          folder->path);
    if (status == SPT_OK && mode == SPT_STORE_REPLACE)
        remove_contents(folder->path);
    if (status == SPT_OK)
        status = put_config(folder, config, err);
    size_t cut = status == SPT_OK ? cut_of(folder->path) : 0;
    return status == SPT_OK ? name_shards(folder, cut > 0 ? cut : n_shards, err) : status;
}
