// Warp collectives: the lanes of a mask meet at one call, leave their values, and go on with everyone's.
#include "machine.h"

namespace spt_emulated {

int lane() {
    return (int)(me()->rank % WARP);
}

void check_source(unsigned mask, int source) {
    if ((mask >> (source & 31) & 1) == 0)
        fault("a shuffle reads lane %d, which is not in the mask %08x", source, mask);
}

static bool waits_with(const thread *other, const thread *t) {
    return other->wait == AT_COLLECTIVE && other->what == t->what && other->mask == t->mask && other->where == t->where;
}

const uint64_t *exchange(collective what, unsigned mask, uint64_t value, const char *file, int line) {
    quiet here;
    thread *t = me();
    unsigned in_warp = t->rank % WARP;
    thread **warp = &t->home->threads[t->rank - in_warp];
    size_t lanes = t->home->threads.size() - (t->rank - in_warp);
    if ((mask >> in_warp & 1) == 0)
        fault("lane %u calls a warp collective with the mask %08x, which does not hold it", in_warp, mask);
    if (lanes < WARP && mask >> lanes != 0)
        fault("a warp collective with the mask %08x in a warp of %zu threads", mask, lanes);
    t->wait = AT_COLLECTIVE;
    t->where = {file, line};
    t->what = what;
    t->mask = mask;
    t->value = value;
    // Of all collectives, __syncwarp alone orders memory.
    thread *lowest = warp[__builtin_ctz(mask)];
    char *tag = &t->home->tags[2 * lowest->rank + lowest->collectives % 2];
    if (what == SYNCWARP)
        __tsan_release(tag);
    bool all = true;
    for (unsigned i = 0; i < WARP; i++)
        all = all && ((mask >> i & 1) == 0 || waits_with(warp[i], t));
    if (all) {
        lowest->collectives++;
        for (unsigned i = 0; i < WARP; i++)
            for (unsigned j = 0; (mask >> i & 1) != 0 && j < WARP; j++)
                warp[i]->values[j] = (mask >> j & 1) != 0 ? warp[j]->value : 0;
        for (unsigned i = 0; i < WARP; i++)
            if ((mask >> i & 1) != 0)
                make_ready(warp[i]);
        give_way();
    } else {
        wait_for(AT_COLLECTIVE, t->where);
    }
    if (what == SYNCWARP)
        __tsan_acquire(tag);
    return t->values;
}

} // namespace spt_emulated
