/* What an interrupted sweep leaves (FILE.h5.part: journal and state slots), changed by an input that is a list of
 * steps:
 *
 *   x AA BB B    the byte at AA BB of the journal (little-endian, from its begin) is xored with B
 *   X AA BB B    the same of the states
 *   c AA BB      the journal is cut to AA BB bytes; C AA BB the states
 *   e K R I N    an entry of kind K, run R, index I and N bytes, which follow, is appended with its right checksums
 *   p K R I V    the same, but with as many bytes V as that kind has in this sweep
 *   s R S V      a state of run R at step S full of bytes V is put into its next slot, with its right checksums
 *
 * The sweep is gone on with and finished. Nothing may crash, hang or leak. What is refused is refused in one line.
 * After x, X, c and C alone the file that comes out has the bits of an uninterrupted sweep: nothing damaged was taken
 * as good. The other steps make what no kill and no flipped byte can; then the file must still verify. */
#include <fcntl.h>

#include "store/catalog.h"
#include "store/journal.h"
#include "store/pack.h"
#include "store/state_slots.h"
#include "unit/store_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct image {
    size_t size;
    unsigned char *bytes;
} image;

static made_sweep *sweep;
static char path[300], part[310], whole[300], journal_path[330], state_path[330];
static image journal_image, state_image;

static void require(bool holds) {
    if (!holds)
        abort();
}

static void require_ok(spt_status status, const spt_error *err) {
    if (status != SPT_OK)
        fprintf(stderr, "%s\n", err->message);
    require(status == SPT_OK);
}

static bool accepted(spt_status status, const spt_error *err) {
    if (status != SPT_OK)
        require(err->status == status && err->message[0] != '\0' && strchr(err->message, '\n') == NULL);
    return status == SPT_OK;
}

/* ---- what is left, before it is changed */

static image take_image(const char *name) {
    image i = {.size = (size_t)size_of(name)};
    i.bytes = malloc(i.size + 1);
    FILE *file = fopen(name, "rb");
    require(file != NULL && fread(i.bytes, 1, i.size, file) == i.size);
    fclose(file);
    return i;
}

static void put_image(const char *name, const image *i) {
    FILE *file = fopen(name, "wb");
    require(file != NULL && fwrite(i->bytes, 1, i->size, file) == i->size);
    fclose(file);
}

static void remove_folder(void) {
    remove_tree(part);
    unlink(path);
    unlink(whole);
    char *parent = spt_io_parent(path);
    rmdir(parent);
    free(parent);
}

/* Two runs, the second half way. */
static void interrupt(void) {
    spt_error err = {0};
    spt_store *store;
    bool complete;
    const char *folder = make_folder_in_memory();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(whole, sizeof whole, "%s/whole.h5", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(journal_path, sizeof journal_path, "%s/journal", part);
    snprintf(state_path, sizeof state_path, "%s/state", part);
    atexit(remove_folder);
    sweep = make_sweep((sweep_shape){.n_runs = 2,
                                     .n_records = 3,
                                     .n_snapshots = 2,
                                     .n_probes = 1,
                                     .points = 1,
                                     .inputs = 2,
                                     .width = 2,
                                     .train = 3,
                                     .test = 1,
                                     .frequencies = 2});
    write_sweep(whole, sweep, SPT_STORE_NEW);
    require_ok(spt_store_open(path, &sweep->spec, SPT_STORE_NEW, &store, &complete, &err), &err);
    require_ok(put_dataset(store, sweep, 0, &err), &err);
    for (size_t put = 0; put < 5; put++) {
        require_ok(put_run(store, sweep, put / 3, 1, &err), &err);
        require_ok(spt_store_flush(store, &err), &err); /* so that each state gets its slot */
    }
    spt_store_close(store);
    journal_image = take_image(journal_path);
    state_image = take_image(state_path);
}

/* ---- the steps of an input */

typedef struct steps {
    const uint8_t *next, *end;
    bool forged; /* with right checksums, what no sweep wrote */
} steps;

static size_t take(steps *s) {
    return s->next < s->end ? *s->next++ : 0;
}

static void change(steps *s, bool of_states, bool cut) {
    const char *name = of_states ? state_path : journal_path;
    size_t at = take(s), size = (size_t)size_of(name);
    at |= take(s) << 8;
    int fd = spt_io_open(name, O_RDWR, 0);
    unsigned char byte = 0, bits = cut ? 0 : (unsigned char)take(s);
    require(fd >= 0);
    if (cut && at < size)
        require(ftruncate(fd, (off_t)at) == 0);
    else if (!cut && at < size) {
        require(pread(fd, &byte, 1, (off_t)at) == 1);
        byte ^= bits;
        require(pwrite(fd, &byte, 1, (off_t)at) == 1);
    }
    close(fd);
}

static spt_status pass(const spt_entry *entry, void *user, spt_error *err) {
    (void)entry;
    (void)user;
    (void)err;
    return SPT_OK;
}

static size_t usual_bytes(size_t kind, size_t run) {
    if (kind == SPT_ENTRY_RECORD && run < 2)
        return spt_record_bytes(&sweep->spec, run);
    return kind == SPT_ENTRY_SNAPSHOT && run < 2 ? spt_snapshot_bytes(&sweep->spec, run) : 0;
}

static void append(steps *s, bool usual) {
    size_t kind = take(s), run = take(s), index = take(s), fill = take(s);
    size_t count = usual ? usual_bytes(kind, run) : fill;
    char *entry = calloc(1, spt_entry_bytes(count)), *identity = NULL;
    spt_error err = {0};
    spt_journal journal;
    spt_entry placed;
    bool usable;
    require(entry != NULL);
    for (size_t i = 0; i < count; i++)
        entry[spt_entry_bytes(0) + i] = (char)(usual ? fill : take(s));
    if (accepted(spt_journal_open(&journal, part, &usable, &identity, &err), &err) && usable) {
        require_ok(spt_journal_scan(&journal, pass, NULL, &err), &err);
        require_ok(spt_journal_append(&journal, (spt_entry_kind)kind, run, index, entry, count, &placed, &err), &err);
        s->forged = true;
    }
    spt_journal_close(&journal);
    free(identity);
    free(entry);
}

static void put_state(steps *s) {
    size_t run = take(s) % 2, step = take(s);
    int fill = (int)take(s);
    char *slot = calloc(1, sizeof(spt_slot_header) + sweep->arenas[run].bytes), *identity = NULL;
    spt_error err = {0};
    spt_journal journal;
    spt_catalog catalog = {0};
    spt_slots slots = {.fd = -1};
    bool usable;
    require(slot != NULL);
    memset(slot + sizeof(spt_slot_header), fill, sweep->arenas[run].bytes);
    spt_run_counters *counters =
        (spt_run_counters *)(void *)(slot + sizeof(spt_slot_header) + sweep->arenas[run].counters_offset);
    counters->step = step;
    if (accepted(spt_journal_open(&journal, part, &usable, &identity, &err), &err) && usable) {
        require_ok(spt_catalog_create(&catalog, &sweep->spec, &err), &err);
        require_ok(spt_slots_open(&slots, part, journal.id, &sweep->spec, &err), &err);
        require_ok(spt_slots_settle(&slots, &catalog, run, &err), &err);
        require_ok(spt_slots_write(&slots, run, slot, &err), &err);
        spt_slots_close(&slots);
        spt_catalog_free(&catalog);
        s->forged = true;
    }
    spt_journal_close(&journal);
    free(identity);
    free(slot);
}

static void take_step(steps *s) {
    switch (take(s)) {
    case 'x':
        change(s, false, false);
        break;
    case 'X':
        change(s, true, false);
        break;
    case 'c':
        change(s, false, true);
        break;
    case 'C':
        change(s, true, true);
        break;
    case 'e':
        append(s, false);
        break;
    case 'p':
        append(s, true);
        break;
    case 's':
        put_state(s);
        break;
    }
}

/* ---- going on */

static void load_states(spt_store *store, bool forged) {
    for (size_t r = 0; r < sweep->spec.n_runs; r++) {
        void *state = alloc_state(sweep, r), *expected = alloc_state(sweep, r);
        spt_error err = {0};
        bool found = false;
        require(state != NULL && expected != NULL);
        spt_status status = spt_store_state_load(store, r, state, &found, &err);
        if (accepted(status, &err) && found && !forged) {
            fill_state(sweep, r, spt_arena_counters(&sweep->arenas[r], state)->step, expected);
            require(memcmp(state, expected, sweep->arenas[r].bytes) == 0);
        }
        require(forged || status == SPT_OK);
        spt_memory_free(state);
        spt_memory_free(expected);
    }
}

static void finish(spt_store *store, bool forged) {
    spt_error err = {0};
    spt_status status = put_all(store, sweep, &err);
    if (status == SPT_OK)
        status = spt_store_finish(store, true, &err);
    if (!forged)
        require_ok(status, &err);
    if (!accepted(status, &err))
        return;
    require_ok(spt_file_verify(path, &err), &err);
    if (!forged)
        assert_files_equal(path, whole);
}

static void go_on(bool to_the_end, bool forged) {
    spt_error err = {0};
    spt_store *store;
    bool complete;
    if (!accepted(spt_store_open(path, &sweep->spec, SPT_STORE_RESUME, &store, &complete, &err), &err))
        return;
    require(!complete);
    load_states(store, forged);
    if (to_the_end)
        finish(store, forged);
    spt_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    enum { MOST_STEPS = 16 };
    if (sweep == NULL)
        interrupt();
    remove_tree(part);
    unlink(path);
    require(mkdir(part, 0777) == 0);
    put_image(journal_path, &journal_image);
    put_image(state_path, &state_image);
    steps s = {.next = bytes, .end = bytes + size};
    for (int i = 0; i < MOST_STEPS && s.next < s.end; i++)
        take_step(&s);
    go_on(size % 4 == 0, s.forged);
    return 0;
}
