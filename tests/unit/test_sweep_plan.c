/* A planned sweep: in which order its groups come, and how long it will take. */
#include <math.h>

#include "config_case.h"
#include "spectrain/sweep.h"

/* So that a data set, and what its probes take to make, is made once, however its runs lie in the sweep. */
static void groups_of_one_data_set_come_one_after_the_other(void **state) {
    (void)state;
    enum { RUNS = 12 };
    spt_error err = {0};
    spt_config *config =
        config_of("name: trial\n"
                  "data: {source: mnist1d, train: 60, test: 10}\n"
                  "model: {hidden_layers: 1, width: 8}\n"
                  "train: {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.01}, batch: 5, epochs: 1}\n"
                  "sweep: {train.batch: [5, 10], data.seed: [1, 2, 3], train.seed: [0, 1]}\n");
    spt_sweep *sweep = NULL;
    spt_sweep_summary summary;
    if (spt_sweep_plan(config, &sweep, &err) != SPT_OK)
        fail_msg("%s", err.message);
    spt_sweep_summarize(sweep, &summary);
    assert_int_equal(summary.n_runs, RUNS);
    assert_int_equal(summary.n_datasets, 3);
    assert_int_equal(summary.n_groups, 6);
    for (size_t a = 0; a < RUNS; a++)
        for (size_t b = 0; b < RUNS; b++) {
            const spt_planned_run *x = spt_sweep_run_at(sweep, a), *y = spt_sweep_run_at(sweep, b);
            bool together = x->dataset == y->dataset && x->spec.train.batch == y->spec.train.batch;
            assert_true((x->group == y->group) == together);
            assert_true(x->dataset <= y->dataset || x->group > y->group);
        }
    spt_sweep_free(sweep);
    spt_config_free(config);
}

/* A frozen run takes no time: to measure it until it has taken some would take for ever. */
static void the_time_of_a_sweep_that_will_diverge_can_be_told(void **state) {
    (void)state;
    spt_error err = {0};
    spt_config *config = config_of("name: trial\n"
                                   "data: {source: mnist1d, train: 60, test: 10}\n"
                                   "model: {hidden_layers: 1, width: 8}\n"
                                   "train: {loss: cross_entropy, optimizer: {kind: adamw, lr: 1.0e+30, weight_decay: "
                                   "1.0e+10}, batch: 5, epochs: 1}\n");
    spt_sweep *sweep = NULL;
    if (spt_sweep_plan(config, &sweep, &err) != SPT_OK)
        fail_msg("%s", err.message);
    double seconds = spt_sweep_estimate_seconds(sweep, 1);
    assert_true(isfinite(seconds) && seconds > 0.0);
    spt_sweep_free(sweep);
    spt_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_one_data_set_come_one_after_the_other),
        cmocka_unit_test(the_time_of_a_sweep_that_will_diverge_can_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
