/* A further probe for a finished FILE.h5: /probes/<name>, with energies at each snapshot instead of each record. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spectrain/spectrain.h"
#include "store/assemble.h"
#include "store/h5_read.h"
#include "store/replacement.h"

struct spt_addition {
    spt_store_spec spec;
    spt_replacement replacement;
    spt_h5 h;
    spt_h5_file file;
    hid_t driver;
    bool opened;        /* the copy, as h */
    bool made;          /* the arrays */
    size_t energy_size; /* of the probe, once made */
    size_t n_dims, dim_size[SPT_PROBE_MAX_DIMS];
    float *row; /* (energy_size) one energy as the file holds it */
    char name[64];
    spt_probe_output output;
};

/* ---- opening */

static spt_status check_kind(const char *path, const spt_file_info *info, const char *name, spt_error *err) {
    if (info->shards > 0)
        return spt_fail(err, SPT_EINVAL, "%s: is shard %zu of %zu; merge the shards, and add to that file", path,
                        info->shard, info->shards);
    if (info->is_virtual)
        return spt_fail(err, SPT_EINVAL, "%s: has views of shards; merge them without --virtual, and add to that file",
                        path);
    if (!info->complete)
        return spt_fail(err, SPT_EINVAL,
                        "%s: is not complete, and when it is gone on with it is made anew; finish the sweep first",
                        path);
    for (size_t p = 0; p < info->n_probes; p++)
        if (strcmp(info->probe_names[p], name) == 0)
            return spt_fail(err, SPT_EEXIST, "%s: has a probe %s already; choose another name", path, name);
    return SPT_OK;
}

/* The file's runs and snapshots are those of the sweep that its config describes. */
static void check_sweep(spt_h5 *h, const spt_store_spec *spec, const spt_file_info *info) {
    uint64_t *epoch = calloc(spec->snapshots.n + 1, sizeof *epoch);
    if (epoch == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for its snapshots");
    bool same = info->n_runs == spec->n_runs && info->n_snapshots == spec->snapshots.n;
    if (same)
        spt_h5_get_values(h, "/snapshot/epoch", H5T_NATIVE_UINT64, spec->snapshots.n, epoch);
    same = same && h->status == SPT_OK && memcmp(epoch, spec->snapshots.epoch, spec->snapshots.n * sizeof *epoch) == 0;
    if (h->status == SPT_OK && !same)
        h->status = spt_fail(h->err, SPT_EMISMATCH,
                             "%s: has %zu runs and %zu snapshots, its config describes %zu and %zu, or at other epochs",
                             h->path, info->n_runs, info->n_snapshots, spec->n_runs, spec->snapshots.n);
    free(epoch);
}

/* Bytes of the file that HDF5 knows of: the seal comes after. */
static spt_status count_bytes(const char *path, const spt_store_spec *spec, const spt_file_info *info, uint64_t *bytes,
                              spt_error *err) {
    haddr_t end = 0;
    spt_h5 h;
    spt_h5_begin(&h, path, err);
    spt_h5_open_to_read(&h);
    if (h.status == SPT_OK && H5Fget_eoa(h.file, &end) < 0)
        spt_h5_fail(&h);
    check_sweep(&h, spec, info);
    *bytes = end;
    return spt_h5_end(&h);
}

static void open_copy(spt_addition *a, uint64_t bytes, spt_error *err) {
    spt_h5_begin(&a->h, a->replacement.path, err);
    a->opened = true;
    a->file = (spt_h5_file){.fd = a->replacement.fd, .size = bytes};
    a->h.driver = &a->file;
    a->driver = spt_h5_driver_register();
    hid_t access = a->driver >= 0 ? spt_h5_driver_access(a->driver, &a->file) : -1;
    if (access < 0 || H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0)
        spt_h5_fail(&a->h);
    if (a->h.status == SPT_OK)
        a->h.file = H5Fopen(a->replacement.copy, H5F_ACC_RDWR, access);
    if (a->h.file < 0)
        spt_h5_fail(&a->h);
    if (access >= 0)
        H5Pclose(access);
}

spt_status spt_addition_open(const char *path, const spt_store_spec *spec, const char *name, spt_addition **out,
                             spt_error *err) {
    *out = NULL;
    spt_file_info info = {0};
    spt_addition *a = calloc(1, sizeof *a);
    if (a == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory to add to it", path);
    a->spec = *spec;
    a->driver = -1;
    snprintf(a->name, sizeof a->name, "%s", name);
    uint64_t bytes = 0;
    spt_status status = spt_replacement_open(&a->replacement, path, err);
    if (status == SPT_OK)
        status = spt_file_verify(path, err); /* a damaged file must not get a new seal */
    if (status == SPT_OK)
        status = spt_file_info_read(path, &info, err);
    if (status == SPT_OK)
        status = check_kind(path, &info, name, err);
    if (status == SPT_OK)
        status = count_bytes(path, spec, &info, &bytes, err);
    if (status == SPT_OK)
        status = spt_replacement_copy(&a->replacement, bytes, err);
    if (status == SPT_OK) {
        open_copy(a, bytes, err);
        status = a->h.status;
    }
    spt_file_info_free(&info);
    if (status == SPT_OK)
        *out = a;
    else
        spt_addition_close(a);
    return status;
}

/* ---- the data set and the probe's arrays */

static void make_arrays(spt_addition *a, const spt_probe *probe) {
    char path[sizeof "probes/" + sizeof a->name], created[32];
    snprintf(path, sizeof path, "probes/%s", a->name);
    spt_probe_output_open(&a->h, &a->spec, NULL, path, "snapshot", probe, &a->output);
    time_t now = time(NULL);
    struct tm utc;
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const hid_t group = a->output.group.id;
    spt_h5_put_text(&a->h, group, "computed_from", "weights");
    spt_h5_put_text(&a->h, group, "software_version", spt_version());
    spt_h5_put_text(&a->h, group, "backend", a->spec.backend);
    spt_h5_put_text(&a->h, group, "device", a->spec.device);
    spt_h5_put_text(&a->h, group, "precision", a->spec.precision);
    spt_h5_put_text(&a->h, group, "created", created);
    a->energy_size = probe->energy_size;
    a->n_dims = probe->n_dims;
    for (size_t i = 0; i < probe->n_dims; i++)
        a->dim_size[i] = probe->dims[i].size;
    a->row = malloc(probe->energy_size * sizeof *a->row);
    if (a->row == NULL)
        spt_h5_fail_with(&a->h, SPT_ENOMEM, "no memory for energies");
    a->made = true;
}

static void write_extra(spt_addition *a, size_t dataset, const spt_probe_extra *extra, hid_t array) {
    const bool several = a->spec.n_datasets > 1;
    hsize_t start[3] = {dataset, 0, 0}, count[3] = {1, extra->dim_size[0], extra->dim_size[1]};
    const hid_t type = extra->integer != NULL ? H5T_NATIVE_INT32 : H5T_NATIVE_FLOAT;
    const void *values = extra->integer != NULL ? (const void *)extra->integer : (const void *)extra->real;
    spt_h5_array_write(&a->h, array, type, extra->n_dims + several, start + !several, count + !several, values);
}

spt_status spt_addition_put_dataset(spt_addition *a, size_t index, const spt_dataset *dataset, const spt_probe *probe,
                                    spt_error *err) {
    a->h.err = err;
    char *sha256 = spt_h5_get_text_at(&a->h, "/data/sha256", index);
    if (a->h.status == SPT_OK && strcmp(sha256, dataset->sha256) != 0)
        a->h.status = spt_fail(err, SPT_EMISMATCH,
                               "%s: data set %zu is not the one that was trained on: its SHA-256 is %.16s..., in the "
                               "file it is %.16s...",
                               a->h.path, index, dataset->sha256, sha256);
    free(sha256);
    if (a->h.status == SPT_OK && !a->made)
        make_arrays(a, probe);
    else if (a->h.status == SPT_OK && probe->energy_size != a->energy_size)
        a->h.status = spt_fail(err, SPT_EMISMATCH, "probe %s: has %zu energies for data set %zu, %zu before", a->name,
                               probe->energy_size, index, a->energy_size);
    for (size_t i = 0; i < probe->n_extras && a->h.status == SPT_OK; i++)
        write_extra(a, index, &probe->extras[i], a->output.extras[i]);
    return a->h.status;
}

/* ---- weights in, energies out */

static bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

spt_status spt_addition_get_weights(spt_addition *a, size_t run, size_t snapshot, const spt_model_spec *model,
                                    float *parameters, bool *there, spt_error *err) {
    a->h.err = err;
    *there = true;
    for (size_t l = 0; l <= model->hidden_layers && a->h.status == SPT_OK; l++) {
        spt_layer layer = spt_model_layer(model, l);
        char path[96];
        const hsize_t start[] = {snapshot, 0, 0}, count[] = {1, layer.fan_out, layer.fan_in};
        snprintf(path, sizeof path, "/weights/%zu/%zu/weight", run, l);
        spt_h5_get_block(&a->h, path, H5T_NATIVE_FLOAT, 3, start, count, parameters + layer.weight_offset);
        snprintf(path, sizeof path, "/weights/%zu/%zu/bias", run, l);
        spt_h5_get_block(&a->h, path, H5T_NATIVE_FLOAT, 2, start, count, parameters + layer.bias_offset);
        *there = *there && a->h.status == SPT_OK &&
                 all_finite(parameters + layer.weight_offset, layer.fan_out * layer.fan_in) &&
                 all_finite(parameters + layer.bias_offset, layer.fan_out);
    }
    return a->h.status;
}

spt_status spt_addition_put_energy(spt_addition *a, size_t run, size_t snapshot, const double *energy, spt_error *err) {
    if (!a->made)
        return spt_fail(err, SPT_EINVAL, "probe %s: energies before the data set", a->name);
    a->h.err = err;
    for (size_t e = 0; e < a->energy_size; e++)
        a->row[e] = (float)energy[e];
    hsize_t start[SPT_H5_RANK] = {run, snapshot}, count[SPT_H5_RANK] = {1, 1};
    for (size_t i = 0; i < a->n_dims; i++)
        count[2 + i] = a->dim_size[i];
    spt_h5_array_write(&a->h, a->output.energy, H5T_NATIVE_FLOAT, 2 + a->n_dims, start, count, a->row);
    return a->h.status;
}

/* ---- the end */

static spt_status close_copy(spt_addition *a) {
    if (!a->opened)
        return SPT_OK;
    if (a->made)
        spt_probe_output_close(&a->h, &a->output);
    a->made = false;
    spt_status status = spt_h5_end(&a->h);
    if (a->driver >= 0)
        H5FDunregister(a->driver);
    a->opened = false;
    return status;
}

spt_status spt_addition_finish(spt_addition *a, spt_error *err) {
    if (!a->made)
        return spt_fail(err, SPT_EINVAL, "probe %s: nothing was put", a->name);
    a->h.err = err;
    spt_status status = close_copy(a);
    return status == SPT_OK ? spt_replacement_publish(&a->replacement, a->file.size, err) : status;
}

void spt_addition_close(spt_addition *a) {
    if (a == NULL)
        return;
    a->h.err = NULL;
    close_copy(a);
    spt_replacement_close(&a->replacement);
    free(a->row);
    free(a);
}
