/* An open store, shared by open.c, store.c and finish.c. */
#ifndef SPT_HOST_STORE_STORE_INTERNAL_H
#define SPT_HOST_STORE_STORE_INTERNAL_H

#include "spectrain/store.h"
#include "store/catalog.h"
#include "store/journal.h"
#include "store/output.h"
#include "store/state_slots.h"
#include "store/writer.h"

struct spt_store {
    spt_output output;
    spt_store_spec spec;
    spt_journal journal; /* these three are the writer's, except while it is held */
    spt_catalog catalog;
    spt_slots slots;
    spt_writer *writer;
    bool *dataset_put;  /* (n_datasets) */
    bool *diverged_put; /* (n_runs) that the run diverged is in the journal, or on its way */
    bool published;     /* FILE.h5 is there, not complete, and needs the folder */
    bool finished;      /* FILE.h5 is complete and the folder is gone */
};

/** Close the journal and the states, remove them and what else a store keeps in its folder, give back the lock, remove
 *  the folder. Only while the lock is held, and the writer is at rest or gone. Whatever cannot be removed stays. */
void spt_store_remove_folder(spt_store *store);

#endif
