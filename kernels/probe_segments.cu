// The transform segments: lines walked corner by corner (segments.cu), chunk after chunk of series, their energies
// added in the order of the lines.
#include <limits.h>

#include "probe_parts.cuh"
#include "range.cuh"

spt_status spt_probe_segments_check(const spt_probe *probe, spt_error *err) {
    if (probe->geometry != SPT_GEOMETRY_LINES)
        return spt_fail(err, SPT_EINVAL, "probe %s: exact spectra are taken along lines", probe->name);
    if (probe->energy_size > INT_MAX / 2)
        return spt_fail(err, SPT_EINVAL, "probe %s: %zu energies; 1 to %d", probe->name, probe->energy_size,
                        INT_MAX / 2);
    return SPT_OK;
}

// Its energies, and the corners found on it.
static const size_t ENERGY_FLOATS = sizeof(double) / sizeof(float), CORNERS_FLOATS = sizeof(uint32_t) / sizeof(float);

size_t spt_probe_segments_floats(size_t energies) {
    return ENERGY_FLOATS * energies + CORNERS_FLOATS;
}

void spt_probe_segments_measure(spt_cuda_probe *p, size_t processors, size_t bytes) {
    const size_t lines = p->cuts.slots * p->cuts.series;
    spt_segments *s = &p->segments;
    s->space_numbers = spt_segments_space(p->networks.host, p->networks.n_runs, p->cuts.energies, &s->widest);
    const size_t most = bytes / (s->space_numbers * sizeof(double)), blocks = spt_segments_blocks(lines, processors);
    p->segments_blocks = blocks < most ? blocks : most > 0 ? most : 1;
}

spt_status spt_probe_segments_energy(spt_cuda_probe *p, const spt_probe_batch *batch, cudaStream_t stream,
                                     spt_error *err) {
    spt_range range("probe, segments");
    const spt_probe *probe = p->probe;
    spt_segments segments = p->segments;
    segments.outputs = (uint32_t)probe->outputs;
    segments.energies = (uint32_t)p->cuts.energies;
    segments.ends = probe->detrend == SPT_DETREND_ENDS;
    cudaError_t error = cudaSuccess;
    for (size_t s = 0; s < probe->series && error == cudaSuccess; s += p->cuts.series) {
        const size_t series = probe->series - s < p->cuts.series ? probe->series - s : p->cuts.series;
        segments.lines = (uint32_t)series;
        segments.energy = (double *)p->output_d;
        segments.corners = (uint32_t *)(segments.energy + batch->n * series * p->cuts.energies);
        error = spt_probe_lines_of(p, batch, s, series, &segments.rows, stream);
        if (error == cudaSuccess)
            error = spt_segments_lines(batch->networks, batch->runs_d, batch->n, &segments, p->segments_blocks, stream);
        if (error == cudaSuccess)
            error = spt_segments_sum(&segments, batch->n, s == 0, batch->energy_d, stream);
    }
    return spt_probe_check_cuda(probe, error, "exact spectra", err);
}
