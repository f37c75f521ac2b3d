// A CUDA device: which there are, what it is called, what it has free.
#include <stdio.h>
#include <stdlib.h>

#include "error.cuh"
#include "group.cuh"

// What the driver takes for itself while a group is there: code as it is first used, graphs, tables of cuFFT's plans.
// A sixteenth of what is free is left for that, and no more than this.
static const size_t DRIVER_BYTES = (size_t)512 << 20;

// What there is code for, oldest first, in tens: 800 is sm_80. It runs on newer devices too, as it comes with its PTX.
#ifdef SPT_EMULATED
static const int CODE[] = {800};
#else
static const int CODE[] = {__CUDA_ARCH_LIST__};
#endif

/** *capability as in sm_NN. */
static cudaError_t ask_capability(int index, int *capability) {
    int major = 0, minor = 0;
    cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index);
    *capability = 10 * major + minor;
    return error;
}

/** *ours: how many of CUDA's devices, `there` of them, are those that there is code for; *index: CUDA's number of the
 * one with our `number`, as it was when there are not so many. A device that does not answer is none; the first error.
 */
static cudaError_t count_ours(int there, int number, int *index, int *ours) {
    cudaError_t first = cudaSuccess;
    *ours = 0;
    for (int i = 0; i < there; i++) {
        int capability;
        cudaError_t error = ask_capability(i, &capability);
        if (error != cudaSuccess) {
            (void)cudaGetLastError();
            first = first == cudaSuccess ? error : first;
        } else if (10 * capability >= CODE[0] && (*ours)++ == number) {
            *index = i;
        }
    }
    return first;
}

size_t spt_cuda_count(void) {
    int there = 0, index, ours;
    if (cudaGetDeviceCount(&there) != cudaSuccess) {
        (void)cudaGetLastError(); // no driver, or none that fits: no device
        return 0;
    }
    (void)count_ours(there, 0, &index, &ours);
    return (size_t)ours;
}

/** CUDA's number of our device `number`. Errors: SPT_EDEVICE there is none, and why. */
static spt_status find_device(int there, int number, int *index, spt_error *err) {
    int ours = 0, capability = 0;
    cudaError_t error = count_ours(there, number, index, &ours);
    if (*index >= 0)
        return SPT_OK;
    if (error == cudaSuccess && ours == 0)
        error = ask_capability(0, &capability);
    if (error != cudaSuccess)
        return spt_cuda_check(error, "asking what the devices are", err);
    if (ours == 0)
        return spt_fail(err, SPT_EDEVICE,
                        "cuda: the device here is sm_%d, this build is for sm_%d and newer; SPECTRAIN_CUDA_ARCHS "
                        "chooses what it is for, from sm_80 on",
                        capability, CODE[0] / 10);
    return spt_fail(err, SPT_EDEVICE, "cuda: no device %d; there %s %d, from 0", number, ours == 1 ? "is" : "are",
                    ours);
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
    const int number = options != NULL ? options->device : 0;
    int there = 0, index = -1;
    spt_status status = spt_cuda_check(cudaGetDeviceCount(&there), "looking for devices", err);
    if (status == SPT_OK)
        status = find_device(there, number, &index, err);
    if (status != SPT_OK)
        return status;
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
