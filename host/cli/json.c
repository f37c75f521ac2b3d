#include "cli/json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MOST = 16 };

struct spt_json {
    FILE *file;
    char *path;
    bool regular;            /* not a pipe or a device, which would not be taken away */
    unsigned depth;          /* of what is open, the document counted */
    char closes[DEPTH_MOST]; /* '}' or ']' */
    bool begun[DEPTH_MOST];  /* something stands in it */
};

spt_status spt_json_open(const char *path, spt_json **out, spt_error *err) {
    *out = NULL;
    if (path == NULL)
        return SPT_OK;
    spt_json *json = calloc(1, sizeof *json);
    char *copy = strdup(path);
    if (json == NULL || copy == NULL) {
        free(json);
        free(copy);
        return spt_fail(err, SPT_ENOMEM, "%s: out of memory", path);
    }
    *json = (spt_json){.file = fopen(path, "w"), .path = copy, .depth = 1, .closes = {'}'}};
    if (json->file == NULL) {
        spt_status status = spt_fail(err, SPT_EIO, "%s: cannot be written: %s", path, strerror(errno));
        free(json->path);
        free(json);
        return status;
    }
    struct stat is;
    json->regular = fstat(fileno(json->file), &is) == 0 && S_ISREG(is.st_mode);
    fputc('{', json->file);
    *out = json;
    return SPT_OK;
}

static void put_string(spt_json *json, const char *text) {
    fputc('"', json->file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(json->file, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(json->file, "\\u%04x", c);
        else
            fputc(c, json->file);
    }
    fputc('"', json->file);
}

/* What comes before a value: a comma, a line of its own, its key. */
static void begin(spt_json *json, const char *key) {
    if (json->begun[json->depth - 1])
        fputc(',', json->file);
    json->begun[json->depth - 1] = true;
    fprintf(json->file, "\n%*s", (int)json->depth, "");
    if (key != NULL) {
        put_string(json, key);
        fputs(": ", json->file);
    }
}

static void nest(spt_json *json, const char *key, char opens, char closes) {
    if (json == NULL || json->depth == DEPTH_MOST)
        return;
    begin(json, key);
    fputc(opens, json->file);
    json->closes[json->depth] = closes;
    json->begun[json->depth++] = false;
}

void spt_json_object(spt_json *json, const char *key) {
    nest(json, key, '{', '}');
}

void spt_json_array(spt_json *json, const char *key) {
    nest(json, key, '[', ']');
}

void spt_json_end(spt_json *json) {
    if (json == NULL || json->depth == 0)
        return;
    json->depth--;
    if (json->begun[json->depth])
        fprintf(json->file, "\n%*s", (int)json->depth, "");
    fputc(json->closes[json->depth], json->file);
}

void spt_json_number(spt_json *json, const char *key, double number) {
    if (json == NULL)
        return;
    begin(json, key);
    if (!isfinite(number)) {
        fputs("null", json->file);
        return;
    }
    char text[32];
    for (int figures = 6; figures <= 17; figures++) {
        snprintf(text, sizeof text, "%.*g", figures, number);
        if (strtod(text, NULL) == number)
            break;
    }
    fputs(text, json->file);
}

void spt_json_text(spt_json *json, const char *key, const char *text) {
    if (json == NULL)
        return;
    begin(json, key);
    put_string(json, text);
}

/* The file goes too unless it is whole. */
static void release(spt_json *json, bool whole) {
    if (!whole && json->regular)
        remove(json->path);
    free(json->path);
    free(json);
}

spt_status spt_json_close(spt_json *json, spt_error *err) {
    if (json == NULL)
        return SPT_OK;
    while (json->depth > 0)
        spt_json_end(json);
    fputc('\n', json->file);
    errno = 0;
    bool whole = !ferror(json->file) && fflush(json->file) == 0;
    whole = fclose(json->file) == 0 && whole;
    spt_status status = SPT_OK;
    if (!whole)
        status = spt_fail(err, SPT_EIO, "%s: cannot be written: %s", json->path,
                          errno != 0 ? strerror(errno) : "a write failed");
    release(json, whole);
    return status;
}

void spt_json_abandon(spt_json *json) {
    if (json == NULL)
        return;
    fclose(json->file);
    release(json, false);
}
