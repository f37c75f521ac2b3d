/* The end of a sweep, or of a part of it: FILE.h5 from what the journal holds. */
#include "store/assemble.h"
#include "store/pack.h"
#include "store/store_internal.h"

/* A complete file has of every run all that is due, and its data set. */
static spt_status check_complete(const spt_store *store, spt_error *err) {
    for (size_t r = 0; r < store->spec.n_runs; r++) {
        uint32_t d = store->spec.run_dataset[r];
        if (!store->catalog.datasets[d].whole)
            return spt_fail(err, SPT_EINVAL, "%s: data set %u is missing; a complete file has all", store->output.path,
                            d);
        const char *what;
        size_t index;
        if (!spt_catalog_reaches(&store->catalog, r, store->catalog.diverged_step[r], &what, &index))
            return spt_fail(err, SPT_EINVAL, "%s: %s %zu of run %zu is missing; a complete file has all",
                            store->output.path, what, index, spt_run_number(&store->spec, r));
    }
    return SPT_OK;
}

typedef struct assembly {
    const spt_store *store;
    bool complete;
} assembly;

static spt_status assemble(int fd, const char *path, uint64_t *bytes, void *user, spt_error *err) {
    const assembly *a = user;
    const spt_store *store = a->store;
    return spt_assemble(&store->spec, &store->journal, &store->catalog, a->complete, fd, path, bytes, err);
}

spt_status spt_store_finish(spt_store *store, bool complete, spt_error *err) {
    if (store->finished)
        return spt_fail(err, SPT_EINVAL, "%s: is finished already", store->output.path);
    spt_status status = spt_writer_hold(store->writer, true, err);
    if (status == SPT_OK && complete)
        status = check_complete(store, err);
    if (status == SPT_OK)
        status = spt_output_publish(&store->output, assemble, &(assembly){store, complete}, err);
    if (status == SPT_OK && complete)
        spt_store_remove_folder(store);
    store->finished = status == SPT_OK && complete;
    store->published = store->published || (status == SPT_OK && !complete);
    spt_writer_release(store->writer);
    return status;
}
