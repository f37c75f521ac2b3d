// Asynchronous copies. When one is issued, its destination turns into the fill pattern (poisoned, too); it lands when
// its group, or the phase of its mbarrier, is waited for. So whoever reads without the wait reads what no one has
// written.
#include "machine.h"

#include "emulated/async.h"

#include <algorithm>

namespace spt_emulated {

static bool aligned(const void *address, size_t bytes) {
    return (uintptr_t)address % bytes == 0;
}

static copy issue(void *to, const void *from, unsigned bytes, unsigned from_bytes, unsigned alignment) {
    if (!aligned(to, alignment) || (from_bytes > 0 && !aligned(from, alignment)))
        fault("a misaligned asynchronous copy: from %p to %p, both must be multiples of %u", from, to, alignment);
    if (shared_find(running->home, to, bytes) == nullptr)
        fault("an asynchronous copy of %u bytes to %p, which are not in this block's shared memory", bytes, to);
    if (from_bytes > 0 && !device_holds(from, from_bytes))
        fault("an asynchronous copy reads %u bytes at %p, which are not in one allocation", from_bytes, from);
    copy c = {(char *)to, (const char *)from, bytes, from_bytes, running->group, {}, {}};
    if (bytes > sizeof c.few)
        c.many.resize(bytes);
    __tsan_ignore_thread_end(); // these two are accesses of the kernel
    __tsan_read_range(from, from_bytes);
    __tsan_write_range(to, bytes);
    __tsan_ignore_thread_begin();
    memcpy(c.data(), from, from_bytes);
    fill_pattern(to, bytes);
    poison(to, bytes);
    return c;
}

static void land(copy &c) {
    if (memcmp(c.data(), c.from, c.from_bytes) != 0)
        fault("the source of an asynchronous copy, at %p, was written while the copy was under way", c.from);
    __tsan_ignore_thread_end();
    __tsan_read_range(c.from, c.from_bytes);
    __tsan_write_range(c.to, c.bytes);
    __tsan_ignore_thread_begin();
    unpoison(c.to, c.bytes);
    memcpy(c.to, c.data(), c.bytes);
}

void copy_issue(void *shared, const void *global, unsigned bytes, unsigned source_bytes) {
    quiet here;
    if (source_bytes > bytes)
        fault("an asynchronous copy of %u bytes with %u bytes of source", bytes, source_bytes);
    running->copies.push_back(issue(shared, global, bytes, source_bytes, bytes));
}

void copy_commit() {
    me()->group++;
}

void copy_wait(unsigned groups) {
    quiet here;
    std::vector<copy> &all = running->copies;
    size_t landed = 0; // copies are in order of their groups; an uncommitted one belongs to a group still to come
    while (landed < all.size() && all[landed].group + groups < running->group)
        land(all[landed++]);
    all.erase(all.begin(), all.begin() + (long)landed);
}

static mbarrier *find(uint64_t *address) {
    for (mbarrier &m : running->home->mbarriers)
        if (m.address == address)
            return &m;
    fault("%p is not an initialised mbarrier of this block", (void *)address);
}

void mbarrier_init(uint64_t *address, unsigned arrivals) {
    quiet here;
    if (!aligned(address, sizeof *address) || shared_find(running->home, address, sizeof *address) == nullptr)
        fault("an mbarrier at %p: not 8 aligned bytes of this block's shared memory", (void *)address);
    std::vector<mbarrier> &all = running->home->mbarriers;
    for (const mbarrier &m : all)
        if (m.address == address)
            fault("an mbarrier is initialised twice");
    all.push_back({address, arrivals, arrivals, 0, 0, {}, {}});
}

/** Complete the phase when all have arrived and all bytes are under way. */
static void settle(mbarrier *m) {
    long bytes = m->bytes;
    for (const copy &c : m->copies)
        bytes -= (long)c.bytes;
    if (m->missing > 0 || bytes != 0)
        return;
    __tsan_acquire(m->address);
    for (copy &c : m->copies)
        land(c);
    __tsan_release(m->address);
    m->copies.clear();
    m->bytes = 0;
    m->missing = m->count;
    m->phase++;
    for (thread *t : m->waiting)
        make_ready(t);
    m->waiting.clear();
}

void mbarrier_arrive(uint64_t *address, unsigned bytes) {
    quiet here;
    mbarrier *m = find(address);
    if (m->missing == 0)
        settle(m); // a phase that no one has waited for
    if (m->missing == 0)
        fault("more than %u threads arrive at an mbarrier in one phase", m->count);
    __tsan_release(address);
    m->missing--;
    m->bytes += bytes;
    if (m->copies.empty() || !m->waiting.empty())
        settle(m);
}

void mbarrier_wait(uint64_t *address, unsigned parity, const char *file, int line) {
    quiet here;
    mbarrier *m = find(address);
    while (m->phase % 2 == parity) {
        settle(m);
        if (m->phase % 2 == parity) {
            m->waiting.push_back(running);
            wait_for(AT_MBARRIER, {file, line});
            m = find(address);
        }
    }
    __tsan_acquire(address);
}

void copy_bulk(void *shared, const void *global, unsigned bytes, uint64_t *address) {
    quiet here;
    mbarrier *m = find(address);
    if (bytes % 16 != 0 || bytes == 0)
        fault("a bulk copy of %u bytes, not a multiple of 16", bytes);
    copy c = issue(shared, global, bytes, bytes, 16);
    __tsan_release(address);
    m->copies.push_back(std::move(c));
    if (!m->waiting.empty())
        settle(m);
}

} // namespace spt_emulated
