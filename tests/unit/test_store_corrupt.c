/* Damage anywhere in a finished file or a shard: flipped bytes, and lengths that the file is cut to. Each reader
 * refuses it in one line, or gives what it gave before; none crashes, and verifying finds all.
 *
 * SPECTRAIN_CORRUPT: not set, every 31st byte, and every 29th length besides the first and last 100; bytes, one bit of
 * every byte, and every length; bits, every bit of every byte, all of them at once, and zero, and every length. */
#include <fcntl.h>

#include "store/merge.h"
#include "store/seal.h"
#include "store_file.h"

static char *folder, path[300], copy[300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder_in_memory();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(copy, sizeof copy, "%s/copy.h5", folder);
    ignore_missing();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

/* ---- a file, and what its readers say of it while it is whole */

typedef struct original {
    size_t size, hdf5_size; /* with and without block sums and seal */
    unsigned char *bytes;
    spt_file_info info;
    spt_merge_source source; /* of a shard */
    int fd;                  /* of the copy that is damaged */
} original;

/* Small: what HDF5 adds to each array is most of it. */
static const sweep_shape SMALL = {.n_runs = 2,
                                  .n_records = 2,
                                  .n_snapshots = 1,
                                  .n_probes = 1,
                                  .points = 1,
                                  .inputs = 2,
                                  .width = 2,
                                  .train = 3,
                                  .test = 1,
                                  .frequencies = 2};

static void take_original(original *o, const char *name) {
    spt_error err = {0};
    *o = (original){.size = (size_t)size_of(name)};
    o->bytes = malloc(o->size + 1);
    FILE *file = fopen(name, "rb");
    assert_int_equal(fread(o->bytes, 1, o->size, file), o->size);
    fclose(file);
    assert_ok(spt_file_verify(name, &err), err);
    assert_ok(spt_file_info_read(name, &o->info, &err), err);
    if (o->info.shards > 0)
        assert_ok(spt_merge_source_open(name, true, &o->source, &err), err);
    haddr_t end;
    hid_t opened = open_file(name);
    assert_true(H5Fget_eoa(opened, &end) >= 0);
    H5Fclose(opened);
    o->hdf5_size = (size_t)end;
    assert_int_equal(o->size, end + spt_seal_size(end));
    o->fd = spt_io_open(copy, O_RDWR | O_CREAT | O_TRUNC, 0666);
    assert_ok(spt_io_write(o->fd, copy, o->bytes, o->size, 0, &err), err);
}

static void free_original(original *o) {
    close(o->fd);
    spt_merge_source_close(&o->source);
    spt_file_info_free(&o->info);
    free(o->bytes);
}

/* ---- the readers */

static bool same_names(char **a, char **b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool same_info(const spt_file_info *a, const spt_file_info *b) {
    return strcmp(a->config, b->config) == 0 && strcmp(a->software_version, b->software_version) == 0 &&
           strcmp(a->backend, b->backend) == 0 && strcmp(a->device, b->device) == 0 &&
           strcmp(a->precision, b->precision) == 0 && strcmp(a->denormals, b->denormals) == 0 &&
           strcmp(a->dataset_sha256, b->dataset_sha256) == 0 && strcmp(a->created, b->created) == 0 &&
           a->complete == b->complete && a->is_virtual == b->is_virtual && a->shard == b->shard &&
           a->shards == b->shards && a->sweep_runs == b->sweep_runs && a->n_runs == b->n_runs &&
           a->n_records == b->n_records && a->n_snapshots == b->n_snapshots && a->n_probes == b->n_probes &&
           a->n_axes == b->n_axes && memcmp(a->status, b->status, a->n_runs) == 0 &&
           memcmp(a->run_numbers, b->run_numbers, a->n_runs * sizeof *a->run_numbers) == 0 &&
           same_names(a->probe_names, b->probe_names, a->n_probes) &&
           same_names(a->axis_names, b->axis_names, a->n_axes);
}

static bool same_source(const spt_merge_source *a, const spt_merge_source *b) {
    size_t n = a->info.n_runs, d = a->n_datasets;
    return same_info(&a->info, &b->info) && a->inputs == b->inputs && a->outputs == b->outputs &&
           a->classes == b->classes && a->has_x == b->has_x && a->layers == b->layers && d == b->n_datasets &&
           memcmp(a->parameters, b->parameters, n * sizeof *a->parameters) == 0 &&
           memcmp(a->diverged, b->diverged, n * sizeof *a->diverged) == 0 &&
           memcmp(a->train, b->train, d * sizeof *a->train) == 0 &&
           memcmp(a->test, b->test, d * sizeof *a->test) == 0 && memcmp(a->sums, b->sums, d * sizeof *a->sums) == 0;
}

/* Refused with one line that begins with the file's name. */
static void assert_refused(spt_status status, const spt_error *err, const char *reader, const char *damage, size_t at) {
    if ((status != SPT_ECORRUPT && status != SPT_EDATA) || strncmp(err->message, copy, strlen(copy)) != 0 ||
        strchr(err->message, '\n') != NULL)
        fail_msg("%s %zu: %s: %s (%s)", damage, at, reader, spt_status_name(status), err->message);
}

static void ask_info(const original *o, const char *damage, size_t at) {
    spt_error err = {0};
    spt_file_info info;
    spt_status status = spt_file_info_read(copy, &info, &err);
    if (status != SPT_OK) {
        assert_refused(status, &err, "info", damage, at);
        return;
    }
    if (!same_info(&info, &o->info))
        fail_msg("%s %zu: info: wrong values are taken as good", damage, at);
    spt_file_info_free(&info);
}

/* As merge opens a shard, to copy it or to have views of it. */
static void ask_merge(const original *o, bool read_all, bool damaged, const char *damage, size_t at) {
    spt_error err = {0};
    spt_merge_source source;
    spt_status status = spt_merge_source_open(copy, read_all, &source, &err);
    if (status != SPT_OK)
        assert_refused(status, &err, "merge", damage, at);
    else if ((read_all && damaged) || !same_source(&source, &o->source))
        fail_msg("%s %zu: merge: wrong values are taken as good", damage, at);
    spt_merge_source_close(&source);
}

/* damaged: a byte that a reader may use is another, or gone. */
static void ask_all(const original *o, bool damaged, const char *damage, size_t at) {
    spt_error err = {0};
    spt_status status = spt_file_verify(copy, &err);
    if (damaged)
        assert_refused(status, &err, "verify", damage, at);
    else
        assert_ok(status, err);
    ask_info(o, damage, at);
    if (o->info.shards > 0) {
        ask_merge(o, true, damaged, damage, at);
        ask_merge(o, false, damaged, damage, at);
    }
}

/* ---- damage */

/* 1: some of it; 2: every byte and every length; 3: every bit, too. */
static int thoroughness(void) {
    const char *how = getenv("SPECTRAIN_CORRUPT");
    return how == NULL ? 1 : strcmp(how, "bits") == 0 ? 3 : 2;
}

/* One of the ways to change a byte: one bit, another for each place; the other bits; all; to zero. */
enum { WAYS = 10 };

static unsigned char change(unsigned char byte, size_t at, int way) {
    if (way < 8)
        return byte ^ (unsigned char)(1u << ((at + (size_t)way) % 8));
    return way == 8 ? (unsigned char)~byte : 0;
}

static void flip_bytes(original *o) {
    spt_error err = {0};
    for (size_t at = 0; at<o->size; at += thoroughness()> 1 ? 1 : 31) {
        for (int way = 0; way < (thoroughness() > 2 ? WAYS : 1); way++) {
            unsigned char bad = change(o->bytes[at], at, way);
            if (bad == o->bytes[at])
                continue;
            assert_ok(spt_io_write(o->fd, copy, &bad, 1, at, &err), err);
            ask_all(o, true, "flipped byte", at);
        }
        assert_ok(spt_io_write(o->fd, copy, &o->bytes[at], 1, at, &err), err);
    }
}

/* From the longest to the shortest. */
static void cut_to_lengths(original *o) {
    for (size_t size = o->size; size-- > 0;) {
        if (thoroughness() == 1 && size % 29 != 0 && size > 100 && size + 100 < o->size)
            continue;
        assert_int_equal(ftruncate(o->fd, (off_t)size), 0);
        /* Without its sums and seal, and nothing else missing, it is as other programs leave a file that they open. */
        ask_all(o, size != o->hdf5_size, "cut to bytes", size);
    }
}

/* Without its seal the rest of a file could not be checked. */
static void flip_the_end(original *o) {
    spt_error err = {0};
    for (size_t at = o->hdf5_size; at < o->size; at++) {
        spt_file_info info;
        const unsigned char bad = o->bytes[at] ^ 0x10;
        assert_ok(spt_io_write(o->fd, copy, &bad, 1, at, &err), err);
        spt_status status = spt_file_info_read(copy, &info, &err);
        if (status == SPT_OK)
            fail_msg("byte %zu of the sums or the seal: is taken as good", at);
        assert_refused(status, &err, "info", "flipped byte", at);
        assert_ok(spt_io_write(o->fd, copy, &o->bytes[at], 1, at, &err), err);
    }
}

static void damage_everywhere(const char *name, void damage(original *o)) {
    original o;
    take_original(&o, name);
    damage(&o);
    free_original(&o);
}

/* ---- files */

static void write_file(void) {
    made_sweep *s = make_sweep(SMALL);
    write_sweep(path, s, SPT_STORE_NEW);
    free_sweep(s);
}

static void write_shard(const char *name, size_t index) {
    made_sweep *s = make_sweep(SMALL), *part = make_shard(s, index, 2);
    write_sweep(name, part, SPT_STORE_NEW);
    free_shard(part);
    free_sweep(s);
}

static void a_flipped_byte_of_a_file_is_found(void **state) {
    (void)state;
    write_file();
    damage_everywhere(path, flip_bytes);
}

static void a_cut_of_a_file_is_found(void **state) {
    (void)state;
    write_file();
    damage_everywhere(path, cut_to_lengths);
}

static void a_file_with_a_damaged_seal_is_not_read(void **state) {
    (void)state;
    write_file();
    damage_everywhere(path, flip_the_end);
}

static void a_flipped_byte_of_a_shard_is_found(void **state) {
    (void)state;
    write_shard(path, 1);
    damage_everywhere(path, flip_bytes);
}

static void a_cut_of_a_shard_is_found(void **state) {
    (void)state;
    write_shard(path, 1);
    damage_everywhere(path, cut_to_lengths);
}

/* ---- heaps beyond the head of a large file, which info does not sum: HDF5 1.10 crashes over a damaged one */

static void ask_for_texts(const original *o, const char *damage, size_t at) {
    spt_error err = {0};
    spt_h5 h;
    spt_h5_begin(&h, copy, &err);
    spt_h5_open_to_read(&h);
    for (size_t r = 0; r < o->info.n_runs && h.status == SPT_OK; r++) {
        char array_path[64], text[64];
        snprintf(array_path, sizeof array_path, "/weights/%zu/0/weight", o->info.run_numbers[r]);
        hid_t array = H5Dopen2(h.file, array_path, H5P_DEFAULT);
        spt_h5_get_text_into(&h, array, "long_name", text, sizeof text);
        if (h.status == SPT_OK && strcmp(text, "weight of layer 0") != 0)
            fail_msg("%s %zu: the text \"%s\" is taken as good", damage, at, text);
        if (array >= 0)
            H5Dclose(array);
    }
    spt_status status = spt_h5_end(&h);
    if (status != SPT_OK)
        assert_refused(status, &err, "texts", damage, at);
}

/* Of a shard with its data set, of more than 1 MB, which the heap with the texts of its weights follows. */
static void write_large_shard(void) {
    made_sweep *s = make_sweep(
        (sweep_shape){.n_runs = 4, .n_probes = 4, .points = 2, .keep_data = true, .inputs = 100, .train = 3000});
    made_sweep *part = make_shard(s, 0, 2);
    write_sweep(path, part, SPT_STORE_NEW);
    free_shard(part);
    free_sweep(s);
}

static void a_flipped_byte_of_a_heap_in_a_large_shard_crashes_nothing(void **state) {
    (void)state;
    enum { HEAP_BYTES = 4096 };
    write_large_shard();
    original o;
    spt_error err = {0};
    take_original(&o, path);
    ask_for_texts(&o, "undamaged, bytes", o.size);
    size_t heaps = 0;
    for (size_t heap = SPT_SEAL_HEAD_BYTES; heap + HEAP_BYTES <= o.hdf5_size; heap++) {
        if (memcmp(o.bytes + heap, "GCOL", 4) != 0)
            continue;
        heaps++;
        for (size_t at = heap; at<heap + HEAP_BYTES; at += thoroughness()> 1 || at < heap + 64 ? 1 : 61) {
            unsigned char bad = change(o.bytes[at], at, 8);
            assert_ok(spt_io_write(o.fd, copy, &bad, 1, at, &err), err);
            ask_info(&o, "flipped byte", at);
            ask_merge(&o, false, true, "flipped byte", at);
            ask_for_texts(&o, "flipped byte", at);
            assert_ok(spt_io_write(o.fd, copy, &o.bytes[at], 1, at, &err), err);
        }
    }
    if (heaps == 0)
        fail_msg("no heap beyond %d of %zu bytes", SPT_SEAL_HEAD_BYTES, o.hdf5_size);
    free_original(&o);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_flipped_byte_of_a_file_is_found),
        TEST(a_cut_of_a_file_is_found),
        TEST(a_file_with_a_damaged_seal_is_not_read),
        TEST(a_flipped_byte_of_a_shard_is_found),
        TEST(a_cut_of_a_shard_is_found),
        TEST(a_flipped_byte_of_a_heap_in_a_large_shard_crashes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
