#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct spt_table {
    char *alignment;
    size_t n_columns, n_cells, capacity;
    char **cells; /* row by row */
    bool out_of_memory;
};

spt_table *spt_table_new(const char *alignment) {
    spt_table *table = calloc(1, sizeof *table);
    char *copy = strdup(alignment);
    if (table == NULL || copy == NULL) {
        free(table);
        free(copy);
        return NULL;
    }
    table->alignment = copy;
    table->n_columns = strlen(copy);
    return table;
}

void spt_table_free(spt_table *table) {
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->alignment);
    free(table);
}

static char *formatted(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

void spt_table_add(spt_table *table, const char *format, ...) {
    if (table->n_cells == table->capacity) {
        size_t capacity = 2 * table->capacity + 64;
        char **cells = realloc(table->cells, capacity * sizeof *cells);
        if (cells == NULL) {
            table->out_of_memory = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    char *text = formatted(format, arguments);
    va_end(arguments);
    if (text == NULL)
        table->out_of_memory = true;
    else
        table->cells[table->n_cells++] = text;
}

/* Columns on a screen: code points of UTF-8. */
static size_t display_width(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void pad(size_t count, FILE *stream) {
    fprintf(stream, "%*s", (int)count, "");
}

static void print_row(const spt_table *table, size_t first, const size_t *widths, FILE *stream) {
    size_t last = table->n_cells - first < table->n_columns ? table->n_cells - first : table->n_columns;
    while (last > 0 && table->cells[first + last - 1][0] == '\0') /* no blanks behind the last text */
        last--;
    for (size_t c = 0; c < last; c++) {
        const char *cell = table->cells[first + c];
        size_t room = widths[c] - display_width(cell);
        bool right = table->alignment[c] == 'r';
        if (c > 0)
            pad(2, stream);
        if (right)
            pad(room, stream);
        fputs(cell, stream);
        if (!right && c + 1 < last)
            pad(room, stream);
    }
    fputc('\n', stream);
}

spt_status spt_table_print(const spt_table *table, const char *indent, FILE *stream, spt_error *err) {
    size_t *widths = calloc(table->n_columns + 1, sizeof *widths);
    if (widths == NULL || table->out_of_memory) {
        free(widths);
        return spt_fail(err, SPT_ENOMEM, "a table of %zu cells: out of memory", table->n_cells);
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t width = display_width(table->cells[i]);
        if (width > widths[i % table->n_columns])
            widths[i % table->n_columns] = width;
    }
    for (size_t first = 0; first < table->n_cells; first += table->n_columns) {
        fputs(indent, stream);
        print_row(table, first, widths, stream);
    }
    free(widths);
    return SPT_OK;
}
