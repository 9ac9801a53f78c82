/* Failpoints and planted bugs, for the tests alone: without RF_TEST every call is the constant 0 and leaves no instruction behind.
 *
 *     RF_FP("E3")        a named place between two steps; what to do there comes from the plan
 *     RF_DUE("E3")       1 when the next RF_FP("E3") will act: write only half before it
 *     RF_BUG("dedupe")   1 when this bug is planted: proof that the simulator finds it
 *
 * A plan is "ID:N:ACTION[:ARGUMENT]", several joined by commas: at the Nth time this process reaches ID, do ACTION once:
 *     kill               SIGKILL to itself
 *     stop               SIGSTOP to itself; the test sends SIGCONT
 *     sleep:MS           block
 *     error:ERRNO        RF_FP returns this number; only places that can fail look at it
 * It stands in RF_FAILPOINT, for the life of the process, or, without that, in the file RF_FAILPOINT_DIR/plan (PLAN_BYTES: a generation, 64 bit, 0: no
 * plan; then the text), which a test may rewrite while processes run; counts begin anew with each generation.
 * RF_FAILPOINT_DIR must name a directory: a file ID made there holds the pid that reached it, and keeps a restarted process (which has the same
 * plan) from doing it again. RF_PLANTED_BUG is a comma-separated list of names.
 */
#ifndef RF_FAILPOINT_H
#define RF_FAILPOINT_H
#ifndef RF_TEST
#define RF_FP(id) ((void)(id), 0)
#define RF_DUE(id) ((void)(id), 0)
#define RF_BUG(name) ((void)(name), 0)
#define RF_FAILPOINTS_COMPILED 0
#else
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#define RF_FP(id) rf_failpoint(id)
#define RF_DUE(id) rf_failpoint_due(id)
#define RF_BUG(name) rf_planted(name)
#define RF_FAILPOINTS_COMPILED 1

enum { RF_PLAN_BYTES = 4096, RF_FAILPOINTS_MAX = 64 };
typedef struct { char id[16]; long count; uint64_t generation; } rf_hits_t;
static rf_hits_t rf_hits[RF_FAILPOINTS_MAX]; /* of this module; an id stands in one module only */

/* Position in `list` behind "name" and `mark`, or NULL; names are separated by commas. */
static inline const char *rf_failpoint_find(const char *list, const char *name, char mark) {
    size_t n = strlen(name);
    while (list && *list) {
        if (!strncmp(list, name, n) && (list[n] == mark || (!mark && list[n] == ','))) return list + n + (mark != 0);
        list = strchr(list, ',');
        if (list) list++;
    }
    return NULL;
}

static inline int rf_planted(const char *name) { return rf_failpoint_find(getenv("RF_PLANTED_BUG"), name, 0) != NULL; }

/* `path` of a file in RF_FAILPOINT_DIR; 0 when there is no such directory in the environment. */
static inline int rf_failpoint_path(char *path, size_t n, const char *name) {
    const char *directory = getenv("RF_FAILPOINT_DIR");
    return directory && snprintf(path, n, "%s/%s", directory, name) < (int)n;
}

/* The plan and its generation; NULL when there is none. */
static inline const char *rf_failpoint_plan(uint64_t *generation) {
    static const char *file;
    static int looked;
    char path[512];
    const char *fixed = getenv("RF_FAILPOINT");
    *generation = 0;
    if (fixed) return fixed;
    if (!looked) {
        looked = 1;
        int fd = rf_failpoint_path(path, sizeof path, "plan") ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, RF_PLAN_BYTES, PROT_READ, MAP_SHARED, fd, 0);
        if (fd >= 0) close(fd);
        if (mapped != MAP_FAILED) file = (const char *)mapped;
    }
    if (!file) return NULL;
    *generation = __atomic_load_n((const uint64_t *)file, __ATOMIC_ACQUIRE);
    return *generation ? file + 8 : NULL;
}

static inline rf_hits_t *rf_failpoint_hits(const char *id, uint64_t generation) {
    int i;
    for (i = 0; i < RF_FAILPOINTS_MAX - 1 && rf_hits[i].id[0] && strcmp(rf_hits[i].id, id); i++) {}
    if (!rf_hits[i].id[0]) snprintf(rf_hits[i].id, sizeof rf_hits[i].id, "%s", id);
    if (rf_hits[i].generation != generation) rf_hits[i].count = 0;
    rf_hits[i].generation = generation;
    return &rf_hits[i];
}

static inline int rf_failpoint_due(const char *id) {
    uint64_t generation;
    const char *plan = rf_failpoint_plan(&generation), *spec = plan ? rf_failpoint_find(plan, id, ':') : NULL;
    char path[512];
    if (!spec || rf_failpoint_hits(id, generation)->count + 1 != strtol(spec, NULL, 10)) return 0;
    return rf_failpoint_path(path, sizeof path, id) && access(path, F_OK) != 0;
}

static inline int rf_failpoint(const char *id) {
    uint64_t generation;
    const char *plan = rf_failpoint_plan(&generation), *spec = plan ? rf_failpoint_find(plan, id, ':') : NULL, *action;
    char path[512];
    long at, argument;
    int fd;
    if (!spec) return 0;
    at = strtol(spec, (char **)&action, 10);
    if (++rf_failpoint_hits(id, generation)->count != at || *action != ':' || !rf_failpoint_path(path, sizeof path, id)) return 0;
    action++;
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) return 0; /* done before, by a process that is dead now */
    dprintf(fd, "%d\n", (int)getpid());
    close(fd);
    argument = strchr(action, ':') ? strtol(strchr(action, ':') + 1, NULL, 10) : 0;
    if (!strncmp(action, "kill", 4)) kill(getpid(), SIGKILL);
    if (!strncmp(action, "stop", 4)) kill(getpid(), SIGSTOP);
    if (!strncmp(action, "sleep", 5)) {
        struct timespec t = {argument / 1000, argument % 1000 * 1000000};
        nanosleep(&t, NULL);
    }
    return !strncmp(action, "error", 5) ? (int)argument : 0;
}
#endif
#endif
