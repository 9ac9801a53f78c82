/* A disk that fails: preloaded into a process, it answers the nth call of one kind on files whose name contains a word, once or from then on.

     FAILING_DISK = CALL:N:HOW[:always]    CALL: write, sync, allocate (pwrite, fdatasync, posix_fallocate); HOW: an errno, "short" (half), "MSms" (slow)
     FAILING_DISK_FILE = word in the file's path
     FAILING_DISK_SWITCH = path: the fault is active only while that file exists

   Everything else goes to the C library. What it has done is counted in the file FAILING_DISK_SWITCH.count, one byte per fault. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int calls;

/* 0: as it is; an errno; -1: short; -2: it was slow and goes on */
static int fault(const char *call, int fd) {
    const char *rule = getenv("FAILING_DISK"), *word = getenv("FAILING_DISK_FILE"), *gate = getenv("FAILING_DISK_SWITCH");
    char path[4096], link[64];
    size_t n = strlen(call);
    if (!rule || strncmp(rule, call, n) || rule[n] != ':' || (gate && access(gate, F_OK)))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, path, sizeof path - 1);
    if (got < 0)
        return 0;
    path[got] = 0;
    if (word && !strstr(path, word))
        return 0;
    char *end;
    long at = strtol(rule + n + 1, &end, 10);
    int now = atomic_fetch_add(&calls, 1) + 1;
    if (now < at || (now > at && !strstr(end, ":always")))
        return 0;
    if (gate) {
        snprintf(path, sizeof path, "%s.count", gate);
        int count = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (count >= 0) {
            if (write(count, "x", 1) != 1)
                abort();
            close(count);
        }
    }
    if (!strncmp(end + 1, "short", 5))
        return -1;
    long how = strtol(end + 1, &end, 10);
    if (!strncmp(end, "ms", 2)) {
        struct timespec pause = {how / 1000, how % 1000 * 1000000};
        nanosleep(&pause, NULL);
        return -2;
    }
    return (int)how;
}

#define TRUE_CALL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    int f = fault("write", fd);
    if (f > 0) {
        errno = f;
        return -1;
    }
    return TRUE_CALL(pwrite64)(fd, data, f == -1 && size > 1 ? size / 2 : size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int fdatasync(int fd) {
    int f = fault("sync", fd);
    if (f > 0) {
        errno = f;
        return -1;
    }
    return TRUE_CALL(fdatasync)(fd);
}

int posix_fallocate64(int fd, off64_t at, off64_t size) {
    int f = fault("allocate", fd);
    return f > 0 ? f : TRUE_CALL(posix_fallocate64)(fd, at, size);
}

int posix_fallocate(int fd, off_t at, off_t size) { return posix_fallocate64(fd, at, size); }
