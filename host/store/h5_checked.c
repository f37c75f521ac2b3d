#include "store/h5_checked.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/io.h"
#include "store/seal.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* What HDF5 passes around; its public part comes first. */
typedef struct open_file {
    H5FD_t public_part;
    int fd;
    struct stat facts;
    haddr_t end_of_allocation;
    spt_seal_blocks blocks;
    bool *compared; /* (blocks.n) */
    void *block;    /* room for one */
} open_file;

static herr_t close_file(H5FD_t *public_part) {
    open_file *f = (open_file *)public_part;
    if (f->fd >= 0)
        close(f->fd);
    spt_seal_blocks_free(&f->blocks);
    free(f->compared);
    free(f->block);
    free(f);
    return 0;
}

static H5FD_t *open_to_read(const char *name, unsigned flags, hid_t access, haddr_t limit) {
    (void)access;
    (void)limit;
    open_file *f = flags & H5F_ACC_RDWR ? NULL : calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->fd = spt_io_open(name, O_RDONLY, 0);
    bool opened =
        f->fd >= 0 && fstat(f->fd, &f->facts) == 0 && spt_seal_blocks_read(f->fd, name, &f->blocks, NULL) == SPT_OK;
    if (opened && f->blocks.n > 0) {
        f->compared = calloc(f->blocks.n, sizeof *f->compared);
        f->block = malloc(SPT_SEAL_BLOCK_BYTES);
        opened = f->compared != NULL && f->block != NULL;
    }
    if (opened)
        return &f->public_part;
    close_file(&f->public_part);
    return NULL;
}

static int order(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare(const H5FD_t *a, const H5FD_t *b) {
    const struct stat *x = &((const open_file *)a)->facts, *y = &((const open_file *)b)->facts;
    return x->st_dev != y->st_dev ? order(x->st_dev, y->st_dev) : order(x->st_ino, y->st_ino);
}

static herr_t query(const H5FD_t *public_part, unsigned long *flags) {
    (void)public_part;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE |
             H5FD_FEAT_SUPPORTS_SWMR_IO; /* without which H5Fget_eoa refuses */
    return 0;
}

static haddr_t get_end_of_allocation(const H5FD_t *public_part, H5FD_mem_t type) {
    (void)type;
    return ((const open_file *)public_part)->end_of_allocation;
}

static herr_t set_end_of_allocation(H5FD_t *public_part, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((open_file *)public_part)->end_of_allocation = address;
    return 0;
}

static haddr_t get_end_of_file(const H5FD_t *public_part, H5FD_mem_t type) {
    (void)type;
    return (haddr_t)((const open_file *)public_part)->facts.st_size;
}

static herr_t fail(const char *what, uint64_t begin, uint64_t end) {
    H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_FILE, H5E_READERROR,
             "%s between bytes %llu and %llu", what, (unsigned long long)begin, (unsigned long long)end);
    return -1;
}

static herr_t compare_block(open_file *f, size_t b) {
    uint64_t begin = (uint64_t)b * SPT_SEAL_BLOCK_BYTES, left = f->blocks.bytes - begin;
    size_t count = left < SPT_SEAL_BLOCK_BYTES ? (size_t)left : SPT_SEAL_BLOCK_BYTES, got = 0;
    if (spt_io_read(f->fd, "", f->block, count, begin, &got, NULL) != SPT_OK || got < count)
        return fail("cannot be read", begin, begin + count);
    if (spt_io_crc(0, f->block, count) != f->blocks.sum[b])
        return fail("damaged", begin, begin + count);
    f->compared[b] = true;
    return 0;
}

static herr_t read_bytes(H5FD_t *public_part, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count,
                         void *bytes) {
    (void)type;
    (void)transfer;
    open_file *f = (open_file *)public_part;
    size_t got = 0;
    for (uint64_t b = address / SPT_SEAL_BLOCK_BYTES; b < f->blocks.n && b * SPT_SEAL_BLOCK_BYTES < address + count;
         b++)
        if (!f->compared[b] && compare_block(f, (size_t)b) < 0)
            return -1;
    if (spt_io_read(f->fd, "", bytes, count, address, &got, NULL) != SPT_OK)
        return fail("cannot be read", address, address + count);
    memset((char *)bytes + got, 0, count - got);
    return 0;
}

static herr_t write_nothing(H5FD_t *public_part, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count,
                            const void *bytes) {
    (void)public_part;
    (void)type;
    (void)transfer;
    (void)address;
    (void)count;
    (void)bytes;
    return -1; /* HDF5 wants to have such a function */
}

static const H5FD_class_t DRIVER = {
#if H5_VERSION_GE(1, 13, 2)
    .version = H5FD_CLASS_VERSION,
    .value = 601, /* the range for drivers of one's own starts at 512 */
#endif
    .name = "spectrain, checked",
    .maxaddr = ((haddr_t)1 << 62),
    .fc_degree = H5F_CLOSE_STRONG,
    .open = open_to_read,
    .close = close_file,
    .cmp = compare,
    .query = query,
    .get_eoa = get_end_of_allocation,
    .set_eoa = set_end_of_allocation,
    .get_eof = get_end_of_file,
    .read = read_bytes,
    .write = write_nothing,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t spt_h5_checked_register(void) {
    return H5FDregister(&DRIVER);
}
