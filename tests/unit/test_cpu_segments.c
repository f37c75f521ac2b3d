/* Corners of ReLU networks along straight ways: hand-set weights, ties, rounding, and dense scans of random networks.
 */
#include "segments_case.h"

static void a_linear_network_has_no_corners(void **state) {
    (void)state;
    segments_case c = make_case(3, 1, 0, 2, SPT_INIT_PYTORCH, 1);
    const double a[] = {0.5, -1.0, 2.0}, b[] = {1.0, 1.0, -1.0};
    double f[2];
    corners list = walk_case(&c, a, b);
    assert_int_equal(list.between, 0);
    assert_int_equal(list.n, 2);
    for (size_t i = 0; i < 2; i++) {
        evaluate_case(&c, i == 0 ? a : b, f, NULL);
        assert_true(list.u[i] == (double)i);
        for (size_t j = 0; j < 2; j++)
            assert_true(fabs(list.f[2 * i + j] - f[j]) < 1e-15); /* a sum of three products of order 1 */
    }
    free_corners(&list);
    free_case(&c);
}

/* One unit of one input, relu(w x + bias), along x = 0 .. 1. */
static corners one_unit(float w, float bias) {
    segments_case c = blank_case(1, 1, 1, 1);
    *weight_of(&c, 0, 0, 0) = w;
    *bias_of(&c, 0, 0) = bias;
    *weight_of(&c, 1, 0, 0) = 1.0f;
    const double a = 0.0, b = 1.0;
    corners list = walk_case(&c, &a, &b);
    free_case(&c);
    return list;
}

static void a_unit_has_its_corner_where_it_switches(void **state) {
    (void)state;
    const float bias[] = {-1.0f, -0.1f, -2.9f, -3e-12f};
    for (size_t i = 0; i < sizeof bias / sizeof *bias; i++)
        for (int side = 0; side < 2; side++) {
            corners list = one_unit(side == 0 ? 3.0f : -3.0f, side == 0 ? bias[i] : -bias[i]);
            const double place = -(double)bias[i] / 3.0;
            assert_int_equal(list.between, 1);
            assert_int_equal(list.n, 3);
            assert_true(fabs(list.u[1] - place) <= 4e-16 * place); /* a quotient of rounded numbers */
            assert_true(list.f[1] == 0.0);
            free_corners(&list);
        }
}

static void a_unit_that_switches_where_the_way_ends_makes_no_corner(void **state) {
    (void)state;
    const float of[][2] = {{1.0f, 0.0f}, {-1.0f, 0.0f}, {1.0f, -1.0f}, {-1.0f, 1.0f}, {0.0f, 0.0f}, {0.0f, 1.0f}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        corners list = one_unit(of[i][0], of[i][1]);
        assert_int_equal(list.between, 0);
        assert_int_equal(list.n, 2);
        free_corners(&list);
    }
}

/* Units alpha (x - 1/3), as far as rounding lets them, in one layer: their crossings fall together. */
static void units_that_switch_at_one_place_make_one_corner(void **state) {
    (void)state;
    enum { UNITS = 40 };
    segments_case c = blank_case(1, UNITS, 1, 1);
    for (size_t j = 0; j < UNITS; j++) {
        *weight_of(&c, 0, j, 0) = (float)(j + 1) * (j % 2 ? -0.3f : 0.7f);
        *weight_of(&c, 1, 0, j) = 1.0f;
    }
    const double a = -1.0, b = 2.0; /* all cross at x = 0, u = 1/3, each with its own rounding */
    corners list = walk_case(&c, &a, &b);
    assert_int_equal(list.between, 1);
    assert_true(fabs(list.u[1] - 1.0 / 3.0) < 1e-15);
    free_corners(&list);
    free_case(&c);
}

/* Second layer: 4 h_0 - h_1 - h_2 with h = relu(3 x), relu(5 x), relu(7 x) is zero everywhere, but for rounding. A unit
 * that took the sign of that for its own would switch at will. */
static void terms_that_cancel_make_no_corners(void **state) {
    (void)state;
    enum { UNITS = 60 };
    segments_case c = blank_case(1, UNITS, 2, 1);
    const float slope[] = {3.0f, 5.0f, 7.0f};
    for (size_t j = 0; j < UNITS; j++) {
        *weight_of(&c, 0, j, 0) = j < 3 ? slope[j] : 1.0f;
        *bias_of(&c, 0, j) = j < 3 ? 0.0f : -0.043f * (float)j; /* corners where the first three are on */
        *weight_of(&c, 1, j, 0) = 4.0f * (float)(j + 1) / 16.0f;
        *weight_of(&c, 1, j, 1) = -1.0f * (float)(j + 1) / 16.0f;
        *weight_of(&c, 1, j, 2) = -1.0f * (float)(j + 1) / 16.0f;
        *weight_of(&c, 2, 0, j) = 1.0f;
    }
    const double a = -0.37, b = 2.71;
    corners list = walk_case(&c, &a, &b);
    assert_int_equal(list.between, 1 + UNITS - 3);
    for (size_t i = 0; i < list.n; i++)
        assert_true(list.f[i] == 0.0);
    free_corners(&list);
    free_case(&c);
}

static void composed_tents_have_their_corners_at_dyadic_places(void **state) {
    (void)state;
    for (size_t layers = 1; layers <= 7; layers++) {
        segments_case c = tents_case(layers);
        const double a = 0.0, b = 1.0;
        const size_t pieces = (size_t)1 << layers;
        corners list = walk_case(&c, &a, &b);
        assert_int_equal(list.between, pieces - 1);
        for (size_t i = 0; i < list.n; i++) {
            assert_true(list.u[i] == (double)i / (double)pieces); /* dyadic numbers are exact */
            assert_true(list.f[i] == (double)(i % 2));
        }
        free_corners(&list);
        free_case(&c);
    }
}

/* Switches of all hidden units between neighbours of many points, each a corner. A unit that switches twice between two
 * points is missed by the scan: with 2^17 of them that takes two corners of one unit within 1e-5 of the way. */
static size_t switches_of_scan(const segments_case *c, const double *a, const double *b) {
    enum { POINTS = 1 << 17, UNITS = 512, INPUTS = 16, OUTPUTS = 8 };
    unsigned char on[2][UNITS];
    double x[INPUTS], f[OUTPUTS];
    const size_t units = c->model.hidden_layers * c->model.width;
    size_t switches = 0;
    assert_true(units <= UNITS && c->model.inputs <= INPUTS && c->model.outputs <= OUTPUTS);
    for (size_t i = 0; i <= POINTS; i++) {
        point_between(a, b, c->model.inputs, (double)i / POINTS, x);
        evaluate_case(c, x, f, on[i % 2]);
        for (size_t j = 0; j < units && i > 0; j++)
            switches += on[0][j] != on[1][j];
    }
    return switches;
}

static void random_networks_have_as_many_corners_as_a_dense_scan(void **state) {
    (void)state;
    enum { INPUTS = 10, WIDTH = 24 };
    for (size_t depth = 1; depth <= 5; depth++)
        for (uint32_t seed = 0; seed < 2; seed++) {
            segments_case c = make_case(INPUTS, WIDTH, depth, 3, seed == 0 ? SPT_INIT_HE : SPT_INIT_NTK, seed + 7);
            double a[INPUTS], b[INPUTS];
            random_point(seed, 0, INPUTS, 2.0, a);
            random_point(seed, 1, INPUTS, 2.0, b);
            corners list = walk_case(&c, a, b);
            assert_int_equal(list.between, switches_of_scan(&c, a, b));
            assert_int_equal(list.n, list.between + 2);
            assert_true(list.between >= 4 * depth);
            free_corners(&list);
            free_case(&c);
        }
}

/* Between corners the naive network is linear, and at them it has the values that the walk found. */
static void compare_function(const segments_case *c, const double *a, const double *b, size_t least_corners) {
    double x[64], at[8];
    const size_t outputs = c->model.outputs;
    corners list = walk_case(c, a, b);
    assert_true(list.between >= least_corners);
    double largest = 0.0;
    for (size_t i = 0; i < list.n * outputs; i++)
        largest = fmax(largest, fabs(list.f[i]));
    for (size_t i = 0; i < list.n; i++)
        for (int half = 0; half < 2; half++) {
            if (half == 1 && i + 1 == list.n)
                continue;
            const double u = half == 0 ? list.u[i] : 0.5 * (list.u[i] + list.u[i + 1]);
            assert_true(half == 0 || list.u[i] < list.u[i + 1]);
            point_between(a, b, c->model.inputs, u, x);
            evaluate_case(c, x, at, NULL);
            for (size_t j = 0; j < outputs; j++) {
                const double *f = list.f + i * outputs + j;
                const double expected = half == 0 ? f[0] : 0.5 * (f[0] + f[outputs]);
                /* float64 rounding in sums of 64 terms, through eight layers */
                assert_true(fabs(at[j] - expected) < 1e-13 * largest);
            }
        }
    free_corners(&list);
}

static void the_function_between_corners_is_the_networks(void **state) {
    (void)state;
    enum { INPUTS = 12, WIDTH = 64 };
    const spt_init inits[] = {SPT_INIT_PYTORCH, SPT_INIT_HE, SPT_INIT_NTK};
    for (size_t i = 0; i < 3; i++) {
        segments_case c = make_case(INPUTS, WIDTH, 7, 4, inits[i], 3);
        double a[INPUTS], b[INPUTS];
        random_point(5, 0, INPUTS, 4.0, a);
        random_point(5, 1, INPUTS, 4.0, b);
        compare_function(&c, a, b, 130); /* more corners than a block holds: blocks follow one another in each layer */
        free_case(&c);
    }
}

static void the_longest_and_the_shortest_ways_are_walked(void **state) {
    (void)state;
    enum { INPUTS = 12 };
    segments_case c = make_case(INPUTS, 30, 3, 2, SPT_INIT_PYTORCH, 3);
    double a[INPUTS], b[INPUTS];
    random_point(5, 0, INPUTS, 1.0, a);
    const double lengths[] = {1e18, 1e6, 1e-6, 1e-12, 0.0};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        random_point(5, 1, INPUTS, lengths[i], b);
        for (size_t j = 0; j < INPUTS; j++)
            b[j] += a[j];
        compare_function(&c, a, b, 0);
    }
    free_case(&c);
}

static void a_network_that_has_overflowed_ends_the_walk(void **state) {
    (void)state;
    const float spoiled[] = {3e38f, -3e38f, INFINITY, NAN};
    for (size_t i = 0; i < sizeof spoiled / sizeof *spoiled; i++) {
        segments_case c = make_case(4, 20, 20, 1, SPT_INIT_HE, 3);
        for (size_t l = 0; l < 20; l++)
            for (size_t j = 0; j < 20; j++)
                *weight_of(&c, l, j, j % 4) = (j % 2 ? -1.0f : 1.0f) * spoiled[i];
        const double a[4] = {1.0, 2.0, -3.0, 4.0}, b[4] = {-1.0, 3.0, -2.0, 1.0};
        corners list = walk_case(&c, a, b);
        assert_true(list.n >= 2);
        assert_true(list.u[0] == 0.0 && list.u[list.n - 1] == 1.0);
        free_corners(&list);
        free_case(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_network_has_no_corners),
        cmocka_unit_test(a_unit_has_its_corner_where_it_switches),
        cmocka_unit_test(a_unit_that_switches_where_the_way_ends_makes_no_corner),
        cmocka_unit_test(units_that_switch_at_one_place_make_one_corner),
        cmocka_unit_test(terms_that_cancel_make_no_corners),
        cmocka_unit_test(composed_tents_have_their_corners_at_dyadic_places),
        cmocka_unit_test(random_networks_have_as_many_corners_as_a_dense_scan),
        cmocka_unit_test(the_function_between_corners_is_the_networks),
        cmocka_unit_test(the_longest_and_the_shortest_ways_are_walked),
        cmocka_unit_test(a_network_that_has_overflowed_ends_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
