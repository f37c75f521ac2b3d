/* The section `label_noise:`: which kinds there are, which keys each has, and what data they are for. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "data/spec.h"

static const double AMPLITUDE_MAX = 1e9, FREQUENCY_MAX = 1e9, SIGMA_MAX = 1e18, POWER_MAX = 1e3;
static const size_t COUNT_MAX = 1000000, COMPONENT_MAX = 1000000000;

enum { FRACTION, AMPLITUDE, FREQUENCY, SIGMA, POWER, COUNT, COMPONENT, KEYS };
static const char *const KEY_NAMES[1 + KEYS] = {"kind",  "fraction", "amplitude", "frequency",
                                                "sigma", "power",    "count",     "component"};

#define BIT(key) (1u << (key))

typedef struct noise_kind {
    const char *name;
    bool classes;          /* else real targets; none is for both */
    unsigned keys, needed; /* which of its keys, and which of these have no default */
} noise_kind;

static const noise_kind KINDS[SPT_NOISE_KINDS] = {
    [SPT_NOISE_NONE] = {"none", false, ~0u, 0},
    [SPT_NOISE_UNIFORM] = {"uniform", true, BIT(FRACTION), BIT(FRACTION)},
    [SPT_NOISE_PERMUTE] = {"permute", true, BIT(FRACTION), BIT(FRACTION)},
    [SPT_NOISE_RADIAL] = {"radial", false, BIT(AMPLITUDE) | BIT(FREQUENCY), BIT(FREQUENCY)},
    [SPT_NOISE_PLANE_WAVES] = {"plane_waves", false, BIT(AMPLITUDE) | BIT(FREQUENCY) | BIT(COUNT),
                               BIT(FREQUENCY) | BIT(COUNT)},
    [SPT_NOISE_PRINCIPAL] = {"principal", false, BIT(AMPLITUDE) | BIT(FREQUENCY) | BIT(COMPONENT), BIT(FREQUENCY)},
    [SPT_NOISE_KERNEL] = {"kernel", false, BIT(AMPLITUDE) | BIT(SIGMA) | BIT(POWER), BIT(SIGMA)},
    [SPT_NOISE_GAUSSIAN] = {"gaussian", false, BIT(AMPLITUDE), 0},
    [SPT_NOISE_UNIFORM_REAL] = {"uniform_real", false, BIT(AMPLITUDE), 0},
};

/* "kind, amplitude, frequency": the keys of a kind, into text. */
static void list_keys(unsigned keys, char *text, size_t capacity) {
    size_t length = (size_t)snprintf(text, capacity, "kind");
    for (size_t k = 0; k < KEYS; k++)
        if ((keys & BIT(k)) != 0 && length < capacity)
            length += (size_t)snprintf(text + length, capacity - length, ", %s", KEY_NAMES[1 + k]);
}

/* Keys of another kind are known, but say something that would not happen; a needed one must not be silently nothing.
 * Kind none takes them all, so that it may stand among others on an axis. */
static spt_status check_keys(const spt_node *noise, const noise_kind *kind, spt_error *err) {
    for (size_t k = 0; k < KEYS; k++) {
        const spt_node *value = spt_node_find(noise, KEY_NAMES[1 + k]);
        if (value != NULL && (kind->keys & BIT(k)) == 0) {
            char allowed[128];
            list_keys(kind->keys, allowed, sizeof allowed);
            return spt_node_fail(value, err, "is not a key of %s; allowed: %s", kind->name, allowed);
        }
        if (value == NULL && (kind->needed & BIT(k)) != 0)
            return spt_node_require(noise, KEY_NAMES[1 + k], &value, err);
    }
    return SPT_OK;
}

static spt_status read_values(const spt_node *noise, spt_noise *out, spt_error *err) {
    spt_status status = spt_node_real(noise, "fraction", 0, 1, &out->fraction, err);
    if (status == SPT_OK)
        status = spt_node_real(noise, "amplitude", 0, AMPLITUDE_MAX, &out->amplitude, err);
    if (status == SPT_OK)
        status = spt_node_real(noise, "frequency", 0, FREQUENCY_MAX, &out->frequency, err);
    if (status == SPT_OK)
        status = spt_node_real(noise, "sigma", SPT_ABOVE_ZERO, SIGMA_MAX, &out->sigma, err);
    if (status == SPT_OK)
        status = spt_node_real(noise, "power", 0, POWER_MAX, &out->power, err);
    if (status == SPT_OK)
        status = spt_node_size(noise, "count", 1, COUNT_MAX, &out->count, err);
    if (status == SPT_OK)
        status = spt_node_size(noise, "component", 0, COMPONENT_MAX, &out->component, err);
    return status;
}

static bool changes_nothing(const spt_noise *noise) {
    const noise_kind *kind = &KINDS[noise->kind];
    return ((kind->keys & BIT(FRACTION)) != 0 && noise->fraction == 0) ||
           ((kind->keys & BIT(AMPLITUDE)) != 0 && noise->amplitude == 0) ||
           ((kind->keys & BIT(FREQUENCY)) != 0 && noise->frequency == 0);
}

spt_status spt_noise_read(const spt_node *section, spt_noise *out, spt_error *err) {
    const spt_node *noise = spt_node_find(section, "label_noise"), *value;
    const char *words[SPT_NOISE_KINDS];
    size_t chosen = SPT_NOISE_NONE;
    *out = (spt_noise){0};
    if (noise == NULL)
        return SPT_OK;
    for (size_t k = 0; k < SPT_NOISE_KINDS; k++)
        words[k] = KINDS[k].name;
    spt_status status = spt_node_only(noise, KEY_NAMES, 1 + KEYS, err);
    if (status == SPT_OK)
        status = spt_node_require(noise, "kind", &value, err);
    if (status == SPT_OK)
        status = spt_node_choice(noise, "kind", words, SPT_NOISE_KINDS, &chosen, err);
    const noise_kind *kind = &KINDS[chosen];
    if (status == SPT_OK)
        status = check_keys(noise, kind, err);
    spt_noise read = {.kind = (spt_noise_kind)chosen, .amplitude = 1, .power = 2};
    if (status == SPT_OK)
        status = read_values(noise, &read, err);
    if (status != SPT_OK || chosen == SPT_NOISE_NONE || changes_nothing(&read))
        return status;
    if ((kind->keys & BIT(AMPLITUDE)) == 0)
        read.amplitude = 0;
    if ((kind->keys & BIT(POWER)) == 0)
        read.power = 0;
    *out = read;
    return SPT_OK;
}

void spt_noise_describe(const spt_noise *noise, FILE *key) {
    fprintf(key, " label_noise=%s:%.17g", KINDS[noise->kind].name, noise->fraction);
    if (noise->kind != SPT_NOISE_NONE && !KINDS[noise->kind].classes)
        fprintf(key, ",%.17g,%.17g,%.17g,%.17g,%zu,%zu", noise->amplitude, noise->frequency, noise->sigma, noise->power,
                noise->count, noise->component);
}

bool spt_noise_fits(const spt_noise *noise, const char *name, const spt_data_shape *shape, char *words) {
    const noise_kind *kind = &KINDS[noise->kind];
    bool classes = shape->classes > 0;
    if (noise->kind == SPT_NOISE_NONE)
        return true;
    if (classes != kind->classes) {
        size_t length = (size_t)snprintf(
            words, SPT_ERROR_CAPACITY, "kind %s is for %s, but %.400s has %s; allowed: none", kind->name,
            kind->classes ? "classes" : "real targets", name, classes ? "classes" : "real targets");
        for (size_t k = 1; k < SPT_NOISE_KINDS; k++)
            if (KINDS[k].classes == classes)
                length += (size_t)snprintf(words + length, SPT_ERROR_CAPACITY - length, ", %s", KINDS[k].name);
        return false;
    }
    if (noise->kind == SPT_NOISE_PRINCIPAL && noise->component >= shape->inputs) {
        snprintf(words, SPT_ERROR_CAPACITY, "component is %zu, but %.400s has %zu inputs; allowed: 0 to %zu",
                 noise->component, name, shape->inputs, shape->inputs - 1);
        return false;
    }
    return true;
}
