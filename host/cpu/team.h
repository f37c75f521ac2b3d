/* Threads that train one run together.
 *
 * Work is cut into tiles by its shape alone, and tile i is done by member i mod size: who computes a number changes
 * with the number of threads, how it is computed does not. Between phases all members meet at a barrier. */
#ifndef SPT_HOST_CPU_TEAM_H
#define SPT_HOST_CPU_TEAM_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct spt_team {
    size_t size;
    alignas(128) atomic_size_t arrived; /* at the current barrier */
    alignas(128) atomic_uint sense;     /* flips when all have arrived */
} spt_team;

/** One thread's place in a team. */
typedef struct spt_member {
    spt_team *team;
    size_t index; /* 0 .. size-1; 0 leads */
    unsigned sense;
} spt_member;

void spt_team_init(spt_team *team, size_t size);

/** Take place `index`. Every member does so once, after spt_team_init, before the first barrier. */
static inline spt_member spt_team_join(spt_team *team, size_t index) {
    return (spt_member){.team = team, .index = index, .sense = 0};
}

/** Return when all members have come here; what they wrote before is seen after. Nothing for a team of one. */
void spt_team_barrier(spt_member *member);

/** Whether tile i is this member's. */
static inline bool spt_team_owns(const spt_member *member, size_t tile) {
    return member->team->size == 1 || tile % member->team->size == member->index;
}

/** How a matrix is cut: near-equal parts, borders at multiples of what a GEMM kernel likes. */
typedef struct spt_tiling {
    size_t rows, columns;
    size_t row_tiles, column_tiles;
} spt_tiling;

typedef struct spt_tile {
    size_t row, rows, column, columns;
} spt_tile;

/** Tiles for a product of shape (rows, columns) that sums over `depth` terms, so large that one thread loses little by
 * the cutting (OpenBLAS, Zen 4, forward and backward of a layer: 300 x 300 at batch 100, 1 to 3 %; 256 x 256 at batch
 * 2000, 1 to 4 %; 1024 x 1024 at batch 512, 7 %). A power of two, at most SPT_TILES_MAX. */
spt_tiling spt_tiling_of_product(size_t rows, size_t columns, size_t depth);
enum { SPT_TILES_MAX = 8 };

/** Tile i = 0 .. row_tiles * column_tiles - 1. */
spt_tile spt_tiling_at(const spt_tiling *tiling, size_t i);

static inline size_t spt_tiling_count(const spt_tiling *tiling) {
    return tiling->row_tiles * tiling->column_tiles;
}

#endif
