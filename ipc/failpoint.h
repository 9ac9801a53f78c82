/* Failpoints and planted bugs, for the tests alone: without RF_TEST every call is the constant 0 and leaves no instruction behind.
 *
 *     RF_FP("E3")        a named place between two steps; what to do there comes from the environment
 *     RF_BUG("dedupe")   1 when this bug is planted: proof that the simulator finds it
 *
 * RF_FAILPOINT is "ID:N:ACTION[:ARGUMENT]", several joined by commas: at the Nth time this process reaches ID, do ACTION once:
 *     kill               SIGKILL to itself
 *     stop               SIGSTOP to itself; the test sends SIGCONT
 *     sleep:MS           block
 *     error:ERRNO        RF_FP returns this number; only places that can fail look at it
 * RF_FAILPOINT_DIR must name a directory: a file ID made there says that it was reached, and keeps a restarted process (which inherits the environment)
 * from doing it again. RF_PLANTED_BUG is a comma-separated list of names.
 */
#ifndef RF_FAILPOINT_H
#define RF_FAILPOINT_H
#ifndef RF_TEST
#define RF_FP(id) 0
#define RF_BUG(name) 0
#define RF_FAILPOINTS_COMPILED 0
#else
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#define RF_FP(id) rf_failpoint(id)
#define RF_BUG(name) rf_planted(name)
#define RF_FAILPOINTS_COMPILED 1

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

static inline int rf_failpoint(const char *id) {
    static struct { char id[16]; long count; } hits[64]; /* of this module; an id stands in one module only */
    const char *plan = getenv("RF_FAILPOINT"), *spec, *action;
    char path[512];
    long at, argument;
    int i, fd;
    if (!plan || !(spec = rf_failpoint_find(plan, id, ':'))) return 0;
    for (i = 0; i < 63 && hits[i].id[0] && strcmp(hits[i].id, id); i++) {}
    if (!hits[i].id[0]) snprintf(hits[i].id, sizeof hits[i].id, "%s", id);
    at = strtol(spec, (char **)&action, 10);
    if (++hits[i].count != at || *action != ':') return 0;
    action++;
    snprintf(path, sizeof path, "%s/%s", getenv("RF_FAILPOINT_DIR") ? getenv("RF_FAILPOINT_DIR") : ".", id);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
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
