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
    std::vector<double> run(const char *backend) {
        spt_sweep_options options = {};
        options.backend = backend;
        options.threads = 1;
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_trained_in_further_groups_to_the_same_bits),
        cmocka_unit_test(a_plan_shows_the_groups_of_the_device_and_what_they_take),
        cmocka_unit_test(a_run_that_does_not_fit_is_one_line_before_anything_is_trained),
        cmocka_unit_test(a_sweep_has_the_metrics_that_it_has_on_the_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
