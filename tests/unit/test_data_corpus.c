/* The fuzzer's corpus, run by every compiler and in every build: what was once interesting stays harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "fuzz/fuzz_idx.c"

static void corpus_of_the_idx_reader_is_read_without_fault(void **state) {
    (void)state;
    static const char folder[] = SPT_TEST_DATA "/../fuzz/corpus_idx";
    static unsigned char bytes[1 << 16];
    char path[4096];
    size_t n = 0;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        assert_int_equal(LLVMFuzzerTestOneInput(bytes, size), 0);
        n++;
    }
    closedir(entries);
    assert_true(n >= 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(corpus_of_the_idx_reader_is_read_without_fault)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
