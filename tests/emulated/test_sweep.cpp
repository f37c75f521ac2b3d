// Whole sweeps on the device, driven as `spectrain run` drives them.
#include <string>

#include "device_case.h"
#include "spectrain/sweep.h"
#include "train_case.h"

/** A sweep of eight networks, planned. */
struct planned {
    spt_config *config = NULL;
    spt_sweep *sweep = NULL;
    spt_error err = {};

    explicit planned(const char *axes = "sweep: {model.width: [3, 20, 7, 33], train.seed: [0, 1]}\n") {
        const std::string text = std::string("name: trial\n"
                                             "data: {source: mnist1d, train: 50, test: 20, "
                                             "label_noise: {kind: uniform, fraction: 0.3}}\n"
                                             "model: {hidden_layers: 1, width: 8}\n"
                                             "train: {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.1, momentum: "
                                             "0.9}, batch: 20, epochs: 4}\n"
                                             "record: {epochs: {every: 1}, weights: {every: 2}}\n"
                                             "probes: [{name: line_train, kind: line, split: train, points: 3, "
                                             "samples: 8, radius: 2}]\n") +
                                 axes;
        assert_ok(spt_config_parse("trial", text.data(), text.size(), &config, &err), err);
        assert_ok(spt_sweep_plan(config, &sweep, &err), err);
    }
    planned(const planned &) = delete;
    ~planned() {
        spt_sweep_free(sweep);
        spt_config_free(config);
    }
    spt_sweep_summary summary() const {
        spt_sweep_summary of;
        spt_sweep_summarize(sweep, &of);
        return of;
    }
    /** Metrics of all runs at the end, nothing kept. */
    std::vector<double> run(const char *backend, spt_progress_fn progress = NULL, void *user = NULL) {
        spt_sweep_options options = {};
        options.backend = backend;
        options.threads = 1;
        options.progress = progress;
        options.user = user;
        spt_sweep_result result = {};
        assert_ok(spt_sweep_run(sweep, &options, &result, &err), err);
        std::vector<double> metrics;
        for (size_t r = 0; r < result.n_runs; r++) {
            assert_int_equal(result.runs[r].status, SPT_RUN_DONE);
            metrics.insert(metrics.end(), result.runs[r].metrics, result.runs[r].metrics + SPT_METRIC_COUNT);
        }
        spt_sweep_result_free(&result);
        return metrics;
    }
};

/** Memory of the device, for as long as it lives. */
struct device_memory {
    size_t before = spt_emulated::device.memory;
    explicit device_memory(size_t bytes) { spt_emulated::device.memory = bytes; }
    ~device_memory() { spt_emulated::device.memory = before; }
};

/** Memory with which a little less than that is free for groups: describe keeps a sixteenth for the driver. */
static size_t memory_for(size_t free) {
    return free / 15 * 16;
}

static void what_does_not_fit_is_trained_in_further_groups_to_the_same_bits(void **) {
    planned whole, cut;
    const std::vector<double> together = whole.run("cuda");
    assert_int_equal(whole.summary().n_groups, 1);
    const size_t bytes = whole.summary().device_bytes;
    std::vector<double> apart;
    {
        device_memory small(memory_for(bytes / 2));
        spt_emulated::restart_most_bytes();
        apart = cut.run("cuda");
        assert_true(spt_emulated::most_bytes() <= spt_emulated::device.memory);
    }
    assert_in_range(cut.summary().n_groups, 2, 4);
    assert_true(cut.summary().device_bytes <= bytes / 2);
    assert_memory_equal(together.data(), apart.data(), together.size() * sizeof(double));
    assert_int_equal(spt_emulated::live_objects(), 0);
}

static void a_plan_shows_the_groups_of_the_device_and_what_they_take(void **) {
    planned p;
    const spt_device_options options = {};
    spt_device_info info;
    assert_ok(spt_sweep_fit(p.sweep, "cuda", &options, &info, &p.err), p.err);
    assert_false(info.memory_is_host);
    const size_t bytes = p.summary().device_bytes;
    assert_true(p.summary().n_groups == 1 && bytes > 0);
    device_memory small(memory_for(bytes - 1));
    assert_ok(spt_sweep_fit(p.sweep, "cuda", &options, &info, &p.err), p.err);
    assert_int_equal(p.summary().n_groups, 2);
    size_t runs = 0;
    for (size_t g = 0; g < 2; g++) {
        spt_group_summary group;
        spt_sweep_group_at(p.sweep, g, &group);
        runs += group.n_runs;
        assert_true(group.device_bytes > 0 && group.device_bytes <= info.memory_free);
    }
    assert_int_equal(runs, 8);
}

static void a_run_that_does_not_fit_is_one_line_before_anything_is_trained(void **) {
    planned p("sweep: {model.width: [3, 200], train.seed: [4]}\n");
    const spt_device_options options = {};
    assert_ok(spt_sweep_fit(p.sweep, "cuda", &options, NULL, &p.err), p.err);
    device_memory small(memory_for(p.summary().device_bytes / 2));
    spt_sweep_options run = {};
    run.backend = "cuda";
    spt_sweep_result result = {};
    assert_int_equal(spt_sweep_run(p.sweep, &run, &result, &p.err), SPT_ENOMEM);
    spt_sweep_result_free(&result);
    if (strstr(p.err.message, "run 1 (model.width 200, train.seed 4): takes ") != p.err.message ||
        strstr(p.err.message, " MiB are free on emulated device") == NULL)
        fail_msg("%s", p.err.message);
    assert_int_equal(spt_emulated::live_objects(), 0);
}

/** After four epochs of three steps rounding has grown to this much at most, which is what a relative change of 1e-6
 * of the gradients leads to here; errors are shares of 50 and 20 examples. */
static void a_sweep_has_the_metrics_that_it_has_on_the_cpu(void **) {
    planned on_cuda, on_cpu;
    const std::vector<double> cuda = on_cuda.run("cuda"), cpu = on_cpu.run("cpu");
    assert_int_equal(cuda.size(), cpu.size());
    for (size_t i = 0; i < cuda.size(); i++)
        if (!(fabs(cuda[i] - cpu[i]) <= 1e-4 * fabs(cpu[i])))
            fail_msg("run %zu, metric %zu: %.9g, %.9g on the cpu", i / SPT_METRIC_COUNT, i % SPT_METRIC_COUNT, cuda[i],
                     cpu[i]);
}

// ---- records beside training

/** How many launches there were when a sweep told where it was. */
struct told {
    bool recorded;
    uint64_t epoch;
    size_t launches;
};

static void keep_told(const spt_progress *progress, void *user) {
    ((std::vector<told> *)user)->push_back({progress->recorded, progress->epoch, spt_emulated::launches()});
}

/** The steps of the slice that follows a record have been launched when the record is there: what is launched until
 *  the slice is done is the one kernel that collects counters. */
static void a_record_is_waited_for_while_the_device_trains(void **) {
    planned p;
    std::vector<told> all;
    p.run("cuda", keep_told, &all);
    size_t records = 0;
    for (size_t i = 0; i + 1 < all.size(); i++) {
        if (!all[i].recorded)
            continue;
        records++;
        assert_false(all[i + 1].recorded);
        assert_int_equal(all[i + 1].launches - all[i].launches, 1);
    }
    assert_int_equal(records, 4); // of five, the last with nothing to train after it
    assert_true(all.back().recorded && all.back().epoch == 4);
}

static void a_sweep_has_the_same_bits_in_any_order_of_streams(void **) {
    planned first("sweep: {model.width: [3, 33], train.seed: [0]}\n");
    const size_t bytes = first.run("cuda").size() * sizeof(double);
    assert_true(spt_emulated::bits_agree_under_delays(6, bytes, [&](void *out) {
        planned p("sweep: {model.width: [3, 33], train.seed: [0]}\n");
        memcpy(out, p.run("cuda").data(), bytes);
    }));
}

/** Records that a sweep tells of until the launch that fails, and then. */
static size_t records_until(size_t launch, bool for_good) {
    planned p("sweep: {model.width: [3, 33], train.seed: [0]}\n");
    std::vector<told> all;
    spt_sweep_options options = {};
    options.backend = "cuda";
    options.progress = keep_told;
    options.user = &all;
    spt_sweep_result result = {};
    spt_emulated::let_fail(spt_emulated::LAUNCH, (unsigned)launch, cudaErrorLaunchFailure, for_good);
    assert_int_equal(spt_sweep_run(p.sweep, &options, &result, &p.err), SPT_EDEVICE);
    assert_non_null(strstr(p.err.message, "cuda: training"));
    spt_sweep_result_free(&result);
    spt_emulated::heal();
    assert_int_equal(spt_emulated::live_objects(), 0);
    size_t records = 0;
    for (const told &t : all)
        records += t.recorded;
    return records;
}

/** A step that cannot be launched, beside record 2: what the device still finishes is kept, and nothing is when the
 *  device is gone. */
static void a_record_under_way_outlives_an_error_of_training(void **) {
    planned p("sweep: {model.width: [3, 33], train.seed: [0]}\n");
    std::vector<told> all;
    const size_t before = spt_emulated::launches();
    p.run("cuda", keep_told, &all);
    size_t launch = 0; // the last before record 2 is there: of the slice beside it
    for (const told &t : all)
        if (t.recorded && t.epoch == 2)
            launch = t.launches - before;
    assert_true(launch > 0);
    assert_int_equal(records_until(launch, false), 3);
    assert_int_equal(records_until(launch, true), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_trained_in_further_groups_to_the_same_bits),
        cmocka_unit_test(a_plan_shows_the_groups_of_the_device_and_what_they_take),
        cmocka_unit_test(a_run_that_does_not_fit_is_one_line_before_anything_is_trained),
        cmocka_unit_test(a_sweep_has_the_metrics_that_it_has_on_the_cpu),
        cmocka_unit_test(a_record_is_waited_for_while_the_device_trains),
        cmocka_unit_test(a_sweep_has_the_same_bits_in_any_order_of_streams),
        cmocka_unit_test(a_record_under_way_outlives_an_error_of_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
