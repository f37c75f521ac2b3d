/* Reading of options, and the command that resumes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/command.h"

/* A command with the options of `run`, which is in another file with the rest of the program. */
static const spt_command RUN = {.name = "run",
                                .operand = "CONFIG",
                                .synopsis = "CONFIG",
                                .options = SPT_TAKES_OUTPUT | SPT_TAKES_BACKEND | SPT_TAKES_DEVICE | SPT_TAKES_DEVICES |
                                           SPT_TAKES_THREADS | SPT_TAKES_SET | SPT_TAKES_RESUME | SPT_TAKES_FORCE |
                                           SPT_TAKES_QUIET};
static const spt_command DEVICES = {.name = "devices", .synopsis = ""};
static const spt_command BENCH = {.name = "bench",
                                  .operand = "WHAT",
                                  .operands_most = 2,
                                  .synopsis = "[WHAT [CONFIG]]",
                                  .options = SPT_TAKES_JSON | SPT_TAKES_SECONDS};
static const spt_command JOIN = {
    .name = "join", .operand = "PART", .operands_least = 1, .operands_most = SIZE_MAX, .synopsis = "PART..."};

static const spt_command SUBMIT = {.name = "submit",
                                   .operand = "CONFIG",
                                   .synopsis = "CONFIG",
                                   .options = SPT_TAKES_SHARDS | SPT_TAKES_CPUS | SPT_TAKES_DRY_RUN | SPT_TAKES_WORDS};

enum { ARGUMENTS_MAX = 16, TEXT_MAX = 64 };

/* Read a NULL-terminated list of words; getopt_long reorders argv, so it gets copies. */
static spt_status read_words(const spt_command *command, const char *const *words, spt_options *options,
                             spt_error *err) {
    static char texts[ARGUMENTS_MAX][TEXT_MAX];
    char *argv[ARGUMENTS_MAX + 1];
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        assert_true(argc < ARGUMENTS_MAX && strlen(words[argc]) < TEXT_MAX);
        strcpy(texts[argc], words[argc]);
        argv[argc] = texts[argc];
    }
    argv[argc] = NULL;
    *err = (spt_error){.status = SPT_OK};
    return spt_options_read(command, "spectrain", argc, argv, options, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(const spt_command *command, const char *const *words, const char *message_part) {
    spt_options options;
    spt_error err;
    assert_int_equal(read_words(command, words, &options, &err), SPT_EINVAL);
    if (strstr(err.message, message_part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", err.message, message_part);
    spt_options_free(&options);
}

static void options_and_operands_may_mix_in_both_forms(void **state) {
    (void)state;
    spt_options options;
    spt_error err;
    assert_int_equal(read_words(&RUN,
                                WORDS("run", "--set", "a=1", "c.yaml", "--threads=2", "-o", "x.h5", "--set=b=2",
                                      "--backend=cpu", "--device", "0", "--quiet"),
                                &options, &err),
                     SPT_OK);
    assert_string_equal(options.operand, "c.yaml");
    assert_string_equal(options.output, "x.h5");
    assert_string_equal(options.backend, "cpu");
    assert_int_equal(options.threads, 2);
    assert_int_equal(options.device, 0);
    assert_int_equal(options.n_sets, 2);
    assert_string_equal(options.sets[0], "a=1");
    assert_string_equal(options.sets[1], "b=2");
    assert_true(options.quiet);
    assert_false(options.resume || options.force || options.verify || options.help);
    spt_options_free(&options);
}

static void what_is_not_given_is_told_apart_from_zero(void **state) {
    (void)state;
    spt_options options;
    spt_error err;
    assert_int_equal(read_words(&RUN, WORDS("run", "-"), &options, &err), SPT_OK);
    assert_string_equal(options.operand, "-");
    assert_null(options.output);
    assert_null(options.backend);
    assert_int_equal(options.device, -1);
    assert_int_equal(options.threads, 0);
    assert_int_equal(options.n_sets, 0);
    spt_options_free(&options);
}

static void a_file_that_looks_like_an_option_goes_behind_two_dashes(void **state) {
    (void)state;
    spt_options options;
    spt_error err;
    assert_int_equal(read_words(&RUN, WORDS("run", "--resume", "--", "--force"), &options, &err), SPT_OK);
    assert_string_equal(options.operand, "--force");
    assert_true(options.resume);
    assert_false(options.force);
    spt_options_free(&options);
}

static void words_of_another_program_go_behind_two_dashes(void **state) {
    (void)state;
    spt_options options;
    spt_error err;
    assert_int_equal(
        read_words(&SUBMIT,
                   WORDS("submit", "c", "--shards", "4", "--cpus=2", "--dry-run", "--", "--time=1", "-p", "big", "--"),
                   &options, &err),
        SPT_OK);
    assert_string_equal(options.operand, "c");
    assert_int_equal(options.n_operands, 1);
    assert_int_equal(options.cpus, 2);
    assert_true(options.dry_run);
    assert_int_equal(options.n_words, 4);
    assert_string_equal(options.words[0], "--time=1");
    assert_string_equal(options.words[3], "--");
    spt_options_free(&options);
    assert_int_equal(read_words(&SUBMIT, WORDS("submit", "c", "--"), &options, &err), SPT_OK);
    assert_int_equal(options.n_words, 0);
    assert_false(options.dry_run);
    spt_options_free(&options);
    assert_refused(&SUBMIT, WORDS("submit", "--", "c"), "submit: CONFIG is missing");
    assert_refused(&SUBMIT, WORDS("submit", "c", "--cpus", "4097"), "--cpus: is \"4097\"");
}

static void unknown_options_are_refused_with_what_is_known(void **state) {
    (void)state;
    assert_refused(&RUN, WORDS("run", "c", "--shard", "0/2"),
                   "run: unknown option --shard; known: --output, --backend");
    assert_refused(&RUN, WORDS("run", "c", "-z"), "run: unknown option -z; known: --output");
    assert_refused(&RUN, WORDS("run", "c", "--verify"), "run: unknown option --verify");
    assert_refused(&DEVICES, WORDS("devices", "--quiet"), "devices: unknown option --quiet; known: --help");
}

static void missing_and_unexpected_arguments_are_refused(void **state) {
    (void)state;
    assert_refused(&RUN, WORDS("run"), "run: CONFIG is missing");
    assert_refused(&RUN, WORDS("run", "a", "b"), "run: unexpected argument \"b\"");
    assert_refused(&DEVICES, WORDS("devices", "a"), "devices: unexpected argument \"a\"");
    assert_refused(&RUN, WORDS("run", "c", "--threads"), "run: --threads: its argument is missing");
    assert_refused(&RUN, WORDS("run", "c", "-o"), "run: --output: its argument is missing");
    assert_refused(&RUN, WORDS("run", "c", "--resume=yes"), "run: --resume=yes: takes no argument");
    assert_refused(&RUN, WORDS("run", "c", "-o", ""), "--output: is empty");
}

static void a_command_may_take_several_operands_or_none(void **state) {
    (void)state;
    spt_options options;
    spt_error err;
    assert_int_equal(read_words(&BENCH, WORDS("bench"), &options, &err), SPT_OK);
    assert_int_equal(options.n_operands, 0);
    assert_null(options.operand);
    spt_options_free(&options);
    assert_int_equal(read_words(&BENCH, WORDS("bench", "sweep", "--json", "x.json", "c.yaml"), &options, &err), SPT_OK);
    assert_int_equal(options.n_operands, 2);
    assert_string_equal(options.operands[0], "sweep");
    assert_string_equal(options.operands[1], "c.yaml");
    assert_string_equal(options.json, "x.json");
    spt_options_free(&options);
    assert_refused(&BENCH, WORDS("bench", "a", "b", "c"), "bench: unexpected argument \"c\"");
    assert_refused(&JOIN, WORDS("join"), "join: PART is missing; usage: spectrain join PART...");
    assert_int_equal(read_words(&JOIN, WORDS("join", "a", "b", "c"), &options, &err), SPT_OK);
    assert_int_equal(options.n_operands, 3);
    spt_options_free(&options);
}

static void seconds_are_a_number_in_range(void **state) {
    (void)state;
    spt_options options;
    spt_error err;
    assert_int_equal(read_words(&BENCH, WORDS("bench", "--seconds", "0.25"), &options, &err), SPT_OK);
    assert_true(options.seconds == 0.25);
    spt_options_free(&options);
    const char *const bad[] = {"", "x", "1s", "0", "-1", "nan", "inf", "3601"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(&BENCH, WORDS("bench", "--seconds", bad[i]), "allowed: a number from 1e-06 to 3600");
    assert_refused(&BENCH, WORDS("bench", "--json", ""), "--json: is empty");
}

static void numbers_are_whole_and_in_range(void **state) {
    (void)state;
    const char *const bad[] = {"", "x", "2x", " 2", "+2", "-1", "0", "4097", "1e2", "0x10", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char option[TEXT_MAX];
        snprintf(option, sizeof option, "--threads=%s", bad[i]);
        assert_refused(&RUN, WORDS("run", "c", option), "allowed: a whole number from 1 to 4096");
    }
    assert_refused(&RUN, WORDS("run", "c", "--device", "-1"), "--device: is \"-1\"");
    assert_refused(&RUN, WORDS("run", "c", "--backend", "gpu"), "--backend: is \"gpu\"; allowed: auto, cpu, cuda");
}

static void resume_and_force_exclude_each_other(void **state) {
    (void)state;
    assert_refused(&RUN, WORDS("run", "c", "--force", "--resume"), "--resume");
}

static void help_needs_no_operand(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        spt_options options;
        spt_error err;
        assert_int_equal(read_words(&RUN, WORDS("run", i == 0 ? "-h" : "--help"), &options, &err), SPT_OK);
        assert_true(options.help);
        spt_options_free(&options);
    }
}

static void assert_resume_command(const char *const *words, const char *expected) {
    spt_options options;
    spt_error err;
    assert_int_equal(read_words(&RUN, words, &options, &err), SPT_OK);
    char *command = spt_options_resume_command(&options);
    assert_non_null(command);
    assert_string_equal(command, expected);
    free(command);
    spt_options_free(&options);
}

static void the_resume_command_has_the_options_of_the_run(void **state) {
    (void)state;
    assert_resume_command(WORDS("run", "c.yaml"), "spectrain run c.yaml --resume");
    assert_resume_command(WORDS("run", "c.yaml", "--devices", "0,2", "--force"),
                          "spectrain run c.yaml --devices 0,2 --resume");
    assert_resume_command(WORDS("run", "--set", "sweep.train.seed=[0, 1]", "my config.yaml", "-o", "x.h5",
                                "--backend=cpu", "--device=0", "--threads=2", "--quiet"),
                          "spectrain run 'my config.yaml' -o x.h5 --backend cpu --device 0 --threads 2 --set "
                          "'sweep.train.seed=[0, 1]' --quiet --resume");
}

static void the_resume_command_never_forces(void **state) {
    (void)state;
    assert_resume_command(WORDS("run", "c.yaml", "--force"), "spectrain run c.yaml --resume");
    assert_resume_command(WORDS("run", "c.yaml", "--resume"), "spectrain run c.yaml --resume");
}

static void the_resume_command_reads_what_it_cannot_name(void **state) {
    (void)state;
    assert_resume_command(WORDS("run", "-", "-o", "x.h5"), "spectrain run - -o x.h5 --resume < CONFIG");
    assert_resume_command(WORDS("run", "--", "-c.yaml"), "spectrain run ./-c.yaml --resume");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_may_mix_in_both_forms),
        cmocka_unit_test(what_is_not_given_is_told_apart_from_zero),
        cmocka_unit_test(a_file_that_looks_like_an_option_goes_behind_two_dashes),
        cmocka_unit_test(words_of_another_program_go_behind_two_dashes),
        cmocka_unit_test(unknown_options_are_refused_with_what_is_known),
        cmocka_unit_test(missing_and_unexpected_arguments_are_refused),
        cmocka_unit_test(a_command_may_take_several_operands_or_none),
        cmocka_unit_test(seconds_are_a_number_in_range),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(resume_and_force_exclude_each_other),
        cmocka_unit_test(help_needs_no_operand),
        cmocka_unit_test(the_resume_command_has_the_options_of_the_run),
        cmocka_unit_test(the_resume_command_never_forces),
        cmocka_unit_test(the_resume_command_reads_what_it_cannot_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
