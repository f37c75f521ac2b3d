/* Fuzz target: what an interrupted sweep has left in FILE.h5.part, the journal and the states.
 *
 * Byte 0 says what the rest is: a journal as it lies on the disk; entries that get good checksums, so that what they
 * hold is reached; a file of states; states that get good checksums. Damage must be an error of one line, or nothing;
 * what is read must be what was put. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/catalog.h"
#include "store/dataset_stream.h"
#include "store/io.h"
#include "store/journal.h"
#include "store/pack.h"
#include "store/progress.h"
#include "store/state_slots.h"

enum { JOURNAL, ENTRIES, STATES, SUMMED_STATES, KINDS, N_RUNS = 2, ENTRY_HEAD = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static bool is_good(spt_status status, const spt_error *err) {
    if (status == SPT_OK)
        return true;
    require(err->status == status && err->message[0] != '\0' && strchr(err->message, '\n') == NULL);
    require(status == SPT_ECORRUPT || status == SPT_EDATA || status == SPT_ENOMEM);
    return false;
}

/* ---- a sweep of two small runs, and a folder */

static char folder[64];
static spt_model_spec models[N_RUNS];
static spt_arena arenas[N_RUNS];
static uint64_t epochs[] = {0, 1, 3}, steps_per_epoch[N_RUNS] = {2, 2};
static uint32_t run_dataset[N_RUNS];
static spt_store_spec spec;

static void remove_folder(void) {
    static const char *const names[] = {"journal", "state", "progress"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = spt_io_path(folder, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(folder);
}

static void set_up(void) {
    static const spt_optimizer optimizer = {.kind = SPT_OPTIMIZER_SGD, .lr = 0.1, .momentum = 0.9};
    snprintf(folder, sizeof folder, "%s/fuzz-journal-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    for (size_t r = 0; r < N_RUNS; r++) {
        models[r] = (spt_model_spec){.inputs = 2, .width = 1 + r, .hidden_layers = 1, .outputs = 1};
        require(spt_arena_layout(&models[r], &optimizer, &arenas[r], NULL) == SPT_OK);
    }
    spec = (spt_store_spec){.n_runs = N_RUNS,
                            .models = models,
                            .arenas = arenas,
                            .steps_per_epoch = steps_per_epoch,
                            .run_dataset = run_dataset,
                            .n_datasets = 1,
                            .records = {.n = 3, .epoch = epochs},
                            .snapshots = {.n = 3, .epoch = epochs}};
}

static void put_file(const char *name, const void *bytes, size_t size) {
    char *path = spt_io_path(folder, name);
    int fd = spt_io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && spt_io_write(fd, path, bytes, size, 0, NULL) == SPT_OK);
    close(fd);
    free(path);
}

/* ---- the journal */

static spt_status add(const spt_entry *entry, void *catalog, spt_error *err) {
    return spt_catalog_add(catalog, entry, err);
}

static void read_dataset(const spt_journal *journal, const spt_catalog *catalog) {
    spt_error err = {0};
    spt_kept_dataset kept;
    char block[64];
    spt_status status = spt_kept_open(journal, catalog, 0, &kept, &err);
    while (is_good(status, &err)) /* ends with the stream */
        status = spt_kept_read(&kept, block, sizeof block, &err);
    spt_kept_close(&kept);
}

static void read_records(const spt_journal *journal, const spt_catalog *catalog) {
    spt_error err = {0};
    size_t got;
    for (size_t r = 0; r < N_RUNS; r++) {
        size_t bytes = spt_record_bytes(&spec, r);
        void *entry = malloc(spt_entry_bytes(bytes));
        for (size_t i = 0; entry != NULL && i < spec.records.n; i++)
            if (spt_catalog_record(catalog, r, i) != 0) /* a scan has just found it whole */
                require(spt_journal_read(journal, spt_catalog_record(catalog, r, i), SPT_ENTRY_RECORD, r, i, entry,
                                         bytes, &got, &err) == SPT_OK &&
                        got == bytes);
        free(entry);
    }
}

static void read_journal(void) {
    spt_error err = {0};
    spt_journal journal;
    spt_catalog catalog;
    bool usable;
    char *identity;
    if (!is_good(spt_journal_open(&journal, folder, &usable, &identity, &err), &err) || !usable)
        return;
    require(spt_catalog_create(&catalog, &spec, &err) == SPT_OK);
    if (is_good(spt_journal_scan(&journal, add, &catalog, &err), &err)) {
        read_records(&journal, &catalog);
        if (catalog.datasets[0].whole)
            read_dataset(&journal, &catalog);
    }
    spt_catalog_free(&catalog);
    free(identity);
    spt_journal_close(&journal);
}

/* kind, run, index, size in two bytes; then what it holds, up to the end of the input. */
static void append_entries(const uint8_t *bytes, size_t size) {
    static const unsigned char fingerprint[SPT_FINGERPRINT_BYTES];
    spt_error err = {0};
    spt_journal journal;
    spt_entry placed;
    require(spt_journal_create(&journal, folder, fingerprint, "of nothing", &err) == SPT_OK);
    for (size_t at = 0; size - at >= ENTRY_HEAD;) {
        const uint8_t *head = bytes + at;
        size_t left = size - at - ENTRY_HEAD, count = (size_t)head[3] | (size_t)head[4] << 8;
        count = count < left ? count : left;
        unsigned char *entry = malloc(spt_entry_bytes(count));
        require(entry != NULL);
        memcpy(entry + spt_entry_bytes(0), head + ENTRY_HEAD, count);
        require(spt_journal_append(&journal, head[0], head[1], head[2], entry, count, &placed, &err) == SPT_OK);
        free(entry);
        at += ENTRY_HEAD + count;
    }
    spt_journal_close(&journal);
}

/* ---- the states */

static void read_states(bool all_recorded, uint64_t journal_id) {
    spt_error err = {0};
    spt_slots slots;
    spt_catalog catalog;
    require(spt_catalog_create(&catalog, &spec, &err) == SPT_OK);
    for (size_t i = 0; all_recorded && i < N_RUNS * spec.records.n; i++)
        catalog.record[i] = catalog.snapshot[i] = 1; /* anywhere but 0 */
    require(spt_slots_open(&slots, folder, journal_id, &spec, &err) == SPT_OK);
    for (size_t r = 0; r < N_RUNS; r++) {
        require(spt_slots_settle(&slots, &catalog, r, &err) == SPT_OK);
        int8_t newest = slots.runs[r].newest;
        void *state = malloc(arenas[r].bytes);
        if (state != NULL && newest >= 0) {
            require(spt_slots_read(&slots, r, state, &err) == SPT_OK);
            require(spt_catalog_reaches(&catalog, r, slots.runs[r].step[newest], NULL, NULL));
        }
        free(state);
    }
    spt_slots_close(&slots);
    spt_catalog_free(&catalog);
}

/* Slots as an input has them, but for their magic and sums; 7 bytes say what a header holds, the state is made of one
 * more. They lie where a sweep of these runs has them. */
static void put_summed_states(const uint8_t *bytes, size_t size, uint64_t journal_id) {
    spt_error err = {0};
    spt_slots slots;
    put_file("state", "", 0);
    require(spt_slots_open(&slots, folder, journal_id, &spec, &err) == SPT_OK);
    for (size_t s = 0; s < (size_t)N_RUNS * SPT_STORE_STATE_SLOTS && size >= 8; s++, bytes += 8, size -= 8) {
        size_t run = s % N_RUNS;
        spt_slot_header *slot = calloc(1, spt_slot_bytes(&slots, run));
        require(slot != NULL);
        memset(slot + 1, bytes[7], arenas[run].bytes);
        slot->magic = 0x544f4c5345544153u;
        slot->journal_id = journal_id + (bytes[0] & 1);
        slot->run = run + (bytes[1] & 1);
        slot->generation = bytes[2];
        slot->step = bytes[3];
        slot->bytes = bytes[4] == 0 ? arenas[run].bytes : (uint64_t)bytes[4] << (bytes[5] % 64);
        slot->payload_crc = spt_io_crc(0, slot + 1, arenas[run].bytes) ^ (bytes[6] & 1);
        slot->header_crc = spt_io_crc(0, slot, offsetof(spt_slot_header, header_crc));
        uint64_t offset = 4096 + s / N_RUNS * slots.region + slots.place[run];
        require(spt_io_write(slots.fd, slots.path, slot, spt_slot_bytes(&slots, run), offset, &err) == SPT_OK);
        free(slot);
    }
    spt_slots_close(&slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    spt_kept_progress progress;
    uint64_t journal_id = 0x1234;
    if (folder[0] == '\0')
        set_up();
    if (size == 0)
        return 0;
    bool flag = bytes[0] & 128;
    switch (bytes[0] % KINDS) {
    case JOURNAL:
        put_file("journal", bytes + 1, size - 1);
        read_journal();
        put_file("progress", bytes + 1, size - 1);
        spt_progress_read(folder, &progress);
        break;
    case ENTRIES:
        append_entries(bytes + 1, size - 1);
        read_journal();
        break;
    case STATES:
        if (size > 16) /* its own journal's, when it begins with one */
            memcpy(&journal_id, bytes + 9, sizeof journal_id);
        put_file("state", bytes + 1, size - 1);
        read_states(flag, journal_id);
        break;
    default:
        put_summed_states(bytes + 1, size - 1, journal_id);
        read_states(flag, journal_id);
        break;
    }
    return 0;
}
