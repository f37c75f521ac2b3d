/* Write files of fabricated sweeps of many shapes, for the checks in Python: write_shapes FOLDER. */
#include "unit/store_sweep.h"

static const struct {
    const char *name;
    sweep_shape shape;
    bool partial, shard;
} FILES[] = {
    {"small", {0}, false, false},
    {"probes", {.n_runs = 4, .n_probes = 2, .points = 3}, false, false},
    {"two_dims", {.n_probes = 2, .two_dims = true, .points = 2}, false, false},
    {"texts", {.n_runs = 6, .text_axis = true}, false, false},
    {"regression", {.regression = true, .keep_data = true, .n_probes = 1}, false, false},
    {"data_sets", {.n_runs = 6, .n_datasets = 3, .keep_data = true, .n_probes = 1, .points = 4}, false, false},
    {"uneven", {.n_runs = 5, .uneven_steps = true}, false, false},
    {"diverged", {.n_runs = 3, .n_records = 6, .diverged_run = 2, .n_probes = 1, .points = 2}, false, false},
    {"no_test", {.test = SIZE_MAX}, false, false},
    {"chunked",
     {.n_runs = 20, .n_records = 60, .n_probes = 1, .frequencies = 100, .width = 60, .n_snapshots = 20},
     false,
     false},
    {"partial", {.n_runs = 3, .n_probes = 1, .points = 2}, true, false},
    {"shard", {.n_runs = 11, .n_datasets = 2, .n_probes = 1, .points = 2}, false, true},
};

static void write_partial(const char *path, const made_sweep *s) {
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_ok(put_run(store, s, 0, SIZE_MAX, &err), err);
    assert_ok(put_run(store, s, 1, 2, &err), err);
    assert_ok(spt_store_finish(store, false, &err), err);
    spt_store_close(store);
}

static void files_of_all_shapes_are_written(void **state) {
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.h5", (const char *)*state, FILES[i].name);
        made_sweep *s = make_sweep(FILES[i].shape), *shard = FILES[i].shard ? make_shard(s, 1, 3) : NULL;
        if (FILES[i].partial)
            write_partial(path, s);
        else
            write_sweep(path, shard != NULL ? shard : s, SPT_STORE_REPLACE);
        if (shard != NULL)
            free_shard(shard);
        free_sweep(s);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: write_shapes FOLDER\n");
        return 2;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(files_of_all_shapes_are_written, argv[1])};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
