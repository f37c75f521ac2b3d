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
        for (size_t i = 0; i < first->probes[p].n_extras && i < other->probes[p].n_extras; i++)
            for (size_t d = 0; d < 2; d++) {
                size_t *size = &first->probes[p].extras[i].dim_size[d];
                size_t theirs = other->probes[p].extras[i].dim_size[d];
                *size = theirs > *size ? theirs : *size;
            }
}

/* One data set: its own sum. Several: the sum of their sums' digits, in order. */
static spt_status finish_sum(const spt_store_spec *spec, EVP_MD_CTX *digest, data_heads *heads, spt_error *err) {
    unsigned char sum[32];
    if (EVP_DigestFinal_ex(digest, sum, NULL) != 1)
        return spt_fail(err, SPT_ENOMEM, "store: no memory for a checksum");
    if (spec->n_datasets == 1)
        memcpy(heads->sha256, heads->first.sha256, sizeof heads->sha256);
    for (size_t i = 0; i < sizeof sum && spec->n_datasets > 1; i++)
        snprintf(heads->sha256 + 2 * i, 3, "%02x", sum[i]);
    return SPT_OK;
}

static spt_status read_heads(const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                             data_heads *heads, spt_error *err) {
    *heads = (data_heads){0};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    spt_status status = SPT_OK;
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
        status = spt_fail(err, SPT_ENOMEM, "store: no memory for a checksum");
    for (size_t d = 0; d < spec->n_datasets && status == SPT_OK; d++) {
        if (!catalog->datasets[d].whole)
            continue;
        spt_kept_dataset kept;
        status = spt_kept_open(journal, catalog, d, &kept, err);
        if (status == SPT_OK)
            EVP_DigestUpdate(digest, kept.sha256, strlen(kept.sha256));
        if (status == SPT_OK && !heads->any) {
            heads->first = kept;
            heads->any = true;
            continue;
        }
        if (status == SPT_OK)
            widen_extras(&heads->first, &kept);
        spt_kept_close(&kept);
    }
    if (status == SPT_OK && heads->any)
        status = finish_sum(spec, digest, heads, err);
    EVP_MD_CTX_free(digest);
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

void spt_assemble_create(spt_h5 *h, hid_t access, const char *name) {
    if (h->status != SPT_OK)
        return;
    /* 1.10's format: small, and every piece of metadata carries a checksum. Its library reads it, and all later ones.
     */
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    if (creation < 0 || access < 0 || H5Pset_obj_track_times(creation, false) < 0 ||
        H5Pset_attr_phase_change(creation, 32, 16) < 0 ||
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0)
        spt_h5_fail(h);
    else
        h->file = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    if (h->file < 0)
        spt_h5_fail(h);
    if (creation >= 0)
        H5Pclose(creation);
}

static void write_all(spt_h5 *h, const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                      bool complete, const data_heads *heads) {
    char created[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    spt_assemble_root(h, spec, heads->sha256, created, complete);
    write_runs(h, spec, catalog);
    spt_assemble_schedules(h, spec);

    spt_metrics_output metrics;
    spt_probes_output probes;
    spt_metrics_output_open(h, spec, &metrics);
    spt_probes_output_open(h, spec, heads->any ? heads->first.probes : NULL, &probes);
    write_data(h, spec, journal, catalog, &probes);
    spt_assemble_records(h, spec, journal, catalog, &metrics, &probes);
    spt_probes_output_close(h, &probes);
    spt_metrics_output_close(h, &metrics);
    spt_assemble_weights(h, spec, journal, catalog);
}

spt_status spt_assemble(const spt_store_spec *spec, const spt_journal *journal, const spt_catalog *catalog,
                        bool complete, int fd, const char *path, uint64_t *bytes, spt_error *err) {
    data_heads heads;
    spt_status status = read_heads(spec, journal, catalog, &heads, err);
    if (status == SPT_OK) {
        spt_h5 h;
        spt_h5_file file = {.fd = fd};
        spt_h5_begin(&h, path, err);
        h.driver = &file;
        hid_t driver = spt_h5_driver_register();
        hid_t access = driver >= 0 ? spt_h5_driver_access(driver, &file) : -1;
        if (access < 0)
            spt_h5_fail(&h);
        spt_assemble_create(&h, access, path);
        write_all(&h, spec, journal, catalog, complete, &heads);
        if (access >= 0)
            H5Pclose(access);
        status = spt_h5_end(&h);
        if (driver >= 0)
            H5FDunregister(driver);
        *bytes = file.size;
    }
    spt_kept_close(&heads.first);
    return status;
}
