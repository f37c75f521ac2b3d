#include "slurm/words.h"

#include <string.h>

typedef struct option {
    char letter; /* 0: has none */
    const char *name;
} option;

/* What submit says itself, and must hold. */
static const option OURS[] = {{'a', "array"},    {'J', "job-name"}, {'o', "output"},  {'e', "error"},  {'D', "chdir"},
                              {'M', "clusters"}, {'i', "input"},    {0, "open-mode"}, {0, "parsable"}, {0, "wrap"},
                              {0, "no-requeue"}, {'W', "wait"},     {0, "test-only"}};

/* What is true of the sweep, and so of its merge. All have an argument. */
static const option OF_ALL[] = {{'A', "account"}, {'p', "partition"}, {'q', "qos"},       {'t', "time"},
                                {0, "wckey"},     {0, "reservation"}, {0, "mail-user"},   {0, "mail-type"},
                                {'x', "exclude"}, {'w', "nodelist"},  {'C', "constraint"}};

static const option GPUS[] = {
    {'G', "gpus"}, {0, "gres"}, {0, "gpus-per-node"}, {0, "gpus-per-task"}, {0, "gpus-per-socket"}};

/* Whether a word is one of these options: -x, -xVALUE, --name, --name=VALUE, or --nam, which sbatch takes for it. */
static const option *find(const char *word, const option *options, size_t n) {
    if (word[0] != '-' || word[1] == '\0')
        return NULL;
    size_t length = strcspn(word + 2, "=");
    for (size_t i = 0; i < n; i++) {
        if (word[1] != '-' && options[i].letter == word[1])
            return &options[i];
        if (word[1] == '-' && length >= 3 && strncmp(word + 2, options[i].name, length) == 0)
            return &options[i];
    }
    return NULL;
}
#define FIND(word, options) find(word, options, sizeof(options) / sizeof *(options))

spt_status spt_slurm_words_check(const char *const *words, size_t n, spt_error *err) {
    if (n > 0 && words[0][0] != '-')
        return spt_fail(err, SPT_EINVAL, "submit: \"%s\" behind --: expected options of sbatch", words[0]);
    for (size_t i = 0; i < n; i++) {
        const option *ours = FIND(words[i], OURS);
        if (ours != NULL)
            return spt_fail(err, SPT_EINVAL, "submit: %s behind --: submit gives sbatch its --%s itself", words[i],
                            ours->name);
        if (words[i][strcspn(words[i], "\n\r")] != '\0')
            return spt_fail(err, SPT_EINVAL, "submit: an option behind -- has a line break: \"%s\"", words[i]);
    }
    return SPT_OK;
}

bool spt_slurm_words_ask_for_gpus(const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (FIND(words[i], GPUS) != NULL)
            return true;
    return false;
}

void spt_slurm_word_put(FILE *script, const char *word) {
    static const char *const PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=@+-%[]";
    if (word[0] != '\0' && word[strspn(word, PLAIN)] == '\0') {
        fputs(word, script);
        return;
    }
    fputc('"', script);
    for (const char *c = word; *c != '\0'; c++)
        fprintf(script, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    fputc('"', script);
}

/* How many words an option is: its argument may be the next. */
static size_t count_words(const char *const *words, size_t n) {
    bool joined = words[0][1] == '-' ? strchr(words[0], '=') != NULL : words[0][2] != '\0';
    return joined || n == 1 ? 1 : 2;
}

void spt_slurm_words_put(FILE *script, const char *const *words, size_t n, bool of_merge) {
    bool begun = false;
    size_t step;
    for (size_t i = 0; i < n; i += step) {
        bool wanted = !of_merge || FIND(words[i], OF_ALL) != NULL;
        step = of_merge && wanted ? count_words(words + i, n - i) : 1;
        for (size_t k = 0; k < step && wanted; k++) {
            fputs(begun ? " " : "#SBATCH ", script);
            spt_slurm_word_put(script, words[i + k]);
            begun = true;
        }
    }
    if (begun)
        fputc('\n', script);
}
