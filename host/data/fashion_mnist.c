/* Source fashion_mnist: the IDX files of Fashion-MNIST, by default where Debian's package puts them. */
#include <string.h>
#include <sys/stat.h>

#include "data/idx.h"
#include "data/source.h"

enum { CLASSES = 10 };

static const char DEBIAN_FOLDER[] = "/usr/share/datasets/fashion-mnist";

/* The person who asks for it by name may never have heard of the package. */
static spt_status check_folder(const char *path, spt_error *err) {
    struct stat status;
    if (stat(path, &status) == 0)
        return SPT_OK;
    return spt_fail(err, SPT_EDATA,
                    "%s: no such folder; expected Fashion-MNIST there (apt-get install dataset-fashion-mnist), or in "
                    "the folder that data.path names",
                    path);
}

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    spt_status status = check_folder(request->path, err);
    return status == SPT_OK ? spt_idx_folder_shape(request, CLASSES, shape, err) : status;
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    spt_status status = check_folder(request->path, err);
    return status == SPT_OK ? spt_idx_folder_make(request, CLASSES, dataset, err) : status;
}

const spt_source spt_source_fashion_mnist = {
    .name = "fashion_mnist",
    .default_path = DEBIAN_FOLDER,
    .keys = (const char *const[]){NULL},
    .shape = shape_of,
    .make = make,
};
