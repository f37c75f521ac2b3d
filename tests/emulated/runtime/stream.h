// Inside of streams, between stream.cpp and graph.cpp.
#ifndef SPT_EMULATED_STREAM_H
#define SPT_EMULATED_STREAM_H

#include <chrono>
#include <deque>
#include <memory>

#include "machine.h"

namespace spt_emulated {

/** A recording of an event. */
struct mark {
    bool reached = false;
    char tag = 0; // for ThreadSanitizer
};

/** Something that a stream is to do: wait, work, reach a mark. */
struct piece {
    std::function<cudaError_t()> work;
    std::shared_ptr<mark> waits, marks;
    std::unique_ptr<char> submitted; // for ThreadSanitizer: what the host did before
};

/** While one lives, what is done is done by the stream. */
struct track_of_stream {
    unsigned before;
    void *host;
    explicit track_of_stream(cudaStream_t stream);
    ~track_of_stream();
};

/** Give work to a stream; without delay it is done when this returns. */
cudaError_t enqueue(cudaStream_t stream, piece work);
void finish_stream_here(cudaStream_t stream);

/** Whether the stream is captured; the work is then kept. */
bool keep_for_graph(cudaStream_t stream, const std::function<cudaError_t()> &work);
/** The streams that are captured into the graph are so no longer. */
void leave_captures(cudaGraph_t graph);

template <typename T>
cudaError_t create(T **made) {
    entry in(CREATION);
    *made = nullptr;
    if (in.error != cudaSuccess)
        return in.error;
    *made = new T();
    count_object(1);
    return cudaSuccess;
}
template <typename T>
cudaError_t destroy(T *object) {
    entry in(ANY_CALL);
    if (object == nullptr)
        return remember(cudaErrorInvalidResourceHandle);
    delete object;
    count_object(-1);
    return in.error;
}

} // namespace spt_emulated

struct CUgraph_st {
    std::vector<std::function<cudaError_t()>> work;
};
struct CUgraphExec_st {
    std::vector<std::function<cudaError_t()>> work;
};
struct CUstream_st {
    CUgraph_st *graph; // captured into
    bool began;        // the capture, and so must end it
    bool strict;       // no call that waits, while it goes on
    bool blocking;     // waits for the default stream, which waits for it
    unsigned track;
    std::deque<spt_emulated::piece> pending;
    cudaError_t failed;
    void *tsan_fiber;
    char tag;
};
struct CUevent_st {
    CUgraph_st *graph; // recorded in a captured stream
    std::shared_ptr<spt_emulated::mark> last;
    std::chrono::steady_clock::time_point at;
};

#endif
