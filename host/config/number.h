/* Numbers as YAML writes them, read and printed the same way in every locale. */
#ifndef SPT_HOST_CONFIG_NUMBER_H
#define SPT_HOST_CONFIG_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPT_NUMBER_CAPACITY = 32 }; /* bytes that any printed number fits in */

/** Decimal, without leading zeros ("007" is a seven to some and an octal number to others); false when text is not an
 *  integer or does not fit. */
bool spt_number_integer(const char *text, int64_t *out);
/** The same for what does not fit int64_t but uint64_t. */
bool spt_number_unsigned(const char *text, uint64_t *out);

/** Decimal, with an optional fraction and exponent; false when text is not a number or not finite. */
bool spt_number_real(const char *text, double *out);

/** The shortest of 15, 16 and 17 digits that reads back as value; SPT_NUMBER_CAPACITY bytes into text. */
void spt_number_print(double value, char *text);

/** value rounded to 15 significant digits, as text and as the number that the text means. What a generator computes as
 *  0.30000000000000004 is the 0.3 that its author meant. */
double spt_number_tidy(double value, char *text);

#endif
