/* The journal and the thread that writes it: large entries, a queue that is full, a disk that is full. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "store/dataset_stream.h"
#include "store/writer.h"
#include "store_file.h"

static char *folder, path[300], part[310], journal_path[330];

static int set_up(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(journal_path, sizeof journal_path, "%s/journal", part);
    ignore_missing();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

/* ---- the journal */

typedef struct seen {
    size_t n;
    spt_entry entries[16];
} seen;

static spt_status see(const spt_entry *entry, void *user, spt_error *err) {
    (void)err;
    seen *s = user;
    s->entries[s->n++] = *entry;
    return SPT_OK;
}

/* Payloads around the size of the scan's window, whose bytes depend on their place. */
static void entries_of_any_size_are_found_again(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, (1 << 20) - 40, (1 << 20) - 39, 1 << 20, (1 << 20) + 1, 5 << 20, 3};
    enum { N = sizeof sizes / sizeof *sizes };
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES] = {1};
    spt_error err = {0};
    spt_journal j;
    mkdir(part, 0777);
    assert_ok(spt_journal_create(&j, part, fingerprint, "line one\nline two", &err), err);
    for (size_t i = 0; i < N; i++) {
        spt_entry placed;
        unsigned char *entry = malloc(spt_entry_bytes(sizes[i]));
        for (size_t k = 0; k < sizes[i]; k++)
            entry[spt_entry_bytes(0) + k] = (unsigned char)(k * 7 + i);
        assert_ok(spt_journal_append(&j, SPT_ENTRY_RECORD, i, 2 * i, entry, sizes[i], &placed, &err), err);
        free(entry);
    }
    spt_journal_close(&j);

    bool usable;
    char *identity;
    seen found = {0};
    assert_ok(spt_journal_open(&j, part, &usable, &identity, &err), err);
    assert_true(usable);
    assert_string_equal(identity, "line one\nline two");
    assert_memory_equal(j.fingerprint, fingerprint, sizeof fingerprint);
    assert_ok(spt_journal_scan(&j, see, &found, &err), err);
    assert_int_equal(found.n, N);
    for (size_t i = 0; i < N; i++) {
        unsigned char *entry = malloc(spt_entry_bytes(sizes[i]));
        size_t bytes;
        assert_int_equal(found.entries[i].header.payload_bytes, sizes[i]);
        assert_ok(
            spt_journal_read(&j, found.entries[i].offset, SPT_ENTRY_RECORD, i, 2 * i, entry, sizes[i], &bytes, &err),
            err);
        assert_int_equal(bytes, sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_true(entry[spt_entry_bytes(0) + k] == (unsigned char)(k * 7 + i));
        if (i > 0) /* asked for as something else, it is not what was asked for */
            assert_int_equal(spt_journal_read(&j, found.entries[i].offset, SPT_ENTRY_RECORD, i, 2 * i - 1, entry,
                                              sizes[i], &bytes, &err),
                             SPT_ECORRUPT);
        free(entry);
    }
    free(identity);
    spt_journal_close(&j);
}

static void an_entry_moved_to_another_place_is_not_taken(void **state) {
    (void)state;
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES] = {1}, entry[256] = {0}, moved[256];
    spt_error err = {0};
    spt_journal j;
    spt_entry placed[2];
    mkdir(part, 0777);
    assert_ok(spt_journal_create(&j, part, fingerprint, "", &err), err);
    for (size_t i = 0; i < 2; i++)
        assert_ok(spt_journal_append(&j, SPT_ENTRY_RECORD, i, 0, entry, 100, &placed[i], &err), err);
    ssize_t bytes = (ssize_t)spt_entry_bytes(100);
    assert_int_equal(pread(j.fd, moved, (size_t)bytes, (off_t)placed[0].offset), bytes);
    assert_int_equal(pwrite(j.fd, moved, (size_t)bytes, (off_t)placed[1].offset), bytes);
    spt_journal_close(&j);
    bool usable;
    char *identity;
    seen found = {0};
    assert_ok(spt_journal_open(&j, part, &usable, &identity, &err), err);
    assert_ok(spt_journal_scan(&j, see, &found, &err), err);
    assert_int_equal(found.n, 1);
    free(identity);
    spt_journal_close(&j);
}

static void an_entry_of_another_journal_is_not_taken(void **state) {
    (void)state;
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES] = {1}, entry[256] = {0}, foreign[256];
    spt_error err = {0};
    spt_journal j;
    spt_entry placed;
    ssize_t bytes = (ssize_t)spt_entry_bytes(100);
    mkdir(part, 0777);
    assert_ok(spt_journal_create(&j, part, fingerprint, "", &err), err);
    assert_ok(spt_journal_append(&j, SPT_ENTRY_RECORD, 0, 0, entry, 100, &placed, &err), err);
    assert_int_equal(pread(j.fd, foreign, (size_t)bytes, (off_t)placed.offset), bytes);
    spt_journal_close(&j);
    assert_ok(spt_journal_create(&j, part, fingerprint, "", &err), err); /* as stale blocks of a disk may come up */
    assert_int_equal(pwrite(j.fd, foreign, (size_t)bytes, (off_t)placed.offset), bytes);
    spt_journal_close(&j);
    bool usable;
    char *identity;
    seen found = {0};
    assert_ok(spt_journal_open(&j, part, &usable, &identity, &err), err);
    assert_ok(spt_journal_scan(&j, see, &found, &err), err);
    assert_int_equal(found.n, 0);
    free(identity);
    spt_journal_close(&j);
}

/* ---- the queue */

/* A journal, slots and a writer without a store around them, for one run of small records. */
typedef struct bench {
    made_sweep *s;
    spt_journal journal;
    spt_catalog catalog;
    spt_slots slots;
    spt_writer *writer;
} bench;

static bench start_bench(void) {
    bench b = {.s = make_sweep((sweep_shape){.n_runs = 2, .n_records = 400, .width = 8})};
    unsigned char fingerprint[SPT_FINGERPRINT_BYTES] = {1};
    spt_error err = {0};
    mkdir(part, 0777);
    assert_ok(spt_journal_create(&b.journal, part, fingerprint, "", &err), err);
    assert_ok(spt_catalog_create(&b.catalog, &b.s->spec, &err), err);
    assert_ok(spt_slots_open(&b.slots, part, b.journal.id, &b.s->spec, &err), err);
    return b;
}

static void stop_bench(bench *b) {
    spt_writer_stop(b->writer);
    spt_slots_close(&b->slots);
    spt_catalog_free(&b->catalog);
    spt_journal_close(&b->journal);
    free_sweep(b->s);
}

static spt_status put_numbered(bench *b, size_t run, size_t record, spt_error *err) {
    void *payload;
    size_t bytes = (SPT_METRIC_COUNT + b->s->arenas[run].layers) * sizeof(float);
    spt_item *item = spt_item_entry(SPT_ENTRY_RECORD, run, record, bytes, &payload);
    memset(payload, (int)record, bytes);
    return spt_writer_put(b->writer, item, err);
}

static void a_queue_smaller_than_one_item_still_writes_all_in_order(void **state) {
    (void)state;
    bench b = start_bench();
    spt_error err = {0};
    assert_ok(spt_writer_start(&b.journal, &b.catalog, &b.slots, 1, &b.writer, &err), err);
    for (size_t record = 0; record < 400; record++)
        for (size_t run = 0; run < 2; run++)
            assert_ok(put_numbered(&b, run, record, &err), err);
    assert_ok(spt_writer_hold(b.writer, true, &err), err);
    uint64_t last = 0;
    for (size_t record = 0; record < 400; record++)
        for (size_t run = 0; run < 2; run++) {
            uint64_t offset = spt_catalog_record(&b.catalog, run, record);
            assert_true(offset > last);
            last = offset;
        }
    spt_writer_release(b.writer);
    assert_true(spt_writer_seconds(b.writer) > 0.0);
    stop_bench(&b);
}

static spt_status put_state_of(bench *b, uint64_t step, spt_error *err) {
    void *payload, *arena = alloc_state(b->s, 0);
    fill_state(b->s, 0, step, arena);
    spt_item *item = spt_item_state(&b->slots, 0, &payload);
    memcpy(payload, arena, b->s->arenas[0].bytes);
    spt_memory_free(arena);
    return spt_writer_put(b->writer, item, err);
}

static void of_states_that_wait_only_the_newest_is_written(void **state) {
    (void)state;
    bench b = start_bench();
    spt_error err = {0};
    assert_ok(spt_writer_start(&b.journal, &b.catalog, &b.slots, 1 << 20, &b.writer, &err), err);
    assert_ok(spt_writer_hold(b.writer, false, &err), err);
    for (uint64_t step = 0; step <= 10; step++)
        assert_ok(put_state_of(&b, step, &err), err);
    spt_writer_release(b.writer);
    assert_ok(spt_writer_hold(b.writer, false, &err), err);
    const spt_run_slots *slots = &b.slots.runs[0];
    assert_int_equal(slots->last_number, 1);
    assert_int_equal(slots->step[slots->newest], 10);
    spt_writer_release(b.writer);
    stop_bench(&b);
}

static void a_sync_makes_the_newest_state_durable_and_keeps_it(void **state) {
    (void)state;
    bench b = start_bench();
    spt_error err = {0};
    assert_ok(spt_writer_start(&b.journal, &b.catalog, &b.slots, 1 << 20, &b.writer, &err), err);
    assert_ok(put_state_of(&b, 1, &err), err);
    assert_ok(spt_writer_hold(b.writer, true, &err), err);
    int8_t durable = b.slots.runs[0].durable;
    assert_true(durable >= 0);
    spt_writer_release(b.writer);
    for (uint64_t step = 2; step < 9; step++) {
        assert_ok(put_state_of(&b, step, &err), err);
        assert_ok(spt_writer_hold(b.writer, false, &err), err);
        const spt_run_slots *slots = &b.slots.runs[0];
        assert_int_equal(slots->durable, durable);
        assert_int_equal(slots->step[durable], 1);
        assert_int_equal(slots->step[slots->newest], step);
        spt_writer_release(b.writer);
    }
    stop_bench(&b);
}

/* Two threads that put while the queue is too small for either: the queue itself bears it. */
typedef struct producer {
    bench *b;
    size_t run;
} producer;

static void *produce(void *user) {
    producer *p = user;
    for (size_t record = 0; record < 400; record++)
        if (put_numbered(p->b, p->run, record, NULL) != SPT_OK)
            return p;
    return NULL;
}

static void two_producers_lose_nothing_in_a_full_queue(void **state) {
    (void)state;
    bench b = start_bench();
    spt_error err = {0};
    assert_ok(spt_writer_start(&b.journal, &b.catalog, &b.slots, 300, &b.writer, &err), err);
    producer producers[2] = {{&b, 0}, {&b, 1}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_ok(spt_writer_hold(b.writer, false, &err), err);
    for (size_t i = 0; i < 800; i++)
        assert_true(spt_catalog_record(&b.catalog, i / 400, i % 400) != 0);
    spt_writer_release(b.writer);
    stop_bench(&b);
}

/* ---- a full disk: files of this process may not grow past a limit */

static struct rlimit no_limit;

static void limit_files(rlim_t bytes) {
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = no_limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int set_up_limit(void **state) {
    getrlimit(RLIMIT_FSIZE, &no_limit);
    return set_up(state);
}

static int tear_down_limit(void **state) {
    setrlimit(RLIMIT_FSIZE, &no_limit);
    return tear_down(state);
}

static void a_full_disk_gives_one_line_with_path_and_reason(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 20, .n_records = 10, .width = 30});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    limit_files(20000);
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    spt_status status = put_all(store, s, &err);
    if (status == SPT_OK)
        status = spt_store_flush(store, &err);
    assert_int_equal(status, SPT_EIO);
    char first[SPT_ERROR_CAPACITY];
    strcpy(first, err.message);
    assert_non_null(strstr(err.message, part));
    assert_non_null(strstr(err.message, strerror(EFBIG)));
    assert_null(strchr(err.message, '\n'));
    /* It stays. */
    assert_int_equal(put_record(store, s, 0, 0, &err), SPT_EIO);
    assert_string_equal(err.message, first);
    assert_int_equal(spt_store_finish(store, true, &err), SPT_EIO);
    assert_int_equal(spt_store_flush(store, &err), SPT_EIO);
    spt_store_close(store);
    assert_false(is_there(path));
    free_sweep(s);
}

static void after_a_full_disk_the_sweep_goes_on_where_it_was(void **state) {
    (void)state;
    char whole[320];
    snprintf(whole, sizeof whole, "%s/whole.h5", folder);
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 6, .n_records = 8, .width = 12, .n_probes = 1, .points = 2});
    write_sweep(whole, s, SPT_STORE_NEW);
    spt_error err = {0};
    spt_store *store;
    bool complete;
    bool finished = false;
    int failures = 0;
    for (rlim_t limit = 2000; !finished; limit += limit / 6) {
        limit_files(limit);
        spt_status status = spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err);
        if (status == SPT_OK)
            status = put_all(store, s, &err);
        if (status == SPT_OK)
            status = spt_store_finish(store, true, &err);
        spt_store_close(store);
        finished = status == SPT_OK;
        if (!finished) {
            failures++;
            assert_int_equal(status, SPT_EIO);
            assert_non_null(strstr(err.message, strerror(EFBIG)));
            assert_false(is_there(path));
        }
        /* HDF5 has let go of what could not be written. */
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE), 0);
    }
    setrlimit(RLIMIT_FSIZE, &no_limit);
    assert_true(failures > 12); /* of every kind: in the data set, records, states, and while the file is assembled */
    assert_files_equal(path, whole);
    free_sweep(s);
}

static void a_store_that_cannot_begin_leaves_nothing_behind(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    static const rlim_t limits[] = {0, 5, 100, 300}; /* in the lock, in the journal's header, in what it is for */
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        limit_files(limits[i]);
        assert_int_equal(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), SPT_EIO);
        assert_non_null(strstr(err.message, strerror(EFBIG)));
        assert_false(is_there(part));
    }
    free_sweep(s);
}

/* Else a sweep of days would be trained for a journal that nobody can open any more. */
static void a_folder_that_is_taken_away_is_an_error_at_the_next_sync(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    char elsewhere[330];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_ok(spt_store_flush(store, &err), err);
    assert_int_equal(rename(part, elsewhere), 0);
    assert_ok(put_run(store, s, 0, 1, &err), err);
    assert_int_equal(spt_store_flush(store, &err), SPT_EIO);
    assert_non_null(strstr(err.message, journal_path));
    assert_non_null(strstr(err.message, "is gone"));
    spt_store_close(store);
    assert_int_equal(rename(elsewhere, part), 0); /* put back, it is gone on with */
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
    assert_ok(put_all(store, s, &err), err);
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
    free_sweep(s);
}

int main(void) {
#define TEST(name)    cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define LIMITED(name) cmocka_unit_test_setup_teardown(name, set_up_limit, tear_down_limit)
    const struct CMUnitTest tests[] = {
        TEST(entries_of_any_size_are_found_again),
        TEST(an_entry_moved_to_another_place_is_not_taken),
        TEST(an_entry_of_another_journal_is_not_taken),
        TEST(a_queue_smaller_than_one_item_still_writes_all_in_order),
        TEST(of_states_that_wait_only_the_newest_is_written),
        TEST(a_sync_makes_the_newest_state_durable_and_keeps_it),
        TEST(two_producers_lose_nothing_in_a_full_queue),
        TEST(a_folder_that_is_taken_away_is_an_error_at_the_next_sync),
        LIMITED(a_full_disk_gives_one_line_with_path_and_reason),
        LIMITED(after_a_full_disk_the_sweep_goes_on_where_it_was),
        LIMITED(a_store_that_cannot_begin_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
