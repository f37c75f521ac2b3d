/* What a group must fulfil before memory is taken for it. */
#include <limits.h>

#include "cpu/probe.h"

static spt_status check_data(const spt_dataset *data, spt_loss loss, spt_error *err) {
    const spt_split *s = &data->train;
    if (s->n == 0)
        return spt_fail(err, SPT_EINVAL, "data: no training examples");
    if (s->n > INT_MAX || data->test.n > INT_MAX)
        return spt_fail(err, SPT_EINVAL, "data: %zu training and %zu test examples; at most %d each", s->n,
                        data->test.n, INT_MAX);
    if (s->label == NULL && s->target == NULL)
        return spt_fail(err, SPT_EINVAL, "data: training examples have neither labels nor targets");
    if (data->test.n > 0 &&
        (data->test.label != NULL ? s->label == NULL : data->test.target == NULL || s->label != NULL))
        return spt_fail(err, SPT_EINVAL, "data: training examples have %s, the test examples do not",
                        s->label != NULL ? "labels" : "targets");
    if (loss == SPT_LOSS_CROSS_ENTROPY && s->label == NULL)
        return spt_fail(err, SPT_EINVAL, "loss: cross_entropy needs class labels, the data has targets");
    bool binary = data->outputs == 1 && data->classes == 2 && loss != SPT_LOSS_CROSS_ENTROPY;
    if (s->label != NULL && data->outputs != data->classes && !binary)
        return spt_fail(err, SPT_EINVAL,
                        "data: %zu outputs for %zu classes; one a class, or a single one for two classes with mse or "
                        "bce",
                        data->outputs, data->classes);
    return SPT_OK;
}

static spt_status check_run(const spt_group_spec *spec, size_t r, spt_error *err) {
    const spt_dataset *data = spec->dataset;
    const spt_run_spec *run = &spec->runs[r], *first = &spec->runs[0];
    if (run->model.inputs != data->inputs || run->model.outputs != data->outputs)
        return spt_fail(err, SPT_EINVAL, "run %zu: a model of %zu inputs and %zu outputs, the data has %zu and %zu", r,
                        run->model.inputs, run->model.outputs, data->inputs, data->outputs);
    if (run->train.batch != first->train.batch)
        return spt_fail(err, SPT_EINVAL, "run %zu: batch %zu, the group's first run has %zu", r, run->train.batch,
                        first->train.batch);
    if (run->train.loss != first->train.loss)
        return spt_fail(err, SPT_EINVAL, "run %zu: loss %s, the group's first run has %s", r,
                        spt_loss_name(run->train.loss), spt_loss_name(first->train.loss));
    return SPT_OK;
}

static spt_status check_probe(const spt_dataset *data, const spt_probe *probe, bool arrays, spt_error *err) {
    const spt_probe_method *method = spt_probe_method_of(probe);
    if (method == NULL)
        return spt_fail(err, SPT_EINVAL, "probe %s: kind %s has a transform that the cpu backend does not know",
                        probe->name, probe->kind != NULL ? probe->kind : "?");
    if (probe->inputs != data->inputs || probe->outputs != data->outputs)
        return spt_fail(err, SPT_EINVAL, "probe %s: made for %zu inputs and %zu outputs, the data has %zu and %zu",
                        probe->name, probe->inputs, probe->outputs, data->inputs, data->outputs);
    if (probe->towards == SPT_DIRECTION_ADVERSARIAL &&
        (probe->geometry != SPT_GEOMETRY_LINES ||
         (probe->transform != SPT_TRANSFORM_DFT && probe->transform != SPT_TRANSFORM_SEGMENTS)))
        return spt_fail(err, SPT_EINVAL, "probe %s: adversarial directions are for lines with a dft or segments",
                        probe->name);
    spt_status status = method->check(probe, err);
    if (status == SPT_OK && arrays && method->check_arrays != NULL)
        status = method->check_arrays(probe, err);
    return status;
}

spt_status spt_cpu_group_check(const spt_group_spec *spec, bool arrays, spt_error *err) {
    if (spec->n_runs == 0)
        return spt_fail(err, SPT_EINVAL, "group: no runs");
    spt_status status = check_data(spec->dataset, spec->runs[0].train.loss, err);
    for (size_t r = 0; r < spec->n_runs && status == SPT_OK; r++)
        status = check_run(spec, r, err);
    for (size_t p = 0; p < spec->n_probes && status == SPT_OK; p++)
        status = check_probe(spec->dataset, spec->probes[p], arrays, err);
    return status;
}
