/* exp(x) for x <= 0, written so that the compiler turns a loop over it into vector code: the C library's expf is a
 * call a number. Within 2 units in the last place of the true value for -87.3 <= x <= 0, 0 below, NaN for NaN.
 *
 * Cephes' expf: x = n ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts so that r is nearly exact, a polynomial of
 * degree 7 in r, and n put into the exponent. In the double build it is the C library's exp. */
#ifndef SPT_HOST_CPU_EXPONENTIAL_H
#define SPT_HOST_CPU_EXPONENTIAL_H

#include <math.h>
#include <stdint.h>

#include "cpu/real.h"

#ifdef SPT_CPU_DOUBLE
static inline double spt_exp_nonpositive(double x) {
    return exp(x);
}
#else
static inline float spt_exp_nonpositive(float x) {
    /* 1.5 * 2^23: adding it rounds to the nearest whole number and leaves that number in the low bits. No conversion
     * to an integer type, which would be undefined for NaN. */
    const float to_integer = 12582912.0f;
    union {
        float real;
        uint32_t bits;
    } shifted, power;
    shifted.real = x * 1.44269504088896341f + to_integer;
    float n = shifted.real - to_integer;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    power.bits = (shifted.bits << 23) + 0x3F800000u;
    return x < -87.3f ? 0.0f : p * power.real;
}
#endif

#endif
