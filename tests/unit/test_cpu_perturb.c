/* Networks around a run's own: where the parameters go, and spectra as means over directions. */
#include "cpu/perturb.h"
#include "probe_energy.h"

/* Element i of a direction before it is scaled, by the words of the library and the formula of kernels/perturb.cuh. */
static double normal_at(uint32_t seed, uint64_t direction, size_t i) {
    const spt_random_words words = spt_random(seed, SPT_STREAM_PERTURBATION, direction, i / 4);
    const uint32_t word = words.word[i % 4 / 2 * 2], next = words.word[i % 4 / 2 * 2 + 1];
    const double radius = sqrt(-2.0 * log(((double)word + 0.5) * 0x1p-32)), angle = 2.0 * PI * (double)next * 0x1p-32;
    return radius * (i % 2 == 0 ? cos(angle) : sin(angle));
}

/* Which floats of the block are parameters. */
static unsigned char *parameters_of(const spt_run_spec *run) {
    unsigned char *is_parameter = calloc(arena_of(run).block, 1);
    assert_non_null(is_parameter);
    for (size_t l = 0; l <= run->model.hidden_layers; l++) {
        spt_layer layer = spt_model_layer(&run->model, l);
        memset(is_parameter + layer.weight_offset, 1, layer.fan_out * layer.fan_in);
        memset(is_parameter + layer.bias_offset, 1, layer.fan_out);
    }
    return is_parameter;
}

static void parameters_move_by_the_documented_normals_to_the_norm(void **state) {
    (void)state;
    spt_dataset data = make_data(13, 5, 5, 10);
    spt_run_spec run = run_of(&data, 27, 3, 0, 6);
    const size_t block = arena_of(&run).block;
    unsigned char *is_parameter = parameters_of(&run);
    float *parameters = initial_state(&run), *z = calloc(block, sizeof *z), *moved = calloc(block, sizeof *moved);
    assert_true(z != NULL && moved != NULL);
    for (uint64_t direction = 0; direction < 3; direction++) {
        double square = 0.0, distance = 0.0;
        for (size_t i = 0; i < block; i++)
            square += is_parameter[i] ? pow(normal_at(77, direction, i), 2.0) : 0.0;
        const double length = spt_perturb_normals(&run.model, block, 77, direction, z);
        assert_true(fabs(length - sqrt(square)) < 1e-6 * length); /* float32 normals */
        spt_perturb(parameters, block, z, length, 2.5f, moved);
        for (size_t i = 0; i < block; i++) {
            const double move = is_parameter[i] ? 2.5 * normal_at(77, direction, i) / sqrt(square) : 0.0;
            const double theta = (double)parameters[i], at = (double)moved[i];
            /* A word of 32 bits rounds to 24 of a float32: near 1 the logarithm loses some of its bits. */
            assert_true(fabs(at - theta - move) < 1e-6 * (2.5 + fabs(theta)));
            distance += (at - theta) * (at - theta);
        }
        assert_true(fabs(sqrt(distance) - 2.5) < 1e-5);
    }
    free(z);
    free(moved);
    free(is_parameter);
    spt_memory_free(parameters);
    free_data(&data);
}

#define LINE    "kind: line, split: train, points: 9, samples: 16, radius: 1"
#define EXACT   "kind: exact, split: train, points: 9, max_frequency: 7, radius: 1"
#define PERTURB ", perturb: {norms: [0, 0.5, 3], directions: 7}"

enum { NORMS = 3, DIRECTIONS = 7 };
static const float NORM[NORMS] = {0.0f, 0.5f, 3.0f};

/* Each direction and norm by hand: parameters moved, and a group of its own for the plain probe. */
static void spectra_are_means_over_the_networks_at_each_norm(void **state) {
    (void)state;
    const char *const yaml[][2] = {{"{name: p, " LINE PERTURB "}", "{name: p, " LINE "}"},
                                   {"{name: p, " EXACT PERTURB "}", "{name: p, " EXACT "}"}};
    spt_dataset data = make_data(6, 3, 3, 30);
    spt_run_spec run = run_of(&data, 20, 2, 0, 6);
    const size_t block = arena_of(&run).block;
    float *parameters = initial_state(&run), *z = calloc(block, sizeof *z), *moved = calloc(block, sizeof *moved);
    assert_true(z != NULL && moved != NULL);
    for (size_t kind = 0; kind < 2; kind++) {
        spt_probe *perturbed = make_probe(yaml[kind][0], &data, 5), *plain = make_probe(yaml[kind][1], &data, 5);
        const size_t size = plain->energy_size;
        assert_int_equal(perturbed->energy_size, NORMS * size);
        double *energy = energies_of(perturbed, &data, &run, parameters, 2);
        for (size_t r = 0; r < NORMS; r++) {
            double sum[32] = {0};
            assert_true(size <= 32);
            for (uint64_t d = 0; d < DIRECTIONS; d++) {
                double length = spt_perturb_normals(&run.model, block, 5, d, z);
                spt_perturb(parameters, block, z, length, NORM[r], moved);
                double *one = energies_of(plain, &data, &run, moved, 1);
                for (size_t k = 0; k < size; k++)
                    sum[k] += one[k];
                free(one);
            }
            for (size_t k = 0; k < size; k++) /* the same numbers, added in the same order */
                assert_true(energy[r * size + k] == sum[k] / DIRECTIONS);
        }
        double *own = energies_of(plain, &data, &run, parameters, 1);
        for (size_t k = 0; k < size; k++)
            assert_true(fabs(energy[k] - own[k]) < 1e-14 * own[k]); /* norm 0: seven times the run's own, over 7 */
        free(own);
        free(energy);
        spt_probe_free(perturbed);
        spt_probe_free(plain);
    }
    free(z);
    free(moved);
    spt_memory_free(parameters);
    free_data(&data);
}

static void neither_threads_nor_the_group_change_a_bit(void **state) {
    (void)state;
    spt_dataset data = make_data(6, 3, 3, 30);
    spt_run_spec runs[] = {run_of(&data, 20, 2, 0, 6), run_of(&data, 7, 4, 0, 8)};
    spt_probe *probe = make_probe("{name: p, " LINE PERTURB "}", &data, 5);
    const spt_probe *probes[] = {probe};
    double energy[5][2 * NORMS * 9];
    for (size_t threads = 1; threads <= 4; threads++) {
        spt_group_spec spec = {&data, 2, runs, 1, probes};
        spt_test_group t = open_group(&spec, threads);
        assert_int_equal(cpu()->probe(t.group, 0, energy[threads], NULL), SPT_OK);
        assert_memory_equal(energy[threads], energy[1], sizeof energy[1]);
        void *kept = state_of(&t, &runs[1], 1), *initial = initial_state(&runs[1]);
        assert_memory_equal(kept, initial, arena_of(&runs[1]).bytes); /* a run stays where it is */
        spt_memory_free(kept);
        spt_memory_free(initial);
        close_group(&t);
    }
    for (size_t r = 0; r < 2; r++) {
        spt_group_spec spec = {&data, 1, runs + r, 1, probes};
        spt_test_group t = open_group(&spec, 2);
        assert_int_equal(cpu()->probe(t.group, 0, energy[0], NULL), SPT_OK);
        assert_memory_equal(energy[0], energy[1] + r * NORMS * 9, NORMS * 9 * sizeof(double));
        close_group(&t);
    }
    spt_probe_free(probe);
    free_data(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_move_by_the_documented_normals_to_the_norm),
        cmocka_unit_test(spectra_are_means_over_the_networks_at_each_norm),
        cmocka_unit_test(neither_threads_nor_the_group_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
