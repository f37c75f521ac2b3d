/* Whether a FILE.h5 is whole: the seal over all bytes, then everything that HDF5 can read, then how it fits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/seal.h"
#include "store/verify.h"

static hid_t open_group_at(spt_h5 *h, hid_t parent, const char *name) {
    return h->status == SPT_OK ? H5Gopen2(parent, name, H5P_DEFAULT) : -1;
}

/* Dimensions of an array of a layer; false when it is not there or has another rank. */
static bool get_dims(hid_t layer, const char *name, int rank, hsize_t *dims) {
    hid_t array = H5Lexists(layer, name, H5P_DEFAULT) > 0 ? H5Dopen2(layer, name, H5P_DEFAULT) : -1;
    hid_t space = array >= 0 ? H5Dget_space(array) : -1;
    bool fits =
        space >= 0 && H5Sget_simple_extent_ndims(space) == rank && H5Sget_simple_extent_dims(space, dims, NULL) == rank;
    if (space >= 0)
        H5Sclose(space);
    if (array >= 0)
        H5Dclose(array);
    return fits;
}

/* run: its number in the sweep. */
static void check_run(spt_h5 *h, const spt_file_info *info, hid_t weights, size_t run) {
    char name[32];
    snprintf(name, sizeof name, "%zu", run);
    hid_t group = open_group_at(h, weights, name);
    H5G_info_t facts;
    if (h->status == SPT_OK && (group < 0 || H5Gget_info(group, &facts) < 0))
        h->status =
            spt_fail(h->err, SPT_ECORRUPT, "%s: /weights/%zu: is missing; every run has its weights", h->path, run);
    size_t n_layers = h->status == SPT_OK ? (size_t)facts.nlinks - 1 : 0; /* beside the scale `snapshot` */
    hsize_t units = 0;
    for (size_t l = 0; l < n_layers && h->status == SPT_OK; l++) {
        hsize_t weight[3], bias[2];
        snprintf(name, sizeof name, "%zu", l);
        hid_t layer = open_group_at(h, group, name);
        bool fits = layer >= 0 && get_dims(layer, "weight", 3, weight) && get_dims(layer, "bias", 2, bias) &&
                    weight[0] == info->n_snapshots && bias[0] == info->n_snapshots && bias[1] == weight[1] &&
                    (l == 0 || weight[2] == units);
        units = fits ? weight[1] : 0;
        if (!fits)
            h->status = spt_fail(h->err, SPT_ECORRUPT,
                                 "%s: /weights/%zu/%zu: weight and bias do not fit together, the layer before, or %zu "
                                 "snapshots",
                                 h->path, run, l, info->n_snapshots);
        if (layer >= 0)
            H5Gclose(layer);
    }
    if (group >= 0)
        H5Gclose(group);
}

void spt_verify_weights(spt_h5 *h, const spt_file_info *info) {
    hid_t weights = open_group_at(h, h->file, "/weights");
    for (size_t r = 0; r < info->n_runs && h->status == SPT_OK; r++)
        check_run(h, info, weights, info->run_numbers[r]);
    if (weights >= 0)
        H5Gclose(weights);
}

static void check_status(spt_h5 *h, const spt_file_info *info) {
    if (h->status == SPT_OK && info->complete && info->n_missing > 0)
        h->status = spt_fail(h->err, SPT_ECORRUPT, "%s: says that it is complete, but %zu of %zu runs are missing",
                             h->path, info->n_missing, info->n_runs);
}

spt_status spt_verify_locate(const char *path, spt_error *err) {
    spt_h5 h;
    spt_h5_begin(&h, path, err);
    spt_h5_open_unchecked(&h);
    spt_file_info info = {.n_runs = spt_h5_get_size(&h, "/runs/run")};
    info.run_numbers = h.status == SPT_OK ? calloc(info.n_runs + 1, sizeof *info.run_numbers) : NULL;
    if (info.run_numbers == NULL)
        spt_h5_fail_with(&h, SPT_ENOMEM, "no memory for the numbers of its runs");
    spt_h5_get_values(&h, "/runs/run", H5T_NATIVE_UINT64, info.n_runs, info.run_numbers);
    spt_verify_objects(&h, &info, false);
    free(info.run_numbers);
    if (h.status == SPT_OK)
        h.status =
            spt_fail(err, SPT_ECORRUPT,
                     "%s: damaged: its bytes are not those that were written, though all arrays can be read", path);
    return spt_h5_end(&h);
}

spt_status spt_file_verify(const char *path, spt_error *err) {
    spt_seal_state seal = SPT_SEAL_ABSENT;
    spt_file_info info = {0};
    haddr_t bytes = 0;
    spt_h5 h;
    spt_h5_begin(&h, path, err);
    spt_h5_open_unchecked(&h); /* all of it is compared with the seal next, which takes less than the block sums */
    if (h.status == SPT_OK && H5Fget_eoa(h.file, &bytes) < 0)
        spt_h5_fail(&h);
    if (h.status == SPT_OK)
        h.status = spt_seal_check(path, bytes, &seal, err);
    if (h.status == SPT_OK && seal == SPT_SEAL_BROKEN)
        h.status = spt_verify_locate(path, err);
    if (h.status == SPT_OK)
        h.status = spt_file_info_read(path, &info, err);
    spt_verify_objects(&h, &info, true);
    spt_verify_weights(&h, &info);
    check_status(&h, &info);
    if (info.is_virtual)
        spt_verify_shards(&h, true);
    spt_status status = spt_h5_end(&h);
    spt_file_info_free(&info);
    return status;
}
