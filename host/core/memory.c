#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *spt_memory_alloc(size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - SPT_MEMORY_ALIGN) / size)
        return NULL;
    size_t bytes = (count * size + SPT_MEMORY_ALIGN - 1) / SPT_MEMORY_ALIGN * SPT_MEMORY_ALIGN;
    if (bytes == 0)
        bytes = SPT_MEMORY_ALIGN;
    void *memory = aligned_alloc(SPT_MEMORY_ALIGN, bytes);
    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

void spt_memory_free(void *memory) {
    free(memory);
}

char *spt_text_copy(const char *text) {
    if (text == NULL)
        return NULL;
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    if (copy != NULL)
        memcpy(copy, text, bytes);
    return copy;
}
