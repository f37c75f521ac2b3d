/* The promise: a run's bits depend on its own settings and data alone. Here a run is trained once alone by one thread,
 * and then in every other way there is. Two runs are large enough that teams cut their products into tiles. */
#include "cpu_group.h"

enum { STEPS = 23, N = 430, BATCH = 100 }; /* 5 steps an epoch, the last of 30 examples */

/* Mixed widths, depths, rates, optimizers and inits. */
static size_t make_runs(const spt_dataset *data, size_t batch, spt_run_spec *run) {
    const size_t width[] = {5, 300, 17, 1, 64, 260, 33};
    const size_t depth[] = {2, 2, 0, 3, 1, 3, 4};
    const size_t n = sizeof width / sizeof *width;
    for (size_t r = 0; r < n; r++) {
        run[r] = run_of(data, width[r], depth[r], batch, (uint32_t)(r / 2));
        run[r].model.init = (spt_init)(r % 3);
        run[r].train.optimizer =
            (spt_optimizer){(spt_optimizer_kind)(r % 3), 0.003, r % 2 ? 0.9 : 0.0, 0.01, 0.9, 0.999, 1e-8};
    }
    return n;
}

/* Every run by itself, one thread, one call. */
static void train_alone(const spt_dataset *data, const spt_run_spec *run, size_t n, void **state) {
    for (size_t r = 0; r < n; r++) {
        spt_group_spec spec = {.dataset = data, .n_runs = 1, .runs = &run[r]};
        spt_test_group t = open_group(&spec, 1);
        train_to(&t, STEPS);
        state[r] = state_of(&t, &run[r], 0);
        close_group(&t);
    }
}

static void assert_same_states(const spt_test_group *t, const spt_run_spec *run, size_t n, void *const *expected) {
    for (size_t r = 0; r < n; r++) {
        void *state = state_of(t, &run[r], r);
        assert_memory_equal(state, expected[r], arena_of(&run[r]).bytes);
        spt_memory_free(state);
    }
}

static void group_and_threads_change_nothing(size_t batch) {
    spt_dataset data = make_data(40, 10, 10, N);
    spt_run_spec run[7];
    void *alone[7];
    size_t n = make_runs(&data, batch, run);
    train_alone(&data, run, n, alone);
    spt_group_spec spec = {.dataset = &data, .n_runs = n, .runs = run};
    for (size_t threads = 1; threads <= 9; threads += threads < 3 ? 1 : 2) {
        spt_test_group t = open_group(&spec, threads);
        train_to(&t, STEPS);
        assert_same_states(&t, run, n, alone);
        close_group(&t);
    }
    for (size_t r = 0; r < n; r++)
        spt_memory_free(alone[r]);
    free_data(&data);
}

static void a_run_is_the_same_in_every_group_and_with_every_number_of_threads(void **state) {
    (void)state;
    group_and_threads_change_nothing(BATCH);
}

static void so_it_is_with_the_full_batch(void **state) {
    (void)state;
    group_and_threads_change_nothing(0);
}

/* Fewer runs than threads: teams. The large runs of above, alone, by 2, 3 and 5 threads. */
static void a_team_has_the_bits_of_one_thread(void **state) {
    (void)state;
    for (size_t batch = 0; batch <= BATCH; batch += BATCH) {
        spt_dataset data = make_data(40, 10, 10, N);
        spt_run_spec run[7];
        make_runs(&data, batch, run);
        spt_run_spec large[] = {run[1], run[5]};
        void *alone[2];
        train_alone(&data, large, 2, alone);
        for (size_t n = 1; n <= 2; n++)
            for (size_t threads = 2; threads <= 5; threads += threads == 2 ? 1 : 2) {
                spt_group_spec spec = {.dataset = &data, .n_runs = n, .runs = large};
                spt_test_group t = open_group(&spec, threads);
                train_to(&t, STEPS);
                assert_same_states(&t, large, n, alone);
                close_group(&t);
            }
        spt_memory_free(alone[0]);
        spt_memory_free(alone[1]);
        free_data(&data);
    }
}

static void slices_and_a_move_to_another_group_change_nothing(void **state) {
    (void)state;
    const uint64_t stops[] = {0, 1, 1, 4, 5, 6, 12, 13, STEPS};
    spt_dataset data = make_data(40, 10, 10, N);
    spt_run_spec run[7];
    void *alone[7];
    size_t n = make_runs(&data, BATCH, run);
    train_alone(&data, run, n, alone);
    spt_group_spec spec = {.dataset = &data, .n_runs = n, .runs = run};
    spt_test_group t = open_group(&spec, 2);
    spt_error err = {0};
    spt_evaluation evaluation[7] = {0};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        train_to(&t, stops[i]);
        assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TEST, evaluation, &err), SPT_OK);
        spt_test_group next = open_group(&spec, 1 + i % 3);
        for (size_t r = 0; r < n; r++) {
            void *moved = state_of(&t, &run[r], r);
            assert_int_equal(cpu()->state_set(next.group, r, moved, &err), SPT_OK);
            spt_memory_free(moved);
        }
        close_group(&t);
        t = next;
    }
    assert_same_states(&t, run, n, alone);
    close_group(&t);
    for (size_t r = 0; r < n; r++)
        spt_memory_free(alone[r]);
    free_data(&data);
}

static void targets_and_labels_follow_their_rows_into_a_batch(void **state) {
    (void)state;
    for (size_t classes = 0; classes <= 3; classes += 3) {
        /* 128 equal rows apart from the order: one class or target a value of x, so that a wrong row shows in the loss
         */
        spt_dataset data = make_data(1, 3, classes, 64);
        for (size_t i = 0; i < 64; i++) {
            data.train.x[i] = (float)(i % 3);
            if (classes > 0)
                data.train.label[i] = (int32_t)(i % 3);
            else
                for (size_t j = 0; j < 3; j++)
                    data.train.target[i * 3 + j] = j == i % 3;
        }
        spt_run_spec run = run_of(&data, 30, 1, 7, 1);
        run.train.loss = SPT_LOSS_MSE;
        run.train.optimizer = (spt_optimizer){SPT_OPTIMIZER_ADAM, 0.02, 0, 0, 0.9, 0.999, 1e-8};
        spt_group_spec spec = {.dataset = &data, .n_runs = 1, .runs = &run};
        spt_test_group t = open_group(&spec, 1);
        train_to(&t, 1000);
        spt_evaluation evaluation = {0};
        spt_error err = {0};
        assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TRAIN, &evaluation, &err), SPT_OK);
        assert_true(evaluation.loss < 1e-3); /* of a function that three points define; 2/9 with shuffled targets */
        close_group(&t);
        free_data(&data);
    }
}

/* Two threads of a program, each with a device of its own; and, as they are OpenMP threads, with one worker each where
 * two were asked for. */
static void two_devices_at_work_at_a_time_do_not_disturb_each_other(void **state) {
    (void)state;
    spt_dataset data = make_data(40, 10, 10, N);
    spt_run_spec run[7];
    void *alone[7];
    size_t n = make_runs(&data, BATCH, run);
    train_alone(&data, run, n, alone);
    spt_group_spec spec = {.dataset = &data, .n_runs = n, .runs = run};
    spt_test_group t[] = {open_group(&spec, 2), open_group(&spec, 2)};
#pragma omp parallel for num_threads(2) schedule(static, 1)
    for (int i = 0; i < 2; i++)
        (void)cpu()->train(t[i].group, STEPS, NULL);
    for (int i = 0; i < 2; i++) {
        assert_same_states(&t[i], run, n, alone);
        close_group(&t[i]);
    }
    for (size_t r = 0; r < n; r++)
        spt_memory_free(alone[r]);
    free_data(&data);
}

/* Evaluations, norms and probes too. */
static void measurements_do_not_depend_on_group_or_threads(void **state) {
    (void)state;
    spt_dataset data = make_data(40, 10, 10, 1500);
    float *origin = data.train.x, *direction = data.test.x;
    spt_probe probe = {.name = "line",
                       .kind = "line",
                       .geometry = SPT_GEOMETRY_LINES,
                       .inputs = 40,
                       .outputs = 10,
                       .series = 20,
                       .samples = 96,
                       .t0 = -1.0,
                       .dt = 2.0 / 96,
                       .origin = origin,
                       .direction = direction,
                       .transform = SPT_TRANSFORM_DFT,
                       .scale = 1.0,
                       .energy_size = 49};
    const spt_probe *probes[] = {&probe};
    spt_run_spec run[7];
    size_t n = make_runs(&data, BATCH, run);
    spt_error err = {0};
    spt_evaluation one[7] = {0}, all[7] = {0};
    double norms[7 * 5], norm[5], energies[7 * 49], energy[49];
    for (size_t threads = 1; threads <= 5; threads += 2) {
        spt_group_spec spec = {&data, n, run, 1, probes};
        spt_test_group t = open_group(&spec, threads);
        assert_int_equal(cpu()->evaluate(t.group, SPT_SPLIT_TRAIN, all, &err), SPT_OK);
        assert_int_equal(cpu()->spectral_norms(t.group, 5, norms, &err), SPT_OK);
        assert_int_equal(cpu()->probe(t.group, 0, energies, &err), SPT_OK);
        for (size_t r = 0; r < n; r++) {
            spt_group_spec single = {&data, 1, &run[r], 1, probes};
            spt_test_group alone = open_group(&single, threads == 1 ? 3 : 1);
            assert_int_equal(cpu()->evaluate(alone.group, SPT_SPLIT_TRAIN, &one[r], &err), SPT_OK);
            assert_int_equal(cpu()->spectral_norms(alone.group, 5, norm, &err), SPT_OK);
            assert_int_equal(cpu()->probe(alone.group, 0, energy, &err), SPT_OK);
            assert_true(one[r].loss == all[r].loss && one[r].error == all[r].error);
            assert_memory_equal(norm, norms + r * 5, sizeof norm);
            assert_memory_equal(energy, energies + r * 49, sizeof energy);
            close_group(&alone);
        }
        close_group(&t);
    }
    free_data(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_the_same_in_every_group_and_with_every_number_of_threads),
        cmocka_unit_test(so_it_is_with_the_full_batch),
        cmocka_unit_test(a_team_has_the_bits_of_one_thread),
        cmocka_unit_test(slices_and_a_move_to_another_group_change_nothing),
        cmocka_unit_test(targets_and_labels_follow_their_rows_into_a_batch),
        cmocka_unit_test(two_devices_at_work_at_a_time_do_not_disturb_each_other),
        cmocka_unit_test(measurements_do_not_depend_on_group_or_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
