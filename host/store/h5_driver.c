#include "store/h5_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/io.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* What HDF5 passes around; its public part comes first. */
typedef struct open_file {
    H5FD_t public_part;
    spt_h5_file *file;
    haddr_t end_of_allocation, end_of_file;
} open_file;

typedef struct driver_settings {
    spt_h5_file *file;
} driver_settings;

static void *copy_settings(const void *settings) {
    driver_settings *copy = malloc(sizeof *copy);
    if (copy != NULL)
        *copy = *(const driver_settings *)settings;
    return copy;
}

static herr_t free_settings(void *settings) {
    free(settings);
    return 0;
}

static H5FD_t *open_driver(const char *name, unsigned flags, hid_t access, haddr_t limit) {
    (void)name;
    (void)flags;
    (void)limit;
    const driver_settings *settings = H5Pget_driver_info(access);
    open_file *f = settings != NULL ? calloc(1, sizeof *f) : NULL;
    if (f == NULL)
        return NULL;
    f->file = settings->file;
    f->end_of_file = settings->file->size;
    return &f->public_part;
}

static herr_t close_driver(H5FD_t *public_part) {
    open_file *f = (open_file *)public_part;
    f->file->size = f->end_of_allocation;
    free(f);
    return 0;
}

static int compare(const H5FD_t *a, const H5FD_t *b) {
    const spt_h5_file *left = ((const open_file *)a)->file, *right = ((const open_file *)b)->file;
    return left == right ? 0 : (left < right ? -1 : 1);
}

static herr_t query(const H5FD_t *public_part, unsigned long *flags) {
    (void)public_part;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
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
    return ((const open_file *)public_part)->end_of_file;
}

static void keep_reason(open_file *f, int reason) {
    if (f->file->reason == 0)
        f->file->reason = reason != 0 ? reason : EIO;
}

static herr_t read_bytes(H5FD_t *public_part, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count,
                         void *bytes) {
    (void)type;
    (void)transfer;
    open_file *f = (open_file *)public_part;
    size_t got = 0;
    if (spt_io_read(f->file->fd, "", bytes, count, address, &got, NULL) != SPT_OK) {
        keep_reason(f, errno);
        return -1;
    }
    memset((char *)bytes + got, 0, count - got);
    return 0;
}

static herr_t write_bytes(H5FD_t *public_part, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count,
                          const void *bytes) {
    (void)type;
    (void)transfer;
    open_file *f = (open_file *)public_part;
    if (f->file->reason == 0 && spt_io_write(f->file->fd, "", bytes, count, address, NULL) != SPT_OK)
        keep_reason(f, errno);
    if (address + count > f->end_of_file)
        f->end_of_file = address + count;
    return 0;
}

static herr_t truncate_file(H5FD_t *public_part, hid_t transfer, hbool_t closing) {
    (void)transfer;
    (void)closing;
    open_file *f = (open_file *)public_part;
    if (f->file->reason == 0 && f->end_of_file != f->end_of_allocation &&
        ftruncate(f->file->fd, (off_t)f->end_of_allocation) != 0)
        keep_reason(f, errno);
    f->end_of_file = f->end_of_allocation;
    return 0;
}

static const H5FD_class_t DRIVER = {
#if H5_VERSION_GE(1, 13, 2)
    .version = H5FD_CLASS_VERSION,
    .value = 600, /* the range for drivers of one's own starts at 512 */
#endif
    .name = "spectrain",
    .maxaddr = ((haddr_t)1 << 62),
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_settings),
    .fapl_copy = copy_settings,
    .fapl_free = free_settings,
    .open = open_driver,
    .close = close_driver,
    .cmp = compare,
    .query = query,
    .get_eoa = get_end_of_allocation,
    .set_eoa = set_end_of_allocation,
    .get_eof = get_end_of_file,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t spt_h5_driver_register(void) {
    return H5FDregister(&DRIVER);
}

hid_t spt_h5_driver_access(hid_t driver, spt_h5_file *file) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    driver_settings settings = {.file = file};
    if (access >= 0 && H5Pset_driver(access, driver, &settings) < 0) {
        H5Pclose(access);
        return -1;
    }
    return access;
}
