/* What is shown of a sweep under way, and when. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/progress.h"

static spt_progress halfway(void) {
    return (spt_progress){.group = 0,
                          .n_groups = 1,
                          .n_runs = 57,
                          .epoch = 210,
                          .epochs = 500,
                          .fraction = 0.425,
                          .elapsed = 100.0,
                          .remaining = 200.0,
                          .steps_per_second = 12345.0,
                          .test_error = 0.51234,
                          .recorded = false};
}

static void a_line_says_how_far_how_fast_how_long_and_how_good(void **state) {
    (void)state;
    spt_progress progress = halfway();
    char line[SPT_PROGRESS_LINE_MAX + 1];
    spt_progress_line(&progress, SPT_PROGRESS_LINE_MAX, false, line);
    assert_string_equal(line, " 42 %  epoch 210/500  12.3 k steps/s  3 min 20 s left  test error 0.5123");
}

static void groups_and_diverged_runs_are_shown_where_there_are_any(void **state) {
    (void)state;
    spt_progress progress = halfway();
    progress.group = 1;
    progress.n_groups = 3;
    progress.n_diverged = 2;
    char line[SPT_PROGRESS_LINE_MAX + 1];
    spt_progress_line(&progress, SPT_PROGRESS_LINE_MAX, false, line);
    assert_string_equal(line, "group 2/3   42 %  epoch 210/500  12.3 k steps/s  3 min 20 s left  test error 0.5123  "
                              "2 of 57 diverged");
}

static void what_is_not_known_yet_is_left_out(void **state) {
    (void)state;
    spt_progress progress = halfway();
    progress.fraction = progress.remaining = progress.steps_per_second = progress.test_error = NAN;
    char line[SPT_PROGRESS_LINE_MAX + 1];
    spt_progress_line(&progress, SPT_PROGRESS_LINE_MAX, false, line);
    assert_string_equal(line, "  0 %  epoch 210/500");
}

static void the_bar_takes_the_room_that_is_left(void **state) {
    (void)state;
    spt_progress progress = halfway();
    char line[SPT_PROGRESS_LINE_MAX + 1], plain[SPT_PROGRESS_LINE_MAX + 1];
    spt_progress_line(&progress, SPT_PROGRESS_LINE_MAX, false, plain);
    size_t length = strlen(plain);
    spt_progress_line(&progress, length + 13, true, line); /* a bar of nine would be too short */
    assert_string_equal(line, plain);
    spt_progress_line(&progress, length + 14, true, line);
    assert_int_equal(strlen(line), length + 14);
    assert_non_null(strstr(line, "[####......]"));
    spt_progress_line(&progress, length + 33, true, line); /* one short of the longest */
    assert_int_equal(strlen(line), length + 24);
    spt_progress_line(&progress, SPT_PROGRESS_LINE_MAX, true, line);
    assert_int_equal(strlen(line), length + 34);
    progress.fraction = 1.0;
    spt_progress_line(&progress, SPT_PROGRESS_LINE_MAX, true, line);
    assert_non_null(strstr(line, "100 %  [##############################]"));
}

static void a_line_is_cut_to_any_width(void **state) {
    (void)state;
    spt_progress progress = halfway();
    char whole[SPT_PROGRESS_LINE_MAX + 1], line[SPT_PROGRESS_LINE_MAX + 1];
    spt_progress_line(&progress, SPT_PROGRESS_LINE_MAX, false, whole);
    for (size_t columns = 0; columns < strlen(whole); columns++) {
        spt_progress_line(&progress, columns, true, line);
        assert_int_equal(strlen(line), columns);
        assert_memory_equal(line, whole, columns);
    }
    spt_progress_line(&progress, 100000, false, line);
    assert_string_equal(line, whole);
}

static void a_terminal_is_redrawn_five_times_a_second(void **state) {
    (void)state;
    spt_progress_view view = {.live = true};
    spt_progress progress = halfway();
    assert_true(spt_progress_due(&view, &progress));
    view.shown = true;
    view.shown_at = 100.0;
    progress.elapsed = 100.19;
    progress.recorded = true;
    assert_false(spt_progress_due(&view, &progress));
    progress.elapsed = 100.21;
    assert_true(spt_progress_due(&view, &progress));
}

static void a_log_gets_a_line_at_records_and_not_too_often(void **state) {
    (void)state;
    spt_progress_view view = {.live = false};
    spt_progress progress = halfway();
    progress.remaining = NAN;
    assert_false(spt_progress_due(&view, &progress)); /* nothing to tell yet */
    progress.remaining = 200.0;
    assert_true(spt_progress_due(&view, &progress)); /* the first, record or not */
    view.shown = true;
    view.shown_at = 100.0;
    static const struct {
        double elapsed;
        bool recorded, due;
    } cases[] = {{129.0, true, false}, {131.0, true, true}, {131.0, false, false}, {701.0, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        progress.elapsed = cases[i].elapsed;
        progress.recorded = cases[i].recorded;
        assert_int_equal(spt_progress_due(&view, &progress), cases[i].due);
    }
}

/* What a view that takes its stream for a terminal writes. A memory stream has no width: 80 columns. */
static void the_live_line_is_finished_once_per_group_in_its_last_state(void **state) {
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    spt_progress_view view = {.stream = stream, .live = true};
    spt_progress progress = halfway();
    progress.n_groups = 2;
    spt_progress_view_update(&progress, &view);
    progress.epoch = 500; /* too soon to be drawn, but it is the last of this group */
    progress.elapsed += 0.01;
    spt_progress_view_update(&progress, &view);
    progress.group = 1;
    progress.epoch = 1;
    progress.elapsed += 0.01;
    spt_progress_view_update(&progress, &view);
    spt_progress_view_end(&view);
    spt_progress_view_end(&view); /* nothing is left to do */
    assert_int_equal(fclose(stream), 0);

    size_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 2);
    char *first_end = strchr(text, '\n');
    assert_int_equal(text[length - 1], '\n');
    *first_end = '\0';
    assert_non_null(strstr(strrchr(text, '\r'), "group 1/2   42 %  epoch 500/500"));
    assert_non_null(strstr(strrchr(first_end + 1, '\r'), "group 2/2   42 %  epoch 1/500"));
    free(text);
}

static void a_quiet_view_writes_nothing_but_remembers(void **state) {
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    spt_progress_view view = {.stream = stream, .live = true, .quiet = true};
    spt_progress progress = halfway();
    spt_progress_view_update(&progress, &view);
    progress.group = 1;
    spt_progress_view_update(&progress, &view);
    spt_progress_view_end(&view);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(length, 0);
    assert_true(view.told);
    assert_int_equal(view.last.group, 1);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_how_far_how_fast_how_long_and_how_good),
        cmocka_unit_test(groups_and_diverged_runs_are_shown_where_there_are_any),
        cmocka_unit_test(what_is_not_known_yet_is_left_out),
        cmocka_unit_test(the_bar_takes_the_room_that_is_left),
        cmocka_unit_test(a_line_is_cut_to_any_width),
        cmocka_unit_test(a_terminal_is_redrawn_five_times_a_second),
        cmocka_unit_test(a_log_gets_a_line_at_records_and_not_too_often),
        cmocka_unit_test(the_live_line_is_finished_once_per_group_in_its_last_state),
        cmocka_unit_test(a_quiet_view_writes_nothing_but_remembers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
