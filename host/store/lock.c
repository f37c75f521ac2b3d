#include "store/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/io.h"

enum { HOLDER_CAPACITY = 400, HOST_CAPACITY = 256, ATTEMPTS = 100 };

/* Names that a process has to itself begin so. */
#define OWN_NAME "lock.pid."

/* Who only looks whether a lock is taken (spt_lock_is_taken) has it for some microseconds: that is waited for. */
enum { LOOKERS = 3 };
static const struct timespec MOMENT = {.tv_nsec = 20000000};

/* Who holds a lock. A process is known by its number and the moment it started, for numbers are used again. */
typedef struct holder {
    long pid;
    unsigned long long started; /* 0: not known */
    char host[HOST_CAPACITY];
} holder;

/* Field 22 of /proc/PID/stat: clock ticks from boot to the start of a process; 0 where there is none. */
static unsigned long long start_of(long pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *field = strrchr(text, ')'); /* the name before it may hold anything */
    for (int i = 0; field != NULL && i < 20; i++)
        field = strchr(field + 1, ' ');
    return field != NULL ? strtoull(field, NULL, 10) : 0;
}

static holder ourselves(void) {
    holder us = {.pid = (long)getpid()};
    us.started = start_of(us.pid);
    if (gethostname(us.host, sizeof us.host - 1) != 0 || us.host[0] == '\0')
        snprintf(us.host, sizeof us.host, "localhost");
    return us;
}

static spt_status write_holder(int fd, const char *path, spt_error *err) {
    holder us = ourselves();
    char text[HOLDER_CAPACITY];
    int length = snprintf(text, sizeof text, "%ld %llu %s\n", us.pid, us.started, us.host);
    if (ftruncate(fd, 0) != 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be emptied: %s", path, strerror(errno));
    return spt_io_write(fd, path, text, (size_t)length, 0, err);
}

static bool read_holder(int fd, const char *path, holder *who) {
    char text[HOLDER_CAPACITY];
    size_t got = 0;
    if (spt_io_read(fd, path, text, sizeof text - 1, 0, &got, NULL) != SPT_OK)
        return false;
    text[got] = '\0';
    return sscanf(text, "%ld %llu %255s", &who->pid, &who->started, who->host) == 3;
}

static spt_status in_use(const char *folder, bool known, const holder *who, const char *hint, spt_error *err) {
    if (!known)
        return spt_fail(err, SPT_EEXIST, "%s: in use by another process%s; a file has one writer", folder, hint);
    return spt_fail(err, SPT_EEXIST, "%s: in use by process %ld on %s%s; a file has one writer", folder, who->pid,
                    who->host, hint);
}

/* At once or not at all, over interruptions. */
static bool lock_now(int fd, int how) {
    int failed;
    do
        failed = flock(fd, how | LOCK_NB);
    while (failed != 0 && errno == EINTR);
    return failed == 0;
}

spt_status spt_lock_take(spt_lock *lock, const char *folder, spt_error *err) {
    *lock = (spt_lock){.fd = -1};
    char *path = spt_io_path(folder, "lock");
    if (path == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder);
    spt_status status = SPT_OK;
    bool by_name = false;
    for (int attempt = 0; lock->fd < 0 && status == SPT_OK && !by_name; attempt++) {
        lock->fd = spt_io_open(path, O_RDWR | O_CREAT, 0666);
        if (lock->fd < 0) {
            status = spt_fail(err, SPT_EIO, "%s: cannot be opened: %s", path, strerror(errno));
            break;
        }
        bool failed = !lock_now(lock->fd, LOCK_EX);
        for (int again = 0; failed && errno == EWOULDBLOCK && again < LOOKERS; again++) {
            nanosleep(&MOMENT, NULL);
            failed = !lock_now(lock->fd, LOCK_EX);
        }
        holder who;
        if (failed && errno == EWOULDBLOCK)
            status = in_use(folder, read_holder(lock->fd, path, &who), &who, "", err);
        else if (failed)
            by_name = true;                      /* ENOLCK, ENOTSUP, ENOSYS, ...: no such locks here */
        else if (spt_io_is_at(lock->fd, path)) { /* its last holder may have removed the folder since */
            status = write_holder(lock->fd, path, err);
            if (status != SPT_OK)
                unlink(path);
        } else if (attempt < ATTEMPTS) {
            close(lock->fd);
            lock->fd = -1;
            continue;
        } else
            status = spt_fail(err, SPT_EIO, "%s: is removed by others again and again", path);
    }
    free(path);
    if ((status != SPT_OK || by_name) && lock->fd >= 0) {
        close(lock->fd);
        lock->fd = -1;
    }
    return status == SPT_OK && by_name ? spt_lock_take_by_name(lock, folder, err) : status;
}

/* Whether the holder of a lock.pid is gone. Of another host's processes nothing can be told. */
static bool is_dead(const holder *who) {
    holder us = ourselves();
    if (strcmp(who->host, us.host) != 0 || who->pid <= 0)
        return false;
    if (kill((pid_t)who->pid, 0) != 0 && errno == ESRCH)
        return true;
    unsigned long long started = start_of(who->pid);
    return started != 0 && who->started != 0 && started != who->started;
}

static bool read_holder_at(const char *path, holder *who) {
    int fd = spt_io_open(path, O_RDONLY, 0);
    bool known = fd >= 0 && read_holder(fd, path, who);
    if (fd >= 0)
        close(fd);
    return known;
}

/* "PATH.HOST.PID" (malloc'd): of no other process, on any host. */
static char *own_name(const char *path) {
    holder us = ourselves();
    size_t room = strlen(path) + HOLDER_CAPACITY;
    char *name = malloc(room);
    if (name != NULL)
        snprintf(name, room, "%s.%s.%ld", path, us.host, us.pid);
    return name;
}

/* Remove the lock.pid of a dead process. Another may be doing the same, and have put its own in that place since: so
 * it is moved aside first, looked at once more, and put back if it is of the living. */
static void remove_dead(const char *path, const char *aside) {
    holder who;
    if (rename(path, aside) != 0)
        return;
    if (read_holder_at(aside, &who) && !is_dead(&who) && link(aside, path) != 0)
        return;
    unlink(aside);
}

static spt_status create_named(const char *name, int flags, bool *exists, spt_error *err) {
    int fd = spt_io_open(name, O_RDWR | O_CREAT | flags, 0666);
    *exists = fd < 0 && errno == EEXIST;
    if (fd < 0)
        return spt_fail(err, SPT_EIO, "%s: cannot be created: %s", name, strerror(errno));
    spt_status status = write_holder(fd, name, err);
    close(fd);
    if (status != SPT_OK)
        unlink(name);
    return status;
}

/* Put lock.pid there, with its holder in it from the first moment: who is killed in between leaves no lock that names
 * nobody. So it is written under a name of its own, and linked. *exists: another is there. */
static spt_status put_lock(const char *path, const char *own, bool *exists, spt_error *err) {
    spt_status status = create_named(own, O_TRUNC, exists, err);
    if (status != SPT_OK)
        return status;
    bool linked = link(own, path) == 0;
    int reason = errno;
    unlink(own);
    *exists = !linked && reason == EEXIST;
    if (linked)
        return SPT_OK;
    if (*exists)
        return spt_fail(err, SPT_EEXIST, "%s: is there", path);
    return create_named(path, O_EXCL, exists, err); /* no links here */
}

static spt_status take_by_name(spt_lock *lock, const char *folder, const char *own, spt_error *err) {
    for (int attempt = 0;; attempt++) {
        bool exists = false;
        spt_status status = put_lock(lock->pid, own, &exists, err);
        if (!exists || attempt == ATTEMPTS)
            return status;
        holder who;
        bool known = read_holder_at(lock->pid, &who);
        if (known && is_dead(&who))
            remove_dead(lock->pid, own);
        else if (known || access(lock->pid, F_OK) == 0)
            return in_use(folder, known, &who, " (if that process is gone, remove lock.pid there)", err);
        /* else it was given back just now */
    }
}

spt_status spt_lock_take_by_name(spt_lock *lock, const char *folder, spt_error *err) {
    *lock = (spt_lock){.fd = -1, .pid = spt_io_path(folder, "lock.pid")};
    char *own = lock->pid != NULL ? own_name(lock->pid) : NULL;
    spt_status status = own != NULL ? take_by_name(lock, folder, own, err)
                                    : spt_fail(err, SPT_ENOMEM, "%s: no memory for a path", folder);
    free(own);
    if (status != SPT_OK) {
        free(lock->pid);
        lock->pid = NULL;
    }
    return status;
}

bool spt_lock_may_be_held(const char *folder) {
    static const char *const names[] = {"lock", "lock.pid"};
    bool may_be = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = spt_io_path(folder, names[i]);
        holder who;
        bool known = path != NULL && read_holder_at(path, &who);
        /* one that names nobody is being taken just now */
        may_be = may_be || path == NULL || (known ? !is_dead(&who) : access(path, F_OK) == 0);
        free(path);
    }
    return may_be;
}

bool spt_lock_is_held(const spt_lock *lock) {
    return lock->fd >= 0 || lock->pid != NULL;
}

static bool is_taken_by_name(const char *folder) {
    char *path = spt_io_path(folder, "lock.pid");
    holder who;
    bool known = path != NULL && read_holder_at(path, &who);
    free(path);
    return known && !is_dead(&who);
}

bool spt_lock_is_taken(const char *folder) {
    char *path = spt_io_path(folder, "lock");
    int fd = path != NULL ? spt_io_open(path, O_RDONLY, 0) : -1;
    free(path);
    bool taken = fd >= 0 && !lock_now(fd, LOCK_SH) && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return taken || is_taken_by_name(folder);
}

/* What processes that were killed while they took the lock have left. */
static void remove_own_names(const char *folder) {
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        bool own = strncmp(entry->d_name, OWN_NAME, sizeof OWN_NAME - 1) == 0;
        char *path = own ? spt_io_path(folder, entry->d_name) : NULL;
        if (path != NULL)
            unlink(path);
        free(path);
    }
    if (entries != NULL)
        closedir(entries);
}

void spt_lock_remove(spt_lock *lock, const char *folder) {
    char *path = spt_lock_is_held(lock) ? spt_io_path(folder, "lock") : NULL;
    if (path != NULL) {
        unlink(path); /* while it is still locked */
        remove_own_names(folder);
    }
    free(path);
    spt_lock_release(lock);
}

void spt_lock_release(spt_lock *lock) {
    if (lock->fd >= 0)
        close(lock->fd);
    if (lock->pid != NULL)
        unlink(lock->pid);
    free(lock->pid);
    *lock = (spt_lock){.fd = -1};
}
