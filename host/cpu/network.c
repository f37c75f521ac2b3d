#include "cpu/network.h"

#include <math.h>

void spt_network_init(spt_network *network, const spt_model_spec *model) {
    network->n_layers = model->hidden_layers + 1;
    network->outputs = model->outputs;
    network->width = model->hidden_layers > 0 ? model->width : 0;
    for (size_t l = 0; l < network->n_layers; l++)
        network->layer[l] = spt_model_layer(model, l);
}

size_t spt_network_loss_parts(size_t rows) {
    return (rows + SPT_LOSS_ROWS - 1) / SPT_LOSS_ROWS;
}

static spt_real *hidden(const spt_pass *pass, size_t l) {
    return pass->hidden + l % pass->slots * pass->slot_stride;
}

static void meet(spt_member *member) {
    if (member != NULL)
        spt_team_barrier(member);
}

void spt_network_forward(spt_member *member, const spt_network *network, const spt_real *parameters, const spt_real *x,
                         size_t rows, const spt_pass *pass) {
    size_t last = network->n_layers - 1;
    for (size_t l = 0; l <= last; l++) {
        spt_real *y = l == last ? pass->output : hidden(pass, l);
        spt_dense_forward(member, &network->layer[l], parameters, x, rows, l < last, y);
        meet(member);
        x = y;
    }
}

/* The parts are summed by every member, in the same order. */
static double mean_loss(spt_member *member, const spt_network *network, spt_loss loss, const spt_batch *batch,
                        const spt_pass *pass) {
    size_t parts = spt_network_loss_parts(batch->rows), outputs = network->outputs;
    for (size_t p = 0; p < parts; p++) {
        if (!spt_team_owns(member, p))
            continue;
        size_t first = p * SPT_LOSS_ROWS;
        size_t rows = batch->rows - first < SPT_LOSS_ROWS ? batch->rows - first : SPT_LOSS_ROWS;
        pass->loss_part[p] = spt_loss_rows(loss, outputs, spt_targets_from(batch->targets, outputs, first), rows,
                                           batch->rows, pass->output + first * outputs);
    }
    spt_team_barrier(member);
    double sum = 0.0;
    for (size_t p = 0; p < parts; p++)
        sum += pass->loss_part[p];
    return sum * spt_loss_mean_factor(loss, outputs, batch->rows);
}

double spt_network_gradient(spt_member *member, const spt_network *network, spt_loss loss, const spt_real *parameters,
                            const spt_batch *batch, const spt_pass *pass, spt_real *gradient) {
    spt_network_forward(member, network, parameters, batch->x, batch->rows, pass);
    double mean = mean_loss(member, network, loss, batch, pass);
    if (!isfinite(mean)) {
        spt_team_barrier(member); /* nobody may go on to the next loss while another still sums this one */
        return mean;
    }
    const spt_real *dy = pass->output;
    for (size_t l = network->n_layers; l-- > 0;) {
        const spt_real *x = l == 0 ? batch->x : hidden(pass, l - 1);
        spt_real *dx = l == 0 ? NULL : pass->delta[l % 2];
        spt_dense_backward(member, &network->layer[l], parameters, x, batch->rows, dy, gradient, dx);
        spt_team_barrier(member);
        dy = dx;
    }
    return mean;
}

void spt_network_input_gradient(const spt_network *network, const spt_real *parameters, size_t rows,
                                const spt_pass *pass, spt_real *dx) {
    const spt_real *dy = pass->output;
    for (size_t l = network->n_layers; l-- > 0;) {
        spt_real *below = l == 0 ? dx : pass->delta[l % 2];
        spt_dense_input_gradient(&network->layer[l], parameters, l == 0 ? NULL : hidden(pass, l - 1), rows, dy, below);
        dy = below;
    }
}
