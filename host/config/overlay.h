/* The tree as one run of a sweep sees it: that of the config, with the run's values of the axes in place.
 *
 * Only the maps on the way to an axis's key are copied; everything else is shared. So a run costs microseconds, and the
 * config, which many threads may read, is not touched. */
#ifndef SPT_HOST_CONFIG_OVERLAY_H
#define SPT_HOST_CONFIG_OVERLAY_H

#include "config/tree.h"

#define SPT_OVERLAY_ALL SIZE_MAX

/** *root: the tree for run `run`, whose new nodes live in pool, and whose axis values live as long as axes. A value's
 *  place, for messages, is where the sweep lists it. Axis number `without` is left out, so that the section's own value
 *  stands; SPT_OVERLAY_ALL: none is. Errors: SPT_ECONFIG a key leads through what is not a section; SPT_ENOMEM. */
spt_status spt_overlay_make(const spt_config *config, const spt_axes *axes, size_t run, size_t without, spt_pool *pool,
                            const spt_node **root, spt_error *err);

#endif
