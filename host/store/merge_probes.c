/* The probes of a shard's file, as those of a data set that was just made: so that the functions that write them into a
 * file can write them into the merged one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge.h"

enum { ATTRIBUTES_MAX = SPT_PROBE_MAX_ATTRIBUTES + 1 }; /* "kind" too */

static const char *copy_text(spt_h5 *in, const char *text) {
    char *copy = in->status == SPT_OK ? strdup(text) : NULL;
    if (copy == NULL)
        spt_h5_fail_with(in, SPT_ENOMEM, "no memory for its probes");
    return copy;
}

static hid_t open_array(spt_h5 *in, hid_t group, const char *name) {
    hid_t array = in->status == SPT_OK ? H5Dopen2(group, name, H5P_DEFAULT) : -1;
    if (in->status == SPT_OK && array < 0)
        spt_h5_fail(in);
    return array;
}

/* Dimensions of an array; rank 0 once something failed. */
static size_t get_shape(spt_h5 *in, hid_t array, hsize_t *dims) {
    hid_t space = in->status == SPT_OK ? H5Dget_space(array) : -1;
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (rank < 1 || rank > SPT_H5_RANK || H5Sget_simple_extent_dims(space, dims, NULL) != rank) {
        spt_h5_fail_with(in, SPT_ECORRUPT, "an array of a probe has more dimensions than any has");
        rank = 0;
    }
    if (space >= 0)
        H5Sclose(space);
    return (size_t)rank;
}

/* ---- settings */

/* An attribute as text that reads as what it is: see put_setting of assemble_probes.c. */
static void read_setting(spt_h5 *in, hid_t group, const char *key, char *text, size_t capacity) {
    hid_t attribute = H5Aopen(group, key, H5P_DEFAULT);
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
    H5T_class_t kind = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    double real = 0.0;
    if (kind == H5T_STRING)
        spt_h5_get_text_into(in, group, key, text, capacity);
    else if (kind == H5T_INTEGER)
        snprintf(text, capacity, "%lld", (long long)spt_h5_get_integer(in, group, key));
    else if (kind == H5T_FLOAT && H5Aread(attribute, H5T_NATIVE_DOUBLE, &real) >= 0)
        snprintf(text, capacity, "%.17e", real);
    else
        spt_h5_fail_with(in, SPT_ECORRUPT, "a setting of a probe is neither a number nor a text");
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
}

typedef struct key_list {
    size_t n;
    char keys[ATTRIBUTES_MAX][SPT_H5_NAME];
} key_list;

static herr_t list_key(hid_t object, const char *name, const H5A_info_t *facts, void *user) {
    (void)object;
    (void)facts;
    key_list *list = user;
    if (list->n == ATTRIBUTES_MAX || strlen(name) >= SPT_H5_NAME)
        return -1;
    snprintf(list->keys[list->n++], SPT_H5_NAME, "%s", name);
    return 0;
}

static void read_settings(spt_h5 *in, hid_t group, spt_probe *probe) {
    key_list list = {0};
    hsize_t at = 0;
    char text[64];
    if (in->status == SPT_OK && H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_NATIVE, &at, list_key, &list) < 0)
        spt_h5_fail_with(in, SPT_ECORRUPT, "a probe has other settings than any has");
    for (size_t i = 0; i < list.n && in->status == SPT_OK; i++) {
        bool is_kind = strcmp(list.keys[i], "kind") == 0;
        if (!is_kind && probe->n_attributes == SPT_PROBE_MAX_ATTRIBUTES) {
            spt_h5_fail_with(in, SPT_ECORRUPT, "a probe has more settings than any has");
            return;
        }
        spt_probe_attribute *attribute = &probe->attributes[is_kind ? 0 : probe->n_attributes];
        read_setting(in, group, list.keys[i], is_kind ? text : attribute->text, sizeof text);
        if (is_kind)
            probe->kind = copy_text(in, text);
        else {
            attribute->key = copy_text(in, list.keys[i]);
            probe->n_attributes++;
        }
    }
}

/* ---- dimensions and extras */

static void read_dim(spt_h5 *in, hid_t group, const char *path, const char *name, spt_probe_dim *dim) {
    char place[512];
    snprintf(place, sizeof place, "%s/%s", path, name);
    dim->name = copy_text(in, name);
    hid_t scale = open_array(in, group, name);
    dim->long_name = spt_h5_get_text(in, scale, "long_name");
    dim->units = spt_h5_get_text(in, scale, "units");
    dim->size = spt_h5_get_size(in, place);
    dim->coordinate = calloc(dim->size + 1, sizeof *dim->coordinate);
    if (dim->coordinate == NULL)
        spt_h5_fail_with(in, SPT_ENOMEM, "no memory for the frequencies of a probe");
    spt_h5_get_values(in, place, H5T_NATIVE_DOUBLE, dim->size, dim->coordinate);
    if (scale >= 0)
        H5Dclose(scale);
}

static void read_energy(spt_h5 *in, hid_t group, const char *path, spt_probe *probe) {
    hsize_t dims[SPT_H5_RANK];
    char names[SPT_H5_RANK][SPT_H5_NAME];
    hid_t energy = open_array(in, group, "energy");
    size_t rank = get_shape(in, energy, dims);
    spt_h5_get_dim_names(in, energy, rank, names);
    probe->long_name = spt_h5_get_text(in, energy, "long_name");
    probe->units = spt_h5_get_text(in, energy, "units");
    if (in->status == SPT_OK && (rank < 2 || rank > 2 + SPT_PROBE_MAX_DIMS))
        spt_h5_fail_with(in, SPT_ECORRUPT, "the energies of a probe have other dimensions than any have");
    for (size_t i = 2; i < rank && in->status == SPT_OK; i++)
        read_dim(in, group, path, names[i], &probe->dims[probe->n_dims++]);
    if (energy >= 0)
        H5Dclose(energy);
}

static void read_extra(spt_h5 *in, hid_t array, const char *name, spt_probe_extra *extra) {
    hsize_t dims[SPT_H5_RANK];
    char names[SPT_H5_RANK][SPT_H5_NAME];
    size_t rank = get_shape(in, array, dims);
    spt_h5_get_dim_names(in, array, rank, names);
    size_t first = in->status == SPT_OK && strcmp(names[0], "dataset") == 0;
    if (in->status == SPT_OK && (rank - first < 1 || rank - first > 2))
        spt_h5_fail_with(in, SPT_ECORRUPT, "an array of a probe has other dimensions than any has");
    extra->name = copy_text(in, name);
    extra->long_name = spt_h5_get_text(in, array, "long_name");
    extra->units = spt_h5_get_text(in, array, "units");
    for (size_t d = first; d < rank && in->status == SPT_OK; d++) {
        extra->dim_name[d - first] = copy_text(in, names[d]);
        extra->dim_size[d - first] = (size_t)dims[d];
        extra->n_dims++;
    }
    hid_t type = in->status == SPT_OK ? H5Dget_type(array) : -1;
    spt_kept_set_type(extra, type >= 0 && H5Tget_class(type) == H5T_INTEGER);
    if (type >= 0)
        H5Tclose(type);
}

/* All arrays of the group but the energies and the scales. */
static void read_extras(spt_h5 *in, hid_t group, spt_probe *probe) {
    char *name = NULL;
    for (size_t i = 0; (name = spt_h5_get_link(in, group, i)) != NULL; i++) {
        hid_t array = open_array(in, group, name);
        if (in->status == SPT_OK && strcmp(name, "energy") != 0 && H5Aexists(array, "CLASS") == 0) {
            if (probe->n_extras == SPT_PROBE_MAX_EXTRAS)
                spt_h5_fail_with(in, SPT_ECORRUPT, "a probe has more arrays than any has");
            else
                read_extra(in, array, name, &probe->extras[probe->n_extras++]);
        }
        if (array >= 0)
            H5Dclose(array);
        free(name);
    }
}

static void read_probe(spt_h5 *in, const char *name, spt_probe *probe) {
    char path[256];
    snprintf(path, sizeof path, "/probes/%s", name);
    if (strlen(name) >= sizeof probe->name) {
        spt_h5_fail_with(in, SPT_ECORRUPT, "a probe has a longer name than any has");
        return;
    }
    snprintf(probe->name, sizeof probe->name, "%s", name);
    hid_t group = in->status == SPT_OK ? H5Gopen2(in->file, path, H5P_DEFAULT) : -1;
    if (in->status == SPT_OK && group < 0)
        spt_h5_fail(in);
    read_settings(in, group, probe);
    read_energy(in, group, path, probe);
    read_extras(in, group, probe);
    if (group >= 0)
        H5Gclose(group);
}

void spt_merge_probes_read(spt_h5 *in, const spt_store_spec *spec, spt_probe **probes) {
    *probes = calloc(spec->n_probes + 1, sizeof **probes);
    if (*probes == NULL)
        spt_h5_fail_with(in, SPT_ENOMEM, "no memory for its probes");
    for (size_t p = 0; p < spec->n_probes && in->status == SPT_OK; p++)
        read_probe(in, spec->probe_names[p], &(*probes)[p]);
}

void spt_merge_probes_widen(spt_h5 *in, const spt_store_spec *spec, spt_probe *probes) {
    spt_probe *others = NULL;
    spt_merge_probes_read(in, spec, &others);
    for (size_t p = 0; p < spec->n_probes && in->status == SPT_OK; p++)
        spt_assemble_widen_extras(&probes[p], &others[p]);
    spt_kept_probes_free(others, spec->n_probes);
}
