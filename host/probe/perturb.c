/* What every kind of probe may be told beside its own settings: at which records it is taken, and to measure networks
 * around the run's own. */
#include <stdlib.h>
#include <string.h>

#include "probe/spec.h"

enum { MAX_NORMS = 10000, MAX_DIRECTIONS = 1 << 20 };
#define MAX_NORM 1e18

static const char *const AT[] = {[SPT_PROBE_AT_ALL] = "all", [SPT_PROBE_AT_LAST] = "last"};

/* ---- settings */

spt_status spt_probe_read_common(const spt_node *item, spt_probe_spec *spec, spt_error *err) {
    static const char *const keys[] = {"norms", "directions"};
    const spt_node *section = spt_node_find(item, "perturb"), *node;
    spt_probe_perturbation *perturb = &spec->perturb;
    size_t at = section != NULL ? SPT_PROBE_AT_LAST : SPT_PROBE_AT_ALL;
    spt_status status = spt_node_choice(item, "at", AT, sizeof AT / sizeof *AT, &at, err);
    spec->at = (spt_probe_at)at;
    if (status != SPT_OK || section == NULL)
        return status;
    status = spt_node_only(section, keys, sizeof keys / sizeof *keys, err);
    if (status == SPT_OK)
        status = spt_node_generated(section, "norms", 0.0, MAX_NORM, MAX_NORMS, &perturb->norm, &perturb->n_norms, err);
    if (status == SPT_OK)
        status = spt_node_require(section, "directions", &node, err);
    if (status == SPT_OK)
        status = spt_node_size(section, "directions", 1, MAX_DIRECTIONS, &perturb->directions, err);
    return status;
}

/* ---- shape and probe */

spt_status spt_probe_shape_common(const spt_probe_spec *spec, spt_probe_shape *shape, spt_error *err) {
    const spt_probe_perturbation *perturb = &spec->perturb;
    shape->at = spec->at;
    if (perturb->n_norms == 0)
        return SPT_OK;
    if (shape->n_dims == SPT_PROBE_MAX_DIMS)
        return spt_fail(err, SPT_EINVAL, "perturb adds a dimension to the energies, which have %zu already; at most %d",
                        shape->n_dims, (int)SPT_PROBE_MAX_DIMS);
    const size_t networks = perturb->n_norms * perturb->directions;
    if ((shape->rows + shape->unit_rows) > SIZE_MAX / networks / 2)
        return spt_fail(err, SPT_EINVAL, "perturb measures %zu networks with %zu rows each, more than can be counted",
                        networks, shape->rows);
    memmove(shape->dim_size + 1, shape->dim_size, shape->n_dims * sizeof *shape->dim_size);
    shape->dim_size[0] = perturb->n_norms;
    shape->n_dims++;
    shape->energy_size *= perturb->n_norms;
    shape->norms = perturb->n_norms;
    shape->directions = perturb->directions;
    shape->rows *= networks;
    shape->unit_rows *= networks;
    return SPT_OK;
}

spt_status spt_probe_make_common(const spt_probe_spec *spec, uint32_t seed, spt_probe *probe, spt_error *err) {
    probe->at = spec->at;
    if (spec->at != SPT_PROBE_AT_ALL)
        spt_probe_note_text(probe, "at", AT[spec->at]);
    if (spec->perturb.n_norms == 0)
        return SPT_OK;
    const size_t n = spec->perturb.n_norms;
    double *norm = malloc(n * sizeof *norm), *coordinate = malloc(n * sizeof *coordinate);
    if (norm == NULL || coordinate == NULL) {
        free(norm);
        free(coordinate);
        return spt_fail(err, SPT_ENOMEM, "no memory for %zu norms", n);
    }
    memcpy(norm, spec->perturb.norm, n * sizeof *norm);
    memcpy(coordinate, norm, n * sizeof *norm);
    probe->perturb =
        (spt_probe_perturbation){.n_norms = n, .directions = spec->perturb.directions, .norm = norm, .seed = seed};
    memmove(probe->dims + 1, probe->dims, probe->n_dims * sizeof *probe->dims);
    probe->dims[0] = (spt_probe_dim){.name = "norm",
                                     .long_name = "distance of the network's parameters from the run's",
                                     .units = "parameter",
                                     .size = n,
                                     .coordinate = coordinate};
    probe->n_dims++;
    probe->energy_size *= n;
    spt_probe_note_size(probe, "perturb_directions", spec->perturb.directions);
    return SPT_OK;
}
