/* Source idx: the MNIST family, a folder of IDX files. */
#include "data/idx.h"

#include "data/source.h"

enum { LABEL_VALUES = 256 };

typedef struct settings {
    size_t classes;
} settings;

static spt_status read(const spt_node *section, void *memory, spt_error *err) {
    settings *own = memory;
    own->classes = 10;
    return spt_node_size(section, "classes", 2, LABEL_VALUES, &own->classes, err);
}

static void describe(const void *memory, FILE *key) {
    const settings *own = memory;
    fprintf(key, " classes=%zu", own->classes);
}

static spt_status shape_of(const spt_source_request *request, spt_data_shape *shape, spt_error *err) {
    const settings *own = request->settings;
    return spt_idx_folder_shape(request, own->classes, shape, err);
}

static spt_status make(const spt_source_request *request, spt_dataset *dataset, spt_error *err) {
    const settings *own = request->settings;
    return spt_idx_folder_make(request, own->classes, dataset, err);
}

const spt_source spt_source_idx = {
    .name = "idx",
    .keys = (const char *const[]){"classes", NULL},
    .settings_size = sizeof(settings),
    .read = read,
    .describe = describe,
    .shape = shape_of,
    .make = make,
};
