/* Progress on the screen: one live line per group on a terminal, else a plain line now and then. */
#ifndef SPT_HOST_CLI_PROGRESS_H
#define SPT_HOST_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "spectrain/sweep.h"

enum { SPT_PROGRESS_LINE_MAX = 240 }; /* columns */

typedef struct spt_progress_view {
    FILE *stream;
    bool quiet;        /* nothing is shown, but what was told last is kept */
    bool live;         /* the stream is a terminal that can redraw a line */
    bool line_open;    /* live: the cursor stands behind a line */
    bool shown;        /* something was shown for this sweep */
    bool told;         /* last is set */
    double shown_at;   /* progress.elapsed of the last line shown */
    spt_progress last; /* what was told last */
} spt_progress_view;

/** A view onto stream (borrowed). */
void spt_progress_view_init(spt_progress_view *view, FILE *stream, bool quiet);
/** Takes a progress report: spt_progress_fn, view is user. */
void spt_progress_view_update(const spt_progress *progress, void *view);
/** Leave the terminal at the start of a fresh line, the live line above it in its last state. Before anything else is
 *  written, after an error too. */
void spt_progress_view_end(spt_progress_view *view);

/* ---- the parts without a terminal */

/** Whether a report is to be shown: live, five times a second; plain, as soon as the remaining time can be told, then
 *  at records no more often than every 30 s, and at the latest after 10 minutes. */
bool spt_progress_due(const spt_progress_view *view, const spt_progress *progress);

/** One line of at most columns characters (cut at SPT_PROGRESS_LINE_MAX) into line (columns + 1): what matters most
 *  first, with a bar where there is room and with_bar. */
void spt_progress_line(const spt_progress *progress, size_t columns, bool with_bar, char *line);

#endif
