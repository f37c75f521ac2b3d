/* How fast a backend is, and how fast it could be. What `spectrain bench` is written on.
 *
 * A measurement is the time of one operation, beside the two numbers that no way of computing it gets below: the
 * floating-point operations that it must do, and the bytes that it must move through the device's memory (each input
 * read once, each output written once). At the device's peaks they take two times; the longer is the floor. Operations
 * whose data stay in a cache can be faster than the floor that memory sets. */
#ifndef SPECTRAIN_BENCH_H
#define SPECTRAIN_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a device can do at most, as measured. */
typedef struct spt_peaks {
    double flops; /* a second, float32; a multiply-add is two */
    double bytes; /* a second, read and written together */
} spt_peaks;

typedef struct spt_measurement {
    char operation[96];  /* "train step", "forward, layer 1" */
    char by[24];         /* who computes it, where that is a choice: "tiles", "cublas"; else "" */
    double seconds;      /* of one: the median of a few rounds */
    double flops, bytes; /* of one, at least; NaN where that is not told by the shapes */
} spt_measurement;

typedef void (*spt_measurement_fn)(const spt_measurement *measurement, void *user);

/** Seconds that the operation takes at the peaks; NaN when neither of its two numbers is told. */
double spt_measurement_floor(const spt_measurement *measurement, const spt_peaks *peaks);

/** Who computes the products of dense layers. */
typedef enum spt_dense_by {
    SPT_DENSE_BY_CHOICE, /* as the backend chooses by shape: what sweeps run with */
    SPT_DENSE_BY_TILES,  /* its own kernels */
    SPT_DENSE_BY_LIBRARY /* cuBLAS, for all products with no side of one */
} spt_dense_by;

/** What a backend measures by itself. seconds: about how long to spend on a number; the least is one execution. */
struct spt_backend_bench {
    /** Errors: SPT_ENOMEM, SPT_EDEVICE. */
    spt_status (*peaks)(spt_device *device, double seconds, spt_peaks *peaks, spt_error *err);
    /** Time the kernels that the group's work is made of, each for itself, and tell of each. NULL: they are not told
     *  apart. States must be set, and all runs at the same step; they are undefined afterwards.
     *  Errors: SPT_EINVAL runs at different steps, or diverged; SPT_ENOMEM, SPT_EDEVICE. */
    spt_status (*kernels)(spt_group *group, double seconds, spt_measurement_fn tell, void *user, spt_error *err);
    /** For the groups that are made from now on. NULL: there is no choice. */
    void (*prefer)(spt_device *device, spt_dense_by by);
};

typedef struct spt_bench_options {
    double seconds; /* to spend on a number, about */
    bool kernels;   /* also each kernel, where the backend tells them apart */
} spt_bench_options;

/** Time what a backend does for a group of runs, from their initial states: "train step" (all runs take one),
 *  "evaluation, train" and ", test", "spectral norms", "probe NAME" of each, "states out" and "states in"; then its
 *  kernels. A measurement is told of as soon as it is there. Errors: those of group_create and of the operations;
 *  SPT_EINVAL a run diverged, so that the times of the rest would say nothing. */
spt_status spt_bench_group(const spt_backend *backend, spt_device *device, const spt_group_spec *spec,
                           const spt_bench_options *options, spt_measurement_fn tell, void *user, spt_error *err);

/** One dense layer of width x width and a batch of `rows`, by own tiles and by the library. */
typedef struct spt_bench_layer {
    size_t width, rows;
    spt_measurement forward[2], input_gradient[2], weight_gradient[2]; /* [0] tiles, [1] library */
} spt_bench_layer;

/** Time its three products, each with what follows it (bias and ReLU; the mask; bias gradient and optimizer), within a
 *  network whose other layers have one input and one output. width, rows: from 2. Errors: SPT_EINVAL the backend has
 *  no choice, or width or rows below 2; SPT_ENOMEM, SPT_EDEVICE. */
spt_status spt_bench_layer_time(const spt_backend *backend, spt_device *device, size_t width, size_t rows,
                                double seconds, spt_bench_layer *layer, spt_error *err);

#ifdef __cplusplus
}
#endif
#endif
