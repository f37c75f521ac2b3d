/* For tests of data: from the text of a `data:` section to a spec or a data set. Include after cmocka.h. */
#ifndef SPT_TESTS_DATA_SECTION_H
#define SPT_TESTS_DATA_SECTION_H

#include <stdio.h>
#include <string.h>

#include "config/tree.h"
#include "spectrain/dataset.h"

/** section: what follows `data: `, e.g. "{source: mnist1d, train: 10}". */
static inline spt_status section_read(const char *section, spt_data_spec **spec, spt_error *err) {
    char text[4096];
    spt_config *config = NULL;
    int length = snprintf(text, sizeof text, "data: %s\n", section);
    assert_in_range(length, 1, sizeof text - 1);
    spt_status status = spt_config_parse("test.yaml", text, (size_t)length, &config, err);
    if (status != SPT_OK)
        fail_msg("not YAML: %s", err->message);
    status = spt_data_spec_read(spt_node_find(config->root, "data"), spec, err);
    spt_config_free(config);
    return status;
}

static inline spt_data_spec *section_spec(const char *section) {
    spt_error err = {0};
    spt_data_spec *spec = NULL;
    if (section_read(section, &spec, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return spec;
}

static inline spt_dataset *section_dataset(const char *section) {
    spt_error err = {0};
    spt_dataset *dataset = NULL;
    spt_data_spec *spec = section_spec(section);
    if (spt_dataset_make(spec, &dataset, &err) != SPT_OK)
        fail_msg("%s", err.message);
    spt_data_spec_free(spec);
    return dataset;
}

/** The section is wrong: SPT_ECONFIG with exactly this message. */
static inline void assert_section_refused(const char *section, const char *message) {
    spt_error err = {0};
    spt_data_spec *spec = NULL;
    assert_int_equal(section_read(section, &spec, &err), SPT_ECONFIG);
    assert_null(spec);
    assert_string_equal(err.message, message);
}

/** The section is right, but making its data fails with this status and message. */
static inline void assert_data_refused(const char *section, spt_status expected, const char *message) {
    spt_error err = {0};
    spt_data_spec *spec = section_spec(section);
    spt_dataset *dataset = NULL;
    spt_status status = spt_dataset_make(spec, &dataset, &err);
    spt_data_spec_free(spec);
    assert_null(dataset);
    assert_string_equal(err.message, message);
    assert_int_equal(status, expected);
}

#endif
