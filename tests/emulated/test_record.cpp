// Records that are taken while training goes on: what they hold, and that neither disturbs the other.
#include "probe_case.h"
#include "train_case.h"

enum { N = 50, N_TEST = 23, BATCH = 16, LAYERS = 4 }; // 4 steps an epoch, the last of 2 examples

static const spt_backend *const BACKENDS[] = {&spt_backend_cpu, &spt_backend_cuda};

static std::vector<spt_run_spec> runs_for(const test_data &data) {
    return {run_of(data, 5, 1, BATCH, 0), run_of(data, 37, 3, BATCH, 1),
            run_of(data, 12, 2, BATCH, 0, SPT_LOSS_CROSS_ENTROPY, adam_of(SPT_OPTIMIZER_ADAM, 0.003, 0.0))};
}

/** Places for all that a record can hold, of groups with one probe. */
struct record_places {
    std::vector<spt_evaluation> train, test;
    std::vector<uint8_t> correct;
    std::vector<double> norms, energy;
    double *energies[1];
    std::vector<run_state> states;
    spt_record record;

    explicit record_places(const test_group &group)
        : train(group.runs.size()), test(group.runs.size()), correct(group.runs.size() * N, 77),
          norms(group.runs.size() * LAYERS),
          energy(group.runs.size() * group.probe[0]->energy_size), energies{energy.data()},
          record({train.data(), test.data(), LAYERS, norms.data(), energies}) {
        for (size_t r = 0; r < group.runs.size(); r++)
            train[r].correct = &correct[r * N];
    }
    record_places(const record_places &) = delete;

    std::vector<uint8_t> bytes() const {
        std::vector<uint8_t> all = correct;
        auto add = [&](const void *from, size_t n) {
            all.insert(all.end(), (const uint8_t *)from, (const uint8_t *)from + n);
        };
        for (const std::vector<spt_evaluation> *split : {&train, &test})
            for (const spt_evaluation &e : *split) {
                add(&e.loss, sizeof e.loss);
                add(&e.error, sizeof e.error);
            }
        add(norms.data(), norms.size() * sizeof(double));
        add(energy.data(), energy.size() * sizeof(double));
        for (const run_state &state : states)
            add(state.floats.data(), state.arena.bytes);
        return all;
    }
};

/** Call after call, while nothing is trained. */
static std::vector<uint8_t> measured_at_once(test_group &group) {
    record_places places(group);
    const spt_backend &b = *group.backend;
    assert_ok(b.evaluate(group.group, SPT_SPLIT_TRAIN, places.train.data(), &group.err), group.err);
    assert_ok(b.evaluate(group.group, SPT_SPLIT_TEST, places.test.data(), &group.err), group.err);
    assert_ok(b.spectral_norms(group.group, LAYERS, places.norms.data(), &group.err), group.err);
    assert_ok(b.probe(group.group, 0, places.energy.data(), &group.err), group.err);
    for (size_t r = 0; r < group.runs.size(); r++)
        places.states.push_back(group.get(r));
    return places.bytes();
}

/** While the group is trained to `step`. */
static std::vector<uint8_t> measured_beside_training(test_group &group, uint64_t step) {
    record_places places(group);
    const spt_backend &b = *group.backend;
    assert_ok(b.record_begin(group.group, &places.record, &group.err), group.err);
    assert_ok(b.train_begin(group.group, step, &group.err), group.err);
    assert_ok(b.record_wait(group.group, &group.err), group.err);
    for (size_t r = 0; r < group.runs.size(); r++) {
        places.states.emplace_back(group.runs[r]);
        assert_ok(b.record_state(group.group, r, places.states.back().data(), &group.err), group.err);
    }
    group.train(step);
    return places.bytes();
}

static void a_record_beside_training_holds_what_is_measured_at_once(void **) {
    test_data data(6, 3, 3, N, N_TEST);
    probe_case lines(6, 3, 4, 16, SPT_GEOMETRY_LINES, 3);
    const std::vector<spt_run_spec> runs = runs_for(data);
    for (const spt_backend *backend : BACKENDS) {
        test_group calm(*backend, data, runs, [](spt_device *) {}, {&lines.probe});
        test_group busy(*backend, data, runs, [](spt_device *) {}, {&lines.probe});
        for (uint64_t step : {0, 3, 9}) {
            calm.train(step);
            busy.train(step);
            const std::vector<uint8_t> expected = measured_at_once(calm);
            const std::vector<uint8_t> found = measured_beside_training(busy, step + 5);
            assert_int_equal(found.size(), expected.size());
            assert_memory_equal(found.data(), expected.data(), expected.size());
            calm.train(step + 5);
            for (size_t r = 0; r < runs.size(); r++)
                assert_memory_equal(busy.get(r).floats.data(), calm.get(r).floats.data(), arena_of(runs[r]).bytes);
        }
    }
}

/** As a sweep does: record after record, with nothing between but training. */
static void records_and_training_have_the_same_bits_in_any_order_of_streams(void **) {
    test_data data(6, 3, 3, N, N_TEST);
    probe_case lines(6, 3, 4, 16, SPT_GEOMETRY_LINES, 3);
    const std::vector<spt_run_spec> runs = runs_for(data);
    const uint64_t steps[] = {1, 4, 13};
    size_t bytes;
    {
        test_group group(spt_backend_cuda, data, runs, [](spt_device *) {}, {&lines.probe});
        bytes = measured_at_once(group).size();
    }
    assert_true(spt_emulated::bits_agree_under_delays(8, 4 * bytes, [&](void *out) {
        test_group group(spt_backend_cuda, data, runs, [](spt_device *) {}, {&lines.probe});
        uint8_t *at = (uint8_t *)out;
        for (uint64_t step : steps) {
            const std::vector<uint8_t> record = measured_beside_training(group, step);
            memcpy(at, record.data(), bytes);
            at += bytes;
        }
        memcpy(at, measured_at_once(group).data(), bytes);
    }));
}

static void states_alone_can_be_recorded(void **) {
    test_data data(6, 3, 3, N, N_TEST);
    const std::vector<spt_run_spec> runs = runs_for(data);
    const spt_record nothing = {};
    for (const spt_backend *backend : BACKENDS) {
        test_group group(*backend, data, runs);
        group.train(2);
        const run_state before = group.get(1);
        run_state found(runs[1]);
        assert_ok(backend->record_begin(group.group, &nothing, &group.err), group.err);
        assert_ok(backend->train_begin(group.group, 9, &group.err), group.err);
        assert_ok(backend->record_wait(group.group, &group.err), group.err);
        assert_ok(backend->record_state(group.group, 1, found.data(), &group.err), group.err);
        assert_memory_equal(found.floats.data(), before.floats.data(), before.arena.bytes);
    }
}

static void a_record_begins_when_the_last_was_waited_for(void **) {
    test_data data(6, 3, 3, N, N_TEST);
    const std::vector<spt_run_spec> runs = runs_for(data);
    const spt_record nothing = {};
    for (const spt_backend *backend : BACKENDS) {
        test_group group(*backend, data, runs);
        spt_error err = {};
        assert_int_equal(backend->record_wait(group.group, &err), SPT_EINVAL);
        assert_string_equal(err.message, "record: none is under way");
        assert_ok(backend->record_begin(group.group, &nothing, &group.err), group.err);
        assert_int_equal(backend->record_begin(group.group, &nothing, &err), SPT_EINVAL);
        assert_string_equal(err.message, "record: one is under way, and must be waited for first");
        assert_ok(backend->record_wait(group.group, &group.err), group.err);
        assert_ok(backend->record_begin(group.group, &nothing, &group.err), group.err);
    } // and a group may go with a record under way
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_beside_training_holds_what_is_measured_at_once),
        cmocka_unit_test(records_and_training_have_the_same_bits_in_any_order_of_streams),
        cmocka_unit_test(states_alone_can_be_recorded),
        cmocka_unit_test(a_record_begins_when_the_last_was_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
