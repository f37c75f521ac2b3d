/* spectrain bench layers: dense layers by own kernels and by the library, and the choice that follows. */
#include <math.h>
#include <stdio.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/text.h"

static const size_t WIDTHS[] = {32, 64, 128, 256, 512, 1024, 2048, 4096}, ROWS[] = {32, 128, 512, 2048};
enum { N_WIDTHS = sizeof WIDTHS / sizeof WIDTHS[0], N_ROWS = sizeof ROWS / sizeof ROWS[0], N_KINDS = 3 };
static const char *const KINDS[N_KINDS] = {"forward", "input_gradient", "weight_gradient"};
static const double CLEARLY = 1.03; /* faster than the other way: less would be noise, and would cost bits */

static const spt_measurement *times_of(const spt_bench_layer *layer, int kind) {
    return kind == 0 ? layer->forward : kind == 1 ? layer->input_gradient : layer->weight_gradient;
}

/* The least side (the smaller of width and rows) from which on the library is clearly faster for every measured layer;
 * 0: never. That is what the backend's table of choices is made of (kernels/dense.cu). */
static size_t least_side(const spt_bench_layer *layers, size_t n, int kind) {
    size_t least = 0, slower = 0;
    for (size_t i = 0; i < n; i++) {
        const spt_measurement *m = times_of(&layers[i], kind);
        size_t side = layers[i].width < layers[i].rows ? layers[i].width : layers[i].rows;
        if (m[0].seconds < CLEARLY * m[1].seconds && side > slower)
            slower = side;
    }
    for (size_t i = 0; i < n; i++) {
        size_t side = layers[i].width < layers[i].rows ? layers[i].width : layers[i].rows;
        if (side > slower && (least == 0 || side < least))
            least = side;
    }
    return least;
}

static void add_row(spt_table *table, const spt_bench_layer *layer) {
    spt_table_add(table, "%zu", layer->width);
    spt_table_add(table, "%zu", layer->rows);
    for (int kind = 0; kind < N_KINDS; kind++) {
        const spt_measurement *m = times_of(layer, kind);
        for (int by = 0; by < 2; by++)
            spt_table_add(table, "%s", spt_text_flops(m[by].flops / m[by].seconds).s);
        spt_table_add(table, "%.2f", m[0].seconds / m[1].seconds);
    }
}

static void add_json(spt_json *json, const spt_bench_layer *layer, const spt_peaks *peaks) {
    spt_json_object(json, NULL);
    spt_json_number(json, "width", (double)layer->width);
    spt_json_number(json, "rows", (double)layer->rows);
    for (int kind = 0; kind < N_KINDS; kind++) {
        spt_json_array(json, KINDS[kind]);
        for (int by = 0; by < 2; by++)
            spt_bench_json(json, &times_of(layer, kind)[by], peaks);
        spt_json_end(json);
    }
    spt_json_end(json);
}

static spt_table *head(void) {
    static const char *const HEAD[] = {
        "width",   "rows",  "forward: tiles",         "library", "ratio", "input gradient: tiles",
        "library", "ratio", "weight gradient: tiles", "library", "ratio"};
    spt_table *table = spt_table_new("rrrrrrrrrrr");
    for (size_t i = 0; table != NULL && i < sizeof HEAD / sizeof HEAD[0]; i++)
        spt_table_add(table, "%s", HEAD[i]);
    return table;
}

static void tell_choice(const spt_bench_job *job, const spt_bench_layer *layers, size_t n) {
    printf("\nThe library is faster wherever width and rows reach");
    spt_json_object(job->json, "library_from");
    for (int kind = 0; kind < N_KINDS; kind++) {
        size_t least = least_side(layers, n, kind);
        if (least > 0)
            printf("%s %zu (%s)", kind > 0 ? "," : "", least, KINDS[kind]);
        else
            printf("%s no measured size (%s)", kind > 0 ? "," : "", KINDS[kind]);
        spt_json_number(job->json, KINDS[kind], least > 0 ? (double)least : NAN);
    }
    spt_json_end(job->json);
    printf(".\n");
}

spt_status spt_bench_layers(const spt_bench_job *job, spt_error *err) {
    const spt_backend *backend = NULL;
    spt_device *device = NULL;
    spt_peaks peaks;
    spt_bench_layer layers[N_WIDTHS * N_ROWS];
    size_t n = 0;
    spt_table *table = head();
    if (table == NULL)
        return spt_fail(err, SPT_ENOMEM, "bench: no room for a table");
    spt_status status = spt_bench_open(job, job->options->backend, &backend, &device, err);
    if (status == SPT_OK && backend->bench->prefer == NULL)
        status = spt_fail(err, SPT_EINVAL,
                          "bench layers: the %s backend has one way of computing layers, and none to "
                          "compare with; allowed: --backend cuda",
                          backend->name);
    if (status == SPT_OK)
        status = spt_bench_device(job, backend, device, &peaks, err);
    spt_json_array(job->json, "layers");
    for (size_t i = 0; i < N_WIDTHS * N_ROWS && status == SPT_OK; i++) {
        status =
            spt_bench_layer_time(backend, device, WIDTHS[i / N_ROWS], ROWS[i % N_ROWS], job->seconds, &layers[n], err);
        if (status != SPT_OK)
            break;
        add_row(table, &layers[n]);
        add_json(job->json, &layers[n++], &peaks);
    }
    spt_json_end(job->json);
    if (status == SPT_OK) {
        printf("\nLayers of width x width, FLOP a second; ratio: time by tiles over time by the library\n");
        status = spt_table_print(table, "  ", stdout, err);
    }
    if (status == SPT_OK)
        tell_choice(job, layers, n);
    spt_table_free(table);
    if (device != NULL)
        backend->close(device);
    return status;
}
