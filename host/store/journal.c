#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/io.h"

#define JOURNAL_MAGIC "SPTJRNL\n"
#define ENTRY_MAGIC   0x59525445u /* "ETRY" */

enum { JOURNAL_VERSION = 1 };

typedef struct file_header {
    char magic[8];
    uint32_t version, bytes;
    uint64_t id;
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES];
    uint32_t reserved, crc;
} file_header;

_Static_assert(sizeof(file_header) == 64, "the journal's header has no padding");
_Static_assert(sizeof(spt_entry_header) == 40, "an entry's header has no padding");

static const uint64_t FIRST_ENTRY = sizeof(file_header);

static uint32_t file_header_crc(const file_header *header) {
    return spt_io_crc(0, header, offsetof(file_header, crc));
}

static uint32_t entry_header_crc(const spt_entry_header *header, uint64_t journal_id, uint64_t offset) {
    uint32_t crc = spt_io_crc(0, &journal_id, sizeof journal_id);
    crc = spt_io_crc(crc, &offset, sizeof offset);
    return spt_io_crc(crc, header, offsetof(spt_entry_header, header_crc));
}

/* A number that two journals do not share: the clock and the process. */
static uint64_t make_id(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t id = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return (id << 16) ^ (uint64_t)getpid() ^ (id >> 48);
}

size_t spt_entry_bytes(size_t payload_bytes) {
    return sizeof(spt_entry_header) + payload_bytes;
}

void spt_journal_close(spt_journal *journal) {
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    *journal = (spt_journal){.fd = -1};
}

static spt_status write_beginning(spt_journal *journal, const char *identity, spt_error *err) {
    file_header header = {.magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION, .bytes = sizeof header};
    header.id = journal->id;
    memcpy(header.fingerprint, journal->fingerprint, sizeof header.fingerprint);
    header.crc = file_header_crc(&header);
    spt_status status = spt_io_write(journal->fd, journal->path, &header, sizeof header, 0, err);
    if (status != SPT_OK)
        return status;

    size_t length = strlen(identity);
    char *entry = malloc(spt_entry_bytes(length));
    if (entry == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu bytes", journal->path, length);
    memcpy(entry + spt_entry_bytes(0), identity, length);
    journal->end = FIRST_ENTRY;
    spt_entry placed;
    status = spt_journal_append(journal, SPT_ENTRY_IDENTITY, 0, 0, entry, length, &placed, err);
    if (status == SPT_OK)
        status = spt_journal_sync(journal, err);
    free(entry);
    return status;
}

spt_status spt_journal_create(spt_journal *journal, const char *folder, const unsigned char *fingerprint,
                              const char *identity, spt_error *err) {
    *journal = (spt_journal){.fd = -1, .id = make_id()};
    memcpy(journal->fingerprint, fingerprint, SPT_FINGERPRINT_BYTES);
    spt_status status = SPT_OK;
    char *unfinished = spt_io_path(folder, "journal.new");
    journal->path = spt_io_path(folder, "journal");
    if (unfinished == NULL || journal->path == NULL) {
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder);
        goto done;
    }
    journal->fd = spt_io_open(unfinished, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (journal->fd < 0) {
        status = spt_fail(err, SPT_EIO, "%s: cannot be created: %s", unfinished, strerror(errno));
        goto done;
    }
    status = write_beginning(journal, identity, err);
    if (status == SPT_OK && rename(unfinished, journal->path) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be renamed: %s", unfinished, strerror(errno));
    if (status == SPT_OK)
        status = spt_io_sync_folder(folder, err);
    else
        unlink(unfinished);
done:
    free(unfinished);
    if (status != SPT_OK)
        spt_journal_close(journal);
    return status;
}

/* The identity entry into *identity; *whole is false when the file ends within it. */
static spt_status read_identity(spt_journal *journal, char **identity, bool *whole, spt_error *err) {
    spt_entry_header header;
    size_t got;
    *whole = false;
    spt_status status = spt_io_read(journal->fd, journal->path, &header, sizeof header, FIRST_ENTRY, &got, err);
    if (status != SPT_OK || got < sizeof header)
        return status;
    if (header.magic != ENTRY_MAGIC || header.kind != SPT_ENTRY_IDENTITY ||
        header.header_crc != entry_header_crc(&header, journal->id, FIRST_ENTRY) || header.payload_bytes > SIZE_MAX - 1)
        return spt_fail(err, SPT_ECORRUPT, "%s: damaged at byte %zu; --force starts anew", journal->path,
                        (size_t)FIRST_ENTRY);
    size_t length = (size_t)header.payload_bytes;
    char *text = malloc(length + 1);
    if (text == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu bytes", journal->path, length);
    uint64_t start = FIRST_ENTRY + sizeof header;
    status = spt_io_read(journal->fd, journal->path, text, length, start, &got, err);
    if (status == SPT_OK && got == length && spt_io_crc(0, text, length) != header.payload_crc)
        status = spt_fail(err, SPT_ECORRUPT, "%s: damaged between bytes %llu and %llu; --force starts anew",
                          journal->path, (unsigned long long)start, (unsigned long long)(start + length));
    if (status != SPT_OK || got < length) {
        free(text);
        return status;
    }
    text[length] = '\0';
    *identity = text;
    *whole = true;
    journal->end = start + length;
    return SPT_OK;
}

static spt_status open_with(int flags, spt_journal *journal, const char *folder, bool *usable, char **identity,
                            spt_error *err) {
    *journal = (spt_journal){.fd = -1};
    *usable = false;
    *identity = NULL;
    spt_status status = SPT_OK;
    file_header header;
    size_t got;
    journal->path = spt_io_path(folder, "journal");
    if (journal->path == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder);
    journal->fd = spt_io_open(journal->path, flags, 0);
    if (journal->fd < 0) {
        if (errno != ENOENT)
            status = spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", journal->path, strerror(errno));
        goto done;
    }
    status = spt_io_read(journal->fd, journal->path, &header, sizeof header, 0, &got, err);
    if (status != SPT_OK || got < sizeof header)
        goto done;
    if (memcmp(header.magic, JOURNAL_MAGIC, sizeof header.magic) != 0 || header.crc != file_header_crc(&header)) {
        status = spt_fail(err, SPT_ECORRUPT, "%s: damaged in its first %zu bytes; --force starts anew", journal->path,
                          sizeof header);
        goto done;
    }
    if (header.version != JOURNAL_VERSION) {
        status = spt_fail(err, SPT_EDATA, "%s: journal version %u, this program writes %d; --force starts anew",
                          journal->path, header.version, JOURNAL_VERSION);
        goto done;
    }
    journal->id = header.id;
    memcpy(journal->fingerprint, header.fingerprint, sizeof header.fingerprint);
    status = read_identity(journal, identity, usable, err);
done:
    if (!*usable)
        spt_journal_close(journal);
    return status;
}

spt_status spt_journal_open(spt_journal *journal, const char *folder, bool *usable, char **identity, spt_error *err) {
    return open_with(O_RDWR, journal, folder, usable, identity, err);
}

spt_status spt_journal_open_to_read(spt_journal *journal, const char *folder, bool *usable, char **identity,
                                    spt_error *err) {
    return open_with(O_RDONLY, journal, folder, usable, identity, err);
}

/* A file read from front to back through a window. */
typedef struct window {
    const spt_journal *journal;
    unsigned char *bytes; /* (WINDOW_BYTES) */
    uint64_t start;       /* in the file, of the window */
    size_t filled;
} window;

enum { WINDOW_BYTES = 1 << 20 };

/* Up to count bytes at offset, not before the window's start; *got is less at the end of the window or of the file. */
static spt_status look(window *w, uint64_t offset, size_t count, const unsigned char **bytes, size_t *got,
                       spt_error *err) {
    if (count > WINDOW_BYTES)
        count = WINDOW_BYTES;
    if (offset - w->start + count > w->filled) {
        w->start = offset;
        spt_status status =
            spt_io_read(w->journal->fd, w->journal->path, w->bytes, WINDOW_BYTES, offset, &w->filled, err);
        if (status != SPT_OK)
            return status;
    }
    size_t skipped = (size_t)(offset - w->start);
    *bytes = w->bytes + skipped;
    *got = w->filled - skipped < count ? w->filled - skipped : count;
    return SPT_OK;
}

/* The entry at offset; *good is false when it is not whole. */
static spt_status check_entry(window *w, uint64_t offset, spt_entry *entry, bool *good, spt_error *err) {
    const unsigned char *bytes;
    size_t got;
    *good = false;
    *entry = (spt_entry){.offset = offset};
    spt_status status = look(w, offset, sizeof entry->header, &bytes, &got, err);
    if (status != SPT_OK || got < sizeof entry->header)
        return status;
    memcpy(&entry->header, bytes, sizeof entry->header);
    if (entry->header.magic != ENTRY_MAGIC ||
        entry->header.header_crc != entry_header_crc(&entry->header, w->journal->id, offset))
        return SPT_OK;

    uint64_t next = offset + sizeof entry->header, left = entry->header.payload_bytes;
    uint32_t crc = 0;
    while (left > 0) {
        status = look(w, next, left > WINDOW_BYTES ? WINDOW_BYTES : (size_t)left, &bytes, &got, err);
        if (status != SPT_OK || got == 0)
            return status;
        crc = spt_io_crc(crc, bytes, got);
        next += got;
        left -= got;
    }
    *good = crc == entry->header.payload_crc;
    return SPT_OK;
}

spt_status spt_journal_visit_new(spt_journal *journal, spt_journal_visit visit, void *user, spt_error *err) {
    window w = {.journal = journal, .bytes = malloc(WINDOW_BYTES), .start = journal->end};
    if (w.bytes == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for %d bytes", journal->path, WINDOW_BYTES);
    spt_status status = SPT_OK;
    for (bool good = true; status == SPT_OK && good;) {
        spt_entry entry;
        status = check_entry(&w, journal->end, &entry, &good, err);
        if (status != SPT_OK || !good)
            break;
        status = visit(&entry, user, err);
        journal->end += sizeof entry.header + entry.header.payload_bytes;
    }
    free(w.bytes);
    return status;
}

spt_status spt_journal_scan(spt_journal *journal, spt_journal_visit visit, void *user, spt_error *err) {
    spt_status status = spt_journal_visit_new(journal, visit, user, err);
    if (status == SPT_OK && ftruncate(journal->fd, (off_t)journal->end) != 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be cut to %llu bytes: %s", journal->path,
                          (unsigned long long)journal->end, strerror(errno));
    return status;
}

spt_status spt_journal_append(spt_journal *journal, spt_entry_kind kind, uint64_t run, uint64_t index, void *entry,
                              size_t payload_bytes, spt_entry *placed, spt_error *err) {
    const char *payload = (char *)entry + sizeof(spt_entry_header);
    *placed = (spt_entry){.header = {.magic = ENTRY_MAGIC,
                                     .kind = (uint32_t)kind,
                                     .run = run,
                                     .index = index,
                                     .payload_bytes = payload_bytes,
                                     .payload_crc = spt_io_crc(0, payload, payload_bytes)},
                          .offset = journal->end};
    placed->header.header_crc = entry_header_crc(&placed->header, journal->id, journal->end);
    memcpy(entry, &placed->header, sizeof placed->header);
    spt_status status =
        spt_io_write(journal->fd, journal->path, entry, spt_entry_bytes(payload_bytes), journal->end, err);
    if (status == SPT_OK)
        journal->end += spt_entry_bytes(payload_bytes);
    else if (ftruncate(journal->fd, (off_t)journal->end) != 0) {
        /* The piece that was written stays, and the next scan cuts it off. */
    }
    return status;
}

spt_status spt_journal_read(const spt_journal *journal, uint64_t offset, spt_entry_kind kind, uint64_t run,
                            uint64_t index, void *entry, size_t capacity, size_t *payload_bytes, spt_error *err) {
    size_t got;
    spt_status status = spt_io_read(journal->fd, journal->path, entry, spt_entry_bytes(capacity), offset, &got, err);
    if (status != SPT_OK)
        return status;
    spt_entry_header header;
    bool good = got >= sizeof header;
    if (good) {
        memcpy(&header, entry, sizeof header);
        good = header.magic == ENTRY_MAGIC && header.header_crc == entry_header_crc(&header, journal->id, offset) &&
               header.kind == (uint32_t)kind && header.run == run && header.index == index &&
               header.payload_bytes <= got - sizeof header &&
               spt_io_crc(0, (char *)entry + sizeof header, (size_t)header.payload_bytes) == header.payload_crc;
    }
    if (!good)
        return spt_fail(
            err, SPT_ECORRUPT,
            "%s: the entry at byte %llu is damaged, though it was whole before; resume to redo what it held",
            journal->path, (unsigned long long)offset);
    *payload_bytes = (size_t)header.payload_bytes;
    return SPT_OK;
}

spt_status spt_journal_sync(const spt_journal *journal, spt_error *err) {
    return spt_io_sync(journal->fd, journal->path, err);
}
