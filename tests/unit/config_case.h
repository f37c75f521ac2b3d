/* Configs as texts named test.yaml, and what is expected of them. */
#ifndef SPT_TESTS_UNIT_CONFIG_CASE_H
#define SPT_TESTS_UNIT_CONFIG_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spectrain/config.h"

static inline spt_config *config_of(const char *text) {
    spt_error err = {0};
    spt_config *config = NULL;
    if (spt_config_parse("test.yaml", text, strlen(text), &config, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return config;
}

static inline void set(spt_config *config, const char *assignment) {
    spt_error err = {0};
    if (spt_config_set(config, assignment, &err) != SPT_OK)
        fail_msg("%s", err.message);
}

static inline spt_axes axes_of(const spt_config *config) {
    spt_error err = {0};
    spt_axes axes = {0};
    if (spt_config_axes(config, &axes, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return axes;
}

/** The caller's: spt_settings_free. */
static inline spt_settings settings_of(const spt_config *config, const spt_axes *axes, size_t run) {
    spt_error err = {0};
    spt_settings settings = {0};
    if (spt_config_settings(config, axes, run, &settings, &err) != SPT_OK)
        fail_msg("%s", err.message);
    return settings;
}

static inline void assert_error(spt_status status, const spt_error *err, const char *message) {
    assert_string_equal(err->message, message);
    assert_int_equal(status, SPT_ECONFIG);
    assert_int_equal(err->status, SPT_ECONFIG);
}

static inline void assert_text_refused(const char *text, size_t length, const char *message) {
    spt_error err = {0};
    spt_config *config = NULL;
    assert_error(spt_config_parse("test.yaml", text, length, &config, &err), &err, message);
    assert_null(config);
}

static inline void assert_set_refused(const char *text, const char *assignment, const char *message) {
    spt_error err = {0};
    spt_config *config = config_of(text);
    assert_error(spt_config_set(config, assignment, &err), &err, message);
    spt_config_free(config);
}

static inline void assert_axes_refused(const char *text, const char *message) {
    spt_error err = {0};
    spt_axes axes;
    spt_config *config = config_of(text);
    assert_error(spt_config_axes(config, &axes, &err), &err, message);
    assert_int_equal(axes.n_axes, 0);
    spt_config_free(config);
}

/* ---- a whole config, of which a test changes one line */

enum { NAME, DATA, MODEL, TRAIN, MORE, LINES }; /* line numbers are one higher */

/** The caller's: free. A line that is not NULL replaces the one that is there. */
static inline char *whole_text(int line, const char *instead) {
    const char *lines[LINES] = {
        [NAME] = "name: trial",
        [DATA] = "data: {source: mnist1d, train: 20, test: 10}",
        [MODEL] = "model: {hidden_layers: 2, width: 8}",
        [TRAIN] = "train: {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.1}, batch: 5, epochs: 100}",
        [MORE] = "",
    };
    if (instead != NULL)
        lines[line] = instead;
    size_t bytes = 1;
    for (int i = 0; i < LINES; i++)
        bytes += strlen(lines[i]) + 1;
    char *text = malloc(bytes);
    assert_non_null(text);
    text[0] = '\0';
    for (int i = 0; i < LINES; i++)
        strcat(strcat(text, lines[i]), "\n");
    return text;
}

static inline spt_config *whole_config(int line, const char *instead) {
    char *text = whole_text(line, instead);
    spt_config *config = config_of(text);
    free(text);
    return config;
}

/** Settings of the only run, with that line, and an assignment when it is not NULL. The caller's: spt_settings_free. */
static inline spt_settings whole_settings(int line, const char *instead, const char *assignment) {
    spt_config *config = whole_config(line, instead);
    if (assignment != NULL)
        set(config, assignment);
    spt_axes axes = axes_of(config);
    spt_settings settings = settings_of(config, &axes, 0);
    spt_axes_free(&axes);
    spt_config_free(config);
    return settings;
}

/** Some run of the config with that line and that assignment (or NULL) is refused in these words. */
static inline void assert_settings_refused(int line, const char *instead, const char *assignment, const char *message) {
    spt_error err = {0};
    spt_config *config = whole_config(line, instead);
    if (assignment != NULL)
        set(config, assignment);
    spt_axes axes = axes_of(config);
    spt_status status = SPT_OK;
    for (size_t run = 0; run < axes.n_runs && status == SPT_OK; run++) {
        spt_settings settings = {0};
        status = spt_config_settings(config, &axes, run, &settings, &err);
        spt_settings_free(&settings);
    }
    assert_error(status, &err, message);
    spt_axes_free(&axes);
    spt_config_free(config);
}

#endif
