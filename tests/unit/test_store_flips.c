/* Every byte of the states flipped, and every cut: what is read is, to the bit, a state that was put, or nothing. */
#include "store/catalog.h"
#include "store/journal.h"
#include "store/state_slots.h"
#include "store_file.h"

static char *folder, path[300], part[310], state_file[330];

static int set_up(void **state) {
    (void)state;
    folder = make_folder_in_memory();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(state_file, sizeof state_file, "%s/state", part);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

typedef struct interrupted {
    made_sweep *sweep;
    spt_catalog catalog;
    uint64_t journal_id;
    size_t size;
    unsigned char *bytes; /* of the states */
} interrupted;

static spt_status add(const spt_entry *entry, void *catalog, spt_error *err) {
    return spt_catalog_add(catalog, entry, err);
}

/* Run 0 has three states, run 1 two. */
static interrupted interrupt(void) {
    interrupted i = {.sweep = make_sweep((sweep_shape){.n_runs = 2, .n_records = 3, .inputs = 2, .width = 2})};
    spt_error err = {0};
    spt_store *store;
    spt_journal journal;
    bool complete, usable;
    char *identity;
    assert_ok(spt_store_open(path, &i.sweep->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, i.sweep, 0, &err), err);
    for (size_t put = 0; put < 5; put++) {
        assert_ok(put_run(store, i.sweep, put % 2, 1, &err), err);
        assert_ok(spt_store_flush(store, &err), err); /* so that each state gets its slot */
    }
    spt_store_close(store);
    assert_ok(spt_journal_open(&journal, part, &usable, &identity, &err), err);
    assert_true(usable);
    assert_ok(spt_catalog_create(&i.catalog, &i.sweep->spec, &err), err);
    assert_ok(spt_journal_scan(&journal, add, &i.catalog, &err), err);
    i.journal_id = journal.id;
    free(identity);
    spt_journal_close(&journal);
    i.size = (size_t)size_of(state_file);
    i.bytes = malloc(i.size);
    FILE *file = fopen(state_file, "rb");
    assert_int_equal(fread(i.bytes, 1, i.size, file), i.size);
    fclose(file);
    return i;
}

static void release(interrupted *i) {
    free(i->bytes);
    spt_catalog_free(&i->catalog);
    free_sweep(i->sweep);
}

/* Runs of which a state is found in a file of these bytes; each must be one that was put. */
static size_t count_found(const interrupted *i, size_t size) {
    spt_error err = {0};
    spt_slots slots;
    size_t n = 0;
    FILE *file = fopen(state_file, "wb");
    assert_int_equal(fwrite(i->bytes, 1, size, file), size);
    fclose(file);
    assert_ok(spt_slots_open(&slots, part, i->journal_id, &i->sweep->spec, &err), err);
    for (size_t r = 0; r < 2; r++) {
        assert_ok(spt_slots_settle(&slots, &i->catalog, r, &err), err);
        if (slots.runs[r].newest < 0)
            continue;
        void *found = alloc_state(i->sweep, r), *put = alloc_state(i->sweep, r);
        assert_ok(spt_slots_read(&slots, r, found, &err), err);
        fill_state(i->sweep, r, slots.runs[r].step[slots.runs[r].newest], put);
        assert_memory_equal(found, put, i->sweep->arenas[r].bytes);
        spt_memory_free(found);
        spt_memory_free(put);
        n++;
    }
    spt_slots_close(&slots);
    return n;
}

static void a_flip_of_any_byte_of_the_states_leaves_states_that_were_put(void **state) {
    (void)state;
    interrupted i = interrupt();
    assert_int_equal(count_found(&i, i.size), 2);
    for (size_t at = 0; at < i.size; at++)
        for (unsigned flip = 0; flip < 2; flip++) {
            const unsigned char mask = (unsigned char)(flip == 0 ? 1u << (at % 8) : 0xffu);
            i.bytes[at] = (unsigned char)(i.bytes[at] ^ mask);
            size_t found = count_found(&i, i.size);
            assert_true(found == 2 ||
                        at < 24); /* but for the file's own header, one slot is lost and others are there */
            i.bytes[at] = (unsigned char)(i.bytes[at] ^ mask);
        }
    release(&i);
}

static void a_cut_at_any_byte_of_the_states_leaves_states_that_were_put(void **state) {
    (void)state;
    interrupted i = interrupt();
    size_t most = 0;
    for (size_t size = 0; size <= i.size; size++) {
        size_t found = count_found(&i, size);
        assert_true(found >= most); /* the more of it, the more is found */
        most = found;
    }
    assert_int_equal(most, 2);
    release(&i);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_flip_of_any_byte_of_the_states_leaves_states_that_were_put),
        TEST(a_cut_at_any_byte_of_the_states_leaves_states_that_were_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
