#include "store/assemble.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the heads of all data sets tell. */
typedef struct data_heads {
    bool any;
    spt_kept_dataset first; /* of the first data set that is there; its extras' dims as large as in any */
    char sha256[65];        /* of the whole */
} data_heads;

static void widen_extras(spt_kept_dataset *first, const spt_kept_dataset *other) {
    for (size_t p = 0; p < first->n_probes && p < other->n_probes; p++)
        spt_assemble_widen_extras(&first->probes[p], &other->probes[p]);
}

spt_status spt_assemble_sum(size_t n, const char (*sums)[65], char sum[65], spt_error *err) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned char bytes[32];
    bool any = false;
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(digest);
        return spt_fail(err, SPT_ENOMEM, "store: no memory for a checksum");
    }
    for (size_t d = 0; d < n; d++) {
        any = any || sums[d][0] != '\0';
        EVP_DigestUpdate(digest, sums[d], strlen(sums[d]));
    }
    int done = EVP_DigestFinal_ex(digest, bytes, NULL);
    EVP_MD_CTX_free(digest);
    if (done != 1)
        return spt_fail(err, SPT_ENOMEM, "store: no memory for a checksum");
    memcpy(sum, n == 1 ? sums[0] : "", n == 1 ? sizeof sums[0] : 1);
    for (size_t i = 0; i < sizeof bytes && n > 1 && any; i++)
        snprintf(sum + 2 * i, 3, "%02x", bytes[i]);
    return SPT_OK;
}

static spt_status read_heads(const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                             data_heads *heads, spt_error *err) {
    *heads = (data_heads){0};
    char(*sums)[65] = calloc(spec->n_datasets + 1, sizeof *sums);
    if (sums == NULL)
        return spt_fail(err, SPT_ENOMEM, "store: no memory for checksums");
    spt_status status = SPT_OK;
    for (size_t d = 0; d < spec->n_datasets && status == SPT_OK; d++) {
        if (!catalog->datasets[d].whole)
            continue;
        spt_kept_dataset kept;
        status = spt_kept_open(journal, catalog, d, &kept, err);
        memcpy(sums[d], kept.sha256, sizeof sums[d]);
        if (status == SPT_OK && !heads->any) {
            heads->first = kept;
            heads->any = true;
            continue;
        }
        if (status == SPT_OK)
            widen_extras(&heads->first, &kept);
        spt_kept_close(&kept);
    }
    if (status == SPT_OK)
        status = spt_assemble_sum(spec->n_datasets, (const char(*)[65])sums, heads->sha256, err);
    free(sums);
    return status;
}

static void write_data(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                       spt_probes_output *probes) {
    spt_data_output data;
    spt_data_output_open(h, spec, &data);
    for (size_t d = 0; d < spec->n_datasets && h->status == SPT_OK; d++) {
        if (!catalog->datasets[d].whole)
            continue;
        spt_kept_dataset kept;
        spt_status status = spt_kept_open(journal, catalog, d, &kept, h->err);
        if (status != SPT_OK)
            h->status = status;
        spt_data_output_fill(h, spec, &data, &kept);
        spt_probes_output_fill(h, spec, probes, &kept);
        spt_kept_close(&kept);
    }
    spt_data_output_close(h, &data);
}

static void write_runs(spt_h5 *h, const spt_store_spec *spec, const spt_catalog *catalog) {
    spt_run_status *status = calloc(spec->n_runs + 1, sizeof *status);
    if (status == NULL) {
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for what describes the runs");
        return;
    }
    for (size_t r = 0; r < spec->n_runs; r++)
        status[r] = spt_catalog_status(catalog, r);
    spt_assemble_runs(h, spec, status, catalog->diverged_step);
    free(status);
}

/* Many small objects. Those of many runs come out of the file in larger blocks, of which the last is lost in part. The
 * cache of metadata keeps one size, which fits into a core's own: HDF5 would let it grow with the file, and pay for it.
 * An array's own cache holds a megabyte, which is 64 chunks at most; its table of HDF5's default size is slower to make
 * and to throw away than the array. What HDF5 lets go of it keeps for its next object, of each of three kinds up to
 * KEPT_BYTES in the whole process; by default that is so little that it is given back and taken again all the time. */
static bool set_for_small_objects(hid_t access, size_t n_runs) {
    enum { MANY_RUNS = 256, META_BYTES = 64 << 10, CACHE_BYTES = 128 << 10, SLOTS = 101, KEPT_BYTES = 16 << 20 };
    H5AC_cache_config_t cache = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};
    if (H5Pget_mdc_config(access, &cache) < 0)
        return false;
    cache.set_initial_size = true;
    cache.initial_size = cache.min_size = CACHE_BYTES;
    cache.incr_mode = H5C_incr__off;
    cache.flash_incr_mode = H5C_flash_incr__off;
    cache.decr_mode = H5C_decr__off;
    if (n_runs >= MANY_RUNS && H5Pset_meta_block_size(access, META_BYTES) < 0)
        return false;
    return H5Pset_mdc_config(access, &cache) >= 0 && H5Pset_cache(access, 0, SLOTS, 1 << 20, 0.75) >= 0 &&
           H5set_free_list_limits(KEPT_BYTES, KEPT_BYTES / 4, KEPT_BYTES, KEPT_BYTES / 4, KEPT_BYTES, KEPT_BYTES / 4) >=
               0;
}

void spt_assemble_create(spt_h5 *h, hid_t access, const char *name, size_t n_runs) {
    if (h->status != SPT_OK)
        return;
    /* 1.10's format: small, and every piece of metadata carries a checksum. Its library reads it, and all later ones.
     */
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    if (creation < 0 || access < 0 || H5Pset_obj_track_times(creation, false) < 0 ||
        H5Pset_attr_phase_change(creation, 32, 16) < 0 ||
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0 || !set_for_small_objects(access, n_runs))
        spt_h5_fail(h);
    else
        h->file = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    if (h->file < 0)
        spt_h5_fail(h);
    if (creation >= 0)
        H5Pclose(creation);
}

/* What spt_assemble has to write. */
typedef struct assembly {
    const spt_store_spec *spec;
    const spt_journal *journal;
    const spt_catalog *catalog;
    bool complete;
    data_heads heads;
} assembly;

static void write_all(spt_h5 *h, void *user) {
    const assembly *a = user;
    const spt_store_spec *spec = a->spec;
    char created[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    spt_assemble_root(h, spec, a->heads.sha256, created, a->complete);
    write_runs(h, spec, a->catalog);
    spt_assemble_schedules(h, spec);

    spt_metrics_output metrics;
    spt_probes_output probes;
    spt_metrics_output_open(h, spec, &metrics);
    spt_probes_output_open(h, spec, a->heads.any ? a->heads.first.probes : NULL, &probes);
    write_data(h, spec, a->journal, a->catalog, &probes);
    spt_assemble_records(h, spec, a->journal, a->catalog, &metrics, &probes);
    spt_probes_output_close(h, &probes);
    spt_metrics_output_close(h, &metrics);
    spt_assemble_weights(h, spec, a->journal, a->catalog);
}

spt_status spt_assemble_file(int fd, const char *path, size_t n_runs, void (*write)(spt_h5 *h, void *user), void *user,
                             uint64_t *bytes, spt_error *err) {
    spt_h5 h;
    spt_h5_file file = {.fd = fd};
    spt_h5_begin(&h, path, err);
    h.driver = &file;
    hid_t driver = spt_h5_driver_register();
    hid_t access = driver >= 0 ? spt_h5_driver_access(driver, &file) : -1;
    if (access < 0)
        spt_h5_fail(&h);
    spt_assemble_create(&h, access, path, n_runs);
    write(&h, user);
    if (access >= 0)
        H5Pclose(access);
    spt_status status = spt_h5_end(&h);
    if (driver >= 0)
        H5FDunregister(driver);
    *bytes = file.size;
    return status;
}

spt_status spt_assemble(const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                        bool complete, int fd, const char *path, uint64_t *bytes, spt_error *err) {
    assembly a = {.spec = spec, .journal = journal, .catalog = catalog, .complete = complete};
    spt_status status = read_heads(spec, journal, catalog, &a.heads, err);
    if (status == SPT_OK)
        status = spt_assemble_file(fd, path, spec->n_runs, write_all, &a, bytes, err);
    spt_kept_close(&a.heads.first);
    return status;
}
