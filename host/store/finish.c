/* The end of a sweep, or of a part of it: FILE.h5 from what the journal holds. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/assemble.h"
#include "store/io.h"
#include "store/pack.h"
#include "store/seal.h"
#include "store/store_internal.h"

/* A complete file has of every run all that is due, and its data set. */
static spt_status check_complete(const spt_store *store, spt_error *err) {
    for (size_t r = 0; r < store->spec.n_runs; r++) {
        uint32_t d = store->spec.run_dataset[r];
        if (!store->catalog.datasets[d].whole)
            return spt_fail(err, SPT_EINVAL, "%s: data set %u is missing; a complete file has all", store->path, d);
        const char *what;
        size_t index;
        if (!spt_catalog_reaches(&store->catalog, r, store->catalog.diverged_step[r], &what, &index))
            return spt_fail(err, SPT_EINVAL, "%s: %s %zu of run %zu is missing; a complete file has all", store->path,
                            what, index, spt_run_number(&store->spec, r));
    }
    return SPT_OK;
}

/* Make, seal and sync the file under another name. */
static spt_status make_file(const spt_store *store, const char *assembled, bool complete, spt_error *err) {
    int fd = spt_io_open(assembled, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be created: %s", assembled, strerror(errno));
    uint64_t bytes = 0;
    spt_status status =
        spt_assemble(&store->spec, &store->journal, &store->catalog, complete, fd, assembled, &bytes, err);
    if (status == SPT_OK)
        status = spt_seal_append(fd, assembled, bytes, err);
    if (status == SPT_OK && fsync(fd) != 0)
        status = spt_fail(err, SPT_EIO, "%s: syncing to disk failed: %s", assembled, strerror(errno));
    if (close(fd) != 0 && status == SPT_OK)
        status = spt_fail(err, SPT_EIO, "%s: closing failed: %s", assembled, strerror(errno));
    return status;
}

static spt_status publish(spt_store *store, bool complete, spt_error *err) {
    char *assembled = spt_io_path(store->folder, "assembled");
    if (assembled == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", store->folder);
    spt_status status = make_file(store, assembled, complete, err);
    if (status == SPT_OK && rename(assembled, store->path) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be renamed to %s: %s", assembled, store->path, strerror(errno));
    if (status != SPT_OK)
        unlink(assembled);
    else
        status = spt_io_sync_folder(store->parent, err);
    free(assembled);
    return status;
}

spt_status spt_store_finish(spt_store *store, bool complete, spt_error *err) {
    if (store->finished)
        return spt_fail(err, SPT_EINVAL, "%s: is finished already", store->path);
    spt_status status = spt_writer_hold(store->writer, true, err);
    if (status == SPT_OK && complete)
        status = check_complete(store, err);
    if (status == SPT_OK)
        status = publish(store, complete, err);
    if (status == SPT_OK && complete)
        spt_store_remove_folder(store);
    store->finished = status == SPT_OK && complete;
    store->published = store->published || (status == SPT_OK && !complete);
    spt_writer_release(store->writer);
    return status;
}
