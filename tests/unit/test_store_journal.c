/* A journal read while it is being written: the reader sees whole entries, each once, and changes nothing. */
#include <fcntl.h>

#include "store/journal.h"
#include "store_sweep.h"

static char *folder, path[300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder_in_memory();
    snprintf(path, sizeof path, "%s/journal", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

enum { ENTRIES = 12, PAYLOAD = 24 };

/* A journal of ENTRIES records of growing length; end[i] is where entry i ends, end[0] of the identity. */
static void write_journal(const char *identity, uint64_t *end) {
    static const unsigned char fingerprint[SPT_FINGERPRINT_BYTES] = {7};
    spt_error err = {0};
    spt_journal writer;
    assert_ok(spt_journal_create(&writer, folder, fingerprint, identity, &err), err);
    end[0] = writer.end;
    for (size_t i = 0; i < ENTRIES; i++) {
        char entry[sizeof(spt_entry_header) + ENTRIES * PAYLOAD];
        memset(entry, (int)i, sizeof entry);
        spt_entry placed;
        assert_ok(spt_journal_append(&writer, SPT_ENTRY_RECORD, 3, i, entry, i * PAYLOAD, &placed, &err), err);
        end[i + 1] = writer.end;
    }
    spt_journal_close(&writer);
}

typedef struct seen {
    size_t n;
    uint64_t index[4 * ENTRIES];
} seen;

static spt_status note(const spt_entry *entry, void *user, spt_error *err) {
    (void)err;
    seen *s = user;
    assert_int_equal(entry->header.run, 3);
    s->index[s->n++] = entry->header.index;
    return SPT_OK;
}

static bool open_reader(spt_journal *reader) {
    spt_error err = {0};
    bool usable;
    char *identity;
    assert_ok(spt_journal_open_to_read(reader, folder, &usable, &identity, &err), err);
    if (usable)
        assert_string_equal(identity, "what it is for");
    free(identity);
    return usable;
}

static size_t read_file(unsigned char *bytes, size_t capacity) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, capacity, file);
    fclose(file);
    return n;
}

/* The file grows by one byte at a time, as it may look to a reader in the midst of a write. */
static void a_journal_that_grows_byte_by_byte_is_seen_entry_by_entry(void **state) {
    (void)state;
    static unsigned char bytes[1 << 14];
    uint64_t end[ENTRIES + 1];
    write_journal("what it is for", end);
    size_t size = read_file(bytes, sizeof bytes), whole = 0;
    assert_int_equal(size, end[ENTRIES]);

    assert_int_equal(truncate(path, (off_t)end[0]), 0);
    spt_journal reader;
    spt_error err = {0};
    seen s = {0};
    assert_true(open_reader(&reader));
    int fd = open(path, O_WRONLY);
    for (size_t i = end[0]; i < size; i++) {
        assert_int_equal(pwrite(fd, bytes + i, 1, (off_t)i), 1);
        assert_ok(spt_journal_visit_new(&reader, note, &s, &err), err);
        while (whole < ENTRIES && end[whole + 1] <= i + 1)
            whole++;
        assert_int_equal(s.n, whole);
    }
    for (size_t i = 0; i < ENTRIES; i++)
        assert_int_equal(s.index[i], i);
    close(fd);
    spt_journal_close(&reader);
}

/* A writer that was killed leaves a torn entry; whoever goes on cuts it off, a reader must not. */
static void a_torn_entry_is_not_seen_and_not_cut_off(void **state) {
    (void)state;
    static unsigned char before[1 << 14], after[1 << 14];
    uint64_t end[ENTRIES + 1];
    write_journal("what it is for", end);
    assert_int_equal(truncate(path, (off_t)(end[ENTRIES] - 5)), 0);
    size_t size = read_file(before, sizeof before);
    struct stat facts, later;
    assert_int_equal(stat(path, &facts), 0);

    spt_journal reader;
    spt_error err = {0};
    seen s = {0};
    assert_true(open_reader(&reader));
    assert_ok(spt_journal_visit_new(&reader, note, &s, &err), err);
    assert_int_equal(s.n, ENTRIES - 1);
    spt_journal_close(&reader);

    assert_int_equal(read_file(after, sizeof after), size);
    assert_memory_equal(before, after, size);
    assert_int_equal(stat(path, &later), 0);
    assert_int_equal(facts.st_mtim.tv_sec, later.st_mtim.tv_sec);
    assert_int_equal(facts.st_mtim.tv_nsec, later.st_mtim.tv_nsec);
}

/* Bytes that are there but not yet those of the entry: a page of zeros, or half of what will be there. */
static void bytes_that_are_not_the_entry_yet_are_waited_for(void **state) {
    (void)state;
    static unsigned char bytes[1 << 14];
    uint64_t end[ENTRIES + 1];
    write_journal("what it is for", end);
    size_t size = read_file(bytes, sizeof bytes), last = (size_t)end[ENTRIES - 1];
    spt_journal reader;
    spt_error err = {0};
    seen s = {0};
    int fd = open(path, O_WRONLY);
    unsigned char zeros[sizeof(spt_entry_header) + ENTRIES * PAYLOAD] = {0};
    assert_int_equal(pwrite(fd, zeros, size - last, (off_t)last), (ssize_t)(size - last));
    assert_true(open_reader(&reader));
    assert_ok(spt_journal_visit_new(&reader, note, &s, &err), err);
    assert_int_equal(s.n, ENTRIES - 1);
    assert_int_equal(pwrite(fd, bytes + last, (size - last) / 2, (off_t)last), (ssize_t)((size - last) / 2));
    assert_ok(spt_journal_visit_new(&reader, note, &s, &err), err);
    assert_int_equal(s.n, ENTRIES - 1);
    assert_int_equal(pwrite(fd, bytes + last, size - last, (off_t)last), (ssize_t)(size - last));
    assert_ok(spt_journal_visit_new(&reader, note, &s, &err), err);
    assert_int_equal(s.n, ENTRIES);
    close(fd);
    spt_journal_close(&reader);
}

static void a_journal_that_cannot_be_written_to_is_read(void **state) {
    (void)state;
    uint64_t end[ENTRIES + 1];
    write_journal("what it is for", end);
    assert_int_equal(chmod(path, 0444), 0);
    spt_journal reader;
    assert_true(open_reader(&reader));
    char byte = 0;
    assert_int_equal(pwrite(reader.fd, &byte, 1, 0), -1); /* also for root, who may open it for writing */
    spt_journal_close(&reader);
}

static void without_a_journal_there_is_nothing_to_read(void **state) {
    (void)state;
    spt_journal reader;
    assert_false(open_reader(&reader));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_journal_that_grows_byte_by_byte_is_seen_entry_by_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_entry_is_not_seen_and_not_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_that_are_not_the_entry_yet_are_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_journal_that_cannot_be_written_to_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_journal_there_is_nothing_to_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
