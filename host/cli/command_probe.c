/* spectrain probe: a further spectrum for a finished file, from the weights that it keeps. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/stop.h"
#include "cli/text.h"
#include "spectrain/sweep.h"

static bool ends_in(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* What --probe gives: YAML, or the name of a file of it. */
static spt_status read_probe(const char *text, spt_config **probe, spt_error *err) {
    if (ends_in(text, ".yaml") || ends_in(text, ".yml"))
        return spt_config_load(text, probe, err);
    return spt_config_parse("--probe", text, strlen(text), probe, err);
}

static spt_status probe(const spt_options *options, spt_error *err) {
    spt_config *item = NULL;
    spt_stop_ignore_output_signals();
    if (options->probe == NULL)
        return spt_fail(err, SPT_EINVAL, "probe: --probe is missing; usage: spectrain probe %s",
                        spt_command_probe.synopsis);
    spt_status status = read_probe(options->probe, &item, err);
    if (status != SPT_OK)
        return status;
    const spt_add_probe_options add = {
        .backend = options->backend,
        .device = options->device > 0 ? options->device : 0,
        .threads = options->threads,
        .n_sets = options->n_sets,
        .sets = options->sets,
        .stop = spt_stop_catch(),
    };
    spt_add_probe_result result;
    status = spt_sweep_add_probe(options->operand, item, &add, &result, err);
    if (status == SPT_OK && !options->quiet)
        printf("%s: probe %s of %s %s at %s snapshots, %s\n", options->operand, result.name,
               spt_text_count(result.n_runs).s, result.n_runs == 1 ? "run" : "runs",
               spt_text_count(result.n_snapshots).s, spt_text_seconds(result.seconds).s);
    spt_config_free(item);
    return status;
}

const spt_command spt_command_probe = {
    .name = "probe",
    .operand = "FILE.h5",
    .synopsis =
        "FILE.h5 --probe YAML [--backend auto|cpu|cuda] [--device N] [--threads N] [--set KEY=VALUE]... [--quiet]",
    .purpose = "add a further spectrum to a finished file, from its weights; train nothing",
    .manual =
        "  --probe YAML      one item of a config's `probes`: '{name: far, kind: line, split: train, points: 100,\n"
        "                    samples: 128, radius: 9}', or the name of a .yaml file that holds one\n"
        "  --backend NAME    auto (the best that has a device), cpu or cuda\n"
        "  --device N        which of the backend's devices, from 0\n"
        "  --threads N       threads of the cpu backend; otherwise all. Results do not depend on it\n"
        "  --set KEY=VALUE   in the file's config, for data that have moved: --set data.path=/elsewhere\n"
        "  --quiet           say nothing but errors\n\n"
        "The energies are taken at each snapshot of the weights (record.weights of the config): they lie in\n"
        "/probes/NAME/energy (run, snapshot, ...). The data are made again, and must be those that were trained on. "
        "While\n"
        "it works, in the folder FILE.h5.probe, FILE.h5 is what it was; then the new file takes its place, whole.\n",
    .options =
        SPT_TAKES_PROBE | SPT_TAKES_BACKEND | SPT_TAKES_DEVICE | SPT_TAKES_THREADS | SPT_TAKES_SET | SPT_TAKES_QUIET,
    .run = probe,
};
