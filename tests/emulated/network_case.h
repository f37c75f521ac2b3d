// What the tests of kernels that run networks share: a group's table on the device, and the same runs on the CPU.
#ifndef SPT_TESTS_EMULATED_NETWORK_CASE_H
#define SPT_TESTS_EMULATED_NETWORK_CASE_H

#include <memory>

#include "network.cuh"
#include "train_case.h"

/** A run's arena on the host: SGD without momentum, so a block and the counters. */
struct network_state {
    spt_model_spec model;
    spt_optimizer optimizer = {};
    spt_arena arena;
    std::unique_ptr<float, void (*)(void *)> floats{nullptr, free};

    network_state(const spt_model_spec &of, uint32_t seed) : model(of) {
        assert_int_equal(spt_arena_layout(&model, &optimizer, &arena, NULL), SPT_OK);
        floats.reset((float *)aligned_alloc(128, arena.bytes));
        assert_non_null(floats.get());
        spt_arena_init(&model, &optimizer, seed, floats.get());
    }
    float *weight(size_t layer) { return floats.get() + spt_model_layer(&model, layer).weight_offset; }
    float *bias(size_t layer) { return floats.get() + spt_model_layer(&model, layer).bias_offset; }
};

inline network_state network_of(size_t inputs, size_t width, size_t hidden_layers, size_t outputs, uint32_t seed,
                                spt_init init = SPT_INIT_PYTORCH) {
    return network_state({inputs, width, hidden_layers, outputs, init}, seed);
}

/** The device's table of some networks, and the host's copy of it. */
struct network_table {
    std::vector<std::unique_ptr<on_device<float>>> block;
    std::vector<std::unique_ptr<on_device<spt_device_layer>>> layers_d;
    std::vector<std::vector<spt_device_layer>> layers;
    std::vector<spt_device_network> host, on_device_host;
    std::unique_ptr<on_device<spt_device_network>> device;

    explicit network_table(const std::vector<const network_state *> &states) {
        for (const network_state *state : states)
            add(*state);
        device.reset(new on_device<spt_device_network>(on_device_host));
    }

    void add(const network_state &state) {
        std::vector<spt_device_layer> of_run;
        for (size_t l = 0; l < state.arena.layers; l++) {
            const spt_layer layer = spt_model_layer(&state.model, l);
            of_run.push_back({(uint32_t)layer.fan_in, (uint32_t)layer.fan_out, layer.weight_offset, layer.bias_offset,
                              (float)layer.weight_scale, (float)layer.bias_scale, layer.weight_scale,
                              layer.bias_scale});
        }
        const float *floats = state.floats.get();
        block.emplace_back(new on_device<float>(std::vector<float>(floats, floats + state.arena.block)));
        layers_d.emplace_back(new on_device<spt_device_layer>(of_run));
        layers.push_back(of_run);
        spt_device_network network = {block.back()->data,
                                      layers_d.back()->data,
                                      (uint32_t)state.arena.layers,
                                      (uint32_t)state.model.inputs,
                                      (uint32_t)state.model.outputs,
                                      (uint32_t)(state.model.hidden_layers > 0 ? state.model.width : 0)};
        on_device_host.push_back(network);
        network.layers = layers.back().data();
        host.push_back(network);
    }
};

inline std::vector<const network_state *> pointers(const std::vector<network_state> &states) {
    std::vector<const network_state *> out;
    for (const network_state &state : states)
        out.push_back(&state);
    return out;
}

/** The same networks as a group on the CPU. One example of data, which nothing here looks at. */
struct cpu_networks {
    std::vector<float> x, target;
    int32_t label = 0;
    spt_dataset data = {};
    std::vector<spt_run_spec> runs;
    const spt_probe *probe; // the group reads it here
    spt_device *device = NULL;
    spt_group *group = NULL;
    spt_error err = {};

    cpu_networks(const std::vector<network_state> &states, const spt_probe *with, spt_loss loss = SPT_LOSS_MSE)
        : x(states[0].model.inputs), target(states[0].model.outputs), probe(with) {
        data.inputs = x.size();
        data.outputs = target.size();
        data.train.n = 1;
        data.train.x = x.data();
        if (loss == SPT_LOSS_CROSS_ENTROPY) {
            data.train.label = &label;
            data.classes = data.outputs;
        } else {
            data.train.target = target.data();
        }
        for (const network_state &state : states) {
            spt_run_spec run = {};
            run.model = state.model;
            run.train.loss = loss;
            run.train.optimizer = state.optimizer;
            run.train.epochs = 1;
            runs.push_back(run);
        }
        spt_device_options options = {};
        options.threads = 1;
        spt_group_spec spec = {&data, runs.size(), runs.data(), probe != NULL, &probe};
        assert_ok(spt_backend_cpu.open(&options, &device, &err), err);
        assert_ok(spt_backend_cpu.group_create(device, &spec, &group, &err), err);
        for (size_t r = 0; r < states.size(); r++)
            assert_ok(spt_backend_cpu.state_set(group, r, states[r].floats.get(), &err), err);
    }
    cpu_networks(const cpu_networks &) = delete;
    ~cpu_networks() {
        spt_backend_cpu.group_destroy(group);
        spt_backend_cpu.close(device);
    }
};

#endif
