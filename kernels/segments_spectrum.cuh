// Fourier coefficients of a piecewise-linear function from its corners, by one block. Twin of
// host/cpu/segments_spectrum.h, which has the formulas.
//
// A block of corners at a time: what each segment's steps are multiplied by at STRIP frequencies, in shared memory;
// then a thread a frequency and an output adds the segments in their order.
#ifndef SPT_KERNELS_SEGMENTS_SPECTRUM_CUH
#define SPT_KERNELS_SEGMENTS_SPECTRUM_CUH

#include <math.h>
#include <stdint.h>

#include "segments_product.cuh"

enum { SEGMENTS_STRIP = 32 };

// Shared memory: 15,872 bytes. A warp reads and writes consecutive numbers.
typedef struct segments_phases {
    double real[SEGMENTS_ROWS - 1][SEGMENTS_STRIP], imag[SEGMENTS_ROWS - 1][SEGMENTS_STRIP];
} segments_phases;

// One function with `outputs` components on its way through; arrays in the block's part of the space.
typedef struct segments_spectrum {
    uint32_t outputs, energies;
    double *first, *mean; // (outputs) f at the first corner; trapezoids so far
    double *real, *imag;  // (outputs, energies): S_k
} segments_spectrum;

static __host__ __device__ __forceinline__ uint64_t segments_spectrum_numbers(uint32_t outputs, uint64_t energies) {
    return 2 * outputs * (1 + energies);
}

static __device__ __forceinline__ segments_spectrum segments_spectrum_at(double *space, uint32_t outputs,
                                                                         uint32_t energies) {
    double *const real = space + 2 * (uint64_t)outputs;
    return {outputs, energies, space, space + outputs, real, real + (uint64_t)outputs * energies};
}

/** cos and sin of 2 pi k u; the product is reduced without rounding. */
static __device__ __forceinline__ void segments_turn(uint32_t k, double u, double *cosine, double *sine) {
    const double turns = __dmul_rn((double)k, u), rest = fma((double)k, u, -turns);
    sincospi(2.0 * (turns - rint(turns) + rest), sine, cosine);
}

/** The steps of the segments between n corners, u (n) and f (n, outputs). known: they go on where the last ones ended.
 *  All threads call it; nobody reads u and f any more when it returns. */
static __device__ void segments_spectrum_take(const segments_spectrum &s, const double *u, const double *f, uint32_t n,
                                              bool known, segments_phases &phases) {
    const double pi = 3.141592653589793;
    for (uint32_t j = threadIdx.x; j < s.outputs; j += SEGMENTS_THREADS) {
        double mean = known ? s.mean[j] : 0.0;
        for (uint32_t i = 0; i + 1 < n; i++)
            mean += 0.5 * (u[i + 1] - u[i]) * (f[(i + 1) * s.outputs + j] + f[i * s.outputs + j]);
        s.mean[j] = mean;
        if (!known)
            s.first[j] = f[j];
    }
    for (uint32_t strip = 0; strip < s.energies; strip += SEGMENTS_STRIP) {
        const uint32_t lane = threadIdx.x % SEGMENTS_STRIP, k = strip + lane;
        for (uint32_t i = threadIdx.x / SEGMENTS_STRIP; i + 1 < n; i += SEGMENTS_THREADS / SEGMENTS_STRIP) {
            const double length = u[i + 1] - u[i];
            double factor = 0.0, cosine = 0.0, sine = 0.0, unused;
            if (k > 0 && k < s.energies && length > 0.0) {
                segments_turn(k, 0.5 * length, &unused, &factor);
                factor /= pi * (double)k * length;
                segments_turn(k, 0.5 * (u[i + 1] + u[i]), &cosine, &sine);
            }
            phases.real[i][lane] = factor * cosine;
            phases.imag[i][lane] = -factor * sine;
        }
        __syncthreads();
        for (uint32_t j = threadIdx.x / SEGMENTS_STRIP; j < s.outputs; j += SEGMENTS_THREADS / SEGMENTS_STRIP) {
            if (k >= s.energies)
                continue;
            const uint64_t at = (uint64_t)j * s.energies + k;
            double real = known ? s.real[at] : 0.0, imag = known ? s.imag[at] : 0.0;
            for (uint32_t i = 0; i + 1 < n; i++) {
                const double step = f[(i + 1) * s.outputs + j] - f[i * s.outputs + j];
                real += step * phases.real[i][lane];
                imag += step * phases.imag[i][lane];
            }
            s.real[at] = real;
            s.imag[at] = imag;
        }
        __syncthreads();
    }
}

/** Sums over outputs of |c_k|^2, after the last corner, where f is value (outputs). ends: of the function less the
 *  straight line through its ends. All threads call it. */
static __device__ void segments_spectrum_end(const segments_spectrum &s, const double *value, bool ends,
                                             double *energy) {
    const double two_pi = 6.283185307179586;
    for (uint32_t k = threadIdx.x; k < s.energies; k += SEGMENTS_THREADS) {
        double sum = 0.0;
        for (uint32_t j = 0; j < s.outputs; j++) {
            const uint64_t at = (uint64_t)j * s.energies + k;
            double real = s.mean[j] - (ends ? 0.5 * (s.first[j] + value[j]) : 0.0), imag = 0.0;
            if (k > 0) {
                real = s.imag[at] / (two_pi * (double)k);
                imag = ((ends ? 0.0 : value[j] - s.first[j]) - s.real[at]) / (two_pi * (double)k);
            }
            sum += real * real + imag * imag;
        }
        energy[k] = sum;
    }
}

#endif
