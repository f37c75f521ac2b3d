/* The processor as a device: its name, its threads, and what it has free. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "cpu/denormals.h"
#include "cpu/group.h"

enum {
    THREADS_MOST = 128
}; /* that OpenBLAS, as Debian builds it, has room for at a time; beyond, it prints and ends */

size_t spt_cpu_count(void) {
    return 1;
}

static size_t processors(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (size_t)CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

/* "AMD EPYC" out of /proc/cpuinfo; "processor" where that does not say. */
static void processor_name(char *name, size_t capacity) {
    snprintf(name, capacity, "processor");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL)
        return;
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            value[strcspn(value, "\n")] = '\0';
            snprintf(name, capacity, "%s", value + 2);
            break;
        }
    }
    fclose(file);
}

/* "OpenBLAS 0.3.21": the first two words of its configuration. */
static void blas_name(char *name, size_t capacity) {
    const char *config = openblas_get_config();
    size_t length = strcspn(config, " ");
    if (config[length] == ' ')
        length += 1 + strcspn(config + length + 1, " ");
    snprintf(name, capacity, "%.*s", (int)length, config);
}

spt_status spt_cpu_open(const spt_device_options *options, spt_device **out, spt_error *err) {
    const spt_device_options defaults = {0};
    if (options == NULL)
        options = &defaults;
    if (options->device != 0)
        return spt_fail(err, SPT_EDEVICE, "cpu: no device %d; there is one, 0", options->device);
    if (options->threads > THREADS_MOST)
        return spt_fail(err, SPT_EINVAL, "cpu: %zu threads; at most %d", options->threads, THREADS_MOST);
    spt_device *device = spt_memory_alloc(1, sizeof *device);
    if (device == NULL)
        return spt_fail(err, SPT_ENOMEM, "cpu: no memory");
    device->threads = options->threads != 0 ? options->threads : processors();
    if (device->threads > THREADS_MOST)
        device->threads = THREADS_MOST;
    /* The threads are ours: a GEMM that spawned more would change its own order of summation with their number. */
    openblas_set_num_threads(1);
    char processor[64], blas[40];
    processor_name(processor, sizeof processor);
    blas_name(blas, sizeof blas);
    snprintf(device->name, sizeof device->name, "%s, %zu thread%s, %.39s %.10s", processor, device->threads,
             device->threads == 1 ? "" : "s", blas, openblas_get_corename());
    *out = device;
    return SPT_OK;
}

void spt_cpu_close(spt_device *device) {
    spt_memory_free(device);
}

void spt_cpu_describe(const spt_device *device, spt_device_info *info) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    *info =
        (spt_device_info){.threads = device->threads, .memory_is_host = true, .memory_free = spt_memory_available()};
    info->memory = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : info->memory_free;
    snprintf(info->name, sizeof info->name, "%s", device->name);
    snprintf(info->precision, sizeof info->precision, "float32");
    snprintf(info->denormals, sizeof info->denormals, SPT_DENORMALS);
}
