// The device as the host asks for it, and errors: real ones, and those that a test orders.
#include "machine.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "emulated/control.h"

// Wide redzones, so that a stride past an end is seen, too; the first race ends the program, and of what
// went before little is kept: there are many threads.
extern "C" const char *__asan_default_options() {
    return "redzone=256:max_redzone=2048";
}
extern "C" const char *__tsan_default_options() {
    return "halt_on_error=1:history_size=0";
}
extern "C" const char *__lsan_default_suppressions() {
    return "leak:libopenblas\nleak:libgomp\nleak:libhdf5\n";
}

namespace spt_emulated {

static size_t environment(const char *name, size_t otherwise) {
    const char *text = getenv(name);
    return text != nullptr ? (size_t)strtoull(text, nullptr, 10) : otherwise;
}

settings device = {(unsigned)environment("SPT_EMULATED_SEED", 0),
                   (unsigned)environment("SPT_EMULATED_PATTERN", 0),
                   environment("SPT_EMULATED_MEMORY", (size_t)1 << 30),
                   (int)environment("SPT_EMULATED_DEVICES", 1),
                   (int)environment("SPT_EMULATED_SMS", 4),
                   (unsigned)environment("SPT_EMULATED_DELAY", 0)};

struct event {
    unsigned left; // calls until it happens; 0: none is ordered
    cudaError_t error;
    bool for_good;
    int signal; // that the process gets then; 0: none
};

/** SPT_EMULATED_EVENT="launch 40 lost": what is to happen at the 40th call of its kind. */
static std::array<event, CALLS> events_of_environment() {
    static const char *const kinds[CALLS] = {"any",      "allocation", "copy", "launch", "synchronization",
                                             "creation", "library"};
    static const struct {
        const char *name;
        event what;
    } events[] = {{"lost", {0, cudaErrorECCUncorrectable, true, 0}},
                  {"fault", {0, cudaErrorIllegalAddress, true, 0}},
                  {"memory", {0, cudaErrorMemoryAllocation, false, 0}},
                  {"stop", {0, cudaSuccess, false, SIGTERM}},
                  {"kill", {0, cudaSuccess, false, SIGKILL}}};
    std::array<event, CALLS> made = {};
    char kind[32], name[32];
    unsigned nth;
    const char *text = getenv("SPT_EMULATED_EVENT");
    if (text == nullptr)
        return made;
    if (sscanf(text, "%31s %u %31s", kind, &nth, name) == 3)
        for (int k = 0; k < CALLS; k++)
            for (const auto &e : events)
                if (strcmp(kinds[k], kind) == 0 && strcmp(e.name, name) == 0) {
                    made[k] = e.what;
                    made[k].left = nth;
                    return made;
                }
    fault("SPT_EMULATED_EVENT=%s: expected a kind of call, a number, and an event", text);
}
static std::array<event, CALLS> ordered = events_of_environment();

/** SPT_EMULATED_CALLS=FILE: at the end, how many launches there were. */
static size_t launched;
static struct tell_calls {
    ~tell_calls() {
        const char *path = getenv("SPT_EMULATED_CALLS");
        FILE *file = path != nullptr ? fopen(path, "w") : nullptr;
        if (file != nullptr) {
            fprintf(file, "%zu\n", launched);
            fclose(file);
        }
    }
} at_the_end;
static cudaError_t lost; // what every call returns from now on
static thread_local cudaError_t last;
static size_t objects;
static std::recursive_mutex alone_in_runtime;

void let_fail(call kind, unsigned nth, cudaError_t error, bool for_good) {
    ordered[kind] = {nth, error, for_good, 0};
}

void heal() {
    ordered = {};
    lost = last = cudaSuccess;
}

size_t live_objects() {
    return objects;
}
size_t launches() {
    return launched;
}
void count_object(int change) {
    objects += (size_t)change;
}

static bool due(call kind) {
    if (ordered[kind].left == 0 || --ordered[kind].left > 0)
        return false;
    if (ordered[kind].signal != 0)
        raise(ordered[kind].signal);
    return ordered[kind].error != cudaSuccess;
}

entry::entry(call kind) : alone(alone_in_runtime), error(lost) {
    launched += kind == LAUNCH;
    bool any = due(ANY_CALL), one = kind != ANY_CALL && due(kind);
    if (any || one) {
        error = ordered[any ? ANY_CALL : kind].error;
        lost = ordered[any ? ANY_CALL : kind].for_good ? error : lost;
    }
    remember(error);
}

cudaError_t remember(cudaError_t error) {
    if (error != cudaSuccess)
        last = error;
    return error;
}

} // namespace spt_emulated

using namespace spt_emulated;

static const struct {
    cudaError_t error;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorCooperativeLaunchTooLarge, "cudaErrorCooperativeLaunchTooLarge", "too many blocks in cooperative launch"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched", "capture was not initiated in this stream"},
    {cudaErrorInvalidClusterSize, "cudaErrorInvalidClusterSize", "invalid cluster size"},
};

const char *cudaGetErrorName(cudaError_t error) {
    for (const auto &e : errors)
        if (e.error == error)
            return e.name;
    return "cudaErrorUnknown";
}
const char *cudaGetErrorString(cudaError_t error) {
    for (const auto &e : errors)
        if (e.error == error)
            return e.text;
    return "unknown error";
}
cudaError_t cudaGetLastError(void) {
    cudaError_t error = last;
    last = lost;
    return error;
}

cudaError_t cudaGetDeviceCount(int *count) {
    entry in(ANY_CALL);
    *count = device.devices;
    return remember(in.error == cudaSuccess && *count == 0 ? cudaErrorNoDevice : in.error);
}
cudaError_t cudaSetDevice(int number) {
    entry in(ANY_CALL);
    return remember(in.error == cudaSuccess && (number < 0 || number >= device.devices) ? cudaErrorInvalidDevice
                                                                                        : in.error);
}
cudaError_t cudaGetDevice(int *number) {
    *number = 0;
    return cudaSetDevice(0);
}

/** As in sm_NN, of the device with that number: SPT_EMULATED_CAPABILITIES=75,90 lists them, 90 is any other. */
static int capability(int number) {
    const char *at = getenv("SPT_EMULATED_CAPABILITIES");
    for (; at != nullptr && number > 0; number--) {
        at = strchr(at, ',');
        at = at != nullptr ? at + 1 : nullptr;
    }
    return at != nullptr ? atoi(at) : 90;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int number) {
    *value = attribute == cudaDevAttrMultiProcessorCount      ? device.sms
             : attribute == cudaDevAttrL2CacheSize            ? 1 << 20
             : attribute == cudaDevAttrComputeCapabilityMajor ? capability(number) / 10
             : attribute == cudaDevAttrComputeCapabilityMinor ? capability(number) % 10
                                                              : SHARED_LIMIT;
    return cudaSetDevice(number);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int number) {
    *properties = {"emulated device",       device.memory,           SHARED_LIMIT,
                   capability(number) / 10, capability(number) % 10, device.sms};
    return cudaSetDevice(number);
}
