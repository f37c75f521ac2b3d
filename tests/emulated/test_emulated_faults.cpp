// Each planted fault, in a process of its own, is caught. The program starts itself with the fault's name as argument;
// under ThreadSanitizer (the other build of this file) it plants the races, under AddressSanitizer and UBSan all else.
#include <stdlib.h>
#include <string>
#include <sys/wait.h>

#include "device_case.h"
#include "faults.cuh"

static std::string program;

/** In the process of a fault: run it under each thread order and pattern; 0 if nothing was noticed. */
static int plant(const char *name) {
    on_device<float> in_d(numbers(FAULT_BLOCK));
    if (strcmp(name, "host_touches_device_memory") == 0)
        return in_d.data[3] == 0.0f ? 1 : 2;
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
#ifdef SPT_EMULATED_TSAN
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
