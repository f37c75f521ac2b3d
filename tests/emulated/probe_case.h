// Probes made by hand, with shapes that no data set is needed for.
#ifndef SPT_TESTS_EMULATED_PROBE_CASE_H
#define SPT_TESTS_EMULATED_PROBE_CASE_H

#include <string.h>

#include "network_case.h"
#include "probe.cuh"

/** Lines through random points, or the same points stored. */
struct probe_case {
    std::vector<float> origin, direction, points;
    spt_probe probe = {};

    probe_case(size_t inputs, size_t outputs, size_t series, size_t samples, spt_geometry geometry, uint32_t seed)
        : origin(series * inputs), direction(series * inputs) {
        strcpy(probe.name, "line_test");
        probe.inputs = inputs;
        probe.outputs = outputs;
        probe.series = series;
        probe.samples = samples;
        probe.geometry = SPT_GEOMETRY_LINES;
        probe.t0 = -1.5;
        probe.dt = 3.0 / (double)samples;
        probe.origin = origin.data();
        probe.direction = direction.data();
        probe.transform = SPT_TRANSFORM_DFT;
        probe.scale = 0.25;
        probe.energy_size = samples / 2 + 1;
        for (size_t i = 0; i < origin.size(); i++) {
            double z[2];
            spt_random_normal(seed, SPT_STREAM_PROBE_DIRECTION, 7, 2 * i, 2, z);
            origin[i] = (float)z[0];
            direction[i] = (float)(z[1] / sqrt((double)inputs));
        }
        if (geometry == SPT_GEOMETRY_POINTS) {
            points.resize(series * samples * inputs);
            spt_probe_rows(&probe, 0, series * samples, points.data());
            probe.geometry = geometry;
            probe.points = points.data();
            probe.origin = probe.direction = NULL;
        }
    }
    probe_case(probe_case &&) = default; // arrays stay where they are
    probe_case(const probe_case &) = delete;
};

/** A probe on the device, with the space that it asks for. */
struct device_probe {
    network_table table;
    spt_probe_networks networks;
    std::unique_ptr<on_device<char>> space;
    spt_cuda_probe *made = NULL;
    spt_error err = {};

    device_probe(const spt_probe &probe, const std::vector<const network_state *> &states, spt_loss loss = SPT_LOSS_MSE)
        : table(states), networks({table.device->data, table.host.data(), states.size(), loss}) {
        spt_probe_bytes bytes;
        assert_ok(spt_cuda_probe_measure(&probe, &networks, &bytes, &err), err);
        space.reset(new on_device<char>(bytes.space));
        assert_ok(spt_cuda_probe_create(&probe, &networks, space->data, &made, &err), err);
    }
    device_probe(const device_probe &) = delete;
    ~device_probe() { spt_cuda_probe_destroy(made); }
};

/** Energies of networks on the device. out: (states, energy_size). */
inline void device_energy(const spt_probe &probe, const std::vector<const network_state *> &states, double *out,
                          spt_loss loss = SPT_LOSS_MSE) {
    device_probe p(probe, states, loss);
    assert_ok(spt_cuda_probe_start(p.made, nullptr, &p.err), p.err);
    assert_done(cudaDeviceSynchronize());
    spt_cuda_probe_read(p.made, out);
}

inline std::vector<double> device_energy(const spt_probe &probe, const std::vector<network_state> &states,
                                         spt_loss loss = SPT_LOSS_MSE) {
    std::vector<double> out(states.size() * probe.energy_size);
    device_energy(probe, pointers(states), out.data(), loss);
    return out;
}

inline std::vector<double> cpu_energy(const spt_probe &probe, const std::vector<network_state> &states,
                                      spt_loss loss = SPT_LOSS_MSE) {
    cpu_networks cpu(states, &probe, loss);
    std::vector<double> out(states.size() * probe.energy_size);
    assert_ok(spt_backend_cpu.probe(cpu.group, 0, out.data(), &cpu.err), cpu.err);
    return out;
}

/** The largest difference of energies of a run, over the run's total energy on the CPU; the worst of all runs. */
inline double worst_difference(const std::vector<double> &energy, const std::vector<double> &expected, size_t size) {
    double worst = 0.0;
    for (size_t r = 0; r * size < energy.size(); r++) {
        double total = 0.0, largest = 0.0;
        for (size_t k = 0; k < size; k++) {
            const double difference = fabs(energy[r * size + k] - expected[r * size + k]);
            total += expected[r * size + k];
            largest = difference > largest || isnan(difference) ? difference : largest;
        }
        worst = largest / total > worst || isnan(largest) ? largest / total : worst;
    }
    return worst;
}

#endif
