#include "cpu/batch.h"

#include <string.h>

#include "spectrain/rng.h"

enum { CHUNK_FLOATS = 16384 }; /* gathered by a member at a time */

/* One permutation serves all steps of its epoch. The leader makes it; nobody still gathers by the old one, because
 * every batch ends with a barrier. */
static void order_epoch(spt_member *member, spt_batcher *b, uint32_t seed, uint64_t epoch) {
    if (b->ordered && b->seed == seed && b->epoch == epoch)
        return;
    if (member->index == 0)
        spt_random_permutation(seed, SPT_STREAM_BATCH_ORDER, epoch, b->split->n, b->permutation, b->scratch);
    b->seed = seed;
    b->epoch = epoch;
    b->ordered = true;
    spt_team_barrier(member);
}

static void gather(const spt_batcher *b, const uint32_t *example, size_t first, size_t end) {
    const spt_split *s = b->split;
    for (size_t r = first; r < end; r++)
        memcpy(b->x + r * b->inputs, s->x + (size_t)example[r] * b->inputs, b->inputs * sizeof *b->x);
    if (s->label != NULL)
        for (size_t r = first; r < end; r++)
            b->label[r] = s->label[example[r]];
    else
        for (size_t r = first; r < end; r++)
            memcpy(b->target + r * b->outputs, s->target + (size_t)example[r] * b->outputs,
                   b->outputs * sizeof *b->target);
}

spt_batch spt_batcher_take(spt_member *member, spt_batcher *b, uint32_t seed, uint64_t step) {
    const spt_split *s = b->split;
    if (spt_batcher_full(b))
        return (spt_batch){.rows = s->n, .x = s->x, .targets = {s->label, s->label != NULL ? NULL : s->target}};
    size_t steps = (s->n + b->size - 1) / b->size;
    size_t first = (size_t)(step % steps) * b->size;
    size_t rows = s->n - first < b->size ? s->n - first : b->size;
    order_epoch(member, b, seed, step / steps);
    size_t chunk = CHUNK_FLOATS / b->inputs + 1;
    for (size_t i = 0; i * chunk < rows; i++)
        if (spt_team_owns(member, i))
            gather(b, b->permutation + first, i * chunk, (i + 1) * chunk < rows ? (i + 1) * chunk : rows);
    spt_team_barrier(member);
    return (spt_batch){
        .rows = rows, .x = b->x, .targets = {s->label != NULL ? b->label : NULL, s->label != NULL ? NULL : b->target}};
}
