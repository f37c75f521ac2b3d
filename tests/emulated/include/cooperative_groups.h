// Stand-in for cooperative groups: a block, its cluster, the grid.
#ifndef SPT_EMULATED_COOPERATIVE_GROUPS_H
#define SPT_EMULATED_COOPERATIVE_GROUPS_H

#include "cuda_runtime.h"

namespace spt_emulated {
struct ranks {
    unsigned thread, threads, block, blocks;
};
ranks ranks_in(scope who);
/** Where the block of that rank in the cluster has what is at address in this block's shared memory. */
void *shared_of_rank(const void *address, unsigned rank);
} // namespace spt_emulated

namespace cooperative_groups {

template <spt_emulated::scope WHO>
struct group {
    void sync(SPT_HERE) const { spt_emulated::barrier(WHO, file, line); }
    unsigned thread_rank() const { return spt_emulated::ranks_in(WHO).thread; }
    unsigned num_threads() const { return spt_emulated::ranks_in(WHO).threads; }
    unsigned size() const { return num_threads(); }
};
struct thread_block : group<spt_emulated::BLOCK> {
    uint3 group_index() const { return blockIdx; }
    uint3 thread_index() const { return threadIdx; }
};
struct cluster_group : group<spt_emulated::CLUSTER> {
    unsigned block_rank() const { return spt_emulated::ranks_in(spt_emulated::CLUSTER).block; }
    unsigned num_blocks() const { return spt_emulated::ranks_in(spt_emulated::CLUSTER).blocks; }
    template <typename T>
    T *map_shared_rank(T *address, unsigned rank) const {
        return (T *)spt_emulated::shared_of_rank((const void *)address, rank);
    }
};
struct grid_group : group<spt_emulated::GRID> {};

inline thread_block this_thread_block() {
    return {};
}
inline cluster_group this_cluster() {
    return {};
}
inline grid_group this_grid() {
    return {};
}

} // namespace cooperative_groups
#endif
