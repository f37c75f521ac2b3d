// Captures and graphs. While a stream is captured, and those that waited for an event of it, work is kept in the order
// of the calls, which is one that the graph allows.
#include "stream.h"

namespace spt_emulated {

static int captures; // that forbid calls which wait

bool capturing() {
    return captures > 0;
}

bool keep_for_graph(cudaStream_t stream, const std::function<cudaError_t()> &work) {
    if (stream->graph != nullptr)
        stream->graph->work.push_back(work);
    return stream->graph != nullptr;
}

} // namespace spt_emulated

using namespace spt_emulated;

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
    leave_captures(*graph);
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
    cudaError_t error = in.error;
    for (size_t i = 0; i < graph->work.size() && error == cudaSuccess; i++)
        error = submit(stream, graph->work[i]);
    return error;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    return destroy(graph);
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    return destroy(graph);
}
