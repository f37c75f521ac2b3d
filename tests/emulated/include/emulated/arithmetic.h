// The device's arithmetic, by the C library's: equal to rounding, and correctly rounded where the name says so.
#ifndef SPT_EMULATED_ARITHMETIC_H
#define SPT_EMULATED_ARITHMETIC_H

#include <type_traits>

template <typename A, typename B>
std::common_type_t<A, B> max(A a, B b) {
    if constexpr (std::is_floating_point<std::common_type_t<A, B>>::value)
        return fmax(a, b); // a NaN loses, as on the device
    else
        return (std::common_type_t<A, B>)a < (std::common_type_t<A, B>)b ? b : a;
}
template <typename A, typename B>
std::common_type_t<A, B> min(A a, B b) {
    if constexpr (std::is_floating_point<std::common_type_t<A, B>>::value)
        return fmin(a, b);
    else
        return (std::common_type_t<A, B>)b < (std::common_type_t<A, B>)a ? b : a;
}

inline float __fmaf_rn(float a, float b, float c) {
    return fmaf(a, b, c);
}
inline float __fadd_rn(float a, float b) {
    return a + b;
}
inline float __fsub_rn(float a, float b) {
    return a - b;
}
inline float __fmul_rn(float a, float b) {
    return a * b;
}
inline float __fdiv_rn(float a, float b) {
    return a / b;
}
inline float __fsqrt_rn(float a) {
    return sqrtf(a);
}
inline float __frcp_rn(float a) {
    return 1.0f / a;
}
inline double __fma_rn(double a, double b, double c) {
    return fma(a, b, c);
}
inline double __dadd_rn(double a, double b) {
    return a + b;
}
inline double __dsub_rn(double a, double b) {
    return a - b;
}
inline double __dmul_rn(double a, double b) {
    return a * b;
}
inline double __ddiv_rn(double a, double b) {
    return a / b;
}
inline double __dsqrt_rn(double a) {
    return sqrt(a);
}
inline float rsqrtf(float a) {
    return 1.0f / sqrtf(a);
}
inline float __expf(float a) {
    return expf(a);
}
inline float __logf(float a) {
    return logf(a);
}
inline float __fdividef(float a, float b) {
    return a / b;
}
inline double sinpi(double a) {
    return sin(M_PI * remainder(a, 2.0));
}
inline double cospi(double a) {
    return cos(M_PI * remainder(a, 2.0));
}
inline float sinpif(float a) {
    return (float)sinpi(a);
}
inline float cospif(float a) {
    return (float)cospi(a);
}

inline int __float2int_rn(float a) {
    return (int)lrintf(a);
}
inline float __double2float_rn(double a) {
    return (float)a;
}
inline int __float_as_int(float a) {
    return __builtin_bit_cast(int, a);
}
inline unsigned __float_as_uint(float a) {
    return __builtin_bit_cast(unsigned, a);
}
inline float __int_as_float(int a) {
    return __builtin_bit_cast(float, a);
}
inline float __uint_as_float(unsigned a) {
    return __builtin_bit_cast(float, a);
}
inline long long __double_as_longlong(double a) {
    return __builtin_bit_cast(long long, a);
}
inline double __longlong_as_double(long long a) {
    return __builtin_bit_cast(double, a);
}

inline int __popc(unsigned a) {
    return __builtin_popcount(a);
}
inline int __clz(int a) {
    return a ? __builtin_clz((unsigned)a) : 32;
}
inline int __clzll(long long a) {
    return a ? __builtin_clzll((unsigned long long)a) : 64;
}
inline int __ffs(int a) {
    return __builtin_ffs(a);
}
inline unsigned __umulhi(unsigned a, unsigned b) {
    return (unsigned)((unsigned long long)a * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

// Loads and stores with a hint for the caches.
#define SPT_LOAD(name)                                                                                                 \
    template <typename T>                                                                                              \
    T name(const T *address) {                                                                                         \
        return *address;                                                                                               \
    }
SPT_LOAD(__ldg)
SPT_LOAD(__ldcg)
SPT_LOAD(__ldcs)
#undef SPT_LOAD
template <typename T>
void __stcs(T *address, T value) {
    *address = value;
}

#endif
