// Gaps between arrays that share an allocation: nobody's memory.
#ifndef SPT_EMULATED_GAPS_H
#define SPT_EMULATED_GAPS_H

#include <stddef.h>

namespace spt_emulated {

/** A kernel that touches these bytes is caught (AddressSanitizer) until their allocation is freed. Nothing where they
 *  are not the device's. */
void leave_gap(const void *memory, size_t bytes);

} // namespace spt_emulated
#endif
