/* The table of data sources, out of sources.def, and what they share: counts, checks, memory of a split, paths. */
#include "data/source.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/memory.h"

#define SOURCE(name) extern const spt_source spt_source_##name;
#include "data/sources.def"
#undef SOURCE

#define SOURCE(name) &spt_source_##name,
const spt_source *const spt_sources[] = {
#include "data/sources.def"
    NULL};
#undef SOURCE

spt_status spt_split_alloc(const spt_dataset *dataset, spt_split *split, size_t n, spt_error *err) {
    if (n != 0 && dataset->inputs > SIZE_MAX / n)
        return spt_fail(err, SPT_ENOMEM, "data: %zu examples of %zu numbers do not fit into memory", n,
                        dataset->inputs);
    split->n = n;
    split->x = spt_memory_alloc(n * dataset->inputs, sizeof *split->x);
    bool complete = split->x != NULL;
    if (dataset->classes > 0) {
        split->label = spt_memory_alloc(n, sizeof *split->label);
        complete = complete && split->label != NULL;
    } else {
        split->target = n != 0 && dataset->outputs > SIZE_MAX / n
                            ? NULL
                            : spt_memory_alloc(n * dataset->outputs, sizeof *split->target);
        complete = complete && split->target != NULL;
    }
    if (!complete)
        return spt_fail(err, SPT_ENOMEM, "data: out of memory for %zu examples of %zu numbers", n, dataset->inputs);
    return SPT_OK;
}

spt_status spt_source_take(const char *file, const char *key, size_t wanted, size_t there, size_t *taken,
                           spt_error *err) {
    if (wanted == SPT_SOURCE_ALL)
        wanted = there;
    if (there == 0 && strcmp(key, "train") == 0)
        return spt_fail(err, SPT_EDATA, "%s: holds no examples; expected at least 1 to train on", file);
    if (wanted > there)
        return spt_fail(err, SPT_EDATA, "%s: holds %zu examples, but data.%s asks for %zu", file, there, key, wanted);
    if (wanted > SPT_MAX_EXAMPLES)
        return spt_fail(err, SPT_EDATA, "%s: holds %zu examples; data.%s may take %d at most", file, there, key,
                        SPT_MAX_EXAMPLES);
    *taken = wanted;
    return SPT_OK;
}

spt_status spt_source_check_labels(const char *file, const int32_t *label, size_t n, size_t first, size_t classes,
                                   spt_error *err) {
    for (size_t i = 0; i < n; i++)
        if (label[i] < 0 || (size_t)label[i] >= classes)
            return spt_fail(err, SPT_EDATA, "%s: label of row %zu is %d; expected 0 to %zu", file, first + i, label[i],
                            classes - 1);
    return SPT_OK;
}

spt_status spt_source_check_finite(const char *file, const char *name, const float *values, size_t n, size_t columns,
                                   spt_error *err) {
    for (size_t i = 0; i < n * columns; i++)
        if (!isfinite(values[i]))
            return spt_fail(err, SPT_EDATA, "%s: %s, row %zu, column %zu is %g; expected a finite float32", file, name,
                            i / columns, i % columns, (double)values[i]);
    return SPT_OK;
}

spt_status spt_source_check_file(const char *path, uint64_t *bytes, spt_error *err) {
    struct stat status;
    if (stat(path, &status) != 0)
        return spt_fail(err, SPT_EDATA, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return spt_fail(err, SPT_EDATA, "%s: is not a regular file", path);
    if (bytes != NULL)
        *bytes = (uint64_t)status.st_size;
    return SPT_OK;
}

char *spt_source_join(const char *folder, const char *name) {
    size_t length = strlen(folder), bytes = length + strlen(name) + 2;
    char *path = malloc(bytes);
    if (path != NULL) {
        const char *separator = length > 0 && folder[length - 1] == '/' ? "" : "/";
        snprintf(path, bytes, "%s%s%s", folder, separator, name);
    }
    return path;
}
