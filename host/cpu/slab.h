/* One block of memory, cut into aligned arrays. The same code that cuts it, run without a block, counts its bytes. */
#ifndef SPT_HOST_CPU_SLAB_H
#define SPT_HOST_CPU_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"

typedef struct spt_slab {
    char *base;  /* NULL: only count */
    size_t used; /* SIZE_MAX when it does not fit in size_t: no allocation of that size succeeds */
} spt_slab;

/** Room for count * size bytes, aligned to SPT_MEMORY_ALIGN; NULL when only counting. */
static inline void *spt_slab_take(spt_slab *slab, size_t count, size_t size) {
    const size_t limit = SIZE_MAX - SPT_MEMORY_ALIGN;
    if (size != 0 && count > (limit - (slab->used < limit ? slab->used : limit)) / size) {
        slab->used = SIZE_MAX;
        return NULL;
    }
    char *start = slab->base == NULL ? NULL : slab->base + slab->used;
    slab->used += (count * size + SPT_MEMORY_ALIGN - 1) / SPT_MEMORY_ALIGN * SPT_MEMORY_ALIGN;
    return start;
}

#endif
