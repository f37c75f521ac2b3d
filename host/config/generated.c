/* Lists of reals that may also be generated: frequencies, norms. */
#include <stdlib.h>

#include "config/axes.h"
#include "config/node.h"

spt_status spt_node_generated(const spt_node *map, const char *key, double min, double max, size_t most, double **out,
                              size_t *n, spt_error *err) {
    const spt_node *node;
    spt_axis values = {0};
    double *reals = NULL;
    spt_status status = spt_node_require(map, key, &node, err);
    if (status == SPT_OK)
        status = spt_axis_expand(node, SPT_AXIS_REAL, &values, err);
    if (status == SPT_OK && values.n_values > most)
        status = spt_node_fail(node, err, "are %zu; allowed: at most %zu", values.n_values, most);
    if (status == SPT_OK) {
        reals = calloc(values.n_values, sizeof *reals);
        if (reals == NULL)
            status = spt_fail(err, SPT_ENOMEM, "%s: out of memory", key);
    }
    for (size_t i = 0; i < values.n_values && status == SPT_OK; i++) {
        reals[i] = values.values[i].real;
        if (!(reals[i] >= min && reals[i] <= max))
            status = spt_node_fail(node, err, "has %g; allowed: %g to %g", reals[i], min, max);
    }
    free(values.values);
    if (status != SPT_OK) {
        free(reals);
        return status;
    }
    *out = reals;
    *n = values.n_values;
    return SPT_OK;
}
