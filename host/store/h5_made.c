/* What making objects needs, made once for a file: see spt_h5_made. */
#include <math.h>

#include "store/h5.h"

void spt_h5_made_init(spt_h5_made *made) {
    made->group = made->space = -1;
    for (size_t i = 0; i < SPT_H5_FILLS; i++)
        made->array[i] = -1;
    for (size_t i = 0; i <= SPT_H5_FIXED_MAX; i++)
        made->fixed[i] = -1;
}

static void close_list(hid_t list) {
    if (list >= 0)
        H5Pclose(list);
}

void spt_h5_made_close(spt_h5_made *made) {
    close_list(made->group);
    for (size_t i = 0; i < SPT_H5_FILLS; i++)
        close_list(made->array[i]);
    for (size_t i = 0; i <= SPT_H5_FIXED_MAX; i++)
        if (made->fixed[i] >= 0)
            H5Tclose(made->fixed[i]);
    if (made->space >= 0)
        H5Sclose(made->space);
    spt_h5_made_init(made);
}

/* A list of a class; *list is made when it is not yet. */
static bool make_list(spt_h5 *h, hid_t class, hid_t *list) {
    *list = H5Pcreate(class);
    if (*list >= 0 && H5Pset_obj_track_times(*list, false) >= 0 && H5Pset_attr_phase_change(*list, 32, 16) >= 0)
        return true;
    spt_h5_fail(h);
    return false;
}

hid_t spt_h5_made_group(spt_h5 *h) {
    if (h->status == SPT_OK && h->made.group < 0)
        make_list(h, H5P_GROUP_CREATE, &h->made.group);
    return h->status == SPT_OK ? h->made.group : -1;
}

hid_t spt_h5_made_array(spt_h5 *h, hid_t type) {
    static const float missing_real = NAN;
    static const int32_t missing_integer = -1;
    if (h->status != SPT_OK)
        return -1;
    H5T_class_t class = H5Tget_class(type);
    hid_t *list = &h->made.array[class == H5T_FLOAT ? 0 : class == H5T_INTEGER ? 1 : 2];
    if (*list < 0 && make_list(h, H5P_DATASET_CREATE, list)) {
        bool is_text = H5Tis_variable_str(type) > 0;
        if ((!is_text && H5Pset_fletcher32(*list) < 0) ||
            (class == H5T_FLOAT && H5Pset_fill_value(*list, H5T_NATIVE_FLOAT, &missing_real) < 0) ||
            (class == H5T_INTEGER && H5Pset_fill_value(*list, H5T_NATIVE_INT32, &missing_integer) < 0))
            spt_h5_fail(h);
    }
    return h->status == SPT_OK ? *list : -1;
}

hid_t spt_h5_made_space(spt_h5 *h, size_t rank, const hsize_t *dims) {
    if (h->status != SPT_OK)
        return -1;
    if (h->made.space < 0)
        h->made.space = H5Screate(H5S_SIMPLE);
    if (h->made.space < 0 || H5Sset_extent_simple(h->made.space, (int)rank, dims, NULL) < 0)
        spt_h5_fail(h);
    return h->status == SPT_OK ? h->made.space : -1;
}

hid_t spt_h5_made_fixed(spt_h5 *h, size_t length) {
    if (h->status == SPT_OK && length > SPT_H5_FIXED_MAX)
        spt_h5_fail_with(h, SPT_EINVAL, "too long a name of a dimension");
    if (h->status != SPT_OK)
        return -1;
    hid_t *type = &h->made.fixed[length];
    if (*type < 0)
        *type = H5Tcopy(H5T_C_S1);
    if (*type < 0 || H5Tset_size(*type, length) < 0)
        spt_h5_fail(h);
    return h->status == SPT_OK ? *type : -1;
}
