/* The shards behind a virtual file. HDF5 shows what is missing there as missing values, and says nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/io.h"
#include "store/seal.h"
#include "store/verify.h"

/* All of a shard, or its head: there lies what HDF5 needs to find that there is an array of which there are views. */
static spt_status check_bytes(const char *path, bool read_all, spt_error *err) {
    spt_seal_state state = SPT_SEAL_ABSENT;
    if (read_all)
        return spt_file_verify(path, err);
    spt_status status = spt_seal_check_head(path, &state, err);
    return status == SPT_OK && state == SPT_SEAL_BROKEN ? spt_verify_locate(path, err) : status;
}

static void check_shard(spt_h5 *h, const char *folder, const char *name, const char *sum, bool read_all) {
    char found[65] = "";
    spt_error reason = {0};
    char *path = name[0] == '/' ? strdup(name) : spt_io_path(folder, name);
    if (path == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the name of a shard");
    else if (spt_seal_read(path, found, &reason) != SPT_OK)
        h->status =
            spt_fail(h->err, SPT_ECORRUPT, "%s: has views of a shard that is gone: %s", h->path, reason.message);
    else if (strcmp(found, sum) != 0)
        h->status = spt_fail(h->err, SPT_ECORRUPT, "%s: has views of %s, which has become another file; merge again",
                             h->path, path);
    else
        h->status = check_bytes(path, read_all, h->err);
    free(path);
}

static char **read_texts(spt_h5 *h, const char *path, size_t n) {
    char **texts = calloc(n + 1, sizeof *texts);
    if (texts == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the names of the shards");
    spt_h5_get_values(h, path, h->text, n, texts);
    return texts;
}

static void free_texts(char **texts, size_t n) {
    for (size_t i = 0; texts != NULL && i < n; i++)
        if (texts[i] != NULL)
            H5free_memory(texts[i]);
    free(texts);
}

void spt_verify_shards(spt_h5 *h, bool read_all) {
    size_t n = spt_h5_get_size(h, "/shards/shard");
    char **paths = read_texts(h, "/shards/path", n), **sums = read_texts(h, "/shards/sha256", n);
    char *folder = spt_io_parent(h->path);
    if (folder == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for a path");
    for (size_t i = 0; i < n && h->status == SPT_OK; i++)
        check_shard(h, folder, paths[i] != NULL ? paths[i] : "", sums[i] != NULL ? sums[i] : "", read_all);
    free(folder);
    free_texts(paths, n);
    free_texts(sums, n);
}

spt_status spt_file_check_shards(const char *path, spt_error *err) {
    spt_file_info info;
    spt_status status = spt_file_info_read(path, &info, err);
    bool is_virtual = status == SPT_OK && info.is_virtual;
    spt_file_info_free(&info);
    if (!is_virtual)
        return status;
    spt_h5 h;
    spt_h5_begin(&h, path, err);
    spt_h5_open_to_read(&h);
    spt_verify_shards(&h, false);
    return spt_h5_end(&h);
}
