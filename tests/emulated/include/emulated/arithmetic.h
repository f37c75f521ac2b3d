// The device's arithmetic, by the C library's: equal to rounding, and correctly rounded where the name says so. What no
// kernel uses is not here.
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

inline double __dadd_rn(double a, double b) {
    return a + b;
}
inline double __dmul_rn(double a, double b) {
    return a * b;
}
inline float __double2float_rn(double a) {
    return (float)a;
}
inline float sinpif(float a) {
    return (float)sin(M_PI * remainder(a, 2.0));
}
inline float cospif(float a) {
    return (float)cos(M_PI * remainder(a, 2.0));
}
inline void sincospi(double a, double *sine, double *cosine) {
    const double angle = M_PI * remainder(a, 2.0);
    *sine = sin(angle);
    *cosine = cos(angle);
}
inline int __popc(unsigned a) {
    return __builtin_popcount(a);
}
template <typename T>
T __ldg(const T *address) {
    return *address;
}

#endif
