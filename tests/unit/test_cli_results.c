/* Tables, axes, and the table of results. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/axes.h"
#include "cli/results.h"
#include "cli/table.h"

/* What print writes, as text; the caller's to free. */
typedef struct capture {
    char *text;
    size_t length;
    FILE *stream;
} capture;

static capture capture_open(void) {
    capture c = {NULL, 0, NULL};
    return c;
}

static FILE *capture_stream(capture *c) {
    c->stream = open_memstream(&c->text, &c->length);
    assert_non_null(c->stream);
    return c->stream;
}

static void assert_captured(capture *c, const char *expected) {
    assert_int_equal(fclose(c->stream), 0);
    assert_string_equal(c->text, expected);
    free(c->text);
}

/* ---- tables */

static void columns_are_aligned_and_lines_end_without_blanks(void **state) {
    (void)state;
    spt_table *table = spt_table_new("lrl");
    const char *cells[] = {"a", "1", "first", "long name", "1234", "", "b", "22", "x"};
    for (size_t i = 0; i < 9; i++)
        spt_table_add(table, "%s", cells[i]);
    capture c = capture_open();
    assert_int_equal(spt_table_print(table, "> ", capture_stream(&c), NULL), SPT_OK);
    assert_captured(&c, "> a             1  first\n"
                        "> long name  1234\n"
                        "> b            22  x\n");
    spt_table_free(table);
}

static void letters_of_several_bytes_take_one_column(void **state) {
    (void)state;
    spt_table *table = spt_table_new("ll");
    spt_table_add(table, "\xc3\xa9\xc3\xa9"); /* two letters, four bytes */
    spt_table_add(table, "1");
    spt_table_add(table, "abc");
    spt_table_add(table, "2");
    capture c = capture_open();
    assert_int_equal(spt_table_print(table, "", capture_stream(&c), NULL), SPT_OK);
    assert_captured(&c, "\xc3\xa9\xc3\xa9   1\nabc  2\n");
    spt_table_free(table);
}

/* ---- axes */

enum { WIDTHS = 3, SEEDS = 2, LRS = 2 };
static spt_value width_values[WIDTHS] = {
    {SPT_VALUE_INTEGER, 2, 2.0, "2"}, {SPT_VALUE_INTEGER, 12, 12.0, "12"}, {SPT_VALUE_INTEGER, 300, 300.0, "300"}};
static spt_value seed_values[SEEDS] = {{SPT_VALUE_INTEGER, 0, 0.0, "0"}, {SPT_VALUE_INTEGER, 1, 1.0, "1"}};
static spt_value lr_values[LRS] = {{SPT_VALUE_REAL, 0, 0.1, "0.1"}, {SPT_VALUE_REAL, 0, 0.01, "1e-2"}};
static char width_key[] = "model.width", seed_key[] = "train.seed", data_seed_key[] = "data.seed",
            lr_key[] = "train.optimizer.lr";

/* width x train.seed x lr: the seed in the middle. */
static spt_axis three_axes[] = {
    {width_key, WIDTHS, width_values}, {seed_key, SEEDS, seed_values}, {lr_key, LRS, lr_values}};
static const spt_axes SWEEP = {3, three_axes, WIDTHS *SEEDS *LRS};

static void runs_that_differ_in_seeds_alone_share_a_setting(void **state) {
    (void)state;
    assert_int_equal(spt_axes_settings(&SWEEP), WIDTHS * LRS);
    for (size_t run = 0; run < SWEEP.n_runs; run++) {
        size_t width = run / (SEEDS * LRS), lr = run % LRS; /* first axis slowest */
        assert_int_equal(spt_axes_setting_of(&SWEEP, run), width * LRS + lr);
    }
}

static void a_sweep_of_seeds_or_of_nothing_is_one_setting(void **state) {
    (void)state;
    spt_axis seeds[] = {{data_seed_key, SEEDS, seed_values}, {seed_key, SEEDS, seed_values}};
    spt_axes both = {2, seeds, SEEDS * SEEDS}, none = {0, NULL, 1};
    assert_int_equal(spt_axes_settings(&both), 1);
    assert_int_equal(spt_axes_setting_of(&both, 3), 0);
    assert_int_equal(spt_axes_settings(&none), 1);
    assert_int_equal(spt_axes_setting_of(&none, 0), 0);
}

static void values_fit_into_their_columns_with_both_ends(void **state) {
    (void)state;
    spt_value values[] = {{.text = "2"},   {.text = "3"},   {.text = "104"}, {.text = "135"},
                          {.text = "177"}, {.text = "230"}, {.text = "300"}};
    spt_axis axis = {width_key, 7, values};
    char text[64];
    spt_axis_values_text(&axis, 60, text);
    assert_string_equal(text, "2 3 104 135 177 230 300");
    spt_axis_values_text(&axis, 23, text); /* just fits */
    assert_string_equal(text, "2 3 104 135 177 230 300");
    spt_axis_values_text(&axis, 22, text);
    assert_string_equal(text, "2 3 104 ... 230 300");
    spt_axis_values_text(&axis, 13, text);
    assert_string_equal(text, "2 ... 230 300");
    for (size_t columns = 0; columns < 23; columns++) {
        spt_axis_values_text(&axis, columns, text);
        assert_true(strlen(text) <= columns);
    }
}

static void one_long_value_is_cut(void **state) {
    (void)state;
    spt_value value = {.text = "abcdefgh"};
    spt_axis axis = {width_key, 1, &value};
    char text[16];
    spt_axis_values_text(&axis, 8, text);
    assert_string_equal(text, "abcdefgh");
    spt_axis_values_text(&axis, 7, text);
    assert_true(strlen(text) <= 7);
}

/* ---- results */

static void mean_and_deviation_are_those_of_the_sample(void **state) {
    (void)state;
    spt_spread spread = {0};
    assert_true(isnan(spt_spread_deviation(&spread)));
    spt_spread_add(&spread, 1.0);
    assert_true(isnan(spt_spread_deviation(&spread)));
    spt_spread_add(&spread, NAN); /* not counted */
    spt_spread_add(&spread, 2.0);
    spt_spread_add(&spread, 6.0);
    assert_int_equal(spread.n, 3);
    /* Deviations -2, -1, 3: sqrt(14 / 2); 1e-15 for the rounding of five operations. */
    assert_true(fabs(spread.mean - 3.0) < 1e-15);
    assert_true(fabs(spt_spread_deviation(&spread) - sqrt(7.0)) < 1e-15);
}

static spt_run_result result_of(double train_error, double test_error, double noisy_fit) {
    spt_run_result result = {.status = SPT_RUN_DONE, .diverged_step = SPT_STEP_NONE};
    for (size_t m = 0; m < SPT_METRIC_COUNT; m++)
        result.metrics[m] = NAN;
    result.metrics[SPT_METRIC_TRAIN_ERROR] = train_error;
    result.metrics[SPT_METRIC_TEST_ERROR] = test_error;
    result.metrics[SPT_METRIC_NOISY_FIT] = noisy_fit;
    return result;
}

static spt_axis two_axes[] = {{width_key, 2, width_values}, {seed_key, SEEDS, seed_values}};
static const spt_axes TWO_WIDTHS = {2, two_axes, 4};

static void results_are_one_row_a_width_and_leave_diverged_runs_out(void **state) {
    (void)state;
    spt_run_result runs[4] = {result_of(0.5, 0.75, NAN), result_of(0.25, 0.25, NAN), result_of(0.125, 0.5, NAN),
                              result_of(9.0, 9.0, NAN)};
    runs[3].status = SPT_RUN_DIVERGED;
    for (size_t r = 0; r < 4; r++)
        runs[r].number = r;
    spt_sweep_result result = {.n_runs = 4, .n_diverged = 1, .runs = runs};
    const size_t parameters[] = {122, 122, 3610, 3610};
    capture c = capture_open();
    assert_int_equal(spt_results_print(&TWO_WIDTHS, parameters, &result, capture_stream(&c), NULL), SPT_OK);
    assert_captured(&c, "model.width  parameters       train_error        test_error  runs  diverged\n"
                        "          2         122  0.3750 +- 0.1768  0.5000 +- 0.3536     2         0\n"
                        "         12        3610            0.1250            0.5000     2         1\n");
}

static void a_shard_shows_its_runs_by_their_settings_alone(void **state) {
    (void)state;
    spt_run_result runs[2] = {result_of(0.5, 0.75, NAN), result_of(0.25, 0.25, NAN)};
    runs[0].number = 2;
    runs[1].number = 3;
    spt_sweep_result result = {.n_runs = 2, .runs = runs};
    const size_t parameters[] = {3610, 3610};
    capture c = capture_open();
    assert_int_equal(spt_results_print(&TWO_WIDTHS, parameters, &result, capture_stream(&c), NULL), SPT_OK);
    assert_captured(&c, "model.width  parameters       train_error        test_error  runs  diverged\n"
                        "         12        3610  0.3750 +- 0.1768  0.5000 +- 0.3536     2         0\n");
}

static void regression_shows_losses_where_there_are_no_errors(void **state) {
    (void)state;
    spt_run_result runs[1] = {result_of(NAN, NAN, NAN)};
    runs[0].metrics[SPT_METRIC_TRAIN_LOSS] = 0.5;
    runs[0].metrics[SPT_METRIC_TEST_LOSS] = 1.5;
    spt_sweep_result result = {.n_runs = 1, .runs = runs};
    const spt_axes none = {0, NULL, 1};
    const size_t parameters[] = {7};
    capture c = capture_open();
    assert_int_equal(spt_results_print(&none, parameters, &result, capture_stream(&c), NULL), SPT_OK);
    assert_captured(&c, "parameters  train_loss  test_loss  runs  diverged\n"
                        "         7      0.5000     1.5000     1         0\n");
}

static void a_long_table_is_cut_at_sixty_rows_and_says_so(void **state) {
    (void)state;
    enum { N = 200 };
    spt_value values[N];
    spt_run_result runs[N];
    size_t parameters[N];
    for (size_t i = 0; i < N; i++) {
        values[i] = (spt_value){.text = "1"};
        runs[i] = result_of(0.5, 0.5, 0.5);
        runs[i].number = i;
        parameters[i] = 1;
    }
    spt_axis axis = {width_key, N, values};
    spt_axes axes = {1, &axis, N};
    spt_sweep_result result = {.n_runs = N, .runs = runs};
    capture c = capture_open();
    assert_int_equal(spt_results_print(&axes, parameters, &result, capture_stream(&c), NULL), SPT_OK);
    assert_int_equal(fclose(c.stream), 0);
    size_t lines = 0;
    for (const char *at = c.text; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 1 + 60 + 1); /* heading, rows, what was left out */
    assert_non_null(strstr(c.text, "... and 140 rows more\n"));
    free(c.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_and_lines_end_without_blanks),
        cmocka_unit_test(letters_of_several_bytes_take_one_column),
        cmocka_unit_test(runs_that_differ_in_seeds_alone_share_a_setting),
        cmocka_unit_test(a_sweep_of_seeds_or_of_nothing_is_one_setting),
        cmocka_unit_test(values_fit_into_their_columns_with_both_ends),
        cmocka_unit_test(one_long_value_is_cut),
        cmocka_unit_test(mean_and_deviation_are_those_of_the_sample),
        cmocka_unit_test(results_are_one_row_a_width_and_leave_diverged_runs_out),
        cmocka_unit_test(a_shard_shows_its_runs_by_their_settings_alone),
        cmocka_unit_test(regression_shows_losses_where_there_are_no_errors),
        cmocka_unit_test(a_long_table_is_cut_at_sixty_rows_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
