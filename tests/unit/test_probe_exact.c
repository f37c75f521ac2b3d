/* The probe kind exact: what is read and refused, and its energies on the CPU, against closed forms and sampled lines.
 */
#include "probe_energy.h"

#define EXACT(settings) "{name: p, kind: exact, split: train, points: 6, radius: 1.5, " settings "}"

static void settings_are_read_strictly(void **state) {
    (void)state;
    assert_probe_refused(EXACT("detrend: ends"), "max_frequency: is missing");
    assert_probe_refused(EXACT("max_frequency: 0"), "allowed: integers 1 to 65536");
    assert_probe_refused(EXACT("max_frequency: 65537"), "allowed: integers 1 to 65536");
    assert_probe_refused(EXACT("max_frequency: 8, samples: 16"),
                         "allowed: name, kind, split, points, radius, direction, max_frequency, detrend");
    assert_probe_refused(EXACT("max_frequency: 8, detrend: mean"), "allowed: none, ends");
    spt_probe_spec_free(good_probe(EXACT("max_frequency: 65536, detrend: none")));
}

static void the_probe_has_the_lines_of_a_sampled_one(void **state) {
    (void)state;
    spt_dataset dataset = make_dataset(5, 20, 10);
    spt_probe *exact = make_probe(EXACT("max_frequency: 9, detrend: ends"), &dataset, 3);
    spt_probe *line =
        make_probe("{name: l, kind: line, split: train, points: 6, samples: 8, radius: 1.5}", &dataset, 3);
    assert_memory_equal(exact->origin, line->origin, 6 * 5 * sizeof(float));
    assert_memory_equal(exact->direction, line->direction, 6 * 5 * sizeof(float));
    assert_memory_equal(exact->example, line->example, 6 * sizeof(int32_t));
    assert_true(exact->t0 == line->t0 && exact->dt * (double)exact->samples == line->dt * (double)line->samples);
    assert_int_equal(exact->energy_size, 10);
    assert_int_equal(exact->n_dims, 1);
    assert_true(exact->dims[0].coordinate[9] == 9.0);
    assert_string_equal(attribute_of(exact, "detrend"), "ends");
    assert_string_equal(attribute_of(exact, "max_frequency"), "9");
    assert_string_equal(attribute_of(exact, "split"), "train");
    assert_null(attribute_of(exact, "samples"));
    spt_probe_free(exact);
    spt_probe_free(line);
    release_dataset(&dataset);
}

/* A linear map rises by 2 r w.v along a line: |c_k| = |rise| / (2 pi k), and nothing with the ends taken off. */
static void a_linear_map_has_the_energies_of_its_rise(void **state) {
    (void)state;
    enum { INPUTS = 4, HIGHEST = 30 };
    spt_dataset data = make_data(INPUTS, 2, 2, 20);
    spt_run_spec run = run_of(&data, 1, 0, 0, 1);
    float *parameters = initial_state(&run);
    const char *const yaml[] = {EXACT("max_frequency: 30"), EXACT("max_frequency: 30, detrend: ends")};
    for (int ends = 0; ends <= 1; ends++) {
        spt_probe *probe = make_probe(yaml[ends], &data, 8);
        double *energy = energies_of(probe, &data, &run, parameters, 2), rise = 0.0;
        for (size_t m = 0; m < 6; m++)
            for (size_t o = 0; o < 2; o++) {
                double slope = 0.0;
                for (size_t j = 0; j < INPUTS; j++)
                    slope += (double)parameters[o * INPUTS + j] * (double)probe->direction[m * INPUTS + j];
                rise += pow(3.0 * slope, 2.0) / (6.0 * 2.0);
            }
        for (int k = 1; k <= HIGHEST; k++) {
            double expected = ends ? 0.0 : rise / pow(2.0 * PI * k, 2.0);
            assert_true(fabs(energy[k] - expected) < 1e-14 * (expected + 1e-14)); /* float64 rounding */
        }
        free(energy);
        spt_probe_free(probe);
    }
    spt_memory_free(parameters);
    free_data(&data);
}

/* S^2 times exact energies against those of S = 2^16 samples, window open: aliases are (pi k / S)^2 = 1e-5 of an energy
 * at k = 64 and less below. The samples' float32 outputs are wrong by some 1e-7 of their size, at random: that much of
 * the root of an energy is 1e-7 / sqrt(S) of the root of the whole. */
static void sampled_lines_come_near_the_exact_ones(void **state) {
    (void)state;
    enum { SAMPLES = 1 << 16, HIGHEST = 64 };
    spt_dataset data = make_data(10, 3, 3, 40);
    spt_run_spec run = run_of(&data, 40, 2, 0, 1);
    float *parameters = initial_state(&run);
    spt_probe *exact = make_probe(EXACT("max_frequency: 64"), &data, 8);
    spt_probe *line =
        make_probe("{name: l, kind: line, split: train, points: 6, samples: 65536, radius: 1.5}", &data, 8);
    double *energy = energies_of(exact, &data, &run, parameters, 2);
    double *sampled = energies_of(line, &data, &run, parameters, 2);
    for (int k = 0; k <= HIGHEST; k++) {
        const double expected = energy[k] * SAMPLES * (double)SAMPLES;
        assert_true(fabs(sampled[k] - expected) < 2e-5 * expected + 1e-8 * sqrt(expected * sampled[0]));
    }
    free(energy);
    free(sampled);
    spt_probe_free(exact);
    spt_probe_free(line);
    spt_memory_free(parameters);
    free_data(&data);
}

/* Energies of two runs, alone or together, on some threads. */
static void bits_of(const spt_dataset *data, const spt_probe *probe, const spt_run_spec *runs, size_t n, size_t threads,
                    double *energy) {
    const spt_probe *probes[] = {probe};
    spt_group_spec spec = {data, n, runs, 1, probes};
    spt_test_group t = open_group(&spec, threads);
    assert_int_equal(cpu()->probe(t.group, 0, energy, NULL), SPT_OK);
    close_group(&t);
}

static void neither_threads_nor_the_group_change_a_bit(void **state) {
    (void)state;
    enum { SIZE = 33 };
    spt_dataset data = make_data(10, 3, 3, 400);
    spt_run_spec runs[] = {run_of(&data, 40, 2, 0, 1), run_of(&data, 13, 5, 0, 2)};
    spt_probe *probe = make_probe("{name: p, kind: exact, split: train, points: 150, radius: 1, max_frequency: 32}",
                                  &data, 8); /* two lines a part */
    double one[2 * SIZE], other[2 * SIZE];
    bits_of(&data, probe, runs, 2, 1, one);
    for (size_t threads = 2; threads <= 5; threads++) {
        bits_of(&data, probe, runs, 2, threads, other);
        assert_memory_equal(one, other, sizeof one);
    }
    for (size_t r = 0; r < 2; r++) {
        bits_of(&data, probe, runs + r, 1, 3, other);
        assert_memory_equal(one + r * SIZE, other, SIZE * sizeof *one);
    }
    spt_probe_free(probe);
    free_data(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_strictly),
        cmocka_unit_test(the_probe_has_the_lines_of_a_sampled_one),
        cmocka_unit_test(a_linear_map_has_the_energies_of_its_rise),
        cmocka_unit_test(sampled_lines_come_near_the_exact_ones),
        cmocka_unit_test(neither_threads_nor_the_group_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
