/* Adversarial lines: the gradient of the loss at the predicted class, by finite differences in float64, and spectra
 * along it. */
#include "cpu/loss.h"
#include "probe_energy.h"
#include "segments_case.h"

/* ---- the loss at the predicted class */

static size_t largest_of(const float *z, size_t n) {
    size_t best = 0;
    for (size_t j = 1; j < n; j++)
        best = z[j] > z[best] ? j : best;
    return best;
}

static void its_gradient_has_the_direction_of_the_losss_for_that_label(void **state) {
    (void)state;
    const spt_loss losses[] = {SPT_LOSS_CROSS_ENTROPY, SPT_LOSS_MSE, SPT_LOSS_BCE};
    for (size_t l = 0; l < 3; l++)
        for (size_t outputs = losses[l] == SPT_LOSS_CROSS_ENTROPY ? 2 : 1; outputs <= 5; outputs++)
            for (uint64_t c = 0; c < 20; c++) {
                float z[5], gradient[5];
                for (size_t j = 0; j < outputs; j++) {
                    double normal;
                    spt_random_normal(3, SPT_STREAM_DATA, c, j, 1, &normal);
                    z[j] = gradient[j] = (float)(2.0 * normal);
                }
                int32_t label = outputs == 1 ? z[0] > 0.0f : (int32_t)largest_of(z, outputs);
                spt_loss_rows(losses[l], outputs, (spt_targets){.label = &label}, 1, 1, gradient);
                spt_loss_at_prediction(losses[l], outputs, z);
                double dot = 0.0, one = 0.0, other = 0.0;
                for (size_t j = 0; j < outputs; j++) {
                    dot += (double)z[j] * (double)gradient[j];
                    one += (double)z[j] * (double)z[j];
                    other += (double)gradient[j] * (double)gradient[j];
                }
                /* float32 gradients, of which a probability close to 1 loses some bits to its difference from 1 */
                assert_true(fabs(dot / sqrt(one * other) - 1.0) < 1e-5);
            }
}

static void a_network_that_is_sure_has_a_direction_all_the_same(void **state) {
    (void)state;
    float z[] = {300.0f, -20.0f, -21.0f}, one[] = {900.0f}, none[] = {-900.0f}, reached[] = {0.0f, 1.0f};
    spt_loss_at_prediction(SPT_LOSS_CROSS_ENTROPY, 3, z);
    assert_true(z[1] == 1.0f && fabsf(z[2] - expf(-1.0f)) < 1e-6f && fabsf(z[0] + 1.0f + expf(-1.0f)) < 1e-6f);
    spt_loss_at_prediction(SPT_LOSS_BCE, 1, one);
    spt_loss_at_prediction(SPT_LOSS_BCE, 1, none);
    assert_true(one[0] == -1.0f && none[0] == 1.0f);
    spt_loss_at_prediction(SPT_LOSS_MSE, 2, reached);
    assert_true(reached[0] == 0.0f && reached[1] == 0.0f);
}

/* ---- directions and spectra */

/* The loss of a network at x for a class, in float64. */
static double loss_at(const segments_case *net, spt_loss loss, const double *x, size_t class) {
    double f[8], sum = 0.0, total = 0.0;
    const size_t outputs = net->model.outputs;
    evaluate_case(net, x, f, NULL);
    for (size_t j = 0; j < outputs; j++)
        total += exp(f[j] - f[class < outputs ? class : 0]);
    for (size_t j = 0; j < outputs; j++) {
        const int wanted = outputs == 1 ? class == 1 : j == class;
        const double target = wanted ? 1.0 : loss == SPT_LOSS_MSE && outputs == 1 ? -1.0 : 0.0;
        sum += loss == SPT_LOSS_MSE ? pow(f[j] - target, 2.0) : log1p(exp(f[j])) - target * f[j];
    }
    return loss == SPT_LOSS_CROSS_ENTROPY ? log(total) : sum;
}

/* The unit gradient of the loss at the predicted class by central differences. Steps of 1e-6 leave the network in its
 * linear piece, and 1e-10 of rounding. */
static void differences(const segments_case *net, spt_loss loss, const float *x, float *direction) {
    const double h = 1e-6;
    const size_t inputs = net->model.inputs, outputs = net->model.outputs;
    double at[16], f[8], slope[16], square = 0.0;
    size_t class = 0;
    assert_true(inputs <= 16 && outputs <= 8);
    for (size_t j = 0; j < inputs; j++)
        at[j] = (double)x[j];
    evaluate_case(net, at, f, NULL);
    for (size_t j = 1; j < outputs; j++)
        class = f[j] > f[class] ? j : class;
    if (outputs == 1)
        class = f[0] > 0.0;
    for (size_t j = 0; j < inputs; j++) {
        at[j] = (double)x[j] + h;
        double above = loss_at(net, loss, at, class);
        at[j] = (double)x[j] - h;
        double below = loss_at(net, loss, at, class);
        at[j] = (double)x[j];
        slope[j] = (above - below) / (2.0 * h);
        square += slope[j] * slope[j];
    }
    assert_true(square > 1e-8);
    for (size_t j = 0; j < inputs; j++)
        direction[j] = (float)(slope[j] / sqrt(square));
}

#define LINE  "{name: l, kind: line, split: train, points: 40, samples: 32, radius: 2, direction: adversarial}"
#define EXACT "{name: e, kind: exact, split: train, points: 40, max_frequency: 16, radius: 2, direction: adversarial}"

static void energies_are_those_along_the_gradient(void **state) {
    (void)state;
    enum { INPUTS = 8, WIDTH = 20, POINTS = 40 };
    const struct {
        spt_loss loss;
        size_t classes, outputs, depth;
        spt_init init;
    } cases[] = {
        {SPT_LOSS_CROSS_ENTROPY, 4, 4, 2, SPT_INIT_PYTORCH}, {SPT_LOSS_CROSS_ENTROPY, 3, 3, 0, SPT_INIT_HE},
        {SPT_LOSS_CROSS_ENTROPY, 3, 3, 5, SPT_INIT_NTK},     {SPT_LOSS_MSE, 4, 4, 1, SPT_INIT_HE},
        {SPT_LOSS_MSE, 2, 1, 3, SPT_INIT_PYTORCH},           {SPT_LOSS_BCE, 2, 1, 2, SPT_INIT_NTK},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        spt_dataset data = make_data(INPUTS, cases[c].outputs, cases[c].classes, 60);
        spt_run_spec run = run_of(&data, WIDTH, cases[c].depth, 0, 6);
        run.model.init = cases[c].init;
        run.train.loss = cases[c].loss;
        segments_case net = make_case(INPUTS, WIDTH, cases[c].depth, cases[c].outputs, cases[c].init, 6);
        const char *const yaml[] = {LINE, EXACT};
        for (size_t k = 0; k < 2; k++) {
            spt_probe *probe = make_probe(yaml[k], &data, 5);
            assert_int_equal(probe->towards, SPT_DIRECTION_ADVERSARIAL);
            double *found = energies_of(probe, &data, &run, net.parameters, 2);
            for (size_t m = 0; m < POINTS; m++)
                differences(&net, cases[c].loss, probe->origin + m * INPUTS, probe->direction + m * INPUTS);
            probe->towards = SPT_DIRECTION_GIVEN;
            double *expected = energies_of(probe, &data, &run, net.parameters, 2);
            /* Directions in float32: 1e-6 of f's change along a line, some parts of which cancel in an energy. */
            for (size_t i = 0; i < probe->energy_size; i++)
                assert_true(fabs(found[i] - expected[i]) < 2e-4 * expected[i] + 1e-9 * expected[0]);
            free(found);
            free(expected);
            spt_probe_free(probe);
        }
        free_case(&net);
        free_data(&data);
    }
}

/* One unit, relu(x_0 - 8), is off at all examples: there the network is constant. Further along the line it is not. */
static void where_the_gradient_is_zero_the_line_goes_at_random(void **state) {
    (void)state;
    spt_dataset data = make_data(4, 3, 3, 60);
    spt_run_spec run = run_of(&data, 1, 1, 0, 6);
    segments_case net = blank_case(4, 1, 1, 3);
    *weight_of(&net, 0, 0, 0) = 1.0f;
    *bias_of(&net, 0, 0) = -8.0f;
    for (size_t j = 0; j < 3; j++)
        *weight_of(&net, 1, j, 0) = (float)j;
    const char *const yaml[][2] = {
        {"{name: l, kind: line, split: train, points: 40, samples: 32, radius: 20, direction: adversarial}",
         "{name: l, kind: line, split: train, points: 40, samples: 32, radius: 20}"},
        {"{name: e, kind: exact, split: train, points: 40, max_frequency: 16, radius: 20, direction: adversarial}",
         "{name: e, kind: exact, split: train, points: 40, max_frequency: 16, radius: 20, direction: random}"}};
    for (size_t k = 0; k < 2; k++) {
        spt_probe *adversarial = make_probe(yaml[k][0], &data, 5), *random = make_probe(yaml[k][1], &data, 5);
        double *one = energies_of(adversarial, &data, &run, net.parameters, 2);
        double *other = energies_of(random, &data, &run, net.parameters, 2);
        assert_memory_equal(one, other, 17 * sizeof *one);
        assert_true(one[1] > 0.0);
        free(one);
        free(other);
        spt_probe_free(adversarial);
        spt_probe_free(random);
    }
    free_case(&net);
    free_data(&data);
}

/* Lines in parts of several, and lines longer than a part. */
static void neither_threads_nor_the_group_change_a_bit(void **state) {
    (void)state;
    const char *const yaml[] = {
        LINE, EXACT,
        "{name: l, kind: line, split: train, points: 3, samples: 1500, radius: 2, direction: adversarial}"};
    spt_dataset data = make_data(8, 4, 4, 60);
    spt_run_spec runs[] = {run_of(&data, 20, 2, 0, 6), run_of(&data, 300, 1, 0, 8)};
    for (size_t k = 0; k < 3; k++) {
        spt_probe *probe = make_probe(yaml[k], &data, 5);
        const spt_probe *probes[] = {probe};
        const size_t size = probe->energy_size;
        double energy[4][2 * 751];
        assert_true(size <= 751);
        for (size_t threads = 1; threads <= 3; threads++) {
            spt_group_spec spec = {&data, 2, runs, 1, probes};
            spt_test_group t = open_group(&spec, threads);
            assert_int_equal(cpu()->probe(t.group, 0, energy[threads], NULL), SPT_OK);
            assert_memory_equal(energy[threads], energy[1], 2 * size * sizeof(double));
            close_group(&t);
        }
        for (size_t r = 0; r < 2; r++) {
            spt_group_spec spec = {&data, 1, runs + r, 1, probes};
            spt_test_group t = open_group(&spec, 2);
            assert_int_equal(cpu()->probe(t.group, 0, energy[0], NULL), SPT_OK);
            assert_memory_equal(energy[0], energy[1] + r * size, size * sizeof(double));
            close_group(&t);
        }
        spt_probe_free(probe);
    }
    free_data(&data);
}

static void the_file_is_told_of_no_direction_but_that_it_is_adversarial(void **state) {
    (void)state;
    spt_dataset data = make_dataset(4, 50, 1);
    spt_probe *adversarial = make_probe(LINE, &data, 5);
    assert_string_equal(attribute_of(adversarial, "direction"), "adversarial");
    assert_int_equal(adversarial->n_extras, 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_not_equal(adversarial->extras[i].name, "direction");
    spt_probe *random = make_probe("{name: l, kind: line, split: train, points: 4, samples: 8, radius: 1}", &data, 5);
    assert_string_equal(attribute_of(random, "direction"), "random");
    assert_int_equal(random->n_extras, 3);
    spt_probe_free(adversarial);
    spt_probe_free(random);
    release_dataset(&data);
}

static void real_targets_of_several_outputs_have_no_class_to_leave(void **state) {
    (void)state;
    spt_probe_spec *spec = good_probe(LINE);
    spt_data_shape data = {.train = 50, .inputs = 4, .outputs = 2}, one = {.train = 50, .inputs = 4, .outputs = 1};
    spt_probe_shape shape;
    spt_error err = {0};
    assert_int_equal(spt_probe_spec_shape(spec, &data, &shape, &err), SPT_EINVAL);
    assert_non_null(strstr(err.message, "probe l: direction is adversarial, and the data has 2 real targets"));
    assert_int_equal(spt_probe_spec_shape(spec, &one, &shape, &err), SPT_OK);
    assert_int_equal(shape.n_extras, 2);
    spt_probe_spec_free(spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_gradient_has_the_direction_of_the_losss_for_that_label),
        cmocka_unit_test(a_network_that_is_sure_has_a_direction_all_the_same),
        cmocka_unit_test(energies_are_those_along_the_gradient),
        cmocka_unit_test(where_the_gradient_is_zero_the_line_goes_at_random),
        cmocka_unit_test(neither_threads_nor_the_group_change_a_bit),
        cmocka_unit_test(the_file_is_told_of_no_direction_but_that_it_is_adversarial),
        cmocka_unit_test(real_targets_of_several_outputs_have_no_class_to_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
