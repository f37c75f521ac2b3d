// Fibers: stacks that one host thread switches between, known to AddressSanitizer or ThreadSanitizer.
#ifndef SPT_EMULATED_FIBER_H
#define SPT_EMULATED_FIBER_H

#include <cstddef>

#if defined(SPT_EMULATED_TSAN) // the runtime itself is compiled without -fsanitize=thread: what it does is no access
#include <sanitizer/tsan_interface.h>
extern "C" void __tsan_ignore_thread_begin(void), __tsan_ignore_thread_end(void);
extern "C" void __tsan_read_range(const void *, unsigned long), __tsan_write_range(void *, unsigned long);
#else
inline void __tsan_acquire(void *) {}
inline void __tsan_release(void *) {}
inline void __tsan_ignore_thread_begin() {}
inline void __tsan_ignore_thread_end() {}
inline void __tsan_read_range(const void *, unsigned long) {}
inline void __tsan_write_range(void *, unsigned long) {}
#endif
#if !defined(__x86_64__) || defined(SPT_EMULATED_UCONTEXT)
#define SPT_EMULATED_UCONTEXT
#include <ucontext.h>
#endif

namespace spt_emulated {

struct fiber {
#ifdef SPT_EMULATED_UCONTEXT
    ucontext_t context;
#else
    void *stack_pointer; // of a fiber that does not run: six saved registers and the address to return to
#endif
    const void *stack;
    size_t stack_bytes;
    void *asan_stack, *tsan_fiber;
};

/** A fiber that starts in entry when first switched to; entry must never return. Its stack (with a guard page below)
 *  lives as long as the process. */
void fiber_create(fiber *made, void (*entry)());
/** The fiber that is the calling host thread. */
void fiber_adopt(fiber *host);
/** Go on in `to`; returns when something switches back to `from`, the fiber that calls. No memory order is implied. */
void fiber_switch(fiber *from, fiber *to);
/** To be called first thing in entry. */
void fiber_started();

/** While one lives, memory that the runtime takes, frees and copies is no access of the fiber that it runs in. */
struct quiet {
    quiet() { __tsan_ignore_thread_begin(); }
    ~quiet() { __tsan_ignore_thread_end(); }
};

} // namespace spt_emulated
#endif
