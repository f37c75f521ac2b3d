#include "cli/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/text.h"

static const double LIVE_SECONDS = 0.2, PLAIN_SECONDS = 30.0, PLAIN_SILENCE = 600.0;
enum { DEFAULT_COLUMNS = 80 };

static bool can_redraw(FILE *stream) {
    const char *terminal = getenv("TERM");
    return isatty(fileno(stream)) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static size_t terminal_columns(FILE *stream) {
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return DEFAULT_COLUMNS;
    return size.ws_col;
}

void spt_progress_view_init(spt_progress_view *view, FILE *stream, bool quiet) {
    *view = (spt_progress_view){.stream = stream, .quiet = quiet, .live = can_redraw(stream)};
}

bool spt_progress_due(const spt_progress_view *view, const spt_progress *progress) {
    double since = progress->elapsed - view->shown_at;
    if (view->live)
        return !view->shown || since >= LIVE_SECONDS;
    if (!view->shown)
        return !isnan(progress->remaining); /* the first line of a log tells something */
    return since >= (progress->recorded ? PLAIN_SECONDS : PLAIN_SILENCE);
}

/* A line in the making. */
typedef struct line_text {
    char s[SPT_PROGRESS_LINE_MAX + 1];
    size_t length;
} line_text;

static void put(line_text *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(line_text *line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->s + line->length, sizeof line->s - line->length, format, arguments);
    va_end(arguments);
    if (length > 0)
        line->length += (size_t)length;
    if (line->length >= sizeof line->s)
        line->length = sizeof line->s - 1;
}

/* A bar of one of three widths, so that it does not breathe with the digits beside it. */
static void put_bar(line_text *line, double fraction, size_t columns, size_t used) {
    static const size_t WIDTHS[] = {30, 20, 10};
    const size_t frame = 4; /* two spaces and two brackets */
    for (size_t w = 0; w < sizeof WIDTHS / sizeof WIDTHS[0]; w++) {
        if (columns < used + frame + WIDTHS[w])
            continue;
        size_t full = (size_t)(fraction * (double)WIDTHS[w]);
        put(line, "  [");
        for (size_t i = 0; i < WIDTHS[w]; i++)
            put(line, "%c", i < full ? '#' : '.');
        put(line, "]");
        return;
    }
}

void spt_progress_line(const spt_progress *p, size_t columns, bool with_bar, char *line) {
    if (columns > SPT_PROGRESS_LINE_MAX)
        columns = SPT_PROGRESS_LINE_MAX;
    double fraction = p->fraction >= 0.0 ? fmin(p->fraction, 1.0) : 0.0;

    line_text head = {.length = 0}, tail = {.length = 0};
    if (p->n_groups > 1)
        put(&head, "group %zu/%zu  ", p->group + 1, p->n_groups);
    put(&head, "%3.0f %%", floor(100.0 * fraction)); /* 100 % is for what is done */

    put(&tail, "  epoch %" PRIu64 "/%" PRIu64, p->epoch, p->epochs);
    if (p->steps_per_second > 0.0)
        put(&tail, "  %s steps/s", spt_text_number(p->steps_per_second).s);
    if (!isnan(p->remaining))
        put(&tail, "  %s left", spt_text_seconds(p->remaining).s);
    if (!isnan(p->test_error))
        put(&tail, "  test error %.4f", p->test_error);
    if (p->n_diverged > 0)
        put(&tail, "  %zu of %zu diverged", p->n_diverged, p->n_runs);

    if (with_bar && !isnan(p->remaining)) /* before, the line has not its length yet */
        put_bar(&head, fraction, columns, head.length + tail.length);
    put(&head, "%s", tail.s);
    memcpy(line, head.s, head.length < columns ? head.length : columns);
    line[head.length < columns ? head.length : columns] = '\0';
}

static void show(spt_progress_view *view, const spt_progress *progress) {
    char line[SPT_PROGRESS_LINE_MAX + 1];
    if (view->live) {
        /* One column stays free: a full line would wrap on some terminals, and a redraw would then scroll. */
        spt_progress_line(progress, terminal_columns(view->stream) - 1, true, line);
        fprintf(view->stream, "\r%s\x1b[K", line);
        view->line_open = true;
    } else {
        spt_progress_line(progress, SPT_PROGRESS_LINE_MAX, false, line);
        fprintf(view->stream, "%s\n", line);
    }
    fflush(view->stream);
    view->shown = true;
    view->shown_at = progress->elapsed;
}

void spt_progress_view_update(const spt_progress *progress, void *user) {
    spt_progress_view *view = user;
    bool next_group = view->told && view->last.group != progress->group;
    if (next_group && view->line_open)
        spt_progress_view_end(view);
    if (!view->quiet && (spt_progress_due(view, progress) || (next_group && view->live)))
        show(view, progress);
    view->last = *progress;
    view->told = true;
}

void spt_progress_view_end(spt_progress_view *view) {
    if (!view->line_open)
        return;
    show(view, &view->last);
    fputs("\n", view->stream);
    fflush(view->stream);
    view->line_open = false;
}
