/* The rules on training series whose turns are known, and on those that have none. */
#include "monitor_series.h"

static spt_prediction tell(spt_rule rule, const spt_training *training) {
    spt_error err = {0};
    spt_prediction told;
    assert_int_equal(spt_rule_tell(rule, training, &told, &err), SPT_OK);
    return told;
}

static spt_training with_share(const series *s) {
    return (spt_training){.n = s->n, .epoch = s->epoch, .share = s->value};
}

/* As on MNIST-1D: R peaks at epoch 20 and falls by 14 % to epoch 150, straight over ln(epoch). */
#define SHARE                                                                                                          \
    {1, 0.009}, {5, 0.022}, {12, 0.05}, {20, 0.0566}, {                                                                \
        150, 0.0487                                                                                                    \
    }

static void the_peak_of_the_share_is_found(void **state) {
    (void)state;
    series records[] = {every_epoch(150), logspaced(40, 150)};
    for (size_t i = 0; i < 2; i++) {
        series s = THROUGH(records[i], 0.0003, 1, SHARE);
        spt_training training = with_share(&s);
        spt_prediction told = tell(SPT_RULE_SHARE_PEAK, &training);
        assert_int_equal(told.phase, SPT_PHASE_SECOND);
        assert_epoch(told.turn, 20, 1.2); /* smoothing over 0.1 of ln(epoch), and noise on a flat top */
        assert_true(isnan(told.minimum));
    }
}

/* 3 % are gone where 3/14 of the way to epoch 150 is, in ln(epoch): 30.8. Smoothing takes some of the peak off. */
static void the_fall_of_the_share_is_found_where_it_is_3_per_cent(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0, 0, SHARE);
    spt_training training = with_share(&s);
    spt_prediction told = tell(SPT_RULE_SHARE_FALL, &training);
    assert_int_equal(told.phase, SPT_PHASE_SECOND);
    assert_epoch(told.turn, 20 * exp(0.03 * 0.0566 / (0.0566 - 0.0487) * log(150.0 / 20)), 1.15);
}

static size_t told_in(spt_rule rule, const knot *knots, size_t n_knots, double deviation) {
    size_t found = 0;
    for (uint32_t seed = 0; seed < 100; seed++) {
        series s = through(every_epoch(150), knots, n_knots, deviation, seed);
        spt_training training = with_share(&s);
        found += tell(rule, &training).phase == SPT_PHASE_SECOND;
    }
    return found;
}

/* Noise of 1 % of R, which is what a record of a single seed has. */
static void a_share_that_rises_or_stays_tells_no_second_descent(void **state) {
    (void)state;
    const knot rising[] = {{1, 0.01}, {150, 0.06}}, plateau[] = {{1, 0.01}, {20, 0.05}, {150, 0.05}};
    const spt_rule rules[] = {SPT_RULE_SHARE_PEAK, SPT_RULE_SHARE_FALL};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(told_in(rules[i], rising, 2, 0.0005), 0);
        assert_true(told_in(rules[i], plateau, 3, 0.0005) <= 10);
    }
}

static void a_share_that_falls_from_the_start_has_no_peak(void **state) {
    (void)state;
    const knot falling[] = {{1, 0.06}, {150, 0.02}};
    assert_int_equal(told_in(SPT_RULE_SHARE_PEAK, falling, 2, 0.0003), 0);
    assert_int_equal(told_in(SPT_RULE_SHARE_FALL, falling, 2, 0.0003), 0);
}

static void memorising_is_told_by_noisy_fit_from_its_beginning_to_its_end(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0, 0, {1, 0.09}, {8, 0.1}, {40, 1.0}, {150, 1.0});
    spt_training training = {.n = s.n, .epoch = s.epoch, .noisy_fit = s.value};
    double slope = 0.9 / log(5.0);
    spt_prediction told = tell(SPT_RULE_MEMORISED, &training);
    assert_int_equal(told.phase, SPT_PHASE_SECOND);
    assert_epoch(told.minimum, 8 * exp(0.2 / slope), 1.1);
    assert_epoch(told.turn, 8 * exp(0.8 / slope), 1.1);
    training.n = 26; /* up to epoch 25 */
    told = tell(SPT_RULE_MEMORISED, &training);
    assert_int_equal(told.phase, SPT_PHASE_ASCENT);
    assert_true(isnan(told.turn));
    training.n = 9;
    assert_int_equal(tell(SPT_RULE_MEMORISED, &training).phase, SPT_PHASE_DESCENT);
}

static void without_noisy_fit_memorising_is_told_by_the_training_error(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0, 0, {1, 0.75}, {30, 0.04}, {40, 0.0}, {150, 0.0});
    double missing[SERIES_MOST];
    for (size_t i = 0; i < s.n; i++)
        missing[i] = NAN;
    const double *fits[] = {NULL, missing};
    for (size_t i = 0; i < 2; i++) {
        spt_training training = {.n = s.n, .epoch = s.epoch, .train_error = s.value, .noisy_fit = fits[i]};
        spt_prediction told = tell(SPT_RULE_MEMORISED, &training);
        assert_int_equal(told.phase, SPT_PHASE_SECOND);
        assert_epoch(told.turn, 30, 1.1);
    }
}

static void what_is_never_memorised_tells_no_second_descent(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(500), 0.01, 1, {1, 0.1}, {500, 0.6});
    spt_training training = {.n = s.n, .epoch = s.epoch, .noisy_fit = s.value};
    assert_int_equal(tell(SPT_RULE_MEMORISED, &training).phase, SPT_PHASE_ASCENT);
}

static void the_bend_of_the_loss_towards_0_is_found(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0.005, 1, {1, 2.3}, {8, 1.2}, {25, 0.05}, {150, 0.0});
    spt_training training = {.n = s.n, .epoch = s.epoch, .train_loss = s.value};
    spt_prediction told = tell(SPT_RULE_LOSS_BEND, &training);
    assert_int_equal(told.phase, SPT_PHASE_SECOND);
    assert_epoch(told.turn, 25, 1.15);
}

static void a_loss_that_stays_high_has_no_bend_that_counts(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0.005, 1, {1, 2.3}, {8, 1.2}, {150, 1.0});
    spt_training training = {.n = s.n, .epoch = s.epoch, .train_loss = s.value};
    assert_int_equal(tell(SPT_RULE_LOSS_BEND, &training).phase, SPT_PHASE_DESCENT);
}

/* ---- what all rules have in common */

/* A whole training, of which n records are there. */
typedef struct whole_training {
    series share, loss, error, fit;
    spt_training training;
} whole_training;

static void make_training(whole_training *w, double deviation, uint32_t seed) {
    w->share = THROUGH(every_epoch(150), 0.02 * deviation, seed, SHARE);
    w->loss = THROUGH(every_epoch(150), deviation, seed + 1, {1, 2.3}, {8, 1.2}, {25, 0.05}, {150, 0.0});
    w->error = THROUGH(every_epoch(150), deviation, seed + 2, {1, 0.75}, {30, 0.04}, {40, 0.0}, {150, 0.0});
    w->fit = THROUGH(every_epoch(150), deviation, seed + 3, {1, 0.09}, {8, 0.1}, {40, 1.0}, {150, 1.0});
    w->training = (spt_training){.n = w->share.n,
                                 .epoch = w->share.epoch,
                                 .share = w->share.value,
                                 .train_loss = w->loss.value,
                                 .train_error = w->error.value,
                                 .noisy_fit = w->fit.value};
}

static void with_nothing_to_look_at_every_rule_says_unknown(void **state) {
    (void)state;
    whole_training w;
    make_training(&w, 0, 0);
    for (int rule = 0; rule < SPT_RULE_COUNT; rule++) {
        spt_training few = w.training, none = {.n = w.training.n, .epoch = w.training.epoch};
        few.n = SPT_MONITOR_LEAST_RECORDS; /* with epoch 0, which does not count */
        spt_prediction told[] = {tell((spt_rule)rule, &few), tell((spt_rule)rule, &none)};
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(told[i].phase, SPT_PHASE_UNKNOWN);
            assert_true(isnan(told[i].minimum) && isnan(told[i].turn));
        }
    }
}

static void a_run_that_diverged_early_tells_no_second_descent(void **state) {
    (void)state;
    whole_training w;
    make_training(&w, 0, 0);
    for (size_t i = 12; i < w.training.n; i++)
        w.share.value[i] = w.loss.value[i] = w.error.value[i] = w.fit.value[i] = NAN;
    for (int rule = 0; rule < SPT_RULE_COUNT; rule++)
        assert_true(tell((spt_rule)rule, &w.training).phase < SPT_PHASE_SECOND);
}

static void missing_records_in_between_change_little(void **state) {
    (void)state;
    whole_training whole, holed;
    make_training(&whole, 0.005, 5);
    make_training(&holed, 0.005, 5);
    for (size_t i = 2; i < holed.training.n; i += 3)
        holed.share.value[i] = holed.loss.value[i] = holed.error.value[i] = holed.fit.value[i] = i % 2 ? NAN : INFINITY;
    for (int rule = 0; rule < SPT_RULE_COUNT; rule++) {
        spt_prediction a = tell((spt_rule)rule, &whole.training), b = tell((spt_rule)rule, &holed.training);
        assert_int_equal(a.phase, SPT_PHASE_SECOND);
        assert_int_equal(b.phase, SPT_PHASE_SECOND);
        assert_epoch(b.turn, a.turn, 1.3);
    }
}

static void what_is_known_at_a_record_needs_no_later_one(void **state) {
    (void)state;
    whole_training w;
    make_training(&w, 0.005, 9);
    for (int rule = 0; rule < SPT_RULE_COUNT; rule++) {
        spt_error err = {0};
        double known;
        assert_int_equal(spt_rule_known((spt_rule)rule, &w.training, &known, &err), SPT_OK);
        assert_true(known >= tell((spt_rule)rule, &w.training).turn);
        for (size_t n = 1; n <= w.training.n; n++) {
            spt_training until = w.training;
            until.n = n;
            double last = until.epoch[n - 1];
            bool told = tell((spt_rule)rule, &until).phase == SPT_PHASE_SECOND;
            if (last >= known)
                assert_true(told); /* and it is not taken back */
            if (last == known - 1)
                assert_false(told);
        }
    }
}

static void a_rule_that_does_not_tell_knows_nothing(void **state) {
    (void)state;
    series s = THROUGH(every_epoch(150), 0, 0, {1, 0.01}, {150, 0.06});
    spt_training training = with_share(&s);
    spt_error err = {0};
    double known = 0;
    assert_int_equal(spt_rule_known(SPT_RULE_SHARE_PEAK, &training, &known, &err), SPT_OK);
    assert_true(isnan(known));
}

static void rules_are_found_by_their_names_and_others_are_refused(void **state) {
    (void)state;
    for (int rule = 0; rule < SPT_RULE_COUNT; rule++) {
        spt_error err = {0};
        spt_rule found;
        assert_int_equal(spt_rule_find(spt_rule_name((spt_rule)rule), &found, &err), SPT_OK);
        assert_int_equal(found, rule);
    }
    spt_error err = {0};
    spt_rule found;
    assert_int_equal(spt_rule_find("oracle", &found, &err), SPT_EINVAL);
    assert_string_equal(err.message, "rule oracle: unknown; known: share_peak, share_fall, memorised, loss_bend");
}

/* ---- scores */

static void a_score_counts_what_is_told_missed_and_told_falsely(void **state) {
    (void)state;
    const spt_truth seen = {.phase = SPT_PHASE_SECOND, .turn = 20}, none = {.phase = SPT_PHASE_ASCENT},
                    unknown = {.phase = SPT_PHASE_UNKNOWN};
    const spt_prediction late = {.phase = SPT_PHASE_SECOND, .turn = 40},
                         early = {.phase = SPT_PHASE_SECOND, .turn = 15}, not_told = {.phase = SPT_PHASE_DESCENT};
    spt_score score = {0};
    spt_score_add(&score, &seen, &late, 50);
    spt_score_add(&score, &seen, &early, 30);
    spt_score_add(&score, &seen, &not_told, NAN);
    spt_score_add(&score, &none, &late, 50);
    spt_score_add(&score, &none, &not_told, NAN);
    spt_score_add(&score, &unknown, &late, 50);
    assert_int_equal(score.n_runs, 5);
    assert_int_equal(score.n_seen, 3);
    assert_int_equal(score.n_told, 2);
    assert_int_equal(score.n_false, 1);
    assert_int_equal(score.n_within, 1); /* 15 for 20 is within a factor of 1.5, 40 is not */
    assert_true(fabs(score.sum - (log(2.0) + log(0.75))) < 1e-12);
    assert_true(fabs(score.absolute - (log(2.0) - log(0.75))) < 1e-12);
    assert_true(fabs(score.worst - log(2.0)) < 1e-12);
    assert_true(fabs(score.delay - (log(2.5) + log(1.5))) < 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peak_of_the_share_is_found),
        cmocka_unit_test(the_fall_of_the_share_is_found_where_it_is_3_per_cent),
        cmocka_unit_test(a_share_that_rises_or_stays_tells_no_second_descent),
        cmocka_unit_test(a_share_that_falls_from_the_start_has_no_peak),
        cmocka_unit_test(memorising_is_told_by_noisy_fit_from_its_beginning_to_its_end),
        cmocka_unit_test(without_noisy_fit_memorising_is_told_by_the_training_error),
        cmocka_unit_test(what_is_never_memorised_tells_no_second_descent),
        cmocka_unit_test(the_bend_of_the_loss_towards_0_is_found),
        cmocka_unit_test(a_loss_that_stays_high_has_no_bend_that_counts),
        cmocka_unit_test(with_nothing_to_look_at_every_rule_says_unknown),
        cmocka_unit_test(a_run_that_diverged_early_tells_no_second_descent),
        cmocka_unit_test(missing_records_in_between_change_little),
        cmocka_unit_test(what_is_known_at_a_record_needs_no_later_one),
        cmocka_unit_test(a_rule_that_does_not_tell_knows_nothing),
        cmocka_unit_test(rules_are_found_by_their_names_and_others_are_refused),
        cmocka_unit_test(a_score_counts_what_is_told_missed_and_told_falsely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
