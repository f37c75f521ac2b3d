/* /probes/<name> in FILE.h5: the energies' array and scales, the probe's settings, and what is the same for all runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/assemble.h"

/* A setting as a number where it reads as one: digits, a point, an exponent. */
static void put_setting(spt_h5 *h, hid_t object, const char *key, const char *text) {
    char *end = NULL;
    bool number = *text != '\0' && strspn(text, "+-.0123456789eE") == strlen(text);
    bool whole = number && strspn(text, "+-0123456789") == strlen(text) && strlen(text) < 19;
    double real = number ? strtod(text, &end) : 0.0;
    if (whole && *end == '\0')
        spt_h5_put_integer(h, object, key, strtoll(text, NULL, 10));
    else if (number && *end == '\0')
        spt_h5_put_real(h, object, key, real);
    else
        spt_h5_put_text(h, object, key, text);
}

static void put_settings(spt_h5 *h, hid_t object, const spt_probe *probe) {
    spt_h5_put_text(h, object, "kind", probe->kind);
    for (size_t i = 0; i < probe->n_attributes; i++)
        put_setting(h, object, probe->attributes[i].key, probe->attributes[i].text);
}

void spt_assemble_widen_extras(spt_probe *probe, const spt_probe *other) {
    for (size_t i = 0; i < probe->n_extras && i < other->n_extras; i++)
        for (size_t d = 0; d < 2; d++) {
            size_t *size = &probe->extras[i].dim_size[d], theirs = other->extras[i].dim_size[d];
            *size = theirs > *size ? theirs : *size;
        }
}

/* A scale 0 .. size-1, unless the group has one of that name. */
static void need_scale(spt_h5 *h, spt_h5_group *group, const char *name, size_t size) {
    const spt_h5_scale *scale = spt_h5_scale_find(group, name);
    if (scale == NULL)
        spt_h5_scale_count(h, group, name, size, name);
    else if (scale->size != size)
        spt_h5_fail_with(h, SPT_EINVAL, "two arrays of a probe have dimensions of one name and different sizes");
}

void spt_probe_output_open(spt_h5 *h, const spt_store_spec *spec, spt_h5_group *parent, const char *name,
                           const char *when, const spt_probe *probe, spt_probe_output *output) {
    spt_h5_group *group = &output->group;
    output->energy = -1;
    for (size_t i = 0; i < SPT_PROBE_MAX_EXTRAS; i++)
        output->extras[i] = -1;
    spt_h5_group_open(h, group, parent, name);
    spt_assemble_run_scale(h, group, spec);
    if (strcmp(when, "record") == 0)
        spt_assemble_record_scale(h, group, spec);
    else
        spt_assemble_snapshot_scale(h, group, spec);
    spt_h5_array energy = {.name = "energy",
                           .type = H5T_IEEE_F32LE,
                           .rank = 2,
                           .dims = {"run", when},
                           .lead = 1,
                           .long_name = probe->long_name,
                           .units = probe->units};
    for (size_t i = 0; i < probe->n_dims; i++) {
        const spt_probe_dim *dim = &probe->dims[i];
        spt_h5_scale_create(h, group, dim->name, dim->size, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, dim->coordinate,
                            dim->long_name, dim->units);
        energy.dims[energy.rank++] = dim->name;
    }
    output->energy = spt_h5_array_create(h, group, &energy);
    put_settings(h, group->id, probe);
    put_settings(h, output->energy, probe);

    if (spec->n_datasets > 1 && probe->n_extras > 0)
        spt_h5_scale_count(h, group, "dataset", spec->n_datasets, "data set");
    for (size_t i = 0; i < probe->n_extras; i++) {
        const spt_probe_extra *extra = &probe->extras[i];
        output->extra_is_integer[i] = extra->integer != NULL;
        spt_h5_array array = {.name = extra->name,
                              .type = extra->integer != NULL ? H5T_STD_I32LE : H5T_IEEE_F32LE,
                              .long_name = extra->long_name,
                              .units = extra->units};
        if (spec->n_datasets > 1)
            array.dims[array.rank++] = "dataset";
        array.lead = array.rank;
        for (size_t d = 0; d < extra->n_dims; d++) {
            need_scale(h, group, extra->dim_name[d], extra->dim_size[d]);
            array.dims[array.rank++] = extra->dim_name[d];
        }
        output->extras[i] = spt_h5_array_create(h, group, &array);
    }
}

void spt_probes_output_open(spt_h5 *h, const spt_store_spec *spec, const spt_probe *probes, spt_probes_output *output) {
    *output = (spt_probes_output){.n_probes = probes != NULL ? spec->n_probes : 0};
    spt_h5_group_open(h, &output->group, NULL, "probes");
    output->probes = calloc(output->n_probes + 1, sizeof *output->probes);
    if (output->probes == NULL) {
        output->n_probes = 0;
        spt_h5_fail_with(h, SPT_ENOMEM, "no memory for the probes");
        return;
    }
    for (size_t p = 0; p < output->n_probes; p++)
        spt_probe_output_open(h, spec, &output->group, spec->probe_names[p], "record", &probes[p], &output->probes[p]);
}

void spt_probes_output_fill(spt_h5 *h, const spt_store_spec *spec, spt_probes_output *output, spt_kept_dataset *kept) {
    size_t index = spec->n_datasets > 1 ? kept->index : SIZE_MAX;
    for (size_t p = 0; p < output->n_probes && p < kept->n_probes; p++) {
        spt_probe_output *probe = &output->probes[p];
        for (size_t i = 0; i < kept->probes[p].n_extras; i++) {
            const spt_probe_extra *extra = &kept->probes[p].extras[i];
            hid_t type = probe->extra_is_integer[i] ? H5T_NATIVE_INT32 : H5T_NATIVE_FLOAT;
            spt_assemble_copy(h, kept, probe->extras[i], type, index, extra->dim_size[0],
                              extra->n_dims > 1 ? extra->dim_size[1] : 0);
        }
    }
}

void spt_probe_output_close(spt_h5 *h, spt_probe_output *output) {
    spt_h5_array_close(h, output->energy);
    for (size_t i = 0; i < SPT_PROBE_MAX_EXTRAS; i++)
        spt_h5_array_close(h, output->extras[i]);
    spt_h5_group_close(h, &output->group);
}

void spt_probes_output_close(spt_h5 *h, spt_probes_output *output) {
    for (size_t p = 0; p < output->n_probes; p++)
        spt_probe_output_close(h, &output->probes[p]);
    free(output->probes);
    spt_h5_group_close(h, &output->group);
    *output = (spt_probes_output){0};
}
