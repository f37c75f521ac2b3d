/* Shards' files into the file of the whole sweep. */
#include "store/merge.h"
#include "store_file.h"

enum { SHARDS_MAX = 5 };

static char *folder, whole[300], merged[300], shard_path[SHARDS_MAX][300];

static int set_up(void **state) {
    (void)state;
    folder = make_folder_in_memory();
    snprintf(whole, sizeof whole, "%s/whole.h5", folder);
    snprintf(merged, sizeof merged, "%s/merged.h5", folder);
    for (size_t i = 0; i < SHARDS_MAX; i++)
        snprintf(shard_path[i], sizeof shard_path[i], "%s/shard%zu.h5", folder, i);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

typedef struct merging {
    spt_merge merge;
    spt_merge_source sources[SHARDS_MAX];
    spt_run_status *status;
    uint64_t *diverged;
} merging;

/* What is known of the shards of a sweep, as spt_shards_merge gathers it. */
static merging gather(const made_sweep *s, const size_t *shards, size_t n) {
    merging m = {.status = calloc(s->shape.n_runs, sizeof *m.status),
                 .diverged = calloc(s->shape.n_runs, sizeof *m.diverged)};
    spt_error err = {0};
    size_t there = 0;
    for (size_t r = 0; r < s->shape.n_runs; r++)
        m.diverged[r] = SPT_STEP_NONE;
    for (size_t i = 0; i < n; i++) {
        assert_ok(spt_merge_source_open(shard_path[shards[i]], true, &m.sources[i], &err), err);
        const spt_merge_source *source = &m.sources[i];
        for (size_t k = 0; k < source->info.n_runs; k++, there++) {
            size_t run = source->info.run_numbers[k];
            m.status[run] = (spt_run_status)source->info.status[k];
            m.diverged[run] = source->diverged[k] < 0 ? SPT_STEP_NONE : (uint64_t)source->diverged[k];
        }
    }
    m.merge = (spt_merge){.spec = &s->spec,
                          .n_sources = n,
                          .status = m.status,
                          .diverged_step = m.diverged,
                          .complete = there == s->shape.n_runs,
                          .folder = folder,
                          .staging_bytes = SPT_MERGE_STAGING_BYTES,
                          .slab_bytes = SPT_MERGE_SLAB_BYTES};
    return m;
}

static spt_status fill(int fd, const char *path, uint64_t *bytes, void *user, spt_error *err) {
    return spt_merge_write(user, fd, path, bytes, err);
}

static spt_status write_merged(merging *m, spt_error *err) {
    spt_output output;
    m->merge.sources = m->sources;
    spt_status status = spt_output_init(&output, merged, err);
    if (status == SPT_OK)
        status = spt_output_lock(&output, err);
    if (status == SPT_OK)
        status = spt_output_publish(&output, fill, &m->merge, err);
    spt_output_remove_folder(&output);
    spt_output_free(&output);
    return status;
}

static void release(merging *m) {
    for (size_t i = 0; i < m->merge.n_sources; i++)
        spt_merge_source_close(&m->sources[i]);
    free(m->status);
    free(m->diverged);
}

static void write_shards(const made_sweep *s, size_t count) {
    for (size_t i = 0; i < count; i++) {
        made_sweep *part = make_shard(s, i, count);
        write_sweep(shard_path[i], part, SPT_STORE_REPLACE);
        free_shard(part);
    }
}

static const size_t ALL[] = {0, 1, 2, 3, 4};

static const struct {
    sweep_shape shape;
    size_t shards;
} SHAPES[] = {
    {{.n_runs = 7}, 3},
    {{.n_runs = 4, .n_probes = 2, .points = 3}, 2},
    {{.n_runs = 5, .n_probes = 2, .two_dims = true, .points = 2}, 3},
    {{.n_runs = 6, .text_axis = true}, 4},
    {{.n_runs = 6, .regression = true, .keep_data = true, .n_probes = 1}, 2},
    {{.n_runs = 9, .n_datasets = 3, .keep_data = true, .n_probes = 1, .points = 4}, 2},
    {{.n_runs = 9, .n_datasets = 3, .keep_data = true, .n_probes = 1, .points = 4}, 3}, /* a data set a shard */
    {{.n_runs = 6, .uneven_steps = true}, 3},                                           /* even within each shard */
    {{.n_runs = 6, .n_records = 6, .diverged_run = 2, .n_probes = 1, .points = 2}, 2},  /* networks as deep in each */
    {{.n_runs = 3, .test = SIZE_MAX}, 2},
    {{.n_runs = 20, .n_records = 60, .n_probes = 1, .frequencies = 100, .width = 60, .n_snapshots = 20}, 5},
};

static void merged_shards_hold_what_the_whole_sweep_would(void **state) {
    (void)state;
    static const size_t staging[] = {SPT_MERGE_STAGING_BYTES, 1000, 1};
    static const size_t slab[] = {SPT_MERGE_SLAB_BYTES, 500, 1};
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        made_sweep *s = make_sweep(SHAPES[i].shape);
        write_sweep(whole, s, SPT_STORE_REPLACE);
        write_shards(s, SHAPES[i].shards);
        /* As usual; and with so little memory that all is done in many passes and blocks. */
        for (size_t k = 0; k < (s->shape.width < 60 ? 3 : 2); k++) {
            spt_error err = {0};
            merging m = gather(s, ALL, SHAPES[i].shards);
            m.merge.staging_bytes = staging[k];
            m.merge.slab_bytes = slab[k];
            assert_ok(write_merged(&m, &err), err);
            assert_files_equal(whole, merged);
            assert_ok(spt_file_verify(merged, &err), err);
            release(&m);
        }
        free_sweep(s);
    }
}

/* What an interrupted sweep leaves: the runs of these shards are through, the others were not begun. */
static void write_interrupted(const made_sweep *s, const size_t *shards, size_t n, size_t count) {
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(whole, &s->spec, SPT_STORE_REPLACE, &store, &complete, &err), err);
    for (size_t d = 0; d < s->shape.n_datasets; d++)
        assert_ok(put_dataset(store, s, d, &err), err);
    for (size_t i = 0; i < n; i++)
        for (size_t r = shards[i]; r < s->shape.n_runs; r += count)
            assert_ok(put_run(store, s, r, SIZE_MAX, &err), err);
    assert_ok(spt_store_finish(store, false, &err), err);
    spt_store_close(store);
}

static void some_shards_hold_what_an_interrupted_sweep_would(void **state) {
    (void)state;
    static const size_t some[] = {0, 2};
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        if (SHAPES[i].shards < 3 || SHAPES[i].shape.n_datasets > 1)
            continue; /* an interrupted sweep has all of its data */
        spt_error err = {0};
        made_sweep *s = make_sweep(SHAPES[i].shape);
        write_interrupted(s, some, 2, SHAPES[i].shards);
        write_shards(s, SHAPES[i].shards);
        merging m = gather(s, some, 2);
        assert_ok(write_merged(&m, &err), err);
        assert_files_equal(whole, merged);
        assert_ok(spt_file_verify(merged, &err), err);
        release(&m);
        free_sweep(s);
    }
}

/* An array of a virtual file and of another, by value. */
static void assert_same_floats(const char *path, const char *array) {
    hid_t a = open_file(whole), b = open_file(path);
    size_t n, m;
    float *x = read_whole(a, array, H5T_NATIVE_FLOAT, &n), *y = read_whole(b, array, H5T_NATIVE_FLOAT, &m);
    assert_int_equal(n, m);
    if (memcmp(x, y, n * sizeof *x) != 0)
        fail_msg("%s differs", array);
    free(x);
    free(y);
    H5Fclose(a);
    H5Fclose(b);
}

static void views_show_what_the_whole_sweep_would_hold(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        spt_error err = {0};
        made_sweep *s = make_sweep(SHAPES[i].shape);
        write_sweep(whole, s, SPT_STORE_REPLACE);
        write_shards(s, SHAPES[i].shards);
        merging m = gather(s, ALL, SHAPES[i].shards);
        m.merge.is_virtual = true;
        assert_ok(write_merged(&m, &err), err);
        assert_ok(spt_file_verify(merged, &err), err);
        for (int k = 0; k < SPT_METRIC_COUNT; k++) {
            char name[64];
            snprintf(name, sizeof name, "/metrics/%s", spt_metric_name((spt_metric)k));
            assert_same_floats(merged, name);
        }
        assert_same_floats(merged, "/metrics/spectral_norm");
        for (size_t p = 0; p < s->shape.n_probes; p++) {
            char name[64];
            snprintf(name, sizeof name, "/probes/%s/energy", s->probe_names[p]);
            assert_same_floats(merged, name);
        }
        if (s->shape.keep_data)
            assert_same_floats(merged, "/data/train_x");
        for (size_t r = 0; r < s->shape.n_runs; r++) {
            char name[64];
            snprintf(name, sizeof name, "/weights/%zu/%zu/weight", r, s->arenas[r].layers - 1);
            assert_same_floats(merged, name);
        }
        release(&m);
        free_sweep(s);
    }
}

static void a_shard_that_changes_while_it_is_merged_is_told(void **state) {
    (void)state;
    spt_error err = {0};
    made_sweep *s = make_sweep((sweep_shape){.n_runs = 4});
    write_shards(s, 2);
    merging m = gather(s, ALL, 2);
    made_sweep *part = make_shard(s, 1, 2);
    write_sweep(shard_path[1], part, SPT_STORE_REPLACE);
    assert_int_equal(write_merged(&m, &err), SPT_EMISMATCH);
    assert_non_null(strstr(err.message, "shard1.h5: has become another file"));
    assert_false(is_there(merged));
    free_shard(part);
    release(&m);
    free_sweep(s);
}

/* ---- blocks */

static void blocks_cover_a_box_once(void **state) {
    (void)state;
    const hsize_t first[] = {2, 0, 1}, end[] = {5, 4, 6};
    for (size_t limit = 1; limit < 600; limit += 7)
        for (size_t whole_from = 1; whole_from <= 3; whole_from++) {
            unsigned char seen[5][4][6] = {{{0}}};
            spt_merge_blocks blocks;
            spt_merge_blocks_begin(&blocks, 3, first, end, 4, whole_from, limit);
            while (spt_merge_blocks_next(&blocks)) {
                bool fits = spt_merge_block_size(&blocks) * 4 <= limit, one = true;
                for (size_t i = 0; i < whole_from; i++)
                    one = one && blocks.count[i] == 1;
                assert_true(fits || one);
                for (size_t i = blocks.start[0]; i < blocks.start[0] + blocks.count[0]; i++)
                    for (size_t j = blocks.start[1]; j < blocks.start[1] + blocks.count[1]; j++)
                        for (size_t k = blocks.start[2]; k < blocks.start[2] + blocks.count[2]; k++)
                            seen[i][j][k]++;
            }
            for (size_t i = 0; i < 5; i++)
                for (size_t j = 0; j < 4; j++)
                    for (size_t k = 0; k < 6; k++)
                        assert_int_equal(seen[i][j][k], i >= 2 && k >= 1);
        }
    spt_merge_blocks none;
    const hsize_t nothing[] = {2, 0, 1};
    spt_merge_blocks_begin(&none, 3, first, nothing, 4, 3, 100);
    assert_false(spt_merge_blocks_next(&none));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(merged_shards_hold_what_the_whole_sweep_would, set_up, tear_down),
        cmocka_unit_test_setup_teardown(some_shards_hold_what_an_interrupted_sweep_would, set_up, tear_down),
        cmocka_unit_test_setup_teardown(views_show_what_the_whole_sweep_would_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_shard_that_changes_while_it_is_merged_is_told, set_up, tear_down),
        cmocka_unit_test(blocks_cover_a_box_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
