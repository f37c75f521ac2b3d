#include "cli/monitor_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

spt_status spt_verdict_find(const spt_monitor *monitor, size_t run, spt_rule rule, spt_verdict *verdict,
                            spt_error *err) {
    spt_monitored m;
    spt_monitor_run_at(monitor, run, &m);
    spt_status status = spt_rule_tell(rule, &m.training, &verdict->told, err);
    if (status == SPT_OK)
        status = spt_rule_known(rule, &m.training, &verdict->known, err);
    if (status == SPT_OK)
        status = spt_truth_find(&m.testing, &verdict->truth, err);
    return status;
}

void spt_monitor_run_text(const spt_monitor_state *state, size_t number, char *text, size_t capacity) {
    size_t end = (size_t)snprintf(text, capacity, "%zu", number);
    for (size_t a = 0; a < state->axes->n_axes && end < capacity; a++)
        end += (size_t)snprintf(text + end, capacity - end, "%s%s %s", a == 0 ? " (" : ", ", state->axes->axes[a].key,
                                spt_axes_value(state->axes, a, number)->text);
    if (state->axes->n_axes > 0 && end < capacity)
        snprintf(text + end, capacity - end, ")");
}

void spt_monitor_print_state(const char *path, const spt_monitor_state *state, FILE *stream) {
    const char *how = state->complete ? "complete" : state->running ? "under way" : "not complete";
    fprintf(stream, "%s: %s; ", path, how);
    if (state->shards > 0)
        fprintf(stream, "shard %zu/%zu, ", state->shard, state->shards);
    fprintf(stream, "%zu run%s, %zu of %zu records", state->n_runs, state->n_runs == 1 ? "" : "s", state->n_recorded,
            state->n_runs * state->n_records);
    if (state->n_diverged > 0)
        fprintf(stream, ", %zu diverged", state->n_diverged);
    if (state->probe != NULL)
        fprintf(stream, "; R of probe %s", state->probe);
    fprintf(stream, "\n");
}

/* ---- one rule, run by run */

static void add_epoch(spt_table *table, double epoch) {
    if (isnan(epoch))
        spt_table_add(table, "-");
    else
        spt_table_add(table, "%.4g", epoch);
}

static void add_level(spt_table *table, double level) {
    if (isnan(level))
        spt_table_add(table, "-");
    else
        spt_table_add(table, "%.3f", level);
}

static void add_heads(spt_table *table, const spt_axes *axes) {
    static const char *const HEADS[] = {"told",  "minimum", "turn",  "known", "true",          "minimum",
                                        "level", "turn",    "level", "after", "log(told/true)"};
    spt_table_add(table, "run");
    for (size_t a = 0; a < axes->n_axes; a++)
        spt_table_add(table, "%s", axes->axes[a].key);
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
        spt_table_add(table, "%s", HEADS[i]);
}

static void add_row(spt_table *table, const spt_axes *axes, const spt_monitored *m, const spt_verdict *v) {
    spt_table_add(table, "%zu", m->number);
    for (size_t a = 0; a < axes->n_axes; a++)
        spt_table_add(table, "%s", spt_axes_value(axes, a, m->number)->text);
    spt_table_add(table, "%s%s", spt_phase_name(v->told.phase), m->diverged ? ", diverged" : "");
    add_epoch(table, v->told.minimum);
    add_epoch(table, v->told.turn);
    add_epoch(table, v->known);
    spt_table_add(table, "%s%s", spt_phase_name(v->truth.phase), v->truth.by_loss ? " (loss)" : "");
    add_epoch(table, v->truth.minimum);
    add_level(table, v->truth.minimum_level);
    add_epoch(table, v->truth.turn);
    add_level(table, v->truth.turn_level);
    add_level(table, v->truth.after);
    if (v->told.phase == SPT_PHASE_SECOND && v->truth.phase == SPT_PHASE_SECOND)
        spt_table_add(table, "%+.2f", log(v->told.turn / v->truth.turn));
    else
        spt_table_add(table, "-");
}

static spt_table *table_of_runs(const spt_axes *axes) {
    static const char COLUMNS[] = "lrrrlrrrrrr";
    char *alignment = malloc(1 + axes->n_axes + sizeof COLUMNS);
    if (alignment == NULL)
        return NULL;
    memset(alignment, 'r', 1 + axes->n_axes);
    memcpy(alignment + 1 + axes->n_axes, COLUMNS, sizeof COLUMNS);
    spt_table *table = spt_table_new(alignment);
    free(alignment);
    return table;
}

static double mean_error(const spt_score *score) {
    return score->sum / (double)score->n_told;
}

static void print_score(const spt_score *score, FILE *stream) {
    fprintf(stream,
            "a second descent is in %zu of %zu runs with a test curve; told in %zu of these, and in %zu without one",
            score->n_seen, score->n_runs, score->n_told, score->n_false);
    if (score->n_told > 0)
        fprintf(stream, "; log(told/true): mean %+.2f, mean size %.2f, largest %+.2f", mean_error(score),
                score->absolute / (double)score->n_told, score->worst);
    fprintf(stream, "\n");
}

spt_status spt_monitor_print_runs(const spt_monitor *monitor, spt_rule rule, FILE *stream, spt_error *err) {
    spt_monitor_state state;
    spt_score score = {0};
    spt_monitor_look(monitor, &state);
    spt_table *table = table_of_runs(state.axes);
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the runs: out of memory");
    add_heads(table, state.axes);
    spt_status status = SPT_OK;
    for (size_t r = 0; r < state.n_runs && status == SPT_OK; r++) {
        spt_verdict verdict;
        spt_monitored m;
        spt_monitor_run_at(monitor, r, &m);
        status = spt_verdict_find(monitor, r, rule, &verdict, err);
        if (status == SPT_OK) {
            add_row(table, state.axes, &m, &verdict);
            spt_score_add(&score, &verdict.truth, &verdict.told, verdict.known);
        }
    }
    if (status == SPT_OK) {
        fprintf(stream, "rule %s: %s\n", spt_rule_name(rule), spt_rule_description(rule));
        status = spt_table_print(table, "  ", stream, err);
    }
    if (status == SPT_OK)
        print_score(&score, stream);
    spt_table_free(table);
    return status;
}

/* ---- all rules, over all runs */

static void add_score(spt_table *table, spt_rule rule, const spt_score *score) {
    double told = (double)score->n_told;
    spt_table_add(table, "%s", spt_rule_name(rule));
    spt_table_add(table, "%zu of %zu", score->n_told, score->n_seen);
    spt_table_add(table, "%zu of %zu", score->n_false, score->n_runs - score->n_seen);
    spt_table_add(table, "%zu", score->n_within);
    if (score->n_told == 0) {
        for (int i = 0; i < 5; i++)
            spt_table_add(table, "-");
        return;
    }
    double mean = mean_error(score), variance = score->squares / told - mean * mean;
    spt_table_add(table, "%+.2f", mean);
    spt_table_add(table, "%.2f", sqrt(fmax(variance, 0)));
    spt_table_add(table, "%.2f", score->absolute / told);
    spt_table_add(table, "%+.2f", score->worst);
    spt_table_add(table, "%+.2f", score->delay / told);
}

static spt_status score_rule(const spt_monitor *monitor, spt_rule rule, size_t n_runs, spt_score *score,
                             spt_error *err) {
    for (size_t r = 0; r < n_runs; r++) {
        spt_verdict verdict;
        spt_status status = spt_verdict_find(monitor, r, rule, &verdict, err);
        if (status != SPT_OK)
            return status;
        spt_score_add(score, &verdict.truth, &verdict.told, verdict.known);
    }
    return SPT_OK;
}

spt_status spt_monitor_print_rules(const spt_monitor *monitor, FILE *stream, spt_error *err) {
    static const char *const HEADS[] = {"rule", "told",      "falsely", "within x1.5",         "mean log(told/true)",
                                        "sd",   "mean size", "largest", "mean log(known/true)"};
    spt_monitor_state state;
    spt_monitor_look(monitor, &state);
    spt_table *table = spt_table_new("lrrrrrrrr");
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "table of the rules: out of memory");
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
        spt_table_add(table, "%s", HEADS[i]);
    spt_status status = SPT_OK;
    for (int rule = 0; rule < SPT_RULE_COUNT && status == SPT_OK; rule++) {
        spt_score score = {0};
        if (spt_rule_needs_share((spt_rule)rule) && state.probe == NULL)
            continue;
        status = score_rule(monitor, (spt_rule)rule, state.n_runs, &score, err);
        if (status == SPT_OK)
            add_score(table, (spt_rule)rule, &score);
    }
    if (status == SPT_OK)
        status = spt_table_print(table, "  ", stream, err);
    spt_table_free(table);
    return status;
}
