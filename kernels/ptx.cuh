// All PTX of this project: copies from global to shared memory that run while threads compute. Each function has its
// stand-in for the emulated device (tests/emulated), which lands nothing before it is waited for.
//
// Copies by threads (sm_80): issue, commit the group, wait until all but the newest groups have landed. The wait serves
// the thread that issued; a __syncthreads() after it, the block:
//
//   spt_copy_async<16>(&tile[row][k], &x[...]);
//   spt_copy_async_commit();
//   spt_copy_async_wait<1>();       all but the newest group
//   __syncthreads();
//
// Bulk copies (sm_90): one thread orders them, an mbarrier in shared memory counts their bytes, all may wait for it:
//
//   SPT_SHARED(uint64_t, full);
//   if (threadIdx.x == 0) spt_mbarrier_init(&full, 1);
//   __syncthreads();
//   if (threadIdx.x == 0) {
//       spt_mbarrier_expect(&full, bytes);                     the one arrival of this phase, and what it waits for
//       spt_copy_bulk(tile, x, bytes, &full);
//   }
//   spt_mbarrier_wait(&full, 0);                               phases count 0, 1, 0, 1 ...
//
// Before a buffer is filled again, all threads that read it must have passed a __syncthreads().
#ifndef SPT_KERNELS_PTX_CUH
#define SPT_KERNELS_PTX_CUH

#include <stdint.h>

#ifndef SPT_EMULATED

static __device__ __forceinline__ uint32_t spt_shared_address(const void *shared) {
    return (uint32_t)__cvta_generic_to_shared(shared);
}

/** Copy BYTES (4, 8 or 16; both addresses multiples of it): source_bytes from global memory, zeros after them. With 0
 *  nothing is read and global may be anything. */
template <int BYTES>
static __device__ __forceinline__ void spt_copy_async(void *shared, const void *global, unsigned source_bytes = BYTES) {
    static_assert(BYTES == 4 || BYTES == 8 || BYTES == 16, "cp.async copies 4, 8 or 16 bytes");
    if constexpr (BYTES == 16) // past the L1 cache
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(spt_shared_address(shared)), "l"(global),
                     "r"(source_bytes)
                     : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(spt_shared_address(shared)), "l"(global),
                     "n"(BYTES), "r"(source_bytes)
                     : "memory");
}

/** Close the group of copies that this thread issued since the last one. */
static __device__ __forceinline__ void spt_copy_async_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/** Wait until at most GROUPS of this thread's groups, the newest, are under way. */
template <int GROUPS>
static __device__ __forceinline__ void spt_copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

// A phase of an mbarrier completes when `arrivals` threads have arrived and all bytes expected have landed. Compiled
// for a device before sm_90, these trap.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define SPT_PTX_90(...) __trap()
#else
#define SPT_PTX_90(...) asm volatile(__VA_ARGS__)
#endif

/** By one thread, once in the life of a block, before the block's next barrier. */
static __device__ __forceinline__ void spt_mbarrier_init(uint64_t *barrier, unsigned arrivals) {
    SPT_PTX_90("mbarrier.init.shared::cta.b64 [%0], %1;\n\tfence.mbarrier_init.release.cluster;\n\t"
               "fence.proxy.async.shared::cta;" ::"r"(spt_shared_address(barrier)),
               "r"(arrivals)
               : "memory");
}

static __device__ __forceinline__ void spt_mbarrier_arrive(uint64_t *barrier) {
    SPT_PTX_90("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(spt_shared_address(barrier)) : "memory");
}

/** Arrive, and let the phase wait for so many bytes more. */
static __device__ __forceinline__ void spt_mbarrier_expect(uint64_t *barrier, unsigned bytes) {
    SPT_PTX_90("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(spt_shared_address(barrier)), "r"(bytes)
               : "memory");
}

/** Wait for the phase of that parity (0 the first, 1, 0, ...) to complete. What it copied is visible to this thread. */
static __device__ __forceinline__ void spt_mbarrier_wait(uint64_t *barrier, unsigned parity) {
    // The braces keep the label to each copy of this code.
    SPT_PTX_90("{\n\t.reg .pred done;\n"
               "WAIT:\n\t"
               "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t"
               "@!done bra WAIT;\n\t}" ::"r"(spt_shared_address(barrier)),
               "r"(parity)
               : "memory");
}

/** Copy bytes (a multiple of 16; both addresses multiples of 16) and count them on barrier when they have landed. */
static __device__ __forceinline__ void spt_copy_bulk(void *shared, const void *global, unsigned bytes,
                                                     uint64_t *barrier) {
    SPT_PTX_90("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   spt_shared_address(shared)),
               "l"(global), "r"(bytes), "r"(spt_shared_address(barrier))
               : "memory");
}

#undef SPT_PTX_90

#else // stand-ins

#include "emulated/async.h"

template <int BYTES>
inline void spt_copy_async(void *shared, const void *global, unsigned source_bytes = BYTES) {
    static_assert(BYTES == 4 || BYTES == 8 || BYTES == 16, "cp.async copies 4, 8 or 16 bytes");
    spt_emulated::copy_issue(shared, global, BYTES, source_bytes);
}
inline void spt_copy_async_commit() {
    spt_emulated::copy_commit();
}
template <int GROUPS>
inline void spt_copy_async_wait() {
    spt_emulated::copy_wait(GROUPS);
}
inline void spt_mbarrier_init(uint64_t *barrier, unsigned arrivals) {
    spt_emulated::mbarrier_init(barrier, arrivals);
}
inline void spt_mbarrier_arrive(uint64_t *barrier) {
    spt_emulated::mbarrier_arrive(barrier, 0);
}
inline void spt_mbarrier_expect(uint64_t *barrier, unsigned bytes) {
    spt_emulated::mbarrier_arrive(barrier, bytes);
}
inline void spt_mbarrier_wait(uint64_t *barrier, unsigned parity, SPT_HERE) {
    spt_emulated::mbarrier_wait(barrier, parity, file, line);
}
inline void spt_copy_bulk(void *shared, const void *global, unsigned bytes, uint64_t *barrier) {
    spt_emulated::copy_bulk(shared, global, bytes, barrier);
}

#endif
#endif
