/* What every kind of probe may be told: at which records it is taken, and networks around the run's own. */
#include "probe_fixture.h"

#define GRID "{name: p, kind: grid1d, samples: 8, "

static void settings_are_read_strictly(void **state) {
    (void)state;
    assert_probe_refused(GRID "at: first}", "probes.0.at: is first; allowed: all, last");
    assert_probe_refused(GRID "perturb: 3}", "probes.0.perturb: is 3");
    assert_probe_refused(GRID "perturb: {norms: [1]}}", "probes.0.perturb.directions: is missing");
    assert_probe_refused(GRID "perturb: {directions: 2}}", "probes.0.perturb.norms: is missing");
    assert_probe_refused(GRID "perturb: {norms: [1], directions: 0}}", "allowed: integers 1 to 1048576");
    assert_probe_refused(GRID "perturb: {norms: [-1], directions: 1}}",
                         "probes.0.perturb.norms: has -1; allowed: 0 to 1e+18");
    assert_probe_refused(GRID "perturb: {norms: {linspace: [0, 1, 10001]}, directions: 1}}", "allowed: at most 10000");
    assert_probe_refused(GRID "perturb: {norms: [1], directions: 1, seed: 1}}", "allowed: norms, directions");
}

static spt_probe_shape shape_for(const char *yaml, const spt_dataset *dataset) {
    spt_probe_spec *spec = good_probe(yaml);
    spt_data_shape data = shape_of(dataset);
    spt_probe_shape shape;
    assert_int_equal(spt_probe_spec_shape(spec, &data, &shape, NULL), SPT_OK);
    spt_probe_spec_free(spec);
    return shape;
}

static void norms_come_first_among_the_dimensions(void **state) {
    (void)state;
    const char *yaml = GRID "perturb: {norms: {linspace: [0, 5, 6]}, directions: 3}}";
    spt_dataset dataset = make_dataset(1, 8, 1);
    spt_probe_shape shape = shape_for(yaml, &dataset);
    assert_int_equal(shape.n_dims, 2);
    assert_int_equal(shape.dim_size[0], 6);
    assert_int_equal(shape.dim_size[1], 4);
    assert_int_equal(shape.energy_size, 24);
    assert_int_equal(shape.rows, 8 * 6 * 3);
    spt_probe *probe = make_probe(yaml, &dataset, 9);
    assert_int_equal(probe->n_dims, 2);
    assert_string_equal(probe->dims[0].name, "norm");
    assert_string_equal(probe->dims[1].name, "frequency");
    assert_int_equal(probe->dims[0].size, 6);
    assert_int_equal(probe->energy_size, 24);
    for (size_t i = 0; i < 6; i++) {
        assert_true(probe->dims[0].coordinate[i] == (double)i);
        assert_true(probe->perturb.norm[i] == (double)i);
    }
    assert_int_equal(probe->perturb.directions, 3);
    assert_int_equal(probe->perturb.seed, 9);
    assert_string_equal(attribute_of(probe, "perturb_directions"), "3");
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void energies_with_two_dimensions_have_no_room_for_norms(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(2, 8, 1);
    spt_probe_spec *spec =
        good_probe("{name: p, kind: grid2d, samples: 4, power: full, perturb: {norms: [1], directions: 1}}");
    spt_data_shape data = shape_of(&dataset);
    spt_probe_shape shape;
    spt_error err = {0};
    assert_int_equal(spt_probe_spec_shape(spec, &data, &shape, &err), SPT_EINVAL);
    assert_non_null(strstr(err.message, "probe p: perturb adds a dimension"));
    spt_probe_spec_free(spec);
    release_dataset(&dataset);
}

static void a_probe_is_taken_at_all_records_and_a_perturbed_one_at_the_last(void **state) {
    (void)state;
    const struct {
        const char *yaml;
        spt_probe_at at;
        const char *attribute;
    } cases[] = {
        {"{name: p, kind: grid1d, samples: 8}", SPT_PROBE_AT_ALL, NULL},
        {GRID "at: all}", SPT_PROBE_AT_ALL, NULL},
        {GRID "at: last}", SPT_PROBE_AT_LAST, "last"},
        {GRID "perturb: {norms: [1], directions: 1}}", SPT_PROBE_AT_LAST, "last"},
        {GRID "at: all, perturb: {norms: [1], directions: 1}}", SPT_PROBE_AT_ALL, NULL},
    };
    spt_dataset dataset = make_dataset(1, 8, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(shape_for(cases[i].yaml, &dataset).at, cases[i].at);
        spt_probe *probe = make_probe(cases[i].yaml, &dataset, 1);
        assert_int_equal(probe->at, cases[i].at);
        const char *found = attribute_of(probe, "at");
        assert_true(cases[i].attribute == NULL ? found == NULL : strcmp(found, cases[i].attribute) == 0);
        spt_probe_free(probe);
    }
    release_dataset(&dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_strictly),
        cmocka_unit_test(norms_come_first_among_the_dimensions),
        cmocka_unit_test(energies_with_two_dimensions_have_no_room_for_norms),
        cmocka_unit_test(a_probe_is_taken_at_all_records_and_a_perturbed_one_at_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
