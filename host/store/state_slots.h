/* The states of the runs: FILE.h5.part/state, three checksummed slots a run, written in turn.
 *
 * The invariant: at every moment, after a kill and after a loss of power alike, each run that was ever synced has a
 * slot that is whole and whose records and snapshots are all in the journal.
 *
 * The writer thread writes in the order of the puts: the entries of a record first, then the state that follows them.
 *
 *   A kill leaves all that was written, in that order, but may tear the write that it meets. That write never goes to
 *   the newest slot. So the newest whole slot is the last state or the one before, and the journal reaches it.
 *
 *   A loss of power leaves what was synced, and any part of the rest. A sync first syncs the journal, then the states;
 *   after both, every run's newest slot is durable together with all the entries that it needs. Until the next
 *   sync nothing writes to that slot. So it is whole after any loss of power, and the journal, which is only ever
 *   appended to, still holds those entries: its damaged end, if there is one, begins after them.
 *
 * Newest and durable are two slots at most; the third is always free to be written. So the store may sync as seldom as
 * it likes, and never has to sync before it can write. Two slots would not do: either each state waits for a sync of
 * the one before, or the newest gets overwritten. A slot that is whole but ahead of the journal (its entries
 * were lost) is passed over; it is not wrong, for the same entries come again with the same bits.
 *
 * Not safe for two threads at once. */
#ifndef SPT_HOST_STORE_STATE_SLOTS_H
#define SPT_HOST_STORE_STATE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spectrain/store.h"
#include "store/catalog.h"

typedef struct spt_slot_header {
    uint64_t magic, journal_id, run, generation, step, bytes; /* bytes: of the arena, which follows */
    uint32_t reserved[2];
    uint32_t payload_crc, header_crc;
} spt_slot_header;

typedef struct spt_run_slots {
    uint64_t generation[SPT_STORE_STATE_SLOTS]; /* 0: nothing whole in it */
    uint64_t step[SPT_STORE_STATE_SLOTS];
    bool settled;         /* the above is known */
    int8_t newest;        /* -1: none */
    int8_t durable;       /* -1: none */
    uint64_t last_number; /* highest generation ever seen */
} spt_run_slots;

typedef struct spt_slots {
    int fd;
    char *path;
    uint64_t journal_id;
    size_t n_runs;
    const spt_arena *arenas; /* (n_runs) borrowed */
    uint64_t *place;         /* (n_runs) of a run within a region */
    uint64_t region;     /* bytes: slot k of every run lies in region k, so that no two slots of a run share a page */
    spt_run_slots *runs; /* (n_runs) */
} spt_slots;

/** Open folder/state, or make it. One that belongs to another journal is emptied. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_slots_open(spt_slots *slots, const char *folder, uint64_t journal_id, const spt_store_spec *spec,
                          spt_error *err);
void spt_slots_close(spt_slots *slots);

/** Find out what the slots of a run hold, and choose the newest that the journal reaches; once, later calls return at
 *  once. The file was synced since it was opened. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_slots_settle(spt_slots *slots, const spt_catalog *catalog, size_t run, spt_error *err);

/** The newest state of a settled run into state (arenas[run].bytes). Errors: SPT_ECORRUPT, SPT_EIO, SPT_ENOMEM. */
spt_status spt_slots_read(const spt_slots *slots, size_t run, void *state, spt_error *err);

/** Bytes of a slot, and write one of a settled run: slot is room for a header, then the arena. Errors: SPT_EIO. */
size_t spt_slot_bytes(const spt_slots *slots, size_t run);
spt_status spt_slots_write(spt_slots *slots, size_t run, void *slot, spt_error *err);

/** Sync; the newest slot of each run is durable then. The journal must have been synced just before. */
spt_status spt_slots_sync(spt_slots *slots, spt_error *err);

#endif
