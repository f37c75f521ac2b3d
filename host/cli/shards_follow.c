#include "cli/shards_follow.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/shards_view.h"
#include "cli/text.h"
#include "spectrain/shard.h"

enum { BETWEEN_SUMMARIES = 60 }; /* seconds */
static const struct timespec BETWEEN_LOOKS = {.tv_sec = 1};

/* What was said last of each shard. */
typedef struct followed {
    size_t n_shards;
    spt_shard_state *said; /* (n_shards) */
    time_t summed_up;      /* when; 0: never */
} followed;

static void say_summary(const spt_shards_status *status) {
    char end[64] = "";
    if (!isnan(status->end)) {
        struct tm local;
        time_t at = (time_t)status->end;
        strftime(end, sizeof end, "; expected end: %Y-%m-%d %H:%M:%S", localtime_r(&at, &local));
    }
    printf("%s; %.0f %%%s%s\n", spt_shards_counts(status).s, floor(100.0 * status->fraction), end,
           end[0] != '\0' && status->n_missing + status->n_lost > 0 ? ", of those that run" : "");
}

/* Lines for what is new. At first that is what is under way, or has been. */
static spt_status say_news(const spt_shards_status *status, followed *f, spt_error *err) {
    bool first = f->said == NULL, news = first;
    if (first) {
        f->n_shards = status->n_shards;
        f->said = calloc(status->n_shards, sizeof *f->said); /* all missing */
        if (f->said == NULL)
            return spt_fail(err, SPT_ENOMEM, "monitor: no memory for %zu shards", status->n_shards);
    }
    for (size_t s = 0; s < f->n_shards && s < status->n_shards; s++) {
        const spt_shard_status *shard = &status->shards[s];
        if (shard->state == f->said[s])
            continue;
        printf("shard %zu/%zu: %s", s, status->n_shards, spt_shard_state_name(shard->state));
        if (shard->state == SPT_SHARD_RUNNING && shard->host[0] != '\0')
            printf(", process %ld on %s", shard->pid, shard->host);
        printf("\n");
        f->said[s] = shard->state;
        news = true;
    }
    time_t now = time(NULL);
    if (news || now >= f->summed_up + BETWEEN_SUMMARIES) {
        say_summary(status);
        f->summed_up = now;
    }
    fflush(stdout);
    return SPT_OK;
}

spt_status spt_shards_follow(const char *folder, spt_error *err) {
    followed f = {0};
    spt_status status = SPT_OK;
    for (bool done = false; status == SPT_OK && !done && !ferror(stdout);) {
        spt_shards_status shards;
        spt_error reason = {0};
        status = spt_shards_look(folder, &shards, &reason);
        if (status == SPT_OK) {
            status = say_news(&shards, &f, err);
            done = shards.n_done == shards.n_shards;
            if (status == SPT_OK && shards.n_damaged > 0)
                status = spt_fail(err, shards.damage.status, "%s", shards.damage.message);
            spt_shards_status_free(&shards);
        } else if (status == SPT_EDATA) { /* none has begun */
            if (f.summed_up == 0)
                printf("%s: no shard has begun yet\n", folder);
            fflush(stdout);
            f.summed_up = time(NULL);
            status = SPT_OK;
        } else
            spt_fail(err, status, "%s", reason.message);
        if (status == SPT_OK && !done)
            nanosleep(&BETWEEN_LOOKS, NULL);
    }
    free(f.said);
    return status;
}
