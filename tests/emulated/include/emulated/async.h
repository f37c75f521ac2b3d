// Stand-ins for the asynchronous copies of kernels/ptx.cuh: nothing lands before it is waited for.
#ifndef SPT_EMULATED_ASYNC_H
#define SPT_EMULATED_ASYNC_H

#include "threads.h"

namespace spt_emulated {
void copy_issue(void *shared, const void *global, unsigned bytes, unsigned source_bytes);
void copy_commit();
void copy_wait(unsigned groups);
void mbarrier_init(uint64_t *barrier, unsigned arrivals);
void mbarrier_arrive(uint64_t *barrier, unsigned bytes);
void mbarrier_wait(uint64_t *barrier, unsigned parity, const char *file, int line);
void copy_bulk(void *shared, const void *global, unsigned bytes, uint64_t *barrier);
} // namespace spt_emulated

#endif
