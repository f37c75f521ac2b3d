/* The values of one axis: written out in a list, or made by geomspace, linspace or range. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/axes.h"
#include "config/number.h"

/* Room for n values and, in the same block after them, the bytes of their texts. */
static char *reserve(spt_axis *axis, size_t n, size_t text_bytes) {
    axis->values = malloc(n * sizeof *axis->values + text_bytes);
    axis->n_values = 0;
    return axis->values != NULL ? (char *)(axis->values + n) : NULL;
}

static spt_status out_of_memory(const spt_node *axis, spt_error *err) {
    return spt_fail(err, SPT_ENOMEM, "sweep.%s: out of memory", axis->key);
}

/* ---- a list */

/* A value as it stands alone: an integer, a real, or else a text. */
static spt_value read_value(const spt_node *item) {
    spt_value value = {.kind = SPT_VALUE_TEXT, .text = item->text};
    if (!item->quoted && spt_number_real(item->text, &value.real))
        value.kind = spt_number_integer(item->text, &value.integer) ? SPT_VALUE_INTEGER : SPT_VALUE_REAL;
    return value;
}

static bool is_of_type(const spt_value *value, spt_axis_type type) {
    switch (type) {
    case SPT_AXIS_INTEGER:
        return value->kind == SPT_VALUE_INTEGER;
    case SPT_AXIS_INTEGER_OR_TEXT:
        return value->kind != SPT_VALUE_REAL;
    case SPT_AXIS_REAL:
        return value->kind != SPT_VALUE_TEXT;
    case SPT_AXIS_TEXT:
    case SPT_AXIS_ANY:
        break;
    }
    return true;
}

static const char *allowed_words(spt_axis_type type) {
    static const char *const words[] = {[SPT_AXIS_INTEGER] = "integers",
                                        [SPT_AXIS_INTEGER_OR_TEXT] = "integers, full",
                                        [SPT_AXIS_REAL] = "numbers",
                                        [SPT_AXIS_TEXT] = "texts",
                                        [SPT_AXIS_ANY] = "numbers, texts"};
    return words[type];
}

/* Check the items; what kind they have in common, and how many bytes their texts take. */
static spt_status survey(const spt_node *list, spt_axis_type type, spt_value_kind *kind, size_t *text_bytes,
                         spt_error *err) {
    *kind = type == SPT_AXIS_TEXT ? SPT_VALUE_TEXT : type == SPT_AXIS_REAL ? SPT_VALUE_REAL : SPT_VALUE_INTEGER;
    *text_bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        const spt_node *item = list->entries[i].value;
        if (item->kind != SPT_NODE_SCALAR || spt_tree_is_null(item))
            return spt_tree_fail_found(item, err, allowed_words(type));
        spt_value value = read_value(item);
        if (!is_of_type(&value, type))
            return spt_tree_fail_found(item, err, allowed_words(type));
        if (value.kind > *kind) /* integers are reals, and both are texts */
            *kind = value.kind;
        *text_bytes += strlen(item->text) + 1;
    }
    return SPT_OK;
}

static int compare_values(const void *a, const void *b) {
    const spt_value *x = *(const spt_value *const *)a, *y = *(const spt_value *const *)b;
    int order = 0;
    if (x->kind == SPT_VALUE_TEXT)
        order = strcmp(x->text, y->text);
    else if (x->kind == SPT_VALUE_INTEGER)
        order = (x->integer > y->integer) - (x->integer < y->integer);
    else
        order = (x->real > y->real) - (x->real < y->real);
    return order != 0 ? order : (x > y) - (x < y);
}

static bool equal_values(const spt_value *x, const spt_value *y) {
    if (x->kind == SPT_VALUE_TEXT)
        return strcmp(x->text, y->text) == 0;
    return x->kind == SPT_VALUE_INTEGER ? x->integer == y->integer : x->real == y->real;
}

static spt_status refuse_repeats(const spt_node *list, const spt_axis *axis, spt_error *err) {
    const spt_value **sorted = malloc(axis->n_values * sizeof *sorted);
    if (sorted == NULL)
        return out_of_memory(list, err);
    for (size_t i = 0; i < axis->n_values; i++)
        sorted[i] = &axis->values[i];
    qsort(sorted, axis->n_values, sizeof *sorted, compare_values);
    spt_status status = SPT_OK;
    for (size_t i = 1; i < axis->n_values && status == SPT_OK; i++)
        if (equal_values(sorted[i - 1], sorted[i])) {
            const spt_node *item = list->entries[sorted[i] - axis->values].value;
            char found[SPT_FOUND_CAPACITY];
            spt_tree_found(item, found);
            status = spt_node_fail(item, err, "is %s, as is item %td; allowed: each value once", found,
                                   sorted[i - 1] - axis->values);
        }
    free(sorted);
    return status;
}

static spt_status expand_list(const spt_node *list, spt_axis_type type, spt_axis *out, spt_error *err) {
    spt_value_kind kind;
    size_t text_bytes;
    spt_status status = survey(list, type, &kind, &text_bytes, err);
    if (status != SPT_OK)
        return status;
    char *text = reserve(out, list->count, text_bytes);
    if (text == NULL)
        return out_of_memory(list, err);
    for (size_t i = 0; i < list->count; i++) {
        spt_value value = read_value(list->entries[i].value);
        size_t bytes = strlen(value.text) + 1;
        value.text = memcpy(text, value.text, bytes);
        value.kind = kind;
        out->values[out->n_values++] = value;
        text += bytes;
    }
    return refuse_repeats(list, out, err);
}

/* ---- generators */

static void append_integer(spt_axis *axis, char **text, int64_t integer) {
    snprintf(*text, SPT_NUMBER_CAPACITY, "%" PRId64, integer);
    axis->values[axis->n_values++] =
        (spt_value){.kind = SPT_VALUE_INTEGER, .integer = integer, .real = (double)integer, .text = *text};
    *text += SPT_NUMBER_CAPACITY;
}

/* given: written by the user, not computed. */
static void append_real(spt_axis *axis, char **text, double real, bool given) {
    spt_value value = {.kind = SPT_VALUE_REAL, .real = real, .text = *text};
    if (given)
        spt_number_print(real, *text);
    else
        value.real = spt_number_tidy(real, *text);
    axis->values[axis->n_values++] = value;
    *text += SPT_NUMBER_CAPACITY;
}

/* The three numbers of a generator. */
typedef struct arguments {
    double first, last, third;
    const char *texts[3]; /* as written */
    bool integers;        /* all three, and so small that rounding is far below 1 */
} arguments;

static spt_status read_arguments(const spt_node *list, const char *names, bool must_be_integers, arguments *out,
                                 spt_error *err) {
    const int64_t limit = 1000000000000;
    double *numbers[] = {&out->first, &out->last, &out->third};
    if (list->kind != SPT_NODE_LIST || list->count != 3)
        return spt_node_fail(list, err, "is not three numbers; allowed: %s", names);
    out->integers = true;
    for (size_t i = 0; i < 3; i++) {
        const spt_node *item = list->entries[i].value;
        int64_t integer;
        if (item->kind != SPT_NODE_SCALAR || item->quoted || !spt_number_real(item->text, numbers[i]))
            return spt_tree_fail_found(item, err, "numbers");
        out->texts[i] = item->text;
        bool exact = spt_number_integer(item->text, &integer) && integer >= -limit && integer <= limit;
        if (must_be_integers && !exact)
            return spt_tree_fail_found(item, err, "integers, at most 10^12");
        out->integers = out->integers && exact;
    }
    return SPT_OK;
}

/* n values from first to last, each the same multiple of the one before (geometric), or the same step away from it. As
 * integers, fractions are dropped (as numpy.geomspace(..., dtype=int) does, but for values that only rounding keeps
 * below an integer), and repeats left out. */
static spt_status spaced(const spt_node *axis, const spt_node *list, bool geometric, bool integers, spt_axis *out,
                         spt_error *err) {
    const double guard = 1e-14; /* above the error of pow for exponents up to 1 and ratios up to 10^12 */
    arguments a;
    spt_status status = read_arguments(list, "[first, last, how many]", integers, &a, err);
    if (status != SPT_OK)
        return status;
    double ratio = a.last / a.first, rise = a.last - a.first;
    if (geometric && !(a.first > 0.0 && a.last > 0.0 && isnormal(ratio)))
        return spt_node_fail(list, err, "goes from %.40s to %.40s; allowed: numbers above 0 with a finite ratio",
                             a.texts[0], a.texts[1]);
    if (!geometric && !isfinite(rise))
        return spt_node_fail(list, err, "goes from %.40s to %.40s; allowed: numbers with a finite difference",
                             a.texts[0], a.texts[1]);
    if (!(a.third >= 1.0 && a.third <= SPT_AXES_MAX_VALUES && a.third == floor(a.third)))
        return spt_tree_fail_found(list->entries[2].value, err, "integers 1 to 1000000");
    size_t n = (size_t)a.third;
    char *text = reserve(out, n, n * SPT_NUMBER_CAPACITY);
    if (text == NULL)
        return out_of_memory(axis, err);
    for (size_t i = 0; i < n; i++) {
        bool given = i == 0 || i == n - 1;
        double value = i == 0 ? a.first : a.last;
        if (!given)
            value = geometric ? a.first * pow(ratio, (double)i / (double)(n - 1))
                              : a.first + (double)i * (rise / (double)(n - 1));
        if (!integers) {
            append_real(out, &text, value, given);
            continue;
        }
        double size = geometric ? value : fmax(fabs(a.first), fabs(a.last));
        int64_t integer = (int64_t)floor(value + guard * size);
        if (out->n_values == 0 || out->values[out->n_values - 1].integer != integer)
            append_integer(out, &text, integer);
    }
    return SPT_OK;
}

/* first, first + step, ... up to last. */
static spt_status range(const spt_node *axis, const spt_node *list, bool must_be_integers, bool may_be_integers,
                        spt_axis *out, spt_error *err) {
    const double slack = 1e-9; /* of a step: how near to last a step lands on it */
    arguments a;
    spt_status status = read_arguments(list, "[first, last, step]", must_be_integers, &a, err);
    if (status != SPT_OK)
        return status;
    double steps = (a.last - a.first) / a.third;
    if (a.third == 0.0 || !(steps >= 0.0))
        return spt_node_fail(list, err, "never gets from %.40s to %.40s in steps of %.40s", a.texts[0], a.texts[1],
                             a.texts[2]);
    if (!(steps + slack < SPT_AXES_MAX_VALUES))
        return spt_node_fail(list, err, "has more than %d values", SPT_AXES_MAX_VALUES);
    size_t n = (size_t)floor(steps + slack) + 1;
    char *text = reserve(out, n, n * SPT_NUMBER_CAPACITY);
    if (text == NULL)
        return out_of_memory(axis, err);
    for (size_t i = 0; i < n; i++) {
        double value = a.first + (double)i * a.third; /* exact for integers */
        if (fabs(value) < slack * fabs(a.third))
            value = 0.0;
        if (fabs(value - a.last) < slack * fabs(a.third))
            value = a.last;
        if (may_be_integers && a.integers)
            append_integer(out, &text, (int64_t)value);
        else
            append_real(out, &text, value, value == a.first || value == a.last);
    }
    return SPT_OK;
}

static const char GENERATORS[] = "a list, {geomspace: [first, last, how many]}, {linspace: [first, last, how many]}, "
                                 "{range: [first, last, step]}";

static spt_status expand_generator(const spt_node *axis, spt_axis_type type, spt_axis *out, spt_error *err) {
    bool integers = type == SPT_AXIS_INTEGER || type == SPT_AXIS_INTEGER_OR_TEXT;
    const spt_node *geometric = spt_node_find(axis, "geomspace"), *linear = spt_node_find(axis, "linspace");
    const spt_node *steps = spt_node_find(axis, "range");
    if (type == SPT_AXIS_TEXT)
        return spt_tree_fail_found(axis, err, "a list of texts");
    if (axis->count != 1 || (geometric == NULL && linear == NULL && steps == NULL))
        return spt_node_fail(axis, err, "is not a generator; allowed: %s", GENERATORS);
    spt_status status = geometric != NULL ? spaced(axis, geometric, true, integers, out, err)
                        : linear != NULL  ? spaced(axis, linear, false, integers, out, err)
                                          : range(axis, steps, integers, integers || type == SPT_AXIS_ANY, out, err);
    for (size_t i = 1; i < out->n_values && status == SPT_OK; i++)
        if (equal_values(&out->values[i - 1], &out->values[i]))
            status = spt_node_fail(axis, err, "has the value %s twice; allowed: each value once", out->values[i].text);
    return status;
}

spt_status spt_axis_expand(const spt_node *axis, spt_axis_type type, spt_axis *out, spt_error *err) {
    if (axis->kind == SPT_NODE_MAP)
        return expand_generator(axis, type, out, err);
    if (axis->kind == SPT_NODE_LIST && axis->count > 0)
        return expand_list(axis, type, out, err);
    return spt_tree_fail_found(axis, err, GENERATORS);
}
