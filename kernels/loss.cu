// Softmax cross-entropy, mean squared error and binary cross-entropy, each with its gradient or with its verdict on
// every example; and the gradient at the predicted class. Twin of host/cpu/loss.c and host/cpu/evaluate.c.
//
// Map:    a block of 128 threads takes 32 rows of one run; a row belongs to a group of lanes, as many as outputs up to
// 32
//         (a power of two), each of which takes every lanes-th output. Blocks of all runs in one launch.
// Shared: a loss a row, 256 bytes.
// Bound:  about 10 FLOP an output; 8 bytes an output (in place), 4 in evaluation. Memory, and in truth the launch.
//
// Sums over outputs: lane by lane, then a butterfly over the lanes of the group, in float32 for softmax's sum as on the
// CPU, in float64 for losses. Sums over rows: a butterfly over 32 rows, then the parts, lane by lane and a butterfly.
// The CPU sums all of these in order; both are fixed.
#include "loss.cuh"

#include <math.h>

#include "launch.cuh"
#include "shared.cuh"

enum { THREADS = 128, ALL = 0xffffffff };

// One row as a lane sees it: `rows` exist, and lanes of the others go along without reading.
typedef struct spt_row {
    float *output;
    const float *target; // NULL with labels
    int32_t label;
    uint32_t outputs, lane, lanes;
    bool exists;
} spt_row;

static __device__ __forceinline__ float sum_of(float value, uint32_t lanes) {
    for (uint32_t step = lanes / 2; step > 0; step /= 2)
        value += __shfl_xor_sync(ALL, value, (int)step);
    return value;
}
static __device__ __forceinline__ double sum_of(double value, uint32_t lanes) {
    for (uint32_t step = lanes / 2; step > 0; step /= 2)
        value += __shfl_xor_sync(ALL, value, (int)step);
    return value;
}
static __device__ __forceinline__ double largest_of(double value, uint32_t lanes) {
    for (uint32_t step = lanes / 2; step > 0; step /= 2)
        value = fmax(value, __shfl_xor_sync(ALL, value, (int)step));
    return value;
}
static __device__ __forceinline__ float largest_of(float value, uint32_t lanes) {
    for (uint32_t step = lanes / 2; step > 0; step /= 2)
        value = fmaxf(value, __shfl_xor_sync(ALL, value, (int)step));
    return value;
}

/** log(sum_j exp(z_j - m)) - (z_label - m) with m the largest logit, so that nothing overflows. A NaN among the logits
 *  ends up in the sum, +inf as inf - inf. */
template <bool GRADIENT>
static __device__ double cross_entropy(const spt_row &row, double factor) {
    float largest = -INFINITY;
    if (row.exists)
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes)
            largest = fmaxf(largest, row.output[j]);
    largest = largest_of(largest, row.lanes);
    const float at_label = row.exists ? row.output[row.label] - largest : 0.0f;
    float sum = 0.0f;
    if (row.exists)
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes)
            sum += expf(row.output[j] - largest);
    sum = sum_of(sum, row.lanes);
    // A lane is about to write the logit at the label, which all lanes of its row have read: a shuffle orders no
    // memory.
    if (GRADIENT)
        __syncwarp();
    if (!row.exists)
        return 0.0;
    if (GRADIENT) {
        const float scale = (float)(factor / (double)sum);
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes) {
            const float softmax = expf(row.output[j] - largest) * scale;
            row.output[j] = j == (uint32_t)row.label ? softmax - (float)factor : softmax;
        }
    }
    return log((double)sum) - (double)at_label;
}

/** The target of output j: classes become one-hot; with one output the label for bce, -1 or +1 for mse. */
static __device__ __forceinline__ float target_at(spt_loss loss, const spt_row &row, uint32_t j) {
    if (row.target != nullptr)
        return row.target[j];
    if (row.outputs > 1)
        return row.label == (int32_t)j ? 1.0f : 0.0f;
    return loss == SPT_LOSS_MSE ? 2.0f * (float)row.label - 1.0f : (float)row.label;
}

template <bool GRADIENT>
static __device__ double mean_squared_error(const spt_row &row, double factor) {
    double loss = 0.0;
    if (row.exists)
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes) {
            const float difference = row.output[j] - target_at(SPT_LOSS_MSE, row, j);
            loss += (double)difference * (double)difference;
            if (GRADIENT)
                row.output[j] = (float)(2.0 * factor) * difference;
        }
    return sum_of(loss, row.lanes);
}

/** max(z, 0) - z t + log(1 + exp(-|z|)), and sigmoid(z) - t. */
template <bool GRADIENT>
static __device__ double binary_cross_entropy(const spt_row &row, double factor) {
    double loss = 0.0;
    if (row.exists)
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes) {
            const float logit = row.output[j], t = target_at(SPT_LOSS_BCE, row, j);
            const float e = expf(logit > 0.0f ? -logit : logit);
            const double above = logit < 0.0f ? 0.0 : (double)logit;
            loss += above - (double)logit * (double)t + log1p((double)e);
            if (GRADIENT)
                row.output[j] = (float)factor * ((logit < 0.0f ? e : 1.0f) / (1.0f + e) - t);
        }
    return sum_of(loss, row.lanes);
}

template <bool GRADIENT>
static __device__ double loss_of(spt_loss loss, const spt_row &row, double factor) {
    switch (loss) {
    case SPT_LOSS_CROSS_ENTROPY:
        return cross_entropy<GRADIENT>(row, factor);
    case SPT_LOSS_MSE:
        return mean_squared_error<GRADIENT>(row, factor);
    default:
        return binary_cross_entropy<GRADIENT>(row, factor);
    }
}

static __device__ __forceinline__ uint32_t lanes_for(uint32_t outputs) {
    uint32_t lanes = 1;
    while (lanes < outputs && lanes < 32)
        lanes *= 2;
    return lanes;
}

/** Row `index` of a batch, of which `example` is the place among labels and targets. */
static __device__ __forceinline__ spt_row row_at(const spt_loss_problem &problem, const spt_loss_batch &batch,
                                                 uint32_t lanes, uint32_t index, size_t example) {
    spt_row row = {problem.output, nullptr, 0, batch.outputs, threadIdx.x % lanes, lanes, index < batch.rows};
    if (row.exists) {
        row.output += (size_t)index * batch.stride;
        if (problem.label != nullptr)
            row.label = problem.label[example];
        else
            row.target = problem.target + example * batch.outputs;
    }
    return row;
}

static __global__ void __launch_bounds__(THREADS)
    loss_gradient(const spt_loss_problem *problems, const spt_loss_batch batch, spt_run_step *step) {
    const spt_loss_problem problem = problems[blockIdx.y];
    if (!step[problem.run].active)
        return;
    const uint32_t lanes = lanes_for(batch.outputs), at_once = THREADS / lanes;
    for (uint32_t r = threadIdx.x / lanes; r / at_once * at_once < SPT_LOSS_BLOCK_ROWS; r += at_once) {
        // With few lanes a round holds more rows than the block's: theirs are the next block's.
        uint32_t index = r < SPT_LOSS_BLOCK_ROWS ? blockIdx.x * SPT_LOSS_BLOCK_ROWS + r : batch.rows;
        const spt_row row = row_at(problem, batch, lanes, index, index);
        const double loss = loss_of<true>(batch.loss, row, batch.factor);
        if (row.lane == 0 && !isfinite(loss))
            atomicOr(&step[problem.run].diverged, 1u);
    }
}

/** The class that the network gives a row, for every verdict but NONE; the same in all lanes of the row. */
static __device__ int32_t predicted(spt_verdict verdict, const spt_row &row) {
    if (verdict != SPT_VERDICT_ARGMAX)
        return row.exists && row.output[0] > 0.0f;
    float best = -INFINITY;
    int32_t at = INT32_MAX;
    if (row.exists)
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes) {
            // In order from output 0, as on the CPU, a NaN is never larger, and nothing is larger than a NaN at 0.
            float z = row.output[j];
            z = isnan(z) ? (j == 0 ? INFINITY : -INFINITY) : z;
            if (z > best || at == INT32_MAX) {
                best = z;
                at = (int32_t)j;
            }
        }
    for (uint32_t step = row.lanes / 2; step > 0; step /= 2) {
        const float other = __shfl_xor_sync(ALL, best, (int)step);
        const int32_t other_at = __shfl_xor_sync(ALL, at, (int)step);
        if (other > best || (other == best && other_at < at)) {
            best = other;
            at = other_at;
        }
    }
    return at;
}

/** The class of an example by its label, or by its target against what divides the two classes. */
static __device__ __forceinline__ int32_t wanted(spt_verdict verdict, const int32_t *label, const float *target,
                                                 size_t example) {
    if (label != nullptr)
        return label[example];
    return target[example] > (verdict == SPT_VERDICT_THRESHOLD ? 0.5f : 0.0f);
}

/** Bit 0: predicted as `label`; bit 1: predicted as `label_true`. */
static __device__ uint8_t flags_of(const spt_loss_problem &problem, const spt_score_batch &score, const spt_row &row,
                                   size_t example) {
    if (score.verdict == SPT_VERDICT_NONE)
        return 0;
    const int32_t found = predicted(score.verdict, row);
    if (!row.exists)
        return 0;
    const bool as_label = found == wanted(score.verdict, problem.label, problem.target, example);
    bool as_true = as_label;
    if (score.label_true != nullptr || score.target_true != nullptr)
        as_true = found == wanted(score.verdict, score.label_true, score.target_true, example);
    return (uint8_t)(as_label | as_true << 1);
}

static __global__ void __launch_bounds__(THREADS)
    loss_score(const spt_loss_problem *problems, const spt_loss_batch batch, const spt_score_batch score) {
    SPT_SHARED(double, loss, [SPT_LOSS_BLOCK_ROWS]);
    SPT_SHARED(uint32_t, wrong, [SPT_LOSS_BLOCK_ROWS]);
    const spt_loss_problem problem = problems[blockIdx.y];
    const uint32_t lanes = lanes_for(batch.outputs), at_once = THREADS / lanes;
    for (uint32_t r = threadIdx.x / lanes; r / at_once * at_once < SPT_LOSS_BLOCK_ROWS; r += at_once) {
        const uint32_t index = r < SPT_LOSS_BLOCK_ROWS ? blockIdx.x * SPT_LOSS_BLOCK_ROWS + r : batch.rows;
        const size_t example = (size_t)score.first_row + index;
        const spt_row row = row_at(problem, batch, lanes, index, example);
        const uint8_t flags = flags_of(problem, score, row, example);
        const double row_loss = loss_of<false>(batch.loss, row, batch.factor);
        if (row.lane == 0 && r < SPT_LOSS_BLOCK_ROWS) {
            loss[r] = row_loss;
            wrong[r] = row.exists && score.verdict != SPT_VERDICT_NONE && !(flags & 1);
            if (row.exists && score.correct != nullptr)
                score.correct[blockIdx.y * score.examples + example] = flags;
        }
    }
    __syncthreads();
    if (threadIdx.x < 32) {
        const double loss_sum = sum_of(loss[threadIdx.x], 32), wrong_sum = sum_of((double)wrong[threadIdx.x], 32);
        const size_t part = score.first_row / SPT_LOSS_BLOCK_ROWS + blockIdx.x;
        if (threadIdx.x == 0)
            score.part[blockIdx.y * score.parts + part] = {loss_sum, wrong_sum};
    }
}

static __global__ void __launch_bounds__(32) loss_sum(const spt_score *part, size_t parts, spt_score *sum) {
    const spt_score *mine = part + blockIdx.x * parts;
    spt_score total = {0.0, 0.0};
    for (size_t p = threadIdx.x; p < parts; p += 32) {
        total.loss += mine[p].loss;
        total.wrong += mine[p].wrong;
    }
    total.loss = sum_of(total.loss, 32);
    total.wrong = sum_of(total.wrong, 32);
    if (threadIdx.x == 0)
        sum[blockIdx.x] = total;
}

// ---- the loss at the predicted class

/** log(1 + exp(z)) */
static __device__ __forceinline__ double softplus(double z) {
    return (z > 0.0 ? z : 0.0) + log1p(exp(-fabs(z)));
}

/** Size of d loss / d z_j of one of the classes: of mse itself, of the others its logarithm, up to a term that is the
 *  same for all classes: of exp(z_j), and of 1 / (1 + exp(z_j)) for the predicted class, else 1 / (1 + exp(-z_j)). */
static __device__ __forceinline__ double slope_size(const spt_loss_slopes &slopes, bool predicted, double z) {
    switch (slopes.loss) {
    case SPT_LOSS_CROSS_ENTROPY:
        return z;
    case SPT_LOSS_MSE:
        return z - (predicted ? 1.0 : slopes.outputs == 1 ? -1.0 : 0.0);
    default:
        return -softplus(predicted ? z : -z);
    }
}

/** Logits of a row into the gradient of its loss at the predicted class, scaled to components of order 1. */
static __device__ void slopes_of(const spt_loss_slopes &slopes, const spt_row &row) {
    const bool mse = slopes.loss == SPT_LOSS_MSE, softmax = slopes.loss == SPT_LOSS_CROSS_ENTROPY;
    int32_t best = predicted(SPT_VERDICT_ARGMAX, row);
    if (row.outputs == 1) // class 1 above 0
        best = row.exists && row.output[0] > 0.0f ? 0 : 1;
    double largest = mse ? 0.0 : -INFINITY, sum = 0.0;
    if (row.exists)
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes)
            if (!softmax || (int32_t)j != best) {
                const double size = slope_size(slopes, (int32_t)j == best, (double)row.output[j]);
                largest = fmax(largest, mse ? fabs(size) : size);
            }
    largest = largest_of(largest, row.lanes);
    const bool there = isfinite(largest) && (!mse || largest > 0.0);
    if (row.exists)
        for (uint32_t j = row.lane; j < row.outputs; j += row.lanes) {
            const bool is_best = (int32_t)j == best;
            double slope = 0.0;
            if (there && !(softmax && is_best)) {
                const double size = slope_size(slopes, is_best, (double)row.output[j]);
                slope = mse ? size / largest : exp(size - largest) * (is_best ? -1.0 : 1.0);
            }
            sum += slope;
            row.output[j] = (float)slope;
        }
    sum = sum_of(sum, row.lanes);
    // The lane that has just written the predicted class's logit writes it again: the slopes of all classes add up to
    // 0.
    if (row.exists && softmax && best % row.lanes == row.lane && (uint32_t)best < row.outputs)
        row.output[best] = (float)-sum;
}

static __global__ void __launch_bounds__(THREADS) loss_slopes(const spt_loss_slopes slopes, uint32_t blocks) {
    const uint32_t lanes = lanes_for(slopes.outputs), at_once = THREADS / lanes;
    float *const output = slopes.output + blockIdx.x / blocks * slopes.run_floats;
    for (uint32_t r = threadIdx.x / lanes; r / at_once * at_once < SPT_LOSS_BLOCK_ROWS; r += at_once) {
        const uint32_t index = blockIdx.x % blocks * SPT_LOSS_BLOCK_ROWS + r;
        const bool exists = r < SPT_LOSS_BLOCK_ROWS && index < slopes.rows;
        const spt_row row = {
            output + (uint64_t)index * slopes.outputs, nullptr, 0, slopes.outputs, threadIdx.x % lanes, lanes, exists};
        slopes_of(slopes, row);
    }
}

static const size_t RUNS_A_LAUNCH = 65535; // what a grid's second dimension allows

cudaError_t spt_loss_gradient(const spt_loss_problem *problems, size_t n_problems, const spt_loss_batch *batch,
                              spt_run_step *step, cudaStream_t stream) {
    cudaError_t error = cudaSuccess;
    for (size_t first = 0; first < n_problems && error == cudaSuccess; first += RUNS_A_LAUNCH) {
        const size_t n = n_problems - first < RUNS_A_LAUNCH ? n_problems - first : RUNS_A_LAUNCH;
        error = spt_launch(loss_gradient, dim3(spt_blocks(batch->rows, SPT_LOSS_BLOCK_ROWS), (unsigned)n), THREADS, 0,
                           stream, problems + first, *batch, step);
    }
    return error;
}

cudaError_t spt_loss_score(const spt_loss_problem *problems, size_t n_problems, const spt_loss_batch *batch,
                           const spt_score_batch *score, cudaStream_t stream) {
    return spt_launch(loss_score, dim3(spt_blocks(batch->rows, SPT_LOSS_BLOCK_ROWS), (unsigned)n_problems), THREADS, 0,
                      stream, problems, *batch, *score);
}

cudaError_t spt_loss_sum(const spt_score *part, size_t parts, size_t n_runs, spt_score *sum, cudaStream_t stream) {
    return spt_launch(loss_sum, (unsigned)n_runs, 32, 0, stream, part, parts, sum);
}

cudaError_t spt_loss_at_prediction(const spt_loss_slopes *slopes, size_t n_runs, cudaStream_t stream) {
    const unsigned blocks = spt_blocks(slopes->rows, SPT_LOSS_BLOCK_ROWS);
    return spt_launch(loss_slopes, (unsigned)n_runs * blocks, THREADS, 0, stream, *slopes, blocks);
}
