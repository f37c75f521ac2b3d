/* The monitor's records out of FILE.h5. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/records.h"
#include "spectrain/monitor.h"
#include "store/h5_read.h"

enum { PATH_CAPACITY = 160 };

/* One text attribute of a group, NULL where it has none (malloc'd). */
static char *find_text(spt_h5 *h, hid_t group, const char *key) {
    return h->status == SPT_OK && H5Aexists(group, key) > 0 ? spt_h5_get_text(h, group, key) : NULL;
}

/* Energies along one axis: (run, record, frequency). */
static bool has_one_axis(hid_t group) {
    hid_t array = H5Dopen2(group, "energy", H5P_DEFAULT);
    hid_t space = array >= 0 ? H5Dget_space(array) : -1;
    bool one = space >= 0 && H5Sget_simple_extent_ndims(space) == 3;
    if (space >= 0)
        H5Sclose(space);
    if (array >= 0)
        H5Dclose(array);
    return one;
}

/* Of each probe of the config, which are those that were taken at the records, whether it will do. In the order that
 * the journal has too. */
static void choose_probe(spt_h5 *h, const char *wanted, spt_records *records) {
    for (size_t p = 0; p < records->n_probes && h->status == SPT_OK; p++) {
        char path[PATH_CAPACITY];
        snprintf(path, sizeof path, "/probes/%s", records->probe_names[p]);
        hid_t group = H5Gopen2(h->file, path, H5P_DEFAULT);
        if (group < 0) {
            spt_h5_fail(h);
            return;
        }
        char *kind = find_text(h, group, "kind"), *split = find_text(h, group, "split");
        bool taken, will_do = kind != NULL && spt_records_takes(kind, split) && has_one_axis(group);
        spt_records_offer(records, wanted, records->probe_names[p], will_do, &taken);
        free(kind);
        free(split);
        H5Gclose(group);
    }
}

static float *room(spt_h5 *h, size_t count) {
    float *values = h->status == SPT_OK ? malloc((count + 1) * sizeof *values) : NULL;
    if (h->status == SPT_OK && values == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for its records");
    return values;
}

static void read_metrics(spt_h5 *h, spt_records *records) {
    const hsize_t start[] = {0, 0}, count[] = {records->n_runs, records->n_records};
    size_t n = records->n_runs * records->n_records;
    float *values = room(h, n);
    for (int s = 0; s < SPT_SERIES_COUNT && h->status == SPT_OK; s++) {
        char path[PATH_CAPACITY];
        if (s == SPT_SERIES_SHARE)
            continue;
        snprintf(path, sizeof path, "/metrics/%s", spt_metric_name(spt_series_metric((spt_series)s)));
        spt_h5_get_block(h, path, H5T_NATIVE_FLOAT, 2, start, count, values);
        double *series = spt_records_of(records, (spt_series)s, 0);
        for (size_t i = 0; i < n && h->status == SPT_OK; i++)
            series[i] = (double)values[i];
    }
    free(values);
}

static void read_shares(spt_h5 *h, spt_records *records) {
    char path[PATH_CAPACITY];
    if (records->probe[0] == '\0')
        return;
    snprintf(path, sizeof path, "/probes/%s/frequency", records->probe);
    size_t frequencies = spt_h5_get_size(h, path);
    snprintf(path, sizeof path, "/probes/%s/energy", records->probe);
    float *energy = room(h, records->n_records * frequencies);
    for (size_t r = 0; r < records->n_runs && h->status == SPT_OK; r++) {
        const hsize_t start[] = {r, 0, 0}, count[] = {1, records->n_records, frequencies};
        spt_h5_get_block(h, path, H5T_NATIVE_FLOAT, 3, start, count, energy);
        double *share = spt_records_of(records, SPT_SERIES_SHARE, r);
        for (size_t i = 0; i < records->n_records && h->status == SPT_OK; i++)
            share[i] = spt_high_share(energy + i * frequencies, frequencies);
    }
    free(energy);
}

static void read_status(spt_h5 *h, spt_records *records) {
    int8_t *status = h->status == SPT_OK ? malloc(records->n_runs + 1) : NULL;
    if (h->status == SPT_OK && status == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the status of its runs");
    spt_h5_get_values(h, "/runs/status", H5T_NATIVE_INT8, records->n_runs, status);
    for (size_t r = 0; r < records->n_runs && h->status == SPT_OK; r++) {
        records->diverged[r] = status[r] == SPT_RUN_DIVERGED;
        const double *loss = spt_records_of(records, SPT_SERIES_TRAIN_LOSS, r);
        for (size_t i = 0; i < records->n_records; i++)
            if (!isnan(loss[i]))
                records->recorded[r] = i + 1;
    }
    free(status);
}

static spt_status read_all(const char *path, const char *probe, spt_records *records, spt_error *err) {
    spt_h5 h;
    spt_h5_begin(&h, path, err);
    spt_h5_open_to_read(&h);
    choose_probe(&h, probe, records);
    read_metrics(&h, records);
    read_shares(&h, records);
    read_status(&h, records);
    return spt_h5_end(&h);
}

spt_status spt_records_from_file(const char *path, const char *probe, spt_records *records, bool *complete,
                                 spt_error *err) {
    spt_file_info info;
    *records = (spt_records){0};
    spt_status status = spt_file_info_read(path, &info, err);
    if (status != SPT_OK)
        return status;
    status = info.is_virtual ? spt_file_check_shards(path, err) : SPT_OK;
    /* A shard's numbers are in the file: its cut need not be computed. */
    if (status == SPT_OK)
        status = spt_records_make(path, info.config, 0, 0, records, err);
    if (status == SPT_OK && info.n_records != records->n_records)
        status = spt_fail(err, SPT_ECORRUPT, "%s: has %zu records, its config asks for %zu", path, info.n_records,
                          records->n_records);
    if (status == SPT_OK && (info.n_runs > records->n_runs || info.sweep_runs != records->n_runs))
        status = spt_fail(err, SPT_ECORRUPT, "%s: is of %zu runs, its config of %zu", path, info.sweep_runs,
                          records->n_runs);
    if (status == SPT_OK) {
        records->n_runs = info.n_runs;
        records->shard = info.shard;
        records->shards = info.shards;
        memcpy(records->number, info.run_numbers, info.n_runs * sizeof *records->number);
        status = read_all(path, probe, records, err);
        *complete = info.complete;
    }
    spt_file_info_free(&info);
    return status;
}
