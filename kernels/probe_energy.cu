// Probes of all runs of a group: outputs at the points (probe_forward.cu), cuFFT's real DFT over the samples of each
// series and output, and the energies (spectra.cu). How the work is cut: probe_parts.cuh.
#include "probe_parts.cuh"
#include "range.cuh"
#include "spectra.cuh"

/** Outputs of n runs of p->runs, from `first` on, at `rows`. */
static cudaError_t evaluate(spt_cuda_probe *p, size_t first, size_t n, const spt_rows *rows, cudaStream_t stream) {
    spt_range range("probe, forward pass");
    const spt_device_network *networks = p->networks.host;
    const spt_forward_output output = {p->output_d, p->cuts.outputs, rows->count};
    cudaError_t error = cudaSuccess;
    for (size_t begin = first, end; begin < first + n && error == cudaSuccess; begin = end) {
        const spt_device_network *widest = &networks[p->runs[begin].network];
        const spt_forward_path path = spt_probe_path(widest, p->shared_bytes);
        if (path == SPT_FORWARD_LAYERS) {
            end = begin + 1;
            error = spt_forward_layers(p->networks.device, widest, p->runs[begin], rows, &output, p->wide_d,
                                       p->wide_floats, stream);
            continue;
        }
        for (end = begin + 1;
             end < first + n && spt_probe_path(&networks[p->runs[end].network], p->shared_bytes) == path;)
            end++;
        error = spt_forward_fused(path, p->networks.device, p->runs_d + begin, end - begin, widest->width, rows,
                                  &output, stream);
    }
    return error;
}

/** Energies of a chunk of runs, summed over the chunks of series. */
static spt_status chunk_energy(spt_cuda_probe *p, size_t first, size_t n, cudaStream_t stream, spt_error *err) {
    const spt_probe *probe = p->probe;
    spt_status status = SPT_OK;
    for (size_t s = 0; s < probe->series && status == SPT_OK; s += p->cuts.series) {
        const size_t series = probe->series - s < p->cuts.series ? probe->series - s : p->cuts.series;
        const cufftHandle plan = p->plan[series < p->cuts.series];
        spt_rows rows;
        status =
            spt_probe_check_cuda(probe, spt_probe_lines_of(p, first, n, s, series, &rows, stream), "directions", err);
        if (status == SPT_OK)
            status = spt_probe_check_cuda(probe, evaluate(p, first, n, &rows, stream), "forward pass", err);
        const size_t transforms = series * probe->outputs;
        for (size_t r = 0; r < n && status == SPT_OK; r++)
            status = spt_probe_check_cufft(
                probe,
                cufftExecR2C(plan, p->output_d + r * p->cuts.outputs, p->spectrum_d + r * transforms * p->cuts.bins),
                "transform", err);
        const spt_spectra spectra = {p->spectrum_d, (uint32_t)probe->outputs, (uint32_t)series, (uint32_t)p->cuts.bins,
                                     (uint32_t)probe->energy_size};
        if (status == SPT_OK)
            status = spt_probe_check_cuda(
                probe, spt_spectra_sum(&spectra, n, s == 0, p->energy_d + first * probe->energy_size, stream),
                "energies", err);
    }
    return status;
}

spt_status spt_cuda_probe_start(spt_cuda_probe *p, cudaStream_t stream, spt_error *err) {
    spt_range range(p->probe->name);
    const size_t n_runs = p->networks.n_runs;
    spt_status status = SPT_OK;
    for (int i = 0; i < 2 && status == SPT_OK; i++)
        if (p->planned[i])
            status = spt_probe_check_cufft(p->probe, cufftSetStream(p->plan[i], stream), "stream", err);
    for (size_t first = 0; first < n_runs && status == SPT_OK; first += p->cuts.runs) {
        const size_t n = n_runs - first < p->cuts.runs ? n_runs - first : p->cuts.runs;
        status = p->probe->transform == SPT_TRANSFORM_SEGMENTS ? spt_probe_segments_energy(p, first, n, stream, err)
                                                               : chunk_energy(p, first, n, stream, err);
    }
    if (status != SPT_OK)
        return status;
    const size_t bytes = n_runs * p->probe->energy_size * sizeof(double);
    return spt_probe_check_cuda(
        p->probe, cudaMemcpyAsync(p->energy, p->energy_d, bytes, cudaMemcpyDeviceToHost, stream), "energies", err);
}

void spt_cuda_probe_read(const spt_cuda_probe *p, double *energy) {
    const spt_probe *probe = p->probe;
    const double factor = probe->scale / ((double)probe->series * (double)probe->outputs);
    for (size_t i = 0; i < p->networks.n_runs * probe->energy_size; i++)
        energy[i] = factor * p->energy[i];
}
