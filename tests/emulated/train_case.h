// What the tests of training on the emulated device share: data sets, runs, and groups of the same runs on both
// backends.
#ifndef SPT_TESTS_EMULATED_TRAIN_CASE_H
#define SPT_TESTS_EMULATED_TRAIN_CASE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_case.h"
#include "spectrain/backend.h"
#include "spectrain/rng.h"

extern "C" const spt_backend spt_backend_cpu;
extern "C" const spt_backend spt_backend_cuda;

/** Whole numbers that a seed decides. */
struct draws {
    uint32_t seed;
    uint64_t index = 0;
    size_t between(size_t least, size_t most) {
        return least + spt_random(seed, SPT_STREAM_DATA, 99, index++).word[0] % (most - least + 1);
    }
};

/** A data set of normal inputs, shifted along one axis by the class, so that there is something to learn. A tenth of
 * the labels is wrong. classes 0: targets in [0, 1), or -1 and +1. */
struct test_data {
    std::vector<float> x[2], target[2];
    std::vector<int32_t> label[2], label_true[2];
    spt_dataset set = {};

    test_data(size_t inputs, size_t outputs, size_t classes, size_t n_train, size_t n_test, bool signs = false) {
        set.inputs = inputs;
        set.outputs = outputs;
        set.classes = classes;
        const size_t sizes[2] = {n_train, n_test};
        for (int s = 0; s < 2; s++) {
            const size_t n = sizes[s];
            spt_split *split = s == SPT_SPLIT_TRAIN ? &set.train : &set.test;
            split->n = n;
            x[s].resize(n * inputs);
            for (size_t i = 0; i < n * inputs; i++) {
                double z;
                spt_random_normal(5, SPT_STREAM_DATA, (uint64_t)s, i, 1, &z);
                x[s][i] = (float)z;
            }
            split->x = x[s].data();
            if (classes > 0)
                add_labels(s, n, split);
            else
                add_targets(s, n, split, signs);
        }
    }
    test_data(const test_data &) = delete;

    void add_labels(int s, size_t n, spt_split *split) {
        label_true[s].resize(n);
        for (size_t i = 0; i < n; i++) {
            label_true[s][i] = (int32_t)(i * 7 % set.classes);
            x[s][i * set.inputs + (size_t)label_true[s][i] % set.inputs] += 1.0f;
        }
        label[s] = label_true[s];
        for (size_t i = 0; i < n; i += 10)
            label[s][i] = (int32_t)((size_t)(label[s][i] + 1) % set.classes);
        split->label = label[s].data();
        split->label_true = label_true[s].data();
    }

    void add_targets(int s, size_t n, spt_split *split, bool signs) {
        target[s].resize(n * set.outputs);
        for (size_t i = 0; i < target[s].size(); i++) {
            double u;
            spt_random_uniform(6, SPT_STREAM_DATA, (uint64_t)s, i, 1, &u);
            target[s][i] = signs ? (u > 0.5 ? 1.0f : -1.0f) : (float)u;
        }
        split->target = target[s].data();
    }
};

inline spt_optimizer sgd_of(double lr, double momentum, double decay = 0.0) {
    spt_optimizer o = {};
    o.kind = SPT_OPTIMIZER_SGD;
    o.lr = lr;
    o.momentum = momentum;
    o.weight_decay = decay;
    return o;
}

/** eps far above its usual 1e-8: a gradient that rounding alone keeps from zero would otherwise become a full step, of
 *  either sign, and the backends could not be compared. */
inline spt_optimizer adam_of(spt_optimizer_kind kind, double lr, double decay) {
    spt_optimizer o = {};
    o.kind = kind;
    o.lr = lr;
    o.weight_decay = decay;
    o.beta1 = 0.9;
    o.beta2 = 0.999;
    o.eps = 1e-3;
    return o;
}

inline spt_run_spec run_of(const test_data &data, size_t width, size_t hidden_layers, size_t batch, uint32_t seed,
                           spt_loss loss = SPT_LOSS_CROSS_ENTROPY, spt_optimizer optimizer = sgd_of(0.05, 0.9)) {
    spt_run_spec run = {};
    run.model = {data.set.inputs, width, hidden_layers, data.set.outputs, SPT_INIT_PYTORCH};
    run.train.loss = loss;
    run.train.optimizer = optimizer;
    run.train.batch = batch;
    run.train.epochs = 10;
    run.train.seed = seed;
    return run;
}

inline spt_arena arena_of(const spt_run_spec &run) {
    spt_arena arena;
    assert_int_equal(spt_arena_layout(&run.model, &run.train.optimizer, &arena, NULL), SPT_OK);
    return arena;
}

/** A run's arena on the host. */
struct run_state {
    spt_arena arena;
    std::vector<float> floats;
    explicit run_state(const spt_run_spec &run) : arena(arena_of(run)), floats(arena.bytes / sizeof(float)) {}
    void *data() { return floats.data(); }
    spt_run_counters &counters() { return *spt_arena_counters(&arena, data()); }
};

inline run_state initial_state(const spt_run_spec &run) {
    run_state state(run);
    // spt_arena_init wants the alignment that arenas have
    void *aligned = aligned_alloc(128, state.arena.bytes);
    assert_non_null(aligned);
    spt_arena_init(&run.model, &run.train.optimizer, run.train.seed, aligned);
    memcpy(state.data(), aligned, state.arena.bytes);
    free(aligned);
    return state;
}

#define assert_ok(call, err)                                                                                           \
    do {                                                                                                               \
        if ((call) != SPT_OK)                                                                                          \
            fail_msg("%s", (err).message);                                                                             \
    } while (0)

/** A group of runs on one backend, in their initial states. */
struct test_group {
    const spt_backend *backend;
    const std::vector<spt_run_spec> runs;
    const std::vector<const spt_probe *> probe; // the group reads both here
    spt_device *device = NULL;
    spt_group *group = NULL;
    spt_error err = {};

    test_group(const spt_backend &with, const test_data &data, const std::vector<spt_run_spec> &of)
        : test_group(with, data, of, [](spt_device *) {}) {}

    /** prepare(device) before the group is made. */
    template <typename F>
    test_group(const spt_backend &with, const test_data &data, const std::vector<spt_run_spec> &of, F prepare,
               const std::vector<const spt_probe *> &probes = {})
        : backend(&with), runs(of), probe(probes) {
        spt_device_options options = {};
        options.threads = 1;
        assert_ok(backend->open(&options, &device, &err), err);
        prepare(device);
        spt_group_spec spec = {};
        spec.dataset = &data.set;
        spec.n_runs = runs.size();
        spec.runs = runs.data();
        spec.n_probes = probe.size();
        spec.probes = probe.data();
        assert_ok(backend->group_create(device, &spec, &group, &err), err);
        for (size_t r = 0; r < runs.size(); r++)
            set(r, initial_state(runs[r]));
    }
    test_group(const test_group &) = delete;
    ~test_group() {
        backend->group_destroy(group);
        backend->close(device);
    }

    void train(uint64_t step) { assert_ok(backend->train(group, step, &err), err); }
    void set(size_t r, const run_state &state) {
        assert_ok(backend->state_set(group, r, state.floats.data(), &err), err);
    }
    run_state get(size_t r) {
        run_state state(runs[r]);
        assert_ok(backend->state_get(group, r, state.data(), &err), err);
        return state;
    }
    std::vector<spt_run_counters> counters() {
        std::vector<spt_run_counters> out(runs.size());
        assert_ok(backend->counters(group, out.data(), &err), err);
        return out;
    }
    std::vector<spt_evaluation> evaluate(spt_split_name split, std::vector<std::vector<uint8_t>> *correct, size_t n) {
        std::vector<spt_evaluation> out(runs.size());
        correct->assign(runs.size(), std::vector<uint8_t>(n));
        for (size_t r = 0; r < runs.size(); r++)
            out[r].correct = (*correct)[r].data();
        assert_ok(backend->evaluate(group, split, out.data(), &err), err);
        return out;
    }
};

/** Length of the difference of two vectors over the length of the first. */
inline double distance(const float *a, const float *b, size_t n) {
    double difference = 0.0, length = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        length += (double)a[i] * (double)a[i];
    }
    return difference == 0.0 ? 0.0 : sqrt(difference / length);
}

/** The largest distance of parameters and of each moment of a run. */
inline double distance(const run_state &a, const run_state &b) {
    double largest = 0.0;
    for (size_t m = 0; m <= a.arena.moments; m++) {
        const double d = distance(&a.floats[m * a.arena.block], &b.floats[m * a.arena.block], a.arena.block);
        largest = d > largest || isnan(d) ? d : largest;
    }
    return largest;
}

#endif
