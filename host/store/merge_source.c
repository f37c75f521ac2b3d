/* A shard's file as it is before it is merged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge.h"
#include "store/seal.h"
#include "store/verify.h"

void spt_merge_source_close(spt_merge_source *source) {
    spt_file_info_free(&source->info);
    free(source->path);
    free(source->parameters);
    free(source->diverged);
    free(source->train);
    free(source->test);
    free(source->sums);
    *source = (spt_merge_source){0};
}

void spt_merge_fail_as(spt_h5 *h, const spt_h5 *in) {
    if (h->status == SPT_OK)
        h->status = in->status;
}

void spt_merge_source_begin(spt_h5 *in, const spt_merge_source *source, spt_error *err) {
    struct stat now;
    spt_h5_begin(in, source->path, err);
    if (in->status == SPT_OK &&
        (stat(source->path, &now) != 0 || now.st_ino != source->facts.st_ino || now.st_dev != source->facts.st_dev ||
         now.st_size != source->facts.st_size || now.st_mtim.tv_sec != source->facts.st_mtim.tv_sec ||
         now.st_mtim.tv_nsec != source->facts.st_mtim.tv_nsec))
        in->status =
            spt_fail(err, SPT_EMISMATCH, "%s: has become another file while it was merged; merge again", source->path);
    spt_h5_open_to_read(in);
}

/* ---- /runs and /data */

static void *allocate(spt_h5 *in, size_t count, size_t size) {
    void *memory = calloc(count + 1, size);
    if (memory == NULL)
        spt_h5_fail_with(in, SPT_ENOMEM, "no memory for what describes its runs");
    return memory;
}

static void read_runs(spt_h5 *in, spt_merge_source *source) {
    size_t n = source->info.n_runs;
    source->parameters = allocate(in, n, sizeof *source->parameters);
    source->diverged = allocate(in, n, sizeof *source->diverged);
    spt_h5_get_values(in, "/runs/parameters", H5T_NATIVE_INT64, n, source->parameters);
    spt_h5_get_values(in, "/runs/diverged_step", H5T_NATIVE_INT64, n, source->diverged);
}

static void read_sums(spt_h5 *in, spt_merge_source *source) {
    size_t n = source->n_datasets;
    char **texts = allocate(in, n, sizeof *texts);
    source->sums = allocate(in, n, sizeof *source->sums);
    spt_h5_get_values(in, "/data/sha256", in->text, n, texts);
    for (size_t d = 0; d < n && in->status == SPT_OK; d++) {
        const char *text = texts[d] != NULL ? texts[d] : "";
        if (strlen(text) >= sizeof source->sums[d])
            spt_h5_fail_with(in, SPT_ECORRUPT, "/data/sha256: is not what it should be");
        else
            memcpy(source->sums[d], text, strlen(text) + 1);
    }
    for (size_t d = 0; texts != NULL && d < n; d++)
        if (texts[d] != NULL)
            H5free_memory(texts[d]);
    free(texts);
}

static void read_data(spt_h5 *in, spt_merge_source *source) {
    hid_t group = in->status == SPT_OK ? H5Gopen2(in->file, "/data", H5P_DEFAULT) : -1;
    if (in->status == SPT_OK && group < 0)
        spt_h5_fail(in);
    source->inputs = spt_h5_get_integer(in, group, "inputs");
    source->outputs = spt_h5_get_integer(in, group, "outputs");
    source->classes = spt_h5_get_integer(in, group, "classes");
    source->has_x = in->status == SPT_OK && H5Lexists(group, "train_x", H5P_DEFAULT) > 0;
    if (group >= 0)
        H5Gclose(group);
    source->layers = spt_h5_get_size(in, "/metrics/layer");
    source->n_datasets = spt_h5_get_size(in, "/data/dataset");
    source->train = allocate(in, source->n_datasets, sizeof *source->train);
    source->test = allocate(in, source->n_datasets, sizeof *source->test);
    spt_h5_get_values(in, "/data/train_examples", H5T_NATIVE_INT64, source->n_datasets, source->train);
    spt_h5_get_values(in, "/data/test_examples", H5T_NATIVE_INT64, source->n_datasets, source->test);
    read_sums(in, source);
}

/* ---- */

/* Its bytes against the seal. A file that another program has written to has none: then all that is in it is read. */
static void check_bytes(spt_h5 *in, const spt_merge_source *source, bool read_all) {
    spt_seal_state seal = SPT_SEAL_GOOD;
    haddr_t bytes = 0;
    if (in->status == SPT_OK && H5Fget_eoa(in->file, &bytes) < 0)
        spt_h5_fail(in);
    if (in->status == SPT_OK && read_all)
        in->status = spt_seal_check(source->path, bytes, &seal, in->err);
    else if (in->status == SPT_OK && source->seal[0] == '\0')
        seal = SPT_SEAL_ABSENT;
    if (in->status == SPT_OK && seal == SPT_SEAL_BROKEN)
        in->status = spt_verify_locate(source->path, in->err);
    if (in->status == SPT_OK && seal == SPT_SEAL_ABSENT)
        in->status = spt_file_verify(source->path, in->err);
}

spt_status spt_merge_source_open(const char *path, bool read_all, spt_merge_source *source, spt_error *err) {
    *source = (spt_merge_source){.path = strdup(path)};
    if (source->path == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", path);
    if (stat(path, &source->facts) != 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    spt_status status = spt_file_info_read(path, &source->info, err);
    if (status == SPT_OK && source->info.shards == 0)
        status = spt_fail(err, SPT_EDATA,
                          "%s: is no shard, it is for all %zu runs of its sweep; expected files of "
                          "run --shard",
                          path, source->info.n_runs);
    if (status == SPT_OK)
        status = spt_seal_read(path, source->seal, err);
    if (status != SPT_OK)
        return status;
    spt_h5 in;
    spt_merge_source_begin(&in, source, err);
    check_bytes(&in, source, read_all);
    read_runs(&in, source);
    read_data(&in, source);
    return spt_h5_end(&in);
}

const spt_merge_source *spt_merge_dataset_source(const spt_merge *merge, size_t d) {
    for (size_t i = 0; i < merge->n_sources; i++)
        if (merge->sources[i].sums[d][0] != '\0')
            return &merge->sources[i];
    return NULL;
}
