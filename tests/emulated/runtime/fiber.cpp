#include "fiber.h"

#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef SPT_EMULATED_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace spt_emulated {

static const size_t STACK_BYTES = 256 * 1024; // touched pages alone take memory

#ifndef SPT_EMULATED_UCONTEXT
extern "C" void spt_emulated_swap(void **save, void *load);
asm(R"(
    .text
    .globl spt_emulated_swap
    .type spt_emulated_swap, @function
spt_emulated_swap:
    pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
    ret
    .size spt_emulated_swap, . - spt_emulated_swap
    .section .note.GNU-stack, "", @progbits
    .text
)");
#endif

void fiber_create(fiber *made, void (*entry)()) {
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *low = (char *)mmap(nullptr, guard + STACK_BYTES, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (low == MAP_FAILED || mprotect(low, guard, PROT_NONE) != 0) {
        perror("emulated device: stack of a thread");
        abort();
    }
    *made = fiber();
    made->stack = low + guard;
    made->stack_bytes = STACK_BYTES;
#ifdef SPT_EMULATED_UCONTEXT
    getcontext(&made->context);
    made->context.uc_stack.ss_sp = low + guard;
    made->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&made->context, entry, 0);
#else
    // From the top: nothing to return to (which also ends a walk over frame pointers), entry, registers of zero.
    void **top = (void **)(low + guard + STACK_BYTES) - 1;
    top[0] = nullptr;
    top[-1] = (void *)entry;
    made->stack_pointer = top - 7;
#endif
#ifdef SPT_EMULATED_TSAN
    made->tsan_fiber = __tsan_create_fiber(0);
#endif
}

void fiber_adopt(fiber *host) {
    pthread_attr_t attributes;
    void *low = nullptr;
    *host = fiber();
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &low, &host->stack_bytes);
        pthread_attr_destroy(&attributes);
    }
    host->stack = low;
#ifdef SPT_EMULATED_TSAN
    host->tsan_fiber = __tsan_get_current_fiber();
#endif
}

void fiber_switch(fiber *from, fiber *to) {
#ifdef SPT_EMULATED_ASAN
    __sanitizer_start_switch_fiber(&from->asan_stack, to->stack, to->stack_bytes);
#endif
#ifdef SPT_EMULATED_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef SPT_EMULATED_UCONTEXT
    swapcontext(&from->context, &to->context);
#else
    spt_emulated_swap(&from->stack_pointer, to->stack_pointer);
#endif
#ifdef SPT_EMULATED_ASAN
    __sanitizer_finish_switch_fiber(from->asan_stack, nullptr, nullptr);
#endif
}

void fiber_started() {
#ifdef SPT_EMULATED_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

} // namespace spt_emulated
