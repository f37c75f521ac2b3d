/* The writer: a thread that takes what was put, in order, and writes it to the journal and the states.
 *
 * The queue is bounded in bytes. The first error stays: nothing is written after it, so that what is on disk remains
 * a beginning of what was put. Syncs happen now and then, when there is something to sync (state_slots.h says why that
 * is enough), and each looks whether the journal still has its name: nothing is lost later than has to be when somebody
 * removes the folder. A state that waits behind a newer one of the same run is not written. */
#ifndef SPT_HOST_STORE_WRITER_H
#define SPT_HOST_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spectrain/error.h"
#include "store/catalog.h"
#include "store/journal.h"
#include "store/state_slots.h"

typedef struct spt_writer spt_writer;

/** What waits in the queue. bytes follow the struct: room for a header, then the payload. */
typedef struct spt_item {
    struct spt_item *next;
    bool is_state;
    spt_entry_kind kind; /* unless a state */
    uint64_t run, index;
    size_t payload_bytes;
    size_t total_bytes;
} spt_item;

/** An item for an entry of the journal, and for a state of a run; *payload is where to put it. NULL: out of memory. */
spt_item *spt_item_entry(spt_entry_kind kind, uint64_t run, uint64_t index, size_t payload_bytes, void **payload);
spt_item *spt_item_state(const spt_slots *slots, size_t run, void **payload);
void spt_item_free(spt_item *item);

/** Start the thread. journal, catalog and slots are the writer's until it is stopped, except between hold and release;
 *  all three borrowed. Errors: SPT_ENOMEM, SPT_EIO no thread. */
spt_status spt_writer_start(spt_journal *journal, spt_catalog *catalog, spt_slots *slots, size_t queue_bytes,
                            spt_writer **out, spt_error *err);

/** Hand over an item (also on error). Waits while the queue is full. Errors: the writer's first error. */
spt_status spt_writer_put(spt_writer *writer, spt_item *item, spt_error *err);

/** Wait until all that was put is written, and with sync also on disk. Then the thread rests until release.
 *  Errors: the writer's first error; the thread rests then too. */
spt_status spt_writer_hold(spt_writer *writer, bool sync, spt_error *err);
void spt_writer_release(spt_writer *writer);

/** Write what waits, sync, end the thread, free. Takes NULL. */
void spt_writer_stop(spt_writer *writer);

/** Seconds the thread has spent on checksums, writing and syncing. */
double spt_writer_seconds(const spt_writer *writer);

#endif
