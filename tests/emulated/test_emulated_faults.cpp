// Each planted fault, in a process of its own, is caught. The program starts itself with the fault's name as argument;
// under ThreadSanitizer (the other build of this file) it plants the races, under AddressSanitizer and UBSan all else.
#include <stdlib.h>
#include <string>
#include <sys/wait.h>

#include "device_case.h"
#include "emulated/gaps.h"
#include "faults.cuh"
#include "samples.cuh"

static std::string program;

// ---- faults of the host: two streams and what should order them

/** One stream changes x, another copies it out and changes it again; then the first goes on. What should stand between
 *  them is left out by the fault's name. */
struct two_streams {
    cudaStream_t first, second;
    cudaEvent_t changed, copied;
    on_device<float> x, scratch;
    float *pinned;

    two_streams() : x(numbers(FAULT_BLOCK)), scratch(numbers(FAULT_BLOCK)) {
        assert_done(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
        assert_done(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
        assert_done(cudaEventCreateWithFlags(&changed, cudaEventDisableTiming));
        assert_done(cudaEventCreateWithFlags(&copied, cudaEventDisableTiming));
        assert_done(cudaMallocHost(&pinned, 2 * FAULT_BLOCK * sizeof *pinned));
        for (int i = 0; i < 2 * FAULT_BLOCK; i++)
            pinned[i] = (float)i;
        assert_done(cudaDeviceSynchronize());
    }
    two_streams(const two_streams &) = delete;
    ~two_streams() {
        cudaStreamDestroy(first);
        cudaStreamDestroy(second);
        cudaEventDestroy(changed);
        cudaEventDestroy(copied);
        cudaFreeHost(pinned);
    }

    void run(const std::string &fault, float *out) {
        const size_t bytes = FAULT_BLOCK * sizeof *pinned;
        if (fault == "event_before_the_work")
            assert_done(cudaEventRecord(changed, first));
        assert_done(cudaMemcpyAsync(x.data, pinned, bytes, cudaMemcpyHostToDevice, first));
        assert_done(sample_step(x.data, FAULT_BLOCK, 3.0f, first));
        if (fault == "source_written_before_it_is_copied")
            pinned[5] = -7.0f;
        if (fault != "event_before_the_work")
            assert_done(cudaEventRecord(changed, first));
        if (fault != "missing_wait_for_event")
            assert_done(cudaStreamWaitEvent(second, changed));
        if (fault == "scratch_of_two_streams") // in any order of whole kernels the result is the same
            assert_done(sample_step(scratch.data, FAULT_BLOCK, 1.0f, first));
        assert_done(sample_step(scratch.data, FAULT_BLOCK, fault == "scratch_of_two_streams" ? 1.0f : 5.0f, second));
        assert_done(cudaMemcpyAsync(pinned + FAULT_BLOCK, x.data, bytes, cudaMemcpyDeviceToHost, second));
        assert_done(cudaEventRecord(copied, second));
        if (fault != "missing_wait_before_overwriting")
            assert_done(cudaStreamWaitEvent(first, copied));
        assert_done(sample_step(x.data, FAULT_BLOCK, 7.0f, first));
        if (fault != "missing_synchronization")
            assert_done(cudaEventSynchronize(copied));
        for (int i = 0; i < FAULT_BLOCK; i++)
            out[i] = pinned[FAULT_BLOCK + i];
        assert_done(cudaDeviceSynchronize());
    }
};

static int plant_in_streams(const std::string &fault) {
    const bool agree = spt_emulated::bits_agree_under_delays(8, FAULT_BLOCK * sizeof(float), [&](void *out) {
        two_streams streams;
        streams.run(fault, (float *)out);
    });
    return agree ? 0 : 3;
}

// ---- planting and catching

/** In the process of a fault: run it under each thread order and pattern; 0 if nothing was noticed. */
static int plant(const char *name) {
    const std::string in_streams = "streams:";
    if (in_streams.compare(0, std::string::npos, name, in_streams.size()) == 0)
        return plant_in_streams(name + in_streams.size());
    on_device<float> in_d(numbers(FAULT_BLOCK));
    if (strcmp(name, "host_touches_device_memory") == 0)
        return in_d.data[3] == 0.0f ? 1 : 2;
    if (strcmp(name, "array_read_past_end_within_an_allocation") == 0) {
        on_device<float> out_d(FAULT_BLOCK);
        spt_emulated::leave_gap(in_d.data + FAULT_BLOCK - 3, 3 * sizeof(float));
        return fault_launch("no_fault", in_d.data, out_d.data) == cudaSuccess ? 0 : 2;
    }
    if (strcmp(name, "kernel_gets_host_pointer") == 0) {
        float on_host[FAULT_BLOCK];
        return fault_launch("no_fault", in_d.data, on_host) == cudaSuccess ? 0 : 2;
    }
    bool agree = spt_emulated::bits_agree(3, 4, FAULT_BLOCK * sizeof(float), [name](void *out) {
        on_device<float> in(numbers(FAULT_BLOCK)), out_d(FAULT_BLOCK);
        assert_done(fault_launch(name, in.data, out_d.data));
        out_d.read(out);
    });
    return agree ? 0 : 3;
}

/** The fault that the test is named after ends its process, which says so. */
static void caught(void **state) {
    const char *const *fault = (const char *const *)*state; // name, words
    FILE *out = popen(("'" + program + "' " + fault[0] + " 2>&1").c_str(), "r");
    assert_non_null(out);
    std::string said;
    char line[4096];
    while (fgets(line, sizeof line, out) != nullptr)
        said += line;
    int status = pclose(out);
    bool silent = fault[1] == nullptr;
    bool right = WIFEXITED(status) && (WEXITSTATUS(status) == 0) == silent &&
                 (silent ? said.empty() : said.find(fault[1]) != std::string::npos);
    if (!right)
        print_error("%s: status %d, expected \"%s\"; it said:\n%s\n", fault[0], status, silent ? "" : fault[1],
                    said.c_str());
    assert_true(right);
}

static const char *const faults[][2] = {
    {"no_fault", nullptr},
    {"no_fault_between_blocks", nullptr},
    {"streams:no_fault", nullptr},
#ifdef SPT_EMULATED_TSAN
    {"streams:missing_wait_for_event", "data race"},
    {"streams:missing_wait_before_overwriting", "data race"},
    {"streams:missing_synchronization", "data race"},
    {"streams:event_before_the_work", "data race"},
    {"streams:source_written_before_it_is_copied", "data race"},
    {"streams:scratch_of_two_streams", "data race"},
    {"missing_barrier", "data race"},
    {"missing_second_barrier", "data race"},
    {"missing_syncwarp", "data race"},
    {"race_in_global_memory", "data race"},
    {"race_between_blocks", "data race"},
    {"race_between_blocks_with_barriers", "data race"},
    {"missing_barrier_before_count", "data race"},
    {"missing_fence_before_count", "data race"},
    {"missing_fence_after_count", "data race"},
    {"missing_barrier_after_copy", "data race"},
    {"missing_bulk_wait", "data race"},
#else
    {"streams:missing_wait_for_event", "results differ"},
    {"streams:missing_wait_before_overwriting", "results differ"},
    {"streams:missing_synchronization", "results differ"},
    {"streams:event_before_the_work", "results differ"},
    {"streams:source_written_before_it_is_copied", "results differ"},
    {"missing_barrier", "results differ"},
    {"missing_second_barrier", "results differ"},
    {"race_in_global_memory", "results differ"},
    {"race_between_blocks", "results differ"},
    {"divergent_barrier", "a barrier in divergent code: this thread is at"},
    {"barrier_after_return", "threads 40 to 40: finished"},
    {"barrier_in_one_warp", "a barrier not reached by all threads"},
    {"shuffle_in_half_a_warp", "a warp collective not reached by all lanes of its mask"},
    {"shuffle_without_itself", "which does not hold it"},
    {"shuffle_from_outside_its_mask", "which is not in the mask 0000ffff"},
    {"static_shared_past_end", "AddressSanitizer"},
    {"shared_row_past_end", "index 64 out of bounds"},
    {"dynamic_shared_past_end", "AddressSanitizer"},
    {"global_read_past_end", "AddressSanitizer"},
    {"global_write_before_start", "AddressSanitizer"},
    {"global_read_far_past_end", "AddressSanitizer"},
    {"array_read_past_end_within_an_allocation", "AddressSanitizer: use-after-poison"},
    {"shared_never_written", "results differ"},
    {"shared_of_the_block_before", "results differ"},
    {"global_never_written", "results differ"},
    {"missing_copy_wait", "AddressSanitizer"},
    {"missing_copy_commit", "AddressSanitizer"},
    {"copy_wait_for_the_group_before", "AddressSanitizer: use-after-poison"},
    {"missing_barrier_after_copy", "results differ"},
    {"misaligned_copy", "a misaligned asynchronous copy"},
    {"copy_past_end", "an asynchronous copy reads 4 bytes"},
    {"copy_source_overwritten", "was written while the copy was under way"},
    {"misaligned_load", "misaligned address"},
    {"bulk_bytes_not_expected", "an mbarrier's phase that never completes"},
    {"missing_bulk_wait", "results differ"},
    {"too_much_static_shared", "bytes of static"},
    {"shared_of_a_finished_block", "AddressSanitizer: use-after-poison"},
    {"grid_barrier_without_cooperation", "not cooperative"},
    {"host_touches_device_memory", "AddressSanitizer: use-after-poison"},
    {"kernel_gets_host_pointer", "points to memory that the device cannot reach"},
#endif
};

int main(int argc, char **argv) {
    program = argv[0];
    if (argc > 1)
        return plant(argv[1]);
    std::vector<CMUnitTest> tests;
    for (const auto &fault : faults)
        tests.push_back({fault[0], caught, nullptr, nullptr, (void *)fault});
    return _cmocka_run_group_tests("faults", tests.data(), tests.size(), nullptr, nullptr);
}
