/* Memory that this process may still take: MemAvailable, and no more than its control group leaves. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cpu/group.h"

enum { PATH_CAPACITY = 1024 };

/* Where the two versions of control groups keep their numbers. */
typedef struct spt_cgroup_files {
    const char *root, *limit, *usage, *reclaimable;
} spt_cgroup_files;

static const spt_cgroup_files CGROUP1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                                         "total_inactive_file "};
static const spt_cgroup_files CGROUP2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "};

/* The number after `key` at the beginning of a line of a file; otherwise when there is none ("max"). */
static uint64_t read_number(const char *path, const char *key, uint64_t otherwise) {
    char line[256];
    unsigned long long number;
    uint64_t found = otherwise;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return otherwise;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0 && sscanf(line + strlen(key), "%llu", &number) == 1) {
            found = number;
            break;
        }
    fclose(file);
    return found;
}

static uint64_t read_cgroup(const spt_cgroup_files *files, const char *group, const char *name, const char *key,
                            uint64_t otherwise) {
    char path[PATH_CAPACITY + 128];
    snprintf(path, sizeof path, "%s%s/%s", files->root, group, name);
    return read_number(path, key, otherwise);
}

/* What the group and those above it leave. Cached file pages count as used but are given up on demand. */
static uint64_t cgroup_leaves(const spt_cgroup_files *files, char *group) {
    uint64_t least = UINT64_MAX;
    for (;;) {
        if (strcmp(group, "/") == 0)
            group[0] = '\0';
        uint64_t limit = read_cgroup(files, group, files->limit, "", UINT64_MAX);
        uint64_t usage = read_cgroup(files, group, files->usage, "", 0);
        uint64_t cached = read_cgroup(files, group, "memory.stat", files->reclaimable, 0);
        usage = usage > cached ? usage - cached : 0;
        uint64_t left = limit > usage ? limit - usage : 0;
        if (limit != UINT64_MAX && left < least)
            least = left;
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return least;
        *slash = '\0';
    }
}

size_t spt_memory_available(void) {
    uint64_t available = read_number("/proc/meminfo", "MemAvailable:", 0) * 1024;
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL)
        return (size_t)available;
    char line[PATH_CAPACITY];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *memory = strstr(line, ":memory:"), *unified = strncmp(line, "0::", 3) == 0 ? line : NULL;
        uint64_t left = UINT64_MAX;
        if (memory != NULL)
            left = cgroup_leaves(&CGROUP1, memory + strlen(":memory:"));
        else if (unified != NULL)
            left = cgroup_leaves(&CGROUP2, unified + strlen("0::"));
        if (left < available)
            available = left;
    }
    fclose(file);
    return (size_t)available;
}
