/* Items of `probes:`: what is read, what is refused, and the words of the refusal. */
#include <stdio.h>

#include "probe_fixture.h"

#define LINE "{name: p, kind: line, split: train, points: 4, samples: 8, radius: 0.5}"

static void assert_refused(const char *yaml, const char *words) {
    spt_probe_spec *spec = NULL;
    spt_error err = {0};
    if (read_probe(yaml, &spec, &err) != SPT_ECONFIG)
        fail_msg("not refused: %s", yaml);
    assert_null(spec);
    if (strstr(err.message, words) == NULL)
        fail_msg("%s: the message '%s' lacks '%s'", yaml, err.message, words);
    if (strncmp(err.message, "c.yaml:3: probes.0", strlen("c.yaml:3: probes.0")) != 0)
        fail_msg("%s: the message '%s' does not begin with the place", yaml, err.message);
}

static void probes_of_both_kinds_are_read(void **state) {
    (void)state;
    spt_probe_spec *line = good_probe(LINE), *grid = good_probe("{kind: grid1d, samples: 200, name: Grid-1_d}");
    assert_string_equal(spt_probe_spec_name(line), "p");
    assert_string_equal(spt_probe_spec_name(grid), "Grid-1_d");
    spt_probe_spec_free(line);
    spt_probe_spec_free(grid);
    spt_probe_spec_free(NULL);
}

static void item_that_is_no_map_is_refused(void **state) {
    (void)state;
    assert_refused("line", "is not a map");
    assert_refused("[line]", "is not a map");
}

static void unknown_kind_is_refused_with_those_there_are(void **state) {
    (void)state;
    assert_refused("{name: p, kind: circle}", "exact, grid1d, grid2d, kernel, line, manifold, nudft");
    assert_refused("{name: p, samples: 8}", "probes.0.kind: is missing");
}

static void unknown_key_is_refused_with_those_of_the_kind(void **state) {
    (void)state;
    assert_refused("{name: p, kind: line, split: train, points: 4, samples: 8, radios: 1}",
                   "name, kind, split, points, samples, radius, direction, detrend");
    assert_refused("{name: p, kind: grid1d, samples: 8, radius: 1}", "allowed: name, kind, samples");
}

static void missing_key_is_named(void **state) {
    (void)state;
    assert_refused("{kind: grid1d, samples: 8}", "probes.0.name: is missing");
    assert_refused("{name: p, kind: grid1d}", "probes.0.samples: is missing");
    assert_refused("{name: p, kind: line, points: 4, samples: 8, radius: 1}", "probes.0.split: is missing");
    assert_refused("{name: p, kind: line, split: test, samples: 8, radius: 1}", "probes.0.points: is missing");
    assert_refused("{name: p, kind: line, split: test, points: 4, radius: 1}", "probes.0.samples: is missing");
    assert_refused("{name: p, kind: line, split: test, points: 4, samples: 8}", "probes.0.radius: is missing");
}

static void name_is_letters_digits_and_two_marks(void **state) {
    (void)state;
    const char *const bad[] = {"''", "1st", "_p", "-p", "a b", "a/b", "a.b", "\"p\\u00e9\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char yaml[128];
        snprintf(yaml, sizeof yaml, "{name: %s, kind: grid1d, samples: 8}", bad[i]);
        assert_refused(yaml, "allowed: letters, digits, _ and -, a letter first");
    }
}

static void name_has_at_most_63_characters(void **state) {
    (void)state;
    char yaml[160];
    snprintf(yaml, sizeof yaml, "{name: %.*s, kind: grid1d, samples: 8}", 63,
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    spt_probe_spec *spec = good_probe(yaml);
    assert_int_equal(strlen(spt_probe_spec_name(spec)), 63);
    spt_probe_spec_free(spec);
    snprintf(yaml, sizeof yaml, "{name: %.*s, kind: grid1d, samples: 8}", 64,
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_refused(yaml, "has 64 characters; allowed: at most 63");
}

static void value_out_of_range_is_refused_with_what_is_allowed(void **state) {
    (void)state;
    assert_refused("{name: p, kind: grid1d, samples: 7}", "samples: is 7; allowed: an even number, 2 to 1048576");
    assert_refused("{name: p, kind: grid1d, samples: 0}", "samples: is 0");
    assert_refused("{name: p, kind: grid1d, samples: 8.0}", "samples: is 8.0");
    assert_refused("{name: p, kind: line, split: both, points: 4, samples: 8, radius: 1}", "train, noisy, test");
    assert_refused("{name: p, kind: line, split: test, points: 0, samples: 8, radius: 1}", "points: is 0");
    assert_refused("{name: p, kind: line, split: test, points: 4, samples: 9, radius: 1}", "samples: is 9");
    assert_refused("{name: p, kind: line, split: test, points: 4, samples: 8, radius: 0}", "radius: is 0");
    assert_refused("{name: p, kind: line, split: test, points: 4, samples: 8, radius: -1}", "radius: is -1");
    assert_refused("{name: p, kind: line, split: test, points: 4, samples: 8, radius: .inf}", "radius: is .inf");
    assert_refused("{name: p, kind: line, split: test, points: 4, samples: 8, radius: 1, detrend: mean}", "none, ends");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_of_both_kinds_are_read),
        cmocka_unit_test(item_that_is_no_map_is_refused),
        cmocka_unit_test(unknown_kind_is_refused_with_those_there_are),
        cmocka_unit_test(unknown_key_is_refused_with_those_of_the_kind),
        cmocka_unit_test(missing_key_is_named),
        cmocka_unit_test(name_is_letters_digits_and_two_marks),
        cmocka_unit_test(name_has_at_most_63_characters),
        cmocka_unit_test(value_out_of_range_is_refused_with_what_is_allowed),
    };
    return cmocka_run_group_tests_name("probe_spec", tests, NULL, NULL);
}
