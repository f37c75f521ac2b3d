/* spectrain bench: how fast this machine does what sweeps are made of. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/bench.h"
#include "cli/command.h"
#include "cli/text.h"
#include "spectrain/spectrain.h"

/* Width sweep on MNIST-1D: what is timed when no config is given. */
static const char MAIN_JOB[] =
    "name: double-descent-mnist1d\n"
    "data: {source: mnist1d, train: 4000, test: 12000, seed: 42, label_noise: {kind: uniform, fraction: 0.15}}\n"
    "model: {hidden_layers: 2, width: 64}\n"
    "train: {loss: cross_entropy, optimizer: {kind: sgd, lr: 0.01, momentum: 0.9}, batch: 100, epochs: 500}\n"
    "probes: [{name: line_train, kind: line, split: train, points: 100, samples: 128, radius: 3.0}]\n"
    "sweep: {model.width: {geomspace: [2, 300, 20]}, train.seed: [0, 1, 2]}\n";

static const double SECONDS = 0.1; /* to spend on a number, unless told */

spt_status spt_bench_open(const spt_bench_job *job, const char *backend_name, const spt_backend **backend,
                          spt_device **out, spt_error *err) {
    const char *name = backend_name != NULL ? backend_name : "auto";
    spt_device_options options = {.device = job->options->device > 0 ? job->options->device : 0,
                                  .threads = job->options->threads};
    *backend = spt_backend_find(name);
    if (*backend == NULL)
        return spt_fail(err, SPT_EDEVICE, "--backend %s: this build has no such backend; see: spectrain devices", name);
    return (*backend)->open(&options, out, err);
}

spt_status spt_bench_device(const spt_bench_job *job, const spt_backend *backend, spt_device *device, spt_peaks *peaks,
                            spt_error *err) {
    spt_device_info info;
    backend->describe(device, &info);
    spt_status status = backend->bench->peaks(device, job->seconds, peaks, err);
    if (status != SPT_OK)
        return status;
    printf("%s: %s; at most %s and %s a second, as measured\n", backend->name, info.name,
           spt_text_flops(peaks->flops).s, spt_text_bytes((uint64_t)peaks->bytes).s);
    fflush(stdout);
    spt_json_text(job->json, "backend", backend->name);
    spt_json_text(job->json, "device", info.name);
    spt_json_number(job->json, "peak_flops_per_second", peaks->flops);
    spt_json_number(job->json, "peak_bytes_per_second", peaks->bytes);
    return SPT_OK;
}

void spt_bench_json(spt_json *json, const spt_measurement *m, const spt_peaks *peaks) {
    const double floor = spt_measurement_floor(m, peaks);
    spt_json_object(json, NULL);
    spt_json_text(json, "operation", m->operation);
    spt_json_text(json, "by", m->by);
    spt_json_number(json, "seconds", m->seconds);
    spt_json_number(json, "flops", m->flops);
    spt_json_number(json, "bytes", m->bytes);
    spt_json_number(json, "flops_per_second", m->flops / m->seconds);
    spt_json_number(json, "bytes_per_second", m->bytes / m->seconds);
    spt_json_number(json, "floor_seconds", floor);
    spt_json_number(json, "share_of_floor", floor / m->seconds);
    spt_json_end(json);
}

/* The config of the second operand, or the one above, with the --set assignments. */
static spt_status read_config(const spt_options *options, spt_config **out, spt_error *err) {
    if (options->n_operands > 1) {
        spt_options of_config = *options;
        of_config.operand = options->operands[1];
        return spt_options_config(&of_config, out, err);
    }
    spt_config *config = NULL;
    spt_status status = spt_config_parse("main job", MAIN_JOB, sizeof MAIN_JOB - 1, &config, err);
    for (size_t i = 0; i < options->n_sets && status == SPT_OK; i++)
        status = spt_config_set(config, options->sets[i], err);
    if (status == SPT_OK)
        *out = config;
    else
        spt_config_free(config);
    return status;
}

static void put_head(spt_json *json, const char *what) {
    char created[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    spt_json_text(json, "bench", what);
    spt_json_text(json, "software_version", spt_version());
    spt_json_text(json, "created", created);
}

static spt_status bench(const spt_options *options, spt_error *err) {
    const char *what = options->n_operands > 0 ? options->operands[0] : "operations";
    const bool operations = strcmp(what, "operations") == 0, sweep = strcmp(what, "sweep") == 0;
    const bool layers = strcmp(what, "layers") == 0;
    if (!operations && !sweep && !layers)
        return spt_fail(err, SPT_EINVAL, "bench: unknown \"%s\"; allowed: operations, sweep, layers", what);
    if (sweep && options->n_operands < 2)
        return spt_fail(err, SPT_EINVAL, "bench sweep: CONFIG is missing; usage: spectrain bench sweep CONFIG");
    if (layers && (options->n_operands > 1 || options->n_sets > 0))
        return spt_fail(err, SPT_EINVAL, "bench layers: takes no config and no --set; usage: spectrain bench layers");
    spt_bench_job job = {.options = options, .seconds = options->seconds > 0 ? options->seconds : SECONDS};
    spt_config *config = NULL;
    spt_status status = layers ? SPT_OK : read_config(options, &config, err);
    if (status == SPT_OK)
        status = spt_json_open(options->json, &job.json, err);
    if (status == SPT_OK) {
        put_head(job.json, what);
        status = layers  ? spt_bench_layers(&job, err)
                 : sweep ? spt_bench_sweep(&job, config, err)
                         : spt_bench_operations(&job, config, err);
    }
    if (status == SPT_OK)
        status = spt_json_close(job.json, err);
    else
        spt_json_abandon(job.json);
    spt_config_free(config);
    return status;
}

const spt_command spt_command_bench = {
    .name = "bench",
    .operand = "WHAT",
    .operands_most = 2,
    .synopsis = "[operations [CONFIG] | sweep CONFIG | layers] [--backend auto|cpu|cuda] [--device N] [--threads N] "
                "[--set KEY=VALUE]... [--seconds S] [--json FILE]",
    .purpose = "time operations, kernels and whole sweeps, beside what the device does at most",
    .manual =
        "  operations [CONFIG]   (without it: the width sweep on MNIST-1D) for each shape of network, and for all\n"
        "                        runs together: a training step, evaluation, spectral norms, probes, copies of\n"
        "                        states; with --backend cuda also each kernel. Beside the time: FLOPs and bytes a\n"
        "                        second, counted as the least that the operation must do, and the time that these\n"
        "                        would take at the device's measured peaks, as a share of the time it took\n"
        "  sweep CONFIG          the whole sweep on each backend that has a device, or on that of --backend\n"
        "  layers                (cuda) dense layers of many shapes, by own kernels and by cuBLAS\n\n"
        "  --backend NAME        auto (the best that has a device), cpu or cuda\n"
        "  --device N            which of the backend's devices, from 0\n"
        "  --threads N           threads of the cpu backend; otherwise all\n"
        "  --set KEY=VALUE       put VALUE (YAML) in the place of a key: --set train.epochs=10\n"
        "  --seconds S           how long to spend on a number; otherwise 0.1\n"
        "  --json FILE           write all numbers there, too\n",
    .options =
        SPT_TAKES_BACKEND | SPT_TAKES_DEVICE | SPT_TAKES_THREADS | SPT_TAKES_SET | SPT_TAKES_JSON | SPT_TAKES_SECONDS,
    .run = bench,
};
