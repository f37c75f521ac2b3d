/* Loss, error and per-example correctness of every run on a split. */
#include <math.h>
#include <string.h>

#include "cpu/group.h"
#include "cpu/loss.h"
#include "cpu/parts.h"

enum { LOSS, WRONG, NUMBERS }; /* what a part leaves */

/* How an example's class is told from its outputs, where there is one. */
typedef enum spt_verdict {
    ARGMAX,    /* labels: the largest logit, first of equals */
    SIGN,      /* one output, two classes: class 1 when above 0 */
    THRESHOLD, /* one output, bce: target > 1/2 */
    SIGNS,     /* one output, mse: targets -1 and +1 */
    NONE
} spt_verdict;

typedef struct spt_evaluate_task {
    const spt_split *split;
    spt_verdict verdict;
    spt_evaluation *out;
} spt_evaluate_task;

size_t spt_evaluate_parts(const spt_run *run, size_t n) {
    return (n + run->eval_rows - 1) / run->eval_rows;
}

static size_t count(const void *task, const spt_group *group, size_t run) {
    return spt_evaluate_parts(&group->run[run], ((const spt_evaluate_task *)task)->split->n);
}

static spt_verdict verdict_of(const spt_group *group, spt_split_name name, const spt_split *split) {
    size_t outputs = group->spec.dataset->outputs;
    if (split->label != NULL)
        return outputs > 1 ? ARGMAX : SIGN;
    if (outputs != 1)
        return NONE;
    if (group->loss == SPT_LOSS_BCE)
        return THRESHOLD;
    return group->signs[name] ? SIGNS : NONE;
}

/* The class that the network gives a row of logits, for every verdict but NONE. */
static int32_t predicted(spt_verdict verdict, size_t outputs, const spt_real *logits) {
    if (verdict != ARGMAX)
        return logits[0] > 0;
    size_t best = 0;
    for (size_t j = 1; j < outputs; j++)
        if (logits[j] > logits[best])
            best = j;
    return (int32_t)best;
}

/* The class of an example by its label, or by its target against what divides the two classes. */
static int32_t wanted(spt_verdict verdict, const int32_t *label, const float *target, size_t i) {
    if (label != NULL)
        return label[i];
    return target[i] > (verdict == THRESHOLD ? 0.5f : 0.0f);
}

/* Share of wrong rows among first .. first + rows - 1; flags for each when asked for. */
static size_t count_wrong(const spt_evaluate_task *task, size_t outputs, size_t first, size_t rows,
                          const spt_real *logits, uint8_t *correct) {
    const spt_split *s = task->split;
    size_t wrong = 0;
    for (size_t r = 0; r < rows; r++) {
        size_t i = first + r;
        int32_t class = predicted(task->verdict, outputs, logits + r * outputs);
        bool as_label = class == wanted(task->verdict, s->label, s->target, i);
        bool as_true = as_label;
        if (s->label_true != NULL || s->target_true != NULL)
            as_true = class == wanted(task->verdict, s->label_true, s->target_true, i);
        wrong += !as_label;
        if (correct != NULL)
            correct[i] = (uint8_t)(as_label | as_true << 1);
    }
    return wrong;
}

static void compute(void *argument, spt_group *group, size_t run, size_t part, spt_eval_space *space, double *numbers) {
    const spt_evaluate_task *task = argument;
    const spt_split *s = task->split;
    const spt_run *r = &group->run[run];
    const size_t inputs = group->spec.dataset->inputs, outputs = group->spec.dataset->outputs;
    const size_t first = part * r->eval_rows, rows = s->n - first < r->eval_rows ? s->n - first : r->eval_rows;
    spt_network network;
    spt_network_init(&network, &group->spec.runs[run].model);
    spt_pass pass = space->pass;
    pass.slot_stride = spt_pass_stride(r->eval_rows, network.width);
    spt_network_forward(NULL, &network, (const spt_real *)(const void *)r->state, s->x + first * inputs, rows, &pass);

    uint8_t *correct = task->out[run].correct;
    numbers[LOSS] = numbers[WRONG] = 0.0;
    if (task->verdict != NONE)
        numbers[WRONG] = (double)count_wrong(task, outputs, first, rows, pass.output, correct);
    else if (correct != NULL)
        memset(correct + first, 0, rows);
    spt_targets targets = spt_targets_from((spt_targets){s->label, s->target}, outputs, first);
    for (size_t b = 0; b < rows; b += SPT_LOSS_ROWS)
        numbers[LOSS] +=
            spt_loss_rows(group->loss, outputs, spt_targets_from(targets, outputs, b),
                          rows - b < SPT_LOSS_ROWS ? rows - b : SPT_LOSS_ROWS, s->n, pass.output + b * outputs);
}

static void join(void *argument, spt_group *group, size_t run, size_t n_parts, spt_eval_space *space,
                 const double *numbers) {
    (void)space;
    const spt_evaluate_task *task = argument;
    double loss = 0.0, wrong = 0.0;
    for (size_t p = 0; p < n_parts; p++) {
        loss += numbers[p * NUMBERS + LOSS];
        wrong += numbers[p * NUMBERS + WRONG];
    }
    size_t n = task->split->n;
    task->out[run].loss = loss * spt_loss_mean_factor(group->loss, group->spec.dataset->outputs, n);
    task->out[run].error = task->verdict == NONE ? (double)NAN : wrong / (double)n;
}

spt_status spt_cpu_evaluate(spt_group *group, spt_split_name name, spt_evaluation *out, spt_error *err) {
    (void)err;
    const spt_dataset *data = group->spec.dataset;
    const spt_split *split = name == SPT_SPLIT_TRAIN ? &data->train : &data->test;
    if (split->n == 0) {
        for (size_t r = 0; r < group->spec.n_runs; r++)
            out[r].loss = out[r].error = (double)NAN;
        return SPT_OK;
    }
    spt_evaluate_task task = {split, verdict_of(group, name, split), out};
    spt_parts parts = {.numbers = NUMBERS, .task = &task, .count = count, .compute = compute, .join = join};
    for (size_t r = 0; r < group->spec.n_runs; r++)
        if (spt_evaluate_parts(&group->run[r], split->n) > parts.most)
            parts.most = spt_evaluate_parts(&group->run[r], split->n);
    spt_parts_run(group, &parts);
    return SPT_OK;
}
