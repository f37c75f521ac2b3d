// Barriers, warp collectives, fences, atomics. A call is known by its file and line: all who meet must come from one.
#ifndef SPT_EMULATED_THREADS_H
#define SPT_EMULATED_THREADS_H

#include <string.h>
#include <type_traits>

#define SPT_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace spt_emulated {

enum scope { BLOCK, CLUSTER, GRID, SCOPES };
void barrier(scope who, const char *file, int line);

enum collective { NOTHING, SYNCWARP, SHUFFLE, VOTE };
/** Wait until all lanes of mask are here; their values by lane. */
const uint64_t *exchange(collective what, unsigned mask, uint64_t value, const char *file, int line);
/** The lane of the calling thread; a fault when source is no lane of mask. */
int lane();
void check_source(unsigned mask, int source);
void fence();
void atomic_at(void *address);

template <typename T>
T shuffle(unsigned mask, T value, int source, const char *file, int line) {
    static_assert(sizeof(T) <= sizeof(uint64_t) && std::is_arithmetic<T>::value, "a number of at most 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    const uint64_t *values = exchange(SHUFFLE, mask, bits, file, line);
    check_source(mask, source);
    memcpy(&value, &values[source], sizeof value);
    return value;
}

template <typename T>
using integer = std::enable_if_t<std::is_integral<T>::value && sizeof(T) >= 4, T>;

} // namespace spt_emulated

inline void __syncthreads(SPT_HERE) {
    spt_emulated::barrier(spt_emulated::BLOCK, file, line);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, SPT_HERE) {
    spt_emulated::exchange(spt_emulated::SYNCWARP, mask, 0, file, line);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, SPT_HERE) {
    int first = spt_emulated::lane() & ~(width - 1);
    return spt_emulated::shuffle(mask, value, first | (source & (width - 1)), file, line);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SPT_HERE) {
    int at = spt_emulated::lane(), source = at + (int)delta;
    return spt_emulated::shuffle(mask, value, source > (at | (width - 1)) ? at : source, file, line);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int flip, int width = 32, SPT_HERE) {
    int at = spt_emulated::lane(), source = at ^ flip;
    return spt_emulated::shuffle(mask, value, source > (at | (width - 1)) ? at : source, file, line);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, SPT_HERE) {
    const uint64_t *values = spt_emulated::exchange(spt_emulated::VOTE, mask, predicate != 0, file, line);
    unsigned ballot = 0;
    for (int i = 0; i < 32; i++)
        ballot |= (unsigned)(mask >> i & values[i] & 1) << i;
    return ballot;
}

inline void __threadfence() {
    spt_emulated::fence();
}

// Integers only: a sum of floats by atomics has no fixed order.
#define SPT_ATOMIC(name, expression)                                                                                   \
    template <typename T, typename V>                                                                                  \
    spt_emulated::integer<T> name(T *address, V operand) {                                                             \
        spt_emulated::atomic_at((void *)address);                                                                      \
        T value = (T)operand, old = __atomic_load_n(address, __ATOMIC_RELAXED);                                        \
        while (                                                                                                        \
            !__atomic_compare_exchange_n(address, &old, (T)(expression), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) { \
        }                                                                                                              \
        return old;                                                                                                    \
    }                                                                                                                  \
    float name(float *, float) = delete;                                                                               \
    double name(double *, double) = delete;
SPT_ATOMIC(atomicAdd, (std::make_unsigned_t<T>)old + (std::make_unsigned_t<T>)value)
SPT_ATOMIC(atomicOr, old | value)
SPT_ATOMIC(atomicExch, value)
#undef SPT_ATOMIC

#endif
