// Device and pinned memory, and copies between them. Device memory is poisoned whenever neither a kernel nor a copy
// runs: a host that touches it is caught.
#include "machine.h"

#include "emulated/gaps.h"

#include <cstdlib>
#include <map>
#include <memory>

#ifdef SPT_EMULATED_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace spt_emulated {

struct allocation {
    size_t bytes;
    bool on_device;
};
static std::map<const char *, allocation> allocations; // by first byte
static std::map<const char *, size_t> gaps;            // in allocations of the device, by first byte
static size_t device_bytes, device_bytes_most;
static int open_count;

#ifdef SPT_EMULATED_ASAN
void poison(const void *memory, size_t bytes) {
    __asan_poison_memory_region(memory, bytes);
}
void unpoison(const void *memory, size_t bytes) {
    __asan_unpoison_memory_region(memory, bytes);
}
#else
void poison(const void *, size_t) {}
void unpoison(const void *, size_t) {}
#endif

// A signalling NaN; numbers that survive a comparison, a maximum with zero, an index check: a large one, a negative
// one, a small one. Seeds from 4 on differ in the low bits, too.
static const uint32_t pattern_kinds[] = {0x7fa5a5a5u, 0x7e7e7e7eu, 0xc1c1c1c1u, 0x3c3c3c3cu};

void fill_pattern(void *memory, size_t bytes) {
    uint32_t word = pattern_kinds[device.pattern % 4] ^ device.pattern / 4;
    for (size_t i = 0; i < bytes; i += sizeof word)
        memcpy((char *)memory + i, &word, bytes - i < sizeof word ? bytes - i : sizeof word);
}

bool never_written(const void *memory, size_t words) {
    for (size_t i = 0; device.pattern == 0 && i < words; i++) // no arithmetic leaves a signalling NaN
        if (memcmp((const char *)memory + i * sizeof pattern_kinds[0], &pattern_kinds[0], sizeof pattern_kinds[0]) == 0)
            return true;
    return false;
}

size_t most_bytes() {
    return device_bytes_most;
}
void restart_most_bytes() {
    device_bytes_most = device_bytes;
}

static void for_each_on_device(void (*change)(const void *, size_t)) {
    for (const auto &[memory, a] : allocations)
        if (a.on_device)
            change(memory, a.bytes);
}
open_memory::open_memory() {
    if (open_count++ == 0)
        for_each_on_device(unpoison);
}
open_memory::~open_memory() {
    if (--open_count == 0)
        for_each_on_device(poison);
}

static auto find(const void *memory) {
    auto after = allocations.upper_bound((const char *)memory);
    return after == allocations.begin() ? allocations.end() : --after;
}

bool device_holds(const void *memory, size_t bytes, bool pinned_too) {
    auto at = find(memory);
    return at != allocations.end() && (at->second.on_device || pinned_too) &&
           (size_t)((const char *)memory - at->first) + bytes <= at->second.bytes;
}

void leave_gap(const void *memory, size_t bytes) {
    if (device_holds(memory, bytes, false))
        gaps[(const char *)memory] = bytes;
}
watched_gaps::watched_gaps() {
    for (const auto &[memory, bytes] : gaps)
        poison(memory, bytes);
}
watched_gaps::~watched_gaps() {
    for (const auto &[memory, bytes] : gaps)
        unpoison(memory, bytes);
}

static cudaError_t allocate(void **memory, size_t bytes, bool on_device) {
    entry in(ALLOCATION);
    *memory = nullptr;
    if (in.error != cudaSuccess || bytes == 0)
        return in.error;
    if (on_device && capturing())
        return remember(cudaErrorStreamCaptureUnsupported);
    if ((on_device && bytes + device_bytes > device.memory) || posix_memalign(memory, 256, bytes) != 0)
        return remember(cudaErrorMemoryAllocation);
    fill_pattern(*memory, bytes);
    allocations[(char *)*memory] = {bytes, on_device};
    device_bytes += on_device ? bytes : 0;
    device_bytes_most = device_bytes > device_bytes_most ? device_bytes : device_bytes_most;
    if (on_device && open_count == 0)
        poison(*memory, bytes);
    count_object(1);
    return cudaSuccess;
}

static cudaError_t release(void *memory, bool on_device) {
    entry in(ANY_CALL);
    if (memory == nullptr)
        return in.error;
    finish_streams();
    auto at = allocations.find((char *)memory);
    if (at == allocations.end() || at->second.on_device != on_device)
        return remember(cudaErrorInvalidValue);
    device_bytes -= on_device ? at->second.bytes : 0;
    gaps.erase(gaps.lower_bound(at->first), gaps.lower_bound(at->first + at->second.bytes));
    allocations.erase(at);
    free(memory);
    count_object(-1);
    return in.error; // what is freed on a lost device is freed
}

/** Whether the bytes may be a copy's end on the side that `kind` says: the device's memory, or not. */
static bool side_fits(const void *memory, size_t bytes, bool on_device, cudaMemcpyKind kind) {
    auto at = find(memory);
    bool in_device =
        at != allocations.end() && at->second.on_device && (const char *)memory < at->first + at->second.bytes;
    return in_device ? (on_device || kind == cudaMemcpyDefault) && device_holds(memory, bytes)
                     : !on_device || kind == cudaMemcpyDefault;
}

/** Nobody knows what is in these rows until the default stream has written them. */
static void forget_rows(void *to, size_t pitch, size_t width, size_t height) {
    if (capturing())
        return;
    open_memory guard;
    for (size_t row = 0; row < height; row++)
        fill_pattern((char *)to + row * pitch, width);
}

static cudaError_t copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                             size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
    entry in(COPY);
    if (in.error != cudaSuccess || width == 0 || height == 0)
        return in.error;
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (width > to_pitch || width > from_pitch || !side_fits(to, to_pitch * (height - 1) + width, to_device, kind) ||
        !side_fits(from, from_pitch * (height - 1) + width, from_device, kind))
        return remember(cudaErrorInvalidValue);
    // Memory that is not pinned is read before the call returns, and written before it does.
    std::shared_ptr<std::vector<char>> read_now;
    if (find(from) == allocations.end() || !device_holds(from, 1)) {
        read_now = std::make_shared<std::vector<char>>(from_pitch * (height - 1) + width);
        memcpy(read_now->data(), from, read_now->size());
    }
    auto copy = [=] {
        open_memory guard;
        const char *source = read_now ? read_now->data() : (const char *)from;
        for (size_t row = 0; row < height; row++)
            memcpy((char *)to + row * to_pitch, source + row * from_pitch, width);
        return cudaSuccess;
    };
    if (stream == nullptr && read_now && device_holds(to, 1, false)) {
        forget_rows(to, to_pitch, width, height);
        return submit_unawaited(copy);
    }
    cudaError_t error = submit(stream, copy);
    if (stream != nullptr && !capturing() && !device_holds(to, 1))
        finish_stream(stream);
    return error;
}

} // namespace spt_emulated

using namespace spt_emulated;

cudaError_t cudaMalloc(void **memory, size_t bytes) {
    return allocate(memory, bytes, true);
}
cudaError_t cudaFree(void *memory) {
    return release(memory, true);
}
cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t) {
    return allocate(memory, bytes, true);
}
cudaError_t cudaFreeAsync(void *memory, cudaStream_t) {
    return release(memory, true);
}
cudaError_t cudaHostAlloc(void **memory, size_t bytes, unsigned) {
    return allocate(memory, bytes, false);
}
cudaError_t cudaFreeHost(void *memory) {
    return release(memory, false);
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
    entry in(ANY_CALL);
    *total = device.memory;
    *free_bytes = device.memory > device_bytes ? device.memory - device_bytes : 0;
    return in.error;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    return copy_rows(to, bytes, from, bytes, bytes, 1, kind, nullptr);
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    return copy_rows(to, bytes, from, bytes, bytes, 1, kind, stream);
}
cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                         cudaMemcpyKind kind) {
    return copy_rows(to, to_pitch, from, from_pitch, width, height, kind, nullptr);
}
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
    return copy_rows(to, to_pitch, from, from_pitch, width, height, kind, stream);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    entry in(COPY);
    if (in.error != cudaSuccess)
        return in.error;
    if (!device_holds(memory, bytes))
        return remember(cudaErrorInvalidValue);
    auto set = [=] {
        open_memory guard;
        memset(memory, value, bytes);
        return cudaSuccess;
    };
    if (stream != nullptr || !device_holds(memory, bytes, false))
        return submit(stream, set);
    forget_rows(memory, bytes, bytes, 1);
    return submit_unawaited(set);
}
cudaError_t cudaMemset(void *memory, int value, size_t bytes) {
    return cudaMemsetAsync(memory, value, bytes, nullptr);
}
