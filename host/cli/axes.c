#include "cli/axes.h"

#include <string.h>

#include "cli/table.h"

enum { VALUES_COLUMNS = 64 };

bool spt_axis_is_seed(const spt_axis *axis) {
    return strcmp(axis->key, "train.seed") == 0 || strcmp(axis->key, "data.seed") == 0;
}

size_t spt_axes_settings(const spt_axes *axes) {
    size_t settings = 1;
    for (size_t a = 0; a < axes->n_axes; a++)
        if (!spt_axis_is_seed(&axes->axes[a]))
            settings *= axes->axes[a].n_values;
    return settings;
}

size_t spt_axes_setting_of(const spt_axes *axes, size_t run) {
    size_t setting = 0, stride = 1; /* from the last axis, the fastest, to the first */
    for (size_t a = axes->n_axes; a-- > 0;) {
        const spt_axis *axis = &axes->axes[a];
        if (!spt_axis_is_seed(axis)) {
            setting += run % axis->n_values * stride;
            stride *= axis->n_values;
        }
        run /= axis->n_values;
    }
    return setting;
}

/* Characters of values first .. end - 1 with a space between; stops counting behind limit. */
static size_t text_length(const spt_axis *axis, size_t first, size_t end, size_t limit) {
    size_t length = 0;
    for (size_t i = first; i < end && length <= limit; i++)
        length += strlen(axis->values[i].text) + (i > first ? 1 : 0);
    return length;
}

static char *append(char *end, const char *last, const char *word) {
    size_t room = (size_t)(last - end), length = strlen(word);
    size_t count = length < room ? length : room;
    memcpy(end, word, count);
    end[count] = '\0';
    return end + count;
}

void spt_axis_values_text(const spt_axis *axis, size_t columns, char *text) {
    static const char GAP[] = " ... ";
    size_t n = axis->n_values, head = n, tail = n; /* values [0, head) and [tail, n) are shown */
    if (text_length(axis, 0, n, columns) > columns) {
        tail = n > 2 ? n - 2 : n - 1;
        size_t used = text_length(axis, tail, n, columns) + sizeof GAP - 1;
        for (head = 0; head < tail; head++) {
            size_t with_next = text_length(axis, 0, head + 1, columns) + used;
            if (with_next > columns)
                break;
        }
    }
    char *end = text;
    const char *last = text + columns;
    *end = '\0';
    for (size_t i = 0; i < n; i++) {
        if (i == head && tail > head) {
            end = append(end, last, head > 0 ? GAP : GAP + 1);
            i = tail;
        } else if (i > 0)
            end = append(end, last, " ");
        end = append(end, last, axis->values[i].text);
    }
}

spt_status spt_axes_print(const spt_axes *axes, const char *indent, FILE *stream, spt_error *err) {
    spt_table *table = spt_table_new("lrl");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the axes: out of memory");
    for (size_t a = 0; a < axes->n_axes; a++) {
        const spt_axis *axis = &axes->axes[a];
        char values[VALUES_COLUMNS + 1];
        spt_axis_values_text(axis, VALUES_COLUMNS, values);
        spt_table_add(table, "%s", axis->key);
        spt_table_add(table, "%zu %s", axis->n_values, axis->n_values == 1 ? "value " : "values");
        spt_table_add(table, "%s", values);
    }
    spt_status status = spt_table_print(table, indent, stream, err);
    spt_table_free(table);
    return status;
}
