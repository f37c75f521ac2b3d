/* The three things that `spectrain bench` times: each prints its tables and fills its part of the JSON. */
#ifndef SPT_HOST_CLI_BENCH_H
#define SPT_HOST_CLI_BENCH_H

#include "cli/json.h"
#include "cli/options.h"
#include "spectrain/bench.h"
#include "spectrain/sweep.h"

typedef struct spt_bench_job {
    const spt_options *options;
    double seconds; /* to spend on a number */
    spt_json *json; /* NULL: none is wanted */
} spt_bench_job;

/** Operations of each shape of network of the sweep's first group, and of all its runs together; kernels where the
 *  backend tells them. */
spt_status spt_bench_operations(const spt_bench_job *job, const spt_config *config, spt_error *err);
/** The whole sweep on each backend that has a device, or on the one that was asked for. Keeps nothing. */
spt_status spt_bench_sweep(const spt_bench_job *job, const spt_config *config, spt_error *err);
/** Dense layers of many shapes, by own kernels and by the library. */
spt_status spt_bench_layers(const spt_bench_job *job, spt_error *err);

/* ---- what they share */

/** The device that the options name. *out: backend->close. Errors: SPT_EDEVICE. */
spt_status spt_bench_open(const spt_bench_job *job, const char *backend_name, const spt_backend **backend,
                          spt_device **out, spt_error *err);
/** Its peaks, printed with its name, and put into the JSON as "backend", "device", "peak_flops_per_second",
 *  "peak_bytes_per_second". */
spt_status spt_bench_device(const spt_bench_job *job, const spt_backend *backend, spt_device *device, spt_peaks *peaks,
                            spt_error *err);
/** An object of the JSON: operation, by, seconds, flops, bytes, and what follows from them and the peaks. */
void spt_bench_json(spt_json *json, const spt_measurement *measurement, const spt_peaks *peaks);

#endif
