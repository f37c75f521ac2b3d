// The forward pass at a probe's points: which points, and that the path taken changes no bit.
#include "probe_case.h"
#include "probe_forward.cuh"

/** Lines of a probe on the device. */
struct device_lines {
    on_device<float> origin, direction;
    spt_rows rows = {};
    explicit device_lines(const probe_case &p) : origin(p.origin), direction(p.direction) {
        rows.origin = origin.data;
        rows.direction = direction.data;
        rows.t0 = p.probe.t0;
        rows.dt = p.probe.dt;
        rows.inputs = (uint32_t)p.probe.inputs;
        rows.samples = (uint32_t)p.probe.samples;
        rows.count = (uint32_t)(p.probe.series * p.probe.samples);
    }
};

/** Outputs (outputs, rows) of one network, by a path that must have room for it; layer by layer, with the least space.
 */
static std::vector<float> outputs_by(spt_forward_path path, const network_table &table, const spt_rows &rows) {
    const spt_device_network &network = table.host[0];
    on_device<float> out((size_t)network.outputs * rows.count), space(128 * (size_t)network.width + 1);
    on_device<spt_forward_run> run(std::vector<spt_forward_run>{{0, 0}});
    const spt_forward_output output = {out.data, out.count, rows.count};
    if (path == SPT_FORWARD_LAYERS)
        assert_done(
            spt_forward_layers(table.device->data, &network, {0, 0}, &rows, &output, space.data, space.count, nullptr));
    else
        assert_done(spt_forward_fused(path, table.device->data, run.data, 1, network.width, &rows, &output, nullptr));
    return out.read();
}

static const spt_forward_path PATHS[] = {SPT_FORWARD_NARROW, SPT_FORWARD_MEDIUM, SPT_FORWARD_WIDE, SPT_FORWARD_WIDEST,
                                         SPT_FORWARD_LAYERS};

// A network whose one layer is the identity gives its points back: x * 1 + 0 * ... is exact.
static void points_made_on_the_fly_have_the_bits_of_the_hosts(void **) {
    const size_t inputs = 19, series = 5, samples = 34, first = 30; // starts within a line, as a chunk may
    probe_case p(inputs, inputs, series, samples, SPT_GEOMETRY_LINES, 1);
    p.probe.t0 = -0.1; // neither t0 nor dt has few bits, so that t is rounded
    p.probe.dt = 0.2 / 34.0;
    network_state identity = network_of(inputs, 1, 0, inputs, 0);
    for (size_t i = 0; i < inputs; i++) {
        identity.bias(0)[i] = 0.0f;
        for (size_t j = 0; j < inputs; j++)
            identity.weight(0)[i * inputs + j] = i == j;
    }
    const size_t count = series * samples - first;
    std::vector<float> expected(count * inputs);
    spt_probe_rows(&p.probe, first, count, expected.data());
    network_table table({&identity});
    device_lines lines(p);
    lines.rows.first = first;
    lines.rows.count = (uint32_t)count;
    for (spt_forward_path path : PATHS) {
        const std::vector<float> x = outputs_by(path, table, lines.rows);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < inputs; j++)
                assert_true(x[j * count + i] == expected[i * inputs + j]);
    }
}

// Up to 160 rows: layer by layer, up to three parts of 64.
static void every_path_gives_the_same_bits(void **) {
    draws draw = {21};
    for (int c = 0; c < 6; c++) {
        const size_t inputs = draw.between(1, 100), outputs = draw.between(1, 70), width = draw.between(1, 32);
        probe_case p(inputs, outputs, draw.between(1, 4), 2 * draw.between(8, 20), SPT_GEOMETRY_LINES, (uint32_t)c);
        const network_state state = network_of(inputs, width, draw.between(0, 4), outputs, (uint32_t)c);
        network_table table({&state});
        device_lines lines(p);
        const std::vector<float> first = outputs_by(PATHS[0], table, lines.rows);
        for (spt_forward_path path : PATHS) {
            const std::vector<float> out = outputs_by(path, table, lines.rows);
            assert_memory_equal(out.data(), first.data(), first.size() * sizeof(float));
        }
    }
}

static void a_path_is_chosen_that_fits_the_shared_memory(void **) {
    const size_t hopper = 227 * 1024, ampere = 163 * 1024;
    assert_int_equal(spt_forward_choose(0, hopper), SPT_FORWARD_NARROW);
    assert_int_equal(spt_forward_choose(32, hopper), SPT_FORWARD_NARROW);
    assert_int_equal(spt_forward_choose(33, hopper), SPT_FORWARD_MEDIUM);
    assert_int_equal(spt_forward_choose(192, ampere), SPT_FORWARD_MEDIUM);
    assert_int_equal(spt_forward_choose(352, hopper), SPT_FORWARD_WIDE);
    assert_int_equal(spt_forward_choose(353, hopper), SPT_FORWARD_WIDEST);
    assert_int_equal(spt_forward_choose(224, ampere), SPT_FORWARD_WIDE);
    assert_int_equal(spt_forward_choose(225, ampere), SPT_FORWARD_WIDEST);
    assert_int_equal(spt_forward_choose(688, hopper), SPT_FORWARD_WIDEST);
    assert_int_equal(spt_forward_choose(689, hopper), SPT_FORWARD_LAYERS);
    assert_int_equal(spt_forward_choose(464, ampere), SPT_FORWARD_WIDEST);
    assert_int_equal(spt_forward_choose(465, ampere), SPT_FORWARD_LAYERS);
    assert_int_equal(spt_forward_choose(1 << 24, hopper), SPT_FORWARD_LAYERS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_made_on_the_fly_have_the_bits_of_the_hosts),
        cmocka_unit_test(every_path_gives_the_same_bits),
        cmocka_unit_test(a_path_is_chosen_that_fits_the_shared_memory),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
