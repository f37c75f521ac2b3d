// Wrong kernels. Each differs from a right one by the fault in its name.
#include "faults.cuh"

#include <cooperative_groups.h>
#include <string.h>

#include "ptx.cuh"
#include "shared.cuh"

namespace cg = cooperative_groups;

typedef void fault_kernel(float *in, float *out);

static __global__ void no_fault(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    row[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = row[(threadIdx.x + 1) % FAULT_BLOCK];
}

static __global__ void missing_barrier(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    row[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = row[(threadIdx.x + 1) % FAULT_BLOCK];
}

static __global__ void missing_second_barrier(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    float sum = 0.0f;
    for (int i = 0; i < 2; i++) {
        row[threadIdx.x] = in[threadIdx.x] + (float)i;
        __syncthreads();
        sum += row[(threadIdx.x + 1) % FAULT_BLOCK]; // the next round may write before this is read
    }
    out[threadIdx.x] = sum;
}

static __global__ void missing_syncwarp(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    row[threadIdx.x] = in[threadIdx.x];
    float own = __shfl_sync(0xffffffffu, in[threadIdx.x], 0); // meets, but orders no memory
    out[threadIdx.x] = row[threadIdx.x ^ 1] + own;
}

static __global__ void race_in_global_memory(float *in, float *out) {
    out[threadIdx.x / 2] = in[threadIdx.x];
}

static __global__ void race_between_blocks(float *in, float *out) { // launched as two blocks
    out[threadIdx.x] = in[threadIdx.x] + (float)blockIdx.x;
}

// Launched as two blocks: that both have barriers, and meet in warps, does not order one with the other.
static __global__ void race_between_blocks_with_barriers(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    row[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    __syncwarp();
    out[threadIdx.x] = row[threadIdx.x] + (float)blockIdx.x;
    __syncwarp();
    __syncthreads();
}

/** Launched as two blocks, which write a half each: the one that comes last reads both. in begins with -15. */
static __device__ void read_by_the_last(float *in, float *out, bool barrier, bool fence_before, bool fence_after) {
    SPT_SHARED(uint32_t, is_last, );
    if (threadIdx.x < FAULT_BLOCK / 2)
        out[FAULT_BLOCK / 2 * blockIdx.x + threadIdx.x] = in[threadIdx.x + 1];
    if (barrier)
        __syncthreads();
    if (threadIdx.x == 0) {
        if (fence_before)
            __threadfence();
        is_last = atomicAdd((unsigned *)in, 1u) != 0xc1700000u;
        if (fence_after)
            __threadfence();
    }
    __syncthreads();
    if (is_last)
        out[threadIdx.x] += 1.0f;
}
static __global__ void no_fault_between_blocks(float *in, float *out) {
    read_by_the_last(in, out, true, true, true);
}
static __global__ void missing_barrier_before_count(float *in, float *out) {
    read_by_the_last(in, out, false, true, true);
}
static __global__ void missing_fence_before_count(float *in, float *out) {
    read_by_the_last(in, out, true, false, true);
}
static __global__ void missing_fence_after_count(float *in, float *out) {
    read_by_the_last(in, out, true, true, false);
}

static __global__ void divergent_barrier(float *in, float *out) {
    if (threadIdx.x < 32) {
        out[threadIdx.x] = in[threadIdx.x];
        __syncthreads();
    } else {
        out[threadIdx.x] = 0.0f;
        __syncthreads();
    }
}

static __global__ void barrier_after_return(float *in, float *out) {
    if (threadIdx.x == 40)
        return;
    out[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
}

static __global__ void barrier_in_one_warp(float *in, float *out) {
    if (threadIdx.x < 32)
        __syncthreads();
    out[threadIdx.x] = in[threadIdx.x];
    __syncwarp();
}

static __global__ void shuffle_in_half_a_warp(float *in, float *out) {
    if (threadIdx.x % 32 < 16)
        out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, in[threadIdx.x], 1);
}

static __global__ void shuffle_without_itself(float *in, float *out) {
    out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, in[threadIdx.x], 1);
}

static __global__ void shuffle_from_outside_its_mask(float *in, float *out) {
    if (threadIdx.x % 32 < 16)
        out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, in[threadIdx.x], 16);
}

static __global__ void static_shared_past_end(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    float *at = row;
    at[threadIdx.x + 1] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = row[threadIdx.x];
}

static __global__ void shared_row_past_end(float *in, float *out) { // inside the array, past its row
    SPT_SHARED(float, tile, [2][FAULT_BLOCK]);
    tile[0][threadIdx.x + 1] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = tile[0][threadIdx.x];
}

static __global__ void dynamic_shared_past_end(float *in, float *out) {
    SPT_DYNAMIC_SHARED(float, row);
    row[threadIdx.x + 1] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = row[threadIdx.x];
}

static __global__ void global_read_past_end(float *in, float *out) {
    out[threadIdx.x] = in[threadIdx.x + 1];
}

static __global__ void global_write_before_start(float *in, float *out) {
    *(out + threadIdx.x - 1) = in[threadIdx.x];
}

static __global__ void global_read_far_past_end(float *in, float *out) {
    out[threadIdx.x] = in[threadIdx.x + 100];
}

static __global__ void shared_never_written(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    if (threadIdx.x != 5)
        row[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = fmaxf(row[(threadIdx.x + 1) % FAULT_BLOCK], 0.0f); // a maximum hides a NaN
}

static __global__ void shared_of_the_block_before(float *in, float *out) { // launched as two blocks
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    if (blockIdx.x == 0)
        row[threadIdx.x] = in[threadIdx.x];
    else
        out[threadIdx.x] = row[threadIdx.x];
}

static __global__ void global_never_written(float *in, float *out) {
    if (threadIdx.x != 7)
        out[threadIdx.x] = in[threadIdx.x];
}

static __global__ void missing_copy_wait(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    spt_copy_async<4>(&row[threadIdx.x], &in[threadIdx.x]);
    spt_copy_async_commit();
    __syncthreads();
    out[threadIdx.x] = row[threadIdx.x];
}

static __global__ void missing_copy_commit(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    spt_copy_async<4>(&row[threadIdx.x], &in[threadIdx.x]);
    spt_copy_async_wait<0>();
    __syncthreads();
    out[threadIdx.x] = row[threadIdx.x];
}

static __global__ void copy_wait_for_the_group_before(float *in, float *out) {
    SPT_SHARED(float4, rows, [2][FAULT_BLOCK / 4]);
    if (threadIdx.x < FAULT_BLOCK / 4)
        for (int i = 0; i < 2; i++) {
            spt_copy_async<16>(&rows[i][threadIdx.x], &in[4 * threadIdx.x]);
            spt_copy_async_commit();
        }
    spt_copy_async_wait<1>();
    __syncthreads();
    out[threadIdx.x] = ((const float *)rows[1])[threadIdx.x];
}

static __global__ void missing_barrier_after_copy(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    spt_copy_async<4>(&row[threadIdx.x], &in[threadIdx.x]);
    spt_copy_async_commit();
    spt_copy_async_wait<0>();
    out[threadIdx.x] = row[(threadIdx.x + 1) % FAULT_BLOCK];
}

static __global__ void misaligned_copy(float *in, float *out) {
    SPT_SHARED(float4, rows, [FAULT_BLOCK / 4]);
    if (threadIdx.x < FAULT_BLOCK / 4 - 1)
        spt_copy_async<16>(&rows[threadIdx.x], &in[4 * threadIdx.x + 1]);
    spt_copy_async_commit();
    spt_copy_async_wait<0>();
    out[threadIdx.x] = rows[0].x;
}

static __global__ void copy_past_end(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    spt_copy_async<4>(&row[threadIdx.x], &in[threadIdx.x + 1]);
    spt_copy_async_commit();
    spt_copy_async_wait<0>();
    out[threadIdx.x] = row[threadIdx.x];
}

static __global__ void copy_source_overwritten(float *in, float *out) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    spt_copy_async<4>(&row[threadIdx.x], &in[threadIdx.x]);
    spt_copy_async_commit();
    in[threadIdx.x] = -1.0f;
    spt_copy_async_wait<0>();
    out[threadIdx.x] = row[threadIdx.x];
}

static __global__ void misaligned_load(float *in, float *out) {
    if (threadIdx.x < 8)
        out[threadIdx.x] = ((const float4 *)(in + 1))[threadIdx.x].y;
}

static __device__ void bulk(float *in, float *out, unsigned expected, bool waits) {
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    SPT_SHARED(uint64_t, full, );
    if (threadIdx.x == 0)
        spt_mbarrier_init(&full, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
        spt_mbarrier_expect(&full, expected);
        spt_copy_bulk(row, in, sizeof(float) * FAULT_BLOCK, &full);
    }
    if (waits || threadIdx.x == 0)
        spt_mbarrier_wait(&full, 0);
    out[threadIdx.x] = row[threadIdx.x];
}
static __global__ void bulk_bytes_not_expected(float *in, float *out) {
    bulk(in, out, sizeof(float) * FAULT_BLOCK + 16, true);
}
static __global__ void missing_bulk_wait(float *in, float *out) {
    bulk(in, out, sizeof(float) * FAULT_BLOCK, false);
}

static __global__ void too_much_static_shared(float *in, float *out) {
#ifdef SPT_EMULATED // nvcc itself refuses it
    SPT_SHARED(float, slab, [12 * 1024 + 1]);
    slab[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = slab[threadIdx.x];
#endif
}

static __global__ void shared_of_a_finished_block(float *in, float *out) { // launched as one cluster of two blocks
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    SPT_SHARED(float, row, [FAULT_BLOCK]);
    cg::cluster_group cluster = cg::this_cluster();
    row[threadIdx.x] = in[threadIdx.x];
    cluster.sync();
    if (cluster.block_rank() == 0) {
        for (int i = 0; i < 4; i++)
            __syncthreads(); // the other block need not be there any more
        out[threadIdx.x] = *cluster.map_shared_rank(&row[threadIdx.x], 1);
    }
#endif
}

static __global__ void grid_barrier_without_cooperation(float *in, float *out) {
    out[threadIdx.x] = in[threadIdx.x];
    cg::this_grid().sync();
}

static const struct {
    const char *name;
    fault_kernel *kernel;
    unsigned blocks, cluster;
} faults[] = {
#define FAULT(name)                                                                                                    \
    { #name, name, 1, 1 }
    FAULT(no_fault),
    FAULT(missing_barrier),
    FAULT(missing_second_barrier),
    FAULT(missing_syncwarp),
    FAULT(race_in_global_memory),
    {"race_between_blocks", race_between_blocks, 2, 1},
    {"race_between_blocks_with_barriers", race_between_blocks_with_barriers, 2, 1},
    {"no_fault_between_blocks", no_fault_between_blocks, 2, 1},
    {"missing_barrier_before_count", missing_barrier_before_count, 2, 1},
    {"missing_fence_before_count", missing_fence_before_count, 2, 1},
    {"missing_fence_after_count", missing_fence_after_count, 2, 1},
    FAULT(divergent_barrier),
    FAULT(barrier_after_return),
    FAULT(barrier_in_one_warp),
    FAULT(shuffle_in_half_a_warp),
    FAULT(shuffle_without_itself),
    FAULT(shuffle_from_outside_its_mask),
    FAULT(static_shared_past_end),
    FAULT(shared_row_past_end),
    FAULT(dynamic_shared_past_end),
    FAULT(global_read_past_end),
    FAULT(global_write_before_start),
    FAULT(global_read_far_past_end),
    FAULT(shared_never_written),
    {"shared_of_the_block_before", shared_of_the_block_before, 2, 1},
    FAULT(global_never_written),
    FAULT(missing_copy_wait),
    FAULT(missing_copy_commit),
    FAULT(copy_wait_for_the_group_before),
    FAULT(missing_barrier_after_copy),
    FAULT(misaligned_copy),
    FAULT(copy_past_end),
    FAULT(copy_source_overwritten),
    FAULT(misaligned_load),
    FAULT(bulk_bytes_not_expected),
    FAULT(missing_bulk_wait),
    FAULT(too_much_static_shared),
    {"shared_of_a_finished_block", shared_of_a_finished_block, 2, 2},
    FAULT(grid_barrier_without_cooperation),
};

cudaError_t fault_launch(const char *name, float *in, float *out) {
    for (const auto &f : faults) {
        if (strcmp(f.name, name) != 0)
            continue;
        cudaLaunchAttribute attribute = {};
        attribute.id = cudaLaunchAttributeClusterDimension;
        attribute.val.clusterDim.x = f.cluster;
        attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
        cudaLaunchConfig_t config = {};
        config.gridDim = dim3(f.blocks);
        config.blockDim = dim3(FAULT_BLOCK);
        config.dynamicSmemBytes = FAULT_BLOCK * sizeof(float);
        config.attrs = &attribute;
        config.numAttrs = 1;
        return cudaLaunchKernelEx(&config, f.kernel, in, out);
    }
    return cudaErrorInvalidValue;
}
