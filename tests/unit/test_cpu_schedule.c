/* Who trains what: teams, the queue, and tiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/schedule.h"
#include "cpu/team.h"

static void many_equal_runs_need_no_teams(void **state) {
    (void)state;
    spt_work work[6];
    size_t size[4];
    for (size_t i = 0; i < 6; i++)
        work[i] = (spt_work){i, 1e9, 64};
    assert_int_equal(spt_work_allot(work, 6, 4, size), 0);
    assert_int_equal(spt_work_allot(work, 3, 2, size), 0); /* one and a half each: slices even it out */
}

static void a_lone_run_gets_all_threads_it_can_use(void **state) {
    (void)state;
    spt_work work = {0, 1e9, 64};
    size_t size[16];
    assert_int_equal(spt_work_allot(&work, 1, 16, size), 1);
    assert_int_equal(size[0], 16);
    work.members = 4;
    assert_int_equal(spt_work_allot(&work, 1, 16, size), 1);
    assert_int_equal(size[0], 4);
    work.members = 1;
    assert_int_equal(spt_work_allot(&work, 1, 16, size), 0);
}

static void a_run_above_its_share_gets_a_team_and_the_rest_keep_a_thread(void **state) {
    (void)state;
    spt_work work[] = {{0, 6e9, 64}, {1, 1e9, 64}, {2, 1e9, 64}};
    size_t size[8];
    assert_int_equal(spt_work_allot(work, 3, 4, size), 1);
    assert_int_equal(size[0], 3);
    work[0].flops = 1e15;
    assert_int_equal(spt_work_allot(work, 3, 4, size), 1);
    assert_int_equal(size[0], 3);
    assert_int_equal(spt_work_allot(work, 3, 2, size), 0);
    assert_int_equal(spt_work_allot(work, 3, 1, size), 0);
}

static void teams_never_take_more_threads_than_there_are(void **state) {
    (void)state;
    for (size_t threads = 1; threads <= 12; threads++)
        for (size_t n = 1; n <= 12; n++) {
            spt_work work[12];
            size_t size[12], used = 0;
            for (size_t i = 0; i < n; i++)
                work[i] = (spt_work){i, 1e9 / (double)(1 + i * i), 64};
            size_t teams = spt_work_allot(work, n, threads, size);
            for (size_t t = 0; t < teams; t++) {
                assert_true(size[t] >= 2);
                used += size[t];
            }
            assert_true(used <= threads);
            if (teams < n)
                assert_true(used < threads);
        }
}

static void the_queue_hands_out_most_work_first_and_equal_work_by_run(void **state) {
    (void)state;
    spt_work queue[64];
    size_t n = 0;
    for (size_t i = 0; i < 64; i++)
        spt_work_put(queue, &n, (spt_work){i, (double)(i * 37 % 16), 1});
    spt_work last = spt_work_take(queue, &n);
    while (n > 0) {
        spt_work next = spt_work_take(queue, &n);
        assert_true(next.flops < last.flops || (next.flops == last.flops && next.run > last.run));
        last = next;
    }
}

static void sorted_work_is_a_queue(void **state) {
    (void)state;
    spt_work queue[9];
    size_t n = 9;
    for (size_t i = 0; i < n; i++)
        queue[i] = (spt_work){i, (double)(i * 5 % 9), 1};
    spt_work_sort(queue, n);
    for (size_t i = 9; i-- > 0;)
        assert_true(spt_work_take(queue, &n).flops == (double)i);
}

static void tiles_cover_a_matrix_once(void **state) {
    (void)state;
    const size_t sizes[][3] = {{1, 1, 1},       {100, 300, 300},    {2000, 256, 784}, {300, 784, 2000},
                               {97, 131, 5000}, {193, 257, 100000}, {4096, 10, 4096}, {10, 4096, 4096}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t rows = sizes[i][0], columns = sizes[i][1];
        spt_tiling tiling = spt_tiling_of_product(rows, columns, sizes[i][2]);
        unsigned char *seen = calloc(rows, columns);
        assert_non_null(seen);
        assert_true(spt_tiling_count(&tiling) <= SPT_TILES_MAX);
        for (size_t t = 0; t < spt_tiling_count(&tiling); t++) {
            spt_tile tile = spt_tiling_at(&tiling, t);
            assert_true(tile.rows > 0 && tile.columns > 0);
            for (size_t r = tile.row; r < tile.row + tile.rows; r++)
                for (size_t c = tile.column; c < tile.column + tile.columns; c++)
                    seen[r * columns + c]++;
        }
        for (size_t e = 0; e < rows * columns; e++)
            assert_int_equal(seen[e], 1);
        free(seen);
    }
}

static void small_products_are_not_cut(void **state) {
    (void)state;
    spt_tiling tiling = spt_tiling_of_product(100, 104, 104);
    assert_int_equal(spt_tiling_count(&tiling), 1);
    tiling = spt_tiling_of_product(100, 300, 300);
    assert_int_equal(spt_tiling_count(&tiling), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_equal_runs_need_no_teams),
        cmocka_unit_test(a_lone_run_gets_all_threads_it_can_use),
        cmocka_unit_test(a_run_above_its_share_gets_a_team_and_the_rest_keep_a_thread),
        cmocka_unit_test(teams_never_take_more_threads_than_there_are),
        cmocka_unit_test(the_queue_hands_out_most_work_first_and_equal_work_by_run),
        cmocka_unit_test(sorted_work_is_a_queue),
        cmocka_unit_test(tiles_cover_a_matrix_once),
        cmocka_unit_test(small_products_are_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
