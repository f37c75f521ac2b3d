/* What is left in FILE.h5.part after a kill at any byte, a flipped byte, or a loss of power: it opens, damaged entries
 * are never taken, and the sweep goes on to the file that an uninterrupted one gives. */
#include <fcntl.h>

#include "store/catalog.h"
#include "store/journal.h"
#include "store/pack.h"
#include "store/state_slots.h"
#include "store_file.h"

static char *folder, path[300], part[310], journal[330], state_file[330], whole[300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder_in_memory();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(whole, sizeof whole, "%s/whole.h5", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(journal, sizeof journal, "%s/journal", part);
    snprintf(state_file, sizeof state_file, "%s/state", part);
    ignore_missing();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

typedef struct image {
    size_t size;
    unsigned char *bytes;
} image;

static image read_image(const char *name) {
    image i = {.size = (size_t)size_of(name)};
    i.bytes = malloc(i.size + 1);
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    assert_int_equal(fread(i.bytes, 1, i.size, file), i.size);
    fclose(file);
    return i;
}

static void write_image(const char *name, const unsigned char *bytes, size_t size) {
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* A small sweep, interrupted: run 0 done, run 1 half way. */
static made_sweep *interrupt(image *of_journal, image *of_state) {
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 2,
                                             .n_records = 3,
                                             .n_snapshots = 2,
                                             .n_probes = 1,
                                             .points = 1,
                                             .inputs = 2,
                                             .width = 2,
                                             .train = 3,
                                             .test = 1,
                                             .frequencies = 2});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    write_sweep(whole, s, SPT_STORE_NEW);
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    for (size_t r = 0; r < 2; r++)
        for (size_t put = 0; put < (r == 0 ? 3 : 2); put++) {
            assert_ok(put_run(store, s, r, 1, &err), err);
            assert_ok(spt_store_flush(store, &err), err); /* so that each state gets its slot */
        }
    spt_store_close(store);
    *of_journal = read_image(journal);
    *of_state = read_image(state_file);
    return s;
}

/* Put the damaged files in place, go on, and compare. May be refused as corrupt where that is allowed. */
static bool goes_on(const made_sweep *s, bool may_be_refused) {
    spt_error err = {0};
    spt_store *store;
    bool complete;
    spt_status status = spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err);
    if (status == SPT_ECORRUPT && may_be_refused)
        return false;
    assert_ok(status, err);
    assert_ok(put_all(store, s, &err), err);
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
    return true;
}

static void restore(const image *of_journal, size_t journal_size, const image *of_state, size_t state_size) {
    unlink(path);
    mkdir(part, 0777);
    write_image(journal, of_journal->bytes, journal_size);
    write_image(state_file, of_state->bytes, state_size);
}

/* Where the entries of a journal lie. */
typedef struct entry_list {
    size_t n;
    uint64_t begin[64], end[64];
} entry_list;

static spt_status list_entry(const spt_entry *entry, void *user, spt_error *err) {
    (void)err;
    entry_list *list = user;
    assert_true(list->n < 64);
    list->begin[list->n] = entry->offset;
    list->end[list->n++] = entry->offset + spt_entry_bytes((size_t)entry->header.payload_bytes);
    return SPT_OK;
}

/* The entries that are found good; false when the journal is refused, or was never begun. */
static bool list_entries(entry_list *list) {
    spt_journal j;
    bool usable;
    char *identity;
    spt_error err = {0};
    *list = (entry_list){0};
    spt_status status = spt_journal_open(&j, part, &usable, &identity, &err);
    assert_true(status == SPT_OK || status == SPT_ECORRUPT || status == SPT_EDATA);
    if (usable)
        assert_ok(spt_journal_scan(&j, list_entry, list, &err), err);
    free(identity);
    spt_journal_close(&j);
    return usable;
}

/* Of the entries of the whole journal exactly those that end up to a byte are found. */
static void assert_entries_before(const entry_list *all, uint64_t byte) {
    entry_list found;
    if (!list_entries(&found))
        return;
    size_t expected = 0;
    while (expected < all->n && all->end[expected] <= byte)
        expected++;
    assert_int_equal(found.n, expected);
    assert_memory_equal(found.begin, all->begin, expected * sizeof *all->begin);
    assert_int_equal(size_of(journal), expected > 0 ? all->end[expected - 1] : all->begin[0]);
}

/* Bytes at which the whole way is gone, up to the finished file: ends of entries, and some between. */
static bool is_chosen(const entry_list *all, size_t byte) {
    for (size_t i = 0; i < all->n; i++)
        if (byte + 1 >= all->end[i] && byte <= all->end[i] + 1)
            return true;
    return byte % 197 == 0;
}

/* ---- kills */

static void a_journal_cut_at_any_byte_goes_on_to_the_same_file(void **state) {
    (void)state;
    image j, st;
    entry_list all;
    made_sweep *s = interrupt(&j, &st);
    assert_true(list_entries(&all) && all.n == 9); /* a data set, five records, three snapshots */
    for (size_t size = 0; size < j.size; size++) {
        restore(&j, size, &st, st.size);
        assert_entries_before(&all, size);
        if (!is_chosen(&all, size))
            continue;
        restore(&j, size, &st, st.size);
        assert_true(goes_on(s, false));
        assert_files_equal(path, whole);
    }
    free(j.bytes);
    free(st.bytes);
    free_sweep(s);
}

static void a_state_file_cut_at_any_byte_goes_on_to_the_same_file(void **state) {
    (void)state;
    image j, st;
    made_sweep *s = interrupt(&j, &st);
    for (size_t size = 0; size < st.size; size += size >= 4096 || size < 64 ? 127 : 1009) {
        restore(&j, j.size, &st, size);
        assert_true(goes_on(s, false));
        assert_files_equal(path, whole);
    }
    free(j.bytes);
    free(st.bytes);
    free_sweep(s);
}

static void a_missing_state_file_starts_all_runs_from_the_beginning(void **state) {
    (void)state;
    image j, st;
    made_sweep *s = interrupt(&j, &st);
    unlink(state_file);
    assert_true(goes_on(s, false));
    assert_files_equal(path, whole);
    free(j.bytes);
    free(st.bytes);
    free_sweep(s);
}

/* ---- flips */

static void a_flipped_byte_of_the_journal_is_never_taken(void **state) {
    (void)state;
    image j, st;
    entry_list all, found;
    made_sweep *s = interrupt(&j, &st);
    assert_true(list_entries(&all));
    for (size_t at = 0; at < j.size; at++) {
        unsigned char bit = (unsigned char)(1u << (at % 8));
        j.bytes[at] ^= bit;
        restore(&j, j.size, &st, st.size);
        assert_entries_before(&all, at);
        restore(&j, j.size, &st, st.size);
        if (at < all.begin[0])
            assert_false(list_entries(&found)); /* what the journal is for must be beyond doubt */
        if (is_chosen(&all, at) && goes_on(s, at < all.begin[0]))
            assert_files_equal(path, whole);
        j.bytes[at] ^= bit;
    }
    free(j.bytes);
    free(st.bytes);
    free_sweep(s);
}

static void a_flipped_byte_of_the_states_is_never_taken(void **state) {
    (void)state;
    image j, st;
    made_sweep *s = interrupt(&j, &st);
    for (size_t at = 0; at < st.size; at += at >= 4096 || at < 64 ? 127 : 1009) {
        st.bytes[at] ^= 0x10;
        restore(&j, j.size, &st, st.size);
        assert_true(goes_on(s, false));
        assert_files_equal(path, whole);
        st.bytes[at] ^= 0x10;
    }
    free(j.bytes);
    free(st.bytes);
    free_sweep(s);
}

static void states_of_another_journal_are_not_taken(void **state) {
    (void)state;
    image j, st, other, older;
    made_sweep *s = interrupt(&j, &older);
    remove_tree(part);
    free_sweep(s);
    unlink(whole);
    s = interrupt(&other, &st); /* the same sweep again: another journal */
    restore(&j, j.size, &st, st.size);
    spt_error err = {0};
    spt_store *store;
    bool complete, found = true;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
    void *arena = alloc_state(s, 0);
    assert_ok(spt_store_state_load(store, 0, arena, &found, &err), err);
    assert_false(found);
    spt_memory_free(arena);
    spt_store_close(store);
    free(older.bytes);
    free(other.bytes);
    free(j.bytes);
    free(st.bytes);
    free_sweep(s);
}

/* ---- loss of power: whatever was not synced may be there, or not, block by block */

enum { POWER_RUNS = 3, POWER_BLOCK = 512 };

typedef struct disk {
    image synced, written;
} disk;

static uint32_t draw(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* What a disk may hold: of each block the old or the new content, and the file as long as before or as after. */
static void lose_power(const disk *d, const char *name, uint32_t *seed) {
    size_t size = d->synced.size;
    if (d->written.size > size)
        size += draw(seed) % (d->written.size - size + 1);
    unsigned char *bytes = calloc(1, size + 1);
    for (size_t at = 0; at < size; at += POWER_BLOCK) {
        size_t count = size - at < POWER_BLOCK ? size - at : POWER_BLOCK;
        const image *from = draw(seed) % 2 ? &d->written : &d->synced;
        if (at + count <= from->size)
            memcpy(bytes + at, from->bytes + at, count);
        else if (at < from->size)
            memcpy(bytes + at, from->bytes + at, from->size - at);
    }
    /* What was synced never changes where nothing was written since. */
    for (size_t at = 0; at < d->synced.size && at < d->written.size; at++)
        if (d->synced.bytes[at] == d->written.bytes[at])
            bytes[at] = d->synced.bytes[at];
    write_image(name, bytes, size);
    free(bytes);
}

static void remember(image *i, const char *name) {
    free(i->bytes);
    *i = read_image(name);
}

/* The journal, catalog and slots of a store, driven by hand so that nothing is synced unless asked. */
typedef struct bench {
    made_sweep *s;
    spt_journal journal;
    spt_catalog catalog;
    spt_slots slots;
    disk journal_disk, state_disk;
    uint64_t durable_step[POWER_RUNS];
} bench;

static spt_status add_to_catalog(const spt_entry *entry, void *catalog, spt_error *err) {
    return spt_catalog_add(catalog, entry, err);
}

static void put_by_hand(bench *b, size_t run, size_t record) {
    spt_error err = {0};
    uint64_t step = spt_record_step(&b->s->spec, run, record);
    char *entry = calloc(1, spt_entry_bytes(spt_record_bytes(&b->s->spec, run)));
    spt_entry placed;
    assert_ok(spt_journal_append(&b->journal, SPT_ENTRY_RECORD, run, record, entry, spt_record_bytes(&b->s->spec, run),
                                 &placed, &err),
              err);
    assert_ok(spt_catalog_add(&b->catalog, &placed, &err), err);
    free(entry);
    for (size_t i = 0; i < b->s->spec.snapshots.n; i++) {
        if (spt_snapshot_step(&b->s->spec, run, i) != step)
            continue;
        entry = calloc(1, spt_entry_bytes(spt_snapshot_bytes(&b->s->spec, run)));
        assert_ok(spt_journal_append(&b->journal, SPT_ENTRY_SNAPSHOT, run, i, entry,
                                     spt_snapshot_bytes(&b->s->spec, run), &placed, &err),
                  err);
        assert_ok(spt_catalog_add(&b->catalog, &placed, &err), err);
        free(entry);
    }
    void *arena = alloc_state(b->s, run);
    fill_state(b->s, run, step, arena);
    char *slot = malloc(spt_slot_bytes(&b->slots, run));
    memcpy(slot + sizeof(spt_slot_header), arena, b->s->arenas[run].bytes);
    assert_ok(spt_slots_settle(&b->slots, &b->catalog, run, &err), err);
    assert_ok(spt_slots_write(&b->slots, run, slot, &err), err);
    free(slot);
    spt_memory_free(arena);
}

static void sync_by_hand(bench *b, const size_t *next) {
    spt_error err = {0};
    assert_ok(spt_journal_sync(&b->journal, &err), err);
    assert_ok(spt_slots_sync(&b->slots, &err), err);
    remember(&b->journal_disk.synced, journal);
    remember(&b->state_disk.synced, state_file);
    for (size_t r = 0; r < POWER_RUNS; r++)
        b->durable_step[r] = next[r] == 0 ? SPT_STEP_NONE : spt_record_step(&b->s->spec, r, next[r] - 1);
}

/* After the loss: every run that was synced has a whole state at or past that step, which the journal reaches. */
static void check_after_loss(const bench *b) {
    spt_error err = {0};
    spt_journal kept;
    spt_catalog catalog;
    spt_slots slots;
    bool usable;
    char *identity;
    assert_ok(spt_journal_open(&kept, part, &usable, &identity, &err), err);
    assert_true(usable);
    assert_ok(spt_catalog_create(&catalog, &b->s->spec, &err), err);
    assert_ok(spt_journal_scan(&kept, add_to_catalog, &catalog, &err), err);
    assert_ok(spt_slots_open(&slots, part, kept.id, &b->s->spec, &err), err);
    for (size_t r = 0; r < POWER_RUNS; r++) {
        assert_ok(spt_slots_settle(&slots, &catalog, r, &err), err);
        int8_t k = slots.runs[r].newest;
        if (b->durable_step[r] == SPT_STEP_NONE && k < 0)
            continue;
        assert_true(k >= 0);
        void *arena = alloc_state(b->s, r), *expected = alloc_state(b->s, r);
        assert_ok(spt_slots_read(&slots, r, arena, &err), err);
        uint64_t step = spt_arena_counters(&b->s->arenas[r], arena)->step;
        assert_true(b->durable_step[r] == SPT_STEP_NONE || step >= b->durable_step[r]);
        assert_true(spt_catalog_reaches(&catalog, r, step, NULL, NULL));
        fill_state(b->s, r, step, expected);
        assert_memory_equal(arena, expected, b->s->arenas[r].bytes);
        spt_memory_free(expected);
        spt_memory_free(arena);
    }
    free(identity);
    spt_slots_close(&slots);
    spt_catalog_free(&catalog);
    spt_journal_close(&kept);
}

static void after_a_loss_of_power_every_synced_state_can_be_resumed(void **state) {
    (void)state;
    uint32_t seed = 1;
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES] = {7};
    for (int round = 0; round < 40; round++) {
        bench b = {.s = make_sweep((sweep_shape){.n_runs = POWER_RUNS, .n_records = 12, .width = 20})};
        spt_error err = {0};
        size_t next[POWER_RUNS] = {0};
        mkdir(part, 0777);
        assert_ok(spt_journal_create(&b.journal, part, fingerprint, "identity", &err), err);
        assert_ok(spt_catalog_create(&b.catalog, &b.s->spec, &err), err);
        assert_ok(spt_slots_open(&b.slots, part, b.journal.id, &b.s->spec, &err), err);
        sync_by_hand(&b, next);
        for (int event = 0; event < 24; event++) {
            size_t run = draw(&seed) % POWER_RUNS;
            if (draw(&seed) % 5 == 0)
                sync_by_hand(&b, next);
            else if (next[run] < 12)
                put_by_hand(&b, run, next[run]++);
            remember(&b.journal_disk.written, journal);
            remember(&b.state_disk.written, state_file);
            lose_power(&b.journal_disk, journal, &seed);
            lose_power(&b.state_disk, state_file, &seed);
            check_after_loss(&b);
            write_image(journal, b.journal_disk.written.bytes, b.journal_disk.written.size); /* it did not happen */
            write_image(state_file, b.state_disk.written.bytes, b.state_disk.written.size);
        }
        spt_slots_close(&b.slots);
        spt_catalog_free(&b.catalog);
        spt_journal_close(&b.journal);
        free(b.journal_disk.synced.bytes);
        free(b.journal_disk.written.bytes);
        free(b.state_disk.synced.bytes);
        free(b.state_disk.written.bytes);
        free_sweep(b.s);
        remove_tree(part);
    }
}

/* ---- slots */

static void a_torn_state_leaves_the_one_before(void **state) {
    (void)state;
    bench b = {.s = make_sweep((sweep_shape){.n_runs = POWER_RUNS, .n_records = 6})};
    spt_error err = {0};
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES] = {7};
    mkdir(part, 0777);
    assert_ok(spt_journal_create(&b.journal, part, fingerprint, "identity", &err), err);
    assert_ok(spt_catalog_create(&b.catalog, &b.s->spec, &err), err);
    assert_ok(spt_slots_open(&b.slots, part, b.journal.id, &b.s->spec, &err), err);
    for (size_t record = 0; record < 5; record++) {
        image before = read_image(state_file);
        put_by_hand(&b, 0, record);
        image after = read_image(state_file);
        /* A kill in the middle of the write: the slot's first half is new. */
        size_t first = 0, last = 0;
        for (size_t at = 0; at < after.size; at++)
            if (at >= before.size || before.bytes[at] != after.bytes[at]) {
                first = first == 0 ? at : first;
                last = at;
            }
        size_t half = first + (last - first) / 2;
        image torn = {.size = before.size > half ? before.size : half, .bytes = calloc(1, after.size)};
        memcpy(torn.bytes, before.bytes, before.size);
        memcpy(torn.bytes, after.bytes, half);
        write_image(state_file, torn.bytes, torn.size);

        spt_slots slots;
        assert_ok(spt_slots_open(&slots, part, b.journal.id, &b.s->spec, &err), err);
        assert_ok(spt_slots_settle(&slots, &b.catalog, 0, &err), err);
        int8_t k = slots.runs[0].newest;
        if (record == 0)
            assert_int_equal(k, -1);
        else
            assert_int_equal(slots.runs[0].step[k], spt_record_step(&b.s->spec, 0, record - 1));
        spt_slots_close(&slots);
        write_image(state_file, after.bytes, after.size);
        free(torn.bytes);
        free(before.bytes);
        free(after.bytes);
    }
    spt_slots_close(&b.slots);
    spt_catalog_free(&b.catalog);
    spt_journal_close(&b.journal);
    free_sweep(b.s);
}

static void a_state_ahead_of_the_journal_is_passed_over(void **state) {
    (void)state;
    image j, st;
    made_sweep *s = interrupt(&j, &st);
    spt_error err = {0};
    spt_store *store;
    bool complete, found;
    void *arena = alloc_state(s, 1);
    /* Cut the last entry: the last record or snapshot of run 1, whose newest state is of that step. */
    restore(&j, j.size - 1, &st, st.size);
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
    assert_ok(spt_store_state_load(store, 1, arena, &found, &err), err);
    assert_true(found);
    assert_int_equal(spt_arena_counters(&s->arenas[1], arena)->step, 0);
    spt_memory_free(arena);
    spt_store_close(store);
    free(j.bytes);
    free(st.bytes);
    free_sweep(s);
}

static void a_data_set_cut_between_its_pieces_is_put_again(void **state) {
    (void)state;
    made_sweep *s =
        make_sweep((sweep_shape){.n_runs = 1, .train = 3000, .inputs = 900, .keep_data = true}); /* 10.3 MiB */
    spt_error err = {0};
    spt_store *store;
    bool complete;
    write_sweep(whole, s, SPT_STORE_NEW);
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_all(store, s, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err); /* the same once more is not written twice */
    assert_ok(spt_store_flush(store, &err), err);
    assert_true(size_of(journal) < (11 << 20));
    spt_store_close(store);
    static const off_t cuts[] = {9 << 20, 5 << 20, 4 << 20, 1 << 20};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(truncate(journal, cuts[i]), 0);
        assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
        assert_int_equal(put_record(store, s, 0, 0, &err), SPT_EINVAL); /* the data set is not whole */
        assert_ok(put_all(store, s, &err), err);
        if (i == 3)
            assert_ok(spt_store_finish(store, true, &err), err);
        spt_store_close(store);
    }
    assert_files_equal(path, whole);
    free_sweep(s);
}

static void an_entry_that_comes_twice_counts_as_it_came_last(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 1});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    double metrics[SPT_METRIC_COUNT] = {99.0}, norms[3] = {0};
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_ok(spt_store_put_record(store, 0, 1, metrics, norms, NULL, &err), err);
    spt_store_close(store);
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
    assert_ok(put_all(store, s, &err), err);
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
    hid_t file = open_file(path);
    float *loss = read_floats(file, "/metrics/train_loss", 4);
    assert_true(loss[1] == (float)metric_value(0, 1, 0));
    free(loss);
    H5Fclose(file);
    free_sweep(s);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_journal_cut_at_any_byte_goes_on_to_the_same_file),
        TEST(a_state_file_cut_at_any_byte_goes_on_to_the_same_file),
        TEST(a_missing_state_file_starts_all_runs_from_the_beginning),
        TEST(a_flipped_byte_of_the_journal_is_never_taken),
        TEST(a_flipped_byte_of_the_states_is_never_taken),
        TEST(states_of_another_journal_are_not_taken),
        TEST(after_a_loss_of_power_every_synced_state_can_be_resumed),
        TEST(a_torn_state_leaves_the_one_before),
        TEST(a_state_ahead_of_the_journal_is_passed_over),
        TEST(a_data_set_cut_between_its_pieces_is_put_again),
        TEST(an_entry_that_comes_twice_counts_as_it_came_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
