/* FILE.h5.devices: the shards of a sweep that the devices of one machine share (shard.h, "the devices of one machine").
 *
 * It holds `config.yaml`, what is run; `lock`; and of each shard I-of-N.h5 or the work on it. The names tell the cut,
 * so that an interrupted sweep is gone on with in the cut in which it was begun. */
#ifndef SPT_HOST_SWEEP_NODE_H
#define SPT_HOST_SWEEP_NODE_H

#include "spectrain/shard.h"
#include "store/lock.h"

typedef struct spt_node_folder {
    char *path;
    size_t n_shards;
    char **shards; /* (n_shards) FILE.h5 of each */
    spt_lock lock;
} spt_node_folder;

/** The folder's name, and nothing else. Errors: SPT_ENOMEM. *folder: spt_node_folder_close, also on error. */
spt_status spt_node_folder_init(spt_node_folder *folder, const char *output, spt_error *err);
bool spt_node_folder_is_there(const spt_node_folder *folder);
/** Make it or take it up, lock it, and put the config there. n_shards is for a new cut. Errors: SPT_EEXIST it is there
 *  (NEW), or in use; SPT_EMISMATCH (RESUME) of another config; SPT_EIO; SPT_ENOMEM. */
spt_status spt_node_folder_open(spt_node_folder *folder, const char *config, size_t n_shards, spt_store_mode mode,
                                spt_error *err);
/** Whether the file of a shard is there and complete. */
bool spt_node_shard_is_done(const spt_node_folder *folder, size_t shard);
/** Whether there is nothing of any shard in it. */
bool spt_node_folder_is_empty(const spt_node_folder *folder);
/** Remove it and what is in it, the locked one of an open folder. What is not ours stays. */
void spt_node_folder_remove(spt_node_folder *folder);
void spt_node_folder_close(spt_node_folder *folder);

#endif
