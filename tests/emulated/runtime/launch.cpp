// A launch: clusters of blocks (or the whole grid, when cooperative) one after another, the threads of each as fibers.
// Any thread that is ready may be the next to run, by the seed; it runs until it waits.
#include "machine.h"

#include "cooperative_groups.h"

#include <algorithm>
#include <cstdarg>
#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <unistd.h>

#include <sanitizer/common_interface_defs.h>

namespace spt_emulated {

struct shape {
    const void *kernel;
    std::function<void()> body;
    dim3 grid, block, cluster;
    size_t dynamic_bytes;
    bool cooperative;
};

thread *running;
static struct {
    const shape *launched;
    std::deque<thread *> ready;
    std::vector<std::unique_ptr<block>> blocks, past; // past: that have finished, under ThreadSanitizer
    size_t live;                                      // threads that have not finished
    uint64_t random;
    char *tags; // of this launch, for ThreadSanitizer: released when threads start, and by each when it ends
} now;
unsigned track;
static std::map<unsigned, std::deque<thread>> pools; // of each track: made once, used by every launch

/** Below n; splitmix64. */
static size_t draw(size_t n) {
    uint64_t z = now.random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (size_t)((z ^ z >> 31) % n);
}

template <typename T>
static void shuffle(std::vector<T> &order) {
    for (size_t i = order.size(); device.seed != 0 && i > 1; i--)
        std::swap(order[i - 1], order[draw(i)]);
}

// ---- faults

static std::string name_of(const void *kernel) {
    char name[256] = "?";
    if (kernel != nullptr) // an address to return to is what it expects: what lies before it is named
        __sanitizer_symbolize_pc((char *)kernel + 1, "%f", name, sizeof name);
    return name;
}

void fault(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "emulated device: ");
    if (running != nullptr) {
        uint3 b = running->at.block, t = running->at.thread;
        fprintf(stderr, "%s, block (%u, %u, %u), thread (%u, %u, %u): ",
                name_of(now.launched ? now.launched->kernel : nullptr).c_str(), b.x, b.y, b.z, t.x, t.y, t.z);
    }
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    __sanitizer_print_stack_trace();
    _exit(FAULT_STATUS);
}

static std::string say_wait(const thread *t) {
    static const char *const names[] = {"?", "__syncwarp", "shuffle", "vote"};
    std::string at = std::string(", ") + (t->where.file ? t->where.file : "") + ":" + std::to_string(t->where.line);
    char mask[32];
    snprintf(mask, sizeof mask, " of mask %08x", t->mask);
    return t->wait == FINISHED      ? "finished"
           : t->wait == AT_BARRIER  ? "wait at a barrier" + at
           : t->wait == AT_MBARRIER ? "wait for an mbarrier" + at
                                    : std::string("wait at a ") + names[t->what] + mask + at;
}

/** No thread can go on. */
[[noreturn]] static void stalled() {
    const char *what = "an mbarrier's phase that never completes (arrivals or bytes are missing)";
    std::string states;
    for (auto &b : now.blocks) {
        for (size_t i = 0, end; i < b->threads.size(); i = end) {
            std::string state = say_wait(b->threads[i]);
            for (end = i + 1; end < b->threads.size() && say_wait(b->threads[end]) == state;)
                end++;
            states += "\n    block (" + std::to_string(b->index.x) + ", " + std::to_string(b->index.y) + ", " +
                      std::to_string(b->index.z) + "), threads " + std::to_string(i) + " to " +
                      std::to_string(end - 1) + ": " + state;
            if (b->threads[i]->wait == AT_BARRIER)
                what = "a barrier not reached by all threads";
            else if (b->threads[i]->wait == AT_COLLECTIVE)
                what = "a warp collective not reached by all lanes of its mask";
        }
    }
    fault("%s%s", what, states.c_str());
}

// ---- threads

/** Give way to a thread that is ready, or to the host when all have finished; returns when the caller is run again.
 *  `from` is null on the host. */
static void leave(thread *from) {
    static thread_local fiber host;
    if (from == nullptr && host.stack == nullptr)
        fiber_adopt(&host);
#ifdef SPT_EMULATED_TSAN
    if (from == nullptr)
        host.tsan_fiber = __tsan_get_current_fiber(); // of the stream that works
#endif
    thread *next = nullptr;
    if (!now.ready.empty()) {
        if (device.seed != 0)
            std::swap(now.ready.front(), now.ready[draw(now.ready.size())]);
        next = now.ready.front();
        now.ready.pop_front();
    } else if (now.live > 0) {
        stalled();
    }
    if (next == from)
        return;
    running = next;
    fiber_switch(from != nullptr ? &from->stack : &host, next != nullptr ? &next->stack : &host);
}

void wait_for(waiting what, place where) {
    running->wait = what;
    running->where = where;
    leave(running);
}

void give_way() {
    leave(running);
}

void make_ready(thread *woken) {
    quiet here; // a launch on another stream uses the same list, and nothing orders the two
    woken->wait = NO_WAIT;
    now.ready.push_back(woken);
}

static void thread_main() {
    fiber_started();
    for (;;) {
        __tsan_acquire(&now.tags[0]);
        now.launched->body();
        __tsan_release(&now.tags[1]);
        quiet here;
        thread *t = running;
        t->copies.clear();
        t->wait = FINISHED;
        now.live--;
        if (--t->home->live == 0)
            shared_finish(t->home);
        leave(t);
    }
}

const indices *self() {
    return &me()->at;
}

void barrier(scope who, const char *file, int line) {
    quiet here;
    meeting *m = me()->home->meetings[who];
    place where = {file, line};
    if (m == nullptr)
        fault("a barrier of the grid in a launch that is not cooperative");
    if (!m->arrived.empty() && !(m->where == where))
        fault("a barrier in divergent code: this thread is at %s:%d, others wait at %s:%d", file, line, m->where.file,
              m->where.line);
    unsigned phase = m->phase;
    m->where = where;
    m->arrived.push_back(running);
    __tsan_release(&m->tag[phase % 2]);
    if (m->arrived.size() == m->expected) {
        for (thread *t : m->arrived)
            make_ready(t);
        m->arrived.clear();
        m->phase++;
        give_way();
    } else {
        wait_for(AT_BARRIER, where);
    }
    __tsan_acquire(&m->tag[phase % 2]);
}

ranks ranks_in(scope who) {
    const block *b = me()->home;
    unsigned threads = (unsigned)b->threads.size(), size = (unsigned)b->cluster->size();
    dim3 grid = running->at.grid;
    if (who == BLOCK)
        return {running->rank, threads, 0, 1};
    if (who == CLUSTER)
        return {b->rank * threads + running->rank, size * threads, b->rank, size};
    unsigned number = (b->index.z * grid.y + b->index.y) * grid.x + b->index.x, blocks = grid.x * grid.y * grid.z;
    return {number * threads + running->rank, blocks * threads, number, blocks};
}

// A fence and then an atomic release, an atomic and then a fence acquire, at the atomic's address.
void fence() {
    thread *t = me();
    if (t->seen != nullptr)
        __tsan_acquire(t->seen);
    t->fenced = true;
}
void atomic_at(void *address) {
    thread *t = me();
    if (t->fenced)
        __tsan_release(address);
    t->seen = address;
}

// ---- blocks

static void start_meeting(meeting *started, unsigned expected) {
    started->expected = expected;
    started->arrived.clear();
}

static uint3 split(unsigned index, dim3 extent) {
    return {index % extent.x, index / extent.x % extent.y, index / (extent.x * extent.y)};
}

static void start_block(block *b, thread **of, const shape *launched, meeting *cluster, meeting *grid) {
    unsigned count = launched->block.x * launched->block.y * launched->block.z;
    b->live = count;
    b->mbarriers.clear();
    b->meetings[BLOCK] = &b->own;
    b->meetings[CLUSTER] = cluster;
    b->meetings[GRID] = grid;
    start_meeting(&b->own, count);
    b->threads.assign(of, of + count);
    b->tags.resize(2 * count);
    for (unsigned rank = 0; rank < count; rank++) {
        thread *t = of[rank];
        t->at = {split(rank, launched->block), b->index, launched->block, launched->grid};
        t->home = b;
        t->rank = rank;
        t->group = 0;
        t->fenced = false;
        t->seen = nullptr;
        make_ready(t);
    }
    shared_start(b, launched->dynamic_bytes);
}

/** So many threads, shuffled so that races of two blocks are between two fibers. Under ThreadSanitizer not those of the
 *  blocks before: whoever met the others at a barrier knows what they did, also when it is a thread of the next block.
 */
static std::vector<thread *> take_threads(size_t count) {
#ifdef SPT_EMULATED_TSAN // nor of another stream: what its threads did is not ordered with what these do
    const size_t least = (count <= 128 ? 4 : 2) * count;
    std::deque<thread> &threads = pools[track];
#else
    const size_t least = count;
    std::deque<thread> &threads = pools[0];
#endif
    static size_t next;
    while (threads.size() < least) {
        threads.emplace_back();
        fiber_create(&threads.back().stack, thread_main);
    }
    std::vector<thread *> taken(count);
    for (thread *&t : taken)
        t = &threads[next++ % least];
    shuffle(taken);
    return taken;
}

/** Run the blocks of these clusters at once, until all their threads have finished. */
static void run_together(const shape *launched, const unsigned *clusters, size_t n_clusters) {
    dim3 in = launched->cluster, of(launched->grid.x / in.x, launched->grid.y / in.y, launched->grid.z / in.z);
    unsigned block_threads = launched->block.x * launched->block.y * launched->block.z;
    unsigned size = in.x * in.y * in.z;
    size_t n_threads = n_clusters * size * block_threads;
#ifdef SPT_EMULATED_TSAN
    // New blocks: neither their memory nor their barriers have to do with those of the blocks before, which are kept
    // until the end of the launch so that no address is used again.
    for (auto &b : now.blocks)
        now.past.push_back(std::move(b));
    now.blocks.clear();
#endif
    while (now.blocks.size() < n_clusters * size)
        now.blocks.push_back(std::make_unique<block>());
    std::vector<thread *> taken = take_threads(n_threads);
    std::vector<meeting> cluster_meetings(n_clusters);
    std::vector<std::vector<block *>> members(n_clusters);
    meeting grid = {};
    start_meeting(&grid, (unsigned)n_threads);
    now.live = n_threads;
    for (size_t c = 0; c < n_clusters; c++) {
        uint3 base = split(clusters[c], of);
        start_meeting(&cluster_meetings[c], size * block_threads);
        for (unsigned rank = 0; rank < size; rank++) {
            block *b = now.blocks[c * size + rank].get();
            uint3 within = split(rank, in);
            b->index = {base.x * in.x + within.x, base.y * in.y + within.y, base.z * in.z + within.z};
            b->rank = rank;
            b->cluster = &members[c];
            members[c].push_back(b);
            start_block(b, &taken[(c * size + rank) * block_threads], launched, &cluster_meetings[c],
                        launched->cooperative ? &grid : nullptr);
        }
    }
    __tsan_release(&now.tags[0]);
    leave(nullptr);
}

static void run(const shape &launched) {
    open_memory guard;
    watched_gaps between_arrays;
    size_t size = (size_t)launched.cluster.x * launched.cluster.y * launched.cluster.z;
    size_t n_clusters = (size_t)launched.grid.x * launched.grid.y * launched.grid.z / size;
    std::vector<unsigned> clusters(n_clusters);
    std::iota(clusters.begin(), clusters.end(), 0u);
    static uint64_t launches;
    now.random = (uint64_t)device.seed << 32 | ++launches;
    now.launched = &launched;
    now.tags = new char[2]; // fresh: nothing else was ever ordered by them
    shuffle(clusters);
    size_t at_once = launched.cooperative ? n_clusters : 1;
    for (size_t c = 0; c < n_clusters; c += at_once)
        run_together(&launched, &clusters[c], at_once);
    // Only now: two blocks that touch one word without an order between them is a race, too.
    __tsan_acquire(&now.tags[1]);
    delete[] now.tags;
    for (auto *blocks : {&now.blocks, &now.past}) {
        for (auto &b : *blocks)
            shared_free(b.get());
        blocks->clear();
    }
    now.launched = nullptr;
}

// ---- what a launch may ask for

struct kernel_limits {
    size_t dynamic_bytes = STATIC_SHARED_LIMIT; // until it opts in to more
    size_t static_bytes = 0;                    // seen so far
    bool big_clusters = false;
    bool launched = false;
};
static std::map<const void *, kernel_limits> limits;

std::vector<std::string> launched_kernels() {
    std::vector<std::string> names;
    for (const auto &[kernel, k] : limits)
        if (k.launched)
            names.push_back(name_of(kernel));
    return names;
}

void note_static_shared(size_t bytes) {
    size_t &seen = limits[now.launched->kernel].static_bytes;
    seen = std::max(seen, bytes);
    if (bytes > STATIC_SHARED_LIMIT || bytes + now.launched->dynamic_bytes > SHARED_LIMIT)
        fault("%zu bytes of static and %zu of dynamic shared memory; at most %d static, %d together", bytes,
              now.launched->dynamic_bytes, STATIC_SHARED_LIMIT, SHARED_LIMIT);
}

static int blocks_that_fit(size_t threads, size_t shared_bytes) {
    size_t each = shared_bytes + 1024;
    return (int)std::min({(size_t)(SHARED_LIMIT + 1024) / each, (size_t)2048 / ((threads + 31) / 32 * 32), (size_t)32});
}

cudaError_t set_attribute(const void *kernel, cudaFuncAttribute attribute, int value) {
    entry in(ANY_CALL);
    if (in.error != cudaSuccess)
        return in.error;
    kernel_limits &k = limits[kernel];
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
        if (value < 0 || (size_t)value + k.static_bytes > SHARED_LIMIT)
            return remember(cudaErrorInvalidValue);
        k.dynamic_bytes = (size_t)value;
    } else if (attribute == cudaFuncAttributeNonPortableClusterSizeAllowed) {
        k.big_clusters = value != 0;
    }
    return cudaSuccess;
}

/** The launch that the configuration describes, or an error. */
static cudaError_t read_config(const cudaLaunchConfig_t *config, const void *kernel, shape *out) {
    const kernel_limits &k = limits[kernel];
    dim3 grid = config->gridDim, block = config->blockDim, cluster;
    *out = {kernel, {}, grid, block, cluster, config->dynamicSmemBytes, false};
    for (unsigned i = 0; i < config->numAttrs; i++) {
        const cudaLaunchAttribute &a = config->attrs[i];
        if (a.id == cudaLaunchAttributeCooperative)
            out->cooperative = a.val.cooperative != 0;
        else if (a.id == cudaLaunchAttributeClusterDimension)
            out->cluster = cluster = dim3(a.val.clusterDim.x, a.val.clusterDim.y, a.val.clusterDim.z);
    }
    uint64_t threads = (uint64_t)block.x * block.y * block.z, blocks = (uint64_t)grid.x * grid.y * grid.z;
    uint64_t members = (uint64_t)cluster.x * cluster.y * cluster.z;
    if (threads < 1 || threads > MAX_THREADS || block.z > 64 || blocks < 1 || grid.x > 0x7fffffffu || grid.y > 65535 ||
        grid.z > 65535)
        return cudaErrorInvalidConfiguration;
    if (config->dynamicSmemBytes > k.dynamic_bytes || config->dynamicSmemBytes + k.static_bytes > SHARED_LIMIT)
        return cudaErrorInvalidValue;
    if (members < 1 || members > (k.big_clusters ? 16 : 8) || grid.x % cluster.x || grid.y % cluster.y ||
        grid.z % cluster.z)
        return cudaErrorInvalidClusterSize;
    int fit = blocks_that_fit(threads, config->dynamicSmemBytes + k.static_bytes);
    if (out->cooperative && blocks > (uint64_t)fit * (uint64_t)device.sms)
        return cudaErrorCooperativeLaunchTooLarge;
    return cudaSuccess;
}

cudaError_t launch(const cudaLaunchConfig_t *config, const void *kernel, std::function<void()> body) {
    entry in(LAUNCH);
    shape asked;
    cudaError_t error = in.error != cudaSuccess ? in.error : read_config(config, kernel, &asked);
    if (error != cudaSuccess)
        return remember(error);
    asked.body = std::move(body);
    limits[kernel].launched = true;
    return submit(config->stream, [asked] {
        run(asked);
        return cudaSuccess;
    });
}

void check_pointer(const void *kernel, int argument, const void *pointer) {
    if (pointer != nullptr && !device_holds(pointer, 0))
        fault("argument %d of %s points to memory that the device cannot reach", argument, name_of(kernel).c_str());
}

} // namespace spt_emulated
