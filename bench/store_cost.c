/* What storing costs: a sweep with its file and without one, in turn (the order changes from pair to pair), in one
 * process. Prints wall and processor seconds and their ratios: on a shared machine the processor's time wanders less.
 *   bench_store_cost CONFIG OUTPUT.h5 PAIRS [K=V]... */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "spectrain/spectrain.h"

static int fail(const spt_error *err) {
    fprintf(stderr, "bench_store_cost: %s\n", err->message);
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: bench_store_cost CONFIG OUTPUT.h5 PAIRS [K=V]...\n");
        return 2;
    }
    spt_error err = {0};
    spt_config *config = NULL;
    if (spt_config_load(argv[1], &config, &err) != SPT_OK)
        return fail(&err);
    for (int i = 4; i < argc; i++)
        if (spt_config_set(config, argv[i], &err) != SPT_OK)
            return fail(&err);
    puts("pair  wall_s without, with, ratio  processor_s without, with, ratio  of with: train_s record_s "
         "waiting_for_store_s");
    for (int pair = 0; pair < atoi(argv[3]); pair++) {
        spt_sweep_result result[2] = {{0}, {0}};
        double processor[2] = {0.0};
        for (int turn = 0; turn < 2; turn++) {
            int with = (turn + pair) % 2;
            clock_t start = clock(); // of all threads, the store's writer included
            spt_sweep *sweep = NULL;
            spt_sweep_options options = {.output = with ? argv[2] : NULL, .mode = SPT_STORE_REPLACE};
            if (spt_sweep_plan(config, &sweep, &err) != SPT_OK ||
                spt_sweep_run(sweep, &options, &result[with], &err) != SPT_OK)
                return fail(&err);
            spt_sweep_free(sweep);
            processor[with] = (double)(clock() - start) / CLOCKS_PER_SEC;
        }
        printf("%d  %.2f %.2f %.4f  %.2f %.2f %.4f  %.2f %.2f %.2f\n", pair, result[0].seconds, result[1].seconds,
               result[1].seconds / result[0].seconds, processor[0], processor[1], processor[1] / processor[0],
               result[1].train_seconds, result[1].record_seconds, result[1].store_seconds);
        fflush(stdout);
        spt_sweep_result_free(&result[0]);
        spt_sweep_result_free(&result[1]);
    }
    spt_config_free(config);
    return 0;
}
