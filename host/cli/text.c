#include "cli/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const PREFIXES[] = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
enum { PREFIX_COUNT = sizeof PREFIXES / sizeof PREFIXES[0] };

/* Three figures and an SI prefix. The thresholds are where three figures round up to the next power of ten. */
static spt_text scaled(double value, const char *unit) {
    spt_text text = {"?"};
    if (!(value >= 0.0) || isinf(value))
        return text;
    size_t prefix = 0;
    while (value >= 999.5 && prefix + 1 < PREFIX_COUNT) {
        value /= 1000.0;
        prefix++;
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    const char *space = PREFIXES[prefix][0] != '\0' || unit[0] != '\0' ? " " : "";
    snprintf(text.s, sizeof text.s, "%.*f%s%s%s", decimals, value, space, PREFIXES[prefix], unit);
    return text;
}

spt_text spt_text_count(uint64_t count) {
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    spt_text text = {""};
    size_t end = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text.s[end++] = ',';
        text.s[end++] = digits[i];
    }
    text.s[end] = '\0';
    return text;
}

spt_text spt_text_bytes(uint64_t bytes) {
    if (bytes >= 1000)
        return scaled((double)bytes, "B");
    spt_text text;
    snprintf(text.s, sizeof text.s, "%" PRIu64 " B", bytes);
    return text;
}

spt_text spt_text_flops(double flops) {
    return scaled(flops, "FLOP");
}

spt_text spt_text_number(double number) {
    return scaled(number, "");
}

spt_text spt_text_seconds(double seconds) {
    spt_text text = {"?"};
    if (!(seconds >= 0.0) || isinf(seconds))
        return text;
    const double minute = 60.0, hour = 3600.0, day = 86400.0;
    double whole = nearbyint(seconds);
    if (seconds < 0.0995)
        snprintf(text.s, sizeof text.s, "%.0f ms", 1000.0 * seconds);
    else if (seconds < 9.95)
        snprintf(text.s, sizeof text.s, "%.1f s", seconds);
    else if (whole < minute)
        snprintf(text.s, sizeof text.s, "%.0f s", whole);
    else if (whole < hour)
        snprintf(text.s, sizeof text.s, "%.0f min %.0f s", floor(whole / minute), fmod(whole, minute));
    else if (nearbyint(seconds / minute) < 24.0 * 60.0) {
        double minutes = nearbyint(seconds / minute);
        snprintf(text.s, sizeof text.s, "%.0f h %.0f min", floor(minutes / 60.0), fmod(minutes, 60.0));
    } else if (seconds < 1e6 * day) {
        double hours = nearbyint(seconds / hour);
        snprintf(text.s, sizeof text.s, "%.0f d %.0f h", floor(hours / 24.0), fmod(hours, 24.0));
    } else
        snprintf(text.s, sizeof text.s, "%.2g d", seconds / day);
    return text;
}

spt_text spt_text_duration(double seconds) {
    if (seconds < 0.9995e-3)
        return scaled(1e6 * seconds, "us");
    return seconds < 0.9995 ? scaled(1e3 * seconds, "ms") : scaled(seconds, "s");
}

static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool needs_no_quotes(const char *argument) {
    static const char *const SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=@%+-";
    return argument[0] != '\0' && argument[strspn(argument, SAFE)] == '\0';
}

char *spt_text_shell_word(const char *argument) {
    bool plain = needs_no_quotes(argument);
    bool control = false;
    for (const char *c = argument; *c != '\0'; c++)
        control = control || is_control(*c);

    char *word = malloc(4 * strlen(argument) + 4); /* every byte as '\'' or \ooo, and $'' around */
    if (word == NULL)
        return NULL;
    char *end = word;
    if (control)
        *end++ = '$';
    if (!plain)
        *end++ = '\'';
    for (const char *c = argument; *c != '\0'; c++) {
        if (is_control(*c))
            end += sprintf(end, "\\%03o", (unsigned)(unsigned char)*c);
        else if (control && (*c == '\'' || *c == '\\'))
            end += sprintf(end, "\\%c", *c);
        else if (*c == '\'')
            end += sprintf(end, "'\\''");
        else
            *end++ = *c;
    }
    if (!plain)
        *end++ = '\'';
    *end = '\0';
    return word;
}

void spt_text_put_ranges(FILE *stream, const size_t *numbers, size_t n) {
    size_t next;
    int ranges = 0;
    for (size_t i = 0; i < n; i = next) {
        for (next = i + 1; next < n && numbers[next] == numbers[next - 1] + 1; next++)
            continue;
        if (ranges++ == SPT_TEXT_RANGES_MAX) {
            fprintf(stream, " and %zu more", n - i);
            return;
        }
        fprintf(stream, "%s%zu", i > 0 ? ", " : "", numbers[i]);
        if (next > i + 1)
            fprintf(stream, " to %zu", numbers[next - 1]);
    }
}
