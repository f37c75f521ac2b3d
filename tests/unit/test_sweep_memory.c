/* Groups: cut to what a device has free, every run in one of them, and told from shapes what the real thing takes. */
#include "probe_fixture.h"

#include "config_case.h"
#include "sweep/group_memory.h"

/* ---- a device whose groups take so many bytes, and so many for each run */

enum { MIB = 1 << 20, GROUP_BYTES = 100 * MIB, RUN_BYTES = 10 * MIB, WIDE_BYTES = 700 * MIB, WIDE = 500 };

static size_t plain_bytes(const spt_device *device, const spt_group_spec *spec) {
    (void)device;
    size_t bytes = GROUP_BYTES;
    for (size_t r = 0; r < spec->n_runs; r++)
        bytes += spec->runs[r].model.width == WIDE ? WIDE_BYTES : RUN_BYTES;
    return bytes;
}

static const spt_backend PLAIN = {.name = "plain", .group_bytes = plain_bytes};

static spt_group_place place_with(size_t memory_free) {
    return (spt_group_place){.backend = &PLAIN, .info = {.name = "a plain device", .memory_free = memory_free}};
}

#define NETWORKS                                                                                                       \
    "name: t\n"                                                                                                        \
    "data: {source: mnist1d, train: 60, test: 10}\n"                                                                   \
    "model: {hidden_layers: 1, width: 8}\n"                                                                            \
    "train: {loss: cross_entropy, optimizer: {kind: adam, lr: 0.01}, batch: 20, epochs: 4}\n"

static spt_sweep *plan_of(spt_config *config) {
    spt_sweep *sweep = NULL;
    spt_error err = {0};
    if (spt_sweep_plan(config, &sweep, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return sweep;
}

/* Every run in one group, and of one kind with the others there. */
static void assert_groups_hold_all_runs(const spt_sweep *sweep) {
    size_t runs = 0;
    for (size_t g = 0; g < sweep->n_groups; g++) {
        const spt_planned_group *group = &sweep->groups[g];
        const spt_planned_run *first = &sweep->runs[group->runs[0]];
        runs += group->n_runs;
        for (size_t i = 0; i < group->n_runs; i++) {
            const spt_planned_run *run = &sweep->runs[group->runs[i]];
            assert_int_equal(run->group, g);
            assert_true(i == 0 || group->runs[i] > group->runs[i - 1]);
            assert_true(run->dataset == first->dataset && run->spec.train.batch == first->spec.train.batch &&
                        run->spec.train.loss == first->spec.train.loss);
        }
    }
    assert_int_equal(runs, sweep->n_runs);
}

static void groups_take_as_many_runs_as_fit_and_no_run_is_lost(void **state) {
    (void)state;
    spt_config *config = config_of(NETWORKS "sweep: {train.seed: {range: [0, 30, 1]}}\n");
    spt_sweep *sweep = plan_of(config);
    assert_int_equal(sweep->n_groups, 1);
    /* 31 runs: room for 1 to 40 of them. */
    for (size_t room = 1; room <= 40; room++) {
        spt_group_place place = place_with(GROUP_BYTES + room * RUN_BYTES + RUN_BYTES / 2);
        assert_int_equal(spt_sweep_make_groups(sweep, &place, NULL), SPT_OK);
        assert_int_equal(spt_sweep_check_groups(sweep, &place, NULL), SPT_OK);
        assert_int_equal(sweep->n_groups, (31 + room - 1) / room);
        for (size_t g = 0; g + 1 < sweep->n_groups; g++)
            assert_int_equal(sweep->groups[g].n_runs, room);
        assert_groups_hold_all_runs(sweep);
    }
    spt_sweep_free(sweep);
    spt_config_free(config);
}

static void runs_of_other_data_batch_or_loss_are_in_other_groups(void **state) {
    (void)state;
    spt_config *config = config_of(NETWORKS "sweep: {train.seed: [0, 1, 2], train.batch: [10, 20], "
                                            "train.loss: [cross_entropy, mse], data.seed: [5, 6]}\n");
    spt_sweep *sweep = plan_of(config);
    assert_int_equal(sweep->n_groups, 8);
    assert_groups_hold_all_runs(sweep);
    for (size_t g = 1; g < sweep->n_groups; g++) /* each data set is made once */
        assert_true(sweep->groups[g].dataset >= sweep->groups[g - 1].dataset);
    spt_sweep_free(sweep);
    spt_config_free(config);
}

static void a_run_that_fits_nowhere_is_named_with_what_it_takes_and_what_is_free(void **state) {
    (void)state;
    spt_config *config = config_of(NETWORKS "sweep: {model.width: [4, 500, 8], train.seed: [3, 4]}\n");
    spt_sweep *sweep = plan_of(config);
    spt_group_place place = place_with(GROUP_BYTES + WIDE_BYTES - MIB);
    spt_error err = {0};
    assert_int_equal(spt_sweep_make_groups(sweep, &place, &err), SPT_OK);
    assert_groups_hold_all_runs(sweep);
    assert_int_equal(spt_sweep_check_groups(sweep, &place, &err), SPT_ENOMEM);
    assert_string_equal(err.message,
                        "run 2 (model.width 500, train.seed 3): takes 800.0 MiB of memory, 799.0 MiB are free on "
                        "a plain device");
    place.info.memory_free += MIB;
    assert_int_equal(spt_sweep_make_groups(sweep, &place, &err), SPT_OK);
    assert_int_equal(spt_sweep_check_groups(sweep, &place, &err), SPT_OK);
    assert_groups_hold_all_runs(sweep);
    spt_sweep_free(sweep);
    spt_config_free(config);
}

static void the_cpu_that_has_no_room_says_so_before_anything_is_trained(void **state) {
    (void)state;
    /* 63 layers of 16,384 x 16,384 are 68 GB of weights, and their moments twice that. */
    spt_config *config = config_of(NETWORKS "sweep: {model.width: [4, 16384], model.hidden_layers: [1, 64]}\n");
    spt_sweep *sweep = plan_of(config);
    const spt_device_options options = {.threads = 1};
    spt_device_info info;
    spt_error err = {0};
    assert_int_equal(spt_sweep_fit(sweep, "cpu", &options, &info, &err), SPT_ENOMEM);
    assert_true(strncmp(err.message, "run 3 (model.width 16384, model.hidden_layers 64): takes ", 57) == 0);
    assert_non_null(strstr(err.message, " MiB are free on "));
    assert_true(info.memory_is_host && info.memory_free > 0);
    spt_sweep_free(sweep);
    spt_config_free(config);
}

static void a_backend_that_is_not_there_is_refused(void **state) {
    (void)state;
    spt_config *config = config_of(NETWORKS);
    spt_sweep *sweep = plan_of(config);
    spt_error err = {0};
    assert_int_equal(spt_sweep_fit(sweep, "abacus", NULL, NULL, &err), SPT_EINVAL);
    assert_non_null(strstr(err.message, "backend abacus"));
    spt_sweep_free(sweep);
    spt_config_free(config);
}

/* ---- outlines */

static const struct {
    const char *yaml;
    size_t inputs;
} KINDS[] = {
    {"{name: p, kind: grid1d, samples: 64}", 1},
    {"{name: p, kind: grid2d, samples: [12, 10]}", 2},
    {"{name: p, kind: grid2d, samples: [8, 20], power: full}", 2},
    {"{name: p, kind: manifold, petals: 4, samples: 40}", 2},
    {"{name: p, kind: line, split: train, points: 9, samples: 16, radius: 2}", 7},
    {"{name: p, kind: line, split: test, points: 3, samples: 8, radius: 2, detrend: ends}", 7},
    {"{name: p, kind: exact, split: train, points: 5, radius: 2, max_frequency: 20}", 7},
    {"{name: p, kind: line, split: test, points: 3, samples: 8, radius: 2, direction: adversarial}", 7},
    {"{name: p, kind: exact, split: train, points: 5, radius: 2, max_frequency: 20, direction: adversarial}", 7},
    {"{name: p, kind: nudft, component: 0, frequencies: [0.5, 1, 2]}", 7},
    {"{name: p, kind: kernel, sigma: 1.25, points: 30, bin: 4}", 7},
    {"{name: p, kind: line, split: train, points: 3, samples: 8, radius: 2, perturb: {norms: [1, 2], directions: 5}}",
     7},
};

static size_t cpu_bytes(const spt_dataset *dataset, const spt_probe *probe) {
    const spt_backend *cpu = spt_backend_find("cpu");
    const spt_device_options options = {.threads = 2};
    spt_device *device = NULL;
    const spt_run_spec run = {
        .model = {.inputs = dataset->inputs, .width = 30, .hidden_layers = 2, .outputs = dataset->outputs},
        .train = {.loss = SPT_LOSS_CROSS_ENTROPY, .optimizer = {.lr = 0.1}, .batch = 10, .epochs = 1}};
    const spt_group_spec spec = {dataset, 1, &run, 1, &probe};
    assert_int_equal(cpu->open(&options, &device, NULL), SPT_OK);
    const size_t bytes = cpu->group_bytes(device, &spec);
    cpu->close(device);
    return bytes;
}

static void an_outline_of_each_kind_has_the_sizes_of_the_probe(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        spt_dataset dataset = make_dataset(KINDS[k].inputs, 50, 20);
        int32_t label[50];
        for (int32_t i = 0; i < 50; i++)
            label[i] = i % 2;
        dataset.train.label = dataset.train.label_true = dataset.test.label = dataset.test.label_true = label;
        const spt_data_shape data = {
            .train = 50, .test = 20, .inputs = KINDS[k].inputs, .outputs = 2, .classes = 2, .generated = true};
        spt_probe_spec *spec = good_probe(KINDS[k].yaml);
        spt_probe_shape shape;
        spt_probe *probe = NULL, outline;
        spt_error err = {0};
        if (spt_probe_spec_shape(spec, &data, &shape, &err) != SPT_OK ||
            spt_probe_make(spec, &dataset, 3, &probe, &err) != SPT_OK)
            fail_msg("%s: %s", KINDS[k].yaml, err.message);
        spt_probe_outline(&shape, &data, "p", &outline);
        if (outline.geometry != probe->geometry || outline.transform != probe->transform ||
            outline.detrend != probe->detrend || outline.towards != probe->towards || outline.series != probe->series ||
            outline.samples != probe->samples || outline.inputs != probe->inputs || outline.outputs != probe->outputs ||
            outline.energy_size != probe->energy_size || outline.coefficients != probe->coefficients ||
            outline.at != probe->at || outline.perturb.n_norms != probe->perturb.n_norms ||
            outline.perturb.directions != probe->perturb.directions || outline.fold.terms != probe->fold.terms ||
            strcmp(outline.name, probe->name) != 0)
            fail_msg("%s: %zu x %zu, %zu coefficients, %zu terms; the outline has %zu x %zu, %zu, %zu", KINDS[k].yaml,
                     probe->series, probe->samples, probe->coefficients, probe->fold.terms, outline.series,
                     outline.samples, outline.coefficients, outline.fold.terms);
        assert_int_equal(cpu_bytes(&dataset, &outline), cpu_bytes(&dataset, probe));
        assert_true(probe->fold.first == NULL || probe->fold.first[probe->energy_size] <= probe->fold.terms);
        spt_probe_free(probe);
        spt_probe_spec_free(spec);
        release_dataset(&dataset);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_take_as_many_runs_as_fit_and_no_run_is_lost),
        cmocka_unit_test(runs_of_other_data_batch_or_loss_are_in_other_groups),
        cmocka_unit_test(a_run_that_fits_nowhere_is_named_with_what_it_takes_and_what_is_free),
        cmocka_unit_test(the_cpu_that_has_no_room_says_so_before_anything_is_trained),
        cmocka_unit_test(a_backend_that_is_not_there_is_refused),
        cmocka_unit_test(an_outline_of_each_kind_has_the_sizes_of_the_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
