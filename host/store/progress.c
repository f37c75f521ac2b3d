#include "store/progress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/io.h"

#define FORMAT                                                                                                         \
    "spectrain progress 1\nshard %zu/%zu\nruns %zu of %zu\nconfig %" PRIx64                                            \
    "\nfraction %.6f\nremaining %.1f\nupdated %" PRId64 "\nprocess %ld on %s\n"

enum { TEXT_BYTES = 1024 };

uint64_t spt_progress_sum(const char *config) {
    uint64_t sum = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *config != '\0'; config++)
        sum = (sum ^ (unsigned char)*config) * 0x100000001b3u;
    return sum;
}

bool spt_progress_write(const char *folder, const spt_kept_progress *p) {
    char text[TEXT_BYTES];
    int length = snprintf(text, sizeof text, FORMAT, p->shard, p->shards, p->n_runs, p->sweep_runs, p->config_sum,
                          p->fraction, p->remaining, p->updated, p->pid, p->host);
    char *path = spt_io_path(folder, "progress"), *unfinished = spt_io_path(folder, "progress.new");
    int fd = path != NULL && unfinished != NULL ? spt_io_open(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    bool written = fd >= 0 && spt_io_write(fd, unfinished, text, (size_t)length, 0, NULL) == SPT_OK;
    if (fd >= 0 && close(fd) != 0)
        written = false;
    written = written && rename(unfinished, path) == 0;
    if (fd >= 0 && !written)
        unlink(unfinished);
    free(path);
    free(unfinished);
    return written;
}

bool spt_progress_read(const char *folder, spt_kept_progress *p) {
    char text[TEXT_BYTES];
    size_t got = 0;
    *p = (spt_kept_progress){.remaining = NAN};
    char *path = spt_io_path(folder, "progress");
    int fd = path != NULL ? spt_io_open(path, O_RDONLY, 0) : -1;
    bool read = fd >= 0 && spt_io_read(fd, path, text, sizeof text - 1, 0, &got, NULL) == SPT_OK;
    if (fd >= 0)
        close(fd);
    free(path);
    text[got] = '\0';
    return read &&
           sscanf(text,
                  "spectrain progress 1 shard %zu/%zu runs %zu of %zu config %" SCNx64
                  " fraction %lf remaining %lf updated %" SCNd64 " process %ld on %255s",
                  &p->shard, &p->shards, &p->n_runs, &p->sweep_runs, &p->config_sum, &p->fraction, &p->remaining,
                  &p->updated, &p->pid, p->host) == 10 &&
           p->fraction >= 0.0 && p->fraction <= 1.0 && (p->shards == 0 || p->shard < p->shards);
}
