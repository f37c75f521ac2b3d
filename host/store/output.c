#include "store/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/io.h"
#include "store/seal.h"

spt_presence spt_look_at(const char *path) {
    struct stat facts;
    if (stat(path, &facts) != 0)
        return lstat(path, &facts) == 0 ? SPT_OTHER_THERE : SPT_NOTHING;
    return S_ISREG(facts.st_mode) ? SPT_FILE_THERE : (S_ISDIR(facts.st_mode) ? SPT_FOLDER_THERE : SPT_OTHER_THERE);
}

spt_status spt_output_init(spt_output *output, const char *path, spt_error *err) {
    size_t bytes = strlen(path) + sizeof ".part";
    *output = (spt_output){.path = strdup(path), .parent = spt_io_parent(path), .folder = malloc(bytes)};
    output->lock.fd = -1;
    if (output->folder != NULL)
        snprintf(output->folder, bytes, "%s.part", path);
    if (output->path == NULL || output->parent == NULL || output->folder == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", path);
    return SPT_OK;
}

void spt_output_free(spt_output *output) {
    spt_lock_release(&output->lock);
    free(output->path);
    free(output->folder);
    free(output->parent);
    *output = (spt_output){.lock.fd = -1};
}

spt_status spt_output_check(const spt_output *output, spt_error *err) {
    const char *slash = strrchr(output->path, '/'), *name = slash != NULL ? slash + 1 : output->path;
    size_t length = strlen(name);
    if (length <= 3 || strcmp(name + length - 3, ".h5") != 0)
        return spt_fail(err, SPT_EINVAL, "%s: the output's name must end in .h5", output->path);
    spt_presence parent = spt_look_at(output->parent);
    if (parent == SPT_NOTHING)
        return spt_fail(err, SPT_EINVAL, "%s: there is no folder %s to put it in", output->path, output->parent);
    if (parent != SPT_FOLDER_THERE)
        return spt_fail(err, SPT_EINVAL, "%s: %s is not a folder", output->path, output->parent);
    if (access(output->parent, W_OK | X_OK) != 0)
        return spt_fail(err, SPT_EIO, "%s: the folder %s cannot be written to: %s", output->path, output->parent,
                        strerror(errno));
    spt_presence file = spt_look_at(output->path), folder = spt_look_at(output->folder);
    if (file != SPT_NOTHING && file != SPT_FILE_THERE)
        return spt_fail(err, SPT_EINVAL, "%s: is there, and is not a file", output->path);
    if (folder != SPT_NOTHING && folder != SPT_FOLDER_THERE)
        return spt_fail(err, SPT_EINVAL, "%s: is there, and is not a folder", output->folder);
    return SPT_OK;
}

static spt_status make_folder(spt_output *output, spt_error *err) {
    if (mkdir(output->folder, 0777) != 0) {
        if (errno == EEXIST)
            return spt_fail(err, SPT_EEXIST, "%s: was made by another process just now", output->folder);
        return spt_fail(err, SPT_EIO, "%s: cannot be made: %s", output->folder, strerror(errno));
    }
    output->made_folder = true;
    return spt_io_sync_folder(output->parent, err);
}

spt_status spt_output_lock(spt_output *output, spt_error *err) {
    spt_status status = SPT_OK;
    if (spt_look_at(output->folder) == SPT_NOTHING)
        status = make_folder(output, err);
    return status == SPT_OK ? spt_lock_take(&output->lock, output->folder, err) : status;
}

void spt_output_remove_folder(spt_output *output) {
    /* The journal first: what is left without one was never begun, or is finished. */
    static const char *const names[] = {"journal", "journal.new", "state", "assembled", "progress", "progress.new"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = spt_io_path(output->folder, names[i]);
        if (path != NULL)
            unlink(path);
        free(path);
    }
    spt_lock_remove(&output->lock, output->folder);
    rmdir(output->folder);
}

void spt_output_abandon(spt_output *output) {
    if (output->made_folder && spt_lock_is_held(&output->lock))
        spt_output_remove_folder(output);
    else if (output->made_folder)
        rmdir(output->folder); /* stays when another process has moved in since */
    output->made_folder = false;
    spt_lock_release(&output->lock);
}

/* Make, seal and sync the file under another name. */
static spt_status make_file(const char *assembled, spt_output_fill fill, void *user, spt_error *err) {
    int fd = spt_io_open(assembled, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be created: %s", assembled, strerror(errno));
    uint64_t bytes = 0;
    spt_status status = fill(fd, assembled, &bytes, user, err);
    if (status == SPT_OK)
        status = spt_seal_append(fd, assembled, bytes, err);
    if (status == SPT_OK && fsync(fd) != 0)
        status = spt_fail(err, SPT_EIO, "%s: syncing to disk failed: %s", assembled, strerror(errno));
    if (close(fd) != 0 && status == SPT_OK)
        status = spt_fail(err, SPT_EIO, "%s: closing failed: %s", assembled, strerror(errno));
    return status;
}

spt_status spt_output_publish(const spt_output *output, spt_output_fill fill, void *user, spt_error *err) {
    char *assembled = spt_io_path(output->folder, "assembled");
    if (assembled == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", output->folder);
    spt_status status = make_file(assembled, fill, user, err);
    if (status == SPT_OK && rename(assembled, output->path) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be renamed to %s: %s", assembled, output->path, strerror(errno));
    if (status != SPT_OK)
        unlink(assembled);
    else
        status = spt_io_sync_folder(output->parent, err);
    free(assembled);
    return status;
}
