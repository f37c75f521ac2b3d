#include "slurm/call.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* sbatch takes these before what a script says, squeue those that begin with SQUEUE_. Where a user keeps an account or
 * a partition in the environment, that is meant for us as well. */
static const char *const LEFT_OUT[] = {
    "SQUEUE_",          "SBATCH_JOB_NAME=",   "SBATCH_ARRAY_INX=", "SBATCH_OUTPUT=",   "SBATCH_ERROR=",
    "SBATCH_INPUT=",    "SBATCH_OPEN_MODE=",  "SBATCH_SIGNAL=",    "SBATCH_REQUEUE=",  "SBATCH_WAIT=",
    "SBATCH_CLUSTERS=", "SBATCH_NO_REQUEUE=", "SLURM_CLUSTERS=",   "SBATCH_TEST_ONLY="};

static bool is_left_out(const char *variable) {
    for (size_t i = 0; i < sizeof LEFT_OUT / sizeof *LEFT_OUT; i++)
        if (strncmp(variable, LEFT_OUT[i], strlen(LEFT_OUT[i])) == 0)
            return true;
    return false;
}

static char **environment(void) {
    size_t n = 0, kept = 0;
    while (environ[n] != NULL)
        n++;
    char **variables = calloc(n + 1, sizeof *variables);
    for (size_t i = 0; i < n && variables != NULL; i++)
        if (!is_left_out(environ[i]))
            variables[kept++] = environ[i];
    return variables;
}

bool spt_slurm_has(const char *command) {
    const char *path = getenv("PATH");
    size_t room = (path != NULL ? strlen(path) : 0) + strlen(command) + 2;
    char *name = malloc(room);
    bool found = false;
    for (const char *from = path; from != NULL && name != NULL && !found;) {
        size_t length = strcspn(from, ":");
        struct stat facts;
        snprintf(name, room, "%.*s/%s", (int)length, from, command);
        found = length > 0 && access(name, X_OK) == 0 && stat(name, &facts) == 0 && S_ISREG(facts.st_mode);
        from = from[length] == ':' ? from + length + 1 : NULL;
    }
    free(name);
    return found;
}

/* All that was written to a file, as text. */
static char *text_of(FILE *file) {
    struct stat facts;
    if (fstat(fileno(file), &facts) != 0)
        return NULL;
    char *text = malloc((size_t)facts.st_size + 1);
    if (text == NULL)
        return NULL;
    rewind(file);
    text[fread(text, 1, (size_t)facts.st_size, file)] = '\0';
    return text;
}

/* What it said, as one line. */
static void join_lines(char *text) {
    size_t end = strlen(text);
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
        text[--end] = '\0';
    for (char *c = text; *c != '\0'; c++)
        if (*c == '\n')
            *c = ';';
}

static spt_status start(const char *const *argv, FILE *out, FILE *said, pid_t *child, spt_error *err) {
    posix_spawn_file_actions_t actions;
    char **variables = environment();
    if (variables == NULL || posix_spawn_file_actions_init(&actions) != 0) {
        free(variables);
        return spt_fail(err, SPT_ENOMEM, "%s: out of memory", argv[0]);
    }
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&actions, fileno(said), STDERR_FILENO);
    if (failed == 0)
        failed = posix_spawnp(child, argv[0], &actions, NULL, (char *const *)(void *)argv, variables);
    posix_spawn_file_actions_destroy(&actions);
    free(variables);
    return failed == 0 ? SPT_OK : spt_fail(err, SPT_EIO, "%s: cannot be run: %s", argv[0], strerror(failed));
}

static spt_status wait_for(pid_t child, const char *name, FILE *said, spt_error *err) {
    int code = 0;
    pid_t ended;
    do
        ended = waitpid(child, &code, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be waited for: %s", name, strerror(errno));
    if (WIFEXITED(code) && WEXITSTATUS(code) == 0)
        return SPT_OK;
    char *words = text_of(said);
    if (words != NULL)
        join_lines(words);
    if (WIFSIGNALED(code))
        spt_fail(err, SPT_EIO, "%s: was ended by signal %d", name, WTERMSIG(code));
    else if (words == NULL || words[0] == '\0')
        spt_fail(err, SPT_EIO, "%s: failed with exit code %d, and said nothing", name, WEXITSTATUS(code));
    else if (strncmp(words, name, strlen(name)) == 0)
        spt_fail(err, SPT_EIO, "%s", words);
    else
        spt_fail(err, SPT_EIO, "%s: %s", name, words);
    free(words);
    return SPT_EIO;
}

spt_status spt_slurm_call(const char *const *argv, char **output, spt_error *err) {
    FILE *out = tmpfile(), *said = tmpfile(); /* files, not pipes: neither can be full, whichever is read first */
    pid_t child;
    spt_status status = SPT_OK;
    *output = NULL;
    if (out == NULL || said == NULL)
        status = spt_fail(err, SPT_EIO, "%s: no temporary file for its output: %s", argv[0], strerror(errno));
    if (status == SPT_OK)
        status = start(argv, out, said, &child, err);
    if (status == SPT_OK)
        status = wait_for(child, argv[0], said, err);
    if (status == SPT_OK && (*output = text_of(out)) == NULL)
        status = spt_fail(err, SPT_ENOMEM, "%s: no memory for its output", argv[0]);
    if (out != NULL)
        fclose(out);
    if (said != NULL)
        fclose(said);
    return status;
}
