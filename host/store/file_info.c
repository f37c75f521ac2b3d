/* What is inside a FILE.h5, from its attributes and sizes. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "spectrain/store.h"
#include "store/h5_read.h"
#include "store/seal.h"
#include "store/verify.h"

void spt_file_info_free(spt_file_info *info) {
    if (info == NULL)
        return;
    for (size_t i = 0; i < info->n_probes && info->probe_names != NULL; i++)
        free(info->probe_names[i]);
    for (size_t i = 0; i < info->n_axes && info->axis_names != NULL; i++)
        free(info->axis_names[i]);
    free(info->probe_names);
    free(info->axis_names);
    free(info->config);
    free(info->run_numbers);
    free(info->status);
    *info = (spt_file_info){0};
}

/* The root's attributes lie in the head. A file that is damaged there is refused with the name of what is. */
static spt_status check_head(const char *path, spt_error *err) {
    spt_seal_state state = SPT_SEAL_ABSENT;
    spt_status status = spt_seal_check_head(path, &state, err);
    return status == SPT_OK && state == SPT_SEAL_BROKEN ? spt_verify_locate(path, err) : status;
}

static void read_root(spt_h5 *h, spt_file_info *info) {
    char format[32];
    if (h->status != SPT_OK)
        return;
    h->failure = SPT_EDATA; /* an HDF5 file, but maybe not one of ours */
    spt_h5_get_text_into(h, h->file, "format", format, sizeof format);
    if (h->status == SPT_OK && strcmp(format, SPT_FORMAT_NAME) != 0)
        h->status = spt_fail(h->err, SPT_EDATA, "%s: its format is %s, expected " SPT_FORMAT_NAME, h->path, format);
    if (h->status == SPT_EDATA)
        h->status = spt_fail(h->err, SPT_EDATA, "%s: not a spectrain file", h->path);
    h->failure = SPT_ECORRUPT;
    info->format_version = (int)spt_h5_get_integer(h, h->file, "format_version");
    if (h->status == SPT_OK && info->format_version != SPT_FORMAT_VERSION)
        h->status = spt_fail(h->err, SPT_EDATA, "%s: format version %d, this program reads %d", h->path,
                             info->format_version, SPT_FORMAT_VERSION);
    info->config = spt_h5_get_text(h, h->file, "config");
    info->complete = spt_h5_get_integer(h, h->file, "complete") == 1;
    info->is_virtual = h->status == SPT_OK && H5Aexists(h->file, "virtual") > 0;
    if (h->status == SPT_OK && H5Aexists(h->file, "shards") > 0) {
        info->shard = (size_t)spt_h5_get_integer(h, h->file, "shard");
        info->shards = (size_t)spt_h5_get_integer(h, h->file, "shards");
        info->sweep_runs = (size_t)spt_h5_get_integer(h, h->file, "sweep_runs");
    }
#define READ(field) spt_h5_get_text_into(h, h->file, #field, info->field, sizeof info->field)
    READ(software_version);
    READ(backend);
    READ(device);
    READ(precision);
    READ(denormals);
    READ(dataset_sha256);
    READ(created);
#undef READ
}

/* Which runs of the sweep the file is for. */
static void read_numbers(spt_h5 *h, spt_file_info *info) {
    info->n_runs = spt_h5_get_size(h, "/runs/run");
    info->run_numbers = calloc(info->n_runs + 1, sizeof *info->run_numbers);
    if (info->run_numbers == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the numbers of its runs");
    spt_h5_get_values(h, "/runs/run", H5T_NATIVE_UINT64, info->n_runs, info->run_numbers);
    if (info->shards == 0)
        info->sweep_runs = info->n_runs;
    for (size_t r = 0; r < info->n_runs && h->status == SPT_OK; r++)
        if (info->run_numbers[r] >= info->sweep_runs || (r > 0 && info->run_numbers[r] <= info->run_numbers[r - 1]))
            spt_h5_fail_with(h, SPT_ECORRUPT, "/runs/run: its numbers are not those of a sweep's runs, ascending");
    if (h->status == SPT_OK && info->shards > 0 && info->shard >= info->shards)
        spt_h5_fail_with(h, SPT_ECORRUPT, "its shard is none of its shards");
}

static void read_status(spt_h5 *h, spt_file_info *info) {
    info->n_records = spt_h5_get_size(h, "/record/record");
    info->n_snapshots = spt_h5_get_size(h, "/snapshot/snapshot");
    info->status = calloc(info->n_runs + 1, sizeof *info->status);
    if (info->status == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the status of its runs");
    spt_h5_get_values(h, "/runs/status", H5T_NATIVE_INT8, info->n_runs, info->status);
    for (size_t r = 0; r < info->n_runs && h->status == SPT_OK; r++) {
        info->n_done += info->status[r] == SPT_RUN_DONE;
        info->n_diverged += info->status[r] == SPT_RUN_DIVERGED;
        info->n_missing += info->status[r] == SPT_RUN_MISSING;
    }
}

static hid_t open_group(spt_h5 *h, const char *path, size_t *n_links) {
    H5G_info_t facts;
    *n_links = 0;
    hid_t group = h->status == SPT_OK ? H5Gopen2(h->file, path, H5P_DEFAULT) : -1;
    if (h->status == SPT_OK && (group < 0 || H5Gget_info(group, &facts) < 0))
        spt_h5_fail(h);
    else if (h->status == SPT_OK)
        *n_links = (size_t)facts.nlinks;
    return group;
}

static char **allocate_names(spt_h5 *h, size_t count) {
    char **names = calloc(count + 1, sizeof *names);
    if (names == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for names");
    return names;
}

static void read_probe_names(spt_h5 *h, spt_file_info *info) {
    size_t n;
    hid_t group = open_group(h, "/probes", &n);
    info->probe_names = allocate_names(h, n);
    for (size_t i = 0; i < n && h->status == SPT_OK; i++)
        info->probe_names[i] = spt_h5_get_link(h, group, i);
    info->n_probes = h->status == SPT_OK ? n : 0;
    for (size_t i = 0; i < n && h->status != SPT_OK && info->probe_names != NULL; i++)
        free(info->probe_names[i]);
    if (group >= 0)
        H5Gclose(group);
}

/* Arrays of /runs with an attribute `axis`, in its order. */
static void read_axis_names(spt_h5 *h, spt_file_info *info) {
    size_t n;
    hid_t group = open_group(h, "/runs", &n);
    info->axis_names = allocate_names(h, n);
    info->n_axes = info->axis_names != NULL ? n : 0;
    size_t found = 0;
    for (size_t i = 0; i < n && h->status == SPT_OK; i++) {
        char *name = spt_h5_get_link(h, group, i);
        hid_t array = name != NULL ? H5Dopen2(group, name, H5P_DEFAULT) : -1;
        if (h->status == SPT_OK && array < 0)
            spt_h5_fail(h);
        if (array >= 0 && H5Aexists(array, "axis") > 0) {
            int64_t a = spt_h5_get_integer(h, array, "axis");
            if (a < 0 || (size_t)a >= n || info->axis_names[a] != NULL)
                spt_h5_fail_with(h, SPT_ECORRUPT, "two axes of the sweep have one number, or none");
            else {
                info->axis_names[a] = name;
                name = NULL;
                found++;
            }
        }
        free(name);
        if (array >= 0)
            H5Dclose(array);
    }
    for (size_t a = 0; a < found && h->status == SPT_OK; a++)
        if (info->axis_names[a] == NULL)
            spt_h5_fail_with(h, SPT_ECORRUPT, "an axis of the sweep is missing in /runs");
    if (h->status == SPT_OK)
        info->n_axes = found;
    if (group >= 0)
        H5Gclose(group);
}

spt_status spt_file_info_read(const char *path, spt_file_info *info, spt_error *err) {
    *info = (spt_file_info){0};
    spt_h5 h;
    spt_h5_begin(&h, path, err);
    spt_h5_open_to_read(&h);
    if (h.status == SPT_OK || h.status == SPT_ECORRUPT) {
        spt_status head = check_head(path, err);
        h.status = head != SPT_OK ? head : h.status;
    }
    read_root(&h, info);
    read_numbers(&h, info);
    read_status(&h, info);
    read_probe_names(&h, info);
    read_axis_names(&h, info);
    struct stat facts;
    if (stat(path, &facts) == 0)
        info->bytes = (uint64_t)facts.st_size;
    spt_status status = spt_h5_end(&h);
    if (status != SPT_OK)
        spt_file_info_free(info);
    return status;
}
