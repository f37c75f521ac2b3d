/* What the command line says in words: numbers in the units that people read, and arguments as a shell would read them
 * back. */
#ifndef SPT_HOST_CLI_TEXT_H
#define SPT_HOST_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** A short text by value, so that it can stand inside a printf: printf("%s", spt_text_bytes(n).s). */
typedef struct spt_text {
    char s[48];
} spt_text;

/** "1,234,567" */
spt_text spt_text_count(uint64_t count);
/** "12.3 MB": decimal units, three figures. */
spt_text spt_text_bytes(uint64_t bytes);
/** "1.20 GFLOP"; "?" when not finite or negative. */
spt_text spt_text_flops(double flops);
/** "12.3 k", "0.50": a bare number with an SI prefix; "?" when not finite or negative. */
spt_text spt_text_number(double number);
/** "12 ms", "0.4 s", "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"; "?" when not finite or negative. */
spt_text spt_text_seconds(double seconds);
/** "12.3 us", "1.23 ms", "4.56 s": three figures, for what is measured; "?" when not finite or negative. */
spt_text spt_text_duration(double seconds);

/** Ascending numbers as "3, 17, 20 to 31": at most SPT_TEXT_RANGES_MAX ranges, then "and 12 more". */
enum { SPT_TEXT_RANGES_MAX = 10 };
void spt_text_put_ranges(FILE *stream, const size_t *numbers, size_t n);

/** argument as one word of a POSIX shell, quoted only where it must be (malloc'd; NULL when memory is short). Control
 *  characters come out as $'...' escapes, so that the command stays one line. */
char *spt_text_shell_word(const char *argument);

#endif
