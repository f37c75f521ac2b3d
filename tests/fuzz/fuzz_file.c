/* Fuzz target: a finished file and a shard, damaged. Every reader refuses it in one line or gives what it gave before;
 * verifying finds every change of a byte that HDF5 knows of.
 *
 * An input is a list of edits to a small file that is made when the fuzzer starts. Byte 0: which file, and whether
 * bytes 1 to 3 say to what length it is cut. Then four bytes each: where, and what the byte there is xored with. */
#include <fcntl.h>
#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spectrain/shard.h"
#include "store/io.h"
#include "store/merge.h"

enum { WHOLE, SHARD, FILES, CUT = 2, MAX_EDITS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char CONFIG[] = "name: w\n"
                             "data: {source: sinusoids, train: 8, frequencies: [1, 3]}\n"
                             "model: {hidden_layers: 1, width: 2}\n"
                             "train: {loss: mse, optimizer: {kind: sgd, lr: 0.01}, batch: full, epochs: 1}\n"
                             "probes: [{name: grid, kind: grid1d, samples: 8}]\n"
                             "sweep: {train.seed: [0, 1]}\n";

typedef struct original {
    size_t size, hdf5_size; /* with and without what is behind HDF5's part */
    uint8_t *bytes;
    spt_file_info info;
} original;

static original originals[FILES];
static char folder[64], path[96];
static uint8_t *damaged;

static void require(bool holds) {
    if (!holds)
        abort();
}

static bool is_good(spt_status status, const spt_error *err) {
    if (status == SPT_OK)
        return true;
    require(err->status == status && err->message[0] != '\0' && strchr(err->message, '\n') == NULL);
    require(status == SPT_ECORRUPT || status == SPT_EDATA);
    return false;
}

/* ---- the files */

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

static void train(size_t which) {
    spt_error err = {0};
    spt_config *config = NULL;
    spt_sweep *sweep = NULL;
    spt_sweep_result result = {0};
    spt_sweep_options options = {.output = path, .backend = "cpu", .threads = 1, .mode = SPT_STORE_REPLACE};
    require(spt_config_parse("fuzz", CONFIG, sizeof CONFIG - 1, &config, &err) == SPT_OK);
    require(spt_sweep_plan(config, &sweep, &err) == SPT_OK);
    require(which == WHOLE || spt_sweep_take_shard(sweep, 1, 2, &err) == SPT_OK);
    require(spt_sweep_run(sweep, &options, &result, &err) == SPT_OK);
    spt_sweep_result_free(&result);
    spt_sweep_free(sweep);
    spt_config_free(config);
}

static void set_up(void) {
    snprintf(folder, sizeof folder, "%s/fuzz-file-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/x.h5", folder);
    atexit(remove_folder);
    size_t most = 0;
    for (size_t f = 0; f < FILES; f++) {
        original *o = &originals[f];
        train(f);
        require(spt_file_info_read(path, &o->info, NULL) == SPT_OK);
        o->size = (size_t)o->info.bytes;
        o->bytes = malloc(o->size);
        int fd = spt_io_open(path, O_RDONLY, 0);
        size_t got = 0;
        require(o->bytes != NULL && spt_io_read(fd, path, o->bytes, o->size, 0, &got, NULL) == SPT_OK);
        require(got == o->size);
        close(fd);
        hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
        haddr_t end = 0;
        require(file >= 0 && H5Fget_eoa(file, &end) >= 0 && H5Fclose(file) >= 0);
        o->hdf5_size = (size_t)end;
        most = o->size > most ? o->size : most;
    }
    damaged = malloc(most);
    require(damaged != NULL);
}

/* ---- its readers */

static bool same_info(const spt_file_info *a, const spt_file_info *b) {
    return a->complete == b->complete && a->shard == b->shard && a->shards == b->shards && a->n_runs == b->n_runs &&
           a->n_done == b->n_done && a->n_missing == b->n_missing && a->n_records == b->n_records &&
           a->n_snapshots == b->n_snapshots && strcmp(a->config, b->config) == 0 &&
           strcmp(a->dataset_sha256, b->dataset_sha256) == 0 &&
           memcmp(a->run_numbers, b->run_numbers, a->n_runs * sizeof *a->run_numbers) == 0;
}

static void read_file(const original *o, size_t which, bool changed) {
    spt_error err = {0};
    spt_file_info info;
    spt_merge_source source;
    if (is_good(spt_file_info_read(path, &info, &err), &err)) {
        require(same_info(&info, &o->info));
        spt_file_info_free(&info);
    }
    bool verified = is_good(spt_file_verify(path, &err), &err);
    require(!(verified && changed));
    bool is_source = is_good(spt_merge_source_open(path, true, &source, &err), &err);
    require(!(is_source && (changed || which == WHOLE)));
    spt_merge_source_close(&source);
}

static size_t number(const uint8_t *bytes) {
    return (size_t)bytes[0] << 16 | (size_t)bytes[1] << 8 | (size_t)bytes[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (folder[0] == '\0')
        set_up();
    if (size < 4)
        return 0;
    size_t which = bytes[0] % FILES;
    const original *o = &originals[which];
    size_t length = bytes[0] & CUT ? number(bytes + 1) % (o->size + 1) : o->size;
    bool changed = length < o->hdf5_size;
    memcpy(damaged, o->bytes, length);
    for (size_t e = 0, at = 4; e < MAX_EDITS && size - at >= 4 && length > 0; e++, at += 4)
        damaged[number(bytes + at) % length] ^= bytes[at + 3];
    changed = changed || memcmp(damaged, o->bytes, o->hdf5_size) != 0;
    int fd = spt_io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && spt_io_write(fd, path, damaged, length, 0, NULL) == SPT_OK);
    close(fd);
    read_file(o, which, changed);
    return 0;
}
