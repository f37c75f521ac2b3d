/* The backends of this build. */
#include <string.h>

#include "cpu/group.h"

#ifdef SPT_WITH_CUDA
extern const spt_backend spt_backend_cuda;
#endif

static const spt_backend *const BACKENDS[] = {
#ifdef SPT_WITH_CUDA
    &spt_backend_cuda,
#endif
    &spt_backend_cpu,
    NULL,
};

const spt_backend *const *spt_backends(void) {
    return BACKENDS;
}

const spt_backend *spt_backend_find(const char *name) {
    for (const spt_backend *const *b = BACKENDS; *b != NULL; b++)
        if (strcmp(name, "auto") == 0 ? (*b)->count() > 0 : strcmp(name, (*b)->name) == 0)
            return *b;
    return NULL;
}
