/* The lock of a folder: one process has it, by flock or, where a file system has none, by name. */
#include <fcntl.h>
#include <sys/wait.h>

#include "store/lock.h"
#include "store_sweep.h"

static char *folder;

static int set_up(void **state) {
    (void)state;
    folder = make_folder();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    remove_tree(folder);
    return 0;
}

static void without_flock_a_lock_by_name_holds_while_its_process_lives(void **state) {
    (void)state;
    spt_lock first, second;
    spt_error err = {0};
    char pid[320], holder[64];
    snprintf(pid, sizeof pid, "%s/lock.pid", folder);
    snprintf(holder, sizeof holder, "in use by process %ld on ", (long)getpid());
    assert_ok(spt_lock_take_by_name(&first, folder, &err), err);
    assert_int_equal(spt_lock_take_by_name(&second, folder, &err), SPT_EEXIST);
    assert_non_null(strstr(err.message, holder));
    spt_lock_release(&first);
    assert_false(is_there(pid));

    pid_t child = fork();
    if (child == 0)
        _exit(spt_lock_take_by_name(&first, folder, &err) == SPT_OK ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(is_there(pid)); /* the child did not give it back */
    assert_ok(spt_lock_take_by_name(&second, folder, &err), err);
    spt_lock_release(&second);
    assert_int_equal(count_names(folder), 0);
}

static void whether_a_lock_is_taken_can_be_looked_at_without_taking_it(void **state) {
    (void)state;
    spt_lock lock;
    spt_error err = {0};
    assert_false(spt_lock_is_taken(folder));
    assert_int_equal(count_names(folder), 0);
    assert_ok(spt_lock_take(&lock, folder, &err), err);
    assert_true(spt_lock_is_taken(folder));
    spt_lock_release(&lock);
    assert_false(spt_lock_is_taken(folder)); /* its file is still there */
    assert_ok(spt_lock_take_by_name(&lock, folder, &err), err);
    assert_true(spt_lock_is_taken(folder));
    spt_lock_release(&lock);
    assert_false(spt_lock_is_taken(folder));
}

static void a_lock_by_name_of_another_host_is_never_taken_for_dead(void **state) {
    (void)state;
    char pid[320];
    snprintf(pid, sizeof pid, "%s/lock.pid", folder);
    FILE *text = fopen(pid, "w");
    fputs("1234567 99 some-other-host\n", text);
    fclose(text);
    spt_lock lock;
    spt_error err = {0};
    assert_int_equal(spt_lock_take_by_name(&lock, folder, &err), SPT_EEXIST);
    assert_non_null(strstr(err.message, "process 1234567 on some-other-host"));
    assert_true(is_there(pid));
}

static void a_lock_by_name_of_an_earlier_process_with_our_number_is_dead(void **state) {
    (void)state;
    char pid[320], host[256] = "";
    gethostname(host, sizeof host - 1);
    snprintf(pid, sizeof pid, "%s/lock.pid", folder);
    FILE *text = fopen(pid, "w");
    fprintf(text, "%ld 1 %s\n", (long)getpid(), host); /* started one tick after boot: not us */
    fclose(text);
    spt_lock lock;
    spt_error err = {0};
    assert_ok(spt_lock_take_by_name(&lock, folder, &err), err);
    spt_lock_release(&lock);
}

static void what_a_process_killed_while_it_took_the_lock_by_name_leaves_is_in_nobodys_way(void **state) {
    (void)state;
    char left[320];
    snprintf(left, sizeof left, "%s/lock.pid.some-host.123", folder);
    fclose(fopen(left, "w")); /* its holder not yet written, not yet linked to lock.pid */
    spt_lock lock;
    spt_error err = {0};
    assert_false(spt_lock_is_taken(folder));
    assert_ok(spt_lock_take_by_name(&lock, folder, &err), err);
    assert_int_equal(count_names(folder), 2); /* no further name is left by taking it */
    spt_lock_remove(&lock, folder);
    assert_int_equal(count_names(folder), 0);
}

static void a_lock_that_was_removed_with_its_folder_locks_nothing(void **state) {
    (void)state;
    char name[320];
    snprintf(name, sizeof name, "%s/lock", folder);
    spt_lock first, second;
    spt_error err = {0};
    assert_ok(spt_lock_take(&first, folder, &err), err);
    unlink(name); /* as a store that is finished does */
    assert_ok(spt_lock_take(&second, folder, &err), err);
    assert_int_equal(spt_lock_take(&first, folder, &err), SPT_EEXIST);
    spt_lock_release(&second);
    spt_lock_release(&first);
}

/* Take the lock and remove it, as a store that is finished does, again and again. Nobody else is inside meanwhile. */
static int take_and_remove(int times) {
    char name[320], inside[320];
    snprintf(name, sizeof name, "%s/lock", folder);
    snprintf(inside, sizeof inside, "%s/inside", folder);
    for (int i = 0; i < times;) {
        spt_lock lock;
        if (spt_lock_take(&lock, folder, NULL) != SPT_OK)
            continue;
        i++;
        int fd = open(inside, O_CREAT | O_EXCL | O_WRONLY, 0600);
        if (fd < 0)
            return 1;
        close(fd);
        unlink(inside);
        unlink(name);
        spt_lock_release(&lock);
    }
    return 0;
}

static void a_lock_that_is_removed_while_another_opens_it_stays_exclusive(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(take_and_remove(3000));
    int status = 1, ours = take_and_remove(3000);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ours, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_flock_a_lock_by_name_holds_while_its_process_lives),
        TEST(whether_a_lock_is_taken_can_be_looked_at_without_taking_it),
        TEST(a_lock_by_name_of_another_host_is_never_taken_for_dead),
        TEST(a_lock_by_name_of_an_earlier_process_with_our_number_is_dead),
        TEST(what_a_process_killed_while_it_took_the_lock_by_name_leaves_is_in_nobodys_way),
        TEST(a_lock_that_was_removed_with_its_folder_locks_nothing),
        TEST(a_lock_that_is_removed_while_another_opens_it_stays_exclusive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
