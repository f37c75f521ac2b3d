/* Probes out of YAML text, and small data sets to make them for. */
#ifndef SPT_TESTS_PROBE_FIXTURE_H
#define SPT_TESTS_PROBE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/tree.h"
#include "spectrain/probe.h"
#include "spectrain/rng.h"

/* Read one probe item written as YAML ("{name: p, kind: line}"). */
static inline spt_status read_probe(const char *yaml, spt_probe_spec **spec, spt_error *err) {
    char text[512];
    int length = snprintf(text, sizeof text, "name: t\nprobes:\n  - %s\n", yaml);
    spt_config *config = NULL;
    assert_int_equal(spt_config_parse("c.yaml", text, (size_t)length, &config, err), SPT_OK);
    const spt_node *item = spt_node_item(spt_node_find(config->root, "probes"), 0);
    spt_status status = spt_probe_spec_read(item, spec, err);
    spt_config_free(config); /* a spec keeps nothing of its document */
    return status;
}

static inline spt_probe_spec *good_probe(const char *yaml) {
    spt_probe_spec *spec = NULL;
    spt_error err = {0};
    if (read_probe(yaml, &spec, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return spec;
}

/* The item is not read, and the message has these words. */
static inline void assert_probe_refused(const char *yaml, const char *words) {
    spt_probe_spec *spec = NULL;
    spt_error err = {0};
    if (read_probe(yaml, &spec, &err) != SPT_ECONFIG)
        fail_msg("not refused: %s", yaml);
    if (strstr(err.message, words) == NULL)
        fail_msg("%s: the message '%s' lacks '%s'", yaml, err.message, words);
}

/* Two classes, uniform inputs in [-1, 1). */
static inline spt_dataset make_dataset(size_t inputs, size_t train, size_t test) {
    spt_dataset dataset = {.inputs = inputs, .outputs = 2, .classes = 2};
    spt_split *splits[] = {&dataset.train, &dataset.test};
    size_t sizes[] = {train, test};
    for (uint64_t s = 0; s < 2; s++) {
        splits[s]->n = sizes[s];
        splits[s]->x = malloc((sizes[s] * inputs + 1) * sizeof(float));
        assert_non_null(splits[s]->x);
        for (size_t i = 0; i < sizes[s] * inputs; i++) {
            double u;
            spt_random_uniform(9, SPT_STREAM_DATA, s, i, 1, &u);
            splits[s]->x[i] = (float)(2.0 * u - 1.0);
        }
    }
    return dataset;
}

static inline void release_dataset(spt_dataset *dataset) {
    free(dataset->train.x);
    free(dataset->test.x);
}

static inline spt_data_shape shape_of(const spt_dataset *dataset) {
    return (spt_data_shape){.train = dataset->train.n,
                            .test = dataset->test.n,
                            .inputs = dataset->inputs,
                            .outputs = dataset->outputs,
                            .classes = dataset->classes};
}

/* Read and make in one go; what must not fail. */
static inline spt_probe *make_probe(const char *yaml, const spt_dataset *dataset, uint32_t seed) {
    spt_probe_spec *spec = good_probe(yaml);
    spt_probe *probe = NULL;
    spt_error err = {0};
    if (spt_probe_make(spec, dataset, seed, &probe, &err) != SPT_OK)
        fail_msg("%s", err.message);
    spt_probe_spec_free(spec);
    return probe;
}

/* The text of an attribute; NULL when the probe has none of that key. */
static inline const char *attribute_of(const spt_probe *probe, const char *key) {
    for (size_t i = 0; i < probe->n_attributes; i++)
        if (strcmp(probe->attributes[i].key, key) == 0)
            return probe->attributes[i].text;
    return NULL;
}

#endif
