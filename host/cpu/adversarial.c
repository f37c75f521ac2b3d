#include "cpu/adversarial.h"

#include <math.h>
#include <string.h>

enum { ROWS = 16 }; /* of a batch */

/* What a batch goes through, in spt_reals. */
static size_t hidden_reals(const spt_run *run) {
    return run->model->hidden_layers * spt_pass_stride(ROWS, run->model->width);
}

static size_t delta_reals(const spt_run *run) {
    return run->model->hidden_layers > 0 ? spt_pass_stride(ROWS, run->model->width) : 0;
}

static size_t output_reals(const spt_run *run) {
    return spt_pass_stride(ROWS, run->model->outputs);
}

void spt_adversarial_add_needs(const spt_probe *probe, const spt_run *run, size_t lines, spt_probe_needs *needs) {
    if (probe->towards != SPT_DIRECTION_ADVERSARIAL)
        return;
    needs->gradient = hidden_reals(run) + 2 * delta_reals(run) + output_reals(run) + ROWS * run->model->inputs;
    needs->directions = lines * run->model->inputs;
}

/* The gradient scaled to length 1, or the direction that is given. */
static void set_direction(const spt_real *gradient, const float *given, size_t inputs, float *direction) {
    double square = 0.0;
    for (size_t j = 0; j < inputs; j++)
        square += (double)gradient[j] * (double)gradient[j];
    if (!(square > 0.0 && isfinite(square))) {
        memcpy(direction, given, inputs * sizeof *direction);
        return;
    }
    const double length = sqrt(square);
    for (size_t j = 0; j < inputs; j++)
        direction[j] = (float)((double)gradient[j] / length);
}

void spt_adversarial_directions(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t count,
                                spt_eval_space *space) {
    const spt_run *r = &group->run[run];
    const size_t inputs = probe->inputs, outputs = probe->outputs;
    spt_network network;
    spt_network_init(&network, r->model);
    spt_pass pass = {.hidden = space->gradient,
                     .slots = r->model->hidden_layers > 0 ? r->model->hidden_layers : 1,
                     .slot_stride = spt_pass_stride(ROWS, r->model->width)};
    pass.delta[0] = pass.hidden + hidden_reals(r);
    pass.delta[1] = pass.delta[0] + delta_reals(r);
    pass.output = pass.delta[1] + delta_reals(r);
    spt_real *gradient = pass.output + output_reals(r);
    const spt_real *parameters = spt_probe_parameters(group, run, space);
    for (size_t begin = 0; begin < count; begin += ROWS) {
        const size_t rows = count - begin < ROWS ? count - begin : ROWS, line = first + begin;
        spt_network_forward(NULL, &network, parameters, probe->origin + line * inputs, rows, &pass);
        for (size_t i = 0; i < rows; i++)
            spt_loss_at_prediction(group->loss, outputs, pass.output + i * outputs);
        spt_network_input_gradient(&network, parameters, rows, &pass, gradient);
        for (size_t i = 0; i < rows; i++)
            set_direction(gradient + i * inputs, probe->direction + (line + i) * inputs, inputs,
                          space->direction + (begin + i) * inputs);
    }
}

spt_probe spt_probe_lines(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t count,
                          spt_eval_space *space) {
    spt_probe lines = *probe;
    lines.series = count;
    lines.origin = probe->origin + first * probe->inputs;
    lines.direction = probe->direction + first * probe->inputs;
    if (probe->towards == SPT_DIRECTION_ADVERSARIAL) {
        spt_adversarial_directions(probe, group, run, first, count, space);
        lines.direction = space->direction;
    }
    return lines;
}
