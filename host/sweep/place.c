/* The device that a sweep is for. */
#include "sweep/sweep_internal.h"

spt_status spt_group_place_open(const char *backend, const spt_device_options *options, spt_group_place *place,
                                spt_error *err) {
    const char *name = backend != NULL ? backend : "auto";
    *place = (spt_group_place){.backend = spt_backend_find(name)};
    if (place->backend == NULL)
        return spt_fail(err, SPT_EINVAL, "backend %s: not in this build", name);
    spt_status status = place->backend->open(options, &place->device, err);
    if (status == SPT_OK)
        place->backend->describe(place->device, &place->info);
    return status;
}

void spt_group_place_close(spt_group_place *place) {
    if (place->device != NULL)
        place->backend->close(place->device);
    *place = (spt_group_place){0};
}

spt_status spt_sweep_fit(spt_sweep *sweep, const char *backend, const spt_device_options *options,
                         spt_device_info *info, spt_error *err) {
    spt_group_place place;
    spt_status status = spt_group_place_open(backend, options, &place, err);
    if (status == SPT_OK)
        status = spt_sweep_make_groups(sweep, &place, err);
    if (status == SPT_OK)
        status = spt_sweep_check_groups(sweep, &place, err);
    if (info != NULL)
        *info = place.info;
    spt_group_place_close(&place);
    return status;
}
