/* What the native drivers of the ring benchmark share: arguments, two pinned processes, time, and the checked 64-byte message.
 *
 *     PROGRAM throughput|round_trip MESSAGES CORE_A CORE_B [BATCH]
 *
 * The parent is the producer (or the side that starts the round trip), the child the consumer (the echo). Both run the same loop in every
 * driver, so that only the queue differs. Every message is verified by its receiver; the first wrong one ends the run with exit
 * code 1. Prints one JSON object. Waiting loops pause, as the idle strategy `spin` does; on one shared core (a == b) they yield, else
 * nothing would move.
 */
#ifndef RF_BENCH_DRIVER_H
#define RF_BENCH_DRIVER_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "idle.h"

enum { SLOTS = 1024, BATCH_MAX = 64 };

typedef struct {
    uint64_t words[8]; /* word 0: position + 1, as in a ring slot; 1 to 7: content */
} __attribute__((aligned(64))) message_t;

static int shared_core;

static inline void wait_turn(void) {
    if (__builtin_expect(shared_core, 0)) sched_yield();
    else rf_cpu_relax();
}

static inline void fill(message_t *m, uint64_t n) {
    for (uint64_t i = 1; i < 8; i++) m->words[i] = n * 0x9E3779B97F4A7C15u + i;
}

static inline int is_message(const message_t *m, uint64_t n) {
    uint64_t wrong = 0;
    for (uint64_t i = 1; i < 8; i++) wrong |= m->words[i] ^ (n * 0x9E3779B97F4A7C15u + i);
    return wrong == 0;
}

static inline void check(const message_t *m, uint64_t n) {
    if (__builtin_expect(!is_message(m, n), 0)) {
        fprintf(stderr, "message %llu arrived with wrong content\n", (unsigned long long)n);
        _exit(1);
    }
}

static inline double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *shared_memory(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return at;
}

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set)) perror("sched_setaffinity"); /* measured unpinned then */
}

/* One side's loop over `memory`: `count` messages in batches of `batch`. */
typedef void (*side_t)(void *memory, uint64_t count, uint64_t batch);

/* Run both sides in two processes; returns the seconds from the start of both to the end of both. */
static double run_pair(void *memory, side_t parent, side_t child, uint64_t count, uint64_t batch, int core_a, int core_b) {
    volatile uint64_t *gate = (volatile uint64_t *)shared_memory(4096);
    shared_core = core_a == core_b;
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(2);
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* an interrupted run leaves no spinning child */
        pin(core_b);
        gate[0] = 1;
        child(memory, count, batch);
        _exit(0);
    }
    pin(core_a);
    while (!gate[0]) sched_yield();
    double begin = now_s();
    parent(memory, count, batch);
    int status = 0;
    waitpid(pid, &status, 0);
    double seconds = now_s() - begin;
    if (status) {
        fprintf(stderr, "the receiving process failed\n");
        exit(1);
    }
    return seconds;
}

static int run_driver(int argc, char **argv, void *memory, side_t producer, side_t consumer, side_t ping, side_t pong) {
    if (argc < 5) {
        fprintf(stderr, "usage: %s throughput|round_trip MESSAGES CORE_A CORE_B [BATCH]\n", argv[0]);
        return 2;
    }
    uint64_t count = strtoull(argv[2], NULL, 10), batch = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
    int core_a = atoi(argv[3]), core_b = atoi(argv[4]), trip = strcmp(argv[1], "round_trip") == 0;
    side_t parent = trip ? ping : producer, child = trip ? pong : consumer;
    if (!parent || !child || batch < 1 || batch > BATCH_MAX || count % batch) {
        fprintf(stderr, "%s: no %s here, or MESSAGES is no multiple of BATCH (1 to %d)\n", argv[0], argv[1], BATCH_MAX);
        return 2;
    }
    double seconds = run_pair(memory, parent, child, count, batch, core_a, core_b);
    if (trip) printf("{\"round_trip_ns\": %.2f}\n", seconds * 1e9 / (double)count);
    else printf("{\"messages_per_s\": %.0f}\n", (double)count / seconds);
    return 0;
}
#endif
