// Shared memory of a block: one allocation a declaration, so that an access past the end of one is seen.
#include "machine.h"

#include "cooperative_groups.h"

#include <cstdlib>

namespace spt_emulated {

static shared_memory *allocate(block *home, const void *site, size_t bytes) {
    shared_memory made = {site, nullptr, bytes};
    if (posix_memalign((void **)&made.memory, 128, bytes) != 0)
        fault("%zu bytes of shared memory: out of memory on the host", bytes);
    fill_pattern(made.memory, bytes);
    home->shared.push_back(made);
    return &home->shared.back();
}

void shared_start(block *started, size_t dynamic_bytes) {
    for (shared_memory &s : started->shared) {
        unpoison(s.memory, s.bytes);
        fill_pattern(s.memory, s.bytes);
    }
    if (started->shared.empty())
        allocate(started, nullptr, dynamic_bytes);
}

void shared_finish(block *finished) {
    for (shared_memory &s : finished->shared)
        poison(s.memory, s.bytes);
}

void shared_free(block *freed) {
    for (shared_memory &s : freed->shared)
        free(s.memory);
    freed->shared.clear();
}

shared_memory *shared_find(block *home, const void *address, size_t bytes) {
    const char *at = (const char *)address;
    for (shared_memory &s : home->shared)
        if (at >= s.memory && at + bytes <= s.memory + s.bytes)
            return &s;
    return nullptr;
}

static shared_memory *of_site(block *home, const void *site, size_t bytes) {
    size_t total = 0;
    for (shared_memory &s : home->shared) {
        if (s.site == site)
            return &s;
        total += s.site != nullptr ? s.bytes : 0;
    }
    note_static_shared(total + bytes);
    return allocate(home, site, bytes);
}

void *shared(const void *site, size_t bytes) {
    quiet here;
    return of_site(me()->home, site, bytes)->memory;
}

void *dynamic_shared() {
    return me()->home->shared.front().memory;
}

void *shared_of_rank(const void *address, unsigned rank) {
    quiet here;
    block *home = me()->home;
    const shared_memory *own = shared_find(home, address, 1);
    if (own == nullptr)
        fault("map_shared_rank of an address that is not in this block's shared memory");
    if (rank >= home->cluster->size())
        fault("map_shared_rank: rank %u of a cluster of %zu blocks", rank, home->cluster->size());
    size_t offset = (size_t)((const char *)address - own->memory);
    return of_site((*home->cluster)[rank], own->site, own->bytes)->memory + offset;
}

} // namespace spt_emulated
