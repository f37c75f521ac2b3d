/* What `info` says of a folder of shards. */
#ifndef SPT_HOST_CLI_SHARDS_VIEW_H
#define SPT_HOST_CLI_SHARDS_VIEW_H

#include <stdbool.h>

#include "spectrain/shard.h"

/** Print how the shards in a folder are; verify: read every byte of those that have a file. Errors: of
 *  spt_shards_look, of spt_file_verify. */
spt_status spt_shards_print(const char *folder, bool verify, spt_error *err);

/** "missing", "done", "running", "lost". */
const char *spt_shard_state_name(spt_shard_state state);

/** "12 done, 2 running, 1 missing, 1 lost": what there is of each, in a text of its own. */
typedef struct spt_shards_text {
    char s[128];
} spt_shards_text;
spt_shards_text spt_shards_counts(const spt_shards_status *status);

#endif
