// Probes whose energies are folded out of a plane or a basis, or whose series have their ends taken off.
#ifndef SPT_TESTS_EMULATED_TRANSFORM_CASE_H
#define SPT_TESTS_EMULATED_TRANSFORM_CASE_H

#include "probe_case.h"

struct transform_case : probe_case {
    std::vector<size_t> first;
    std::vector<uint32_t> index;
    std::vector<double> weight;
    std::vector<float> basis;

    using probe_case::probe_case;
    transform_case(transform_case &&) = default;

    size_t rows() const { return probe.series * probe.samples; }

    void take_ends_off() {
        probe.detrend = SPT_DETREND_ENDS;
        probe.energy_size = (probe.samples - 1) / 2 + 1;
    }

    /** The exact spectrum along each line, up to a frequency. */
    void make_exact(size_t energies) {
        probe.transform = SPT_TRANSFORM_SEGMENTS;
        probe.energy_size = energies;
    }

    /** Energies of 0 to 40 coefficients each, which may be the same ones, of weights up to 2. */
    void fold(draws &draw, size_t energies) {
        first.assign(1, 0);
        for (size_t e = 0; e < energies; e++) {
            const size_t terms = draw.between(0, 40);
            for (size_t i = 0; i < terms; i++) {
                index.push_back((uint32_t)draw.between(0, probe.coefficients - 1));
                weight.push_back((double)draw.between(1, 64) / 32.0);
            }
            first.push_back(index.size());
        }
        set_fold(energies);
    }

    void set_fold(size_t energies) {
        probe.energy_size = energies;
        probe.fold = {first.data(), index.data(), weight.data(), index.size()};
    }

    void fold_each_alone() {
        first.assign(1, 0), index.clear(), weight.clear();
        for (size_t c = 0; c < probe.coefficients; c++) {
            index.push_back((uint32_t)c);
            weight.push_back(1.0);
            first.push_back(c + 1);
        }
        set_fold(probe.coefficients);
    }

    void set_plane() {
        probe.transform = SPT_TRANSFORM_DFT2;
        probe.coefficients = probe.series * (probe.samples / 2 + 1);
        probe.scale = 1.0 / ((double)rows() * (double)rows());
    }
    void make_plane(draws &draw, size_t energies) {
        set_plane();
        fold(draw, energies);
    }
    /** Each coefficient as often as it is in the whole plane. */
    void make_plane_of_all() {
        set_plane();
        fold_each_alone();
        const size_t bins = probe.samples / 2 + 1;
        for (size_t c = 0; c < weight.size(); c++)
            weight[c] = c % bins == 0 || 2 * (c % bins) == probe.samples ? 1.0 : 2.0;
    }

    void make_basis(draws &draw, size_t vectors, size_t energies) {
        basis.resize(vectors * rows());
        for (size_t i = 0; i < basis.size(); i++) {
            double z;
            spt_random_normal(8, SPT_STREAM_DATA, 3, i, 1, &z);
            basis[i] = (float)z;
        }
        probe.transform = SPT_TRANSFORM_BASIS;
        probe.coefficients = vectors;
        probe.basis = basis.data();
        probe.scale = 1.0 / ((double)rows() * (double)rows());
        fold(draw, energies);
    }

    /** Measure networks around each run instead of it. norm: (n_norms), which must outlive the probe. */
    void perturb(double *norm, size_t n_norms, size_t directions) {
        probe.energy_size *= n_norms;
        probe.perturb = {n_norms, directions, norm, 31};
    }

    /** Outputs (rows, outputs) of a network on the probe's points, in float64 from the library's rows. */
    std::vector<float> outputs_of(const network_state &state) const {
        std::vector<float> x(rows() * probe.inputs), out;
        spt_probe_rows(&probe, 0, rows(), x.data());
        for (size_t i = 0; i < rows(); i++) {
            std::vector<double> y(x.begin() + (long)(i * probe.inputs), x.begin() + (long)((i + 1) * probe.inputs));
            for (size_t l = 0; l < state.arena.layers; l++) {
                const spt_layer layer = spt_model_layer(&state.model, l);
                const float *w = state.floats.get() + layer.weight_offset, *b = state.floats.get() + layer.bias_offset;
                std::vector<double> z(layer.fan_out);
                for (size_t o = 0; o < layer.fan_out; o++) {
                    for (size_t j = 0; j < layer.fan_in; j++)
                        z[o] += layer.weight_scale * (double)w[o * layer.fan_in + j] * y[j];
                    z[o] += layer.bias_scale * (double)b[o];
                    if (l + 1 < state.arena.layers && z[o] < 0.0)
                        z[o] = 0.0;
                }
                y = z;
            }
            out.insert(out.end(), y.begin(), y.end());
        }
        return out;
    }

    double mean_square(const network_state &state) const {
        double sum = 0.0;
        const std::vector<float> f = outputs_of(state);
        for (float y : f)
            sum += (double)y * (double)y;
        return sum / (double)f.size();
    }

    /** What the outputs of a network could give at most to one energy: of a series all its energy, of a plane that of
     *  all coefficients with the largest weight, of a basis that of an energy's longest vectors. */
    double most(const network_state &state) const {
        const double square = probe.scale * mean_square(state) * (double)rows();
        if (probe.transform == SPT_TRANSFORM_DFT)
            return square / (double)probe.series * (double)probe.samples;
        double largest = 0.0;
        for (size_t e = 0; e < probe.energy_size; e++) {
            double sum = 0.0;
            for (size_t i = first[e]; i < first[e + 1]; i++)
                sum += weight[i] * length(index[i]);
            largest = sum > largest ? sum : largest;
        }
        return square * largest;
    }

    /** The square of the length of what a coefficient is the inner product with. */
    double length(size_t coefficient) const {
        if (probe.transform == SPT_TRANSFORM_DFT2)
            return (double)rows();
        double square = 0.0;
        for (size_t i = 0; i < rows(); i++)
            square += pow((double)basis[coefficient * rows() + i], 2.0);
        return square;
    }
};

#endif
