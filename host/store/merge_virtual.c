/* A merged file without values of its own: views of the shards' arrays (HDF5 virtual datasets), links to the groups of
 * their weights, and a list of the shards with their sums, by which a view of something else is told.
 *
 * Shards in the folder of the merged file, or below it, are named from there, so that all can be moved together; others
 * are named in full. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge.h"

enum { NAME_BYTES = 2 * PATH_MAX };

/* The name of a shard's file as the merged file has it. */
static bool name_source(spt_h5 *h, const spt_merge *merge, const spt_merge_source *source, char name[NAME_BYTES]) {
    char folder[PATH_MAX], file[PATH_MAX];
    if (realpath(merge->folder, folder) == NULL || realpath(source->path, file) == NULL) {
        if (h->status == SPT_OK)
            h->status = spt_fail(h->err, SPT_EIO, "%s: cannot be found any more: %s", source->path, strerror(errno));
        return false;
    }
    size_t length = strlen(folder);
    bool below = strncmp(file, folder, length) == 0 && (file[length] == '/' || strcmp(folder, "/") == 0);
    snprintf(name, NAME_BYTES, "%s", below ? file + length + (strcmp(folder, "/") != 0) : file);
    return true;
}

/* The same for a view, where a percent sign would mean something else. */
static bool name_view(spt_h5 *h, const spt_merge *merge, const spt_merge_source *source, char name[NAME_BYTES]) {
    char plain[NAME_BYTES];
    size_t end = 0;
    if (!name_source(h, merge, source, plain))
        return false;
    for (const char *at = plain; *at != '\0' && end + 3 < NAME_BYTES; at++) {
        name[end++] = *at;
        if (*at == '%')
            name[end++] = '%';
    }
    name[end] = '\0';
    return true;
}

/* ---- views */

/* Rows of the merged array that are a source's runs: neighbours as one block. */
static bool select_runs(hid_t view, size_t rank, const hsize_t *dims, const spt_file_info *info) {
    hsize_t start[SPT_H5_RANK] = {0}, count[SPT_H5_RANK];
    memcpy(count, dims, sizeof count);
    H5S_seloper_t how = H5S_SELECT_SET;
    for (size_t row = 0, next; row < info->n_runs; row = next) {
        for (next = row + 1; next < info->n_runs && info->run_numbers[next] == info->run_numbers[next - 1] + 1; next++)
            continue;
        start[0] = info->run_numbers[row];
        count[0] = next - row;
        if (H5Sselect_hyperslab(view, how, start, NULL, count, NULL) < 0)
            return false;
        how = H5S_SELECT_OR;
    }
    return rank > 0;
}

static bool map_runs(spt_h5 *h, const spt_merge *merge, const spt_merge_source *source, const char *path,
                     const spt_h5_array *array, const hsize_t *dims, hid_t space, hid_t creation) {
    char name[NAME_BYTES];
    hsize_t theirs[SPT_H5_RANK];
    memcpy(theirs, dims, array->rank * sizeof *dims);
    if (strcmp(array->dims[array->rank - 1], "layer") == 0)
        theirs[array->rank - 1] = source->layers;
    hsize_t selected[SPT_H5_RANK] = {0};
    memcpy(selected, theirs, array->rank * sizeof *theirs);
    theirs[0] = source->info.n_runs;
    hid_t view = H5Scopy(space), from = H5Screate_simple((int)array->rank, theirs, NULL);
    bool made = view >= 0 && from >= 0 && name_view(h, merge, source, name) &&
                select_runs(view, array->rank, selected, &source->info) &&
                H5Pset_virtual(creation, view, name, path, from) >= 0;
    if (view >= 0)
        H5Sclose(view);
    if (from >= 0)
        H5Sclose(from);
    return made;
}

/* Data set d, or, where there is one alone, the whole array. */
static bool map_dataset(spt_h5 *h, const spt_merge *merge, size_t d, const char *path, const spt_h5_array *array,
                        const hsize_t *dims, hid_t space, hid_t creation) {
    const spt_merge_source *source = spt_merge_dataset_source(merge, d);
    if (source == NULL)
        return true;
    char name[NAME_BYTES];
    hsize_t start[SPT_H5_RANK] = {0}, count[SPT_H5_RANK];
    memcpy(count, dims, array->rank * sizeof *dims);
    if (merge->spec->n_datasets > 1) {
        start[0] = d;
        count[0] = 1;
    }
    hid_t view = H5Scopy(space);
    bool made = view >= 0 && name_view(h, merge, source, name) &&
                H5Sselect_hyperslab(view, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Pset_virtual(creation, view, name, path, view) >= 0;
    if (view >= 0)
        H5Sclose(view);
    return made;
}

bool spt_merge_map(spt_h5 *h, const char *group, const spt_h5_array *array, const hsize_t *dims, hid_t space,
                   hid_t creation, void *user) {
    const spt_merge *merge = user;
    bool by_run = array->dims[0] != NULL && strcmp(array->dims[0], "run") == 0, by_dataset = false;
    for (size_t i = 0; i < array->rank && strcmp(group, "/data") == 0; i++)
        by_dataset = by_dataset || (array->dims[i] != NULL && strstr(array->dims[i], "example") != NULL);
    if (h->status != SPT_OK || (!by_run && !by_dataset))
        return false;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", group, array->name);
    bool made = true;
    for (size_t i = 0; by_run && i < merge->n_sources && made; i++)
        made = map_runs(h, merge, &merge->sources[i], path, array, dims, space, creation);
    for (size_t d = 0; by_dataset && d < merge->spec->n_datasets && made; d++)
        made = map_dataset(h, merge, d, path, array, dims, space, creation);
    if (!made)
        spt_h5_fail(h);
    return true;
}

/* ---- links */

void spt_merge_link_weights(spt_h5 *h, const spt_merge *merge, const spt_merge_source *source, hid_t weights) {
    char name[NAME_BYTES], number[32], path[64];
    if (h->status != SPT_OK || !name_source(h, merge, source, name))
        return;
    for (size_t i = 0; i < source->info.n_runs; i++) {
        snprintf(number, sizeof number, "%zu", source->info.run_numbers[i]);
        snprintf(path, sizeof path, "/weights/%s", number);
        if (H5Lcreate_external(name, path, weights, number, H5P_DEFAULT, H5P_DEFAULT) < 0) {
            spt_h5_fail(h);
            return;
        }
    }
}

/* ---- the list */

static void write_texts(spt_h5 *h, spt_h5_group *group, const char *name, const char *long_name, char *const *texts) {
    spt_h5_array array = {
        .name = name, .type = h->text, .rank = 1, .dims = {"shard"}, .long_name = long_name, .units = "1"};
    hid_t id = spt_h5_array_create(h, group, &array);
    spt_h5_array_write(h, id, h->text, 1, NULL, NULL, texts);
    spt_h5_array_close(h, id);
}

void spt_merge_write_shards(spt_h5 *h, const spt_merge *merge) {
    spt_h5_group group;
    spt_h5_put_integer(h, h->file, "virtual", 1);
    spt_h5_group_open(h, &group, NULL, "shards");
    spt_h5_scale_count(h, &group, "shard", merge->n_sources, "shard that this file has views of");
    char **paths = calloc(merge->n_sources + 1, sizeof *paths), **sums = calloc(merge->n_sources + 1, sizeof *sums);
    for (size_t i = 0; paths != NULL && sums != NULL && i < merge->n_sources && h->status == SPT_OK; i++) {
        char name[NAME_BYTES];
        if (name_source(h, merge, &merge->sources[i], name))
            paths[i] = strdup(name);
        sums[i] = (char *)(uintptr_t)merge->sources[i].seal;
        if (paths[i] == NULL)
            spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the names of the shards");
    }
    if (paths == NULL || sums == NULL)
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the names of the shards");
    else {
        write_texts(h, &group, "path", "its file, from the folder of this one", paths);
        write_texts(h, &group, "sha256", "SHA-256 of its bytes, by its seal", sums);
    }
    for (size_t i = 0; paths != NULL && i < merge->n_sources; i++)
        free(paths[i]);
    free(paths);
    free(sums);
    spt_h5_group_close(h, &group);
}
