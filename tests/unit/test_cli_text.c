/* What the command line says in words. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/text.h"

static void bytes_have_decimal_units_and_three_figures(void **state) {
    (void)state;
    assert_string_equal(spt_text_bytes(0).s, "0 B");
    assert_string_equal(spt_text_bytes(999).s, "999 B");
    assert_string_equal(spt_text_bytes(1000).s, "1.00 kB");
    assert_string_equal(spt_text_bytes(12345678).s, "12.3 MB");
    assert_string_equal(spt_text_bytes(UINT64_MAX).s, "18.4 EB");
}

static void a_number_that_rounds_up_to_a_thousand_takes_the_next_prefix(void **state) {
    (void)state;
    assert_string_equal(spt_text_bytes(999499).s, "999 kB");
    assert_string_equal(spt_text_bytes(999500).s, "1.00 MB");
    assert_string_equal(spt_text_number(9.996).s, "10.0");
    assert_string_equal(spt_text_number(99.96).s, "100");
}

static void flops_and_rates_reach_from_nothing_to_yotta(void **state) {
    (void)state;
    assert_string_equal(spt_text_flops(0.0).s, "0.00 FLOP");
    assert_string_equal(spt_text_flops(1.2e9).s, "1.20 GFLOP");
    assert_string_equal(spt_text_flops(3e30).s, "3000000 YFLOP");
    assert_string_equal(spt_text_number(12345.0).s, "12.3 k");
    assert_string_equal(spt_text_number(0.5).s, "0.50");
}

static void what_cannot_be_told_is_a_question_mark(void **state) {
    (void)state;
    const double unknown[] = {NAN, INFINITY, -INFINITY, -1.0};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_string_equal(spt_text_seconds(unknown[i]).s, "?");
        assert_string_equal(spt_text_flops(unknown[i]).s, "?");
        assert_string_equal(spt_text_number(unknown[i]).s, "?");
    }
}

static void counts_are_grouped_by_thousands(void **state) {
    (void)state;
    assert_string_equal(spt_text_count(0).s, "0");
    assert_string_equal(spt_text_count(999).s, "999");
    assert_string_equal(spt_text_count(1000).s, "1,000");
    assert_string_equal(spt_text_count(1234567).s, "1,234,567");
    assert_string_equal(spt_text_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
}

static void times_have_two_units_and_carry(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0.0, "0 ms"},           {0.0994, "99 ms"},     {0.0996, "0.1 s"},     {0.44, "0.4 s"},
        {9.96, "10 s"},          {59.4, "59 s"},        {59.6, "1 min 0 s"},   {200.0, "3 min 20 s"},
        {3599.4, "59 min 59 s"}, {3599.6, "1 h 0 min"}, {7500.0, "2 h 5 min"}, {86369.0, "23 h 59 min"},
        {86380.0, "1 d 0 h"},    {273600.0, "3 d 4 h"}, {1e300, "1.2e+295 d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(spt_text_seconds(cases[i].seconds).s, cases[i].text);
}

static void durations_have_three_figures(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0.0, "0.00 us"},     {1.234e-6, "1.23 us"}, {99.96e-6, "100 us"}, {999.4e-6, "999 us"}, {999.6e-6, "1.00 ms"},
        {0.01234, "12.3 ms"}, {0.9994, "999 ms"},    {0.9996, "1.00 s"},   {61.0, "61.0 s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(spt_text_duration(cases[i].seconds).s, cases[i].text);
    assert_string_equal(spt_text_duration(NAN).s, "?");
    assert_string_equal(spt_text_duration(-1.0).s, "?");
}

static void assert_shell_word(const char *argument, const char *expected) {
    char *word = spt_text_shell_word(argument);
    assert_non_null(word);
    assert_string_equal(word, expected);
    free(word);
}

static void plain_words_go_to_a_shell_unquoted(void **state) {
    (void)state;
    assert_shell_word("experiments/width.yaml", "experiments/width.yaml");
    assert_shell_word("train.epochs=10", "train.epochs=10");
}

static void words_with_blanks_quotes_or_nothing_are_quoted(void **state) {
    (void)state;
    assert_shell_word("", "''");
    assert_shell_word("sweep.train.seed=[0, 1]", "'sweep.train.seed=[0, 1]'");
    assert_shell_word("it's $HOME", "'it'\\''s $HOME'");
    assert_shell_word("~", "'~'");
    assert_shell_word("caf\xc3\xa9", "'caf\xc3\xa9'");
}

static void control_characters_are_escaped_so_that_a_command_stays_one_line(void **state) {
    (void)state;
    assert_shell_word("a\nb", "$'a\\012b'");
    assert_shell_word("\t'\\\x7f", "$'\\011\\'\\\\\\177'");
}

/* The shell itself is the judge of the quoting. */
static void a_shell_reads_back_what_was_quoted(void **state) {
    (void)state;
    const char *arguments[] = {"plain", "two words", "it's", "$(date) `x` \"y\" \\ ! * ? # ; & | < >", "{every: 2}"};
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        char *word = spt_text_shell_word(arguments[i]), command[256], read_back[256] = "";
        assert_non_null(word);
        snprintf(command, sizeof command, "printf %%s %s", word);
        free(word);
        FILE *shell = popen(command, "r");
        assert_non_null(shell);
        size_t length = fread(read_back, 1, sizeof read_back - 1, shell);
        assert_int_equal(pclose(shell), 0);
        assert_int_equal(length, strlen(arguments[i]));
        assert_string_equal(read_back, arguments[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_decimal_units_and_three_figures),
        cmocka_unit_test(a_number_that_rounds_up_to_a_thousand_takes_the_next_prefix),
        cmocka_unit_test(flops_and_rates_reach_from_nothing_to_yotta),
        cmocka_unit_test(what_cannot_be_told_is_a_question_mark),
        cmocka_unit_test(counts_are_grouped_by_thousands),
        cmocka_unit_test(times_have_two_units_and_carry),
        cmocka_unit_test(durations_have_three_figures),
        cmocka_unit_test(plain_words_go_to_a_shell_unquoted),
        cmocka_unit_test(words_with_blanks_quotes_or_nothing_are_quoted),
        cmocka_unit_test(control_characters_are_escaped_so_that_a_command_stays_one_line),
        cmocka_unit_test(a_shell_reads_back_what_was_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
