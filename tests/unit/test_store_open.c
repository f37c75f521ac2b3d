/* When a store opens, what it refuses, and that a refusal leaves nothing behind. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "store/lock.h"
#include "store_file.h"

static char *folder, path[300], part[310], journal[320];

static int set_up(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/sweep.h5", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(journal, sizeof journal, "%s/journal", part);
    ignore_missing();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

static spt_status open_only(const char *name, const made_sweep *s, spt_store_mode mode, bool *complete,
                            spt_error *err) {
    spt_store *store = (spt_store *)1;
    spt_status status = spt_store_open(name, &s->spec, mode, &store, complete, err);
    if (status != SPT_OK || *complete)
        assert_null(store);
    spt_store_close(store);
    return status;
}

/* Refused, with these words in the message, which names the file first. */
static void assert_refused(const made_sweep *s, spt_store_mode mode, spt_status expected, const char *words) {
    spt_error err = {0};
    bool complete = true;
    spt_status status = open_only(path, s, mode, &complete, &err);
    if (status != expected || strstr(err.message, words) == NULL || strncmp(err.message, path, strlen(path)) != 0)
        fail_msg("status %s, \"%s\"; expected %s with \"%s\"", spt_status_name(status), err.message,
                 spt_status_name(expected), words);
    assert_false(complete);
}

static void interrupt_sweep(const made_sweep *s, bool with_file) {
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_ok(put_run(store, s, 0, SIZE_MAX, &err), err);
    assert_ok(put_run(store, s, 1, 2, &err), err);
    if (with_file)
        assert_ok(spt_store_finish(store, false, &err), err);
    spt_store_close(store);
}

/* ---- names and folders */

static void names_that_do_not_end_in_h5_are_refused(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    static const char *const names[] = {"sweep.hdf5", "sweep", ".h5", "sweep.h5x", "h5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_refused(s, SPT_STORE_NEW, SPT_EINVAL, "must end in .h5");
    }
    assert_int_equal(count_names(folder), 0);
    free_sweep(s);
}

static void a_missing_parent_folder_is_named(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    snprintf(path, sizeof path, "%s/nowhere/sweep.h5", folder);
    assert_refused(s, SPT_STORE_NEW, SPT_EINVAL, "there is no folder");
    assert_refused(s, SPT_STORE_RESUME, SPT_EINVAL, "there is no folder");
    assert_int_equal(count_names(folder), 0);
    free_sweep(s);
}

static void a_folder_in_the_files_place_is_refused(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    mkdir(path, 0777);
    assert_refused(s, SPT_STORE_REPLACE, SPT_EINVAL, "is not a file");
    assert_int_equal(count_names(folder), 1);
    free_sweep(s);
}

static void a_file_in_the_folders_place_is_refused(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    fclose(fopen(part, "w"));
    assert_refused(s, SPT_STORE_NEW, SPT_EINVAL, "is not a folder");
    assert_true(is_there(part));
    free_sweep(s);
}

static void a_folder_without_permission_leaves_nothing_behind(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    chmod(folder, 0555);
    pid_t child = fork();
    if (child == 0) { /* nothing is forbidden to root, so as somebody else */
        spt_error err = {0};
        bool complete;
        bool refused = (geteuid() != 0 || setuid(65534) == 0) &&
                       open_only(path, s, SPT_STORE_NEW, &complete, &err) == SPT_EIO &&
                       strstr(err.message, "cannot be written to: Permission denied") != NULL;
        _exit(refused ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    chmod(folder, 0700);
    assert_int_equal(count_names(folder), 0);
    free_sweep(s);
}

static void a_bare_name_is_in_the_working_folder(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    int before = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(chdir(folder), 0);
    write_sweep("bare.h5", s, SPT_STORE_NEW);
    assert_true(is_there("bare.h5"));
    assert_int_equal(count_names("."), 1);
    assert_int_equal(fchdir(before), 0);
    close(before);
    free_sweep(s);
}

/* ---- new */

static void a_finished_sweep_leaves_one_file_and_no_folder(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    write_sweep(path, s, SPT_STORE_NEW);
    assert_int_equal(count_names(folder), 1);
    assert_true(is_there(path));
    free_sweep(s);
}

static void a_new_store_refuses_a_file_that_is_there(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    write_sweep(path, s, SPT_STORE_NEW);
    uint64_t bytes = size_of(path);
    assert_refused(s, SPT_STORE_NEW, SPT_EEXIST, "--resume goes on, --force starts anew");
    assert_int_equal(size_of(path), bytes);
    assert_int_equal(count_names(folder), 1);
    free_sweep(s);
}

static void a_new_store_refuses_a_folder_that_is_there(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    interrupt_sweep(s, false);
    uint64_t bytes = size_of(journal);
    assert_refused(s, SPT_STORE_NEW, SPT_EEXIST, "--resume goes on, --force starts anew");
    assert_int_equal(size_of(journal), bytes);
    free_sweep(s);
}

static void a_closed_store_without_finish_leaves_its_folder(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    interrupt_sweep(s, false);
    assert_true(is_there(journal));
    assert_false(is_there(path));
    free_sweep(s);
}

static void a_store_without_a_record_leaves_no_folder(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    spt_store_close(store);
    assert_int_equal(count_names(folder), 0);
    free_sweep(s);
}

static void a_partial_file_without_a_record_can_be_resumed(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(spt_store_finish(store, false, &err), err);
    spt_store_close(store);
    assert_int_equal(count_names(folder), 2);
    write_sweep(path, s, SPT_STORE_RESUME);
    assert_int_equal(count_names(folder), 1);
    free_sweep(s);
}

/* ---- replace */

static void replacing_keeps_the_old_file_until_the_new_one_is_whole(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0}), *wider = make_sweep((sweep_shape){.n_runs = 5, .width = 9});
    write_sweep(path, s, SPT_STORE_NEW);
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &wider->spec, SPT_STORE_REPLACE, &store, &complete, &err), err);
    assert_ok(put_all(store, wider, &err), err);
    spt_file_info info;
    assert_ok(spt_file_info_read(path, &info, &err), err);
    assert_int_equal(info.n_runs, 3);
    spt_file_info_free(&info);
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
    assert_ok(spt_file_info_read(path, &info, &err), err);
    assert_int_equal(info.n_runs, 5);
    spt_file_info_free(&info);
    free_sweep(wider);
    free_sweep(s);
}

static void replacing_forgets_records_and_states_of_before(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    interrupt_sweep(s, true);
    spt_error err = {0};
    spt_store *store;
    bool complete, found = true;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_REPLACE, &store, &complete, &err), err);
    void *arena = alloc_state(s, 0);
    assert_ok(spt_store_state_load(store, 0, arena, &found, &err), err);
    assert_false(found);
    spt_memory_free(arena);
    assert_int_equal(put_record(store, s, 0, 0, &err), SPT_EINVAL); /* its data set is forgotten too */
    spt_store_close(store);
    free_sweep(s);
}

/* ---- resume */

static void resuming_from_nothing_starts_anew(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    write_sweep(path, s, SPT_STORE_RESUME);
    assert_true(is_there(path));
    free_sweep(s);
}

static void resume_and_compare(bool with_file) {
    char whole[320];
    snprintf(whole, sizeof whole, "%s/whole.h5", folder);
    made_sweep *s = make_sweep((sweep_shape){.n_probes = 1, .points = 2});
    write_sweep(whole, s, SPT_STORE_NEW);
    interrupt_sweep(s, with_file);
    assert_int_equal(is_there(path), with_file);
    spt_error err = {0};
    spt_store *store;
    bool complete, found;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
    for (size_t r = 0; r < 3; r++) {
        void *arena = alloc_state(s, r), *expected = alloc_state(s, r);
        assert_ok(spt_store_state_load(store, r, arena, &found, &err), err);
        assert_int_equal(found, r < 2);
        fill_state(s, r, r == 0 ? 12 : 2, expected); /* epochs 0, 1, 3, 6 of two steps */
        if (found)
            assert_memory_equal(arena, expected, s->arenas[r].bytes);
        spt_memory_free(expected);
        spt_memory_free(arena);
    }
    assert_ok(put_all(store, s, &err), err);
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
    assert_files_equal(path, whole);
    assert_int_equal(count_names(folder), 2);
    free_sweep(s);
}

static void an_interrupted_sweep_goes_on_to_the_same_file(void **state) {
    (void)state;
    resume_and_compare(false);
}

static void an_interrupted_sweep_with_its_partial_file_goes_on_to_the_same_file(void **state) {
    (void)state;
    resume_and_compare(true);
}

static void resuming_a_complete_file_finds_nothing_to_do(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    write_sweep(path, s, SPT_STORE_NEW);
    s->spec.device = "Some other processor, 8 threads";
    spt_error err = {0};
    bool complete = false;
    assert_ok(open_only(path, s, SPT_STORE_RESUME, &complete, &err), err);
    assert_true(complete);
    assert_int_equal(count_names(folder), 1);
    free_sweep(s);
}

static void resuming_a_complete_file_whose_folder_was_half_removed_finds_nothing_to_do(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    write_sweep(path, s, SPT_STORE_NEW);
    mkdir(part, 0777);
    spt_error err = {0};
    bool complete = false;
    assert_ok(open_only(path, s, SPT_STORE_RESUME, &complete, &err), err);
    assert_true(complete);
    assert_int_equal(count_names(folder), 1);
    free_sweep(s);
}

static void resuming_a_complete_file_of_another_config_names_the_line(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0}), *wider = make_sweep((sweep_shape){.width = 9});
    write_sweep(path, s, SPT_STORE_NEW);
    assert_refused(wider, SPT_STORE_RESUME, SPT_EMISMATCH, "there `model: {width: 3}`, here `model: {width: 9}`");
    free_sweep(wider);
    free_sweep(s);
}

static void resuming_with_another_config_names_the_line_and_changes_nothing(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0}), *wider = make_sweep((sweep_shape){.width = 9});
    interrupt_sweep(s, false);
    uint64_t bytes = size_of(journal);
    assert_refused(wider, SPT_STORE_RESUME, SPT_EMISMATCH, "there `model: {width: 3}`, here `model: {width: 9}`");
    assert_int_equal(size_of(journal), bytes);
    free_sweep(wider);
    free_sweep(s);
}

static void resuming_compares_everything_that_decides_the_bits(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    interrupt_sweep(s, false);
    const spt_store_spec spec = s->spec;
    s->spec.backend = "cuda";
    assert_refused(s, SPT_STORE_RESUME, SPT_EMISMATCH, "there `backend: fabricated`, here `backend: cuda`");
    s->spec = spec;
    s->spec.precision = "tf32";
    assert_refused(s, SPT_STORE_RESUME, SPT_EMISMATCH, "here `precision: tf32`");
    s->spec = spec;
    s->spec.denormals = "kept";
    assert_refused(s, SPT_STORE_RESUME, SPT_EMISMATCH, "here `denormals: kept`");
    s->spec = spec;
    s->spec.device = "Another processor, 2 threads, Some BLAS";
    assert_refused(s, SPT_STORE_RESUME, SPT_EMISMATCH, "here `device: Another processor");
    s->spec = spec;
    s->models[1].width++;
    assert_refused(s, SPT_STORE_RESUME, SPT_EMISMATCH, "have other sizes");
    s->models[1].width--;
    s->spec.records.epoch[1]++;
    assert_refused(s, SPT_STORE_RESUME, SPT_EMISMATCH, "have other sizes");
    s->spec.records.epoch[1]--;
    spt_error err = {0};
    bool complete;
    assert_ok(open_only(path, s, SPT_STORE_RESUME, &complete, &err), err);
    free_sweep(s);
}

static void the_number_of_threads_may_change(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    interrupt_sweep(s, false);
    s->spec.device = "Some processor, 1 thread, Some BLAS";
    spt_error err = {0};
    bool complete;
    assert_ok(open_only(path, s, SPT_STORE_RESUME, &complete, &err), err);
    free_sweep(s);
}

static void an_incomplete_file_without_its_folder_cannot_be_resumed(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    interrupt_sweep(s, true);
    remove_tree(part);
    assert_refused(s, SPT_STORE_RESUME, SPT_EEXIST, "is not there; --force starts anew");
    assert_int_equal(count_names(folder), 1);
    free_sweep(s);
}

static void a_foreign_file_cannot_be_resumed(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    FILE *text = fopen(path, "w");
    fputs("not ours", text);
    fclose(text);
    assert_refused(s, SPT_STORE_RESUME, SPT_EEXIST, "not an HDF5 file");
    assert_int_equal(size_of(path), 8);
    free_sweep(s);
}

static void an_interrupted_replacement_goes_on_beside_the_old_file(void **state) {
    (void)state;
    made_sweep *old = make_sweep((sweep_shape){0}), *s = make_sweep((sweep_shape){.width = 6});
    write_sweep(path, old, SPT_STORE_NEW);
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_REPLACE, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_ok(put_run(store, s, 0, 2, &err), err);
    spt_store_close(store);
    write_sweep(path, s, SPT_STORE_RESUME);
    spt_file_info info;
    assert_ok(spt_file_info_read(path, &info, &err), err);
    assert_string_equal(info.config, s->config);
    spt_file_info_free(&info);
    free_sweep(s);
    free_sweep(old);
}

/* ---- data sets */

static void other_data_are_refused_on_resume(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_probes = 1, .points = 2});
    interrupt_sweep(s, false);
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
    assert_ok(put_dataset(store, s, 0, &err), err);
    s->datasets[0].sha256[3] = '0';
    assert_int_equal(put_dataset(store, s, 0, &err), SPT_EMISMATCH);
    assert_non_null(strstr(err.message, "data set 0: its sha256 is aaa0aaaa"));
    s->datasets[0].sha256[3] = 'a';
    s->probes[0]->direction[4] += 1.0f;
    assert_int_equal(put_dataset(store, s, 0, &err), SPT_EMISMATCH);
    assert_non_null(strstr(err.message, "other labels or probes"));
    s->probes[0]->direction[4] -= 1.0f;
    assert_ok(put_dataset(store, s, 0, &err), err);
    spt_store_close(store);
    free_sweep(s);
}

static void a_data_set_of_other_sizes_than_planned_is_refused(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){.n_probes = 1});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    s->datasets[0].train.n--;
    assert_int_equal(put_dataset(store, s, 0, &err), SPT_EMISMATCH);
    s->datasets[0].train.n++;
    s->probes[0]->energy_size--;
    assert_int_equal(put_dataset(store, s, 0, &err), SPT_EMISMATCH);
    s->probes[0]->energy_size++;
    assert_int_equal(put_record(store, s, 0, 0, &err), SPT_EINVAL);
    assert_non_null(strstr(err.message, "must be put before its records"));
    assert_ok(put_dataset(store, s, 0, &err), err);
    assert_int_equal(put_record(store, s, 0, 99, &err), SPT_EINVAL);
    assert_int_equal(spt_store_put_record(store, 99, 0, NULL, NULL, NULL, &err), SPT_EINVAL);
    assert_string_equal(err.message, "run 99: the sweep has runs 0 to 2");
    spt_store_close(store);
    free_sweep(s);
}

static void nothing_can_be_put_after_the_end(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_ok(put_all(store, s, &err), err);
    assert_ok(spt_store_finish(store, true, &err), err);
    assert_int_equal(put_record(store, s, 0, 0, &err), SPT_EINVAL);
    assert_int_equal(put_dataset(store, s, 0, &err), SPT_EINVAL);
    assert_int_equal(spt_store_finish(store, true, &err), SPT_EINVAL);
    spt_store_close(store);
    free_sweep(s);
}

/* ---- one writer */

static void a_second_writer_is_refused_at_once_and_told_who_writes(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    spt_error err = {0};
    spt_store *store;
    bool complete;
    char holder[64];
    snprintf(holder, sizeof holder, "in use by process %ld on ", (long)getpid());
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err), err);
    assert_refused(s, SPT_STORE_NEW, SPT_EEXIST, holder);
    assert_refused(s, SPT_STORE_RESUME, SPT_EEXIST, holder);
    assert_refused(s, SPT_STORE_REPLACE, SPT_EEXIST, holder);
    assert_ok(put_all(store, s, &err), err); /* the first one goes on unharmed */
    assert_ok(spt_store_finish(store, true, &err), err);
    spt_store_close(store);
    assert_ok(spt_file_verify(path, &err), err);
    free_sweep(s);
}

static void the_lock_of_a_killed_process_is_free(void **state) {
    (void)state;
    made_sweep *s = make_sweep((sweep_shape){0});
    pid_t child = fork();
    if (child == 0) {
        spt_error err = {0};
        spt_store *store;
        bool complete;
        int failed = spt_store_open(path, &s->spec, SPT_STORE_NEW, &store, &complete, &err) != SPT_OK ||
                     put_dataset(store, s, 0, &err) != SPT_OK || put_run(store, s, 0, 3, &err) != SPT_OK ||
                     spt_store_flush(store, &err) != SPT_OK;
        if (failed)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    spt_error err = {0};
    spt_store *store;
    bool complete, found;
    assert_ok(spt_store_open(path, &s->spec, SPT_STORE_RESUME, &store, &complete, &err), err);
    void *arena = alloc_state(s, 0);
    assert_ok(spt_store_state_load(store, 0, arena, &found, &err), err);
    assert_true(found);
    assert_int_equal(spt_arena_counters(&s->arenas[0], arena)->step, 6);
    spt_memory_free(arena);
    spt_store_close(store);
    free_sweep(s);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(names_that_do_not_end_in_h5_are_refused),
        TEST(a_missing_parent_folder_is_named),
        TEST(a_folder_in_the_files_place_is_refused),
        TEST(a_file_in_the_folders_place_is_refused),
        TEST(a_folder_without_permission_leaves_nothing_behind),
        TEST(a_bare_name_is_in_the_working_folder),
        TEST(a_finished_sweep_leaves_one_file_and_no_folder),
        TEST(a_new_store_refuses_a_file_that_is_there),
        TEST(a_new_store_refuses_a_folder_that_is_there),
        TEST(a_closed_store_without_finish_leaves_its_folder),
        TEST(a_store_without_a_record_leaves_no_folder),
        TEST(a_partial_file_without_a_record_can_be_resumed),
        TEST(replacing_keeps_the_old_file_until_the_new_one_is_whole),
        TEST(replacing_forgets_records_and_states_of_before),
        TEST(resuming_from_nothing_starts_anew),
        TEST(an_interrupted_sweep_goes_on_to_the_same_file),
        TEST(an_interrupted_sweep_with_its_partial_file_goes_on_to_the_same_file),
        TEST(resuming_a_complete_file_finds_nothing_to_do),
        TEST(resuming_a_complete_file_whose_folder_was_half_removed_finds_nothing_to_do),
        TEST(resuming_a_complete_file_of_another_config_names_the_line),
        TEST(resuming_with_another_config_names_the_line_and_changes_nothing),
        TEST(resuming_compares_everything_that_decides_the_bits),
        TEST(the_number_of_threads_may_change),
        TEST(an_incomplete_file_without_its_folder_cannot_be_resumed),
        TEST(a_foreign_file_cannot_be_resumed),
        TEST(an_interrupted_replacement_goes_on_beside_the_old_file),
        TEST(other_data_are_refused_on_resume),
        TEST(a_data_set_of_other_sizes_than_planned_is_refused),
        TEST(nothing_can_be_put_after_the_end),
        TEST(a_second_writer_is_refused_at_once_and_told_who_writes),
        TEST(the_lock_of_a_killed_process_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
