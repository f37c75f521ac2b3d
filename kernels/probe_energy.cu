// Probes of networks: outputs at the points (probe_forward.cu), their transform (cuFFT; basis.cu) and the energies
// (spectra.cu; fold.cu); but for the transform segments, which is by itself (probe_segments.cu). How the work is cut:
// probe_parts.cuh.
#include "basis.cuh"
#include "ends.cuh"
#include "probe_parts.cuh"
#include "range.cuh"
#include "spectra.cuh"

static const spt_device_network *host_copy(const spt_probe_batch *batch, size_t i) {
    return batch->alike != NULL ? batch->alike : &batch->host[batch->runs[i].network];
}

/** Outputs at `rows`. */
static cudaError_t evaluate(spt_cuda_probe *p, const spt_probe_batch *batch, const spt_rows *rows,
                            cudaStream_t stream) {
    spt_range range("probe, forward pass");
    const spt_forward_output output = {p->output_d, p->cuts.outputs, rows->count};
    cudaError_t error = cudaSuccess;
    for (size_t begin = 0, end; begin < batch->n && error == cudaSuccess; begin = end) {
        const spt_device_network *widest = host_copy(batch, begin);
        const spt_forward_path path = spt_probe_path(widest, p->shared_bytes);
        if (path == SPT_FORWARD_LAYERS) {
            end = begin + 1;
            error = spt_forward_layers(batch->networks, widest, batch->runs[begin], rows, &output, p->wide_d,
                                       p->wide_floats, stream);
            continue;
        }
        for (end = begin + 1; end < batch->n && spt_probe_path(host_copy(batch, end), p->shared_bytes) == path;)
            end++;
        error = spt_forward_fused(path, batch->networks, batch->runs_d + begin, end - begin, widest->width, rows,
                                  &output, stream);
    }
    return error;
}

/** Zeros for networks that are not there, but transformed with the last of n: nobody looks at them, but of what nothing
 *  has written nothing is known. */
static cudaError_t clear_rest(const spt_cuda_probe *p, size_t n, cudaStream_t stream) {
    const size_t rest = (p->cuts.unit - n % p->cuts.unit) % p->cuts.unit;
    if (rest == 0)
        return cudaSuccess;
    return cudaMemsetAsync(p->output_d + n * p->cuts.outputs, 0, rest * p->cuts.outputs * sizeof(float), stream);
}

cufftResult spt_probe_transform(const spt_cuda_probe *p, size_t n, size_t series) {
    const cufftHandle plan = p->plan[series < p->cuts.series];
    const size_t of_network = series * p->probe->outputs * p->cuts.bins;
    cufftResult result = CUFFT_SUCCESS;
    for (size_t i = 0; i < n && result == CUFFT_SUCCESS; i += p->cuts.unit)
        result = cufftExecR2C(plan, p->output_d + i * p->cuts.outputs, p->spectrum_d + i * of_network);
    return result;
}

/** Energies of the outputs that are there: of `series` series, added to those of the ones before unless these are the
 *  first. */
static spt_status add_energies(spt_cuda_probe *p, const spt_probe_batch *batch, size_t series, bool first,
                               cudaStream_t stream, spt_error *err) {
    const spt_probe *probe = p->probe;
    const size_t n = batch->n, outputs = probe->outputs;
    cudaError_t error = cudaSuccess;
    spt_status status = SPT_OK;
    if (probe->detrend == SPT_DETREND_ENDS)
        error = spt_ends_take_off(p->output_d, p->cuts.outputs, n, series * outputs, probe->samples, stream);
    if (probe->transform == SPT_TRANSFORM_BASIS && error == cudaSuccess)
        error = spt_basis_products(p->output_d, n * outputs, p->basis_d, probe->coefficients, spt_probe_n_rows(probe),
                                   p->product_d, stream);
    else if (error == cudaSuccess)
        status = spt_probe_check_cufft(probe, spt_probe_transform(p, n, series), "transform", err);
    if (status != SPT_OK)
        return status;
    const spt_spectra spectra = {p->spectrum_d, (uint32_t)outputs, (uint32_t)series, (uint32_t)p->cuts.bins,
                                 (uint32_t)p->cuts.energies};
    if (probe->transform == SPT_TRANSFORM_BASIS && error == cudaSuccess)
        error = spt_fold_products(&p->fold, p->product_d, outputs, n, batch->energy_d, stream);
    else if (probe->transform == SPT_TRANSFORM_DFT2 && error == cudaSuccess)
        error = spt_fold_spectra(&p->fold, p->spectrum_d, outputs, n, batch->energy_d, stream);
    else if (error == cudaSuccess)
        error = spt_spectra_sum(&spectra, n, first, batch->energy_d, stream);
    return spt_probe_check_cuda(probe, error, "energies", err);
}

spt_status spt_probe_measure(spt_cuda_probe *p, const spt_probe_batch *batch, cudaStream_t stream, spt_error *err) {
    const spt_probe *probe = p->probe;
    spt_status status = SPT_OK;
    if (probe->transform == SPT_TRANSFORM_SEGMENTS)
        return spt_probe_segments_energy(p, batch, stream, err);
    for (size_t s = 0; s < probe->series && status == SPT_OK; s += p->cuts.series) {
        const size_t series = probe->series - s < p->cuts.series ? probe->series - s : p->cuts.series;
        spt_rows rows;
        status = spt_probe_check_cuda(probe, spt_probe_lines_of(p, batch, s, series, &rows, stream), "directions", err);
        if (status == SPT_OK)
            status = spt_probe_check_cuda(probe, evaluate(p, batch, &rows, stream), "forward pass", err);
        if (status == SPT_OK)
            status = spt_probe_check_cuda(probe, clear_rest(p, batch->n, stream), "forward pass", err);
        if (status == SPT_OK)
            status = add_energies(p, batch, series, s == 0, stream, err);
    }
    return status;
}

/** The runs' own networks, a chunk of them at a time. */
static spt_status measure_runs(spt_cuda_probe *p, cudaStream_t stream, spt_error *err) {
    const size_t n_runs = p->networks.n_runs;
    spt_status status = SPT_OK;
    for (size_t first = 0; first < n_runs && status == SPT_OK; first += p->cuts.slots) {
        spt_probe_batch batch = {};
        batch.networks = p->networks.device;
        batch.runs_d = p->runs_d + first;
        batch.runs = p->runs + first;
        batch.host = p->networks.host;
        batch.n = n_runs - first < p->cuts.slots ? n_runs - first : p->cuts.slots;
        batch.energy_d = p->energy_d + first * p->cuts.energies;
        status = spt_probe_measure(p, &batch, stream, err);
    }
    return status;
}

spt_status spt_cuda_probe_start(spt_cuda_probe *p, cudaStream_t stream, spt_error *err) {
    spt_range range(p->probe->name);
    spt_status status = SPT_OK;
    for (int i = 0; i < 2 && status == SPT_OK; i++)
        if (p->planned[i])
            status = spt_probe_check_cufft(p->probe, cufftSetStream(p->plan[i], stream), "stream", err);
    if (status == SPT_OK)
        status = p->cuts.around > 0 ? spt_probe_measure_around(p, stream, err) : measure_runs(p, stream, err);
    if (status != SPT_OK)
        return status;
    const size_t bytes = p->networks.n_runs * p->probe->energy_size * sizeof(double);
    return spt_probe_check_cuda(
        p->probe, cudaMemcpyAsync(p->energy, p->energy_d, bytes, cudaMemcpyDeviceToHost, stream), "energies", err);
}

void spt_cuda_probe_read(const spt_cuda_probe *p, double *energy) {
    const spt_probe *probe = p->probe;
    double sums = (double)probe->outputs;
    if (!spt_probe_is_folded(probe))
        sums *= (double)probe->series;
    if (p->cuts.around > 0)
        sums *= (double)probe->perturb.directions;
    for (size_t i = 0; i < p->networks.n_runs * probe->energy_size; i++)
        energy[i] = probe->scale / sums * p->energy[i];
}
