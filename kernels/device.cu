// A CUDA device: which there are, what it is called, what it has free.
#include <stdio.h>
#include <stdlib.h>

#include "error.cuh"
#include "group.cuh"

size_t spt_cuda_count(void) {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        (void)cudaGetLastError(); // no driver, or none that fits: no device
        return 0;
    }
    return count > 0 ? (size_t)count : 0;
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
        status =
            spt_cuda_check(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking), "making a stream", err);
    if (status == SPT_OK)
        status = spt_cublas_check(cublasCreate(&device->blas), "opening the library", err);
    if (status == SPT_OK)
        status = spt_cublas_check(cublasSetStream(device->blas, device->stream), "setting its stream", err);
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
    free(device);
}

void spt_cuda_describe(const spt_device *device, spt_device_info *info) {
    size_t free_bytes = 0, total = 0;
    *info = {};
    if (cudaSetDevice(device->index) == cudaSuccess && cudaMemGetInfo(&free_bytes, &total) == cudaSuccess) {
        info->memory_free = free_bytes;
        info->memory = total;
    }
    info->capability = device->capability;
    snprintf(info->name, sizeof info->name, "%s", device->name);
    snprintf(info->precision, sizeof info->precision, "float32");
    snprintf(info->denormals, sizeof info->denormals, "kept");
}
