#include "cpu/schedule.h"

#include <stdbool.h>
#include <stdlib.h>

static bool before(const spt_work *a, const spt_work *b) {
    return a->flops > b->flops || (!(a->flops < b->flops) && a->run < b->run);
}

static int compare(const void *a, const void *b) {
    return before(a, b) ? -1 : before(b, a) ? 1 : 0;
}

void spt_work_sort(spt_work *work, size_t n) {
    qsort(work, n, sizeof *work, compare);
}

size_t spt_work_allot(const spt_work *work, size_t n, size_t threads, size_t *size) {
    double flops = 0.0;
    for (size_t i = 0; i < n; i++)
        flops += work[i].flops;
    size_t teams = 0;
    while (teams < n && threads > 1) {
        size_t share = (size_t)(work[teams].flops / flops * (double)threads + 0.5);
        if (share > work[teams].members)
            share = work[teams].members;
        if (teams + 1 < n && share >= threads)
            share = threads - 1;
        if (share > threads)
            share = threads;
        if (share < 2)
            break;
        threads -= share;
        flops -= work[teams].flops;
        size[teams++] = share;
    }
    return teams;
}

static void swap(spt_work *a, spt_work *b) {
    spt_work other = *a;
    *a = *b;
    *b = other;
}

spt_work spt_work_take(spt_work *queue, size_t *n) {
    spt_work top = queue[0];
    queue[0] = queue[--*n];
    for (size_t i = 0;;) {
        size_t child = 2 * i + 1;
        if (child >= *n)
            return top;
        if (child + 1 < *n && before(&queue[child + 1], &queue[child]))
            child++;
        if (!before(&queue[child], &queue[i]))
            return top;
        swap(&queue[child], &queue[i]);
        i = child;
    }
}

void spt_work_put(spt_work *queue, size_t *n, spt_work work) {
    size_t i = (*n)++;
    queue[i] = work;
    while (i > 0 && before(&queue[i], &queue[(i - 1) / 2])) {
        swap(&queue[i], &queue[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}
