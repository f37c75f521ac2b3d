// The emulated device from inside: threads, blocks, where they meet, and the memory that they see.
#ifndef SPT_EMULATED_MACHINE_H
#define SPT_EMULATED_MACHINE_H

#include <functional>
#include <mutex>
#include <vector>

#include "emulated/control.h"

#include "fiber.h"

namespace spt_emulated {

struct place {
    const char *file;
    int line;
    bool operator==(const place &other) const {
        return line == other.line && (file == other.file || strcmp(file, other.file) == 0);
    }
};

enum waiting { NO_WAIT, AT_BARRIER, AT_COLLECTIVE, AT_MBARRIER, FINISHED };

/** A copy under way: where it lands, and what: the bytes as they were when it was issued. */
struct copy {
    char *to;
    const char *from;
    unsigned bytes, from_bytes; // the last bytes - from_bytes are zero
    unsigned group;
    char few[16]; // the bytes, when they are no more than these
    std::vector<char> many;
    char *data() { return bytes <= sizeof few ? few : many.data(); }
};

struct block;
struct thread {
    indices at; // first: what the kernel reads
    fiber stack;
    block *home;
    unsigned rank; // in its block
    waiting wait;
    place where;     // while it waits
    collective what; // at a collective, with the mask and the value given
    unsigned mask;
    uint64_t value, values[32]; // and what the lanes gave
    unsigned collectives;       // done with this lane as the lowest; its parity picks the tag
    bool fenced;                // by __threadfence(): its atomics release what was before
    void *seen;                 // by its last atomic: acquired by the next fence
    std::vector<copy> copies;   // asynchronous, not landed
    unsigned group;             // of copies that the next commit closes
};

/** A barrier of a block, a cluster or a grid. */
struct meeting {
    unsigned expected;
    std::vector<thread *> arrived;
    place where;
    unsigned phase;
    char tag[2]; // for ThreadSanitizer: released on arrival, acquired on leaving
};

struct mbarrier {
    uint64_t *address;
    unsigned count, missing, phase;
    long bytes; // expected in this phase
    std::vector<copy> copies;
    std::vector<thread *> waiting;
};

struct shared_memory {
    const void *site; // of the declaration; null: dynamic
    char *memory;
    size_t bytes;
};

struct block {
    uint3 index;
    unsigned live, rank; // rank: in its cluster
    std::vector<thread *> threads;
    meeting own, *meetings[SCOPES];
    std::vector<block *> *cluster;
    std::vector<shared_memory> shared; // the first: dynamic
    std::vector<char> tags;            // for ThreadSanitizer, two a thread, for collectives of which it is the lowest
    std::vector<mbarrier> mbarriers;
};

// ---- launch.cpp: the threads that run at once
extern unsigned track;  // which stream does what is done now; 0: the host
extern thread *running; // null on the host
/** Stop `running` until it is made ready; others run. */
void wait_for(waiting what, place where);
void make_ready(thread *woken);
/** `running` is ready, but others may go first. */
void give_way();
/** Print what is wrong, in which kernel, block and thread, and end the process (status 86). */
/** A block has so many bytes of static shared memory; a fault when they are too many. */
void note_static_shared(size_t bytes);
[[noreturn]] void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The thread that calls; a fault on the host. */
inline thread *me() {
    if (running == nullptr)
        fault("a call that only a kernel may make");
    return running;
}
enum { FAULT_STATUS = 86, WARP = 32, MAX_THREADS = 1024 };

// ---- shared.cpp: memory of a block
enum { STATIC_SHARED_LIMIT = 48 * 1024, SHARED_LIMIT = 227 * 1024 };
void shared_start(block *started, size_t dynamic_bytes);
void shared_finish(block *finished); // nobody may touch it now
void shared_free(block *freed);
/** The declaration of home that holds all the bytes, or null. */
shared_memory *shared_find(block *home, const void *address, size_t bytes);

// ---- memory.cpp: memory of the device, which the host cannot touch but through calls
void fill_pattern(void *memory, size_t bytes);
/** Whether one of so many floats is what fresh memory has; with the pattern 0 alone it can be told. */
bool never_written(const void *memory, size_t words);
void poison(const void *memory, size_t bytes);
void unpoison(const void *memory, size_t bytes);
/** Whether all the bytes lie in one allocation of the device (or pinned memory, which it reaches too). */
bool device_holds(const void *memory, size_t bytes, bool pinned_too = true);
/** While one lives, device memory can be touched. */
struct open_memory {
    open_memory();
    ~open_memory();
};
/** While one lives, gaps (emulated/gaps.h) cannot: for kernels, copies go over them. */
struct watched_gaps {
    watched_gaps();
    ~watched_gaps();
};

// ---- device.cpp: errors
/** While one lives, the calling host thread alone is in the runtime. Counts a call of that kind. */
struct entry {
    std::lock_guard<std::recursive_mutex> alone;
    cudaError_t error; // that the call is to return
    explicit entry(call kind);
};
cudaError_t remember(cudaError_t error); // for cudaGetLastError; returns it
void count_object(int change);

// ---- stream.cpp and graph.cpp
/** Give the stream that work, or keep it for the graph that the stream is captured into. */
cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work);
/** The same for the default stream, where the host does not wait until it is done. */
cudaError_t submit_unawaited(std::function<cudaError_t()> work);
/** Wait until all that streams were given is done. */
void finish_stream(cudaStream_t stream);
void finish_streams();
void finish_default_stream();
/** Whether a call that waits or allocates may be made now: not while a stream is captured. */
bool capturing();

} // namespace spt_emulated
#endif
