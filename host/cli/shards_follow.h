/* What `monitor --follow` says of a folder of shards. */
#ifndef SPT_HOST_CLI_SHARDS_FOLLOW_H
#define SPT_HOST_CLI_SHARDS_FOLLOW_H

#include "spectrain/error.h"

/** Print a line when a shard gets into another state, and how all of them are: then, and every minute. Ends when all
 *  are done; shards that are missing or lost are waited for, for a queue may have them. Errors: of spt_shards_look. */
spt_status spt_shards_follow(const char *folder, spt_error *err);

#endif
