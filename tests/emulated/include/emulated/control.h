// What a test says to the emulated device.
#ifndef SPT_EMULATED_CONTROL_H
#define SPT_EMULATED_CONTROL_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <string>
#include <vector>

#include "../cuda_runtime.h"

namespace spt_emulated {

/** First values come from the environment: SPT_EMULATED_SEED, _PATTERN, _MEMORY, _DEVICES, _SMS, _DELAY. */
struct settings {
    unsigned seed;    // order of threads and blocks; 0: by index
    unsigned pattern; // what fills memory that nothing has written; 0: a signalling NaN
    size_t memory;    // bytes of the device
    int devices;      // how many there are
    int sms;          // multiprocessors
    unsigned delay;   // not 0: streams work when somebody waits for them, in an order that this decides
};
extern settings device;

enum call { ANY_CALL, ALLOCATION, COPY, LAUNCH, SYNCHRONIZATION, CREATION, LIBRARY, CALLS };
/** The nth call (1: the next) of a kind returns error; with for_good, so does every call after it: a lost device. */
void let_fail(call kind, unsigned nth, cudaError_t error, bool for_good = false);
/** No failure is to come, a lost device is back, no error is remembered. */
void heal();
/** Allocations, streams, events, graphs, handles and plans that nobody has freed. */
size_t live_objects();

/** How many launches there were. */
size_t launches();
/** Names of the kernels that have been launched, as a debugger says them: "sort_tiles", "dense_large<0>". */
std::vector<std::string> launched_kernels();
/** The most bytes of device memory that were taken at a time since the last call of restart_most_bytes. */
size_t most_bytes();
void restart_most_bytes();

/** Whether body(out), which allocates, launches and copies `bytes` of results to out, leaves the same bits under every
 *  pair of thread order and fill pattern. If not, says where they differ. Under ThreadSanitizer one shuffled run is
 *  enough: a race is one in any order. */
template <typename F>
bool bits_agree(unsigned seeds, unsigned patterns, size_t bytes, F body) {
    settings before = device;
    std::vector<unsigned char> first(bytes), other(bytes);
    bool agree = true;
#ifdef SPT_EMULATED_TSAN
    seeds = patterns = 1;
    const unsigned first_seed = 1;
#else
    const unsigned first_seed = 0;
#endif
    for (unsigned i = 0; i < seeds * patterns && agree; i++) {
        std::vector<unsigned char> &out = i == 0 ? first : other;
        device.seed = first_seed + i % seeds;
        device.pattern = i / seeds;
        memset(out.data(), 0, bytes);
        body((void *)out.data());
        size_t at = 0;
        while (at < bytes && i > 0 && first[at] == other[at])
            at++;
        agree = i == 0 || at == bytes;
        if (!agree)
            fprintf(stderr, "emulated device: results differ from byte %zu on: thread order %u, fill pattern %u\n", at,
                    device.seed, device.pattern);
    }
    device = before;
    return agree;
}

/** Whether body(out) leaves the same bits when streams work at once and in `delays` - 1 other orders. Under
 *  ThreadSanitizer two are enough: it sees what nothing orders in any order. */
template <typename F>
bool bits_agree_under_delays(unsigned delays, size_t bytes, F body) {
    settings before = device;
    std::vector<unsigned char> first(bytes), other(bytes);
    bool agree = true;
#ifdef SPT_EMULATED_TSAN
    delays = 2;
#endif
    for (unsigned i = 0; i < delays && agree; i++) {
        std::vector<unsigned char> &out = i == 0 ? first : other;
        device.delay = i;
        memset(out.data(), 0, bytes);
        body((void *)out.data());
        agree = i == 0 || first == other;
        if (!agree)
            fprintf(stderr, "emulated device: results differ under delay %u of streams\n", i);
    }
    device = before;
    return agree;
}

} // namespace spt_emulated
#endif
