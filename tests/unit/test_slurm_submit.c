/* Submitting from C: what a dry run makes, and what is refused before Slurm is asked. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_case.h"
#include "slurm/queue.h"
#include "slurm/words.h"
#include "spectrain/slurm.h"

static const char PROGRAM[] = "/bin/sh"; /* any program: nothing is run */

static spt_sweep *plan(spt_config **config) {
    spt_error err = {0};
    spt_sweep *sweep = NULL;
    *config = config_of("name: trial\n"
                        "data: {source: mnist1d, train: 60, test: 10}\n"
                        "model: {hidden_layers: 1, width: 8}\n"
                        "train: {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.01}, batch: 5, epochs: 1}\n"
                        "sweep: {model.width: {range: [1, 40, 1]}, train.seed: {range: [1, 30, 1]}}\n");
    if (spt_sweep_plan(*config, &sweep, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return sweep;
}

/* Where PATH has no sbatch, arrays are as long as Slurm takes them by default. */
static void a_dry_run_without_slurm_makes_all_scripts_and_no_file(void **state) {
    (void)state;
    enum { SHARDS = 1200 };
    setenv("PATH", "/nowhere", 1);
    spt_config *config;
    spt_sweep *sweep = plan(&config);
    spt_slurm_options options = {
        .program = PROGRAM, .output = "slurm-trial.h5", .shards = SHARDS, .cpus = 2, .dry_run = true};
    spt_submission submission;
    spt_error err = {0};
    if (spt_slurm_submit(sweep, &options, &submission, &err) != SPT_OK)
        fail_msg("%s", err.message);
    assert_int_equal(submission.n_shards, SHARDS);
    assert_int_equal(submission.n_new, SHARDS);
    assert_false(submission.complete);
    assert_non_null(strstr(submission.unasked, "sbatch: not found on PATH"));
    assert_int_equal(submission.n_jobs, 3);
    assert_int_equal(submission.jobs[0].n_tasks, SPT_SLURM_ARRAY_LIMIT);
    assert_int_equal(submission.jobs[1].n_tasks, SHARDS - SPT_SLURM_ARRAY_LIMIT);
    assert_int_equal(submission.jobs[2].n_tasks, 0);
    assert_non_null(strstr(submission.jobs[0].script, "#SBATCH --array=0-1000\n"));
    assert_non_null(strstr(submission.jobs[1].script, "#SBATCH --array=0-198\n"));
    assert_non_null(strstr(submission.jobs[1].script, "\nfirst=1001 shards=1200\n"));
    for (size_t j = 0; j < submission.n_jobs; j++)
        assert_string_equal(submission.jobs[j].id, "");
    assert_int_not_equal(access(submission.folder, F_OK), 0);
    spt_submission_free(&submission);
    spt_sweep_free(sweep);
    spt_config_free(config);
}

static void what_cannot_be_is_refused_before_slurm_is_asked(void **state) {
    (void)state;
    static const char *const ours[] = {"--time=5", "-a1"};
    const struct {
        spt_slurm_options options;
        spt_status status;
        const char *words;
    } cases[] = {
        {{.program = "spectrain", .output = "x.h5", .shards = 2, .cpus = 1}, SPT_EINVAL, "expected the absolute path"},
        {{.program = "/nowhere/x", .output = "x.h5", .shards = 2, .cpus = 1}, SPT_EINVAL, "/nowhere/x"},
        {{.program = PROGRAM, .output = "x.h5", .shards = 0, .cpus = 1}, SPT_EINVAL, "0 shards of 1200 runs"},
        {{.program = PROGRAM, .output = "x", .shards = 2, .cpus = 1}, SPT_EINVAL, "must end in .h5"},
        {{.program = PROGRAM, .output = "x.h5", .shards = 2, .cpus = 1, .n_words = 2, .words = ours},
         SPT_EINVAL,
         "--array itself"},
        {{.program = PROGRAM, .output = "x.h5", .shards = 2, .cpus = 1}, SPT_EIO, "sbatch: not found on PATH"},
    };
    setenv("PATH", "/nowhere", 1);
    spt_config *config;
    spt_sweep *sweep = plan(&config);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spt_submission submission;
        spt_error err = {0};
        assert_int_equal(spt_slurm_submit(sweep, &cases[i].options, &submission, &err), cases[i].status);
        if (strstr(err.message, cases[i].words) == NULL)
            fail_msg("\"%s\" does not hold \"%s\"", err.message, cases[i].words);
        assert_int_equal(submission.n_jobs, 0);
        spt_submission_free(&submission);
    }
    spt_sweep_free(sweep);
    spt_config_free(config);
}

static void assert_put(const char *const *words, size_t n, bool of_merge, const char *expected) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    spt_slurm_words_put(out, words, n, of_merge);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void a_merge_is_asked_for_with_what_is_true_of_all_jobs(void **state) {
    (void)state;
    const char *const words[] = {"-p", "gpu", "--gpus=1", "-t5", "--account", "a \"b\\", "--mem", "3G", "-q"};
    assert_put(words, 9, false, "#SBATCH -p gpu --gpus=1 -t5 --account \"a \\\"b\\\\\" --mem 3G -q\n");
    assert_put(words, 9, true, "#SBATCH -p gpu -t5 --account \"a \\\"b\\\\\" -q\n");
    assert_put(words + 6, 2, true, "");
    assert_put(words, 0, false, "");
    assert_true(spt_slurm_words_ask_for_gpus(words, 9));
    assert_false(spt_slurm_words_ask_for_gpus(words, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dry_run_without_slurm_makes_all_scripts_and_no_file),
        cmocka_unit_test(what_cannot_be_is_refused_before_slurm_is_asked),
        cmocka_unit_test(a_merge_is_asked_for_with_what_is_true_of_all_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
