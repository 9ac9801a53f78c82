/* How a strategy in C joins a running instance and leaves it: the steps of gateways/attach.py, without Python.
 *
 *     rf_join_t *j = rf_join("mm1", NULL, error, sizeof error);       NULL: error says why
 *     rf_runtime_t *r = &j->runtime;                                  runtime.h: take_tick, take_event, attend, send ...
 *     rf_leave(j);
 *
 * Not for the hot path: it allocates, makes system calls and waits (at most RF_JOIN_MS). Who owns what: the mappings and arrays belong to the rf_join_t.
 * What fails is told in words; nothing is left behind but what the process's end takes. Another layout hash than that of this header is refused.
 * client_ids begin at (ring epoch << 32) + 1, as those of the other clients: no attach of this strategy has used them.
 */
#ifndef RF_JOIN_H
#define RF_JOIN_H
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime.h"

enum { RF_JOIN_MS = 5000, RF_LINE_BYTES_MAX = 65536 };

typedef struct {
    unsigned char *base;
    size_t size;
} rf_region_t;

typedef struct {
    rf_runtime_t runtime;
    rf_clock_t clock;
    rf_region_t instance, state, market, events, intents;
    char name[32];
    char socket_path[108];
    uint64_t epoch;
    uint64_t slots;
    char *error;
    size_t error_bytes;
} rf_join_t;

__attribute__((format(printf, 2, 3))) static inline int rf_join_fail(rf_join_t *j, const char *form, ...) {
    va_list list;
    va_start(list, form);
    vsnprintf(j->error, j->error_bytes, form, list);
    va_end(list);
    return -1;
}

static inline int rf_join_map(rf_join_t *j, rf_region_t *region, int fd, int writable, const char *what) {
    struct stat info;
    if (fstat(fd, &info) || (size_t)info.st_size < sizeof(rf_superblock_t)) return rf_join_fail(j, "%s is no region", what);
    void *at = mmap(NULL, (size_t)info.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED) return rf_join_fail(j, "%s cannot be mapped: %s", what, strerror(errno));
    region->base = (unsigned char *)at;
    region->size = (size_t)info.st_size;
    const rf_superblock_t *block = (const rf_superblock_t *)at;
    if ((uint32_t)__atomic_load_n(&block->magic, __ATOMIC_ACQUIRE) != RF_REGION_MAGIC) return rf_join_fail(j, "%s is not ready", what);
    if (block->layout_hash != RF_LAYOUT_HASH || block->layout_version != RF_LAYOUT_VERSION)
        return rf_join_fail(j, "%s has layout %016llx, this program was built for %016llx: build it anew", what, (unsigned long long)block->layout_hash,
                            (unsigned long long)RF_LAYOUT_HASH);
    if (block->total_bytes != region->size) return rf_join_fail(j, "%s is cut", what);
    return 0;
}

static inline int rf_join_region(rf_join_t *j, rf_region_t *region, const char *instance, const char *name) {
    char path[96];
    snprintf(path, sizeof path, "/rf.%s.%s", instance, name);
    int fd = shm_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return rf_join_fail(j, "instance %s has no region %s: is it running?", instance, name);
    int result = rf_join_map(j, region, fd, 0, name);
    close(fd);
    return result;
}

/* First row of a section, and how many there are; NULL: there is none. */
static inline void *rf_join_section(const rf_region_t *region, const char *name, uint64_t *count) {
    const rf_superblock_t *block = (const rf_superblock_t *)region->base;
    const rf_section_t *sections = (const rf_section_t *)(region->base + sizeof *block);
    if (sizeof *block + (uint64_t)block->section_count * sizeof *sections > region->size) return NULL;
    for (uint32_t i = 0; i < block->section_count; i++) {
        const rf_section_t *s = &sections[i];
        if (strncmp(s->name, name, sizeof s->name)) continue;
        if (s->offset > region->size || (uint64_t)s->count * s->stride > region->size - s->offset) return NULL;
        if (count) *count = s->count;
        return region->base + s->offset;
    }
    return NULL;
}

/* The number behind "key": of a line of JSON; 0 when there is none. */
static inline uint64_t rf_join_number(const char *line, const char *key) {
    char pattern[32];
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(line, pattern);
    return at ? strtoull(at + strlen(pattern), NULL, 10) : 0;
}

/* Ask the control agent; the answer into `line`, a descriptor that comes with it into *fd (else -1). */
static inline int rf_join_ask(rf_join_t *j, const char *question, char *line, size_t bytes, int *fd) {
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    struct timeval limit = {RF_JOIN_MS / 1000, 0};
    snprintf(where.sun_path, sizeof where.sun_path, "%s", j->socket_path);
    *fd = -1;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0) return rf_join_fail(j, "no socket: %s", strerror(errno));
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    size_t length = strlen(question), got = 0;
    int whole = !connect(s, (struct sockaddr *)&where, sizeof where) && send(s, question, length, MSG_NOSIGNAL) == (ssize_t)length;
    while (whole && got < bytes - 1) {
        union {
            char raw[CMSG_SPACE(sizeof(int))];
            struct cmsghdr head;
        } control;
        struct iovec part = {line + got, bytes - 1 - got};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.raw, .msg_controllen = sizeof control.raw};
        ssize_t n = recvmsg(s, &message, MSG_CMSG_CLOEXEC);
        if (n <= 0) break;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS && *fd < 0) memcpy(fd, CMSG_DATA(head), sizeof *fd);
        got += (size_t)n;
        if (line[got - 1] == '\n') break;
    }
    line[got] = 0;
    close(s);
    return got ? 0 : rf_join_fail(j, "the control socket %s does not answer", j->socket_path);
}

static inline int rf_join_attach(rf_join_t *j, const char *instance) {
    char question[128], line[4096], name[48];
    int fd, seals;
    snprintf(question, sizeof question, "{\"op\":\"attach\",\"strategy\":\"%s\",\"pid\":%d}\n", j->name, (int)getpid());
    if (rf_join_ask(j, question, line, sizeof line, &fd)) return -1;
    if (!strstr(line, "\"ok\":true") || fd < 0) {
        if (fd >= 0) close(fd);
        return rf_join_fail(j, "strategy %s is refused: %s", j->name, line);
    }
    j->epoch = rf_join_number(line, "epoch");
    j->slots = rf_join_number(line, "slots");
    j->runtime.strategy = (uint32_t)rf_join_number(line, "strategy");
    seals = fcntl(fd, F_GET_SEALS);
    int result = seals >= 0 && (seals & F_SEAL_SHRINK) ? rf_join_map(j, &j->intents, fd, 1, "the strategy's memfd") : rf_join_fail(j, "the memfd is not sealed");
    close(fd);
    if (result) return -1;
    snprintf(name, sizeof name, "to.strat.%s", j->name);
    for (int ms = 0; ms < RF_JOIN_MS; ms++) { /* the engine stores the epoch when it reads the ring */
        if (!j->events.base) (void)rf_join_region(j, &j->events, instance, name);
        const rf_ring_cursor_t *mark = j->events.base ? (const rf_ring_cursor_t *)rf_join_section(&j->events, "mark", NULL) : NULL;
        if (mark && __atomic_load_n(&mark->position, __ATOMIC_ACQUIRE) == j->epoch) return 0;
        usleep(1000);
    }
    return rf_join_fail(j, "the engine did not take the ring of strategy %s", j->name);
}

static inline int rf_join_rings(rf_join_t *j) {
    rf_runtime_t *r = &j->runtime;
    uint64_t in = 0, out = 0, ticks = 0;
    unsigned char *events = (unsigned char *)rf_join_section(&j->events, "slots", &in), *intents = (unsigned char *)rf_join_section(&j->intents, "slots", &out);
    rf_ring_cursor_t *my_head = (rf_ring_cursor_t *)rf_join_section(&j->intents, "head", NULL), *my_tail = (rf_ring_cursor_t *)rf_join_section(&j->intents, "tail", NULL);
    rf_ring_cursor_t *their_tail = (rf_ring_cursor_t *)rf_join_section(&j->events, "tail", NULL);
    if (!events || !intents || !my_head || !my_tail || !their_tail || out != j->slots || !in || (in & (in - 1)) || !out || (out & (out - 1)))
        return rf_join_fail(j, "the rings of strategy %s have another shape", j->name);
    rf_ring_open(&r->intents, intents, &my_head->position, &their_tail->position, out, sizeof(rf_intent_t), 0);
    rf_ring_open(&r->events, events, NULL, &my_tail->position, in, sizeof(rf_strategy_event_t), 0);
    r->heartbeat = &((rf_superblock_t *)j->intents.base)->heartbeat_ns;
    r->epoch = (uint32_t)j->epoch;
    r->next_client_id = (j->epoch << 32) + 1;
    rf_ring_cursor_t *head = j->market.base ? (rf_ring_cursor_t *)rf_join_section(&j->market, "head", NULL) : NULL;
    void *slots = head ? rf_join_section(&j->market, "ticks", &ticks) : NULL;
    if (slots && ticks && !(ticks & (ticks - 1))) rf_broadcast_open(&r->market, slots, &head->position, ticks, rf_broadcast_newest(&head->position));
    return 0;
}

static inline int rf_join_tables(rf_join_t *j) {
    rf_runtime_t *r = &j->runtime;
    uint64_t strategies = 0, clocks = 0;
    const rf_instrument_t *rows = (const rf_instrument_t *)rf_join_section(&j->state, "instruments", &r->instruments);
    const rf_engine_status_t *engine = (const rf_engine_status_t *)rf_join_section(&j->state, "engine", NULL);
    const rf_strategy_t *own = (const rf_strategy_t *)rf_join_section(&j->state, "strategies", &strategies);
    const rf_clock_calibration_t *clock = (const rf_clock_calibration_t *)rf_join_section(&j->instance, "clock", &clocks);
    void *accounts = rf_join_section(&j->state, "accounts", &r->accounts);
    r->positions = (const rf_position_t *)rf_join_section(&j->state, "positions", &r->position_rows);
    r->parameters = (const rf_parameter_t *)rf_join_section(&j->state, "parameters", &r->parameter_rows);
    if (!rows || !engine || !own || !accounts || !r->positions || !clock || clocks < 2 || r->strategy >= strategies)
        return rf_join_fail(j, "the tables of the instance have another shape");
    unsigned char *wanted = (unsigned char *)malloc(r->instruments);
    int64_t *words = (int64_t *)calloc((3 + r->accounts) * r->instruments, sizeof *words);
    r->wanted = wanted;
    r->net_qty = words;
    if (!wanted || !words) return rf_join_fail(j, "no memory");
    memset(wanted, 1, r->instruments);
    for (uint64_t i = 0; i < r->instruments; i++) {
        words[r->instruments + i] = rows[i].tick;
        words[2 * r->instruments + i] = rows[i].lot;
    }
    r->tick_sizes = words + r->instruments;
    r->lot_sizes = words + 2 * r->instruments;
    r->net_of_account = words + 3 * r->instruments;
    r->life = (const rf_superblock_t *)j->state.base;
    r->engine = engine + 1;
    r->own = own + r->strategy;
    r->last_output_seq = __atomic_load_n(&r->own->output_seq, __ATOMIC_ACQUIRE);
    r->unseen_output_seq = UINT64_MAX;
    r->clock = &j->clock;
    r->calibration = clock + 1;
    rf_runtime_follow_clock(r);
    rf_idle_open(&r->idling, RF_IDLE_BACKOFF);
    return r->calibration_version && rf_runtime_read_positions(r) ? 0 : rf_join_fail(j, "the engine is being started again: try again");
}

static inline void rf_leave(rf_join_t *j) {
    char question[128], line[4096];
    int fd = -1;
    if (j->epoch) {
        rf_ring_settle(&j->runtime.intents);
        snprintf(question, sizeof question, "{\"op\":\"detach\",\"strategy\":\"%s\",\"epoch\":%llu}\n", j->name, (unsigned long long)j->epoch);
        (void)rf_join_ask(j, question, line, sizeof line, &fd);
        if (fd >= 0) close(fd);
    }
    rf_region_t *all[] = {&j->instance, &j->state, &j->market, &j->events, &j->intents};
    for (unsigned i = 0; i < 5; i++)
        if (all[i]->base) munmap(all[i]->base, all[i]->size);
    free((void *)j->runtime.wanted);
    free(j->runtime.net_qty);
    free(j);
}

/* Join `instance` (NULL: that of RINGFENCE_INSTANCE) as strategy `name`; NULL when that fails. `error` must live until rf_leave. */
static inline rf_join_t *rf_join(const char *name, const char *instance, char *error, size_t error_bytes) {
    rf_join_t *j = (rf_join_t *)calloc(1, sizeof *j);
    if (!j) return NULL;
    j->error = error;
    j->error_bytes = error_bytes;
    snprintf(j->name, sizeof j->name, "%s", name);
    instance = instance ? instance : getenv("RINGFENCE_INSTANCE");
    const rf_instance_status_t *status;
    uint64_t rows = 0;
    if (!instance) {
        (void)rf_join_fail(j, "name an instance, or set RINGFENCE_INSTANCE");
    } else if (!rf_join_region(j, &j->instance, instance, "instance") && !rf_join_region(j, &j->state, instance, "state")) {
        status = (const rf_instance_status_t *)rf_join_section(&j->instance, "status", &rows);
        if (!status || rows < 2 || snprintf(j->socket_path, sizeof j->socket_path, "%s/run/control.sock", status[1].data_dir) >= (int)sizeof j->socket_path)
            (void)rf_join_fail(j, "region instance has another shape, or its path is too long for a socket");
        else if (!rf_join_attach(j, instance)) {
            if (rf_join_region(j, &j->market, instance, "market")) j->market.base = NULL; /* no feed: no ticks */
            if (!rf_join_tables(j) && !rf_join_rings(j)) return j;
        }
    }
    rf_leave(j);
    return NULL;
}

/* Row of an instrument; 0: there is none. */
static inline uint32_t rf_join_instrument(const rf_join_t *j, const char *symbol) {
    const rf_instrument_t *rows = (const rf_instrument_t *)rf_join_section(&j->state, "instruments", NULL);
    for (uint64_t i = 1; i < j->runtime.instruments; i++)
        if (!strncmp(rows[i].symbol, symbol, sizeof rows[i].symbol)) return (uint32_t)i;
    return 0;
}
#endif
