// A CUDA device: which there are, what it is called, what it has free.
#include <stdio.h>
#include <stdlib.h>

#include "error.cuh"
#include "group.cuh"

// What the driver takes for itself while a group is there: code as it is first used, graphs, tables of cuFFT's plans.
// A sixteenth of what is free is left for that, and no more than this.
static const size_t DRIVER_BYTES = (size_t)512 << 20;

size_t spt_cuda_count(void) {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        (void)cudaGetLastError(); // no driver, or none that fits: no device
        return 0;
    }
    return count > 0 ? (size_t)count : 0;
}

/** Training comes first: a record's blocks take what its blocks leave. */
static cudaError_t make_streams(spt_device *device) {
    int last = 0, first = 0;
    cudaError_t error = cudaDeviceGetStreamPriorityRange(&last, &first);
    if (error == cudaSuccess)
        error = cudaStreamCreateWithPriority(&device->stream, cudaStreamNonBlocking, first);
    if (error == cudaSuccess)
        error = cudaStreamCreateWithPriority(&device->record_stream, cudaStreamNonBlocking, last);
    return error;
}

spt_status spt_cuda_open(const spt_device_options *options, spt_device **out, spt_error *err) {
    const int index = options != NULL ? options->device : 0;
    int count = 0;
    spt_status status = spt_cuda_check(cudaGetDeviceCount(&count), "looking for devices", err);
    if (status != SPT_OK)
        return status;
    if (index < 0 || index >= count)
        return spt_fail(err, SPT_EDEVICE, "cuda: no device %d; there %s %d, from 0", index, count == 1 ? "is" : "are",
                        count);
    spt_device *device = (spt_device *)calloc(1, sizeof *device);
    if (device == NULL)
        return spt_fail(err, SPT_ENOMEM, "cuda: no memory");
    device->index = index;
    device->choice = spt_dense_choice_default;
    cudaDeviceProp properties;
    status = spt_cuda_check(cudaSetDevice(index), "opening the device", err);
    if (status == SPT_OK)
        status = spt_cuda_check(cudaGetDeviceProperties(&properties, index), "asking for the device's name", err);
    if (status == SPT_OK)
        status = spt_cuda_check(make_streams(device), "making streams", err);
    if (status == SPT_OK)
        status = spt_cublas_check(cublasCreate(&device->blas), "opening the library", err);
    if (status != SPT_OK) {
        spt_cuda_close(device);
        return status;
    }
    device->capability = 10 * properties.major + properties.minor;
    snprintf(device->name, sizeof device->name, "%.100s, sm_%d", properties.name, device->capability);
    *out = device;
    return SPT_OK;
}

void spt_cuda_close(spt_device *device) {
    if (device == NULL)
        return;
    (void)cudaSetDevice(device->index);
    if (device->blas != NULL)
        (void)cublasDestroy(device->blas);
    if (device->stream != NULL)
        (void)cudaStreamDestroy(device->stream);
    if (device->record_stream != NULL)
        (void)cudaStreamDestroy(device->record_stream);
    free(device);
}

void spt_cuda_describe(const spt_device *device, spt_device_info *info) {
    size_t free_bytes = 0, total = 0;
    *info = {};
    if (cudaSetDevice(device->index) == cudaSuccess && cudaMemGetInfo(&free_bytes, &total) == cudaSuccess) {
        info->memory_free = free_bytes - (free_bytes / 16 < DRIVER_BYTES ? free_bytes / 16 : DRIVER_BYTES);
        info->memory = total;
    }
    info->capability = device->capability;
    snprintf(info->name, sizeof info->name, "%s", device->name);
    snprintf(info->precision, sizeof info->precision, "float32");
    snprintf(info->denormals, sizeof info->denormals, "kept");
}
