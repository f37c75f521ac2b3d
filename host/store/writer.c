#include "store/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/io.h"

static const double SYNC_SECONDS = 5.0; /* at most this long, what is written may live in the system's cache alone */

struct spt_writer {
    spt_journal *journal;
    spt_catalog *catalog;
    spt_slots *slots;
    size_t queue_bytes;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;   /* to the thread: an item, hold, release, stop */
    pthread_cond_t change; /* from the thread: an item taken, or at rest */
    spt_item *first, **last;
    size_t waiting_bytes;
    uint32_t *waiting_states; /* (n_runs) */
    bool stop, held, busy, sync_wanted;
    spt_error error; /* status SPT_OK until the first error */
    /* the thread's own */
    bool dirty;
    double synced_at;
    _Atomic uint64_t nanoseconds;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- items */

static spt_item *make_item(size_t header_bytes, size_t payload_bytes, void **payload) {
    size_t head = sizeof(spt_item) + header_bytes;
    if (payload_bytes > SIZE_MAX - head)
        return NULL;
    spt_item *item = malloc(head + payload_bytes);
    if (item == NULL)
        return NULL;
    *item = (spt_item){.payload_bytes = payload_bytes, .total_bytes = head + payload_bytes};
    *payload = (char *)item + head;
    return item;
}

spt_item *spt_item_entry(spt_entry_kind kind, uint64_t run, uint64_t index, size_t payload_bytes, void **payload) {
    spt_item *item = make_item(spt_entry_bytes(0), payload_bytes, payload);
    if (item != NULL) {
        item->kind = kind;
        item->run = run;
        item->index = index;
    }
    return item;
}

spt_item *spt_item_state(const spt_slots *slots, size_t run, void **payload) {
    spt_item *item = make_item(sizeof(spt_slot_header), slots->arenas[run].bytes, payload);
    if (item != NULL) {
        item->is_state = true;
        item->run = run;
    }
    return item;
}

void spt_item_free(spt_item *item) {
    free(item);
}

/* ---- the thread */

static spt_status write_item(spt_writer *w, spt_item *item, spt_error *err) {
    if (item->is_state) {
        spt_status status = spt_slots_settle(w->slots, w->catalog, item->run, err);
        return status == SPT_OK ? spt_slots_write(w->slots, item->run, item + 1, err) : status;
    }
    spt_entry placed;
    spt_status status =
        spt_journal_append(w->journal, item->kind, item->run, item->index, item + 1, item->payload_bytes, &placed, err);
    return status == SPT_OK ? spt_catalog_add(w->catalog, &placed, err) : status;
}

static spt_status sync_files(spt_writer *w, spt_error *err) {
    spt_status status = spt_journal_sync(w->journal, err);
    if (status == SPT_OK)
        status = spt_slots_sync(w->slots, err);
    if (status == SPT_OK && !spt_io_is_at(w->journal->fd, w->journal->path))
        status = spt_fail(err, SPT_EIO, "%s: is gone: removed, renamed or replaced while it was written; start again",
                          w->journal->path);
    w->dirty = false;
    w->synced_at = now();
    return status;
}

/* With the mutex. A sync that is asked for comes when nothing waits before it. */
static bool sync_due(const spt_writer *w) {
    bool wanted = w->first == NULL && (w->sync_wanted || w->stop);
    return w->dirty && (wanted || now() - w->synced_at >= SYNC_SECONDS);
}

/* Until there is something to do. With the mutex. */
static void wait_for_work(spt_writer *w) {
    while (w->held || (w->first == NULL && !w->stop && !sync_due(w))) {
        if (w->held || !w->dirty) {
            pthread_cond_wait(&w->work, &w->mutex);
            continue;
        }
        double at = w->synced_at + SYNC_SECONDS;
        struct timespec deadline = {.tv_sec = (time_t)at};
        deadline.tv_nsec = (long)((at - (double)deadline.tv_sec) * 1e9);
        pthread_cond_timedwait(&w->work, &w->mutex, &deadline);
    }
}

/* The next item that is worth writing, NULL when none waits. With the mutex. */
static spt_item *take(spt_writer *w) {
    for (;;) {
        spt_item *item = w->first;
        if (item == NULL)
            return NULL;
        w->first = item->next;
        if (w->first == NULL)
            w->last = &w->first;
        w->waiting_bytes -= item->total_bytes;
        bool outdated = item->is_state && --w->waiting_states[item->run] > 0;
        if (!outdated)
            return item;
        spt_item_free(item);
    }
}

static void *run_thread(void *user) {
    spt_writer *w = user;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        wait_for_work(w);
        bool sync = sync_due(w);
        if (w->stop && w->first == NULL && !sync)
            break;
        spt_item *item = take(w);
        spt_error error = w->error;
        w->busy = true;
        pthread_mutex_unlock(&w->mutex);

        double start = now();
        if (sync && error.status == SPT_OK)
            sync_files(w, &error);
        if (item != NULL && error.status == SPT_OK) {
            w->dirty = true;
            write_item(w, item, &error);
        }
        if (error.status != SPT_OK)
            w->dirty = false; /* nothing more is written, so nothing more is synced */
        spt_item_free(item);
        atomic_fetch_add(&w->nanoseconds, (uint64_t)((now() - start) * 1e9));

        pthread_mutex_lock(&w->mutex);
        w->error = error;
        w->busy = false;
        pthread_cond_broadcast(&w->change);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* ---- its users */

spt_status spt_writer_start(spt_journal *journal, spt_catalog *catalog, spt_slots *slots, size_t queue_bytes,
                            spt_writer **out, spt_error *err) {
    spt_writer *w = calloc(1, sizeof *w);
    uint32_t *waiting_states = calloc(slots->n_runs + 1, sizeof *waiting_states);
    if (w == NULL || waiting_states == NULL) {
        free(w);
        free(waiting_states);
        return spt_fail(err, SPT_ENOMEM, "store: no memory for the writer of %zu runs", slots->n_runs);
    }
    w->journal = journal;
    w->catalog = catalog;
    w->slots = slots;
    w->queue_bytes = queue_bytes;
    w->waiting_states = waiting_states;
    w->last = &w->first;
    w->synced_at = now();
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, &attributes);
    pthread_cond_init(&w->change, NULL);
    pthread_condattr_destroy(&attributes);

    /* Signals are for the program's own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, run_thread, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        pthread_cond_destroy(&w->change);
        pthread_cond_destroy(&w->work);
        pthread_mutex_destroy(&w->mutex);
        free(waiting_states);
        free(w);
        return spt_fail(err, SPT_EIO, "store: the writer thread cannot be started: %s", strerror(failed));
    }
    *out = w;
    return SPT_OK;
}

static spt_status first_error(const spt_writer *w, spt_error *err) {
    return w->error.status == SPT_OK ? SPT_OK : spt_fail(err, w->error.status, "%s", w->error.message);
}

spt_status spt_writer_put(spt_writer *w, spt_item *item, spt_error *err) {
    pthread_mutex_lock(&w->mutex);
    while (w->error.status == SPT_OK && w->waiting_bytes > 0 && w->waiting_bytes + item->total_bytes > w->queue_bytes)
        pthread_cond_wait(&w->change, &w->mutex);
    spt_status status = first_error(w, err);
    if (status == SPT_OK) {
        item->next = NULL;
        *w->last = item;
        w->last = &item->next;
        w->waiting_bytes += item->total_bytes;
        if (item->is_state)
            w->waiting_states[item->run]++;
        item = NULL;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
    spt_item_free(item);
    return status;
}

spt_status spt_writer_hold(spt_writer *w, bool sync, spt_error *err) {
    pthread_mutex_lock(&w->mutex);
    w->sync_wanted = sync;
    pthread_cond_signal(&w->work);
    while (w->first != NULL || w->busy || (sync && w->dirty))
        pthread_cond_wait(&w->change, &w->mutex);
    w->sync_wanted = false;
    w->held = true;
    spt_status status = first_error(w, err);
    pthread_mutex_unlock(&w->mutex);
    return status;
}

void spt_writer_release(spt_writer *w) {
    pthread_mutex_lock(&w->mutex);
    w->held = false;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
}

void spt_writer_stop(spt_writer *w) {
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    w->held = false;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->change);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->mutex);
    free(w->waiting_states);
    free(w);
}

double spt_writer_seconds(const spt_writer *w) {
    return 1e-9 * (double)atomic_load(&w->nanoseconds);
}
