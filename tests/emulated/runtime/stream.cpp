// Streams and events. By default streams do their work at once, in the order of the calls. With device.delay work waits
// until somebody waits for it: then streams that nothing orders run on in an order drawn from the seed. ThreadSanitizer
// always sees a stream as a thread of its own, ordered with the host and with others by events and waits alone.
#include "stream.h"

#include <algorithm>

namespace spt_emulated {

static std::vector<cudaStream_t> streams;
static uint64_t drawn;

/** Below n; splitmix64. */
static size_t draw(size_t n) {
    uint64_t z = ((uint64_t)device.delay << 32) + ++drawn * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (size_t)((z ^ z >> 31) % n);
}

track_of_stream::track_of_stream(cudaStream_t stream) : before(track), host(nullptr) {
    track = stream->track;
#ifdef SPT_EMULATED_TSAN
    host = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(stream->tsan_fiber, __tsan_switch_to_fiber_no_sync);
#endif
}
track_of_stream::~track_of_stream() {
#ifdef SPT_EMULATED_TSAN
    __tsan_switch_to_fiber(host, __tsan_switch_to_fiber_no_sync);
#endif
    track = before;
}

// ---- one piece of work after another

static bool can_go_on(cudaStream_t stream) {
    return !stream->pending.empty() && (!stream->pending.front().waits || stream->pending.front().waits->reached);
}

/** Do the first piece of work of a stream that can go on. */
static void step(cudaStream_t stream) {
    track_of_stream here(stream); // first: what the work holds is freed by who did it
    piece next = std::move(stream->pending.front());
    stream->pending.pop_front();
    __tsan_acquire(next.submitted.get());
    if (next.waits)
        __tsan_acquire(&next.waits->tag);
    if (next.work) {
        cudaError_t error = next.work();
        stream->failed = stream->failed == cudaSuccess ? error : stream->failed;
    }
    if (next.marks) {
        __tsan_release(&next.marks->tag);
        next.marks->reached = true;
    }
    __tsan_release(&stream->tag);
}

/** Work goes on until done() says so: of one stream, the wanted or any, and of the others never before it has to wait,
 * as often, or first. */
template <typename F>
static void go_on(cudaStream_t wanted, F done) {
    if (wanted == nullptr && !streams.empty())
        wanted = streams[draw(streams.size())];
    const size_t others = draw(3); // in 0: never; 1: as often; 2: first
    while (!done()) {
        std::vector<cudaStream_t> ready;
        for (cudaStream_t s : streams)
            if (can_go_on(s) && (s != wanted || others < 2))
                ready.push_back(s);
        if (wanted != nullptr && can_go_on(wanted) && (others == 0 || ready.empty()))
            ready = {wanted};
        if (ready.empty())
            fault("a stream that waits for an event which nothing will reach");
        step(ready[draw(ready.size())]);
    }
}

void finish_stream(cudaStream_t stream) {
    go_on(stream, [=] { return stream->pending.empty(); });
    __tsan_acquire(&stream->tag);
}
void finish_streams() {
    finish_default_stream();
    for (cudaStream_t s : streams)
        finish_stream(s);
}

// Copies and fills of the default stream that the host has not waited for: pageable memory may be on its way when
// cudaMemcpy returns. The streams that do not wait for the default one see nothing of them before.
static std::deque<std::function<cudaError_t()>> unawaited;

void finish_default_stream() {
    for (; !unawaited.empty(); unawaited.pop_front())
        (void)unawaited.front()();
}

/** The host waits for work on default streams that it launches, and for blocking streams before it. */
static void finish_blocking_streams() {
    for (cudaStream_t s : streams)
        if (s->blocking)
            finish_stream(s);
}

cudaError_t enqueue(cudaStream_t stream, piece work) {
    work.submitted = std::make_unique<char>();
    __tsan_release(work.submitted.get());
    stream->pending.push_back(std::move(work));
    if (device.delay == 0)
        finish_stream_here(stream);
    return cudaSuccess;
}

/** As finish_stream, but the host learns nothing by it. */
void finish_stream_here(cudaStream_t stream) {
    go_on(stream, [=] { return stream->pending.empty(); });
}

cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work) {
    if (stream == nullptr && capturing())
        return remember(cudaErrorStreamCaptureUnsupported); // the default stream waits for all others
    if (stream == nullptr) {
        finish_blocking_streams();
        finish_default_stream();
        return remember(work());
    }
    if (keep_for_graph(stream, work))
        return cudaSuccess;
    if (stream->blocking)
        finish_default_stream();
    enqueue(stream, {std::move(work), nullptr, nullptr, nullptr});
    return device.delay == 0 ? remember(stream->failed) : cudaSuccess;
}

cudaError_t submit_unawaited(std::function<cudaError_t()> work) {
    if (capturing())
        return remember(cudaErrorStreamCaptureUnsupported);
    finish_blocking_streams();
    unawaited.push_back(std::move(work));
    return cudaSuccess;
}

void leave_captures(cudaGraph_t graph) {
    for (cudaStream_t s : streams)
        if (s->graph == graph)
            s->graph = nullptr;
}

} // namespace spt_emulated

using namespace spt_emulated;

// ---- streams

/** The lowest number that no stream has. */
static unsigned free_track() {
    unsigned number = 1;
    while (std::any_of(streams.begin(), streams.end(), [=](cudaStream_t s) { return s->track == number; }))
        number++;
    return number;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int) {
    cudaError_t error = create(stream);
    if (error != cudaSuccess)
        return error;
    (*stream)->blocking = flags != cudaStreamNonBlocking;
    (*stream)->track = free_track();
#ifdef SPT_EMULATED_TSAN
    (*stream)->tsan_fiber = __tsan_create_fiber(0);
#endif
    streams.push_back(*stream);
    return error;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamCreate(cudaStream_t *stream) {
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    if (stream != nullptr)
        finish_stream(stream);
    streams.erase(std::remove(streams.begin(), streams.end(), stream), streams.end());
#ifdef SPT_EMULATED_TSAN
    if (stream != nullptr)
        __tsan_destroy_fiber(stream->tsan_fiber);
#endif
    return destroy(stream);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    entry in(SYNCHRONIZATION);
    if (stream != nullptr ? stream->graph != nullptr : capturing())
        return remember(cudaErrorStreamCaptureUnsupported);
    if (in.error != cudaSuccess)
        return in.error;
    if (stream == nullptr) {
        finish_blocking_streams();
        finish_default_stream();
    } else {
        finish_stream(stream);
    }
    return stream != nullptr ? remember(stream->failed) : cudaSuccess;
}
cudaError_t cudaDeviceSynchronize(void) {
    entry in(SYNCHRONIZATION);
    if (capturing())
        return remember(cudaErrorStreamCaptureUnsupported);
    if (in.error == cudaSuccess)
        finish_streams();
    return in.error;
}

// ---- events

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
    return create(event);
}
cudaError_t cudaEventCreate(cudaEvent_t *event) {
    return create(event);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    return destroy(event);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    entry in(ANY_CALL);
    event->graph = stream != nullptr ? stream->graph : nullptr;
    event->at = std::chrono::steady_clock::now();
    if (in.error != cudaSuccess || event->graph != nullptr)
        return in.error;
    event->last = std::make_shared<mark>();
    if (stream == nullptr) {
        finish_default_stream();
        event->last->reached = true;
    } else {
        enqueue(stream, {nullptr, nullptr, event->last, nullptr});
    }
    return in.error;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    entry in(ANY_CALL);
    if (stream != nullptr && event->graph != nullptr)
        stream->graph = event->graph; // the stream joins the capture
    else if (stream != nullptr && stream->graph == nullptr && event->last && in.error == cudaSuccess)
        enqueue(stream, {nullptr, event->last, nullptr, nullptr});
    return in.error;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    entry in(SYNCHRONIZATION);
    if (event->graph != nullptr)
        return remember(cudaErrorStreamCaptureUnsupported);
    if (in.error != cudaSuccess || !event->last)
        return in.error;
    std::shared_ptr<mark> last = event->last;
    go_on(nullptr, [=] { return last->reached; });
    __tsan_acquire(&last->tag);
    return in.error;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
    return cudaSuccess;
}
