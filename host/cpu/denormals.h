/* Denormal numbers as zero, as on a device, while a worker computes: a network with dying units otherwise slows down a
 * hundredfold. The control word is the thread's own, so it is put back after the work. */
#ifndef SPT_HOST_CPU_DENORMALS_H
#define SPT_HOST_CPU_DENORMALS_H

#include <stdint.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#define SPT_DENORMALS "flushed"
#elif defined(__aarch64__)
#define SPT_DENORMALS "flushed"
#else
#define SPT_DENORMALS "kept"
#endif

/** Flush from here on in this thread; returns the control word for spt_denormals_restore. */
static inline uint64_t spt_denormals_flush(void) {
#if defined(__SSE2__)
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8000u | 0x0040u); /* results (FTZ) and operands (DAZ) */
    return saved;
#elif defined(__aarch64__)
    uint64_t saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"(saved | (uint64_t)1 << 24));
    return saved;
#else
    return 0;
#endif
}

static inline void spt_denormals_restore(uint64_t saved) {
#if defined(__SSE2__)
    _mm_setcsr((unsigned)saved);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(saved));
#else
    (void)saved;
#endif
}

#endif
