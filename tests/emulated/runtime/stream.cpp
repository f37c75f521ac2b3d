// Streams do their work at once. While one is captured, and those that waited for an event of it, the work is kept in
// the order of the calls, which is one that the graph allows.
#include "machine.h"

#include <algorithm>
#include <chrono>

using namespace spt_emulated;
typedef std::vector<std::function<cudaError_t()>> work_list;

struct CUgraph_st {
    work_list work;
};
struct CUgraphExec_st {
    work_list work;
};
struct CUstream_st {
    CUgraph_st *graph; // captured into
    bool began;        // the capture, and so must end it
    bool strict;       // no call that waits, while it goes on
};
struct CUevent_st {
    CUgraph_st *graph; // recorded in a captured stream
    std::chrono::steady_clock::time_point at;
};

static int captures; // that forbid calls which wait
static std::vector<cudaStream_t> streams;

namespace spt_emulated {

cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work) {
    if (stream == nullptr && captures > 0)
        return remember(cudaErrorStreamCaptureUnsupported); // the default stream waits for all others
    if (stream == nullptr || stream->graph == nullptr)
        return remember(work());
    stream->graph->work.push_back(std::move(work));
    return cudaSuccess;
}

bool capturing() {
    return captures > 0;
}

template <typename T>
static cudaError_t create(T **made) {
    entry in(CREATION);
    *made = nullptr;
    if (in.error != cudaSuccess)
        return in.error;
    *made = new T();
    count_object(1);
    return cudaSuccess;
}
template <typename T>
static cudaError_t destroy(T *object) {
    entry in(ANY_CALL);
    if (object == nullptr)
        return remember(cudaErrorInvalidResourceHandle);
    delete object;
    count_object(-1);
    return in.error;
}

} // namespace spt_emulated

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned, int) {
    cudaError_t error = create(stream);
    if (error == cudaSuccess)
        streams.push_back(*stream);
    return error;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamCreate(cudaStream_t *stream) {
    return cudaStreamCreateWithFlags(stream, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    streams.erase(std::remove(streams.begin(), streams.end(), stream), streams.end());
    return destroy(stream);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    entry in(SYNCHRONIZATION);
    bool captured = stream != nullptr ? stream->graph != nullptr : captures > 0;
    return captured ? remember(cudaErrorStreamCaptureUnsupported) : in.error;
}
cudaError_t cudaDeviceSynchronize(void) {
    return cudaStreamSynchronize(nullptr);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    entry in(ANY_CALL);
    if (stream != nullptr && event->graph != nullptr)
        stream->graph = event->graph; // the stream joins the capture
    return in.error;
}

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
    return in.error;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    entry in(SYNCHRONIZATION);
    return event->graph != nullptr ? remember(cudaErrorStreamCaptureUnsupported) : in.error;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    entry in(CREATION);
    if (in.error != cudaSuccess)
        return in.error;
    if (stream == nullptr || stream->graph != nullptr)
        return remember(cudaErrorStreamCaptureUnsupported);
    stream->graph = new CUgraph_st();
    stream->began = true;
    stream->strict = mode != cudaStreamCaptureModeRelaxed;
    captures += stream->strict;
    count_object(1);
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    entry in(ANY_CALL);
    *graph = nullptr;
    if (stream == nullptr || !stream->began)
        return remember(cudaErrorStreamCaptureUnmatched);
    *graph = stream->graph;
    captures -= stream->strict;
    stream->began = stream->strict = false;
    for (cudaStream_t s : streams)
        if (s->graph == *graph)
            s->graph = nullptr;
    return in.error;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *made, cudaGraph_t graph, unsigned long long) {
    cudaError_t error = create(made);
    if (error == cudaSuccess)
        (*made)->work = graph->work;
    return error;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    entry in(LAUNCH);
    return in.error != cudaSuccess ? in.error : submit(stream, [graph] {
        cudaError_t error = cudaSuccess;
        for (size_t i = 0; i < graph->work.size() && error == cudaSuccess; i++)
            error = graph->work[i]();
        return error;
    });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    return destroy(graph);
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    return destroy(graph);
}
