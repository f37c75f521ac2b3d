/* Reads the `data:` section: strict, opens no file, and cheap, since every run of a sweep reads it anew. */
#include "data/spec.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { MAX_SOURCES = 32, MAX_KEYS = 32 };

static const char *const COMMON_KEYS[] = {"source",      "train",       "test",   "seed",   "path",
                                          "label_noise", "standardize", "select", "targets"};
enum { COMMON_KEY_COUNT = sizeof COMMON_KEYS / sizeof *COMMON_KEYS };

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

/* The number of test examples, or clean_train: the training inputs again, with what they were before noise. */
static spt_status read_test(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    const spt_node *node = spt_node_find(section, "test");
    const char *text = node != NULL ? spt_node_text(node) : NULL;
    spt_error unused;
    spec->test_is_train = text != NULL && strcmp(text, "clean_train") == 0;
    if (spec->test_is_train) {
        spec->test = 0;
        return SPT_OK;
    }
    if (spt_node_size(section, "test", 0, SPT_MAX_EXAMPLES, &spec->test, &unused) == SPT_OK)
        return SPT_OK;
    return spt_node_fail(node, err, "is %.80s; allowed: integers 0 to %d, clean_train",
                         text != NULL ? text : "a list or map", SPT_MAX_EXAMPLES);
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
        status = read_test(section, spec, err);
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

/* A generated source's shape needs no file: what does not fit it is refused here, with its line. */
static spt_status read_noise(const spt_node *section, spt_data_spec *spec, spt_error *err) {
    char words[SPT_ERROR_CAPACITY];
    spt_status status = spt_noise_read(section, &spec->noise, err);
    if (status != SPT_OK || !spec->source->generated)
        return status;
    spt_data_shape shape;
    spt_source_request request = spt_data_spec_request(spec);
    status = spec->source->shape(&request, &shape, err);
    if (status == SPT_OK)
        status = spt_selection_shape(&spec->selection, spec->source->name, &shape, err);
    if (status == SPT_OK && !spt_noise_fits(&spec->noise, spec->source->name, &shape, words))
        status = spt_node_fail(spt_node_find(section, "label_noise"), err, "%s", words);
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
    if (spec->test_is_train)
        fprintf(key, " test=clean_train");
    else
        describe_size(key, "test", spec->test);
    spt_selection_describe(&spec->selection, key);
    spt_noise_describe(&spec->noise, key);
    fprintf(key, " standardize=%s", STANDARDIZE_WORDS[spec->standardize]);
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
        status = spt_selection_read(section, spec->source, &spec->selection, err);
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
    spt_selection_release(&spec->selection);
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
    bool all = spec->selection.n > 0;
    return (spt_source_request){.seed = spec->seed,
                                .train = all ? SPT_SOURCE_ALL : spec->train,
                                .test = all && spec->test > 0 ? SPT_SOURCE_ALL : spec->test,
                                .path = spec->path,
                                .settings = spec->settings};
}
