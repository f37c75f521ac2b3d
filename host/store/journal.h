/* The journal: an append-only file of checksummed entries, FILE.h5.part/journal.
 *
 *   header     64 bytes: magic, version, the journal's id, the fingerprint of what it is for, crc32
 *   entries    one after the other: spt_entry_header, then payload
 *
 * The header and the first entry (the identity: what the journal is for, in words) are written under another name and
 * renamed, so that a journal has both or does not exist. Everything after is appended, and an entry counts when its two
 * checksums hold. An entry's header is summed together with the journal's id and its own place in the file, so
 * that neither stale blocks of a disk nor a piece of another journal can pass for one.
 *
 * Not safe for two threads at once. */
#ifndef SPT_HOST_STORE_JOURNAL_H
#define SPT_HOST_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spectrain/error.h"

typedef enum spt_entry_kind {
    SPT_ENTRY_IDENTITY = 1,    /* text */
    SPT_ENTRY_DATASET = 2,     /* a piece of a data set: run = data set, index = which piece */
    SPT_ENTRY_DATASET_END = 3, /* its last piece */
    SPT_ENTRY_RECORD = 4,      /* pack.h */
    SPT_ENTRY_SNAPSHOT = 5,    /* pack.h */
    SPT_ENTRY_DIVERGED = 6     /* index = the step; no payload */
} spt_entry_kind;

typedef struct spt_entry_header {
    uint32_t magic, kind;
    uint64_t run, index, payload_bytes;
    uint32_t payload_crc, header_crc;
} spt_entry_header;

enum { SPT_FINGERPRINT_BYTES = 32 };

typedef struct spt_journal {
    int fd; /* -1 when closed */
    char *path;
    uint64_t id;
    uint64_t end; /* where the next entry goes */
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES];
} spt_journal;

/** An entry as it lies in the file. */
typedef struct spt_entry {
    spt_entry_header header;
    uint64_t offset; /* of the header */
} spt_entry;

typedef spt_status (*spt_journal_visit)(const spt_entry *entry, void *user, spt_error *err);

/** Make folder/journal with its header and identity, replacing one that is there in one step, synced. The journal is
 *  the caller's (spt_journal_close). Errors: SPT_EIO, SPT_ENOMEM; then no journal was made or replaced. */
spt_status spt_journal_create(spt_journal *journal, const char *folder, const unsigned char *fingerprint,
                              const char *identity, spt_error *err);

/** Open folder/journal and read what it is for; changes nothing. *usable is false, and nothing is open, when there is
 *  none or it ends before its identity does: then nothing was ever recorded. *identity is malloc'd, the caller's.
 *  Errors: SPT_ECORRUPT damaged at the beginning, SPT_EDATA of another version, SPT_EIO, SPT_ENOMEM. */
spt_status spt_journal_open(spt_journal *journal, const char *folder, bool *usable, char **identity, spt_error *err);

/** The same for a reader beside the writer: the file cannot be changed through *journal, which goes to
 *  spt_journal_visit_new, spt_journal_read and spt_journal_close only. */
spt_status spt_journal_open_to_read(spt_journal *journal, const char *folder, bool *usable, char **identity,
                                    spt_error *err);

/** Visit the good entries that were not visited yet, in order, up to the first that is not whole: it is being written,
 *  or its writer was killed. Changes nothing, and may be called again and again while the journal grows. Bounded
 *  memory. Errors: what visit returns, SPT_EIO, SPT_ENOMEM. */
spt_status spt_journal_visit_new(spt_journal *journal, spt_journal_visit visit, void *user, spt_error *err);

/** Visit every good entry after the identity, in order; stop at the first bad one and cut the file there. Bounded
 *  memory. Errors: what visit returns, SPT_EIO. */
spt_status spt_journal_scan(spt_journal *journal, spt_journal_visit visit, void *user, spt_error *err);

/** Append an entry: entry is room for a header followed by payload_bytes of payload; the header is filled in here.
 *  *placed is what a scan would meet. Errors: SPT_EIO; what was written of the entry is cut off again. */
spt_status spt_journal_append(spt_journal *journal, spt_entry_kind kind, uint64_t run, uint64_t index, void *entry,
                              size_t payload_bytes, spt_entry *placed, spt_error *err);

/** Bytes of an entry with that payload. */
size_t spt_entry_bytes(size_t payload_bytes);

/** Read the entry at offset, with its header, into entry (spt_entry_bytes(capacity), caller's), and check it.
 *  Errors: SPT_ECORRUPT not the entry that was there, or larger than capacity; SPT_EIO. */
spt_status spt_journal_read(const spt_journal *journal, uint64_t offset, spt_entry_kind kind, uint64_t run,
                            uint64_t index, void *entry, size_t capacity, size_t *payload_bytes, spt_error *err);

spt_status spt_journal_sync(const spt_journal *journal, spt_error *err);

/** Takes one that is closed, or zeroed with fd -1. */
void spt_journal_close(spt_journal *journal);

#endif
