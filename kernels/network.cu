// One step of all runs of a group, as a fixed sequence of launches. Twin of host/cpu/network.c.
//
//   gather    rows of the batch, for every seed                  (not with the full batch)
//   forward   layer 0, 1, ...: every run that has it
//   loss      gradient at the logits; runs whose loss is not finite drop out of what follows
//   backward  input gradients, from the last layer down
//   update    weight gradients of all layers with the optimizer
//   end       counters go on
#include "group.cuh"

cudaError_t spt_cuda_step(spt_group *group, size_t rows) {
    cudaStream_t stream = group->device->stream;
    const size_t n_runs = group->spec.n_runs, outputs = group->spec.dataset->outputs;
    const spt_dense_batch batch = {(uint32_t)rows, 0, group->run_step_d, group->optimizer_d};
    cudaError_t error = cudaSuccess;
    if (!group->full) {
        const spt_gather gather = {
            group->split_d[SPT_SPLIT_TRAIN], group->batch_d, group->permutation_d,      group->step_d,
            group->spec.dataset->train.n,    group->batch,   (uint32_t)group->x_stride, (uint32_t)outputs};
        error = spt_batch_gather(&gather, group->seeds, rows, stream);
    }
    for (size_t l = 0; l < group->n_layers && error == cudaSuccess; l++)
        error = spt_cuda_phase(group, SPT_PHASE_FORWARD, &group->forward[l], &batch, stream);
    const spt_loss_batch loss = {group->loss, (uint32_t)outputs, (uint32_t)group->output_stride, (uint32_t)rows,
                                 spt_loss_mean_factor(group->loss, outputs, rows)};
    if (error == cudaSuccess)
        error = spt_loss_gradient(group->loss_d, n_runs, &loss, group->run_step_d, stream);
    for (size_t back = 0; back + 1 < group->n_layers && error == cudaSuccess; back++)
        error = spt_cuda_phase(group, SPT_PHASE_INPUT_GRADIENT, &group->input_gradient[back], &batch, stream);
    if (error == cudaSuccess)
        error = spt_cuda_phase(group, SPT_PHASE_WEIGHT_GRADIENT, &group->weight_gradient, &batch, stream);
    if (error == cudaSuccess)
        error = spt_step_end(group->optimizer_d, n_runs, group->step_d, group->run_step_d, stream);
    return error;
}
