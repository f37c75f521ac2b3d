// Order of an epoch, rows of a batch, and the book-keeping between steps. Twin of host/cpu/batch.c.
#include "batch.cuh"

#include "launch.cuh"
#include "random.cuh"
#include "shared.cuh"

// ---- permutations: (word << 32 | index), sorted. The keys of an epoch differ from each other, so every correct sort
// has the same result.
//
// Map:    a block sorts up to 4,096 keys by a bitonic network; then runs are merged pairwise: a thread a key, which
// finds
//         its rank in the other run by bisection. All seeds at once.
// Shared: the keys, 32 KiB.
// Bound:  n / 4 Philox calls and n log2(n)^2 / 4 exchanges; 16 n bytes a merge pass. Once an epoch.
enum { SORT_THREADS = 512, MERGE_THREADS = 256 };

static __global__ void __launch_bounds__(SORT_THREADS)
    sort_tiles(const uint32_t *seeds, uint64_t epoch, uint32_t n, uint32_t size, uint64_t *keys,
               uint32_t *permutation) {
    SPT_SHARED(uint64_t, key, [SPT_SORT_TILE]);
    const uint32_t first = blockIdx.x * SPT_SORT_TILE, seed = seeds[blockIdx.y];
    for (uint32_t i = 4 * threadIdx.x; i < size; i += 4 * SORT_THREADS) {
        const uint4 words = spt_device_random(seed, SPT_STREAM_BATCH_ORDER, epoch, (first + i) / 4);
        const uint32_t word[4] = {words.x, words.y, words.z, words.w};
        for (uint32_t j = i; j < size && j < i + 4; j++)
            key[j] = first + j < n ? (uint64_t)word[j - i] << 32 | (first + j) : UINT64_MAX;
    }
    __syncthreads();
    for (uint32_t length = 2; length <= size; length *= 2)
        for (uint32_t distance = length / 2; distance > 0; distance /= 2) {
            for (uint32_t pair = threadIdx.x; pair < size / 2; pair += SORT_THREADS) {
                const uint32_t low = pair / distance * 2 * distance + pair % distance, high = low + distance;
                const bool ascending = (low & length) == 0;
                const uint64_t a = key[low], b = key[high];
                if ((a > b) == ascending) {
                    key[low] = b;
                    key[high] = a;
                }
            }
            __syncthreads();
        }
    for (uint32_t i = threadIdx.x; i < size && first + i < n; i += SORT_THREADS) {
        const size_t at = (size_t)blockIdx.y * n + first + i;
        if (permutation != nullptr)
            permutation[at] = (uint32_t)key[i];
        else
            keys[at] = key[i];
    }
}

static __global__ void __launch_bounds__(MERGE_THREADS)
    merge_runs(const uint64_t *from, uint32_t n, uint32_t length, uint64_t *to, uint32_t *permutation) {
    const uint64_t i = (uint64_t)blockIdx.x * MERGE_THREADS + threadIdx.x;
    if (i >= n)
        return;
    const uint64_t *keys = from + (size_t)blockIdx.y * n, key = keys[i];
    const uint64_t pair = i / length / 2 * 2 * length, own = i / length * length;
    uint64_t low = own == pair ? pair + length : pair, high = low + length; // the other run
    low = low < n ? low : n;
    high = high < n ? high : n;
    const uint64_t other = low;
    while (low < high) {
        const uint64_t middle = (low + high) / 2;
        if (keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    const size_t at = (size_t)blockIdx.y * n + pair + (i - own) + (low - other);
    if (permutation != nullptr)
        permutation[at] = (uint32_t)key;
    else
        to[at] = key;
}

size_t spt_permutation_keys(size_t n, size_t n_seeds) {
    return n <= SPT_SORT_TILE ? 0 : 2 * n * (n_seeds < SPT_SORT_SEEDS ? n_seeds : (size_t)SPT_SORT_SEEDS);
}

static uint32_t power_of_two_from(size_t n) {
    uint32_t size = 2;
    while (size < n && size < SPT_SORT_TILE)
        size *= 2;
    return size;
}

static cudaError_t make_some(const uint32_t *seeds, unsigned n_seeds, uint64_t epoch, size_t n, uint64_t *keys,
                             uint32_t *permutation, cudaStream_t stream) {
    const bool whole = n <= SPT_SORT_TILE;
    cudaError_t error =
        spt_launch(sort_tiles, dim3(spt_blocks(n, SPT_SORT_TILE), n_seeds), SORT_THREADS, 0, stream, seeds, epoch,
                   (uint32_t)n, power_of_two_from(n), keys, whole ? permutation : nullptr);
    uint64_t *from = keys, *to = keys + n_seeds * n;
    for (uint64_t length = SPT_SORT_TILE; length < n && error == cudaSuccess; length *= 2) {
        const bool last = 2 * length >= n;
        error = spt_launch(merge_runs, dim3(spt_blocks(n, MERGE_THREADS), n_seeds), MERGE_THREADS, 0, stream, from,
                           (uint32_t)n, (uint32_t)length, to, last ? permutation : nullptr);
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    return error;
}

cudaError_t spt_permutation_make(const uint32_t *seeds, size_t n_seeds, uint64_t epoch, size_t n, uint64_t *keys,
                                 uint32_t *permutation, cudaStream_t stream) {
    cudaError_t error = cudaSuccess;
    for (size_t first = 0; first < n_seeds && error == cudaSuccess; first += SPT_SORT_SEEDS) {
        const size_t rest = n_seeds - first;
        error = make_some(seeds + first, (unsigned)(rest < SPT_SORT_SEEDS ? rest : (size_t)SPT_SORT_SEEDS), epoch, n,
                          keys, permutation + first * n, stream);
    }
    return error;
}

// ---- gathering
//
// Map:    a warp a row, 16 bytes a lane; a batch of every seed.
// Shared: none.
// Bound:  8 d bytes a row: memory.
enum { GATHER_THREADS = 256, GATHER_ROWS = GATHER_THREADS / 32 };

static __global__ void __launch_bounds__(GATHER_THREADS) gather_rows(const spt_gather g, uint32_t rows) {
    const uint32_t row = blockIdx.x * GATHER_ROWS + threadIdx.x / 32, lane = threadIdx.x % 32;
    const size_t steps = (g.n + g.size - 1) / g.size, first = (size_t)(*g.step % steps) * g.size;
    if (row >= rows || first + row >= g.n)
        return;
    const size_t from = g.permutation[blockIdx.y * g.n + first + row], to = blockIdx.y * g.size + row;
    const float4 *x = (const float4 *)(g.from.x + from * g.stride);
    float4 *y = (float4 *)(g.to.x + to * g.stride);
    for (uint32_t i = lane; i < g.stride / 4; i += 32)
        y[i] = x[i];
    if (g.from.label != nullptr) {
        if (lane == 0)
            g.to.label[to] = g.from.label[from];
    } else {
        for (uint32_t j = lane; j < g.outputs; j += 32)
            g.to.target[to * g.outputs + j] = g.from.target[from * g.outputs + j];
    }
}

cudaError_t spt_batch_gather(const spt_gather *gather, size_t n_seeds, size_t rows, cudaStream_t stream) {
    cudaError_t error = cudaSuccess;
    const size_t SEEDS_A_LAUNCH = 65535; // what a grid's second dimension allows
    for (size_t first = 0; first < n_seeds && error == cudaSuccess; first += SEEDS_A_LAUNCH) {
        const size_t rest = n_seeds - first, n = rest < SEEDS_A_LAUNCH ? rest : SEEDS_A_LAUNCH;
        spt_gather part = *gather;
        part.permutation += first * part.n;
        part.to.x += first * part.size * part.stride;
        if (part.to.label != nullptr)
            part.to.label += first * part.size;
        if (part.to.target != nullptr)
            part.to.target += first * part.size * part.outputs;
        error = spt_launch(gather_rows, dim3(spt_blocks(rows, GATHER_ROWS), (unsigned)n), GATHER_THREADS, 0, stream,
                           part, (uint32_t)rows);
    }
    return error;
}

// ---- between steps: a thread a run. Bound: 100 bytes a run; the launch.
enum { STEP_THREADS = 128 };

/** Bias corrections in float64 from the number of the update, as on the CPU. */
static __device__ void set_constants(const spt_device_optimizer &o, uint64_t step, spt_run_step *run_step) {
    if (o.kind == SPT_OPTIMIZER_SGD)
        return;
    const double t = (double)step + 1.0;
    run_step->step_size = (float)(o.rate / (1.0 - pow(o.decay1, t)));
    run_step->correction = (float)sqrt(1.0 - pow(o.decay2, t));
}

static __global__ void __launch_bounds__(STEP_THREADS)
    step_begin(const spt_device_optimizer *optimizers, uint32_t n_runs, uint64_t first, uint64_t *step,
               spt_run_step *run_step) {
    const uint32_t r = blockIdx.x * STEP_THREADS + threadIdx.x;
    if (r == 0)
        *step = first;
    if (r >= n_runs)
        return;
    const spt_device_optimizer &o = optimizers[r];
    spt_run_step s = {0.0f, 0.0f, 0, 0};
    s.active = o.counters->diverged_step == SPT_STEP_NONE && o.counters->step == first;
    set_constants(o, first, &s);
    run_step[r] = s;
}

static __global__ void __launch_bounds__(STEP_THREADS)
    step_end(const spt_device_optimizer *optimizers, uint32_t n_runs, uint64_t *step, spt_run_step *run_step) {
    const uint32_t r = blockIdx.x * STEP_THREADS + threadIdx.x;
    if (r == 0)
        *step += 1;
    if (r >= n_runs || !run_step[r].active)
        return;
    spt_run_counters *counters = optimizers[r].counters;
    if (run_step[r].diverged) {
        counters->diverged_step = counters->step;
        run_step[r].active = 0;
        return;
    }
    counters->step += 1;
    set_constants(optimizers[r], counters->step, &run_step[r]);
}

static __global__ void __launch_bounds__(STEP_THREADS)
    counters_collect(const spt_device_optimizer *optimizers, uint32_t n_runs, spt_run_counters *counters) {
    const uint32_t r = blockIdx.x * STEP_THREADS + threadIdx.x;
    if (r < n_runs)
        counters[r] = *optimizers[r].counters;
}

cudaError_t spt_step_begin(const spt_device_optimizer *optimizers, size_t n_runs, uint64_t first, uint64_t *step,
                           spt_run_step *run_step, cudaStream_t stream) {
    return spt_launch(step_begin, spt_blocks(n_runs, STEP_THREADS), STEP_THREADS, 0, stream, optimizers,
                      (uint32_t)n_runs, first, step, run_step);
}

cudaError_t spt_step_end(const spt_device_optimizer *optimizers, size_t n_runs, uint64_t *step, spt_run_step *run_step,
                         cudaStream_t stream) {
    return spt_launch(step_end, spt_blocks(n_runs, STEP_THREADS), STEP_THREADS, 0, stream, optimizers, (uint32_t)n_runs,
                      step, run_step);
}

cudaError_t spt_counters_collect(const spt_device_optimizer *optimizers, size_t n_runs, spt_run_counters *counters,
                                 cudaStream_t stream) {
    return spt_launch(counters_collect, spt_blocks(n_runs, STEP_THREADS), STEP_THREADS, 0, stream, optimizers,
                      (uint32_t)n_runs, counters);
}
