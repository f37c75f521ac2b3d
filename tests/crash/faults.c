/* A disturbed system, for the tests: put before the C library (LD_PRELOAD), it counts the calls that change files and
 * at a chosen one kills the process, sends it a signal, lets it fail, or sets the clock. Linux only.
 *
 *   FAULT_KILL=N      SIGKILL at call N; of a write none, half or all of its bytes are written before (N mod 3)
 *   FAULT_SIGNAL=N    SIGUSR1 at call N, which is then done
 *   FAULT_STOP=N      SIGSTOP at call N, which is done after SIGCONT
 *   FAULT_HANDED=N    SIGSTOP where the main thread, in training, hands its Nth thing to another thread
 *   FAULT_CALLS=A,B   these calls, by name, fail with the number FAULT_ERRNO; open: of a new file only
 *   FAULT_FROM=N      from call N (1) on
 *   FAULT_JUMP=N:S    from call N on the clock of the wall is S seconds ahead (behind where S is negative)
 *   FAULT_COUNT=FILE  at exit, the number of calls, of each kind, and of what was handed, is written there
 *
 * The system is called directly: what is replaced here is found nowhere else. */
#define _GNU_SOURCE /* for the 64-bit names */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef enum call { PWRITE, RENAME, FSYNC, FDATASYNC, FTRUNCATE, UNLINK, RMDIR, MKDIR, LINK, OPEN, FLOCK, CALLS } call;

static const char *const NAMES[CALLS] = {"pwrite", "rename", "fsync", "fdatasync", "ftruncate", "unlink",
                                         "rmdir",  "mkdir",  "link",  "open",      "flock"};

static struct {
    unsigned long kill, signal, stop, handed, from, jump_at;
    long jump;
    int reason;
    bool fails[CALLS];
} plan;

static atomic_ulong n_calls, n_of[CALLS], n_handed, n_notes;

/* The note of progress comes by the clock. It is left alone, so that the same work makes the same calls. */
static atomic_int progress_fd = -1;

static bool is_progress(const char *path) {
    const char *name = strrchr(path, '/');
    return name != NULL && strcmp(name, "/progress.new") == 0;
}

static unsigned long number(const char *name, unsigned long otherwise) {
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

static bool lists(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

__attribute__((constructor)) static void read_plan(void) {
    plan.kill = number("FAULT_KILL", 0);
    plan.signal = number("FAULT_SIGNAL", 0);
    plan.stop = number("FAULT_STOP", 0);
    plan.handed = number("FAULT_HANDED", 0);
    plan.from = number("FAULT_FROM", 1);
    plan.reason = (int)number("FAULT_ERRNO", EIO);
    const char *jump = getenv("FAULT_JUMP");
    if (jump != NULL)
        sscanf(jump, "%lu:%ld", &plan.jump_at, &plan.jump);
    for (int c = 0; c < CALLS; c++)
        plan.fails[c] = lists(getenv("FAULT_CALLS"), NAMES[c]);
}

__attribute__((destructor)) static void write_counts(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL)
        return;
    fprintf(file, "%lu\n", atomic_load(&n_calls));
    for (int c = 0; c < CALLS; c++)
        fprintf(file, "%s %lu\n", NAMES[c], atomic_load(&n_of[c]));
    fprintf(file, "handed %lu\n", atomic_load(&n_handed));
    fclose(file);
}

/* Count a call; whether it is to fail. *dies: it is the last. */
static bool begin(call which, bool *dies) {
    unsigned long n = atomic_fetch_add(&n_calls, 1) + 1;
    atomic_fetch_add(&n_of[which], 1);
    *dies = n == plan.kill;
    if (n == plan.signal)
        kill(getpid(), SIGUSR1);
    if (n == plan.stop)
        kill(getpid(), SIGSTOP);
    if (*dies && which != PWRITE)
        kill(getpid(), SIGKILL);
    if (!plan.fails[which] || n < plan.from)
        return false;
    errno = plan.reason;
    return true;
}

static bool fails(call which) {
    bool dies;
    return begin(which, &dies);
}

static ssize_t do_pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    bool dies = false;
    if (fd != atomic_load(&progress_fd) && begin(PWRITE, &dies))
        return -1;
    if (dies) {
        syscall(SYS_pwrite64, fd, bytes, count * (plan.kill % 3) / 2, offset);
        kill(getpid(), SIGKILL);
    }
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return do_pwrite(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return do_pwrite(fd, bytes, count, offset);
}

int rename(const char *from, const char *to) {
    if (is_progress(from))
        atomic_fetch_add(&n_notes, 1);
    else if (fails(RENAME))
        return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fsync(int fd) {
    return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return fails(FDATASYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size) {
    return fails(FTRUNCATE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off64_t size) {
    return fails(FTRUNCATE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int unlink(const char *path) {
    return fails(UNLINK) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rmdir(const char *path) {
    return fails(RMDIR) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode) {
    return fails(MKDIR) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int link(const char *from, const char *to) {
    return fails(LINK) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int flock(int fd, int how) {
    return fails(FLOCK) ? -1 : (int)syscall(SYS_flock, fd, how);
}

static int do_open(const char *path, int flags, va_list arguments) {
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    bool progress = is_progress(path);
    if (flags & O_CREAT && !progress && fails(OPEN))
        return -1;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= 0 && progress)
        atomic_store(&progress_fd, fd);
    else if (fd >= 0 && fd == atomic_load(&progress_fd))
        atomic_store(&progress_fd, -1); /* the number is another file's now */
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int fd = do_open(path, flags, arguments);
    va_end(arguments);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int fd = do_open(path, flags, arguments);
    va_end(arguments);
    return fd;
}

/* ---- from thread to thread */

/* A signalled condition is something handed over. The place in the main thread's work is the same each time, whatever
 * the others have done by then. All who wait are woken: a program must always bear that, and so nothing of what is
 * replaced here is needed. */
int pthread_cond_signal(pthread_cond_t *condition) {
    const bool counts = gettid() == getpid() && atomic_load(&n_notes) > 1; /* the first note is of nothing done */
    if (counts && atomic_fetch_add(&n_handed, 1) + 1 == plan.handed)
        kill(getpid(), SIGSTOP);
    return pthread_cond_broadcast(condition);
}

/* ---- the clock of the wall */

static long jumped(void) {
    return plan.jump_at > 0 && atomic_load(&n_calls) >= plan.jump_at ? plan.jump : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (failed == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += jumped();
    return failed;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to != NULL)
        *to = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *to = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}
