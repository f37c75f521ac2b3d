#include "store/identity.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spectrain/spectrain.h"
#include "store/pack.h"

enum {
    THREADS = 256,     /* a character that is none */
    SHOWN_MAX = 160,   /* of a line, in a message */
    COMMON_SHOWN = 40, /* of what two long lines begin with, the same */
};

/* The next character of a device's name; a number of threads is one. 0 at its end. */
static int next_of_name(const char **name) {
    size_t digits = strspn(*name, "0123456789");
    if (digits > 0 && strncmp(*name + digits, " thread", 7) == 0) {
        *name += digits + 7;
        *name += **name == 's';
        return THREADS;
    }
    return **name != '\0' ? (unsigned char)*(*name)++ : 0;
}

/* A device's name without the "N threads" in it. */
static void append_device_model(FILE *out, const char *device) {
    for (int c; (c = next_of_name(&device)) != 0;) {
        if (c == THREADS)
            fputs("threads", out);
        else
            fputc(c, out);
    }
}

char *spt_identity_text_of(const spt_store_spec *spec, const char *software_version) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    fprintf(out, "software_version: %s\nbackend: %s\ndevice: ", software_version, spec->backend);
    append_device_model(out, spec->device);
    fprintf(out, "\nprecision: %s\ndenormals: %s\n", spec->precision, spec->denormals);
    if (spec->shard != NULL)
        fprintf(out, "shard: %zu/%zu\n", spec->shard->index, spec->shard->count);
    fputs(spec->config, out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

char *spt_identity_text(const spt_store_spec *spec) {
    return spt_identity_text_of(spec, spt_version());
}

/* Behind "KEY: VALUE\n" when text begins with that key, else NULL; the value into room unless that is NULL. */
static const char *skip_line(const char *text, const char *key, char *room, size_t capacity) {
    size_t length = strlen(key);
    if (text == NULL || strncmp(text, key, length) != 0 || strncmp(text + length, ": ", 2) != 0)
        return NULL;
    const char *value = text + length + 2;
    size_t end = strcspn(value, "\n");
    if (room != NULL)
        snprintf(room, capacity, "%.*s", (int)(end < capacity ? end : capacity), value);
    return value[end] == '\n' ? value + end + 1 : NULL;
}

spt_status spt_identity_read(const char *thing, const char *text, spt_identity_parts *parts, spt_error *err) {
    static const char *const between[] = {"backend", "device", "precision", "denormals"};
    char shard[64] = "";
    *parts = (spt_identity_parts){0};
    const char *at = skip_line(text, "software_version", parts->software_version, sizeof parts->software_version);
    for (size_t i = 0; i < sizeof between / sizeof *between; i++)
        at = skip_line(at, between[i], NULL, 0);
    const char *behind = skip_line(at, "shard", shard, sizeof shard);
    bool good = at != NULL && (behind == NULL || sscanf(shard, "%zu/%zu", &parts->shard, &parts->shards) == 2);
    if (!good)
        return spt_fail(err, SPT_ECORRUPT, "%s: does not tell what it is for", thing);
    parts->config = behind != NULL ? behind : at;
    return SPT_OK;
}

static void add_size(EVP_MD_CTX *digest, uint64_t value) {
    EVP_DigestUpdate(digest, &value, sizeof value);
}

static void add_text(EVP_MD_CTX *digest, const char *text) {
    add_size(digest, strlen(text));
    EVP_DigestUpdate(digest, text, strlen(text));
}

static void add_schedule(EVP_MD_CTX *digest, const spt_schedule *schedule) {
    add_size(digest, schedule->n);
    for (size_t i = 0; i < schedule->n; i++)
        add_size(digest, schedule->epoch[i]);
}

static void add_runs(EVP_MD_CTX *digest, const spt_store_spec *spec) {
    add_size(digest, spec->n_runs);
    for (size_t r = 0; r < spec->n_runs; r++) {
        const spt_model_spec *m = &spec->models[r];
        const uint64_t sizes[] = {m->inputs,
                                  m->width,
                                  m->hidden_layers,
                                  m->outputs,
                                  (uint64_t)m->init,
                                  spec->arenas[r].bytes,
                                  spec->steps_per_epoch[r],
                                  spec->run_dataset[r],
                                  spt_run_number(spec, r)};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            add_size(digest, sizes[i]);
    }
    add_size(digest, spec->axes->n_axes);
    for (size_t a = 0; a < spec->axes->n_axes; a++) {
        const spt_axis *axis = &spec->axes->axes[a];
        add_text(digest, axis->key);
        add_size(digest, axis->n_values);
        for (size_t v = 0; v < axis->n_values; v++)
            add_text(digest, axis->values[v].text);
    }
}

static void add_shapes(EVP_MD_CTX *digest, const spt_store_spec *spec) {
    add_size(digest, spec->n_datasets);
    for (size_t d = 0; d < spec->n_datasets; d++) {
        const spt_data_shape *s = &spec->data_shapes[d];
        const uint64_t sizes[] = {s->train, s->test, s->inputs, s->outputs, s->classes};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            add_size(digest, sizes[i]);
    }
    add_size(digest, spec->keep_data);
    add_size(digest, spec->n_probes);
    for (size_t p = 0; p < spec->n_probes; p++) {
        const spt_probe_shape *s = &spec->probe_shapes[p];
        add_text(digest, spec->probe_names[p]);
        add_size(digest, s->rows);
        add_size(digest, s->energy_size);
        add_size(digest, s->n_dims);
        for (size_t i = 0; i < s->n_dims; i++)
            add_size(digest, s->dim_size[i]);
    }
}

spt_status spt_identity_fingerprint(const spt_store_spec *spec, const char *text, unsigned char *fingerprint,
                                    spt_error *err) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(digest);
        return spt_fail(err, SPT_ENOMEM, "store: no memory for a checksum");
    }
    add_text(digest, text);
    add_schedule(digest, &spec->records);
    add_schedule(digest, &spec->snapshots);
    add_runs(digest, spec);
    add_shapes(digest, spec);
    int done = EVP_DigestFinal_ex(digest, fingerprint, NULL);
    EVP_MD_CTX_free(digest);
    return done == 1 ? SPT_OK : spt_fail(err, SPT_ENOMEM, "store: the checksum of the config failed");
}

static size_t line_length(const char *text) {
    return strcspn(text, "\n");
}

/* Of two long lines, where to begin so that their difference shows. */
static size_t skip_common(const char *a, const char *b, size_t longer) {
    size_t common = 0;
    while (a[common] == b[common] && a[common] != '\0')
        common++;
    return longer > SHOWN_MAX && common > COMMON_SHOWN ? common - COMMON_SHOWN : 0;
}

bool spt_identity_difference(const char **kept, int *kept_length, const char **wanted, int *wanted_length) {
    for (;;) {
        size_t a = line_length(*kept), b = line_length(*wanted);
        if (a != b || memcmp(*kept, *wanted, a) != 0) {
            size_t skipped = skip_common(*kept, *wanted, a > b ? a : b);
            *kept += skipped;
            *wanted += skipped;
            *kept_length = (int)(a - skipped < SHOWN_MAX ? a - skipped : SHOWN_MAX);
            *wanted_length = (int)(b - skipped < SHOWN_MAX ? b - skipped : SHOWN_MAX);
            return true;
        }
        if ((*kept)[a] == '\0' && (*wanted)[b] == '\0')
            return false;
        *kept += a + ((*kept)[a] != '\0');
        *wanted += b + ((*wanted)[b] != '\0');
    }
}

spt_status spt_identity_differs(const char *thing, const char *kept, const char *wanted, spt_error *err) {
    int a, b;
    if (spt_identity_difference(&kept, &a, &wanted, &b))
        return spt_fail(err, SPT_EMISMATCH,
                        "%s: belongs to another config: there `%.*s`, here `%.*s`; resume with the same config, "
                        "or --force starts anew",
                        thing, a, kept, b, wanted);
    return spt_fail(err, SPT_EMISMATCH,
                    "%s: belongs to a sweep of the same config whose data, networks or probes have other sizes; "
                    "--force starts anew",
                    thing);
}

bool spt_identity_same_device(const char *a, const char *b) {
    for (;;) {
        int x = next_of_name(&a), y = next_of_name(&b);
        if (x != y)
            return false;
        if (x == 0)
            return true;
    }
}
