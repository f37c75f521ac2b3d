#include "cpu/team.h"

#include <sched.h>

enum {
    SPINS = 2000,        /* looks at the flag before giving the processor away: machines are shared */
    COLUMNS_LEAST = 128, /* of a tile */
    COLUMN_BORDER = 48,  /* three AVX-512 vectors: the column step of OpenBLAS' widest sgemm kernel */
    COLUMN_TILES = 4,    /* cutting columns packs the other operand again for each tile, so seldom */
    ROWS_LEAST = 192,
    ROW_BORDER = 4
};
static const double TILE_FLOPS = 6e6; /* at least; about 70 us of one core */

void spt_team_init(spt_team *team, size_t size) {
    team->size = size;
    atomic_init(&team->arrived, 0);
    atomic_init(&team->sense, 0);
}

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Sense-reversing: the last to arrive resets the count and flips the flag that the others watch. */
void spt_team_barrier(spt_member *member) {
    spt_team *team = member->team;
    if (team->size == 1)
        return;
    member->sense ^= 1u;
    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == team->size) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&team->sense, member->sense, memory_order_release);
        return;
    }
    for (unsigned looks = 0; atomic_load_explicit(&team->sense, memory_order_acquire) != member->sense; looks++) {
        if (looks < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
}

spt_tiling spt_tiling_of_product(size_t rows, size_t columns, size_t depth) {
    spt_tiling tiling = {rows, columns, 1, 1};
    double flops = 2.0 * (double)rows * (double)columns * (double)depth;
    for (;;) {
        size_t tiles = spt_tiling_count(&tiling);
        if (flops < 2.0 * TILE_FLOPS * (double)tiles)
            return tiling;
        if (tiles < SPT_TILES_MAX && rows >= 2 * ROWS_LEAST * tiling.row_tiles)
            tiling.row_tiles *= 2;
        else if (tiles < COLUMN_TILES && columns >= 2 * COLUMNS_LEAST * tiling.column_tiles)
            tiling.column_tiles *= 2;
        else
            return tiling;
    }
}

/* Where part i of `parts` begins: the equal share, to the nearest border. */
static size_t part_begin(size_t length, size_t parts, size_t i, size_t border) {
    if (i == parts)
        return length;
    return (length * i / parts + border / 2) / border * border;
}

spt_tile spt_tiling_at(const spt_tiling *tiling, size_t i) {
    size_t r = i / tiling->column_tiles, c = i % tiling->column_tiles;
    spt_tile tile;
    tile.row = part_begin(tiling->rows, tiling->row_tiles, r, ROW_BORDER);
    tile.rows = part_begin(tiling->rows, tiling->row_tiles, r + 1, ROW_BORDER) - tile.row;
    tile.column = part_begin(tiling->columns, tiling->column_tiles, c, COLUMN_BORDER);
    tile.columns = part_begin(tiling->columns, tiling->column_tiles, c + 1, COLUMN_BORDER) - tile.column;
    return tile;
}
