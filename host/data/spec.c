/* Reads the `data:` section: strict, opens no file, and cheap, since every run of a sweep reads it anew. */
#include "data/spec.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { MAX_SOURCES = 32, MAX_KEYS = 32 };

static const char *const COMMON_KEYS[] = {"source", "train", "test", "seed", "path", "label_noise", "standardize"};
enum { COMMON_KEY_COUNT = sizeof COMMON_KEYS / sizeof *COMMON_KEYS };

static const char *const NOISE_WORDS[] = {"none", "uniform", "permute"};
static const char *const STANDARDIZE_WORDS[] = {"none", "global", "feature"};

static spt_status read_source(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    const char *words[MAX_SOURCES];
    const spt_node *value;
    size_t n = 0, chosen = 0;
    while (spt_sources[n] != NULL && n < MAX_SOURCES) {
        words[n] = spt_sources[n]->name;
        n++;
    }
    spt_status status = spt_node_require(section, "source", &value, err);
    if (status == SPT_OK)
        status = spt_node_choice(section, "source", words, n, &chosen, err);
    spec->source = spt_sources[chosen];
    return status;
}

static spt_status check_keys(const spt_node *section, const spt_source *source, spt_error *err) {
    const char *keys[MAX_KEYS];
    size_t n = 0;
    for (; n < COMMON_KEY_COUNT; n++)
        keys[n] = COMMON_KEYS[n];
    for (size_t i = 0; source->keys[i] != NULL && n < MAX_KEYS; i++)
        keys[n++] = source->keys[i];
    return spt_node_only(section, keys, n, err);
}

static spt_status read_sizes(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    const spt_node *value;
    spec->train = SPT_SOURCE_ALL;
    spec->test = spec->source->generated ? 0 : SPT_SOURCE_ALL;
    spt_status status = SPT_OK;
    if (spec->source->generated)
        status = spt_node_require(section, "train", &value, err);
    if (status == SPT_OK)
        status = spt_node_size(section, "train", 1, SPT_MAX_EXAMPLES, &spec->train, err);
    if (status == SPT_OK)
        status = spt_node_size(section, "test", 0, SPT_MAX_EXAMPLES, &spec->test, err);
    if (status == SPT_OK)
        status = spt_node_u32(section, "seed", &spec->seed, err);
    return status;
}

static spt_status read_path(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    const spt_source *source = spec->source;
    const spt_node *node = spt_node_find(section, "path");
    if (source->generated)
        return node == NULL ? SPT_OK
                            : spt_node_fail(node, err, "is not for source %s, which is made and not loaded; remove it",
                                            source->name);
    spt_status status = SPT_OK;
    if (source->default_path == NULL)
        status = spt_node_require(section, "path", &node, err);
    if (status == SPT_OK)
        status = spt_node_string(section, "path", &spec->path, err);
    if (status == SPT_OK && spec->path == NULL) {
        spec->path = spt_text_copy(source->default_path);
        if (spec->path == NULL)
            status = spt_fail(err, SPT_ENOMEM, "data.path: out of memory");
    }
    if (status == SPT_OK && spec->path[0] == '\0')
        status = spt_node_fail(node, err, "is empty; expected a file or folder");
    return status;
}

/* kind is required, and fraction with every kind but none: a fraction without a kind must not be silently nothing. */
static spt_status read_noise(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    static const char *const keys[] = {"kind", "fraction"};
    const spt_node *noise = spt_node_find(section, "label_noise"), *value;
    size_t kind = SPT_NOISE_NONE;
    if (noise == NULL)
        return SPT_OK;
    spt_status status = spt_node_only(noise, keys, 2, err);
    if (status == SPT_OK)
        status = spt_node_require(noise, "kind", &value, err);
    if (status == SPT_OK)
        status = spt_node_choice(noise, "kind", NOISE_WORDS, 3, &kind, err);
    if (status == SPT_OK && kind != SPT_NOISE_NONE)
        status = spt_node_require(noise, "fraction", &value, err);
    if (status == SPT_OK)
        status = spt_node_real(noise, "fraction", 0, 1, &spec->noise_fraction, err);
    if (status != SPT_OK)
        return status;
    if (spec->noise_fraction == 0 || kind == SPT_NOISE_NONE) { /* one spelling of nothing, for the key */
        kind = SPT_NOISE_NONE;
        spec->noise_fraction = 0;
    }
    spec->noise = (spt_noise_kind)kind;
    if (spec->noise != SPT_NOISE_NONE && spec->source->generated) {
        spt_data_shape shape;
        spt_source_request request = spt_data_spec_request(spec);
        status = spec->source->shape(&request, &shape, err);
        if (status == SPT_OK && shape.classes == 0)
            status = spt_node_fail(noise, err, "is for classes, but source %s has real targets; allowed: kind none",
                                   spec->source->name);
    }
    return status;
}

static spt_status read_standardize(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    size_t mode = SPT_STANDARDIZE_NONE;
    spt_status status = spt_node_choice(section, "standardize", STANDARDIZE_WORDS, 3, &mode, err);
    spec->standardize = (spt_standardize)mode;
    return status;
}

static spt_status read_own(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    if (spec->source->settings_size == 0)
        return SPT_OK;
    spec->settings = calloc(1, spec->source->settings_size);
    if (spec->settings == NULL)
        return spt_fail(err, SPT_ENOMEM, "data: out of memory");
    return spec->source->read(section, spec->settings, err);
}

static void describe_size(FILE *key, const char *name, size_t size) {
    if (size == SPT_SOURCE_ALL)
        fprintf(key, " %s=all", name);
    else
        fprintf(key, " %s=%zu", name, size);
}

/* The seed is always part of it: probe directions hang on it even where the examples do not. The path comes last, so
 * that no path can read like another setting. */
static spt_status make_key(spt_data_spec *spec, spt_error *err) {
    size_t size = 0;
    FILE *key = open_memstream(&spec->key, &size);
    if (key == NULL)
        return spt_fail(err, SPT_ENOMEM, "data: out of memory");
    fprintf(key, "source=%s seed=%u", spec->source->name, (unsigned)spec->seed);
    describe_size(key, "train", spec->train);
    describe_size(key, "test", spec->test);
    fprintf(key, " label_noise=%s:%.17g standardize=%s", NOISE_WORDS[spec->noise], spec->noise_fraction,
            STANDARDIZE_WORDS[spec->standardize]);
    if (spec->settings != NULL)
        spec->source->describe(spec->settings, key);
    if (spec->path != NULL)
        fprintf(key, " path=%s", spec->path);
    bool failed = ferror(key) != 0;
    failed = fclose(key) != 0 || failed;
    return failed ? spt_fail(err, SPT_ENOMEM, "data: out of memory") : SPT_OK;
}

spt_status spt_data_spec_read(const spt_node *section, spt_data_spec **out, spt_error *err) {
    *out = NULL;
    if (section == NULL)
        return spt_fail(err, SPT_ECONFIG, "data: is missing; it is required");
    if (spt_node_get_kind(section) != SPT_NODE_MAP)
        return spt_node_only(section, COMMON_KEYS, COMMON_KEY_COUNT, err);
    spt_data_spec *spec = calloc(1, sizeof *spec);
    if (spec == NULL)
        return spt_fail(err, SPT_ENOMEM, "data: out of memory");
    spt_status status = read_source(section, spec, err);
    if (status == SPT_OK)
        status = check_keys(section, spec->source, err);
    if (status == SPT_OK)
        status = read_sizes(section, spec, err);
    if (status == SPT_OK)
        status = read_path(section, spec, err);
    if (status == SPT_OK)
        status = read_own(section, spec, err);
    if (status == SPT_OK)
        status = read_noise(section, spec, err);
    if (status == SPT_OK)
        status = read_standardize(section, spec, err);
    if (status == SPT_OK)
        status = make_key(spec, err);
    if (status != SPT_OK) {
        spt_data_spec_free(spec);
        return status;
    }
    *out = spec;
    return SPT_OK;
}

void spt_data_spec_free(spt_data_spec *spec) {
    if (spec == NULL)
        return;
    if (spec->settings != NULL && spec->source->release != NULL)
        spec->source->release(spec->settings);
    free(spec->settings);
    free(spec->path);
    free(spec->key);
    free(spec);
}

const char *spt_data_spec_key(const spt_data_spec *spec) {
    return spec->key;
}

uint32_t spt_data_spec_seed(const spt_data_spec *spec) {
    return spec->seed;
}

spt_source_request spt_data_spec_request(const spt_data_spec *spec) {
    return (spt_source_request){
        .seed = spec->seed, .train = spec->train, .test = spec->test, .path = spec->path, .settings = spec->settings};
}
