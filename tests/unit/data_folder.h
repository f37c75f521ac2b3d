/* For tests of data files: a fresh folder for each test, gone after it. Include after data_section.h. */
#ifndef SPT_TESTS_DATA_FOLDER_H
#define SPT_TESTS_DATA_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256]; /* the test's */

static inline int folder_create(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/spectrain-data-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static inline int folder_remove(void **state) {
    (void)state;
    char path[1024];
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return -1;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            if (unlink(path) != 0)
                rmdir(path);
        }
    closedir(entries);
    return rmdir(folder);
}

static inline void folder_write(const char *name, const void *bytes, size_t size) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* "%F" in a text stands for the folder. Static storage, valid until the next but one call. */
static inline const char *folder_text(const char *text) {
    static char texts[2][4096];
    static int turn;
    char *out = texts[turn ^= 1];
    size_t length = 0;
    for (; *text != '\0'; text++)
        if (text[0] == '%' && text[1] == 'F') {
            length += (size_t)snprintf(out + length, 4096 - length, "%s", folder);
            text++;
        } else {
            out[length++] = *text;
        }
    out[length] = '\0';
    return out;
}

/** Like assert_data_refused: SPT_EDATA, with %F for the folder in both texts. */
static inline void assert_files_refused(const char *section, const char *message) {
    const char *expected = folder_text(message);
    assert_data_refused(folder_text(section), SPT_EDATA, expected);
}

#endif
