/* Probes made for a data set: which examples, which directions, which rows, and what the file will say of them. */
#include <math.h>
#include <stdio.h>

#include "probe/kind.h"
#include "probe_fixture.h"

#define LINE_YAML(split, points, samples, radius)                                                                      \
    "{name: p, kind: line, split: " split ", points: " points ", samples: " samples ", radius: " radius "}"

static void directions_have_length_one(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(40, 500, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "500", "8", "3"), &dataset, 1);
    for (size_t m = 0; m < probe->series; m++) {
        double square = 0.0;
        for (size_t j = 0; j < 40; j++)
            square += (double)probe->direction[m * 40 + j] * (double)probe->direction[m * 40 + j];
        assert_true(fabs(sqrt(square) - 1.0) < 1e-6); /* rounding to float32 moves it by less than 6e-8 */
    }
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void directions_favour_no_side_and_no_axis(void **state) {
    (void)state;
    enum { POINTS = 4000, INPUTS = 10 };
    spt_dataset dataset = make_dataset(INPUTS, POINTS, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "4000", "8", "3"), &dataset, 5);
    for (size_t j = 0; j < INPUTS; j++) {
        double mean = 0.0, square = 0.0;
        for (size_t m = 0; m < POINTS; m++) {
            double v = (double)probe->direction[m * INPUTS + j];
            mean += v / POINTS;
            square += v * v / POINTS;
        }
        /* A component has mean 0 and deviation sqrt(1/10); its square has mean 1/10 and deviation 0.13. Five standard
         * errors of 4,000. */
        assert_true(fabs(mean) < 5.0 * 0.3163 / 63.2);
        assert_true(fabs(square - 0.1) < 5.0 * 0.13 / 63.2);
    }
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void directions_are_the_documented_normals_scaled(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(7, 30, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "5", "8", "3"), &dataset, 77);
    for (size_t m = 0; m < 5; m++) {
        double normal[7], square = 0.0;
        spt_random_normal(77, SPT_STREAM_PROBE_DIRECTION, SPT_PROBE_SUBSTREAM_DIRECTIONS, m * 7, 7, normal);
        for (size_t j = 0; j < 7; j++)
            square += normal[j] * normal[j];
        for (size_t j = 0; j < 7; j++)
            assert_true(probe->direction[m * 7 + j] == (float)(normal[j] / sqrt(square)));
    }
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void line_with_one_input_goes_left_or_right(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(1, 20, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "20", "8", "3"), &dataset, 1);
    for (size_t m = 0; m < 20; m++)
        assert_true(fabsf(probe->direction[m]) == 1.0f);
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void examples_are_distinct_and_of_the_split(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(3, 60, 40);
    const char *const yaml[] = {LINE_YAML("train", "60", "8", "3"), LINE_YAML("test", "40", "8", "3")};
    const spt_split *splits[] = {&dataset.train, &dataset.test};
    for (size_t s = 0; s < 2; s++) {
        spt_probe *probe = make_probe(yaml[s], &dataset, 3);
        assert_int_equal(probe->series, splits[s]->n);
        int seen[60] = {0};
        size_t in_place = 0;
        for (size_t m = 0; m < probe->series; m++) {
            size_t example = (size_t)probe->example[m];
            assert_true(example < splits[s]->n);
            assert_int_equal(seen[example]++, 0);
            assert_memory_equal(probe->origin + m * 3, splits[s]->x + example * 3, 3 * sizeof(float));
            in_place += example == m;
        }
        assert_true(in_place < 10); /* a permutation leaves one in place on average; ten have a chance of 1e-7 */
        spt_probe_free(probe);
    }
    release_dataset(&dataset);
}

static void same_seed_has_the_same_bits_and_another_has_others(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(6, 100, 1);
    const char *yaml = LINE_YAML("train", "20", "8", "3");
    spt_probe *a = make_probe(yaml, &dataset, 1), *b = make_probe(yaml, &dataset, 1),
              *c = make_probe(yaml, &dataset, 2);
    assert_memory_equal(a->example, b->example, 20 * sizeof(int32_t));
    assert_memory_equal(a->direction, b->direction, 20 * 6 * sizeof(float));
    assert_memory_not_equal(a->example, c->example, 20 * sizeof(int32_t));
    assert_memory_not_equal(a->direction, c->direction, 20 * 6 * sizeof(float));
    spt_probe_free(a);
    spt_probe_free(b);
    spt_probe_free(c);
    release_dataset(&dataset);
}

static void fewer_lines_are_the_first_of_more(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(6, 100, 1);
    spt_probe *few = make_probe(LINE_YAML("train", "10", "8", "3"), &dataset, 1);
    spt_probe *more = make_probe(LINE_YAML("train", "50", "16", "1"), &dataset, 1);
    assert_memory_equal(few->example, more->example, 10 * sizeof(int32_t));
    assert_memory_equal(few->direction, more->direction, 10 * 6 * sizeof(float));
    assert_memory_equal(few->origin, more->origin, 10 * 6 * sizeof(float));
    spt_probe_free(few);
    spt_probe_free(more);
    release_dataset(&dataset);
}

static void line_rows_are_the_example_plus_t_times_the_direction(void **state) {
    (void)state;
    enum { INPUTS = 37, POINTS = 5, SAMPLES = 12 };
    spt_dataset dataset = make_dataset(INPUTS, 9, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "5", "12", "1.5"), &dataset, 1);
    float *x = malloc(sizeof(float) * POINTS * SAMPLES * INPUTS);
    assert_non_null(x);
    spt_probe_rows(probe, 0, POINTS * SAMPLES, x);
    for (size_t m = 0; m < POINTS; m++)
        for (size_t s = 0; s < SAMPLES; s++) {
            double t = -1.5 + 3.0 * (double)s / SAMPLES;
            for (size_t j = 0; j < INPUTS; j++) {
                double origin = (double)dataset.train.x[(size_t)probe->example[m] * INPUTS + j];
                double expected = origin + t * (double)probe->direction[m * INPUTS + j];
                /* t and the result are float32: |t| <= 1.5, |v| <= 1 and |x| < 4 round by 6e-8 and 1.2e-7 */
                assert_true(fabs((double)x[(m * SAMPLES + s) * INPUTS + j] - expected) < 2.5e-7);
            }
        }
    free(x);
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void rows_do_not_depend_on_where_a_batch_begins(void **state) {
    (void)state;
    enum { INPUTS = 19, ROWS = 6 * 10 };
    spt_dataset dataset = make_dataset(INPUTS, 9, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "6", "10", "2"), &dataset, 1);
    float whole[ROWS * INPUTS], part[ROWS * INPUTS];
    spt_probe_rows(probe, 0, ROWS, whole);
    for (size_t first = 0; first < ROWS; first += 7) {
        size_t count = ROWS - first < 23 ? ROWS - first : 23;
        memset(part, 0xff, sizeof part);
        spt_probe_rows(probe, first, count, part);
        assert_memory_equal(part, whole + first * INPUTS, count * INPUTS * sizeof(float));
        if (count < ROWS)
            assert_true(isnan(part[count * INPUTS])); /* and writes no more than was asked for */
    }
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void multiplication_and_addition_round_once(void **state) {
    (void)state;
    /* (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: rounded to float32 before -1 is added, the last term is lost. */
    float origin = -1.0f, direction = 1.0f + 0x1p-12f, x = 0.0f;
    spt_probe probe = {.geometry = SPT_GEOMETRY_LINES,
                       .inputs = 1,
                       .series = 1,
                       .samples = 1,
                       .t0 = 1.0 + 0x1p-12,
                       .origin = &origin,
                       .direction = &direction};
    spt_probe_rows(&probe, 0, 1, &x);
    assert_true(x == 0x1p-11f + 0x1p-24f);
}

static void stored_points_are_copied(void **state) {
    (void)state;
    float points[] = {1, 2, 3, 4, 5, 6}, x[4] = {0};
    spt_probe probe = {.geometry = SPT_GEOMETRY_POINTS, .inputs = 2, .series = 1, .samples = 3, .points = points};
    spt_probe_rows(&probe, 1, 2, x);
    assert_memory_equal(x, points + 2, sizeof x);
}

static void line_energies_go_up_to_half_the_samples(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(4, 10, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "3", "128", "3"), &dataset, 1);
    assert_string_equal(probe->name, "p");
    assert_string_equal(probe->kind, "line");
    assert_int_equal(probe->transform, SPT_TRANSFORM_DFT);
    assert_true(probe->scale == 1.0);
    assert_int_equal(probe->n_dims, 1);
    assert_int_equal(probe->dims[0].size, 65);
    assert_int_equal(probe->energy_size, 65);
    for (size_t k = 0; k < 65; k++)
        assert_true(probe->dims[0].coordinate[k] == (double)k);
    assert_string_equal(probe->dims[0].name, "frequency");
    assert_string_equal(probe->dims[0].units, "cycles per window");
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void attributes_hold_every_setting_and_the_defaults(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(4, 10, 8);
    spt_probe *line = make_probe(LINE_YAML("test", "7", "16", "2.5"), &dataset, 1);
    assert_string_equal(attribute_of(line, "split"), "test");
    assert_string_equal(attribute_of(line, "points"), "7");
    assert_string_equal(attribute_of(line, "samples"), "16");
    assert_string_equal(attribute_of(line, "radius"), "2.5");
    assert_string_equal(attribute_of(line, "detrend"), "none");
    assert_true(strtod(attribute_of(line, "cycles_per_input_unit"), NULL) == 1.0 / 5.0);
    spt_probe_free(line);
    release_dataset(&dataset);
    dataset = make_dataset(1, 4, 4);
    spt_probe *grid = make_probe("{name: g, kind: grid1d, samples: 20}", &dataset, 1);
    assert_string_equal(attribute_of(grid, "samples"), "20");
    spt_probe_free(grid);
    release_dataset(&dataset);
}

static void file_gets_what_is_needed_to_walk_the_lines_again(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(4, 10, 1);
    spt_probe *probe = make_probe(LINE_YAML("train", "3", "8", "3"), &dataset, 1);
    assert_int_equal(probe->n_extras, 3);
    const spt_probe_extra *example = &probe->extras[0], *direction = &probe->extras[1], *x = &probe->extras[2];
    assert_string_equal(example->name, "example");
    assert_ptr_equal(example->integer, probe->example);
    assert_int_equal(example->n_dims, 1);
    assert_string_equal(direction->name, "direction");
    assert_ptr_equal(direction->real, probe->direction);
    assert_string_equal(x->name, "x");
    assert_ptr_equal(x->real, probe->origin);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(probe->extras[i].n_dims, 2);
        assert_string_equal(probe->extras[i].dim_name[0], "point");
        assert_string_equal(probe->extras[i].dim_name[1], "input");
        assert_int_equal(probe->extras[i].dim_size[0], 3);
        assert_int_equal(probe->extras[i].dim_size[1], 4);
    }
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void assert_shape_foretells(const char *yaml, const spt_dataset *dataset) {
    spt_probe_spec *spec = good_probe(yaml);
    spt_data_shape data = shape_of(dataset);
    spt_probe_shape shape = {0};
    assert_int_equal(spt_probe_spec_shape(spec, &data, &shape, NULL), SPT_OK);
    spt_probe_spec_free(spec);
    spt_probe *probe = make_probe(yaml, dataset, 1);
    assert_int_equal(shape.rows, probe->series * probe->samples);
    assert_int_equal(shape.energy_size, probe->energy_size);
    assert_int_equal(shape.n_dims, probe->n_dims);
    for (size_t i = 0; i < probe->n_dims; i++)
        assert_int_equal(shape.dim_size[i], probe->dims[i].size);
    assert_int_equal(shape.n_extras, probe->n_extras);
    size_t bytes = 0;
    for (size_t i = 0; i < probe->n_extras; i++) {
        const spt_probe_extra *extra = &probe->extras[i];
        bytes += extra->dim_size[0] * (extra->n_dims == 2 ? extra->dim_size[1] : 1) * 4;
        assert_int_equal(shape.extra_size[i][0], extra->dim_size[0]);
        assert_int_equal(shape.extra_size[i][1], extra->n_dims == 2 ? extra->dim_size[1] : 0);
    }
    assert_int_equal(shape.extra_bytes, bytes);
    spt_probe_free(probe);
}

static void shape_foretells_the_probe(void **state) {
    (void)state;
    spt_dataset wide = make_dataset(11, 20, 10), narrow = make_dataset(1, 20, 10);
    assert_shape_foretells(LINE_YAML("train", "20", "8", "3"), &wide);
    assert_shape_foretells(LINE_YAML("test", "10", "2", "0.1"), &wide);
    assert_shape_foretells("{name: p, kind: line, split: train, points: 3, samples: 8, radius: 2, detrend: ends}",
                           &wide);
    assert_shape_foretells("{name: g, kind: grid1d, samples: 200}", &narrow);
    release_dataset(&wide);
    release_dataset(&narrow);
}

static void assert_does_not_fit(const char *yaml, const spt_dataset *dataset, const char *words) {
    spt_probe_spec *spec = good_probe(yaml);
    spt_probe *probe = NULL;
    spt_error make = {0}, plan = {0};
    assert_int_equal(spt_probe_make(spec, dataset, 1, &probe, &make), SPT_EINVAL);
    assert_null(probe);
    assert_string_equal(make.message, words);
    spt_data_shape data = shape_of(dataset);
    spt_probe_shape shape;
    assert_int_equal(spt_probe_spec_shape(spec, &data, &shape, &plan), SPT_EINVAL);
    assert_string_equal(plan.message, words);
    spt_probe_spec_free(spec);
}

static void more_points_than_examples_are_refused_with_both_numbers(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(4, 10, 8);
    assert_does_not_fit(LINE_YAML("test", "9", "8", "3"), &dataset,
                        "probe p: points is 9, but the test split has 8 examples; allowed: at most that many");
    release_dataset(&dataset);
}

static void grid_over_two_inputs_is_refused(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(2, 10, 8);
    assert_does_not_fit("{name: g, kind: grid1d, samples: 8}", &dataset,
                        "probe g: grid1d is for data with 1 input; these have 2");
    release_dataset(&dataset);
}

static void grid_rows_are_m_over_n(void **state) {
    (void)state;
    enum { SAMPLES = 200 };
    spt_dataset dataset = make_dataset(1, 1, 1);
    spt_probe *probe = make_probe("{name: g, kind: grid1d, samples: 200}", &dataset, 1);
    float x[SAMPLES];
    spt_probe_rows(probe, 0, SAMPLES, x);
    for (size_t m = 0; m < SAMPLES; m++) /* below 1 a float32 rounds by at most 3e-8 */
        assert_true(fabs((double)x[m] - (double)m / SAMPLES) < 3.1e-8);
    assert_int_equal(probe->series, 1);
    assert_int_equal(probe->energy_size, SAMPLES / 2);
    assert_true(probe->dims[0].coordinate[SAMPLES / 2 - 1] == SAMPLES / 2 - 1);
    assert_true(fabs(probe->scale * SAMPLES * SAMPLES - 1.0) < 1e-15);
    assert_null(probe->example);
    assert_int_equal(probe->n_extras, 0);
    spt_probe_free(probe);
    spt_probe_free(NULL);
    release_dataset(&dataset);
}

static void noisy_lines_go_through_changed_examples_in_the_order_of_all(void **state) {
    (void)state;
    enum { N = 50 };
    spt_dataset dataset = make_dataset(3, N, 1);
    int32_t label[N] = {0}, label_true[N] = {0};
    for (size_t i = 0; i < N; i++)
        label_true[i] = i % 3 == 0; /* 17 of them are changed */
    dataset.train.label = label;
    dataset.train.label_true = label_true;
    spt_probe *all = make_probe(LINE_YAML("train", "50", "8", "3"), &dataset, 4);
    spt_probe *noisy = make_probe(LINE_YAML("noisy", "17", "8", "3"), &dataset, 4);
    for (size_t m = 0, i = 0; m < 17; m++, i++) {
        while (all->example[i] % 3 != 0)
            i++;
        assert_int_equal(noisy->example[m], all->example[i]);
        assert_memory_equal(noisy->origin + m * 3, all->origin + i * 3, 3 * sizeof(float));
    }
    assert_string_equal(attribute_of(noisy, "split"), "noisy");
    spt_probe_free(all);
    spt_probe_free(noisy);
    release_dataset(&dataset);
}

static void targets_that_noise_has_moved_are_noisy_too(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(2, 4, 1);
    float target[8] = {0}, target_true[8] = {0, 0, 0, 0, 0, 1, 0, 0}; /* two outputs: the second of example 2 */
    dataset.classes = 0;
    dataset.train.target = target;
    dataset.train.target_true = target_true;
    spt_probe *probe = make_probe(LINE_YAML("noisy", "1", "8", "3"), &dataset, 4);
    assert_int_equal(probe->example[0], 2);
    spt_probe_free(probe);
    release_dataset(&dataset);
}

static void too_few_noisy_examples_are_told_by_their_number(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(2, 4, 1);
    int32_t label[4] = {0, 1, 1, 0}, label_true[4] = {0, 0, 0, 0};
    dataset.train.label = label;
    dataset.train.label_true = label_true;
    spt_probe_spec *spec = good_probe(LINE_YAML("noisy", "3", "8", "3"));
    spt_probe *probe = NULL;
    spt_error err = {0};
    assert_int_equal(spt_probe_make(spec, &dataset, 1, &probe, &err), SPT_EINVAL);
    assert_string_equal(err.message, "probe p: points is 3, but 2 training examples have a label that noise has "
                                     "changed; allowed: at most that many");
    spt_probe_spec_free(spec);
    assert_does_not_fit(LINE_YAML("noisy", "9", "8", "3"), &dataset,
                        "probe p: points is 9, but the train split has 4 examples; allowed: at most that many");
    release_dataset(&dataset);
}

static void detrended_lines_have_a_point_more_where_the_window_closes(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(2, 5, 1);
    spt_probe *whole = make_probe("{name: p, kind: line, split: train, points: 2, samples: 8, radius: 2}", &dataset, 1);
    spt_probe *ends =
        make_probe("{name: p, kind: line, split: train, points: 2, samples: 8, radius: 2, detrend: ends}", &dataset, 1);
    assert_int_equal(ends->samples, 9);
    assert_int_equal(spt_probe_length(ends), 8);
    assert_int_equal(ends->energy_size, whole->energy_size);
    assert_true(ends->dt == whole->dt);
    assert_string_equal(attribute_of(ends, "samples"), "8");
    assert_string_equal(attribute_of(ends, "detrend"), "ends");
    float x[2], y[2];
    spt_probe_rows(ends, 9 + 3, 1, x);
    spt_probe_rows(whole, 8 + 3, 1, y);
    assert_memory_equal(x, y, sizeof x);
    spt_probe_rows(ends, 8, 1, x);
    for (size_t j = 0; j < 2; j++)
        assert_true(x[j] == fmaf(2.0f, ends->direction[j], ends->origin[j]));
    spt_probe_free(whole);
    spt_probe_free(ends);
    release_dataset(&dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directions_have_length_one),
        cmocka_unit_test(directions_favour_no_side_and_no_axis),
        cmocka_unit_test(directions_are_the_documented_normals_scaled),
        cmocka_unit_test(line_with_one_input_goes_left_or_right),
        cmocka_unit_test(examples_are_distinct_and_of_the_split),
        cmocka_unit_test(same_seed_has_the_same_bits_and_another_has_others),
        cmocka_unit_test(fewer_lines_are_the_first_of_more),
        cmocka_unit_test(line_rows_are_the_example_plus_t_times_the_direction),
        cmocka_unit_test(rows_do_not_depend_on_where_a_batch_begins),
        cmocka_unit_test(multiplication_and_addition_round_once),
        cmocka_unit_test(stored_points_are_copied),
        cmocka_unit_test(line_energies_go_up_to_half_the_samples),
        cmocka_unit_test(attributes_hold_every_setting_and_the_defaults),
        cmocka_unit_test(file_gets_what_is_needed_to_walk_the_lines_again),
        cmocka_unit_test(shape_foretells_the_probe),
        cmocka_unit_test(noisy_lines_go_through_changed_examples_in_the_order_of_all),
        cmocka_unit_test(targets_that_noise_has_moved_are_noisy_too),
        cmocka_unit_test(too_few_noisy_examples_are_told_by_their_number),
        cmocka_unit_test(detrended_lines_have_a_point_more_where_the_window_closes),
        cmocka_unit_test(more_points_than_examples_are_refused_with_both_numbers),
        cmocka_unit_test(grid_over_two_inputs_is_refused),
        cmocka_unit_test(grid_rows_are_m_over_n),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
