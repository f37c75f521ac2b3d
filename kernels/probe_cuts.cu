// What a probe must fulfil, and how its work is cut (probe_parts.cuh says by what).
#include <limits.h>

#include "probe_parts.cuh"

enum {
    CHUNK_FLOATS = 1 << 22, // outputs of a network at a time
    MOVED_FLOATS = 1 << 26, // parameters of networks around a run
    UNIT_FLOATS = 1 << 18,  // outputs of networks that one plan takes: enough to fill a device
    ROWS_MOST = 1 << 26     // of a basis: tiles count in 32 bits
};

// ---- checks

static spt_status check_dft(const spt_probe *probe, spt_error *err) {
    const size_t length = spt_probe_length(probe);
    if (length < 2 || probe->samples > INT_MAX / 2 || probe->energy_size > length / 2 + 1)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu series of %zu samples, %zu outputs, %zu energies", probe->name,
                        probe->series, probe->samples, probe->outputs, probe->energy_size);
    return SPT_OK;
}

static spt_status check_folded(const spt_probe *probe, spt_error *err) {
    const spt_fold *fold = &probe->fold;
    const bool is_grid = probe->transform == SPT_TRANSFORM_DFT2;
    if (probe->detrend != SPT_DETREND_NONE)
        return spt_fail(err, SPT_EINVAL, "probe %s: a straight line is taken off a dft, not off this transform",
                        probe->name);
    if (probe->samples > INT_MAX / probe->series)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu x %zu rows; at most %d in all", probe->name, probe->series,
                        probe->samples, INT_MAX);
    if (is_grid && probe->coefficients != probe->series * (probe->samples / 2 + 1))
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu coefficients of a grid that has %zu", probe->name,
                        probe->coefficients, probe->series * (probe->samples / 2 + 1));
    if (!is_grid && (probe->coefficients == 0 || probe->coefficients > INT_MAX || probe->basis == NULL ||
                     spt_probe_n_rows(probe) > ROWS_MOST))
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu vectors over %zu rows; at least 1, over at most %d rows",
                        probe->name, probe->coefficients, spt_probe_n_rows(probe), (int)ROWS_MOST);
    if (fold->first == NULL || fold->index == NULL || fold->weight == NULL)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu energies without a fold", probe->name, probe->energy_size);
    return SPT_OK;
}

static spt_status check_transform(const spt_probe *probe, spt_error *err) {
    switch (probe->transform) {
    case SPT_TRANSFORM_DFT:
        return check_dft(probe, err);
    case SPT_TRANSFORM_DFT2:
    case SPT_TRANSFORM_BASIS:
        return check_folded(probe, err);
    case SPT_TRANSFORM_SEGMENTS:
        return spt_probe_segments_check(probe, err);
    default:
        return spt_fail(err, SPT_EINVAL, "probe %s: transform %d is not known on the device", probe->name,
                        (int)probe->transform);
    }
}

spt_status spt_probe_check(const spt_probe *probe, spt_error *err) {
    const spt_probe_perturbation *perturb = &probe->perturb;
    if (probe->geometry != SPT_GEOMETRY_LINES && probe->geometry != SPT_GEOMETRY_POINTS)
        return spt_fail(err, SPT_EINVAL, "probe %s: geometry %d is not known on the device", probe->name,
                        (int)probe->geometry);
    if (probe->towards == SPT_DIRECTION_ADVERSARIAL && probe->geometry != SPT_GEOMETRY_LINES)
        return spt_fail(err, SPT_EINVAL, "probe %s: directions of stored points; lines have directions", probe->name);
    if (probe->series == 0 || probe->samples == 0 || probe->outputs == 0 || probe->outputs > INT_MAX / 2 ||
        probe->energy_size == 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu series of %zu samples, %zu outputs, %zu energies", probe->name,
                        probe->series, probe->samples, probe->outputs, probe->energy_size);
    if (perturb->n_norms == 0)
        return check_transform(probe, err);
    if (perturb->directions == 0 || perturb->norm == NULL || probe->energy_size % perturb->n_norms != 0)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu energies of %zu norms along %zu directions; at least 1 of each",
                        probe->name, probe->energy_size, perturb->n_norms, perturb->directions);
    spt_probe plain = *probe;
    plain.energy_size /= perturb->n_norms;
    return check_transform(&plain, err);
}

spt_status spt_probe_check_arrays(const spt_probe *probe, spt_error *err) {
    const spt_fold *fold = &probe->fold;
    if (!spt_probe_is_folded(probe))
        return SPT_OK;
    const size_t energies = probe->energy_size / (probe->perturb.n_norms > 0 ? probe->perturb.n_norms : 1);
    if (fold->first[energies] > fold->terms)
        return spt_fail(err, SPT_EINVAL, "probe %s: folds %zu terms of %zu", probe->name, fold->first[energies],
                        fold->terms);
    for (size_t i = 0; i < fold->first[energies]; i++)
        if (fold->index[i] >= probe->coefficients)
            return spt_fail(err, SPT_EINVAL, "probe %s: folds coefficient %lu of %zu", probe->name,
                            (unsigned long)fold->index[i], probe->coefficients);
    return SPT_OK;
}

// ---- cuts

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/** Networks that one plan takes. Of those around a run so many that it has enough to do, a multiple of 4, so that the
 *  next plan's begin aligned; no more than there are. */
static size_t unit_of(const spt_probe_cuts *cuts, size_t floats) {
    const size_t wanted = least((cuts->around + 3) / 4 * 4, UNIT_FLOATS / floats);
    return wanted < 4 ? 1 : wanted / 4 * 4;
}

/** How one network is cut. */
static void cut_network(const spt_probe *probe, const spt_probe_networks *networks, spt_probe_cuts *cuts) {
    const bool segments = probe->transform == SPT_TRANSFORM_SEGMENTS;
    const size_t of_series = segments ? spt_probe_segments_floats(cuts->energies) : probe->outputs * probe->samples;
    cuts->series = probe->series;
    if (!spt_probe_is_folded(probe) && of_series * probe->series > CHUNK_FLOATS)
        cuts->series = of_series < CHUNK_FLOATS ? CHUNK_FLOATS / of_series : 1;
    cuts->bins = spt_probe_length(probe) / 2 + 1;
    cuts->outputs = cuts->series * of_series;
    cuts->unit = 1;
    if (probe->transform == SPT_TRANSFORM_BASIS) {
        cuts->products = probe->outputs * probe->coefficients;
    } else if (!segments) {
        cuts->spectrum = cuts->series * probe->outputs * cuts->bins;
        cuts->unit = cuts->series == probe->series ? unit_of(cuts, cuts->outputs) : 1;
        if (cuts->unit == 1)
            cuts->outputs = (cuts->outputs + 3) / 4 * 4;
    }
    spt_probe_lines_cut(probe, networks, cuts);
}

size_t spt_probe_at_a_time(const spt_probe_cuts *cuts, const spt_device_network *network) {
    const size_t block = spt_perturb_block(network);
    const size_t fit = block < MOVED_FLOATS ? MOVED_FLOATS / block : 1;
    return least(fit, least(cuts->slots, cuts->around));
}

/** What the parameters of networks around a run take, of the run that wants most. */
static void cut_parameters(const spt_probe *probe, const spt_probe_networks *networks, spt_probe_cuts *cuts) {
    const spt_probe_perturbation *perturb = &probe->perturb;
    for (size_t r = 0; r < networks->n_runs; r++) {
        const spt_device_network *network = &networks->host[r];
        const size_t n = spt_probe_at_a_time(cuts, network), block = spt_perturb_block(network);
        const size_t radii = least(n, perturb->n_norms);
        spt_perturbation p = {};
        p.n_directions = (uint32_t)least(n / radii, perturb->directions);
        p.n_radii = (uint32_t)radii;
        p.block = block;
        const size_t lengths = spt_perturb_space(&p);
        cuts->moved = n * block > cuts->moved ? n * block : cuts->moved;
        cuts->lengths = lengths > cuts->lengths ? lengths : cuts->lengths;
    }
}

spt_probe_cuts spt_probe_cut(const spt_probe *probe, const spt_probe_networks *networks) {
    const size_t norms = probe->perturb.n_norms;
    spt_probe_cuts cuts = {};
    cuts.energies = probe->energy_size / (norms > 0 ? norms : 1);
    cuts.around = norms * probe->perturb.directions;
    cut_network(probe, networks, &cuts);
    const size_t bytes = (cuts.outputs + cuts.direction + cuts.gradient) * sizeof(float) +
                         cuts.spectrum * sizeof(cufftComplex) + cuts.products * sizeof(double);
    const size_t wanted = cuts.around > 0 ? cuts.around : networks->n_runs;
    const size_t units = least((wanted + cuts.unit - 1) / cuts.unit, SPT_PROBE_CHUNK_BYTES / bytes / cuts.unit);
    cuts.slots = units > 0 ? units * cuts.unit : cuts.unit;
    if (cuts.around > 0)
        cut_parameters(probe, networks, &cuts);
    return cuts;
}
