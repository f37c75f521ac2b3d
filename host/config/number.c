#include "config/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The C library reads and prints decimal points as the thread's locale has them; ours are always dots. newlocale gives
 * a static object for "C", so this costs next to nothing. */
static locale_t enter_c_locale(locale_t *c) {
    *c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return *c != (locale_t)0 ? uselocale(*c) : (locale_t)0;
}

static void leave_c_locale(locale_t c, locale_t before) {
    if (c != (locale_t)0) {
        uselocale(before);
        freelocale(c);
    }
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *text) {
    while (is_digit(*text))
        text++;
    return text;
}

static const char *skip_sign(const char *text) {
    return *text == '-' || *text == '+' ? text + 1 : text;
}

static bool looks_like_integer(const char *text) {
    const char *digits = skip_sign(text);
    if (!is_digit(*digits) || (digits[0] == '0' && digits[1] != '\0'))
        return false;
    return *skip_digits(digits) == '\0';
}

bool spt_number_integer(const char *text, int64_t *out) {
    if (!looks_like_integer(text))
        return false;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = value;
    return true;
}

bool spt_number_unsigned(const char *text, uint64_t *out) {
    if (!looks_like_integer(text) || *text == '-')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = value;
    return true;
}

static bool looks_like_real(const char *text) {
    const char *whole = skip_sign(text);
    const char *point = skip_digits(whole);
    const char *rest = *point == '.' ? skip_digits(point + 1) : point;
    if (point == whole && rest <= point + 1) /* no digit before or after the point */
        return false;
    if (*rest == 'e' || *rest == 'E') {
        const char *exponent = skip_sign(rest + 1);
        if (!is_digit(*exponent))
            return false;
        rest = skip_digits(exponent);
    }
    return *rest == '\0';
}

bool spt_number_real(const char *text, double *out) {
    if (!looks_like_real(text))
        return false;
    locale_t c, before = enter_c_locale(&c);
    double value = strtod(text, NULL);
    leave_c_locale(c, before);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

static void print_digits(double value, int digits, char *text) {
    locale_t c, before = enter_c_locale(&c);
    snprintf(text, SPT_NUMBER_CAPACITY, "%.*g", digits, value);
    leave_c_locale(c, before);
}

void spt_number_print(double value, char *text) {
    for (int digits = 15; digits <= 17; digits++) {
        double back;
        print_digits(value, digits, text);
        if (spt_number_real(text, &back) && memcmp(&back, &value, sizeof value) == 0)
            return;
    }
}

double spt_number_tidy(double value, char *text) {
    double tidy;
    print_digits(value, 15, text);
    if (spt_number_real(text, &tidy))
        return tidy;
    spt_number_print(value, text); /* rounding went beyond the largest double */
    return value;
}
