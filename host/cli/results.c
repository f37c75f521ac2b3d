#include "cli/results.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/axes.h"
#include "cli/table.h"
#include "cli/text.h"

enum { ROWS_MAX = 60, COLUMNS_MAX = 8 };

static const spt_metric ERROR_METRICS[] = {SPT_METRIC_TRAIN_ERROR, SPT_METRIC_TEST_ERROR, SPT_METRIC_NOISY_FIT};
static const spt_metric LOSS_METRICS[] = {SPT_METRIC_TRAIN_LOSS, SPT_METRIC_TEST_LOSS};

/* All that one row is made of. */
typedef struct result_row {
    size_t first_run, n, n_diverged;
    spt_spread metrics[SPT_METRIC_COUNT];
} result_row;

void spt_spread_add(spt_spread *spread, double value) {
    if (!isfinite(value))
        return;
    spread->n++;
    double difference = value - spread->mean;
    spread->mean += difference / (double)spread->n;
    spread->squares += difference * (value - spread->mean);
}

double spt_spread_deviation(const spt_spread *spread) {
    return spread->n < 2 ? NAN : sqrt(spread->squares / (double)(spread->n - 1));
}

static void collect(const spt_axes *axes, const spt_sweep_result *result, result_row *rows) {
    for (size_t r = 0; r < result->n_runs; r++) {
        const spt_run_result *run = &result->runs[r];
        result_row *row = &rows[spt_axes_setting_of(axes, run->number)];
        if (row->n++ == 0)
            row->first_run = r;
        if (run->status == SPT_RUN_DIVERGED) {
            row->n_diverged++;
            continue;
        }
        for (size_t m = 0; m < SPT_METRIC_COUNT; m++)
            spt_spread_add(&row->metrics[m], run->metrics[m]);
    }
}

static bool any_row_has(const result_row *rows, size_t n_rows, spt_metric metric) {
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i].metrics[metric].n > 0)
            return true;
    return false;
}

/* The metrics of `from` that some run has. */
static size_t choose(const result_row *rows, size_t n_rows, const spt_metric *from, size_t n_from, spt_metric *chosen) {
    size_t n = 0;
    for (size_t i = 0; i < n_from; i++)
        if (any_row_has(rows, n_rows, from[i]))
            chosen[n++] = from[i];
    return n;
}

static void add_header(spt_table *table, const spt_axes *axes, const spt_metric *metrics, size_t n_metrics) {
    for (size_t a = 0; a < axes->n_axes; a++)
        if (!spt_axis_is_seed(&axes->axes[a]))
            spt_table_add(table, "%s", axes->axes[a].key);
    spt_table_add(table, "parameters");
    for (size_t m = 0; m < n_metrics; m++)
        spt_table_add(table, "%s", spt_metric_name(metrics[m]));
    spt_table_add(table, "runs");
    spt_table_add(table, "diverged");
}

static void add_spread(spt_table *table, const spt_spread *spread) {
    double deviation = spt_spread_deviation(spread);
    if (spread->n == 0)
        spt_table_add(table, "-");
    else if (isnan(deviation))
        spt_table_add(table, "%.4f", spread->mean);
    else
        spt_table_add(table, "%.4f +- %.4f", spread->mean, deviation);
}

static void add_row(spt_table *table, const spt_axes *axes, const size_t *parameters, const spt_sweep_result *result,
                    const result_row *row, const spt_metric *metrics, size_t n_metrics) {
    size_t number = result->runs[row->first_run].number;
    for (size_t a = 0; a < axes->n_axes; a++)
        if (!spt_axis_is_seed(&axes->axes[a]))
            spt_table_add(table, "%s", spt_axes_value(axes, a, number)->text);
    spt_table_add(table, "%zu", parameters[row->first_run]);
    for (size_t m = 0; m < n_metrics; m++)
        add_spread(table, &row->metrics[metrics[m]]);
    spt_table_add(table, "%zu", row->n);
    spt_table_add(table, "%zu", row->n_diverged);
}

/* 'r' for every column: axes, parameters, metrics, runs, diverged. */
static spt_table *new_table(const spt_axes *axes, size_t n_metrics) {
    size_t n_columns = axes->n_axes + n_metrics + 3;
    for (size_t a = 0; a < axes->n_axes; a++)
        n_columns -= spt_axis_is_seed(&axes->axes[a]) ? 1 : 0;
    char *alignment = malloc(n_columns + 1);
    if (alignment == NULL)
        return NULL;
    memset(alignment, 'r', n_columns);
    alignment[n_columns] = '\0';
    spt_table *table = spt_table_new(alignment);
    free(alignment);
    return table;
}

spt_status spt_results_print(const spt_axes *axes, const size_t *parameters, const spt_sweep_result *result,
                             FILE *stream, spt_error *err) {
    size_t n_rows = spt_axes_settings(axes), n_used = 0, n_shown = 0;
    spt_metric metrics[COLUMNS_MAX];
    spt_table *table = NULL;
    spt_status status = SPT_ENOMEM;
    result_row *rows = calloc(n_rows, sizeof *rows);
    if (rows == NULL)
        goto done;
    collect(axes, result, rows);
    size_t n_metrics = choose(rows, n_rows, ERROR_METRICS, sizeof ERROR_METRICS / sizeof ERROR_METRICS[0], metrics);
    if (n_metrics == 0)
        n_metrics = choose(rows, n_rows, LOSS_METRICS, sizeof LOSS_METRICS / sizeof LOSS_METRICS[0], metrics);

    table = new_table(axes, n_metrics);
    if (table == NULL)
        goto done;
    add_header(table, axes, metrics, n_metrics);
    for (size_t i = 0; i < n_rows; i++) {
        if (rows[i].n == 0) /* in another shard */
            continue;
        if (n_used++ < ROWS_MAX) {
            add_row(table, axes, parameters, result, &rows[i], metrics, n_metrics);
            n_shown++;
        }
    }
    status = spt_table_print(table, "", stream, NULL);
    if (n_shown < n_used)
        fprintf(stream, "... and %s rows more\n", spt_text_count(n_used - n_shown).s);
done:
    spt_table_free(table);
    free(rows);
    return status == SPT_OK ? SPT_OK : spt_fail(err, status, "table of the results: out of memory");
}
