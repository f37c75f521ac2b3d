#include "store/state_slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/io.h"

#define FILE_MAGIC 0x0a45544154535453u /* "STSTATE\n" */
#define SLOT_MAGIC 0x544f4c5345544153u /* "SATESLOT" */

enum { FIRST_REGION = 4096, SLOT_ALIGN = 512, CHECK_BYTES = 1 << 20 };

typedef struct file_header {
    uint64_t magic, journal_id;
    uint32_t reserved, crc;
} file_header;

_Static_assert(sizeof(spt_slot_header) == 64, "a slot's header has no padding");

size_t spt_slot_bytes(const spt_slots *slots, size_t run) {
    return sizeof(spt_slot_header) + slots->arenas[run].bytes;
}

static uint64_t slot_offset(const spt_slots *slots, size_t run, size_t k) {
    return FIRST_REGION + k * slots->region + slots->place[run];
}

static uint32_t slot_header_crc(const spt_slot_header *header) {
    return spt_io_crc(0, header, offsetof(spt_slot_header, header_crc));
}

void spt_slots_close(spt_slots *slots) {
    if (slots->fd >= 0)
        close(slots->fd);
    free(slots->path);
    free(slots->place);
    free(slots->runs);
    *slots = (spt_slots){.fd = -1};
}

/* Regions of equal size: each run at its place in all three. */
static void lay_out(spt_slots *slots) {
    for (size_t r = 0; r < slots->n_runs; r++) {
        slots->place[r] = slots->region;
        slots->region += (spt_slot_bytes(slots, r) + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
    }
}

/* Whether the file is of this journal; if not it is emptied and gets our header. */
static spt_status claim_file(spt_slots *slots, bool *had_states, spt_error *err) {
    file_header header;
    size_t got;
    spt_status status = spt_io_read(slots->fd, slots->path, &header, sizeof header, 0, &got, err);
    if (status != SPT_OK)
        return status;
    *had_states = got == sizeof header && header.magic == FILE_MAGIC && header.journal_id == slots->journal_id &&
                  header.crc == spt_io_crc(0, &header, offsetof(file_header, crc));
    if (*had_states)
        return SPT_OK;
    if (ftruncate(slots->fd, 0) != 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be emptied: %s", slots->path, strerror(errno));
    header = (file_header){.magic = FILE_MAGIC, .journal_id = slots->journal_id};
    header.crc = spt_io_crc(0, &header, offsetof(file_header, crc));
    return spt_io_write(slots->fd, slots->path, &header, sizeof header, 0, err);
}

spt_status spt_slots_open(spt_slots *slots, const char *folder, uint64_t journal_id, const spt_store_spec *spec,
                          spt_error *err) {
    *slots = (spt_slots){.fd = -1, .journal_id = journal_id, .n_runs = spec->n_runs, .arenas = spec->arenas};
    slots->path = spt_io_path(folder, "state");
    slots->place = calloc(spec->n_runs + 1, sizeof *slots->place);
    slots->runs = calloc(spec->n_runs + 1, sizeof *slots->runs);
    spt_status status = SPT_OK;
    bool had_states = false;
    if (slots->path == NULL || slots->place == NULL || slots->runs == NULL) {
        status =
            spt_fail(err, SPT_ENOMEM, "%s: no memory to keep track of the states of %zu runs", folder, spec->n_runs);
        goto done;
    }
    lay_out(slots);
    slots->fd = spt_io_open(slots->path, O_RDWR | O_CREAT, 0666);
    if (slots->fd < 0)
        status = spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", slots->path, strerror(errno));
    if (status == SPT_OK)
        status = claim_file(slots, &had_states, err);
    if (status == SPT_OK)
        status = spt_io_sync(slots->fd, slots->path, err);
    if (status == SPT_OK)
        status = spt_io_sync_folder(folder, err); /* its name too */
    for (size_t r = 0; r < slots->n_runs; r++)
        slots->runs[r] = (spt_run_slots){.settled = !had_states, .newest = -1, .durable = -1};
done:
    if (status != SPT_OK)
        spt_slots_close(slots);
    return status;
}

/* Whether slot k of a run is whole. A slot that the journal reaches but that is damaged is just not whole. */
static spt_status check_slot(const spt_slots *slots, size_t run, size_t k, spt_slot_header *header, bool *whole,
                             spt_error *err) {
    uint64_t offset = slot_offset(slots, run, k);
    size_t got;
    *whole = false;
    spt_status status = spt_io_read(slots->fd, slots->path, header, sizeof *header, offset, &got, err);
    if (status != SPT_OK || got < sizeof *header || header->magic != SLOT_MAGIC ||
        header->header_crc != slot_header_crc(header) || header->journal_id != slots->journal_id ||
        header->run != run || header->generation == 0 || header->bytes != slots->arenas[run].bytes)
        return status;

    size_t room = header->bytes < CHECK_BYTES ? (size_t)header->bytes : CHECK_BYTES;
    unsigned char *bytes = malloc(room);
    if (bytes == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu bytes", slots->path, room);
    uint32_t crc = 0;
    uint64_t done = 0;
    while (done < header->bytes && status == SPT_OK) {
        uint64_t left = header->bytes - done;
        status = spt_io_read(slots->fd, slots->path, bytes, left < room ? (size_t)left : room,
                             offset + sizeof *header + done, &got, err);
        if (got == 0)
            break;
        crc = spt_io_crc(crc, bytes, got);
        done += got;
    }
    free(bytes);
    *whole = status == SPT_OK && done == header->bytes && crc == header->payload_crc;
    return status;
}

spt_status spt_slots_settle(spt_slots *slots, const spt_catalog *catalog, size_t run, spt_error *err) {
    spt_run_slots *state = &slots->runs[run];
    spt_status status = SPT_OK;
    for (int8_t k = 0; k < SPT_STORE_STATE_SLOTS && !state->settled && status == SPT_OK; k++) {
        spt_slot_header header;
        bool whole;
        status = check_slot(slots, run, (size_t)k, &header, &whole, err);
        if (status != SPT_OK || !whole)
            continue;
        state->generation[k] = header.generation;
        state->step[k] = header.step;
        if (header.generation > state->last_number)
            state->last_number = header.generation;
        bool newer =
            state->newest < 0 || header.step > state->step[state->newest] ||
            (header.step == state->step[state->newest] && header.generation > state->generation[state->newest]);
        if (newer && spt_catalog_reaches(catalog, run, header.step, NULL, NULL))
            state->newest = k;
    }
    if (status != SPT_OK || state->settled)
        return status;
    state->durable = state->newest;
    state->settled = true;
    return SPT_OK;
}

spt_status spt_slots_read(const spt_slots *slots, size_t run, void *state, spt_error *err) {
    size_t k = (size_t)slots->runs[run].newest, bytes = slots->arenas[run].bytes, got = 0;
    uint64_t offset = slot_offset(slots, run, k);
    spt_slot_header header;
    spt_status status = spt_io_read(slots->fd, slots->path, &header, sizeof header, offset, &got, err);
    if (status == SPT_OK && got == sizeof header)
        status = spt_io_read(slots->fd, slots->path, state, bytes, offset + sizeof header, &got, err);
    if (status == SPT_OK && (got < bytes || header.header_crc != slot_header_crc(&header) ||
                             header.payload_crc != spt_io_crc(0, state, bytes)))
        status = spt_fail(err, SPT_ECORRUPT,
                          "%s: the state of run %zu at byte %llu is damaged, though it was whole "
                          "before",
                          slots->path, run, (unsigned long long)offset);
    return status;
}

/* The slot to write next: neither the newest nor the durable one, and of the rest the oldest. */
static int8_t free_slot(const spt_run_slots *state) {
    int8_t chosen = -1;
    for (int8_t k = 0; k < SPT_STORE_STATE_SLOTS; k++)
        if (k != state->newest && k != state->durable &&
            (chosen < 0 || state->generation[k] < state->generation[chosen]))
            chosen = k;
    return chosen;
}

spt_status spt_slots_write(spt_slots *slots, size_t run, void *slot, spt_error *err) {
    spt_run_slots *state = &slots->runs[run];
    int8_t k = free_slot(state);
    char *arena = (char *)slot + sizeof(spt_slot_header);
    spt_run_counters counters;
    memcpy(&counters, arena + slots->arenas[run].counters_offset, sizeof counters);

    spt_slot_header header = {.magic = SLOT_MAGIC, .journal_id = slots->journal_id, .run = run};
    header.generation = state->last_number + 1;
    header.step = counters.step;
    header.bytes = slots->arenas[run].bytes;
    header.payload_crc = spt_io_crc(0, arena, slots->arenas[run].bytes);
    header.header_crc = slot_header_crc(&header);
    memcpy(slot, &header, sizeof header);

    state->generation[k] = 0;
    spt_status status =
        spt_io_write(slots->fd, slots->path, slot, spt_slot_bytes(slots, run), slot_offset(slots, run, (size_t)k), err);
    if (status != SPT_OK)
        return status;
    state->last_number = header.generation;
    state->generation[k] = header.generation;
    state->step[k] = header.step;
    state->newest = k;
    return SPT_OK;
}

spt_status spt_slots_sync(spt_slots *slots, spt_error *err) {
    spt_status status = spt_io_sync(slots->fd, slots->path, err);
    for (size_t r = 0; r < slots->n_runs && status == SPT_OK; r++)
        if (slots->runs[r].settled)
            slots->runs[r].durable = slots->runs[r].newest;
    return status;
}
