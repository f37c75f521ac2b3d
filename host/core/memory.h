/* Aligned, zeroed, overflow-checked memory: what arrays of floats and arenas live in. */
#ifndef SPT_HOST_CORE_MEMORY_H
#define SPT_HOST_CORE_MEMORY_H

#include <stddef.h>

enum { SPT_MEMORY_ALIGN = 128 }; /* bytes: two cache lines, and a device's transaction */

/** count * size zeroed bytes, aligned to SPT_MEMORY_ALIGN; NULL when out of memory or the product overflows. Never NULL
 *  for a product of zero. Free with spt_memory_free, which takes NULL. */
void *spt_memory_alloc(size_t count, size_t size);
void spt_memory_free(void *memory);

/** A malloc'd copy of text, NULL when text is NULL or memory is short. */
char *spt_text_copy(const char *text);

#endif
