// The tables of a group's phases: problems, and the tiles that they are cut into. Made once, on the host.
#ifndef SPT_KERNELS_PLAN_CUH
#define SPT_KERNELS_PLAN_CUH

#include <stdbool.h>
#include <stddef.h>

#include "dense.cuh"

// Room for the sums of slices. Places are the caller's; the sizes are what the largest phase needs.
typedef struct spt_plan_slices {
    float *partial_d;
    uint32_t *arrived_d; // zero between launches
    size_t partial_floats, n_arrived;
    bool uses_cublas;
} spt_plan_slices;

// A plan is made twice: first without memory on the device, to learn the sizes; then with the places that these got.
typedef struct spt_plan {
    const spt_dense_choice *choice;
    // Places, the caller's. Anything, the first time.
    spt_dense_problem *problem_d;
    spt_tile *tile_d;
    float *gradient_d;
    spt_plan_slices slices[SPT_DENSE_USES];
    spt_dense_use use; // of the phases that come next
    // Tables, grown as needed: enough the second time, so that phases can point into them.
    spt_dense_problem *problem;
    spt_tile *tile;
    size_t n_problems, n_tiles, problem_capacity, tile_capacity;
    bool out_of_memory;
    size_t gradient_floats; // of the largest weight that cuBLAS computes
} spt_plan;

/** Empty the tables and forget the needs; the capacity stays. Training comes first. */
void spt_plan_restart(spt_plan *plan);
void spt_plan_free(spt_plan *plan);

/** Add a problem of the phase that comes next: its shape and its slices are chosen here. rows: of a full batch. */
void spt_plan_add(spt_plan *plan, spt_phase_kind kind, size_t rows, spt_dense_problem problem);

/** Close the phase of the problems from `first` on: order them, cut them into tiles, give slices their places. */
void spt_plan_close(spt_plan *plan, size_t first, size_t rows, spt_dense_phase *phase);

#endif
