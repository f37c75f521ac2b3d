/* The spectrum on a regular N x M grid over a box, of a network with two inputs.
 *
 *   F_{k l} = 1/(N M) sum_{m n} f(a + m (b-a)/N, c + n (d-c)/M) exp(-2 pi i (k m / N + l n / M))
 *   power: full     E_{k l} = mean over outputs of |F_{k l}|^2, k = -N/2 .. N/2-1, l = 0 .. M/2. The rest is the same
 *                   mirrored, F_{-k -l} being the conjugate of F_{k l}
 *   power: radial   E_r = mean of E_{k l} over the ring r - 1/2 <= kappa < r + 1/2, all (k, l) of it counted, mirrored
 *                   ones too; kappa is |(k, l)| in a square box, else the length of (k L/(b-a), l L/(d-c)), L being the
 *                   longer side. Rings that the grid covers whole: r < min(N L/(b-a), M L/(d-c)) / 2
 *
 * Unit: output^2; frequencies in cycles per longer side (radial), or per side (full). Parseval: the full power,
 * mirrored ones counted, adds up to the mean of f^2 over the grid; the rings leave out the corners. Cost: 2 P N M FLOP
 * for P weights, and 5 N M log2(N M) / 2 an output. Source: Rahaman et al. 2019, in two dimensions.
 */
#include <math.h>

#include "core/memory.h"
#include "probe/kind.h"

enum { MAX_SIDE = 4096, SIDES = 2 };
#define MAX_BOX 1e18 /* keeps its sides within float32's range */

typedef struct grid2d_settings {
    size_t samples[SIDES]; /* N along the first input, M along the second; even */
    double low[SIDES], high[SIDES];
    size_t power; /* index into POWER */
} grid2d_settings;

enum { RADIAL, FULL };
static const char *const POWER[] = {[RADIAL] = "radial", [FULL] = "full"};
static const char *const KEYS[] = {"samples", "box", "power", NULL};

/* ---- settings */

static spt_status read_side(const spt_node *node, size_t *samples, spt_error *err) {
    spt_status status = spt_node_as_size(node, 2, MAX_SIDE, samples, err);
    if (status == SPT_OK && *samples % 2 != 0)
        status = spt_node_fail(node, err, "is %zu; allowed: an even number, 2 to %d", *samples, (int)MAX_SIDE);
    return status;
}

static spt_status read_samples(const spt_node *item, grid2d_settings *settings, spt_error *err) {
    const spt_node *node;
    spt_status status = spt_node_require(item, "samples", &node, err);
    if (status != SPT_OK)
        return status;
    bool list = spt_node_get_kind(node) == SPT_NODE_LIST;
    if (list && spt_node_count(node) != SIDES)
        return spt_node_fail(node, err, "has %zu numbers; allowed: one, or [N, M]", spt_node_count(node));
    for (size_t i = 0; i < SIDES && status == SPT_OK; i++)
        status = read_side(list ? spt_node_item(node, i) : node, &settings->samples[i], err);
    return status;
}

static bool is_pair(const spt_node *node) {
    return spt_node_get_kind(node) == SPT_NODE_LIST && spt_node_count(node) == SIDES;
}

static spt_status read_box(const spt_node *item, grid2d_settings *settings, spt_error *err) {
    const spt_node *box = spt_node_find(item, "box");
    spt_status status = SPT_OK;
    for (size_t i = 0; i < SIDES && status == SPT_OK; i++) {
        settings->low[i] = 0.0;
        settings->high[i] = 1.0;
        if (box == NULL)
            continue;
        const spt_node *side = is_pair(box) ? spt_node_item(box, i) : box;
        if (!is_pair(box) || !is_pair(side))
            return spt_node_fail(side, err, "is not a pair; allowed: box: [[a, b], [c, d]], the ends of both inputs");
        status = spt_node_as_real(spt_node_item(side, 0), -MAX_BOX, MAX_BOX, &settings->low[i], err);
        if (status == SPT_OK)
            status = spt_node_as_real(spt_node_item(side, 1), -MAX_BOX, MAX_BOX, &settings->high[i], err);
        if (status == SPT_OK && !(settings->low[i] < settings->high[i]))
            status = spt_node_fail(side, err, "goes from %g to %g; allowed: the lower end first", settings->low[i],
                                   settings->high[i]);
    }
    return status;
}

static spt_status grid2d_read(const spt_node *item, void *out, spt_error *err) {
    grid2d_settings *settings = out;
    spt_status status = read_samples(item, settings, err);
    if (status == SPT_OK)
        status = read_box(item, settings, err);
    if (status == SPT_OK)
        status = spt_node_choice(item, "power", POWER, sizeof POWER / sizeof *POWER, &settings->power, err);
    return status;
}

/* ---- frequencies */

/* Cycles per longer side of one cycle along side i. */
static double stretch(const grid2d_settings *settings, size_t i) {
    double first = settings->high[0] - settings->low[0], second = settings->high[1] - settings->low[1];
    return (first > second ? first : second) / (i == 0 ? first : second);
}

static size_t count_rings(const grid2d_settings *settings) {
    double first = (double)settings->samples[0] * stretch(settings, 0);
    double second = (double)settings->samples[1] * stretch(settings, 1);
    return (size_t)((first < second ? first : second) / 2.0);
}

/* The half plane of the DFT: l = 0 .. M/2 of each row. */
static size_t bins_of_row(const grid2d_settings *settings) {
    return settings->samples[1] / 2 + 1;
}

/* Row j of the DFT is frequency k along the first input. */
static double frequency_of_row(const grid2d_settings *settings, size_t j) {
    size_t n = settings->samples[0];
    return j < n / 2 ? (double)j : (double)j - (double)n;
}

/* The ring of a coefficient; the number of rings, or more, for the corners. */
static size_t ring_of(const grid2d_settings *settings, size_t j, size_t l) {
    double first = frequency_of_row(settings, j) * stretch(settings, 0), second = (double)l * stretch(settings, 1);
    return (size_t)floor(sqrt(first * first + second * second) + 0.5);
}

/* How often a coefficient of the half plane is in the whole: with its mirror image, unless that is in the half too. */
static double occurrences(const grid2d_settings *settings, size_t l) {
    return l == 0 || 2 * l == settings->samples[1] ? 1.0 : 2.0;
}

/* Coefficients sorted by ring, in each ring by row and column: counted, placed, weighted. */
static spt_status fold_rings(const grid2d_settings *settings, spt_probe *probe, spt_error *err) {
    const size_t rings = count_rings(settings), bins = bins_of_row(settings);
    spt_status status = spt_probe_add_dim(probe, "frequency", "wave number, the middle of a ring",
                                          "cycles per longer side", rings, err);
    if (status == SPT_OK)
        status = spt_probe_make_fold(probe, probe->coefficients, err);
    if (status != SPT_OK)
        return status;
    spt_fold *fold = &probe->fold;
    for (size_t c = 0; c < probe->coefficients; c++) {
        size_t ring = ring_of(settings, c / bins, c % bins);
        if (ring < rings)
            fold->first[ring + 1]++;
    }
    for (size_t r = 0; r < rings; r++) {
        fold->first[r + 1] += fold->first[r];
        probe->dims[0].coordinate[r] = (double)r;
    }
    for (size_t c = 0; c < probe->coefficients; c++) {
        size_t ring = ring_of(settings, c / bins, c % bins);
        if (ring < rings)
            fold->index[fold->first[ring]++] = (uint32_t)c; /* first[ring] ends up as first[ring + 1] was */
    }
    for (size_t r = rings; r > 0; r--)
        fold->first[r] = fold->first[r - 1];
    fold->first[0] = 0;
    for (size_t r = 0; r < rings; r++) {
        double whole = 0.0;
        for (size_t i = fold->first[r]; i < fold->first[r + 1]; i++)
            whole += occurrences(settings, fold->index[i] % bins);
        for (size_t i = fold->first[r]; i < fold->first[r + 1]; i++)
            fold->weight[i] = occurrences(settings, fold->index[i] % bins) / whole;
    }
    return SPT_OK;
}

/* Every coefficient by itself, rows from the most negative frequency up. */
static spt_status fold_nothing(const grid2d_settings *settings, spt_probe *probe, spt_error *err) {
    const size_t n = settings->samples[0], bins = bins_of_row(settings);
    spt_status status =
        spt_probe_add_dim(probe, "frequency", "frequency along the first input", "cycles per side", n, err);
    if (status == SPT_OK)
        status =
            spt_probe_add_dim(probe, "frequency_2", "frequency along the second input", "cycles per side", bins, err);
    if (status == SPT_OK)
        status = spt_probe_make_fold(probe, probe->coefficients, err);
    if (status != SPT_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        probe->dims[0].coordinate[i] = frequency_of_row(settings, (i + n / 2) % n);
    for (size_t l = 0; l < bins; l++)
        probe->dims[1].coordinate[l] = (double)l;
    for (size_t e = 0; e < probe->energy_size; e++) {
        probe->fold.first[e + 1] = e + 1;
        probe->fold.index[e] = (uint32_t)((e / bins + n / 2) % n * bins + e % bins);
        probe->fold.weight[e] = 1.0;
    }
    return SPT_OK;
}

/* ---- the kind */

static spt_status two_inputs(size_t inputs, spt_error *err) {
    if (inputs != SIDES)
        return spt_fail(err, SPT_EINVAL, "grid2d is for data with 2 inputs; these have %zu", inputs);
    return SPT_OK;
}

static spt_status grid2d_shape(const void *in, const spt_data_shape *data, spt_probe_shape *shape, spt_error *err) {
    const grid2d_settings *settings = in;
    const size_t coefficients = settings->samples[0] * bins_of_row(settings);
    shape->rows = settings->samples[0] * settings->samples[1];
    shape->n_dims = settings->power == FULL ? 2 : 1;
    shape->dim_size[0] = settings->power == FULL ? settings->samples[0] : count_rings(settings);
    shape->dim_size[1] = settings->power == FULL ? bins_of_row(settings) : 0;
    shape->energy_size = settings->power == FULL ? coefficients : shape->dim_size[0];
    shape->transform = SPT_TRANSFORM_DFT2;
    shape->series = settings->samples[0];
    shape->samples = settings->samples[1];
    shape->coefficients = shape->fold_terms = coefficients;
    shape->memory_bytes = coefficients * (sizeof(uint32_t) + sizeof(double)) + shape->energy_size * sizeof(size_t);
    return two_inputs(data->inputs, err);
}

/* Lines along the second input, one for each sample of the first. */
static spt_status make_lines(const grid2d_settings *settings, spt_probe *probe, spt_error *err) {
    const size_t n = settings->samples[0];
    double width = settings->high[0] - settings->low[0], height = settings->high[1] - settings->low[1];
    probe->geometry = SPT_GEOMETRY_LINES;
    probe->series = n;
    probe->samples = settings->samples[1];
    probe->t0 = settings->low[1];
    probe->dt = height / (double)settings->samples[1];
    probe->origin = spt_memory_alloc(n * SIDES, sizeof *probe->origin);
    probe->direction = spt_memory_alloc(n * SIDES, sizeof *probe->direction);
    if (probe->origin == NULL || probe->direction == NULL)
        return spt_fail(err, SPT_ENOMEM, "no memory for %zu lines", n);
    for (size_t m = 0; m < n; m++) {
        probe->origin[m * SIDES] = (float)(settings->low[0] + (double)m * width / (double)n);
        probe->direction[m * SIDES + 1] = 1.0f;
    }
    return SPT_OK;
}

static spt_status grid2d_make(const void *in, const spt_dataset *dataset, uint32_t seed, spt_probe *probe,
                              spt_error *err) {
    (void)seed; /* nothing is drawn */
    const grid2d_settings *settings = in;
    spt_status status = two_inputs(dataset->inputs, err);
    if (status == SPT_OK)
        status = make_lines(settings, probe, err);
    if (status != SPT_OK)
        return status;
    const double points = (double)settings->samples[0] * (double)settings->samples[1];
    probe->long_name = settings->power == FULL ? "energy of the outputs on a regular grid over a box"
                                               : "energy of the outputs on a regular grid over a box, mean over rings";
    probe->units = "output^2";
    probe->transform = SPT_TRANSFORM_DFT2;
    probe->scale = 1.0 / (points * points);
    probe->coefficients = settings->samples[0] * bins_of_row(settings);
    spt_probe_note_size(probe, "samples_1", settings->samples[0]);
    spt_probe_note_size(probe, "samples_2", settings->samples[1]);
    spt_probe_note_real(probe, "box_low_1", settings->low[0]);
    spt_probe_note_real(probe, "box_high_1", settings->high[0]);
    spt_probe_note_real(probe, "box_low_2", settings->low[1]);
    spt_probe_note_real(probe, "box_high_2", settings->high[1]);
    spt_probe_note_text(probe, "power", POWER[settings->power]);
    spt_probe_note_text(probe, "normalization", "|rfft2 / samples|^2");
    return settings->power == FULL ? fold_nothing(settings, probe, err) : fold_rings(settings, probe, err);
}

const spt_probe_kind spt_probe_kind_grid2d = {
    .name = "grid2d",
    .keys = KEYS,
    .settings_size = sizeof(grid2d_settings),
    .read = grid2d_read,
    .shape = grid2d_shape,
    .make = grid2d_make,
};
