// The rows of a probe as they are for some networks: along directions of the probe, or of each network.
#include "probe_parts.cuh"
#include "range.cuh"

/** Floats of the directions of so many lines of the run that wants most for them. */
static size_t gradient_floats(const spt_probe_networks *networks, size_t lines) {
    size_t most = 0;
    for (size_t r = 0; r < networks->n_runs; r++) {
        const size_t floats = spt_adversarial_floats(&networks->host[r], lines);
        most = floats > most ? floats : most;
    }
    return most;
}

void spt_probe_lines_cut(const spt_probe *probe, const spt_probe_networks *networks, spt_probe_cuts *cuts) {
    if (probe->towards != SPT_DIRECTION_ADVERSARIAL)
        return;
    cuts->direction = cuts->series * probe->inputs;
    cuts->gradient = gradient_floats(networks, cuts->series);
}

void spt_probe_lines_init(spt_cuda_probe *p, float *direction, float *space) {
    spt_adversarial *a = &p->adversarial;
    a->loss = p->networks.loss;
    a->inputs = (uint32_t)p->probe->inputs;
    a->outputs = (uint32_t)p->probe->outputs;
    for (size_t r = 0; r < p->networks.n_runs; r++) {
        const spt_device_network *network = &p->networks.host[r];
        a->width = network->width > a->width ? network->width : a->width;
        a->n_layers = network->n_layers > a->n_layers ? network->n_layers : a->n_layers;
    }
    a->direction = direction;
    a->space = space;
    a->space_floats = p->cuts.gradient;
}

cudaError_t spt_probe_lines_of(spt_cuda_probe *p, const spt_probe_batch *batch, size_t s, size_t series, spt_rows *rows,
                               cudaStream_t stream) {
    const spt_probe *probe = p->probe;
    *rows = p->rows;
    rows->count = (uint32_t)(series * probe->samples);
    if (probe->geometry == SPT_GEOMETRY_POINTS) {
        rows->first = (uint64_t)s * probe->samples;
        return cudaSuccess;
    }
    rows->origin += s * probe->inputs;
    rows->direction += s * probe->inputs;
    if (probe->towards == SPT_DIRECTION_GIVEN)
        return cudaSuccess;
    spt_range range("probe, directions");
    spt_adversarial a = p->adversarial;
    a.lines = (uint32_t)series;
    a.origin = rows->origin;
    a.given = rows->direction;
    rows->direction = a.direction;
    rows->run_floats = series * probe->inputs;
    return spt_adversarial_directions(batch->networks, batch->runs_d, batch->n, &a, stream);
}
