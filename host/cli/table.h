/* A table of text in aligned columns. */
#ifndef SPT_HOST_CLI_TABLE_H
#define SPT_HOST_CLI_TABLE_H

#include <stdio.h>

#include "spectrain/error.h"

typedef struct spt_table spt_table;

/** One column for each letter of alignment: 'l' left, 'r' right. NULL when memory is short. */
spt_table *spt_table_new(const char *alignment);
/** Takes NULL. */
void spt_table_free(spt_table *table);

/** The next cell, row by row. Lack of memory is kept, and told by spt_table_print. */
void spt_table_add(spt_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Write the rows, each after `indent`, two spaces between columns, no space at line ends. A last row that is not full
 *  is written as far as it goes. Errors: SPT_ENOMEM (nothing is written then). */
spt_status spt_table_print(const spt_table *table, const char *indent, FILE *stream, spt_error *err);

#endif
